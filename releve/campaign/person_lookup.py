"""One person and the verdict on a call to them now; every look is recorded with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction

from releve.gate.campaigns import load_campaigns
from releve.gate.decision import build_call
from releve.gate.errors import GateError
from releve.gate.fact_reader import CampaignTerms, KnownFacts, read_facts
from releve.gate.key_checks import ensure_gate_key
from releve.gate.pseudonyms import number_pseudonym, number_text
from releve.ledger.chain import append
from releve.outbound import CallVerdict, LegalRules, judge_call
from releve.outbound.attempt_provider import is_own_provider
from releve.outbound.legal_rows import Words

__all__ = [
    "SHORTEST_REASON",
    "KnownFact",
    "LookRefused",
    "PersonHistory",
    "history_to_json",
    "show_person",
]

SHORTEST_REASON = 10
_KEPT_DAYS = 365
_STREAM = "outbound"
_HISTORY = ("consents", "withdrawals", "contracts", "callbacks", "refusals", "attempts", "listings")
_PERSONAL = ("person", "number", "proof")
_WHEN = {"consents": "collected_at", "contracts": "first", "callbacks": "requested_at"}


class LookRefused(GateError):  # noqa: N818 (named like the others)
    """A look that is not allowed: no campaign, or no reason."""


@dataclass(frozen=True, slots=True)
class KnownFact:
    """A fact about a person: its table, when it was (None: its date cannot be read), its values.

    ``cells`` lacks values that are empty, name the person, or say ``at`` again; sets are in order.
    """

    table: str
    at: datetime | date | None
    cells: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PersonHistory:
    """Facts about the holders of a number, the newest first, and the verdict on a call now.

    ``territories`` names those where the callee may be, by their codes.
    """

    campaign: str
    client: str
    pseudonym: str
    persons: tuple[str, ...]
    verdict: CallVerdict
    territories: Mapping[str, Words]
    events: tuple[KnownFact, ...]


def history_to_json(history: PersonHistory) -> dict[str, Any]:
    """Return a history as data, under pseudonyms: no number is in it."""
    verdict = history.verdict
    return {
        "campaign": history.campaign,
        "number": history.pseudonym,
        "persons": history.persons,
        "allowed": verdict.allowed,
        "legal": verdict.legal,
        "findings": [finding.row.version for finding in verdict.findings],
        "places": verdict.places,
        "territories": {code: name._asdict() for code, name in history.territories.items()},
        "basis": verdict.basis,
        "until": verdict.until,
        "next_allowed": verdict.next_allowed,
        "events": history.events,
    }


def show_person(
    number: str,
    campaign: str,
    caller: str,
    reason: str,
    *,
    by: str,
    rules: LegalRules,
    now: datetime,
) -> PersonHistory:
    """Return a person's history and the verdict now; the look is recorded first.

    LookRefused when there is no such campaign or the reason is too short.
    """
    reason, row = reason.strip(), load_campaigns().get(campaign)
    if row is None:
        raise LookRefused(f"there is no campaign {campaign!r}")
    if len(reason) < SHORTEST_REASON:
        raise LookRefused(f"reason must have at least {SHORTEST_REASON} characters")
    ensure_gate_key()
    number = number_text(number)
    pseudonym = number_pseudonym(number)
    _record_lookup(pseudonym, row.ref, reason, by, now)
    answer = read_facts(row.client, number, now, campaign=row.ref)
    call = build_call(row.ref, CampaignTerms.from_row(row), number, caller, "", now, "")
    verdict = judge_call(call, answer.facts(), rules, now)
    return PersonHistory(
        row.ref,
        row.client,
        pseudonym,
        answer.persons(),
        verdict,
        {code: rules.territories[code].name for code in (one.territory for one in verdict.places)},
        _list_events(answer),
    )


@transaction.atomic
def _record_lookup(pseudonym: str, campaign: str, reason: str, by: str, now: datetime) -> None:
    append(
        "outbound.looked",
        {"actor": by, "campaign": campaign},
        personal={"number": pseudonym, "reason": reason},
        subject=pseudonym,
        erase_on=(now + timedelta(days=_KEPT_DAYS)).date(),
        stream=_STREAM,
        recorded_at=now,
    )


def _list_events(answer: KnownFacts) -> tuple[KnownFact, ...]:
    found = [
        _build_fact(table, cells.get(_WHEN.get(table, "at")), cells)
        for table in _HISTORY
        for _known, cells in answer.tables[table]
    ]
    return tuple(sorted(found, key=lambda fact: str(fact.at or ""), reverse=True))


def _build_fact(table: str, at: Any, cells: Mapping[str, Any]) -> KnownFact:
    said = {
        name: tuple(sorted(value)) if isinstance(value, frozenset) else value
        for name, value in cells.items()
        if value not in ("", None, frozenset(), False, at)
        and name not in _PERSONAL
        and not (name == "provider" and is_own_provider(value))
    }
    return KnownFact(table, at, said)
