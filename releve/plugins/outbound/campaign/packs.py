"""Proofs of a campaign: its calls in a period, its contract, and the consents to a client's calls.

Calls are listed under pseudonyms, with the facts as they stand in the database now; the digest in
the decision shows whether they are the facts that were judged. Details of the contract that the
gate cannot see (the audit clause, where the list comes from, copies of consents given) are recorded
by people in the ledger. Consents come one row for each version, in the order in which they became
known, with the columns of the sealed fact (``text``), so that a reader can compare the two. Each file
has a line for each fact with its proof, which a client or a third party can verify.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from itertools import chain, islice
from typing import Any

from django.db import transaction

from releve.ledger.chain import append, iter_entries
from releve.ledger.guards import ProofError
from releve.network.moments import UTC, zone
from releve.plugins.outbound.engine.exceptions import find_last_day, is_positive
from releve.plugins.outbound.engine.facts import EVERY_CLIENT, ITEMS
from releve.plugins.outbound.engine.facts import Consent as Fact
from releve.plugins.outbound.engine.legal_rows import (
    LEGAL_ZONE,
    LegalRow,
    LegalRules,
    find_legal_midnight,
    to_legal_day,
)
from releve.plugins.outbound.engine.rule_impact import FORMAT
from releve.plugins.outbound.gate.attempt_outcomes import find_unplaced
from releve.plugins.outbound.gate.campaign_cache import load_rules_version, load_texts
from releve.plugins.outbound.gate.campaigns import load_campaigns
from releve.plugins.outbound.gate.connections import ensure_gate_key
from releve.plugins.outbound.gate.erasure import years_later
from releve.plugins.outbound.gate.errors import LoadRefused, NotAvailable
from releve.plugins.outbound.gate.fact_reader import hash_facts
from releve.plugins.outbound.gate.models import AttemptRow, ConsentRow, Decision, PersonRow, WithdrawalRow
from releve.plugins.outbound.gate.proofs import FactProver, prove_row, replay_decision, serialize_fact, serialize_row
from releve.plugins.outbound.gate.pseudonyms import person_pseudonym, resolve_client

FACTS_FORMAT = "releve outbound facts 1"


@dataclass(frozen=True, slots=True)
class ProvedFact:
    """A fact: its columns, its sealed text, its proof (None where no signed root covers it)."""

    columns: Mapping[str, Any]
    text: str
    proof: Mapping[str, Any] | None

    def line(self) -> str:
        content = {"text": self.text, "stated": self.columns, "proof": self.proof}
        return json.dumps(content, ensure_ascii=False)


def facts_header(about: str, now: datetime) -> str:
    """Return the first line of the file: its format, the client or campaign, when it was made."""
    content = {"format": FACTS_FORMAT, "about": about, "made_at": now.isoformat()}
    return json.dumps(content, ensure_ascii=False)


_AT_ONCE = 500
NOT_PLACED = "not-placed"
_WINDOW_DAYS = 30
COLUMNS = (
    "call", "client", "campaign", "provider", "site", "agent", "at", "places", "local_times",
    "allowed", "legal", "rules", "says", "basis", "attempts", "window_from", "caller", "mandate",
    "authenticated", "mode", "outcome", "withdrawn_at", "withdrawal_channel", "person",
    "rules_version", "zones_version", "facts", "evidence_intact", "ledger_batch", "ledger_place",
    "ledger_entry",
)  # fmt: skip
"""The columns of the table: what a client needs of each call."""


@dataclass(frozen=True, slots=True)
class ProvedCall:
    """One call: its row of the table, its sealed text, and the facts that were judged."""

    columns: Mapping[str, Any]
    text: str
    facts: Sequence[Any]
    proof: Mapping[str, Any] | None

    def line(self) -> str:
        """Return the line of the file that can be judged again."""
        line = {"text": self.text, "facts": self.facts, "stated": self.columns, "proof": self.proof}
        return json.dumps(line, ensure_ascii=False, default=str)


def proof_header(campaign: str, first: date, last: date, now: datetime) -> str:
    """Return the first line of the file: what it is about, and the rules that judged, themselves.

    NoSuch where rules that judged one of the calls are not kept.
    """
    used = _select_decisions(campaign, first, last).order_by("rules_version")
    versions = used.values_list("rules_version", flat=True).distinct()
    content = {
        "format": FORMAT,
        "campaign": campaign,
        "from": first.isoformat(),
        "to": last.isoformat(),
        "made_at": now.isoformat(),
        "rules": load_texts(versions),
    }
    return json.dumps(content, ensure_ascii=False)


def iter_decisions(campaign: str, first: date, last: date) -> Iterator[Sequence[Decision]]:
    """Yield the decisions of a campaign from one legal day to another, some hundreds at once."""
    rows = _select_decisions(campaign, first, last).select_related("batch").order_by("at", "pk")
    after: tuple[datetime, int] | None = None
    while True:
        part = list(rows[:_AT_ONCE] if after is None else _filter_later(rows, after)[:_AT_ONCE])
        if not part:
            return
        after = (part[-1].at, part[-1].pk)
        yield part


def _select_decisions(campaign: str, first: date, last: date) -> Any:
    start, end = find_legal_midnight(first), find_legal_midnight(last + timedelta(days=1))
    return Decision.objects.filter(campaign=campaign, at__gte=start, at__lt=end)


def _filter_later(rows: Any, after: tuple[datetime, int]) -> Any:
    from django.db.models import Q

    at, pk = after
    return rows.filter(Q(at__gt=at) | Q(at=at, pk__gt=pk))


def iter_proved_calls(campaign: str, first: date, last: date, root: int | None) -> Iterator[ProvedCall]:
    """Yield every call of a campaign in a period, in the order in which they were decided.

    Each is judged by the rules of its own day. ``root`` is the number of the signed root against
    which each is proved; None: without proofs. NoSuch where those rules are not kept.
    """
    for part in iter_decisions(campaign, first, last):
        outcomes, taken = _read_outcomes(part), _read_call_withdrawals(part)
        for decision in part:
            rules = load_rules_version(decision.rules_version)
            yield _prove_call(decision, rules, outcomes, taken, root)


def _prove_call(
    decision: Decision,
    rules: LegalRules,
    outcomes: Mapping[str, str],
    taken: Mapping[tuple[str, str], Sequence[WithdrawalRow]],
    root: int | None,
) -> ProvedCall:
    again = replay_decision(decision, rules)
    found, facts = again.verdicts[0], json.loads(again.evidence)
    withdrawal = _find_call_withdrawal(decision, taken)
    caller = [row for _, row in again.answer.tables["mandates"] if row["number"] == decision.caller]
    batch = decision.batch
    content = {
        "call": f"{decision.call_id}/{decision.cseq}",
        "client": decision.client,
        "campaign": decision.campaign,
        "provider": decision.call["provider"],
        "site": decision.call["site"],
        "agent": decision.agent,
        "at": decision.at.astimezone(UTC).isoformat(),
        "places": "|".join(place.territory for place in found.places),
        "local_times": "|".join(place.local.isoformat() for place in found.places),
        "allowed": decision.allowed,
        "legal": decision.legal,
        "rules": "|".join(dict.fromkeys(f.row.version for f in found.findings)),
        "says": " ".join(
            dict.fromkeys(
                f.says("fr") if f.row.reference == "—" else f"{f.says('fr')} ({f.row.reference})"
                for f in found.findings
            )
        ),
        "basis": decision.basis,
        "attempts": decision.attempts,
        "window_from": _window(found.places[0].local.date() if found.places else decision.at.date()),
        "caller": decision.caller,
        "mandate": caller[-1]["id"] if caller else "",
        "authenticated": decision.call["authenticated"],
        "mode": decision.call["mode"],
        "outcome": outcomes.get(f"{decision.call_id}/{decision.cseq}", ""),
        "withdrawn_at": withdrawal.at.astimezone(UTC).isoformat() if withdrawal else "",
        "withdrawal_channel": withdrawal.channel if withdrawal else "",
        "person": decision.persons,
        "rules_version": decision.rules_version,
        "zones_version": decision.zones_version,
        "facts": decision.facts,
        "evidence_intact": hash_facts(again.evidence) == decision.facts,
        "ledger_batch": batch.pk if batch else None,
        "ledger_place": decision.place,
        "ledger_entry": batch.seq if batch else None,
    }
    return ProvedCall(content, serialize_row(decision), facts, _prove_decision(decision, root))


def _prove_decision(decision: Decision, root: int | None) -> Mapping[str, Any] | None:
    """Return the proof of a decision, None while no signed root is over it."""
    try:
        return None if root is None else prove_row(decision, root)
    except (NotAvailable, ProofError):
        return None


def _window(day: date) -> str:
    return (day - timedelta(days=_WINDOW_DAYS - 1)).isoformat()


def _read_outcomes(part: Sequence[Decision]) -> dict[str, str]:
    """Return the last outcome reported of each call; ``not-placed`` where its INVITE never left."""
    refs = [f"{decision.call_id}/{decision.cseq}" for decision in part]
    rows = AttemptRow.objects.filter(ref__in=refs).exclude(outcome="").order_by("pk")
    found = dict(rows.values_list("ref", "outcome"))
    return found | dict.fromkeys(find_unplaced(refs), NOT_PLACED)


def _read_call_withdrawals(part: Sequence[Decision]) -> dict[tuple[str, str], list[WithdrawalRow]]:
    people = {person for decision in part for person in decision.persons.split("|") if person}
    people |= {decision.number for decision in part}  # said by number
    rows = WithdrawalRow.objects.filter(person__in=people, at__gte=part[0].at).order_by("at", "pk")
    found: dict[tuple[str, str], list[WithdrawalRow]] = {}
    for row in rows:
        found.setdefault((row.client, row.person), []).append(row)
    return found


def _find_call_withdrawal(
    decision: Decision, taken: Mapping[tuple[str, str], Sequence[WithdrawalRow]]
) -> WithdrawalRow | None:
    """Return the first withdrawal from the call on, on its legal day."""
    for person in (*decision.persons.split("|"), decision.number):
        said = (taken.get((client, person), ()) for client in (decision.client, EVERY_CLIENT))
        for row in chain.from_iterable(said):
            if row.at >= decision.at and to_legal_day(row.at) == to_legal_day(decision.at):
                return row
    return None


PAPERS, COPIED = "outbound.papers", "outbound.copied"
_STREAM = "outbound"
_KEPT_DAYS = 3 * 366


@dataclass(frozen=True, slots=True)
class ContractDetails:
    """A campaign's papers; ``told_at`` and ``entry``: when they were recorded, and where."""

    contract: str
    audit_clause: bool
    list_origin: str
    told_at: datetime | None = None
    entry: int = 0


