"""Figures of a plan counted again from its people: work placed, what is missing, what it weighs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from releve.demand.tables import INTERVAL
from releve.network import HOME, Operator
from releve.plan.result import Placement

__all__ = ["Tally", "Timeline", "placed_of", "weights_of"]

Floats = NDArray[np.float64]


class Timeline:
    """The half hours of a day, and how much of each a period covers."""

    def __init__(self, starts: Sequence[datetime]) -> None:
        self._starts = np.array([start.timestamp() for start in starts], dtype=np.float64)
        self._known: dict[tuple[datetime, datetime], Floats] = {}

    def __len__(self) -> int:
        return len(self._starts)

    def overlap(self, start: datetime, end: datetime) -> Floats:
        """Return the seconds of each interval that lie in a period (none if it has no zone)."""
        if (start, end) not in self._known:
            if start.tzinfo is None or end.tzinfo is None:
                seconds = np.zeros(len(self._starts))
            else:
                upto = np.minimum(self._starts + INTERVAL.total_seconds(), end.timestamp())
                seconds = np.maximum(0.0, upto - np.maximum(self._starts, start.timestamp()))
            self._known[start, end] = seconds
        return self._known[start, end]

    def worked(self, placement: Placement) -> Floats:
        """Return the share of each interval that a placement works: the shift less the break."""
        seconds = self.overlap(placement.start, placement.end)
        if placement.break_start is not None and placement.break_end is not None:
            seconds = seconds - self.overlap(placement.break_start, placement.break_end)
        return seconds / INTERVAL.total_seconds()

    def present(self, start: datetime, end: datetime) -> Floats:
        """Return 1 for each interval that a shift touches, its break included."""
        return np.asarray(self.overlap(start, end) > 0, dtype=np.float64)


def placed_of(operator: Operator, timeline: Timeline, placements: Iterable[Placement]) -> Floats:
    """Return effective agents ``[interval, programme]``; home work counts at its efficiency."""
    column = {row.id: p for p, row in enumerate(operator.programmes)}
    alike = Counter(
        (p.place == HOME, p.programme, p.start, p.end, p.break_start, p.break_end)
        for p in placements
    )
    placed = np.zeros((len(timeline), len(column)))
    for (home, programme, start, end, break_start, break_end), count in alike.items():
        if programme not in column:
            continue
        one = Placement("", "", programme, start, end, break_start, break_end)
        efficiency = operator.programme[programme].home_efficiency if home else 1.0
        placed[:, column[programme]] += count * efficiency * timeline.worked(one)
    return placed


def weights_of(operator: Operator, required: Floats, calls: Floats, aht_s: Floats) -> Floats:
    """Return the weight of a missing agent-interval of each programme.

    In proportion to what its unanswered calls cost, penalty x 1800 s / AHT, where AHT is the mean
    over the calls of the day (the programme's own where there are none); scaled so that the
    requirement weighs as many agent-intervals as it has. 1 each where nothing required costs.
    """
    raw = np.zeros(len(operator.programmes))
    for p, row in enumerate(operator.programmes):
        known = np.isfinite(calls[:, p]) & np.isfinite(aht_s[:, p]) & (calls[:, p] > 0)
        mass = float(calls[known, p].sum())
        aht = float((calls[known, p] * aht_s[known, p]).sum()) / mass if mass > 0 else row.aht_s
        raw[p] = row.penalty_per_missed_call * INTERVAL.total_seconds() / aht
    need = np.nansum(required, axis=0)
    weighed = float((raw * need).sum())
    if weighed <= 0:
        return np.ones(len(raw))
    return raw * (float(need.sum()) / weighed)


NOTHING = 1e-9
"""A requirement up to here is none."""


@dataclass(frozen=True)
class Tally:
    """What one scenario lacks. A requirement that is not known (NaN) lacks nothing.

    ``covered`` and ``missing`` are agent-intervals ``[interval, programme]``.
    """

    required: Floats
    placed: Floats

    @property
    def missing(self) -> Floats:
        return np.nan_to_num(np.maximum(0.0, self.required - self.placed), nan=0.0)

    @property
    def covered(self) -> Floats:
        return np.nan_to_num(np.minimum(self.required, self.placed), nan=0.0)

    def penalty(self, weights: Floats) -> float:
        """Return the weighted missing agent-intervals."""
        return float((self.missing * weights).sum())

    def shortfall(self, columns: Sequence[int]) -> float:
        """Return the share of a client's day that is missing (of one agent-interval at least)."""
        need = float(np.nansum(self.required[:, columns]))
        return float(self.missing[:, columns].sum()) / max(1.0, need)

    def coverage(self, columns: Sequence[int]) -> Floats:
        """Return a client's coverage of each interval, NaN where nothing is required."""
        need = np.nansum(self.required[:, columns], axis=1)
        got = self.covered[:, columns].sum(axis=1)
        some = need > NOTHING
        share = np.full(len(need), np.nan)
        share[some] = np.minimum(1.0, got[some] / need[some])
        return share
