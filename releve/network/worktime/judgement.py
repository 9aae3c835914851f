"""What a person's work breaks of the rows in force, and whether it may be given more hours.

Work is periods of any length, in UTC; adjoining ones are one. Days and weeks are those of the site's
time zone, counted to the second, also over midnight and over a change of the clocks. A shift whose
break has no times has it in its middle.

What a day is, the texts read leave open, so both readings are held: midnight to midnight, and all work
without 8 hours off in a row, named by the day it starts on. Rest is free time in a row within the 24
hours from each start of work, so that a split shift has one rest and not two.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import NamedTuple

from releve.network.moments import day_bounds, zone
from releve.network.worktime.rows import HAIR, WorkPeriod, WorkRow, WorkRules, parse_window

HOUR = 3600.0
DAY_SECONDS = 86400.0
OFF_SECONDS = 8 * HOUR
"""Work with less free time than this between is one day's."""
FAR = 10 * 365 * DAY_SECONDS
"""Free time before the first and after the last period that is known: without an end."""
_DAY = timedelta(days=1)


class Breach(NamedTuple):
    """A row that work breaks: the site's ``day`` (of a week its first), and what was found."""

    row: WorkRow
    day: date
    found: float


@dataclass(frozen=True)
class WorkRecord:
    """A person's work in order: ``spans`` of presence, adjoining ones joined, in seconds of the epoch,
    and the ``worked`` pieces of each, its breaks taken out. ``days``: the first instant of each local
    day from before the work to after it, ``first`` the first of them."""

    zone_name: str
    spans: tuple[tuple[float, float], ...]
    worked: tuple[tuple[tuple[float, float], ...], ...]
    first: date
    days: tuple[float, ...]

    @classmethod
    def build(cls, periods: Iterable[WorkPeriod], zone_name: str) -> WorkRecord:
        """Return periods as a record; those that overlap count once."""
        ordered = sorted(set(periods), key=lambda one: (one.start, one.end))
        spans: list[list[float]] = []
        pauses: list[list[tuple[float, float]]] = []
        for period in ordered:
            start, end = period.start.timestamp(), period.end.timestamp()
            if spans and start <= spans[-1][1]:
                spans[-1][1] = max(spans[-1][1], end)
            else:
                spans.append([start, end])
                pauses.append([])
            if period.break_start is not None and period.break_end is not None:
                pauses[-1].append((period.break_start.timestamp(), period.break_end.timestamp()))
        tz = zone(zone_name)
        first, last = (
            (ordered[0].start.astimezone(tz).date(), max(one.end for one in ordered).astimezone(tz).date())
            if ordered
            else (date(2000, 1, 3), date(2000, 1, 3))
        )
        monday = first - timedelta(days=first.weekday())
        count = (last - monday).days + 15
        return cls(
            zone_name,
            tuple((start, end) for start, end in spans),
            tuple(_cut_pauses(span[0], span[1], own) for span, own in zip(spans, pauses, strict=True)),
            monday,
            tuple(_find_midnight(monday + i * _DAY, zone_name) for i in range(count + 1)),
        )

    def find_day(self, at: float) -> int:
        """Return the number of the local day that an instant is in."""
        return bisect_left(self.days, at + HAIR) - 1

    def name_day(self, number: int) -> date:
        return self.first + number * _DAY

    def count_worked(self, lower: float, upper: float) -> float:
        """Return the seconds of work between two instants."""
        first, last = bisect_right(self._ends, lower), bisect_left(self._begins, upper)
        pieces = (piece for own in self.worked[first:last] for piece in own)
        return sum(max(0.0, min(end, upper) - max(start, lower)) for start, end in pieces)

    @cached_property
    def _begins(self) -> list[float]:
        return [start for start, _end in self.spans]

    @cached_property
    def _ends(self) -> list[float]:
        return [end for _start, end in self.spans]

    @cached_property
    def start_days(self) -> list[int]:
        """The number of the local day on which each span starts."""
        return [self.find_day(start) for start in self._begins]

    def list_gaps(self) -> list[tuple[float, float]]:
        """Return the free time before, between and after the spans."""
        if not self.spans:
            return []
        ends = [self.spans[0][0] - FAR, *(end for _start, end in self.spans)]
        starts = [*(start for start, _end in self.spans), self.spans[-1][1] + FAR]
        return list(zip(ends, starts, strict=True))

    def list_weeks(self) -> list[int]:
        """Return the numbers of the Mondays whose weeks have work."""
        touched = {day // 7 * 7 for start, end in self.spans for day in (self.find_day(start), self.find_day(end - 1))}
        return sorted(touched)


@lru_cache(maxsize=4096)
def _find_midnight(day: date, zone_name: str) -> float:
    return day_bounds(day, zone_name)[0].timestamp()


def _cut_pauses(start: float, end: float, pauses: Iterable[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    pieces, at = [], start
    for first, last in sorted(pauses):
        if first > at:
            pieces.append((at, min(first, end)))
        at = max(at, last)
    if at < end:
        pieces.append((at, end))
    return tuple(pieces)


def find_breaches(rules: WorkRules, record: WorkRecord, contract_hours: float) -> tuple[Breach, ...]:
    """Return every breach of the rows in force, by row and day; of a day with several, the gravest."""
    worst: dict[tuple[str, date], Breach] = {}
    for row in rules.rows:
        for number, found in _measure(row, record, contract_hours):
            day = record.name_day(number)
            if not row.is_broken_by(found) or row.id not in rules.find_ids(day):
                continue
            known = worst.get((row.id, day))
            if known is None or row.kind.is_looser(found, known.found):
                worst[row.id, day] = Breach(row, day, found)
    return tuple(worst.values())


def judge_proposal(
    rules: WorkRules, own: Sequence[WorkPeriod], proposed: Iterable[WorkPeriod], zone_name: str, contract_hours: float
) -> tuple[Breach, ...]:
    """Return what proposed periods would break beside a person's own ones.

    A breach that the own periods have already is left out, unless the proposed ones make it worse.
    """
    before = _find_own_breaches(rules, tuple(own), zone_name, contract_hours)
    after = find_breaches(rules, WorkRecord.build((*own, *proposed), zone_name), contract_hours)
    return tuple(one for one in after if _is_worse(one, before.get((one.row.id, one.day))))


@lru_cache(maxsize=4096)
def _find_own_breaches(
    rules: WorkRules, own: tuple[WorkPeriod, ...], zone_name: str, contract_hours: float
) -> Mapping[tuple[str, date], float]:
    found = find_breaches(rules, WorkRecord.build(own, zone_name), contract_hours)
    return {(one.row.id, one.day): one.found for one in found}


def _is_worse(one: Breach, before: float | None) -> bool:
    if before is None:
        return True
    return abs(one.found - before) > HAIR and one.row.kind.is_looser(one.found, before)


def _measure(row: WorkRow, record: WorkRecord, contract_hours: float) -> Iterator[tuple[int, float]]:
    """Yield what a row limits, in its unit, with the number of the local day (of a week its first)."""
    match row.parameter:
        case "day_hours":
            yield from _measure_days(record)
        case "week_hours":
            yield from _measure_weeks(row, record)
        case "contract_share":
            yield from ((at, hours / contract_hours) for at, hours in _measure_weeks(row, record))
        case "day_span":
            yield from _measure_day_spans(record)
        case "daily_rest":
            yield from _measure_daily_rests(record)
        case "weekly_rest":
            yield from _measure_weekly_rests(row, record)
        case "free_days":
            yield from _count_free_days(record)
        case "days_week":
            days = Counter(day // 7 * 7 for day in set(record.start_days))
            yield from ((at, float(count)) for at, count in days.items())
        case "days_row":
            yield from _count_days_in_row(record)
        case "night_hours":
            yield from _measure_nights(row, record)
        case "break_minutes":
            yield from _measure_breaks(row, record)


def _measure_days(record: WorkRecord) -> Iterator[tuple[int, float]]:
    """Yield the hours of each local day by both readings: midnight to midnight, and without 8 hours off."""
    for day in sorted({day for span in record.spans for day in _list_touched(record, span)}):
        yield day, record.count_worked(record.days[day], record.days[day + 1]) / HOUR
    for first, last in _list_duties(record):
        pieces = (piece for own in record.worked[first:last] for piece in own)
        yield record.start_days[first], sum(end - start for start, end in pieces) / HOUR


def _list_duties(record: WorkRecord) -> Iterator[tuple[int, int]]:
    """Yield the positions of the first span of each stretch of work, and past its last one."""
    first = 0
    for i in range(1, len(record.spans) + 1):
        if i == len(record.spans) or record.spans[i][0] - record.spans[i - 1][1] >= OFF_SECONDS:
            yield first, i
            first = i


def _list_touched(record: WorkRecord, span: tuple[float, float]) -> range:
    return range(record.find_day(span[0]), record.find_day(span[1] - 1) + 1)


def _measure_weeks(row: WorkRow, record: WorkRecord) -> Iterator[tuple[int, float]]:
    """Yield the hours of each week with work, or of each seven days that begin with work; averaged
    over the row's weeks."""
    firsts = sorted(set(record.start_days)) if row.rolling else record.list_weeks()
    for first in firsts:
        last = min(first + 7 * row.weeks, len(record.days) - 1)
        yield first, record.count_worked(record.days[first], record.days[last]) / HOUR / row.weeks


def _measure_day_spans(record: WorkRecord) -> Iterator[tuple[int, float]]:
    for first, last in _list_duties(record):
        yield record.start_days[first], (record.spans[last - 1][1] - record.spans[first][0]) / HOUR


def _measure_daily_rests(record: WorkRecord) -> Iterator[tuple[int, float]]:
    """Yield the longest free time in a row within the 24 hours from each start."""
    starts = [start for start, _end in record.spans]
    for i, (day, start) in enumerate(zip(record.start_days, starts, strict=True)):
        until, longest = start + DAY_SECONDS, 0.0
        for k in range(i, len(starts)):
            end = record.spans[k][1]
            following = starts[k + 1] if k + 1 < len(starts) else until
            if end >= until:
                break
            longest = max(longest, min(following, until) - end)
        yield day, longest / HOUR


def _measure_weekly_rests(row: WorkRow, record: WorkRecord) -> Iterator[tuple[int, float]]:
    """Yield the longest free time in a row of each week: it counts for a week that holds a day of it.

    Of seven days that begin with work, by a rolling row: within them.
    """
    gaps = record.list_gaps()
    if row.rolling:
        for first in sorted(set(record.start_days)):
            lower, upper = record.days[first], record.days[first + 7]
            inside = (min(end, upper) - max(start, lower) for start, end in gaps)
            yield first, max(0.0, max(inside)) / HOUR
        return
    least = min(24.0, row.value) * HOUR
    for first in record.list_weeks():
        lower, upper = record.days[first], record.days[first + 7]
        held = [end - start for start, end in gaps if min(end, upper) - max(start, lower) >= least - HAIR]
        yield first, max(held, default=0.0) / HOUR


def _count_free_days(record: WorkRecord) -> Iterator[tuple[int, float]]:
    touched = Counter(day // 7 * 7 for day in {d for span in record.spans for d in _list_touched(record, span)})
    yield from ((first, 7.0 - count) for first, count in touched.items())


def _count_days_in_row(record: WorkRecord) -> Iterator[tuple[int, float]]:
    days = sorted(set(record.start_days))
    first = 0
    for i in range(1, len(days) + 1):
        if i == len(days) or days[i] != days[i - 1] + 1:
            yield days[first], float(i - first)
            first = i


def _measure_nights(row: WorkRow, record: WorkRecord) -> Iterator[tuple[int, float]]:
    """Yield the hours of each shift with night work, in weeks with as many nights as the row names."""
    window = parse_window(row.window)
    if window is None:
        return
    tz = zone(record.zone_name)
    found: list[tuple[int, float]] = []
    for span, pieces in zip(record.spans, record.worked, strict=True):
        night = 0.0
        for day in range(record.find_day(span[0]) - 1, record.find_day(span[1] - 1) + 1):
            one = record.name_day(day)
            start = datetime.combine(one, window[0], tz).timestamp()
            until = one if window[0] < window[1] else one + _DAY
            end = datetime.combine(until, window[1], tz).timestamp()
            night += sum(max(0.0, min(e, end) - max(s, start)) for s, e in pieces)
        if night >= row.least_hours * HOUR - HAIR and night > 0:
            found.append((record.find_day(span[0]), sum(end - start for start, end in pieces) / HOUR))
    weeks = Counter(day // 7 for day in {day for day, _hours in found})
    yield from ((day, hours) for day, hours in found if weeks[day // 7] >= row.nights)


def _measure_breaks(row: WorkRow, record: WorkRecord) -> Iterator[tuple[int, float]]:
    """Yield the minutes of break of each span with as much work as asks for one."""
    for day, span, pieces in zip(record.start_days, record.spans, record.worked, strict=True):
        worked = sum(end - start for start, end in pieces)
        if worked >= row.after_hours * HOUR - HAIR:
            inside = sum(second[0] - first[1] for first, second in pairwise(pieces))
            edges = (pieces[0][0] - span[0]) + (span[1] - pieces[-1][1])
            yield day, (inside + edges) / 60
