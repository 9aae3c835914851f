"""Round what leaves an engine to a stated decimal grid, so that floating-point noise stays inside.

Matrix products and vectorised functions give other last bits with another BLAS, another processor
or another number of threads. Figures derived from them by a search, a rounding to whole people or
a comparison then differ visibly. On a grid they are the same bits on every machine.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["FINE_DECIMALS", "GRID_DECIMALS", "round_to_grid"]

GRID_DECIMALS = 6
"""Calls, seconds and costs."""
FINE_DECIMALS = 9
"""Variances and coefficients of variation, which are small themselves; and agents: those of a
requirement, times the share available, are whole people on the phone again to this precision."""

_SHIFT = (5**0.5 - 2) / 2
"""Where a cell's edge lies, in steps beyond the middle between two grid points: irrational, and
by the golden ratio as far from simple fractions as a number can be."""


def round_to_grid(values: ArrayLike, decimals: int = GRID_DECIMALS) -> NDArray[np.float64]:
    """Return ``values`` as float64 on the multiples of 10^-decimals, of the same shape.

    Promised: the result depends on the cell of each value alone. It takes one product, one sum,
    one rounding and one quotient, which IEEE 754 defines to the last bit, so values that differ by
    less than their distance to the edge of a cell become the same bits. NaN and infinities pass;
    there is no negative zero; grid points stay, so rounding twice changes nothing. A value moves by
    at most 0.62 steps.

    Not promised: that noise never crosses an edge. Of values spread evenly a share of noise / step
    does, 1e-6 for noise of 1e-12 and six decimals. Structured values (halves, means of counts,
    decimals of one digit more) would often lie exactly on the edges of ordinary rounding; here the
    edges are shifted by an irrational 0.118 of a step, where no simple fraction lies. Beyond 2^52
    steps (4.5e9 for six decimals) float64 is coarser than the grid: values pass with their noise.

    ValueError unless ``decimals`` is from 0 to 15.
    """
    if not 0 <= decimals <= 15:
        raise ValueError(f"decimals must be from 0 to 15, got {decimals}")
    steps = 10.0**decimals
    exact = np.asarray(values, dtype=np.float64)
    scaled = exact * steps
    rounded = (np.rint(scaled + _SHIFT) + 0.0) / steps
    return np.asarray(np.where(np.abs(scaled) < 2.0**52, rounded, exact), dtype=np.float64)
