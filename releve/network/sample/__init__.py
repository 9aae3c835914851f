"""A made-up operator of any size, built on real facts, the same to the byte for a seed."""

from typing import TYPE_CHECKING

from releve.extras import build_lazy_face

if TYPE_CHECKING:
    from releve.network.sample.operator import FIRST_DAY, sample_operator
else:
    __getattr__ = build_lazy_face(__name__)
