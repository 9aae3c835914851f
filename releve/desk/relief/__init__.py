"""The page of the relief in force: who moves where, and who has not answered."""
