"""A campaign and a person as the desk shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django import forms
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from releve.campaign.figures import CampaignFigures
from releve.campaign.person_lookup import SHORTEST_REASON, PersonHistory
from releve.desk.outbound.rules_page import space_punctuation
from releve.desk.outbound.words import VALUES
from releve.desk.places.stream_context import when
from releve.desk.text import Text
from releve.gate.models import CampaignRow
from releve.outbound import LegalRules

__all__ = [
    "CampaignListRow",
    "CampaignPage",
    "PersonForm",
    "PersonPage",
    "build_campaign_json",
    "build_campaign_page",
    "build_campaign_row",
    "build_history",
    "build_history_json",
]  # fmt: skip

_PERSONAL = ("person", "number", "proof")


@dataclass(frozen=True, slots=True)
class CampaignListRow:
    """A campaign in the list."""

    name: str
    client: str
    object: str
    mode: str
    days: str
    url: str


@dataclass(frozen=True, slots=True)
class ShareBar:
    """A figure with its label; ``most`` is the largest of its kind."""

    label: str
    count: int
    text: str
    most: int
    says: str = ""


@dataclass(frozen=True, slots=True)
class PacingRow:
    """A day of the dialler."""

    day: str
    abandoned: str
    handled: str
    share: str
    above: bool


@dataclass(frozen=True, slots=True)
class CampaignPage:
    """A campaign's figures over a period."""

    row: CampaignListRow
    first: str
    last: str
    fault: str
    counts: tuple[tuple[str, str], ...]
    reasons: tuple[ShareBar, ...]
    hours: tuple[ShareBar, ...]
    several: str
    expiring: tuple[ShareBar, ...]
    pacing: tuple[PacingRow, ...]
    threshold: str
    may_look: bool


class PersonForm(forms.Form):
    """A number whose history is asked for, and why."""

    number = forms.CharField(max_length=40)
    campaign = forms.ChoiceField()
    caller = forms.CharField(max_length=32, required=False)
    reason = forms.CharField(max_length=500, min_length=SHORTEST_REASON)

    def __init__(self, names: Sequence[str], *args: object, **options: object) -> None:
        super().__init__(*args, **options)  # type: ignore[arg-type]
        self.fields["campaign"].choices = [(name, name) for name in names]  # type: ignore[attr-defined]
        labels = {
            "number": _("Number of the person"),
            "campaign": _("Campaign"),
            "caller": _("Number shown"),
            "reason": _("Why you look (it is recorded)"),
        }
        for name, label in labels.items():
            self.fields[name].label = label
        self.fields["number"].widget.attrs["autocomplete"] = "off"


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


def build_campaign_row(row: CampaignRow, text: Text) -> CampaignListRow:
    """Return a campaign for a list."""
    days = [text.day(day, weekday=False) if day else "…" for day in (row.first, row.last)]
    return CampaignListRow(
        row.ref,
        row.client,
        row.object,
        str(VALUES.get(row.mode, row.mode)),
        "" if row.first is None and row.last is None else " – ".join(days),
        reverse("outbound_campaign", args=[row.ref]),
    )


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
    says = {r.id: r.rule.of(text.language) for r in rules.rows if r.binds_on(found.last)}
    most = found.most_percent
    limit = "" if most is None else text.percent(most / 100)
    reasons = [
        (name, n, space_punctuation(says.get(name, ""), text.language))
        for name, n in found.by_rule.items()
    ]
    hours = [(text.hour(h), n, "") for h, n in enumerate(found.by_hour) if n]
    expiring = [(text.day(day), n, "") for day, n in found.expiring.items()]
    return CampaignPage(
        row=build_campaign_row(row, text),
        first=found.first.isoformat(),
        last=found.last.isoformat(),
        fault=fault,
        counts=(
            (_("Allowed"), text.number(found.allowed)),
            (pgettext("calls", "Refused"), text.number(found.refused)),
            (_("Of these by policy only"), text.number(found.policy_only)),
        ),
        reasons=_build_bars(reasons, text),
        hours=_build_bars(hours, text),
        several=text.number(found.several_clocks) if found.several_clocks else "",
        expiring=_build_bars(expiring, text),
        pacing=tuple(
            PacingRow(
                text.day(day.day),
                text.plain(day.abandoned),
                text.plain(day.handled),
                text.percent(day.share, 2),
                most is not None and 100 * day.share > most,
            )
            for day in found.pacing
        ),
        threshold=limit,
        may_look=may_look,
    )


def _build_bars(rows: Sequence[tuple[str, int, str]], text: Text) -> tuple[ShareBar, ...]:
    most = max((count for _name, count, _says in rows), default=1)
    return tuple(ShareBar(name, n, text.number(n), most, says) for name, n, says in rows)


def build_campaign_json(row: CampaignRow, found: CampaignFigures) -> dict[str, Any]:
    """Return a campaign's figures as data."""
    return {
        "campaign": row.ref,
        "client": row.client,
        "from": found.first.isoformat(),
        "to": found.last.isoformat(),
        "allowed": found.allowed,
        "refused": found.refused,
        "by_policy_only": found.policy_only,
        "by_rule": dict(found.by_rule),
        "by_hour": list(found.by_hour),
        "several_clocks": found.several_clocks,
        "expiring": {day.isoformat(): n for day, n in found.expiring.items()},
        "pacing": [
            {"day": p.day.isoformat(), "abandoned": p.abandoned, "handled": p.handled,
             "share": p.share}
            for p in found.pacing
        ],
        "most_percent": found.most_percent,
    }  # fmt: skip


def build_history(found: PersonHistory, text: Text) -> HistoryView:
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
        places=tuple(f"{p.territory} {p.local:%H:%M}" for p in verdict.places),
        basis=verdict.basis or "—",
        until=when(verdict.until, text) if verdict.until else "—",
        next=when(verdict.next_allowed, text) if verdict.next_allowed else _("not in sight"),
        findings=tuple(
            FindingView(
                f.row.version,
                not f.legal,
                space_punctuation(f.explains(lang), lang),
                f.row.reference,
                space_punctuation(f.row.doubt.of(lang), lang) if f.row.doubt else "",
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
        if value not in ("", None, frozenset(), False) and name not in _PERSONAL and value != at:
            values.append((name, _format_cell(value, text)))
    return HistoryEvent(
        _format_cell(at, text) if at else _("no date"), str(_name_tables()[table]), tuple(values)
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


def _format_cell(value: Any, text: Text) -> str:
    if isinstance(value, datetime):
        return when(value, text)
    if isinstance(value, date):
        return text.day(value, weekday=False)
    if isinstance(value, frozenset):
        return ", ".join(sorted(str(VALUES.get(word, word)) for word in value))
    return str(VALUES.get(str(value), value))


def build_history_json(found: PersonHistory) -> dict[str, Any]:
    """Return a person's history as data, under pseudonyms."""
    verdict = found.verdict
    return {
        "campaign": found.campaign,
        "number": found.pseudonym,
        "persons": list(found.persons),
        "allowed": verdict.allowed,
        "legal": verdict.legal,
        "rows": [finding.row.version for finding in verdict.findings],
        "basis": verdict.basis,
        "until": verdict.until and verdict.until.isoformat(),
        "next_allowed": verdict.next_allowed and verdict.next_allowed.isoformat(),
        "events": [
            {"table": table, "at": str(at or "")} for table, at, _known, _cells in found.events
        ],
    }
