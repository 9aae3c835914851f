"""Public holidays as rules of a year, and working days counted over them.

A rule is ``MM-DD`` or ``easter±N`` (days from Easter Sunday).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache

from releve.outbound.legal_rows import Words

__all__ = ["NO_DAYS", "HolidayRules", "add_working_days", "compute_easter", "parse_day_rules"]

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
        """Return whether ``day`` is one of the days."""
        return day in _list_holidays(self, day.year)


NO_DAYS = HolidayRules((), ())


@lru_cache(maxsize=4096)
def _list_holidays(rules: HolidayRules, year: int) -> frozenset[date]:
    sunday = compute_easter(year)
    movable = [sunday + timedelta(days=shift) for shift in rules.from_easter]
    return frozenset([date(year, month, day) for month, day in rules.fixed] + movable)


def parse_day_rules(
    texts: tuple[str, ...], names: tuple[tuple[str, Words], ...] = ()
) -> HolidayRules:
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
