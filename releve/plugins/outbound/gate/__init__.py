"""The gate: facts about people in the database, and the answer to a dialler before each call."""