@transaction.atomic
def record_contract_details(campaign: str, papers: ContractDetails, *, by: str, now: datetime) -> int:
    """Record a campaign's papers; return the ledger's entry. LoadRefused says what is missing."""
    row = load_campaigns().get(campaign)
    if row is None:
        raise LoadRefused(f"there is no campaign {campaign!r}; record it first")
    if not papers.contract.strip() or not papers.list_origin.strip():
        raise LoadRefused("name the contract, and where the list comes from")
    content = {k: v for k, v in asdict(papers).items() if k not in ("told_at", "entry")}
    body = {"campaign": campaign, "client": row.client, "actor": by, **content}
    return append(PAPERS, body, recorded_at=now, stream=_STREAM).seq


def load_contract_details(campaign: str) -> ContractDetails | None:
    """Return a campaign's papers as recorded last, None where none are."""
    last = None
    for entry in iter_entries(_STREAM, kinds=[PAPERS]):
        last = entry if entry.body["campaign"] == campaign else last
    if last is None:
        return None
    content = {name: last.body[name] for name in ("contract", "audit_clause", "list_origin")}
    return ContractDetails(**content, told_at=last.recorded_at, entry=last.seq)


@transaction.atomic
def record_copy(client: str, person: str, *, by: str, now: datetime) -> tuple[ConsentRow, ...]:
    """Record that a person was given a copy of their consents to calls for a client; return these.

    LoadRefused when there is none.
    """
    ensure_gate_key()
    name = person_pseudonym(person)
    client = resolve_client(client)
    rows = ConsentRow.objects.filter(client=client, person=name, load__known_at__isnull=False)
    last = {row.ref: row for row in rows.order_by("load__known_at", "pk")}
    if not last:
        raise LoadRefused(f"no consent of this person to calls for {client} is known")
    append(
        COPIED,
        {"actor": by, "client": client, "consents": sorted(last)},
        personal={"person": name},
        subject=name,
        erase_on=(now + timedelta(days=_KEPT_DAYS)).date(),
        stream=_STREAM,
        recorded_at=now,
    )
    return tuple(last.values())


