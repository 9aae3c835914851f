"""A person's rights over what is stored about them, and what the gate would answer of their number.

They may see it, take it along, and have it erased. The person is found by number. Where several
people hold it, one is named by the id of the client's file: no one gets another person's data.
Every act is recorded with its reason before it is done.

A preview answers campaign by campaign, and counts no call.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import models as db
from django.db import transaction

from releve.ledger.chain import append
from releve.plugins.outbound.engine.legal_rows import LegalRules, to_legal_day
from releve.plugins.outbound.engine.verdict import CallFinding, CallVerdict, judge_call
from releve.plugins.outbound.gate.campaigns import load_campaigns
from releve.plugins.outbound.gate.connections import ensure_gate_key
from releve.plugins.outbound.gate.decision import build_call
from releve.plugins.outbound.gate.erasure import erase_pseudonym, read_value
from releve.plugins.outbound.gate.errors import GateError
from releve.plugins.outbound.gate.fact_reader import CampaignTerms, read_facts
from releve.plugins.outbound.gate.models import (
    CampaignRow,
    Decision,
    FactRow,
    MandateRow,
    PersonRequestRow,
    PersonRow,
    PseudonymValue,
)
from releve.plugins.outbound.gate.proofs import to_json_value
from releve.plugins.outbound.gate.pseudonyms import (
    is_subscriber,
    number_pseudonym,
    number_text,
    person_pseudonym,
    resolve_client,
)
from releve.plugins.outbound.gate.sql import TABLES

KIND = "outbound.rights"
"""The kind of the ledger's entry: ``actor`` and ``act`` (seen, exported, erased)."""

EXPORT_FORMAT = "releve person export 1"
SHORTEST_REASON = 10
_KEPT_DAYS = 365
_ABOUT_PEOPLE = ("consents", "withdrawals", "contracts", "callbacks", "refusals", "attempts")
_HIDDEN = ("id", "load", "digest", "known_from", "batch", "place")


class RightsRefused(GateError):  # noqa: N818 (named like the others)
    """An act that cannot be done: ``field`` says which of what was given is wrong, ``code`` how."""

    def __init__(self, field: str, code: str) -> None:
        super().__init__(f"{field}: {code}")
        self.field, self.code = field, code


@dataclass(frozen=True, slots=True)
class Holder:
    """The person at a number: pseudonyms; ``person`` is empty where no person is known under it."""

    number: str
    person: str

    @property
    def names(self) -> tuple[str, ...]:
        """Return what the facts about them are filed under."""
        return tuple(filter(None, (self.person, self.number)))


@dataclass(frozen=True, slots=True)
class StoredData:
    """How much is stored: rows by client and table, calls decided, requests, values in clear."""

    rows: Mapping[str, Mapping[str, int]]
    decisions: int
    requests: int
    values: int

    @property
    def anything(self) -> bool:
        return bool(self.rows or self.decisions or self.requests or self.values)


def identify_holder(number: str, person: str, reason: str) -> Holder:
    """Return the holder meant; RightsRefused where the holder or the reason is not clear."""
    ensure_gate_key()
    text = number_text(number)
    if not is_subscriber(text):
        raise RightsRefused("number", "number.unreadable")
    if len(reason.strip()) < SHORTEST_REASON:
        raise RightsRefused("reason", "reason.short")
    name = number_pseudonym(text)
    rows = PersonRow.objects.filter(number=name, load__known_at__isnull=False)
    held = set(rows.values_list("person", flat=True))
    if person and person_pseudonym(person) not in held:
        raise RightsRefused("person", "person.elsewhere")
    if not person and len(held) > 1:
        raise RightsRefused("person", "person.several")
    return Holder(name, person_pseudonym(person) if person else next(iter(held), ""))


def count_stored(holder: Holder, reason: str, *, by: str, now: datetime) -> StoredData:
    """Return how much is stored about a person, and record the look."""
    _record_act("seen", holder, reason, by, now)
    rows: dict[str, dict[str, int]] = {}
    for table in _ABOUT_PEOPLE:
        for client, count in _count_by_client(table, holder):
            rows.setdefault(client, {})[table] = count
    return StoredData(
        dict(sorted(rows.items())), _select_decisions(holder).count(),
        _select_requests(holder).count(), PseudonymValue.objects.filter(pseudonym__in=holder.names).count(),
    )  # fmt: skip


def export_stored(holder: Holder, reason: str, *, by: str, now: datetime) -> dict[str, Any]:
    """Return all that is stored about a person as a document, and record the export."""
    _record_act("exported", holder, reason, by, now)
    return {
        "format": EXPORT_FORMAT,
        "made_at": to_json_value(now),
        "number": read_value("number", holder.number),
        "person": read_value("person", holder.person) if holder.person else None,
        "facts": {
            table: [_export_row(row) for row in _select_facts(table, holder)]
            for table in (*_ABOUT_PEOPLE, "people", "listings")
        },
        "calls": [
            {name: to_json_value(getattr(row, name)) for name in
             ("call_id", "cseq", "at", "client", "campaign", "caller", "allowed", "rules", "basis")}
            for row in _select_decisions(holder).order_by("at", "pk")
        ],
        "requests": [
            {name: to_json_value(getattr(row, name)) for name in
             ("said", "client", "at", "known_at", "channel")}
            for row in _select_requests(holder).order_by("pk")
        ],
    }  # fmt: skip


def erase_stored(holder: Holder, reason: str, *, by: str, now: datetime) -> int:
    """Erase the values that identify a person and record it; return how many.

    The pseudonyms stay: what forbids a call goes on forbidding it.
    """
    with transaction.atomic():
        _record_act("erased", holder, reason, by, now)
        return erase_pseudonym(holder.person, now, number=holder.number)


