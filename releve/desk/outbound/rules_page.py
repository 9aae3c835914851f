"""The rule table of a day for a page: each row with all that a lawyer asks of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils.dates import MONTHS, WEEKDAYS
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from releve.desk.outbound.words import GATES, JURISDICTIONS, PARAMETERS, SURENESS, value_word
from releve.desk.text import NARROW, Text
from releve.outbound import LegalRow, LegalRules
from releve.outbound.holidays import HolidayRules
from releve.outbound.row_json import format_minutes
from releve.outbound.sentences import render_outline
from releve.outbound.sources import SOURCES, list_source_numbers


@dataclass(frozen=True, slots=True)
class RowView:
    """One row in words; ``more`` are its parameters and the calls it binds, label and text."""

    id: str
    anchor: str
    gate: str
    gate_word: str
    first: str
    last: str
    rule: str
    refuses: str
    more: tuple[tuple[str, str], ...]
    exceptions: tuple[str, ...]
    sanction: str
    reference: str
    sources: tuple[str, ...]
    sure: str
    unsure: bool
    doubt: str


@dataclass(frozen=True, slots=True)
class RulesSection:
    """The rows of one country."""

    code: str
    name: str
    rows: tuple[RowView, ...]


@dataclass(frozen=True, slots=True)
class RuleSource:
    """What the number of a source stands for."""

    number: str
    text: str


@dataclass(frozen=True, slots=True)
class RulesPage:
    """The table of a day, with the filter that gave it."""

    day: str
    day_words: str
    fault: str
    jurisdiction: str
    jurisdictions: tuple[tuple[str, str, bool], ...]
    sections: tuple[RulesSection, ...]
    count: str
    unsure: str
    sources: tuple[RuleSource, ...]
    version: str
    may_change: bool


def build_rules_page(
    rules: LegalRules, day: date, jurisdiction: str, text: Text, *, fault: str, may_change: bool
) -> RulesPage:
    """Return the table in force on a legal day, of one jurisdiction or of all."""
    rows = [row for row in rules.rows if row.binds_on(day)]
    codes = sorted({row.jurisdiction for row in rules.rows}, key=_sort_key)
    sections = tuple(
        RulesSection(
            code, _say(JURISDICTIONS, code), tuple(_build_row_view(row, text) for row in mine)
        )
        for code in codes
        if jurisdiction in ("", code) and (mine := [r for r in rows if r.jurisdiction == code])
    )
    shown = [row for section in sections for row in section.rows]
    numbers = {number for row in shown for number in row.sources}
    return RulesPage(
        day=day.isoformat(),
        day_words=text.day(day),
        fault=fault,
        jurisdiction=jurisdiction,
        jurisdictions=tuple((c, _say(JURISDICTIONS, c), c == jurisdiction) for c in codes),
        sections=sections,
        count=text.number(len(shown)),
        unsure=text.number(sum(row.unsure for row in shown)),
        sources=tuple(RuleSource(n, SOURCES[n]) for n in SOURCES if n in numbers),
        version=rules.version,
        may_change=may_change,
    )


def _sort_key(code: str) -> tuple[bool, bool, str]:
    return (code == "ANY", code != "FR", code)


def _build_row_view(row: LegalRow, text: Text) -> RowView:
    lang = text.language
    return RowView(
        id=row.id,
        anchor=row.version.replace("@", "-") + f"-{row.kind}",
        gate=row.gate,
        gate_word=_say(GATES, row.gate),
        first=text.day(row.first, weekday=False) if row.first else "",
        last=text.day(row.last, weekday=False) if row.last else "",
        rule=row.rule.of(lang),
        refuses=" ".join(
            render_outline(words, lang) for words in (row.refuses, row.remedy) if words
        ),
        more=(*_describe_parameters(row, text), *_describe_scope(row, text)),
        exceptions=row.exceptions,
        sanction=", ".join(row.sanction),
        reference=row.reference,
        sources=list_source_numbers(row.source),
        sure=text.list([_say(SURENESS, mark) for mark in row.sure]),
        unsure=row.unsure,
        doubt=row.doubt.of(lang) if row.doubt else "",
    )


def _say(words: Mapping[str, Any], code: str) -> str:
    return str(words.get(code, code))


def _describe_parameters(row: LegalRow, text: Text) -> Iterable[tuple[str, str]]:
    for name, value in row.parameters.items():
        yield _say(PARAMETERS, name), _format_value(value, text)


def _describe_scope(row: LegalRow, text: Text) -> Iterable[tuple[str, str]]:
    """Return which calls a row binds, where it says so."""
    applies = row.applies
    limits: tuple[tuple[str, frozenset[str] | None], ...] = (
        (_("Binds calls to"), applies.callees),
        (_("Binds calls for"), applies.purposes),
        (_("Binds these ways of dialling"), applies.modes),
        (_("Binds these objects"), applies.objects),
        (_("Binds these channels"), applies.channels if applies.channels != {"voice"} else None),
        (_("Binds in these territories only"), applies.places),
        (_("Does not bind in"), applies.except_places),
        (_("Binds the calls of these clients only"), applies.clients),
        (_("Does not bind the calls of"), applies.except_clients),
    )
    return ((label, _format_value(words, text)) for label, words in limits if words)


def _format_value(value: Any, text: Text) -> str:
    for kind, writes in _WRITERS.items():
        if isinstance(value, kind):
            return writes(value, text)
    return _format_week(value, text)


def _format_words(value: frozenset[str], text: Text) -> str:
    return ", ".join(sorted(value_word(word, text.language) for word in value))


def _format_mapping(value: dict[str, Any], text: Text) -> str:
    parts = [
        f"{value_word(key, text.language)} {_format_value(one, text)}" for key, one in value.items()
    ]
    return "; ".join(parts) if not text.french else f"{NARROW}; ".join(parts)


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


def _format_week(value: Any, text: Text) -> str:
    """Return a week of windows: the weekdays of the same hours together."""
    parts: list[tuple[str, list[int]]] = []
    for weekday, windows in enumerate(value):
        said = ", ".join(f"{format_minutes(start)}–{format_minutes(end)}" for start, end in windows)
        if said and parts and parts[-1][0] == said and parts[-1][1][-1] == weekday - 1:
            parts[-1][1].append(weekday)
        elif said:
            parts.append((said, [weekday]))
    names = [(said, str(WEEKDAYS[days[0]]), str(WEEKDAYS[days[-1]])) for said, days in parts]
    return ", ".join(f"{a}–{b} {said}" if a != b else f"{a} {said}" for said, a, b in names)


_WRITERS: dict[type, Callable[[Any, Text], str]] = {
    bool: lambda value, text: _("yes") if value else _("no"),
    int: lambda value, text: text.number(value),
    float: lambda value, text: text.plain(value),
    str: lambda value, text: value_word(value, text.language),
    frozenset: _format_words,
    dict: _format_mapping,
    HolidayRules: _format_days,
}
