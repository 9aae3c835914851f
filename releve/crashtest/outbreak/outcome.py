"""Results of an outbreak run: counts by replication, and figures with their intervals."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from releve.crashtest.outbreak.errors import require
from releve.crashtest.outbreak.kernel_types import FIELDS, SERIES

__all__ = ["Band", "Estimate", "Outcome"]

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean or a probability with the interval that its sample leaves (95 %)."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Band:
    """The spread of single replications: the median and the quantiles around it."""

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Outcome:
    """The replications ``first`` to ``first + len(rows) - 1`` of a policy.

    ``rows[replication, field]``, the fields of ``FIELDS``. Where they were asked for:
    ``series[replication, day, series]``, the series of ``SERIES``; ``closed[replication, day,
    site]``; ``away[replication, day, tally]``, agents kept away; ``infected_on``, ``ill_on`` and
    ``infected_by`` ``[replication, person]``: days and numbers, -1 = never or none, -2 = from
    outside. Person ``agents`` and those after are household members, ``members`` of them.
    """

    sites: tuple[str, ...]
    agents: int
    members: int
    days: int
    seed: int
    first: int
    rows: Counts
    series: NDArray[np.int32] = field(repr=False)
    closed: NDArray[np.bool_] = field(repr=False)
    away: NDArray[np.int32] = field(repr=False)
    infected_on: NDArray[np.int16] = field(repr=False)
    ill_on: NDArray[np.int16] = field(repr=False)
    infected_by: NDArray[np.int32] = field(repr=False)

    def column(self, name: str) -> Counts:
        """Return a field of every replication: int64[replication]."""
        require(name in FIELDS, f"field in {FIELDS}", name)
        return self.rows[:, FIELDS.index(name)]

    def mean(self, name: str) -> Estimate:
        """Return the mean of a field over replications."""
        return _estimate_mean(self.column(name).astype(np.float64))

    def band(self, name: str, share: float = 0.9) -> Band:
        """Return the median of a field and the range of the middle ``share`` of replications."""
        require(0 < share < 1, "0 < share < 1", share)
        tail = (1 - share) / 2
        low, median, high = np.quantile(self.column(name), [tail, 0.5, 1 - tail])
        return Band(float(median), float(low), float(high))

    def probability(self, name: str, least: int) -> Estimate:
        """Return P(field >= least), with Wilson's interval."""
        return _estimate_share(int((self.column(name) >= least).sum()), len(self.rows))

    def histogram(self, name: str) -> Counts:
        """Return how many replications have 0, 1, 2, ... of a field: int64[value]."""
        return np.bincount(self.column(name)).astype(np.int64)

    def less_than(self, other: Outcome, name: str) -> Estimate:
        """Return the mean of ``other`` less this, replication by replication (the same luck)."""
        same = (self.seed, self.first, len(self.rows)) == (other.seed, other.first, len(other.rows))
        require(same, "two outcomes of one seed and the same replications", (self.seed, other.seed))
        return _estimate_mean((other.column(name) - self.column(name)).astype(np.float64))

    def daily(self, name: str, share: float = 0.9) -> NDArray[np.float64]:
        """Return the band of a daily series: float64[day, (low, median, high)]."""
        require(len(self.series) > 0, "daily series that were kept", "Detail(series=False)")
        require(name in SERIES, f"series in {SERIES}", name)
        tail = (1 - share) / 2
        values = self.series[:, :, SERIES.index(name)]
        return np.asarray(np.quantile(values, [tail, 0.5, 1 - tail], axis=0).T)


def _estimate_mean(values: NDArray[np.float64]) -> Estimate:
    mean = float(values.mean())
    error = float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else np.inf
    return Estimate(mean, mean - 1.96 * error, mean + 1.96 * error)


def _estimate_share(hits: int, n: int) -> Estimate:
    z2 = 1.96**2
    centre = (hits + z2 / 2) / (n + z2)
    half = 1.96 / (n + z2) * np.sqrt(hits * (n - hits) / n + z2 / 4)
    return Estimate(hits / n, float(centre - half), float(centre + half))
