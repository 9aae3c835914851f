"""Types of options: instants, time zones, words of a closed vocabulary; safe text."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime, time
from typing import Any

import click

from releve.network.moments import is_known_zone
from releve.plugins.outbound.engine.errors import WordFault
from releve.plugins.outbound.engine.vocabulary import get_vocabulary, parse_word


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
            self.fail(f"{value!r} is no instant; write it like {self._form}", param, ctx)
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


_MOST_SHOWN = 8


class WordType(click.ParamType[str]):
    """A word; converted to its id."""

    def __init__(self, name: str) -> None:
        self.name = name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the id of the word; BadParameter names the words that it resembles."""
        if value == "" and param is not None and not param.required:
            return ""
        try:
            return parse_word(self.name, str(value)).id
        except WordFault as error:
            self.fail(str(error), param, ctx)

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str | None:
        """Return the words where they are few, else the name of the vocabulary."""
        ids = get_vocabulary(self.name).ids
        return f"[{'|'.join(ids)}]" if len(ids) <= _MOST_SHOWN else self.name.upper()


MODE, OBJECT, ORIGIN = WordType("mode"), WordType("object"), WordType("origin")
PURPOSE, SECTOR = WordType("purpose"), WordType("sector")


def replace_unprintable(text: str) -> str:
    """Return a text with control characters replaced; the spaces of French stay as they are."""
    return "".join(
        c if c.isprintable() or unicodedata.category(c) == "Zs" else "\N{REPLACEMENT CHARACTER}" for c in text
    )
