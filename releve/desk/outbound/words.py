"""The calling rules, what is known of a person and what they said, in the words of the desk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any

from django.template import Library
from django.utils.dates import MONTHS, WEEKDAYS
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext

from releve.campaign.person_lookup import KnownFact
from releve.desk.filters import add_words
from releve.desk.outbound.code_words import (
    COLUMNS,
    DIRECTIONS,
    FACTS,
    FAULTS,
    FILES,
    GATES,
    JURISDICTIONS,
    PARAMETERS,
    SAYINGS,
    SURENESS,
    TABLES,
    VALUES,
)
from releve.desk.outbound.page import PersonLook
from releve.desk.places.stream_context import when
from releve.desk.text import NARROW, Text, format_duration, text_now
from releve.outbound import LegalRow
from releve.outbound.dates_text import format_time_of_day
from releve.outbound.holidays import HolidayRules
from releve.outbound.legal_rows import LEGAL_ZONE, Words
from releve.outbound.phrases import format_basis, word_label
from releve.outbound.row_json import format_minutes
from releve.outbound.rule_impact import Flip
from releve.outbound.sentences import REASONS, render_outline
from releve.outbound.sources import list_source_numbers
from releve.outbound.verdict import CallFinding
from releve.outbound.vocabulary import get_vocabulary, list_word_columns

if TYPE_CHECKING:
    pass

register = Library()
_ANY_ZONE = "UTC"

_VOCABULARIES = (
    "object", "person-kind", "purpose", "mode", "channel", "item", "act", "outcome",
    "refusal-kind", "feed", "list",
)  # fmt: skip
"""Where a word is looked up; the same word means the same in those that share it."""


def value_word(code: str, language: str) -> str:
    """Return a word of the law's vocabularies as people say it; any other text as it is written."""
    if code in VALUES:
        return str(VALUES[code])
    found = (get_vocabulary(name).by_id.get(code) for name in _VOCABULARIES)
    return next((word.label.of(language) for word in found if word is not None), code)


@register.filter
def value(code: str) -> str:
    """Return a word of the law's vocabularies in the reader's language."""
    return value_word(code, text_now(_ANY_ZONE).language)


@register.filter
def said(words: Words | None) -> str:
    """Return a text of the law in the reader's language; empty where there is none."""
    return "" if words is None else words.of(text_now(_ANY_ZONE).language)


@register.filter
def rule_texts(name: str, texts: Mapping[str, Sequence[Words]] | None) -> str:
    """Return what the rows of an id say; empty where nothing is known of it."""
    return " / ".join(dict.fromkeys(map(said, (texts or {}).get(name, ()))))


@register.filter
def age_words(minutes: int | None) -> str:
    """Return how long ago a register was read."""
    if minutes is None:
        return _("never read")
    age = format_duration(minutes) or _("less than a minute")
    return _("read {age} ago").format(age=age)


@register.filter
def by_label(counts: Mapping[date, int] | Sequence[int]) -> dict[str, int]:
    """Return counts under the day or the hour that they are of; hours with none are left out."""
    text = text_now(_ANY_ZONE)
    if isinstance(counts, Mapping):
        return {text.day(day): count for day, count in counts.items()}
    return {text.hour(hour): count for hour, count in enumerate(counts) if count}


@register.filter
def largest(counts: Mapping[str, int]) -> int:
    """Return the largest of some counts, of which there is one at least."""
    return max(counts.values())


@register.filter
def of_hundred(percent: float) -> str:
    """Return a percentage."""
    return text_now(_ANY_ZONE).percent(percent / 100)


@register.filter
def above(share: float, most_percent: float | None) -> bool:
    """Return whether a share is above what policy bears, where it says so."""
    return most_percent is not None and 100 * share > most_percent


@register.filter
def basis_words(basis: str) -> str:
    """Return what a call rests on; a dash where it rests on nothing."""
    return format_basis(basis, text_now(_ANY_ZONE).language) if basis else "—"


@register.filter
def clock_words(look: PersonLook) -> str:
    """Return where a person may be, with the time there."""
    language = text_now(_ANY_ZONE).language
    return ", ".join(
        f"{said(look.territories[place.territory])}, "
        + format_time_of_day(place.local.hour, place.local.minute, language)
        for place in look.places
    )


@register.filter
def cell_words(fact: KnownFact) -> dict[str, str]:
    """Return the values of a fact in words, under what their columns are called."""
    return {
        str(COLUMNS[name]): _format_cell(fact.table, name, value)
        for name, value in fact.cells.items()
    }


def _format_cell(table: str, column: str, value: Any) -> str:
    """Return a cell in words: dates, words of the vocabularies, what is wrong with a date."""
    text = text_now(LEGAL_ZONE)
    if isinstance(value, date):
        return date_words(value)
    if value is True:
        return _("yes")
    if column == "unreadable":
        return REASONS[value].of(text.language)
    if column == "basis":
        return format_basis(value, text.language)
    name = list_word_columns().get(table, {}).get(column)
    if name is None:
        return str(value)
    words = value if isinstance(value, tuple) else [value]
    return text.list([word_label(name, word, text.language) for word in words])


