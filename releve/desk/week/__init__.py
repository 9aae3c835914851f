"""The page of a hybrid week: who is on site and at home, team by day, and each agent's week."""
