"""Opening hours: ``Mon-Fri 08:00-20:00; Sat 09:00-18:00``, public holidays closed or not.

French and English days, long or short, are read, and hours like ``8h30`` and ``de 8h à 20h``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache, lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from releve.errors import BilingualPhrase, Phrase
from releve.extras import LazyModule
from releve.network.model import Programme
from releve.network.moments import zone
from releve.network.table_words import fold

if TYPE_CHECKING:
    import holidays
else:
    holidays = LazyModule("holidays")

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_FRENCH_DAYS = ("Lun", "Mar", "Mer", "Jeu", "Ven", "Sam", "Dim")
_LONG = (
    ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"],
    ["lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"],
)
_DAY_WORDS: Mapping[str, str] = {
    fold(word): day for words in (DAYS, _FRENCH_DAYS, *_LONG) for word, day in zip(words, DAYS, strict=True)
} | {"tues": "Tue", "thur": "Thu", "thurs": "Thu", "merc": "Wed", "vend": "Fri"}

_CLOCK = re.compile(r"(\d{1,2})\s*h(?:eures?)?\s*(\d{2})?(?![\d:])", re.IGNORECASE)
_EVERY_DAY = re.compile(r"\b(?:tous les jours|7\s*j?\s*/\s*7(?:\s*j)?|every day|daily)\b", re.IGNORECASE)
_ALL_DAY = re.compile(r"\b24\s*h?\s*/\s*24(?:\s*h)?\b", re.IGNORECASE)
_CLOSED = re.compile(r"\b(?:fermée?s?|closed)\b", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+\.?")
_FILLERS = frozenset(("du", "de", "des", "le", "les", "from", "on"))
_UNTIL = frozenset(("a", "au", "to", "until", "jusqu"))
_AND = frozenset(("et", "and"))
_HOURS = re.compile(r"\d{1,2}:\d{2}\s*-\s*\d{1,2}:\d{2}")


def normalize_opening(text: str) -> str:
    """Return opening hours with English days and hours like 08:00; what is not read stays.

    A part with several ranges of hours or days is written as one part for each, and a part that
    says closed is left out.
    """
    text = _ALL_DAY.sub("00:00-24:00", text)
    parts = re.split(r"[;\n]", _EVERY_DAY.sub("Mon-Sun", text))
    return "; ".join(
        part for piece in parts if not _CLOSED.search(piece) for part in _split_part(_tidy(piece.strip())) if part
    )


def _tidy(part: str) -> str:
    """Return a part with known words replaced, and blanks where the form has them."""
    part = re.sub("[\u2010-\u2015]", "-", part)
    part = _CLOCK.sub(lambda m: f"{int(m[1]):02}:{m[2] or '00'}", part)
    part = re.sub(r"\b(\d):(\d\d)\b", r"0\1:\2", part)
    part = _WORD.sub(lambda m: _replace_word(m[0]), part)
    part = re.sub(r"\s+:\s*|:\s+", " ", part)
    part = re.sub(r"\s*-\s*", "-", re.sub(r"\s*,\s*", ",", part))
    return re.sub(r"\s+", " ", part).strip(" ,:")


def _replace_word(word: str) -> str:
    folded = fold(word)
    if folded in _DAY_WORDS:
        return _DAY_WORDS[folded]
    if folded in _FILLERS:
        return " "
    if folded in _UNTIL:
        return "-"
    return "," if folded in _AND else word


def _split_part(part: str) -> list[str]:
    """Return one part for each pair of days and hours; the part itself where it has no pairs."""
    first = _HOURS.search(part)
    if first is None:
        return [part]
    days = [day.strip(" :") for day in part[: first.start()].split(",") if day.strip(" :")]
    hours = [piece.strip() for piece in part[first.start() :].replace(" ", ",").split(",")]
    if not days or len(days) * len(hours) == 1:
        return [part]
    return [f"{day} {span}" for day in days for span in hours if span]


def translate_opening(text: str, language: str) -> str:
    """Return opening hours in their one form with the days of a language."""
    if language != "fr":
        return text
    french = dict(zip(DAYS, _FRENCH_DAYS, strict=True))
    return re.sub("|".join(DAYS), lambda match: french[match[0]], text)


EXAMPLE_HOURS = BilingualPhrase("Mon-Sat 05:00-23:00", translate_opening("Mon-Sat 05:00-23:00", "fr"))
"""Hours as a cell may hold them, for the mend of some that cannot be read."""


_RANGE = re.compile(
    r"(?P<first>[A-Za-z]{3})(?:-(?P<last>[A-Za-z]{3}))?\s+"
    r"(?P<from>\d{1,2}:\d{2})-(?P<to>\d{1,2}:\d{2})"
)


@dataclass(frozen=True, slots=True)
class Opening:
    """Weekly opening hours: per weekday (0 = Monday) ranges of minutes of the local day."""

    days: tuple[tuple[tuple[int, int], ...], ...]

    def is_open(self, weekday: int, minute: int) -> bool:
        """Return whether a minute of the local day is inside the opening hours."""
        return any(start <= minute < end for start, end in self.days[weekday])


@lru_cache(maxsize=4096)
def parse_opening(text: str) -> Opening:
    """Parse opening hours in English or French; ValueError says which part is not understood.

    A range that ends at 24:00 ends the day; one that would pass midnight is written as two.
    """
    days: list[list[tuple[int, int]]] = [[] for _ in DAYS]
    for part in (piece.strip() for piece in normalize_opening(text).split(";")):
        if not part:
            continue
        match = _RANGE.fullmatch(part)
        if match is None:
            raise ValueError(Phrase("{0!r} is not like 'Mon-Fri 08:00-20:00'", part))
        first = _parse_day(match["first"])
        last = _parse_day(match["last"] or match["first"])
        start, end = _parse_minute(match["from"]), _parse_minute(match["to"])
        if last < first:
            raise ValueError(Phrase("{0!r}: the days run backwards; write two ranges", part))
        if end <= start:
            raise ValueError(Phrase("{0!r}: the end is not after the start", part))
        for day in range(first, last + 1):
            days[day].append((start, end))
    for day_ranges in days:
        day_ranges.sort()
        for (_, end), (start, _) in pairwise(day_ranges):
            if start < end:
                raise ValueError(Phrase("{0!r}: two ranges of one day overlap", text))
    if not any(days):
        raise ValueError(Phrase("no opening hours"))
    return Opening(tuple(tuple(day) for day in days))


def _parse_day(text: str) -> int:
    try:
        return DAYS.index(text.title())
    except ValueError:
        raise ValueError(Phrase("{0!r} is not a day (Mon Tue Wed Thu Fri Sat Sun)", text)) from None


def _parse_minute(text: str) -> int:
    hour, minute = (int(piece) for piece in text.split(":"))
    if minute > 59 or hour * 60 + minute > 24 * 60:
        raise ValueError(Phrase("{0!r} is not a time of day", text))
    return hour * 60 + minute


_REMARK = re.compile(r"\s*\([^()]*\)$")
"""What a calendar adds to a name: observed on another day, or estimated."""
_NO_NAMES: tuple[str, ...] = ()


@lru_cache(maxsize=64)
def _load_calendar(country: str, year: int) -> dict[date, tuple[str, ...]]:
    found = holidays.country_holidays(country, years=year)
    return {day: tuple(dict.fromkeys(_REMARK.sub("", name) for name in found.get_list(day))) for day in found}


def list_holiday_names(country: str, day: date) -> tuple[str, ...]:
    """Return the public holidays of a country on ``day`` by name, none on other days.

    ``country`` is an ISO code; empty = no holidays. A remark such as "(observed)" is left out, so
    that a holiday has one name in all years.
    """
    return _load_calendar(country, day.year).get(day, _NO_NAMES) if country else _NO_NAMES


@cache
def list_calendar_countries() -> frozenset[str]:
    """Return the countries whose public holidays are known."""
    return frozenset(holidays.list_supported_countries())


def list_calendar_names(country: str, years: range) -> frozenset[str]:
    """Return the names that the public holidays of a country have in some years."""
    return frozenset(name for year in years for names in _load_calendar(country, year).values() for name in names)


def is_holiday(country: str, day: date) -> bool:
    """Return whether ``day`` is a public holiday of a country (ISO code; empty = never)."""
    return bool(list_holiday_names(country, day))


def is_closed_by_holiday(country: str, open_holidays: Sequence[str], day: date) -> bool:
    """Return whether a public holiday closes a programme that is open on some of them by name.

    Where two holidays fall on one day, one that closes is enough.
    """
    names = list_holiday_names(country, day)
    return bool(names) and not set(names) <= set(open_holidays)


def find_open_instants(programme: Programme, starts: Sequence[datetime]) -> NDArray[np.bool_]:
    """Return, for each UTC instant, whether the programme takes calls then."""
    opening = parse_opening(programme.opening)
    tz = zone(programme.time_zone)
    out = np.zeros(len(starts), dtype=np.bool_)
    for i, start in enumerate(starts):
        local = start.astimezone(tz)
        out[i] = opening.is_open(local.weekday(), local.hour * 60 + local.minute) and not is_closed_by_holiday(
            programme.holidays, programme.open_holidays, local.date()
        )
    return out
