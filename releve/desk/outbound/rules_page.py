"""The rule table of a day for a page: each row with all that a lawyer asks of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils.dates import MONTHS, WEEKDAYS
from django.utils.translation import gettext as _

from releve.desk.outbound.words import GATES, JURISDICTIONS, PARAMETERS, SURENESS, VALUES
from releve.desk.text import NARROW, Text
from releve.outbound import LegalRow, LegalRules
from releve.outbound.holidays import HolidayRules
from releve.outbound.sentences import render_outline
from releve.outbound.sources import SOURCES, list_source_numbers

__all__ = [
    "RowView",
    "RuleSource",
    "RulesPage",
    "RulesSection",
    "build_row_json",
    "build_rules_page",
    "space_punctuation",
]


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


def build_row_json(row: LegalRow) -> dict[str, Any]:
    """Return a row as data, its parameters as they are written in the table."""
    words = {"rule": row.rule, "refuses": row.refuses, "remedy": row.remedy, "doubt": row.doubt}
    applies = row.applies
    binds = {
        "callees": applies.callees, "purposes": applies.purposes, "modes": applies.modes,
        "objects": applies.objects, "channels": applies.channels, "places": applies.places,
        "except_places": applies.except_places or None, "clients": applies.clients,
        "except_clients": applies.except_clients or None,
    }  # fmt: skip
    return {
        "id": row.id,
        "version": row.version,
        "jurisdiction": row.jurisdiction,
        "gate": row.gate,
        "kind": row.kind,
        "from": row.first and row.first.isoformat(),
        "to": row.last and row.last.isoformat(),
        "parameters": {name: _plain_value(value) for name, value in row.parameters.items()},
        "applies": {name: sorted(value) for name, value in binds.items() if value is not None},
        "regulated_calls_only": applies.regulated,
        "exceptions": list(row.exceptions),
        "sanction": list(row.sanction),
        "text": row.reference,
        "sources": list(list_source_numbers(row.source)),
        "sure": list(row.sure),
        "unsure": row.unsure,
        **{name: said and {"fr": said.fr, "en": said.en} for name, said in words.items()},
    }


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
        rule=space_punctuation(row.rule.of(lang), lang),
        refuses=" ".join(
            space_punctuation(render_outline(words, lang), lang)
            for words in (row.refuses, row.remedy)
            if words
        ),
        more=(*_describe_parameters(row, text), *_describe_scope(row, text)),
        exceptions=row.exceptions,
        sanction=", ".join(row.sanction),
        reference=row.reference,
        sources=list_source_numbers(row.source),
        sure=text.list([_say(SURENESS, mark) for mark in row.sure]),
        unsure=row.unsure,
        doubt=space_punctuation(row.doubt.of(lang), lang) if row.doubt else "",
    )


def space_punctuation(said: str, language: str) -> str:
    """Return a French sentence with narrow no-break spaces and curved apostrophes where the files
    have plain ones."""
    if language != "fr":
        return said
    said = said.replace("'", "’")
    for sign in (";", ":", "!", "?", "»", "%"):
        said = said.replace(f" {sign}", f"{NARROW}{sign}")
    return said.replace("« ", f"«{NARROW}")


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
    return ", ".join(sorted(_say(VALUES, word) for word in value))


def _format_mapping(value: dict[str, Any], text: Text) -> str:
    parts = [f"{_say(VALUES, key)} {_format_value(one, text)}" for key, one in value.items()]
    return "; ".join(parts) if not text.french else f"{NARROW}; ".join(parts)


def _format_days(value: HolidayRules, text: Text) -> str:
    fixed = [f"{day} {MONTHS[month]}" for month, day in value.fixed]
    moving = [
        _("Easter Sunday {days} days").format(days=f"{days:+d}") if days else _("Easter Sunday")
        for days in value.from_easter
    ]
    return ", ".join([*fixed, *moving])


def _format_week(value: Any, text: Text) -> str:
    """Return a week of windows: the weekdays of the same hours together."""
    parts: list[tuple[str, list[int]]] = []
    for weekday, windows in enumerate(value):
        said = ", ".join(f"{_format_clock(start)}–{_format_clock(end)}" for start, end in windows)
        if said and parts and parts[-1][0] == said and parts[-1][1][-1] == weekday - 1:
            parts[-1][1].append(weekday)
        elif said:
            parts.append((said, [weekday]))
    names = [(said, str(WEEKDAYS[days[0]]), str(WEEKDAYS[days[-1]])) for said, days in parts]
    return ", ".join(f"{a}–{b} {said}" if a != b else f"{a} {said}" for said, a, b in names)


def _format_clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


_WRITERS: dict[type, Callable[[Any, Text], str]] = {
    bool: lambda value, text: _("yes") if value else _("no"),
    int: lambda value, text: text.number(value),
    float: lambda value, text: text.plain(value),
    str: lambda value, text: _say(VALUES, value),
    frozenset: _format_words,
    dict: _format_mapping,
    HolidayRules: _format_days,
}


def _plain_value(value: Any) -> Any:
    """Return a parameter as JSON can hold it."""
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, dict):
        return {key: _plain_value(one) for key, one in value.items()}
    if isinstance(value, HolidayRules):
        fixed = [f"{month:02d}-{day:02d}" for month, day in value.fixed]
        return fixed + [f"easter{days:+d}" if days else "easter" for days in value.from_easter]
    if isinstance(value, tuple):
        spans = [
            [f"{_format_clock(start)}-{_format_clock(end)}" for start, end in day] for day in value
        ]
        return dict(zip(_DAYS, spans, strict=True))
    return value


_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
