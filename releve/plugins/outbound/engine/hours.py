"""Permitted hours in the callee's time and public holidays: open or not, until when, next opening.

Windows are half-open [start, end) of local wall-clock minutes. Where a person may be in several
territories, the call must be permitted in all of them. Every answer is read exactly from the
windows of the days concerned. A holiday is ``MM-DD`` or ``easter±N`` (days from Easter Sunday).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import lru_cache

from releve.network.moments import UTC, zone
from releve.plugins.outbound.engine.legal_rows import Words

_RULE = re.compile(r"(?P<month>\d\d)-(?P<day>\d\d)|easter(?P<shift>[+-]\d{1,3})?")


@dataclass(frozen=True, slots=True)
class HolidayRules:
    """Days of every year: fixed ones as (month, day), others as days from Easter Sunday."""

    fixed: tuple[tuple[int, int], ...]
    from_easter: tuple[int, ...]
    names: tuple[tuple[str, Words], ...] = field(default=(), compare=False)
    """Names by rule: they decide nothing."""

    def find_name(self, day: date) -> Words | None:
        """Return the name of a day, None where it has none."""
        shift = f"easter{(day - compute_easter(day.year)).days:+}".removesuffix("+0")
        met = (name for rule, name in self.names if rule in (f"{day:%m-%d}", shift))
        return next(met, None)

    def is_holiday(self, day: date) -> bool:
        return day in _list_holidays(self, day.year)


NO_DAYS = HolidayRules((), ())


@lru_cache(maxsize=4096)
def _list_holidays(rules: HolidayRules, year: int) -> frozenset[date]:
    sunday = compute_easter(year)
    movable = [sunday + timedelta(days=shift) for shift in rules.from_easter]
    return frozenset([date(year, month, day) for month, day in rules.fixed] + movable)


def parse_day_rules(texts: tuple[str, ...], names: tuple[tuple[str, Words], ...] = ()) -> HolidayRules:
    """Read rules of a year, with their names; ValueError names the rule that is none."""
    fixed: list[tuple[int, int]] = []
    movable: list[int] = []
    for text in texts:
        match = _RULE.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is neither MM-DD nor easter±N")
        if match["month"]:
            day = date(2023, int(match["month"]), int(match["day"]))  # not a leap year: no 29 Feb
            fixed.append((day.month, day.day))
        else:
            movable.append(int(match["shift"] or 0))
    return HolidayRules(tuple(fixed), tuple(movable), names)


@lru_cache(maxsize=1024)
def compute_easter(year: int) -> date:
    """Return Easter Sunday (Gregorian; the computation published in Nature, 20 April 1876)."""
    a, (b, c) = year % 19, divmod(year, 100)
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    m = (32 + 2 * e + 2 * i - h - k) % 7
    n = (a + 11 * h + 22 * m) // 451
    month, day = divmod(h + m - 7 * n + 114, 31)
    return date(year, month, day + 1)


def add_working_days(day: date, count: int, holidays: HolidayRules) -> date:
    """Return the ``count``-th working day (*jour ouvrable*) after ``day``.

    Saturdays count, Sundays and holidays do not; ``day`` itself is not counted.
    """
    while count > 0:
        day += timedelta(days=1)
        if day.weekday() != 6 and not holidays.is_holiday(day):
            count -= 1
    return day


DAYS_AHEAD = 400
"""How far the next opening is looked for: a week that never opens in a year never opens."""

Window = tuple[int, int]
"""Local minutes of a day: start included, end not."""
Span = tuple[datetime, datetime]
"""UTC instants: start included, end not."""

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_WINDOW = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-(?:([01]\d|2[0-3]):([0-5]\d)|(24):(00))")


@dataclass(frozen=True, slots=True)
class WeekHours:
    """A week of windows, Monday first, and the holidays on which none opens."""

    week: tuple[tuple[Window, ...], ...]
    holidays: HolidayRules = NO_DAYS


def parse_windows(table: Mapping[str, Sequence[str]]) -> tuple[tuple[Window, ...], ...]:
    """Read windows by weekdays (``monday`` or ``monday-friday``); ValueError names what is none."""
    week: list[tuple[Window, ...]] = [()] * 7
    for days, texts in table.items():
        first, _, last = days.partition("-")
        for name in (first, last or first):
            if name not in _WEEKDAYS:
                raise ValueError(f"{name!r} is not a weekday")
        span = range(_WEEKDAYS.index(first), _WEEKDAYS.index(last or first) + 1)
        if not span:
            raise ValueError(f"{days!r} runs backwards")
        for weekday in span:
            week[weekday] = _parse_day(texts)
    return tuple(week)


def _parse_day(texts: Sequence[str]) -> tuple[Window, ...]:
    found: list[Window] = []
    for text in texts:
        match = _WINDOW.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is not HH:MM-HH:MM")
        start, start_minute, end, end_minute = [int(part) for part in match.groups() if part]
        window = (start * 60 + start_minute, end * 60 + end_minute)
        if window[0] >= window[1]:
            raise ValueError(f"{text!r} ends before it starts")
        if found and window[0] < found[-1][1]:
            raise ValueError(f"{text!r} overlaps the window before it")
        found.append(window)
    return tuple(found)


@lru_cache(maxsize=65536)
def list_windows(hours: WeekHours, zone_name: str, day: date) -> tuple[Span, ...]:
    """Return the windows of a local day as UTC spans, in order; none on a holiday."""
    if hours.holidays.is_holiday(day):
        return ()
    return tuple(
        (_find_instant(day, start, zone_name), _find_instant(day, end, zone_name))
        for start, end in hours.week[day.weekday()]
    )


def _find_instant(day: date, minute: int, zone_name: str) -> datetime:
    if minute == 24 * 60:
        return find_local_midnight(day + timedelta(days=1), zone_name)
    clock = time(minute // 60, minute % 60)
    return datetime.combine(day, clock, zone(zone_name)).astimezone(UTC)


@lru_cache(maxsize=65536)
def find_local_midnight(day: date, zone_name: str) -> datetime:
    """Return the first instant of a local day, in UTC."""
    return datetime.combine(day, time(), zone(zone_name)).astimezone(UTC)


def find_closing(hours: WeekHours, zones: Sequence[str], moment: datetime) -> datetime | None:
    """Return when the window that holds ``moment`` ends in the first of the zones, None if shut."""
    ends = [_find_window_end(hours, name, moment) for name in zones]
    return None if None in ends else min(end for end in ends if end is not None)


def _find_window_end(hours: WeekHours, zone_name: str, moment: datetime) -> datetime | None:
    day = moment.astimezone(zone(zone_name)).date()
    spans = list_windows(hours, zone_name, day)
    return next((end for start, end in spans if start <= moment < end), None)


def find_opening(hours: WeekHours, zones: Sequence[str], moment: datetime) -> datetime | None:
    """Return the first instant from ``moment`` on that is open in every zone, None if none is.

    Each zone pushes the candidate to its own next opening; what all accept is the first.
    """
    limit = moment + timedelta(days=DAYS_AHEAD)
    while moment < limit:
        latest = moment
        for name in zones:
            opening = _find_next_start(hours, name, moment)
            if opening is None:
                return None
            latest = max(latest, opening)
        if latest == moment:
            return moment
        moment = latest
    return None


def _find_next_start(hours: WeekHours, zone_name: str, moment: datetime) -> datetime | None:
    day = moment.astimezone(zone(zone_name)).date()
    for ahead in range(DAYS_AHEAD + 1):
        for start, end in list_windows(hours, zone_name, day + timedelta(days=ahead)):
            if moment < end:
                return max(start, moment)
    return None
