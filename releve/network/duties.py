"""Duties: the work of an agent that belongs together, whatever the day's border.

A roster is rows of work. Rows that adjoin or overlap are one period; periods with a gap shorter than a daily rest are
one duty, a split shift. A duty belongs to the planning day in which it starts; what it has left after that day's
border is carried into the next day.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from typing import NamedTuple

from releve.network.moments import zone
from releve.network.rows import BreakRule, Shift

LONGEST_SPLIT = timedelta(hours=16)
"""Longest time from the start of a split shift to its end: beyond it the next period is another day's work, even after
a short rest. As long as one row of the roster may be."""


Away = tuple[datetime, datetime | None]
"""A time in which an agent is not available, in UTC: from, and again from; None = not known."""


def cut_periods(periods: Iterable[tuple[datetime, datetime]], away: Sequence[Away]) -> list[tuple[datetime, datetime]]:
    """Return what absences leave of some periods, in order."""
    left = list(periods)
    for since, until in away:
        found = []
        for start, end in left:
            found.append((start, min(end, since)))
            if until is not None:
                found.append((max(start, until), end))
        left = [(start, end) for start, end in found if start < end]
    return left


BREAK_GRID = timedelta(minutes=30)
"""Breaks start on a half hour of UTC, as the plan counts."""


class BreakWindow(NamedTuple):
    """A break of some length that lies between two instants, in UTC, and ``apart`` from any other."""

    length: timedelta
    first: datetime
    last: datetime
    apart: timedelta

    def list_starts(self) -> list[datetime]:
        """Return the half hours at which the break may start."""
        origin = self.first.replace(minute=0, second=0, microsecond=0)
        steps = max(0, (self.last - origin) // BREAK_GRID + 1)
        starts = (origin + i * BREAK_GRID for i in range(steps))
        return [start for start in starts if self.first <= start and start + self.length <= self.last]


@dataclass(frozen=True, slots=True)
class DutyPeriod:
    """Work without a gap; times in UTC.

    ``break_minutes``: the roster's own break, anywhere in the period or in the window ``meal``; ``breaks``: those that
    the table ``breaks`` gives beside it.
    """

    start: datetime
    end: datetime
    break_minutes: float
    meal: BreakWindow | None = None
    breaks: tuple[BreakWindow, ...] = ()


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

    def leave_out(self, away: Sequence[Away]) -> Duty | None:
        """Return what absences leave of the duty; None where it is nothing.

        The longest part that is left of a period keeps its break where it lasts at least half of the period;
        the other parts have none.
        """
        found: list[DutyPeriod] = []
        for period in self.periods:
            parts = cut_periods([(period.start, period.end)], away)
            if parts == [(period.start, period.end)]:
                found.append(period)
                continue
            longest = max(parts, key=lambda part: part[1] - part[0], default=None)
            for start, end in parts:
                has_break = (start, end) == longest and 2 * (end - start) >= period.end - period.start
                has_break = has_break and end - start > timedelta(minutes=period.break_minutes)
                pause = period.break_minutes if has_break else 0.0
                found.append(replace(period, start=start, end=end, break_minutes=pause))
        return replace(self, periods=tuple(found)) if found else None

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


def add_breaks(duty: Duty, rules: Sequence[BreakRule], site: str, time_zone: str) -> Duty:
    """Return a duty with the breaks that a table gives its periods, for an agent of a home site.

    A break for which a period has no half hour is not given, nor does it bind the roster's own.
    """
    periods = []
    for period in duty.periods:
        meal, breaks = None, []
        for rule in rules:
            window = _find_window(rule, period, time_zone) if rule.site in ("", site) else None
            if window is None:
                continue
            if rule.minutes:
                breaks.append(window)
            elif period.break_minutes:
                meal = window
        periods.append(replace(period, meal=meal, breaks=tuple(breaks)))
    return replace(duty, periods=tuple(periods))


def _find_window(rule: BreakRule, period: DutyPeriod, time_zone: str) -> BreakWindow | None:
    """Return when a rule's break may be in a period; None where it gives none."""
    begins = period.start.astimezone(zone(time_zone)).date()
    if rule.valid_from is not None and begins < rule.valid_from:
        return None
    if rule.valid_to is not None and rule.valid_to < begins:
        return None
    if period.end - period.start < timedelta(hours=rule.min_hours):
        return None
    length = timedelta(minutes=rule.minutes or period.break_minutes)
    first = period.start + timedelta(hours=rule.earliest_hours)
    last = min(period.end, period.start + timedelta(hours=rule.latest_hours))
    for opens, closes in _list_openings(rule, period, time_zone):
        window = BreakWindow(length, max(first, opens), min(last, closes), timedelta(minutes=rule.apart_minutes))
        if window.list_starts():
            return window
    return None


def _list_openings(rule: BreakRule, period: DutyPeriod, time_zone: str) -> Iterator[tuple[datetime, datetime]]:
    """Yield the times of day of a rule on the days that a period touches."""
    if not rule.from_time:
        yield period.start, period.end
        return
    local = zone(time_zone)
    first, last = time.fromisoformat(rule.from_time), time.fromisoformat(rule.to_time)
    day = period.start.astimezone(local).date() - timedelta(days=1)
    while day <= period.end.astimezone(local).date():
        closing = day if first < last else day + timedelta(days=1)
        yield (
            datetime.combine(day, first, local).astimezone(UTC),
            datetime.combine(closing, last, local).astimezone(UTC),
        )
        day += timedelta(days=1)
