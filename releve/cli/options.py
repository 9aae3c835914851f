"""Types of options: languages, instants, time zones; safe text."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime, time
from typing import Any

import click

from releve.network.moments import is_known_zone

LANGUAGES = ("en", "fr")


class _Instant(click.ParamType[datetime]):
    """A day and a time of ISO 8601; the offset may be left out where the zone is known."""

    name = "instant"

    def __init__(self, form: str, *, offset: bool) -> None:
        self._form, self._offset = form, offset

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return the instant; BadParameter says what is missing and how it is written."""
        if isinstance(value, datetime):
            return value
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not an instant; write it like {self._form}", param, ctx)
        if _a_day(value):
            self.fail(f"{value!r} has no time; write it like {self._form}", param, ctx)
        if self._offset and found.utcoffset() is None:
            self.fail(f"{value!r} has no offset; write it like {self._form}", param, ctx)
        return found


def _a_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


INSTANT = _Instant("2026-11-24T10:30:00+01:00", offset=True)
_LOCAL = _Instant("2026-12-01T10:30", offset=False)
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


class _LocalOrTime(click.ParamType[datetime | time]):
    """An instant of the operator's, or a time alone, of a day that the command finds."""

    name = "instant"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime | time:
        """Return the time, else the instant."""
        if isinstance(value, str) and _TIME.fullmatch(value):
            return time.fromisoformat(value)
        return _LOCAL.convert(value, param, ctx)


LOCAL_OR_TIME = _LocalOrTime()


class _Zone(click.ParamType[str]):
    """A time zone of IANA's."""

    name = "zone"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the zone; BadParameter where there is none of this name."""
        if not is_known_zone(value):
            self.fail(f"{value!r} is not a time zone; write it like Europe/Paris", param, ctx)
        return str(value)


ZONE = _Zone()


def replace_unprintable(text: str) -> str:
    """Return a text with control characters replaced; the spaces of French stay as they are."""
    return "".join(
        c if c.isprintable() or unicodedata.category(c) == "Zs" else "\N{REPLACEMENT CHARACTER}" for c in text
    )
