"""What a campaign did: its figures, one person's history, and the proof of its calls."""
