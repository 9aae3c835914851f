"""Outbound calls in the reader's language: filters around the words that the engine has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING

from django.template import Library
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from releve.campaign.person_lookup import KnownFact, PersonHistory
from releve.desk.filters import add_words
from releve.desk.text import format_duration, text_now
from releve.gate.fault_sentences import FAULT_SENTENCES
from releve.outbound import LegalRow
from releve.outbound.dates_text import format_time_of_day
from releve.outbound.fact_text import COLUMN_LABELS, FACT_LABELS, format_cell
from releve.outbound.legal_rows import LEGAL_ZONE, Words
from releve.outbound.phrases import format_basis, word_label
from releve.outbound.row_text import (
    GATE_LABELS,
    JURISDICTION_LABELS,
    SURENESS_LABELS,
    describe_limits,
    value_label,
)
from releve.outbound.sentences import render_outline
from releve.outbound.sources import list_source_numbers
from releve.outbound.verdict import CallFinding

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

register = Library()
_ANY_ZONE = "UTC"

SAYINGS: Mapping[str, StrPromise] = {
    "stop": lazy("“Stop calling me”"),
    "refusal": lazy("Refuses the offer"),
    "not-interested": lazy("Not interested"),
    "not-now": lazy("Not now"),
    "outcome": lazy("Outcome of the call"),
}
"""What a person says, as it is asked of the agent who hears it."""
_DIRECTIONS: Mapping[str, StrPromise] = {
    "refused": lazy("Would be refused"),
    "allowed": lazy("Would be allowed"),
    "moved": lazy("Refused by other rows"),
}
_FILES: Mapping[str, StrPromise] = {
    "sheet.csv": lazy("this sheet as a table"),
    "sheet.json": lazy("this sheet as data"),
    "facts.jsonl": lazy("its facts as they were sealed, with their proofs"),
    "consents.csv": lazy("each consent to the calls of this client about this object"),
    "consents.jsonl": lazy("the same with their proofs"),
}


def _language() -> str:
    return text_now(_ANY_ZONE).language


@register.filter
def said(words: Words | None) -> str:
    """Return a text of the law in the reader's language; empty where there is none."""
    return "" if words is None else words.of(_language())


def _add_labels(name: str, labels: Mapping[str, Words]) -> None:
    """Register the filter that writes a code as its label; a code without one as it is."""

    @register.filter(name)
    def write_label(code: str) -> str:
        return said(labels[code]) if code in labels else code


@register.filter
def word(code: str, vocabulary: str) -> str:
    """Return a word of one of the law's vocabularies, as it stands alone."""
    return str(capfirst(word_label(vocabulary, code, _language())))


@register.filter
def value(code: str) -> str:
    """Return a word of the law's vocabularies in the reader's language."""
    return value_label(code, _language())


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
    return format_basis(basis, _language()) if basis else "—"


@register.filter
def clock_words(history: PersonHistory) -> str:
    """Return where a person may be, with the time there."""
    return ", ".join(
        f"{said(history.territories[place.territory])}, "
        + format_time_of_day(place.local.hour, place.local.minute, _language())
        for place in history.verdict.places
    )


@register.filter
def cell_words(fact: KnownFact) -> dict[str, str]:
    """Return the values of a fact in words, under what their columns are called."""
    return {
        said(COLUMN_LABELS[name]): date_words(value)
        if isinstance(value, date)
        else format_cell(fact.table, name, value, _language())
        for name, value in fact.cells.items()
    }


@register.filter
def date_words(at: date | None) -> str:
    """Return when a fact is of: an instant or a day."""
    if at is None:
        return _("no date")
    text = text_now(LEGAL_ZONE)
    return text.moment(at) if isinstance(at, datetime) else text.day(at, weekday=False)


@register.filter
def outline(row: LegalRow) -> str:
    """Return what a row refuses with, with gaps for a call's own figures; empty for none."""
    return render_outline(row, _language())


@register.filter
def sureness(marks: Sequence[str]) -> str:
    """Return how sure a row is."""
    return text_now(_ANY_ZONE).list([said(SURENESS_LABELS[mark]) for mark in marks])


@register.filter
def limits(row: LegalRow) -> dict[str, str]:
    """Return a row's parameters, and which calls it binds where it says so."""
    return describe_limits(row, _language())


@register.filter
def explained(finding: CallFinding) -> str:
    """Return why a row refuses a call."""
    return finding.explains(_language())


register.filter("source_numbers", list_source_numbers)
add_words(register, "direction", _DIRECTIONS)
add_words(register, "file_words", _FILES)
add_words(register, "saying", SAYINGS)
_add_labels("fact_word", FACT_LABELS)
_add_labels("fault_words", FAULT_SENTENCES)
_add_labels("gate_word", GATE_LABELS)
_add_labels("jurisdiction", JURISDICTION_LABELS)