def load_copies(client: str) -> Mapping[tuple[str, str], tuple[datetime, ...]]:
    """Return when copies were given, by the pseudonym of the person and the consent's id."""
    found: dict[tuple[str, str], tuple[datetime, ...]] = {}
    for entry in iter_entries(_STREAM, kinds=[COPIED]):
        if entry.body["client"] == client and entry.body["person"]:
            for ref in entry.body["consents"]:
                key = entry.body["person"], ref
                found[key] = (*found.get(key, ()), entry.recorded_at)
    return found


CONSENT_COLUMNS = (
    "ref", "client", "person", "known_at", "recorded_at", "collected_at", "collected_local",
    "unreadable", "named", "objects_named", "items", "missing_items", "act", "positive_act",
    "wording", "wording_version", "proof", "channel", "collector", "third_party", "until",
    "last_day", "slot_from", "slot_to", "withdrawn_at", "withdrawal_channel", "copies",
    "kept_until", "ledger_entry",
)  # fmt: skip
"""The columns of the table; those that the sealed text has too are called as there."""


def iter_consents(
    client: str, rules: LegalRules, prover: FactProver | None, *, person: str = "", object_: str = ""
) -> Iterator[ProvedFact]:
    """Yield every version known of the consents to a client's calls.

    ``person`` (a pseudonym) and ``object_`` leave the others out; ``prover`` None: no proofs.
    """
    client = resolve_client(client)
    rows = ConsentRow.objects.filter(client=client, load__known_at__isnull=False)
    rows = rows.select_related("load").order_by("load__known_at", "pk")
    rows = rows.filter(person=person) if person else rows
    copies, limits = load_copies(client), _Limits(rules)
    for part in _split_rows(rows):
        taken, refs = _read_consent_withdrawals(client, part), _read_refs(client, part)
        for row in part:
            if object_ and object_ not in row.objects_named.split("|"):
                continue
            given = copies.get((row.person, row.ref), ())
            withdrawal = _find_consent_withdrawal(row, taken.get(row.person, ()), refs[row.person])
            yield _prove_consent(row, limits, withdrawal, given, prover)


