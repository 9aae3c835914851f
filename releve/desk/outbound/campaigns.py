"""A campaign and a person as the desk shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from releve.campaign.figures import CampaignFigures
from releve.campaign.person_lookup import SHORTEST_REASON, PersonHistory
from releve.desk.forms import build_id_field, set_choices
from releve.desk.outbound.words import COLUMNS
from releve.desk.places.stream_context import when
from releve.desk.text import Text
from releve.gate.models import CampaignRow
from releve.outbound import LegalRules
from releve.outbound.attempt_provider import is_own_provider
from releve.outbound.dates_text import format_time_of_day
from releve.outbound.phrases import format_basis, word_label
from releve.outbound.sentences import REASONS
from releve.outbound.vocabulary import list_word_columns

_PERSONAL = ("person", "number", "proof")


@dataclass(frozen=True, slots=True)
class ShareBar:
    """A figure with its label; ``most`` is the largest of its kind."""

    label: str
    count: int
    text: str
    most: int
    says: str = ""


@dataclass(frozen=True, slots=True)
class CampaignPage:
    """A campaign's figures over a period."""

    row: CampaignRow
    found: CampaignFigures
    first: str
    last: str
    fault: str
    reasons: tuple[ShareBar, ...]
    hours: tuple[ShareBar, ...]
    expiring: tuple[ShareBar, ...]
    threshold: str
    may_look: bool


class PersonForm(forms.Form):
    """A number whose history is asked for, and why."""

    number = build_id_field(lazy("Number of the person"), longest=40)
    campaign = forms.ChoiceField(label=lazy("Campaign"))
    caller = forms.CharField(label=lazy("Number shown"), max_length=32, required=False)
    reason = forms.CharField(
        label=lazy("Why you look (it is recorded)"), max_length=500, min_length=SHORTEST_REASON
    )

    def __init__(self, names: Sequence[str], *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        set_choices(self, "campaign", [(name, name) for name in names])


@dataclass(frozen=True, slots=True)
class FindingView:
    """A row that refuses, as a person reads it."""

    id: str
    policy: bool
    says: str
    reference: str
    doubt: str


@dataclass(frozen=True, slots=True)
class HistoryEvent:
    """Something known about a person."""

    when: str
    what: str
    values: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class HistoryView:
    """The verdict now with its explanation, and what is known, the newest first."""

    answer: str
    tone: str
    pseudonym: str
    persons: str
    places: tuple[str, ...]
    basis: str
    until: str
    next: str
    findings: tuple[FindingView, ...]
    events: tuple[HistoryEvent, ...]


@dataclass(frozen=True, slots=True)
class PersonPage:
    """The form, and the history once it was asked for."""

    form: PersonForm
    history: HistoryView | None
    fault: str


def build_campaign_page(
    row: CampaignRow,
    found: CampaignFigures,
    rules: LegalRules,
    text: Text,
    *,
    fault: str,
    may_look: bool,
) -> CampaignPage:
    """Return a campaign's figures in words."""
    most = found.most_percent
    reasons = [
        (name, n, _explain_rule(name, found, rules, text)) for name, n in found.by_rule.items()
    ]
    hours = [(text.hour(h), n, "") for h, n in enumerate(found.by_hour) if n]
    expiring = [(text.day(day), n, "") for day, n in found.expiring.items()]
    return CampaignPage(
        row=row,
        found=found,
        first=found.first.isoformat(),
        last=found.last.isoformat(),
        fault=fault,
        reasons=_build_bars(reasons, text),
        hours=_build_bars(hours, text),
        expiring=_build_bars(expiring, text),
        threshold="" if most is None else text.percent(most / 100),
        may_look=may_look,
    )


def _explain_rule(name: str, found: CampaignFigures, rules: LegalRules, text: Text) -> str:
    """Return what the rows of an id say that may have refused a call of the period."""
    said = (
        row.rule.of(text.language)
        for row in rules.rows
        if row.id == name
        and row.gate in found.gates[name]
        and (row.first is None or row.first <= found.last)
        and (row.last is None or row.last >= found.first)
    )
    return " / ".join(dict.fromkeys(said))


def _build_bars(rows: Sequence[tuple[str, int, str]], text: Text) -> tuple[ShareBar, ...]:
    most = max((count for _name, count, _says in rows), default=1)
    return tuple(ShareBar(name, n, text.number(n), most, says) for name, n, says in rows)


def build_history(found: PersonHistory, rules: LegalRules, text: Text) -> HistoryView:
    """Return a person's history in words."""
    verdict, lang = found.verdict, text.language
    answer = (
        _("Allowed")
        if verdict.allowed
        else (_("Refused by policy only") if verdict.legal else _("Refused"))
    )
    return HistoryView(
        answer=answer,
        tone="held" if verdict.allowed else ("thin" if verdict.legal else "missed"),
        pseudonym=found.pseudonym,
        persons=", ".join(found.persons) or _("no person known"),
        places=tuple(
            f"{rules.territories[p.territory].name.of(lang)}, "
            + format_time_of_day(p.local.hour, p.local.minute, lang)
            for p in verdict.places
        ),
        basis=format_basis(verdict.basis, lang) if verdict.basis else "—",
        until=when(verdict.until, text) if verdict.until else "—",
        next=when(verdict.next_allowed, text) if verdict.next_allowed else _("not in sight"),
        findings=tuple(
            FindingView(
                f.row.version,
                not f.legal,
                f.explains(lang),
                f.row.reference,
                f.row.doubt.of(lang) if f.row.doubt else "",
            )
            for f in verdict.findings
        ),
        events=tuple(_build_event(*event, text) for event in found.events),
    )


def _build_event(
    table: str, at: Any, known: datetime | None, cells: dict[str, Any], text: Text
) -> HistoryEvent:
    values = []
    for name, value in cells.items():
        empty = value in ("", None, frozenset(), False)
        unnamed = name == "provider" and is_own_provider(value)
        if not (empty or unnamed or name in _PERSONAL or value == at):
            values.append((str(COLUMNS[name]), _format_cell(table, name, value, text)))
    return HistoryEvent(
        _format_date(at, text) if at else _("no date"), str(_name_tables()[table]), tuple(values)
    )


def _name_tables() -> dict[str, str]:
    return {
        "consents": _("Consent"),
        "withdrawals": _("Withdrawal of consent"),
        "contracts": _("Contract"),
        "callbacks": _("Request to be called"),
        "refusals": _("Refusal in a call"),
        "attempts": _("Attempt"),
        "listings": _("Opposition list"),
    }


def _format_date(value: date, text: Text) -> str:
    return when(value, text) if isinstance(value, datetime) else text.day(value, weekday=False)


def _format_cell(table: str, column: str, value: Any, text: Text) -> str:
    """Return a cell in words: dates, words of the vocabularies, what is wrong with a date."""
    lang = text.language
    if isinstance(value, date):
        return _format_date(value, text)
    if value is True:
        return _("yes")
    if column == "unreadable":
        return REASONS[value].of(lang)
    if column == "basis":
        return format_basis(value, lang)
    name = list_word_columns().get(table, {}).get(column)
    if name is None:
        return str(value)
    words = sorted(value) if isinstance(value, frozenset) else [value]
    return text.list([word_label(name, word, lang) for word in words])
