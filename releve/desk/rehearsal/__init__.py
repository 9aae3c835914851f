"""The guide of a rehearsal: a drill step by step, and what to look at."""