@register.filter
def date_words(at: date | None) -> str:
    """Return when a fact is of: an instant or a day."""
    if at is None:
        return _("no date")
    text = text_now(LEGAL_ZONE)
    return when(at, text) if isinstance(at, datetime) else text.day(at, weekday=False)


@register.filter
def outline(row: LegalRow) -> str:
    """Return what a row refuses with, with gaps for a call's own figures; empty for none."""
    language = text_now(_ANY_ZONE).language
    return " ".join(render_outline(words, language) for words in (row.refuses, row.remedy) if words)


@register.filter
def sureness(marks: Sequence[str]) -> str:
    """Return how sure a row is."""
    return text_now(_ANY_ZONE).list([str(SURENESS.get(mark, mark)) for mark in marks])


@register.filter
def limits(row: LegalRow) -> dict[str, str]:
    """Return a row's parameters, and which calls it binds where it says so."""
    applies = row.applies
    scope = {
        _("Binds calls to"): applies.callees,
        _("Binds calls for"): applies.purposes,
        _("Binds these ways of dialling"): applies.modes,
        _("Binds these objects"): applies.objects,
        _("Binds these channels"): applies.channels if applies.channels != {"voice"} else None,
        _("Binds in these territories only"): applies.places,
        _("Does not bind in"): applies.except_places,
        _("Binds the calls of these clients only"): applies.clients,
        _("Does not bind the calls of"): applies.except_clients,
    }
    parameters = {str(PARAMETERS.get(name, name)): one for name, one in row.parameters.items()}
    values = parameters | {label: words for label, words in scope.items() if words}
    return {label: _format_value(one, text_now(_ANY_ZONE)) for label, one in values.items()}


def _format_value(value: Any, text: Text) -> str:
    for kind, writes in _WRITERS.items():
        if isinstance(value, kind):
            return writes(value, text)
    return _format_week(value)


def _format_words(words: frozenset[str], text: Text) -> str:
    return ", ".join(sorted(value_word(word, text.language) for word in words))


def _format_mapping(values: dict[str, Any], text: Text) -> str:
    parts = [
        f"{value_word(key, text.language)} {_format_value(one, text)}"
        for key, one in values.items()
    ]
    return (f"{NARROW}; " if text.french else "; ").join(parts)


def _format_days(value: HolidayRules, text: Text) -> str:
    fixed = [f"{day} {MONTHS[month]}" for month, day in value.fixed]
    moving = [
        ngettext("Easter Sunday {days} day", "Easter Sunday {days} days", abs(days)).format(
            days=f"{days:+d}"
        )
        if days
        else _("Easter Sunday")
        for days in value.from_easter
    ]
    return ", ".join([*fixed, *moving])


def _format_week(week: Any) -> str:
    """Return a week of windows: the weekdays of the same hours together."""
    hours = [
        ", ".join(f"{format_minutes(start)}–{format_minutes(end)}" for start, end in windows)
        for windows in week
    ]
    parts = []
    for said_hours, days in groupby(range(7), hours.__getitem__):
        names = [str(WEEKDAYS[day]) for day in days]
        if said_hours:
            parts.append(f"{'–'.join(names[:: max(1, len(names) - 1)])} {said_hours}")
    return ", ".join(parts)


_WRITERS: dict[type, Callable[[Any, Text], str]] = {
    bool: lambda value, text: _("yes") if value else _("no"),
    int: lambda value, text: text.number(value),
    float: lambda value, text: text.plain(value),
    str: lambda value, text: value_word(value, text.language),
    frozenset: _format_words,
    dict: _format_mapping,
    HolidayRules: _format_days,
}


@register.filter
def direction_counts(flips: Sequence[Flip]) -> dict[str, int]:
    """Return how many calls would flip, by what they would become."""
    count = Counter(flip.direction for flip in flips)
    return {str(word): count[name] for name, word in DIRECTIONS.items()}


@register.filter
def gained(flip: Flip) -> dict[str, CallFinding]:
    """Return the findings that refuse a call only after the change, by their row's version."""
    found = {finding.row.version: finding for finding in flip.after.findings}
    return {version: one for version, one in found.items() if version in flip.gained}


@register.filter
def explained(finding: CallFinding) -> str:
    """Return why a row refuses a call."""
    return finding.explains(text_now(_ANY_ZONE).language)


register.filter("source_numbers", list_source_numbers)
add_words(register, "direction", DIRECTIONS)
add_words(register, "fact_word", FACTS)
add_words(register, "fault_words", FAULTS)
add_words(register, "file_words", FILES)
add_words(register, "gate_word", GATES, else_code=True)
add_words(register, "jurisdiction", JURISDICTIONS, else_code=True)
add_words(register, "register_word", {**TABLES, "attempts": lazy("Attempts")})
add_words(register, "saying", SAYINGS)
add_words(register, "table_word", TABLES)
