"""Contracts of relief between operators: the list, one contract, its steps, its text."""
