"""Relief between operators of a sector, and a bulletin of all that anyone can compute again."""
