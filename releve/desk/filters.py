"""Template filters that write values: numbers, shares, instants, in the reader's language."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from django.template import Library
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from releve.desk.live.words import when
from releve.desk.page import StreamPage
from releve.desk.text import text_now, translate_phrase
from releve.errors import Phrase
from releve.plan.work_changes import KindCount, WorkKind, phrase_kinds

register = Library()
_ANY_ZONE = "UTC"
_RUN_TONES = {
    "waiting": "waiting",
    "running": "running",
    **dict.fromkeys(("stopping", "stopped", "broken"), "thin"),
    "failed": "missed",
    "done": "held",
}
RUN_STATES = {
    "waiting": lazy("waiting for its turn"),
    "running": lazy("running"),
    "stopping": lazy("stopping"),
    "stopped": lazy("stopped"),
    "broken": lazy("broken off"),
    "failed": lazy("failed"),
    "done": lazy("done"),
}
"""States of a run of the worker."""


def add_words(
    library: Library, name: str, words: Mapping[str, object], *, else_code: bool = False
) -> Callable[[str], str]:
    """Register and return the filter that writes a code as its word, or its tone, in a table.

    KeyError for a code that the table lacks; ``else_code``: such a code is written as it is.
    """

    @library.filter(name)
    def write_code(code: str) -> str:
        return str(words.get(code, code) if else_code else words[code])

    return write_code


add_words(register, "run_tone", _RUN_TONES)
add_words(register, "run_word", RUN_STATES)


@register.filter
def kind_words(kind: WorkKind) -> str:
    """Return how people's work changes."""
    return translate_phrase(kind.label)


@register.filter
def kinds_words(kinds: Sequence[KindCount]) -> str:
    """Return what the people of a count are; the numbers add up to it."""
    return translate_phrase(phrase_kinds(kinds))


@register.filter
def coverage(share: float | None, digits: int = 0) -> str:
    """Return a coverage; a dash where nothing is known or required."""
    return "–" if share is None else text_now(_ANY_ZONE).coverage(share, digits)


@register.filter
def missing(share: float | None, digits: int = 1) -> str:
    """Return a share that is missing; a dash where it is not known."""
    return "–" if share is None else text_now(_ANY_ZONE).missing(share, digits)


@register.filter
def instant(at: datetime | str | None, time_zone: str) -> str:
    """Return an instant as in a sentence, in a time zone; empty where there is none."""
    return when(_read_instant(at), text_now(time_zone)) if at else ""


@register.filter
def near(at: datetime | None, page: StreamPage) -> str:
    """Return an instant as it is said at the time of a page: ``15 h 30``, ``demain à 8 h``; empty without one."""
    return text_now(page.time_zone).near(at, page.at) if at else ""


@register.filter
def late_record(recorded_at: datetime | str | None, time_zone: str) -> str:
    """Return when something was recorded, where that is late; empty where it is not."""
    at = instant(recorded_at, time_zone)
    return _("recorded late, on {when}").format(when=at) if at else ""


def _read_instant(at: datetime | str) -> datetime:
    return datetime.fromisoformat(at) if isinstance(at, str) else at


@register.filter
def number(value: float | None, digits: int = 0) -> str:
    """Return a rounded number; empty where there is none."""
    return "" if value is None else text_now(_ANY_ZONE).number(value, digits)


@register.filter
def euros(value: float) -> str:
    """Return an amount in whole euros."""
    return text_now(_ANY_ZONE).euros(value)


@register.filter
def lookup(table: Mapping[str, Any], key: str) -> Any:
    """Return the value of a key; None where there is none."""
    return table.get(key)


@register.filter
def named(key: str, names: Mapping[str, str]) -> str:
    """Return the name of an id; the id where it has none."""
    return names.get(key, key)


@register.filter
def clock(at: datetime, time_zone: str) -> str:
    """Return a time of day for a table, in a time zone."""
    return text_now(time_zone).clock(at)


@register.filter
def time_of_day(at: datetime | None, time_zone: str) -> str:
    """Return a time of day for a sentence, in a time zone; empty where there is none."""
    return "" if at is None else text_now(time_zone).time(at)


@register.filter
def own(row: object, name: str = "text") -> str:
    """Return a text that a row holds in both languages."""
    return text_now(_ANY_ZONE).own(row, name)


@register.filter
def moment_at(at: datetime | str | None, time_zone: str) -> str:
    """Return an instant as ``24 novembre 2026 à 14 h 30``; empty where there is none."""
    return text_now(time_zone).moment(_read_instant(at)) if at else ""


@register.filter
def day(value: date | str | None, weekday: bool = False) -> str:
    """Return a day in words; empty where there is none."""
    if not value:
        return ""
    found = date.fromisoformat(value) if isinstance(value, str) else value
    return text_now(_ANY_ZONE).day(found, weekday=weekday)


@register.filter
def short_day(value: date) -> str:
    """Return a day for a tab or the head of a column."""
    return text_now(_ANY_ZONE).short_day(value)


@register.filter
def percent(share: float, digits: int = 0) -> str:
    """Return a share as a rounded percentage."""
    return text_now(_ANY_ZONE).percent(share, digits)


@register.filter
def plain(value: float | str | None) -> str:
    """Return a number with the digits it has, a text as it is; a dash where there is none."""
    if isinstance(value, str):
        return value
    return "–" if value is None else text_now(_ANY_ZONE).plain(value)


@register.filter
def listed(items: Sequence[str]) -> str:
    """Return items as an enumeration: ``a, b and c``."""
    return text_now(_ANY_ZONE).list(list(items))


@register.filter
def say(text: str) -> str:
    """Return a text of an engine in the reader's language."""
    return translate_phrase(text)


@register.filter
def phrase(template: str, values: Sequence[str]) -> str:
    """Return a sentence of an engine that a page holds as its template and its values."""
    return translate_phrase(Phrase.restore(template, values))
