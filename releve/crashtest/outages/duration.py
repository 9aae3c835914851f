"""How long an outage lasts: a law in hours, by its quantiles."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from releve.crashtest.outages.errors import require
from releve.extras import OptionalModule

if TYPE_CHECKING:
    from scipy import special
else:
    special = OptionalModule("scipy.special")

__all__ = ["DurationHours", "lognormal", "quantiles", "sample"]

Floats = NDArray[np.float64]
_P90 = 1.2815515655446004
"""The standard normal quantile of 0.9."""


@dataclass(frozen=True, slots=True)
class DurationHours:
    """A law of a duration in hours.

    ``lognormal``: ``hours`` are its median and its 90 % quantile. ``quantiles``: ``hours[i]`` at
    ``shares[i]``, from share 0 to 1, between them straight in the logarithm. ``sample``: each of
    ``hours`` alike.
    """

    kind: str
    hours: tuple[float, ...]
    shares: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Refuse an unknown kind, hours that are not positive and shares that do not rise."""
        require(self.kind in ("lognormal", "quantiles", "sample"), "a known kind", self.kind)
        require(len(self.hours) > 0, "one or more hours", self.hours)
        finite = all(0.0 < one < math.inf for one in self.hours)
        require(finite, "0 < hours < inf", self.hours)
        if self.kind == "lognormal":
            two = len(self.hours) == 2 and self.hours[0] <= self.hours[1]
            require(two, "median <= 90 % quantile", self.hours)
        if self.kind == "quantiles":
            require(len(self.shares) == len(self.hours) >= 2, "a share for each", self.shares)
            ends = self.shares[0] == 0.0 and self.shares[-1] == 1.0
            require(ends, "shares from 0 to 1", self.shares)
            rising = all(a < b for a, b in pairwise(self.shares))
            require(
                rising and list(self.hours) == sorted(self.hours), "rising shares and hours", self
            )

    def at(self, share: Floats) -> Floats:
        """Return the quantiles in hours: float64, of the shape of ``share`` in (0, 1)."""
        if self.kind == "lognormal":
            return np.asarray(self.hours[0] * np.exp(self._sdlog * special.ndtri(share)))
        if self.kind == "quantiles":
            return np.asarray(np.exp(np.interp(share, self.shares, np.log(self.hours))))
        rows = np.minimum((share * len(self.hours)).astype(np.int64), len(self.hours) - 1)
        return np.asarray(np.sort(self.hours)[rows])

    @property
    def mean(self) -> float:
        """Return the mean in hours."""
        if self.kind == "lognormal":
            return self.hours[0] * math.exp(self._sdlog**2 / 2)
        if self.kind == "sample":
            return math.fsum(self.hours) / len(self.hours)
        parts = zip(pairwise(self.shares), pairwise(self.hours), strict=True)
        return math.fsum((q - p) * _average_between(low, high) for (p, q), (low, high) in parts)

    @property
    def _sdlog(self) -> float:
        return math.log(self.hours[1] / self.hours[0]) / _P90


def _average_between(low: float, high: float) -> float:
    """Return the mean of what is uniform in the logarithm between two values."""
    return low if low == high else (high - low) / math.log(high / low)


def lognormal(median: float, p90: float) -> DurationHours:
    """Return a lognormal law from its median and its 90 % quantile, in hours."""
    return DurationHours("lognormal", (median, p90))


def quantiles(hours_at: dict[float, float]) -> DurationHours:
    """Return a law from its quantiles: hours by share, with those of 0 and 1."""
    shares = tuple(sorted(hours_at))
    return DurationHours("quantiles", tuple(hours_at[share] for share in shares), shares)


def sample(*hours: float) -> DurationHours:
    """Return the law that takes each of the hours alike; of one value, that value."""
    return DurationHours("sample", hours)
