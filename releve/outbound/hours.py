"""Permitted hours in the callee's time: open or not, until when, and the next opening; exact.

Windows are half-open [start, end) of local wall-clock minutes. Where a person may be in several
territories, the call must be permitted in all of them. Nothing steps through time: every answer is
read from the windows of the days concerned.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache

from releve.network.clock import UTC, zone
from releve.outbound.holidays import NO_DAYS, HolidayRules

__all__ = [
    "DAYS_AHEAD",
    "WeekHours",
    "find_closing",
    "find_local_midnight",
    "find_opening",
    "list_windows",
    "parse_windows",
]

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
