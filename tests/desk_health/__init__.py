"""The pages of the health officer."""
