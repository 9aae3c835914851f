"""Dates, times and time zones as people and spreadsheets write them: ISO, French, Excel serials.

Zones are those of the pinned ``tzdata`` package: the machine's own database may be older (Morocco
left UTC+1 on 2026-09-20).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from functools import cache, lru_cache
from importlib import resources
from zoneinfo import ZoneInfo

from releve.errors import Phrase

UTC = timezone.utc  # noqa: UP017 (one name for the whole package)


@cache
def zone(name: str) -> ZoneInfo:
    """Return the time zone ``name``; ValueError when the pinned database has none."""
    parts = name.split("/")
    if not name or any(part in ("", ".", "..") or "\\" in part for part in parts):
        raise ValueError(f"unknown time zone {name!r}")
    source = resources.files("tzdata").joinpath("zoneinfo", *parts)
    if not source.is_file():
        raise ValueError(f"unknown time zone {name!r}")
    with source.open("rb") as stream:
        return ZoneInfo.from_file(stream, key=name)


def city(name: str) -> str:
    """Return the city that a time zone is named after: ``Casablanca`` for ``Africa/Casablanca``."""
    return name.rpartition("/")[2].replace("_", " ")


def is_known_zone(name: str) -> bool:
    """Return whether ``name`` is a time zone of the pinned database."""
    try:
        zone(name)
    except ValueError:
        return False
    return True


def to_utc(local: datetime, zone_name: str) -> datetime:
    """Return a naive local time in UTC.

    ValueError when the time does not exist or exists twice there (a change of the clocks): the
    caller asks for an offset instead of guessing.
    """
    tz = zone(zone_name)
    first = local.replace(tzinfo=tz, fold=0)
    second = local.replace(tzinfo=tz, fold=1)
    if first.utcoffset() != second.utcoffset():
        known = first.astimezone(UTC).astimezone(tz).replace(tzinfo=None) == local
        kind = "exists twice" if known else "does not exist"
        raise ValueError(f"{local.isoformat()} {kind} in {zone_name}: the clocks change then")
    return first.astimezone(UTC)


MIDNIGHT = time()
"""When days begin, unless the operator says otherwise."""


def day_bounds(day: date, zone_name: str, starts: time = MIDNIGHT) -> tuple[datetime, datetime]:
    """Return the first instant of a local day and of the next one, in UTC; ``starts``: when days begin there."""
    tz = zone(zone_name)
    start = datetime.combine(day, starts, tz).astimezone(UTC)
    end = datetime.combine(day + timedelta(days=1), starts, tz).astimezone(UTC)
    return start, end


_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?"
    r"\s*(Z|[+-]\d\d:?\d\d)?)?"
)
_FRENCH = re.compile(r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4})(?:(?:\s+|\s*à\s*)(\d{1,2})\s*[:hH]\s*(\d\d)?(?::(\d\d))?)?")
_TIME = re.compile(r"(\d{1,2})\s*[:hH]\s*(\d\d)?(?::(\d\d)(?:\.\d+)?)?")
_EXCEL_TIME = re.compile(r"1(?:899-12-3[01]|900-01-0[01])[T ](\d\d:\d\d(?::\d\d)?)(?:\.\d+)?")
_SERIAL = re.compile(r"\d{5}(?:[.,]\d+)?")
_FRACTION = re.compile(r"0(?:[.,]\d+)?")
_EXCEL_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001 (a local time)
_FIRST_YEAR, _LAST_YEAR = 1970, 2100
_FIRST_SERIAL, _LAST_SERIAL = 25569, 73415


@dataclass(frozen=True, slots=True)
class CellRefusal:
    """Why a text is not a value of its column, and how to write one; ``meant``: the one word it is a slip of."""

    reason: Phrase
    fix: Phrase
    meant: str = ""


@lru_cache(maxsize=65536)
def parse_moment(text: str) -> tuple[datetime, bool] | CellRefusal | None:
    """Return a date and time and whether it has a time of day; None when it is not like one.

    With an offset the time is in UTC, without one it is naive. An Excel serial number is the days
    since 1899-12-30, taken to the second.
    """
    if match := _ISO.fullmatch(text):
        year, month, day, *clock = match.groups()
    elif match := _FRENCH.fullmatch(text):
        day, _, month, year, hour, minute, second = match.groups()
        clock = [hour, minute, second, None, None]
    elif _SERIAL.fullmatch(text):
        return _parse_serial(float(text.replace(",", ".")))
    else:
        return None
    hour, minute, second, fraction, offset = clock
    try:
        moment = datetime(
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0),
            int((fraction or "0")[:6].ljust(6, "0")),
            tzinfo=_parse_offset(offset),
        )  # fmt: skip
    except ValueError:
        return CellRefusal(Phrase("does not exist"), Phrase("write a day and a time of the calendar"))
    if moment.year == 1899:
        return CellRefusal(Phrase("is a time without a day"), Phrase("write the day as well"))
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        reason = Phrase("has a year outside {0}", f"{_FIRST_YEAR}-{_LAST_YEAR}")
        return CellRefusal(reason, Phrase("write the year in four digits"))
    return moment if moment.tzinfo is None else moment.astimezone(UTC), hour is not None


def _parse_serial(days: float) -> tuple[datetime, bool] | None:
    if not _FIRST_SERIAL <= days < _LAST_SERIAL:
        return None
    return _EXCEL_EPOCH + timedelta(seconds=round(days * 86400)), days != math.floor(days)


def _parse_offset(text: str | None) -> timezone | None:
    if text is None:
        return None
    if text == "Z":
        return UTC
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))


def parse_date_text(text: str) -> date | CellRefusal | None:
    """Return a date; None when the text is not like one."""
    found = parse_moment(text)
    if found is None or isinstance(found, CellRefusal):
        return found
    moment, _ = found
    if moment.tzinfo is not None or moment.time() != time():
        return CellRefusal(Phrase("has a time of day where a date is expected"), Phrase("write the day alone"))
    return moment.date()


@lru_cache(maxsize=4096)
def parse_time_of_day(text: str) -> time | None:
    """Return a time of day (``08:15``, ``8h15``, an Excel time cell), None for anything else."""
    if match := _EXCEL_TIME.fullmatch(text):
        text = match[1]
    if match := _TIME.fullmatch(text):
        hour, minute, second = (int(piece or 0) for piece in match.groups())
        return time(hour, minute, second) if hour < 24 and minute < 60 and second < 60 else None
    if _FRACTION.fullmatch(text):
        seconds = round(float(text.replace(",", ".")) * 86400)
        return (_EXCEL_EPOCH + timedelta(seconds=seconds)).time() if seconds < 86400 else None
    return None
