"""The plan's pages: the verdict with its relief matrix, and one cell of the matrix."""
