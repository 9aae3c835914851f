"""Laws of durations and of infectiousness, as tables the kernel reads.

A duration of X days becomes whole days by rounding, ``P(k) = P(k - 1/2 < X <= k + 1/2)``, which
keeps its mean; what rounds below one day is one day. A multiplier is cut into equal bins and each
bin is its own mean, so that the mean over the table is one exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from releve.crashtest.outbreak.errors import require
from releve.extras import OptionalModule

if TYPE_CHECKING:
    from scipy import special
else:
    special = OptionalModule("scipy.special")

__all__ = ["MULTIPLIER_BINS", "Duration", "tabulate_days", "tabulate_multiplier"]

MULTIPLIER_BINS = 4096
_TAIL = 1e-5
_KINDS = {
    "lognormal": ("meanlog", "sdlog"),
    "gamma": ("shape", "scale"),
    "weibull": ("shape", "scale"),
}


@dataclass(frozen=True, slots=True)
class Duration:
    """A law of a duration in days: ``lognormal`` (meanlog, sdlog), ``gamma`` or ``weibull``
    (shape, scale), moved by ``offset`` days.
    """

    kind: str
    first: float
    second: float
    offset: float = 0.0
    source: str = ""

    def __post_init__(self) -> None:
        """Refuse an unknown kind or a parameter out of range."""
        require(self.kind in _KINDS, f"kind in {sorted(_KINDS)}", self.kind)
        require(np.isfinite(self.first) and np.isfinite(self.offset), "finite parameters", self)
        require(0 < self.second < np.inf, f"0 < {_KINDS[self.kind][1]} < inf", self.second)
        require(self.kind == "lognormal" or self.first > 0, "shape > 0", self.first)

    def cdf(self, days: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return P(X <= days)."""
        x = np.maximum(np.asarray(days, dtype=np.float64) - self.offset, 0.0)
        if self.kind == "lognormal":
            with np.errstate(divide="ignore"):
                return np.asarray(special.ndtr((np.log(x) - self.first) / self.second))
        if self.kind == "gamma":
            return np.asarray(special.gammainc(self.first, x / self.second))
        return np.asarray(-np.expm1(-((x / self.second) ** self.first)))


def tabulate_days(law: Duration, *, longest: int = 60) -> NDArray[np.float64]:
    """Return P(duration = k days) for k = 0, 1, ...: float64[day]; P(0) is 0.

    The tail beyond the first day that leaves less than 1e-5, or beyond ``longest``, is spread
    over the days before it in proportion.
    """
    upper = law.cdf(np.arange(1.5, longest + 1.0))
    last = min(int(np.searchsorted(upper, 1.0 - _TAIL)) + 1, longest)
    table = np.concatenate([[0.0], np.diff(upper[:last], prepend=0.0)])
    require(table.sum() > 0.5, f"half of the distribution within {longest} days", law)
    return np.asarray(table / table.sum(), dtype=np.float64)


def tabulate_multiplier(k: float) -> NDArray[np.float64]:
    """Return the bins of a gamma law of mean 1 and variance 1/k: float64[bin].

    With Poisson attempts it gives negative binomial offspring of dispersion k; k = inf is no
    dispersion, one bin of 1.
    """
    require(k > 0, "dispersion > 0", k)
    if np.isinf(k):
        return np.ones(1)
    edges = special.gammaincinv(k, np.linspace(0.0, 1.0, MULTIPLIER_BINS + 1))
    below = special.gammainc(k + 1.0, edges)  # E[X; X <= edge] / E[X]
    return np.asarray(np.diff(below) * MULTIPLIER_BINS, dtype=np.float64)
