"""Effective agents and coverage counted from placements, person by person.

The independent checker and the live desk count with this module; the planner does not, so a mistake
of the planner cannot hide here.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from releve.demand.requirement import INTERVAL
from releve.kernels.arrays import Floats
from releve.network import HOME, Operator
from releve.plan.result import Placement
from releve.plan.service_status import COVERED

NOTHING = 1e-9
"""A requirement up to here, in agents, counts as none."""


class Timeline:
    """The half hours of a day, and how much of each a period covers."""

    def __init__(self, starts: Sequence[datetime]) -> None:
        self._starts = np.array([start.timestamp() for start in starts], dtype=np.float64)
        self._known: dict[tuple[datetime, datetime], Floats] = {}

    def __len__(self) -> int:
        return len(self._starts)

    def measure_overlap(self, start: datetime, end: datetime) -> Floats:
        """Return the seconds of each interval that lie in a period (none if it has no zone)."""
        if (start, end) not in self._known:
            if start.tzinfo is None or end.tzinfo is None:
                seconds = np.zeros(len(self._starts))
            else:
                upto = np.minimum(self._starts + INTERVAL.total_seconds(), end.timestamp())
                seconds = np.maximum(0.0, upto - np.maximum(self._starts, start.timestamp()))
            self._known[start, end] = seconds
        return self._known[start, end]

    def measure_worked(self, placement: Placement) -> Floats:
        """Return the share of each interval that a placement works: the duty less breaks and gaps."""
        seconds = self.measure_overlap(placement.start, placement.end)
        if placement.break_start is not None and placement.break_end is not None:
            seconds = seconds - self.measure_overlap(placement.break_start, placement.break_end)
        for pause in placement.pauses:
            seconds = seconds - self.measure_overlap(pause.start, pause.end)
        return seconds / INTERVAL.total_seconds()

    def find_present(self, start: datetime, end: datetime) -> Floats:
        """Return 1 for each interval that a period touches."""
        return np.asarray(self.measure_overlap(start, end) > 0, dtype=np.float64)

    def find_seated(self, placement: Placement) -> Floats:
        """Return 1 for each interval in which a placement takes a seat, its breaks included."""
        periods = [self.find_present(start, end) for start, end in placement.list_periods()]
        return np.asarray(np.maximum.reduce(periods))


def count_placed(operator: Operator, timeline: Timeline, placements: Iterable[Placement]) -> Floats:
    """Return effective agents ``[interval, programme]``; home work counts at its efficiency."""
    column = {row.id: p for p, row in enumerate(operator.programmes)}
    alike = Counter(
        (p.place == HOME, Placement("", "", p.programme, p.start, p.end, p.break_start, p.break_end, p.pauses))
        for p in placements
    )
    placed = np.zeros((len(timeline), len(column)))
    for (home, one), count in alike.items():
        programme = one.programme
        if programme not in column:
            continue
        efficiency = operator.programme[programme].home_efficiency if home else 1.0
        placed[:, column[programme]] += count * efficiency * timeline.measure_worked(one)
    return placed


def measure_coverage(required: Floats, covered: Floats) -> Floats:
    """Return a client's coverage of each interval, covered over required.

    Both are agents ``[interval, programme]`` of the client's programmes; NaN where nothing is
    required.
    """
    need, got = np.nansum(required, axis=1), covered.sum(axis=1)
    some = need > NOTHING
    share = np.full(len(need), np.nan)
    share[some] = np.minimum(1.0, got[some] / need[some])
    return share


def round_coverage(share: float, digits: int = 0) -> float:
    """Return a coverage in percent as every page, letter and table writes it.

    Rounded to the nearest, half up; what is not covered in full is never written as 100.
    """
    scale = 10.0**digits
    nearest = math.floor(100 * share * scale + 0.5 + 1e-9) / scale
    return nearest if share >= COVERED else min(nearest, 100 - 1 / scale)


@dataclass(frozen=True, slots=True)
class WorstHalfHour:
    """The half hour that is covered least, and by what share."""

    start: datetime
    coverage: float


@dataclass(frozen=True)
class CoverageSeries:
    """Agents per interval, each array [interval]: ``covered`` + ``missing`` = ``required``."""

    starts: tuple[datetime, ...]
    required: Floats
    covered: Floats
    missing: Floats
    beyond: Floats

    @cached_property
    def short(self) -> NDArray[np.bool_]:
        """Whether agents are missing in each half hour, but for rounding."""
        return np.asarray(self.missing > NOTHING)

    @property
    def busy(self) -> bool:
        """Whether agents are required or placed at all."""
        return bool(self.required.sum() or self.beyond.sum())

    @property
    def required_hours(self) -> float:
        """Agent hours required over the day."""
        return float(self.required.sum()) / 2

    @property
    def missing_hours(self) -> float:
        """Agent hours missing over the day."""
        return float(self.missing.sum()) / 2

    @property
    def coverage(self) -> float:
        """The share of the day's requirement that is covered; 1 of nothing."""
        hours = self.required_hours
        return 1 - self.missing_hours / hours if hours else 1.0

    @property
    def worst(self) -> WorstHalfHour | None:
        """The half hour covered least; None where nothing is missing."""
        least = np.divide(self.covered, self.required, out=np.ones_like(self.required), where=self.required > 0)
        at = int(least.argmin()) if least.size else -1
        if at < 0 or least[at] >= 1:
            return None
        return WorstHalfHour(self.starts[at], float(least[at]))

    def half_hours(self) -> Iterator[tuple[object, ...]]:
        """Yield start, agents required, covered, missing and beyond, and whether it is short."""
        arrays = (self.required, self.covered, self.missing, self.beyond, self.short)
        return zip(self.starts, *(array.tolist() for array in arrays), strict=True)


def sum_coverage(starts: Sequence[datetime], required: Floats, placed: Floats) -> CoverageSeries:
    """Return the sums over some programmes, cut to the hours in which anything happens.

    Both are agents ``[interval, programme]``. One programme's surplus never hides another's
    shortfall; a programme whose requirement is not known (NaN) is left out of the sums.
    """
    known = ~np.isnan(required).any(axis=0)
    need, have = required[:, known], placed[:, known]
    covered = np.minimum(need, have)
    busy = np.flatnonzero((need > 0).any(axis=1) | (have > 0).any(axis=1))
    first, last = (int(busy[0]), int(busy[-1]) + 1) if busy.size else (0, len(starts))
    day = slice(first, last)
    return CoverageSeries(
        tuple(starts[day]),
        need[day].sum(axis=1),
        covered[day].sum(axis=1),
        (need - covered)[day].sum(axis=1),
        (have - covered)[day].sum(axis=1),
    )
