"""Duties: the work of an agent that belongs together, whatever the day's border.

A roster is rows of work. Rows that adjoin or overlap are one period; periods with a gap shorter than a daily rest are
one duty, a split shift. A duty belongs to the planning day in which it starts; what it has left after that day's
border is carried into the next day.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise

from releve.network.rows import Shift

LONGEST_SPLIT = timedelta(hours=16)
"""Longest time from the start of a split shift to its end: beyond it the next period is another day's work, even after
a short rest. As long as one row of the roster may be."""


@dataclass(frozen=True, slots=True)
class DutyPeriod:
    """Work without a gap; times in UTC."""

    start: datetime
    end: datetime
    break_minutes: float


@dataclass(frozen=True, slots=True)
class Duty:
    """The periods of one agent that belong together, in order."""

    agent: str
    periods: tuple[DutyPeriod, ...]

    @property
    def start(self) -> datetime:
        """When the agent's first period begins."""
        return self.periods[0].start

    @property
    def end(self) -> datetime:
        """When the agent's last period ends."""
        return self.periods[-1].end

    @property
    def gaps(self) -> tuple[tuple[datetime, datetime], ...]:
        """The times between the periods, in which the agent is away."""
        return tuple((one.end, other.start) for one, other in pairwise(self.periods))


def join_shifts(shifts: Iterable[Shift], split_gap: timedelta) -> tuple[Duty, ...]:
    """Return the duties of a roster, in the order of their first rows.

    Periods with a gap shorter than ``split_gap`` are one duty, up to LONGEST_SPLIT in all.
    """
    by_agent: dict[str, list[tuple[Shift, int]]] = {}
    for at, shift in enumerate(shifts):
        by_agent.setdefault(shift.agent, []).append((shift, at))
    found: list[tuple[int, Duty]] = []
    for rows in by_agent.values():
        rows.sort(key=lambda row: (row[0].start, row[0].end))
        found += _join_rows(rows, split_gap)
    return tuple(duty for _, duty in sorted(found, key=lambda one: one[0]))


def _join_rows(rows: list[tuple[Shift, int]], split_gap: timedelta) -> Iterator[tuple[int, Duty]]:
    """Yield the duties of one agent's rows in time, each with the number of its first row."""
    periods: list[DutyPeriod] = []
    number = 0
    for shift, at in rows:
        if periods and shift.start <= periods[-1].end:
            last = periods[-1]
            pause = last.break_minutes + shift.break_minutes
            periods[-1] = replace(last, end=max(last.end, shift.end), break_minutes=pause)
            continue
        if periods:
            near = shift.start - periods[-1].end < split_gap
            if not near or shift.end - periods[0].start > LONGEST_SPLIT:
                yield number, Duty(shift.agent, tuple(periods))
                periods = []
        if not periods:
            number = at
        periods.append(DutyPeriod(shift.start, shift.end, shift.break_minutes))
    if periods:
        yield number, Duty(rows[0][0].agent, tuple(periods))
