"""Time zones from the pinned ``tzdata`` package, never from the machine.

The machine's own database may be older (Morocco left UTC+1 on 2026-09-20), so zones are read from
the package by name. Only conversions live here: an engine never asks what time it is.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone
from functools import cache
from importlib import resources
from zoneinfo import ZoneInfo

__all__ = ["UTC", "city", "day_bounds", "is_known_zone", "to_utc", "zone"]

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


def day_bounds(day: date, zone_name: str) -> tuple[datetime, datetime]:
    """Return the first instant of a local day and of the next one, in UTC."""
    tz = zone(zone_name)
    start = datetime.combine(day, time(), tz).astimezone(UTC)
    end = datetime.combine(day + timedelta(days=1), time(), tz).astimezone(UTC)
    return start, end