def _select_facts(table: str, holder: Holder) -> db.QuerySet[Any]:
    counts = db.Q(load__known_at__isnull=False)
    if table == "attempts":  # those of the gate have no load
        counts |= db.Q(load=None)
    about = {"person__in": holder.names}
    if table in ("people", "listings"):
        about = {"number__in": (holder.number,)}
    if table == "people":
        about["person__in"] = (holder.person,)
    return TABLES[table].model._default_manager.filter(counts, **about)


def _count_by_client(table: str, holder: Holder) -> list[tuple[str, int]]:
    rows = _select_facts(table, holder).order_by().values_list("client")
    return list(rows.annotate(count=db.Count("pk")))


def _select_decisions(holder: Holder) -> db.QuerySet[Decision]:
    rows = Decision.objects.filter(number=holder.number)
    return rows.filter(persons__contains=holder.person) if holder.person else rows


def _select_requests(holder: Holder) -> db.QuerySet[PersonRequestRow]:
    return PersonRequestRow.objects.filter(number=holder.number)


def _export_row(row: FactRow) -> dict[str, Any]:
    cells = {
        field.name: to_json_value(getattr(row, field.attname))
        for field in row._meta.concrete_fields
        if field.name not in _HIDDEN
    }
    known = row.known_from or (row.load.known_at if row.load else None)
    for what in ("person", "number", "proof"):
        if cells.get(what):
            cells[what] = _reveal(what, cells[what])
    return {**cells, "known_at": to_json_value(known)}


def _reveal(what: str, name: str) -> str:
    """Return the value behind a pseudonym; the pseudonym where it was erased."""
    return read_value(what, name) or (what == "person" and read_value("number", name)) or name


@transaction.atomic
def _record_act(act: str, holder: Holder, reason: str, by: str, now: datetime) -> None:
    append(
        KIND,
        {"actor": by, "act": act},
        personal={"number": holder.number, "reason": reason.strip()},
        subject=holder.number,
        erase_on=(now + timedelta(days=_KEPT_DAYS)).date(),
        stream="outbound",
        recorded_at=now,
    )


_SAID_KINDS = frozenset({"silence", "consent_withdrawal", "consent_refusal"})
"""The kinds of rows that refuse because of what the person said."""


@dataclass(frozen=True, slots=True)
class AnswerSummary:
    """What a question to the gate about one campaign would be answered now.

    ``for_request``: a row refuses for what the person said. It holds no number and no person.
    """

    campaign: str
    client: str
    allowed: bool
    for_request: bool
    rules: tuple[str, ...]
    next_allowed: datetime | None


@dataclass(frozen=True, slots=True)
class CampaignAnswer:
    """The answer to a question about one number and campaign: a verdict for each known holder."""

    campaign: str
    client: str
    number: str
    verdicts: tuple[CallVerdict, ...]

    @property
    def allowed(self) -> bool:
        return all(one.allowed for one in self.verdicts)

    @property
    def findings(self) -> tuple[CallFinding, ...]:
        return tuple(finding for one in self.verdicts for finding in one.findings)

    @property
    def for_request(self) -> bool:
        """Return whether a row refuses because of what the person said."""
        return any(finding.row.kind in _SAID_KINDS for finding in self.findings)

    @property
    def next_allowed(self) -> datetime | None:
        """Return the first instant at which the call is allowed for every holder, if any."""
        instants = [one.next_allowed for one in self.verdicts]
        known = [instant for instant in instants if instant is not None]
        return max(known) if len(known) == len(instants) else None

    @property
    def rules(self) -> tuple[str, ...]:
        """Return the ids of the rows that refuse, each once."""
        return tuple(dict.fromkeys(finding.row.id for finding in self.findings))

    @property
    def summary(self) -> AnswerSummary:
        """Return the answer without the number and the verdicts of the holders."""
        return AnswerSummary(self.campaign, self.client, self.allowed, self.for_request, self.rules, self.next_allowed)


def preview_answers(number: str, client: str, rules: LegalRules, now: datetime) -> tuple[CampaignAnswer, ...]:
    """Return the answers for the running campaigns of a client (empty: of all)."""
    number, today, client = number_text(number), to_legal_day(now), resolve_client(client)
    running = [
        row
        for row in load_campaigns().values()
        if client in ("", row.client)
        and (row.first is None or row.first <= today)
        and (row.last is None or today <= row.last)
    ]
    callers = _find_callers({row.client for row in running}, now)
    return tuple(_answer_campaign(row, number, callers.get(row.client, ""), rules, now) for row in running)


def _answer_campaign(row: CampaignRow, number: str, caller: str, rules: LegalRules, now: datetime) -> CampaignAnswer:
    known = read_facts(row.client, number, now, campaign=row.ref)
    terms, facts = CampaignTerms.from_row(row), known.facts()
    calls = [build_call(row.ref, terms, number, caller, person, now, "") for person in known.persons() or ("",)]
    verdicts = tuple(judge_call(call, facts, rules, now) for call in calls)
    return CampaignAnswer(row.ref, row.client, number, verdicts)


def _find_callers(clients: Iterable[str], now: datetime) -> dict[str, str]:
    """Return the number to show for each client: the one of the last mandate in force."""
    today = to_legal_day(now)
    rows = MandateRow.objects.filter(client__in=clients, first__lte=today, load__known_at__lte=now)
    rows = rows.exclude(last__lt=today).order_by("load__known_at", "pk")
    return dict(rows.values_list("client", "number"))


def answer_to_json(answer: CampaignAnswer) -> dict[str, Any]:
    """Return the answer for a campaign as data; no number, no id of a person."""
    return asdict(answer.summary)
