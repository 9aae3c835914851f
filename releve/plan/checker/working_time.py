"""Working time counted again, minute by minute, from the rows and the work alone.

It shares the rows with :mod:`releve.network.worktime` and none of its counting; an import contract holds it to that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

from releve.errors import Phrase
from releve.network import Operator, zone
from releve.network.worktime.own_rows import build_rules
from releve.network.worktime.rows import WorkPeriod, WorkRow, WorkRules, parse_window

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
HAIR = 1e-6
Work = Sequence[WorkPeriod]
Count = dict[tuple[str, date], float]
"""What was counted, by row and first day."""


def find_working_time_faults(
    operator: Operator, work: Mapping[str, Work], rostered: Mapping[str, Work] | None = None
) -> Iterator[str]:
    """Yield a sentence for each row that forbids and that the work of an agent breaks.

    What the ``rostered`` work of the agent breaks as much already is not said: no plan made it.
    """
    for agent, periods in sorted(work.items()):
        row = operator.agent[agent]
        site = operator.site[row.home_site]
        rules = build_rules(site.destination, operator.working_time)
        known = count_breaches(rules, (rostered or {}).get(agent, ()), site.time_zone, row.contract_hours)
        for (name, day), found in count_breaches(rules, periods, site.time_zone, row.contract_hours).items():
            (limit,) = (one for one in rules.rows if one.id == name)
            old = known.get((name, day))
            worse = old is None or (found > old + HAIR if limit.kind.most else found < old - HAIR)
            if limit.strength == "forbid" and worse:
                yield Phrase("Working time: agent {0} on {1}: {2} ({3}).", agent, day, limit.describe(found), name)


def count_breaches(rules: WorkRules, periods: Iterable[WorkPeriod], zone_name: str, contract_hours: float) -> Count:
    """Return every breach of the rows in force, whatever their strength, with what was counted."""
    minutes = _Minutes(periods, zone_name)
    out: Count = {}
    for row in rules.rows:
        for day, found in minutes.count(row, contract_hours):
            if row not in rules.list_in_force(day):
                continue
            over = found > row.value + HAIR if row.kind.most else found < row.value - HAIR
            if over:
                last = out.get((row.id, day), found)
                out[row.id, day] = max(last, found) if row.kind.most else min(last, found)
    return out


class _Minutes:
    """Every minute of presence and of work, with its local day; a shift is minutes without a gap."""

    def __init__(self, periods: Iterable[WorkPeriod], zone_name: str) -> None:
        self.tz = zone(zone_name)
        self.present: set[datetime] = set()
        self.paused: set[datetime] = set()
        for start, end, break_start, break_end in periods:
            self.present |= set(_list_minutes(start, end))
            if break_start is not None and break_end is not None:
                self.paused |= set(_list_minutes(break_start, break_end))
        self.worked = self.present - self.paused
        self.day = {at: at.astimezone(self.tz).date() for at in self.present}
        self.shifts: list[list[datetime]] = []
        for at in sorted(self.present):
            if not self.shifts or at - self.shifts[-1][-1] > MINUTE:
                self.shifts.append([])
            self.shifts[-1].append(at)
        self.mondays = sorted({day - timedelta(days=day.weekday()) for day in self.day.values()})

    def count(self, row: WorkRow, contract_hours: float) -> Iterator[tuple[date, float]]:
        match row.parameter:
            case "day_hours":
                for day in set(self.day.values()):
                    yield day, sum(self.day[at] == day for at in self.worked) / 60
                for duty in self._list_duties():
                    yield self.day[duty[0][0]], sum(at in self.worked for shift in duty for at in shift) / 60
            case "week_hours" | "contract_share":
                firsts = {self.day[shift[0]] for shift in self.shifts} if row.rolling else self.mondays
                unit = 60 * row.weeks * (contract_hours if row.parameter == "contract_share" else 1)
                for first in firsts:
                    last = first + 7 * row.weeks * DAY
                    yield first, sum(first <= self.day[at] < last for at in self.worked) / unit
            case "day_span":
                for duty in self._list_duties():
                    yield self.day[duty[0][0]], (duty[-1][-1] + MINUTE - duty[0][0]) / timedelta(hours=1)
            case "daily_rest":
                for shift in self.shifts:
                    yield self.day[shift[0]], self._longest_rest(shift[0], shift[0] + DAY) / 60
            case "weekly_rest":
                yield from self._count_weekly_rests(row)
            case "free_days":
                for monday in self.mondays:
                    week = [monday + i * DAY for i in range(7)]
                    yield monday, sum(day not in self.day.values() for day in week)
            case "days_week":
                for monday in {day - timedelta(days=day.weekday()) for day in self._start_days()}:
                    yield monday, len({day for day in self._start_days() if monday <= day < monday + 7 * DAY})
            case "days_row":
                for day in self._start_days():
                    if day - DAY not in self._start_days():
                        length = 0
                        while day + length * DAY in self._start_days():
                            length += 1
                        yield day, length
            case "night_hours":
                yield from self._count_nights(row)
            case "break_minutes":
                for shift in self.shifts:
                    pause = sum(at in self.paused for at in shift)
                    if len(shift) - pause >= 60 * row.after_hours:
                        yield self.day[shift[0]], pause

    def _list_duties(self) -> list[list[list[datetime]]]:
        """Return the shifts between which there are fewer than 8 hours, together."""
        duties: list[list[list[datetime]]] = []
        for shift in self.shifts:
            if not duties or shift[0] - duties[-1][-1][-1] - MINUTE >= timedelta(hours=8):
                duties.append([])
            duties[-1].append(shift)
        return duties

    def _start_days(self) -> set[date]:
        return {self.day[shift[0]] for shift in self.shifts}

    def _longest_rest(self, first: datetime, last: datetime) -> int:
        """Return the most minutes in a row without presence between two instants."""
        longest = run = 0
        for at in _list_minutes(first, last):
            run = 0 if at in self.present else run + 1
            longest = max(longest, run)
        return longest

    def _count_weekly_rests(self, row: WorkRow) -> Iterator[tuple[date, float]]:
        if row.rolling:
            for day in self._start_days():
                yield day, self._longest_rest(self._midnight(day), self._midnight(day + 7 * DAY)) / 60
            return
        far = timedelta(days=3650)
        edges = [(shift[0], shift[-1] + MINUTE) for shift in self.shifts]
        gaps = [(edges[0][0] - far, edges[0][0])] if edges else []
        gaps += [(before[1], after[0]) for before, after in pairwise(edges)]
        gaps += [(edges[-1][1], edges[-1][1] + far)] if edges else []
        for monday in self.mondays:
            first, last = self._midnight(monday), self._midnight(monday + 7 * DAY)
            longest = timedelta()
            for start, end in gaps:
                if min(end, last) - max(start, first) >= timedelta(hours=min(24.0, row.value)):
                    longest = max(longest, end - start)
            yield monday, longest / timedelta(hours=1)

    def _count_nights(self, row: WorkRow) -> Iterator[tuple[date, float]]:
        window = parse_window(row.window) or (time(), time())
        nights = []
        for shift in self.shifts:
            inside = sum(_is_inside(at.astimezone(self.tz).time(), window) for at in shift if at in self.worked)
            if inside >= max(1.0, 60 * row.least_hours):
                nights.append((self.day[shift[0]], sum(at in self.worked for at in shift) / 60))
        for day, hours in nights:
            monday = day - timedelta(days=day.weekday())
            if len({one for one, _ in nights if monday <= one < monday + 7 * DAY}) >= row.nights:
                yield day, hours

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), self.tz).astimezone(UTC)


def _list_minutes(start: datetime, end: datetime) -> list[datetime]:
    return [start + i * MINUTE for i in range(int((end - start) / MINUTE))]


def _is_inside(at: time, window: tuple[time, time]) -> bool:
    first, last = window
    return first <= at < last if first < last else at >= first or at < last
