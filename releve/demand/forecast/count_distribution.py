"""The gamma-Poisson distribution of a half hour's calls: quantiles, and how an outcome sits in it.

With mean m and squared variation v of the rate, calls are negative binomial with shape 1 / v:
variance m + v m^2. Half hours with few calls make whole-number quantiles coarse, so coverage is
measured on the randomised probability transform, which is exact for counts (Czado, Gneiting &
Held 2009, Biometrics 65:1254).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from releve.demand.tables import Floats
from releve.extras import OptionalModule

if TYPE_CHECKING:
    from scipy import special
else:
    special = OptionalModule("scipy.special")

__all__ = ["count_quantile", "coverage", "interval_share", "rate_quantile"]

_LEAST_SPREAD = 1e-6
_LEAST_MEAN = 1e-9
_DOUBLINGS = 60


def _shape(mean: Floats, spread: Floats) -> tuple[Floats, Floats]:
    shape = 1 / np.maximum(spread, _LEAST_SPREAD)
    known = np.where(mean > _LEAST_MEAN, mean, _LEAST_MEAN)  # NaN too
    return shape, shape / (shape + known)


def count_quantile(level: float, mean: Floats, spread: Floats) -> Floats:
    """Return the least whole number of calls that is not exceeded with probability ``level``."""
    shape, chance = _shape(mean, spread)
    return np.asarray(np.where(mean > 0, _least(level, shape, chance), 0.0), dtype=np.float64)


def _least(level: float, shape: Floats, chance: Floats) -> Floats:
    """Return the least whole number that is not exceeded with probability ``level``, by halving.

    As ``scipy.stats.nbinom.ppf``, whose import would take half of the start of every command.
    """
    mean = np.nan_to_num(shape * (1 - chance) / chance)
    high = np.ceil(mean + 8 * np.sqrt(mean / chance)) + 1
    for _ in range(_DOUBLINGS):
        short = _below(high, shape, chance) < level
        if not short.any():
            break
        high = np.where(short, 2 * high, high)
    low = np.full_like(high, -1.0)
    while (high - low > 1).any():
        middle = np.floor((low + high) / 2)
        enough = _below(middle, shape, chance) >= level
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return np.asarray(high, dtype=np.float64)


def rate_quantile(level: float, mean: Floats, variance: Floats) -> Floats:
    """Return the quantile of the uncertain rate itself: mean times a gamma factor of mean 1.

    This is the uncertainty a staffing formula does not already hold: Erlang formulas take Poisson
    noise inside the half hour into account by themselves.
    """
    shape = 1 / np.maximum(variance, _LEAST_SPREAD)
    return np.asarray(mean * (special.gammaincinv(shape, level) / shape), dtype=np.float64)


def interval_share(
    counts: Floats, mean: Floats, spread: Floats, low: float = 0.1, high: float = 0.9
) -> Floats:
    """Return, per outcome, the part (0..1) of its probability that lies between two levels.

    Its mean is ``high - low`` for a perfect forecast, whatever the counts.
    """
    shape, chance = _shape(mean, spread)
    upper, lower = _below(counts, shape, chance), _below(counts - 1, shape, chance)
    inside = np.clip(np.minimum(upper, high) - np.maximum(lower, low), 0.0, None)
    width = upper - lower
    share = np.divide(inside, width, out=np.zeros_like(width), where=width > 0)
    return np.asarray(share, dtype=np.float64)


def _below(counts: Floats, shape: Floats, chance: Floats) -> Floats:
    """Return the probability of ``counts`` or fewer calls."""
    found = special.betainc(shape, np.maximum(np.floor(counts), 0.0) + 1, chance)
    return np.asarray(np.where(counts >= 0, found, 0.0), dtype=np.float64)


def coverage(
    counts: Floats, mean: Floats, spread: Floats, low: float = 0.1, high: float = 0.9
) -> tuple[Floats, Floats]:
    """Return, per outcome, its share between two levels, and whether it lies in the whole numbers.

    The first (0..1) is the part of the outcome's probability that lies between the levels: its
    mean is ``high - low`` for a perfect forecast, whatever the counts. The second counts both ends
    of the interval of quantiles and is larger for small counts.
    """
    shape, chance = _shape(mean, spread)
    share = interval_share(counts, mean, spread, low, high)
    first, last = _least(low, shape, chance), _least(high, shape, chance)
    within = np.where(mean > 0, (counts >= first) & (counts <= last), counts == 0)
    return share, within.astype(np.float64)
