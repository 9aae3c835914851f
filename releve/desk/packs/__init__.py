"""Evidence packs on the desk: made, listed, handed out."""