class _Limits:
    """The rows of the law that a consent is held to, on the day on which it was collected."""

    def __init__(self, rules: LegalRules) -> None:
        self._rules = rules

    def row(self, kind: str, moment: datetime) -> LegalRow | None:
        """Return the French row of a kind in force, the first that ever was before there was one.

        A consent from before 11 August 2026 is held to what a call after that day is.
        """
        day = to_legal_day(moment)
        rows = [row for row in self._rules.rows if row.kind == kind and row.jurisdiction == "FR"]
        return next((row for row in rows if row.binds_on(day)), next(iter(rows), None))


def _split_rows(rows: Any) -> Iterator[Sequence[ConsentRow]]:
    waiting = rows.iterator(chunk_size=_AT_ONCE)
    while part := list(islice(waiting, _AT_ONCE)):
        yield part


def _read_consent_withdrawals(client: str, part: Sequence[ConsentRow]) -> dict[str, list[WithdrawalRow]]:
    """Return the withdrawals of people, those said by number among them."""
    people = {row.person for row in part}
    held: dict[str, set[str]] = {person: {person} for person in people}
    links = PersonRow.objects.filter(person__in=people, load__known_at__isnull=False)
    for person, number in links.values_list("person", "number"):
        held.setdefault(number, set()).add(person)
    rows = WithdrawalRow.objects.filter(
        client__in=(client, EVERY_CLIENT), person__in=held, load__known_at__isnull=False
    )
    found: dict[str, list[WithdrawalRow]] = {}
    for row in rows.order_by("at", "pk"):
        for person in held[row.person]:
            found.setdefault(person, []).append(row)
    return found


