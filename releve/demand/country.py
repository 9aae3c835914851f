"""The country whose public holidays matter to a programme."""

from __future__ import annotations

from functools import cache
from importlib import resources

from releve.network import Programme

__all__ = ["calendar_country", "country_of_zone"]


@cache
def _countries() -> dict[str, str]:
    text = resources.files("tzdata").joinpath("zoneinfo", "zone.tab").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in text.splitlines() if not line.startswith("#"))
    return {row[2]: row[0] for row in rows}


def country_of_zone(time_zone: str) -> str:
    """Return the ISO country a time zone is named for, empty where it is for none (``UTC``)."""
    return _countries().get(time_zone, "")


def calendar_country(programme: Programme) -> str:
    """Return the country whose holidays close the programme or, if none does, may move its calls.

    A programme open on holidays is looked at with the calendar of its time zone; whether its calls
    change on them is learnt from its history, so a wrong country does no harm.
    """
    return programme.holidays or country_of_zone(programme.time_zone)
