"""Means, shares and bands over quarters, with the 95 % interval that their number leaves.

What no quarter showed is not impossible: its chance is at most ``bound_unseen(n)`` (Clopper and
Pearson). The mean of a figure that is at most ``most`` in a quarter is then at most ``most`` times
that bound: the rule of three, slightly wider because the interval has two sides.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from releve.crashtest.outbreak import Band, Estimate

__all__ = [
    "bound_unseen",
    "compute_service_level",
    "estimate_band",
    "estimate_mean",
    "estimate_ratio",
    "estimate_share",
]

Array = NDArray[Any]
_Z = 1.96


def bound_unseen(n: int) -> float:
    """Return the largest chance of what none of ``n`` quarters showed (97.5 %)."""
    return float(1.0 - 0.025 ** (1.0 / n))


def estimate_mean(values: Array, *, most: float = 0.0, least: float = 0.0) -> Estimate:
    """Return the mean over quarters; the interval of one quarter is infinite.

    ``least`` .. ``most``: what one quarter could have at all. They end the interval when every
    quarter had nothing; 0 and 0 where they are not known.
    """
    value, n = float(values.mean()), len(values)
    if n > 1 and not np.any(values):
        return Estimate(0.0, min(0.0, least) * bound_unseen(n), max(0.0, most) * bound_unseen(n))
    error = float(values.std(ddof=1) / np.sqrt(n)) if n > 1 else np.inf
    return Estimate(value, value - _Z * error, value + _Z * error)


def estimate_ratio(above: Array, below: Array) -> Estimate:
    """Return the ratio of two sums over quarters (delta method), 0 .. 1; 1 of nothing."""
    total = float(below.sum())
    if total <= 0:
        return Estimate(1.0, 1.0, 1.0)
    value, n = float(above.sum()) / total, len(above)
    if n == 1:
        return Estimate(value, -np.inf, np.inf)
    if np.array_equal(above, below):
        return Estimate(1.0, 1.0 - bound_unseen(n), 1.0)
    if not np.any(above):
        return Estimate(0.0, 0.0, bound_unseen(n))
    squares = float(((above - value * below) ** 2).sum())
    error = np.sqrt(squares * n / (n - 1)) / total
    return Estimate(value, float(value - _Z * error), float(value + _Z * error))


def estimate_share(hits: Array) -> Estimate:
    """Return the share of quarters, with Wilson's interval."""
    n, count = len(hits), float(np.asarray(hits, dtype=np.float64).sum())
    z2 = _Z**2
    centre = (count + z2 / 2) / (n + z2)
    half = _Z / (n + z2) * np.sqrt(count * (n - count) / n + z2 / 4)
    return Estimate(count / n, float(max(0.0, centre - half)), float(min(1.0, centre + half)))


def estimate_band(values: Array, middle: float = 0.9) -> Band:
    """Return the median and the range of the middle of the quarters."""
    tail = (1.0 - middle) / 2
    low, median, high = np.quantile(values, [tail, 0.5, 1.0 - tail])
    return Band(float(median), float(low), float(high))


def compute_service_level(
    definition: str, offered: Array, lost: Array, in_time: Array, short: Array
) -> Array:
    """Return the service level by its definition; 1 where nothing is to be divided by."""
    above = in_time + short if definition == "with_short" else in_time
    below = {"answered": offered - lost, "without_short": offered - short}.get(definition, offered)
    return np.where(below > 0, above / np.where(below > 0, below, 1.0), 1.0)
