"""Days, instants and hours as people write them, in French and in English."""

from __future__ import annotations

from datetime import date, datetime
from typing import NamedTuple

from releve.network.clock import zone
from releve.outbound.legal_rows import LEGAL_ZONE

__all__ = [
    "MONTHS",
    "WEEKDAYS",
    "CalendarNames",
    "format_day",
    "format_instant",
    "format_time_of_day",
]


class CalendarNames(NamedTuple):
    """A list of names in French and in English."""

    fr: tuple[str, ...]
    en: tuple[str, ...]

    def of(self, language: str) -> tuple[str, ...]:
        """Return the names in ``language``: ``fr`` or ``en``."""
        return self.fr if language == "fr" else self.en


MONTHS = CalendarNames(
    ("janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre",
     "octobre", "novembre", "décembre"),
    ("January", "February", "March", "April", "May", "June", "July", "August", "September",
     "October", "November", "December"),
)  # fmt: skip
WEEKDAYS = CalendarNames(
    ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"),
    ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
)
_SPACE = "\u00a0"


def format_day(day: date, language: str) -> str:
    """Return a day: 15/09/2026 in French, 15 September 2026 in English."""
    if language == "fr":
        return f"{day:%d/%m/%Y}"
    return f"{day.day} {MONTHS.en[day.month - 1]} {day.year}"


def format_time_of_day(hour: int, minute: int, language: str) -> str:
    """Return a time of day: 9 h, 9 h 30 or 09:30."""
    if language != "fr":
        return f"{hour:02}:{minute:02}"
    return f"{hour}{_SPACE}h" + (f"{_SPACE}{minute:02}" if minute else "")


def format_instant(moment: datetime, language: str) -> str:
    """Return an instant on the clock that it carries; UTC is said as Paris."""
    local = moment.astimezone(zone(LEGAL_ZONE)) if moment.tzname() == "UTC" else moment
    weekday, day = WEEKDAYS.of(language)[local.weekday()], format_day(local.date(), language)
    if language == "fr":
        seconds = f"{_SPACE}min{_SPACE}{local:%S}" if local.second else ""
        return f"{weekday} {day} à {local.hour}{_SPACE}h{_SPACE}{local:%M}{seconds}"
    return f"{weekday} {day} at {local:%H:%M}" + (f":{local:%S}" if local.second else "")
