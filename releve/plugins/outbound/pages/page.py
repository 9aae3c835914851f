"""What the pages of outbound calls hold: campaigns, people, requests, rights, rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any

from django.template import Library
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from pydantic import Field, PlainSerializer, SkipValidation

from releve.desk.filters import add_words
from releve.desk.page import PageModel
from releve.desk.text import format_duration, text_now
from releve.plugins.outbound.campaign.reports import AbandonedDay
from releve.plugins.outbound.campaign.rule_trial import KnownFact, PersonHistory, history_to_json
from releve.plugins.outbound.engine.fact_files import COLUMN_LABELS, FACT_LABELS, format_cell
from releve.plugins.outbound.engine.legal_rows import LEGAL_ZONE, LegalRow, Words, list_source_numbers
from releve.plugins.outbound.engine.phrases import format_basis, render_outline, word_label
from releve.plugins.outbound.engine.row_text import (
    GATE_LABELS,
    JURISDICTION_LABELS,
    SURENESS_LABELS,
    describe_limits,
    format_time_of_day,
    value_label,
)
from releve.plugins.outbound.engine.rule_impact import Flip, count_directions, flip_to_json
from releve.plugins.outbound.engine.rule_kinds import row_to_json
from releve.plugins.outbound.engine.verdict import CallFinding
from releve.plugins.outbound.gate.fact_import import FAULT_SENTENCES
from releve.plugins.outbound.gate.person_requests import RecordedRequest
from releve.plugins.outbound.gate.person_rights import CampaignAnswer, StoredData, answer_to_json
from releve.plugins.outbound.gate.request_feeds import AsideRow, FeedPosition

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise


LegalText = Annotated[Words, PlainSerializer(Words._asdict)]
RuleRow = Annotated[LegalRow, SkipValidation, PlainSerializer(row_to_json)]
PersonRecord = Annotated[PersonHistory, SkipValidation, PlainSerializer(history_to_json)]
CampaignRefusal = Annotated[CampaignAnswer, SkipValidation, PlainSerializer(answer_to_json)]
FlippedCall = Annotated[Flip, SkipValidation, PlainSerializer(flip_to_json)]
_MOST_LISTED = 200


class CampaignCard(PageModel):
    """A campaign; its days, where it has some, are legal days and both included."""

    campaign: str
    client: str
    object: str
    mode: str
    first: date | None
    last: date | None


class CampaignLine(CampaignCard):
    """A campaign in the list."""

    refused_today: int


class CampaignsPage(PageModel):
    """The campaigns that the reader may see; the registers, for those who manage outbound calls."""

    campaigns: tuple[CampaignLine, ...]
    registers: dict[str, int | None] = Field(description="Minutes since each was read; null: never")
    may_look: bool


class CampaignPage(CampaignCard):
    """A campaign's figures from one legal day to another, both included."""

    first: date
    last: date
    allowed: int
    refused: int
    policy_only: int
    by_rule: Mapping[str, int]
    texts: Mapping[str, tuple[LegalText, ...]] = Field(description="Of the rows of each rule")
    by_hour: tuple[int, ...] = Field(description="Attempts by the hour of the callee's clock")
    several_clocks: int
    expiring: Mapping[date, int] = Field(description="Consents, by their last day")
    pacing: tuple[AbandonedDay, ...]
    most_percent: float | None = Field(description="Abandoned calls that policy bears")
    may_look: bool


class SheetPage(CampaignCard):
    """A campaign in a period on one sheet, with how many of its facts there are and are proved."""

    first: date
    last: date
    report: Mapping[str, Any] = Field(description="As in the file sheet.json")
    facts: int
    proved: int
    files: tuple[str, ...]
    time_zone: str = LEGAL_ZONE


class PersonPage(PageModel):
    """A person's history and the verdict on a call now, once it was asked for."""

    time_zone: str = LEGAL_ZONE
    history: PersonRecord | None = None


class RequestPage(PageModel):
    """What was recorded of the request before, and what is refused from now on; in numbers."""

    recorded: RecordedRequest | None = None
    answers: tuple[CampaignRefusal, ...] = ()
    may_see_rights: bool
    may_see_feeds: bool
    time_zone: str = LEGAL_ZONE

    @property
    def refusing(self) -> tuple[CampaignRefusal, ...]:
        """The campaigns that refuse because of what the person said."""
        return tuple(one for one in self.answers if one.for_request)

    @property
    def first_allowed(self) -> datetime | None:
        """When the first of them could call again, if any can be seen to."""
        instants = (one.next_allowed for one in self.refusing if one.next_allowed)
        return min(instants, default=None)


class RightsPage(PageModel):
    """What is stored about a person, in numbers; how many values were erased."""

    stored: StoredData | None = None
    erased: int | None = None


class RulesPage(PageModel):
    """The rows in force on a legal day, of one jurisdiction or of all."""

    on: date
    jurisdiction: str
    jurisdictions: tuple[str, ...]
    version: str
    rows: tuple[RuleRow, ...]
    unsure: int = Field(description="Rows that a lawyer must read")
    sources: dict[str, str] = Field(description="What the numbers of the rows' sources stand for")
    may_change: bool


class FlipsPage(PageModel):
    """Which of the calls that wait a change of the rules would flip; null before it was tried."""

    time_zone: str = LEGAL_ZONE
    calls: int = 0
    flips: tuple[FlippedCall, ...] | None = None
    faults: tuple[str, ...] = Field(default=(), description="Of the files; of the tables in the reader's language")

    @property
    def counts(self) -> dict[str, int]:
        """How many calls would become what."""
        return count_directions(self.flips or ())

    @property
    def listed(self) -> tuple[Flip, ...]:
        """The calls that HTML lists; JSON has all of them."""
        return (self.flips or ())[:_MOST_LISTED]

    @property
    def more(self) -> int:
        """How many it does not list."""
        return len(self.flips or ()) - len(self.listed)


class FeedsPage(PageModel):
    """What was read and which rows of it were set aside, the newest first."""

    time_zone: str = LEGAL_ZONE
    read: tuple[FeedPosition, ...]
    set_aside: tuple[AsideRow, ...]


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