def _read_refs(client: str, part: Sequence[ConsentRow]) -> dict[str, set[str]]:
    """Return the ids of all consents of some people, by person."""
    people = {row.person for row in part}
    rows = ConsentRow.objects.filter(client=client, person__in=people, load__known_at__isnull=False)
    found: dict[str, set[str]] = {}
    for person, ref in rows.values_list("person", "ref"):
        found.setdefault(person, set()).add(ref)
    return found


def _prove_consent(
    row: ConsentRow,
    limits: _Limits,
    withdrawal: WithdrawalRow | None,
    copies: Sequence[datetime],
    prover: FactProver | None,
) -> ProvedFact:
    text = serialize_fact(row)
    fact = json.loads(text)
    proof = None if prover is None else prover.proof(row)
    items = set(row.items.split("|"))
    given = row.collected_at
    columns = {
        **{name: fact[name] for name in CONSENT_COLUMNS if name in fact},
        "collected_local": given.astimezone(zone(LEGAL_ZONE)).isoformat() if given else "",
        "named": row.client if "identity" in items else "",
        "missing_items": "|".join(item for item in ITEMS if item not in items),
        "positive_act": _is_positive(row, limits),
        "last_day": _last_day(row, limits),
        "withdrawn_at": withdrawal.at.astimezone(UTC).isoformat() if withdrawal else "",
        "withdrawal_channel": withdrawal.channel if withdrawal else "",
        "copies": "|".join(moment.isoformat() for moment in copies),
        "kept_until": years_later(given.date()).isoformat() if given else "",
        "ledger_entry": None if proof is None else proof["entry"]["entry"]["seq"],
    }
    return ProvedFact({name: columns[name] for name in CONSENT_COLUMNS}, text, proof)


def _is_positive(row: ConsentRow, limits: _Limits) -> bool | None:
    """Return whether the act is a positive one, None where no row says which are not."""
    found = limits.row("consent_items", row.collected_at) if row.collected_at else None
    return None if found is None else is_positive(row.act, found)


def _last_day(row: ConsentRow, limits: _Limits) -> str:
    """Return the last day of a consent, empty where its date cannot be read or no row says one."""
    given = row.collected_at
    found = None if given is None else limits.row("consent_period", given)
    if given is None or found is None:
        return ""
    fact = Fact(row.ref, row.client, row.person, given, given, frozenset(), until=row.until)
    return find_last_day(found, fact).isoformat()


def _find_consent_withdrawal(
    row: ConsentRow, taken: Sequence[WithdrawalRow], refs: Collection[str]
) -> WithdrawalRow | None:
    """Return the first withdrawal that takes a consent back: of it by name, or of all before.

    One that names a consent that is not known takes back all before.
    """
    for one in taken:
        before = row.collected_at is None or row.collected_at <= one.at
        if one.consent == row.ref or (one.consent not in refs and before):
            return one
    return None
