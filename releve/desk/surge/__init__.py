"""The page of a relief for a surge or absences: proposed with its price, then put in force."""
