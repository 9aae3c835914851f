"""A made-up operator of any size, built on real facts, the same to the byte for a seed."""

from releve.network.sample.operator import FIRST_DAY, sample_operator

__all__ = ["FIRST_DAY", "sample_operator"]
