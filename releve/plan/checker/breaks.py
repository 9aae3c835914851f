"""Breaks counted again from the table ``breaks``, half hour by half hour, apart from the planner.

What a row gives: one break in each period of work that it fits, in the order of the rows, each at a half hour within
the hours of the shift and of the day that the row names, with work between it and any other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from releve.errors import Phrase
from releve.network import Agent, BreakRule, Operator, zone

HALF_HOUR = timedelta(minutes=30)


@dataclass(frozen=True)
class _Due:
    name: str
    length: timedelta
    starts: tuple[datetime, ...]
    apart: timedelta


def find_table_break_faults(
    operator: Operator,
    agent: Agent,
    breaks: Sequence[tuple[datetime, datetime]],
    period: tuple[datetime, datetime, float],
) -> Iterator[str]:
    """Yield what is wrong with the breaks placed in a period, by the operator's table."""
    due = _list_due(operator, agent, *period)
    if _can_place(due, [()] * len(due), breaks):
        return
    zone_name = operator.site[agent.home_site].time_zone
    placed = ", ".join(
        f"{a.astimezone(zone(zone_name)):%H:%M}-{b.astimezone(zone(zone_name)):%H:%M}" for a, b in breaks
    )
    wanted = ", ".join(f"{one.name} ({one.length.total_seconds() / 60:g} min)" for one in due)
    none = Phrase("none")
    yield Phrase("the breaks ({0}) are not those due by the table: {1}", placed or none, wanted or none)


def _list_due(operator: Operator, agent: Agent, start: datetime, end: datetime, minutes: float) -> list[_Due]:
    site = operator.site[agent.home_site]
    rows = [row for row in operator.breaks if row.site in ("", site.id)]
    own = [row for row in rows if not row.minutes]
    due = []
    if minutes:
        every = tuple(at for at in _list_half_hours(start, end) if at + timedelta(minutes=minutes) <= end)
        meal = _Due("meal", timedelta(minutes=minutes), every or (start,), timedelta())
        for row in own:
            starts = _list_starts(row, site.time_zone, start, end, meal.length)
            if starts:
                meal = _Due(row.id, meal.length, starts, timedelta(minutes=row.apart_minutes))
        due.append(meal)
    for row in rows:
        if row.minutes:
            length = timedelta(minutes=row.minutes)
            starts = _list_starts(row, site.time_zone, start, end, length)
            one = _Due(row.id, length, starts, timedelta(minutes=row.apart_minutes))
            # given where it fits beside those before it
            if starts and _can_place([*due, one], [*(d.starts for d in due), starts]):
                due.append(one)
    return due


def _list_half_hours(start: datetime, end: datetime) -> list[datetime]:
    at = start.replace(minute=0, second=0, microsecond=0)
    found = []
    while at < end:
        if at >= start:
            found.append(at)
        at += HALF_HOUR
    return found


def _list_starts(
    row: BreakRule, time_zone: str, start: datetime, end: datetime, length: timedelta
) -> tuple[datetime, ...]:
    local = zone(time_zone)
    day = start.astimezone(local).date()
    if (row.valid_from and day < row.valid_from) or (row.valid_to and day > row.valid_to):
        return ()
    if end - start < timedelta(hours=row.min_hours):
        return ()
    within = [
        at
        for at in _list_half_hours(start, end)
        if at - start >= timedelta(hours=row.earliest_hours)
        and at + length - start <= timedelta(hours=row.latest_hours)
        and at + length <= end
    ]
    if not row.from_time:
        return tuple(within)
    opens, closes = time.fromisoformat(row.from_time), time.fromisoformat(row.to_time)
    for back in (1, 0, -1):
        first = datetime.combine(day - timedelta(days=back), opens, local)
        last = datetime.combine(first.date() + timedelta(days=closes <= opens), closes, local)
        bounds = first.astimezone(UTC), last.astimezone(UTC)
        found = tuple(at for at in within if bounds[0] <= at and at + length <= bounds[1])
        if found:
            return found
    return ()


def _can_place(
    due: Sequence[_Due],
    starts: Sequence[Sequence[datetime]],
    placed: Sequence[tuple[datetime, datetime]] | None = None,
    taken: Sequence[tuple[datetime, _Due]] = (),
) -> bool:
    """Return whether each break has a start apart from the others: any of ``starts``, or, where breaks are ``placed``,
    those and no other."""
    if len(taken) == len(due):
        return not placed
    one = due[len(taken)]
    tries = starts[len(taken)]
    if placed is not None:
        tries = [at for at, over in placed if over - at == one.length and at in one.starts]
    for at in tries:
        near = (
            max(one.apart, other.apart) > _measure_work(at, one.length, begun, other.length) for begun, other in taken
        )
        if any(near):
            continue
        left = None if placed is None else [row for row in placed if row != (at, at + one.length)]
        if _can_place(due, starts, left, [*taken, (at, one)]):
            return True
    return False


def _measure_work(at: datetime, length: timedelta, other: datetime, other_length: timedelta) -> timedelta:
    """Return the time between two breaks, negative where they overlap."""
    return max(at - (other + other_length), other - (at + length))
