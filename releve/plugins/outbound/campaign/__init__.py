"""Reports of a campaign: its figures, one person's history, and the proof of its calls."""
