"""Requests of people on the phone, recorded by number; they bind before the answer is given.

"Stop calling me", a refusal, the outcome of a call. The desk's form, the API and the feeds from
diallers all come here. A request is written for every person known under the number and for the
number itself, so that a person recorded under it later is bound as well. ``key`` names a request
for its sender: sent again, it is recorded once.

GateError
├── RequestFaults   fields that cannot be taken: ``faults`` holds them all
└── RequestReused   the key named another request
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction

from releve.ledger.chain import Draft, append_all
from releve.live.clock import read_clock
from releve.plugins.outbound.engine.facts import EVERY_CLIENT
from releve.plugins.outbound.engine.vocabulary import normalize_word
from releve.plugins.outbound.gate.attempt_outcomes import REPORTED_OUTCOMES, write_outcomes
from releve.plugins.outbound.gate.campaign_cache import FactRowDraft, build_row
from releve.plugins.outbound.gate.campaigns import load_campaigns
from releve.plugins.outbound.gate.connections import MAX_CLOCK_SKEW, ensure_gate_key
from releve.plugins.outbound.gate.erasure import years_later
from releve.plugins.outbound.gate.errors import GateError
from releve.plugins.outbound.gate.fact_import import write_load
from releve.plugins.outbound.gate.journal import note_load
from releve.plugins.outbound.gate.models import AttemptRow, ConsentRow, ContractRow, PersonRequestRow, PersonRow
from releve.plugins.outbound.gate.pseudonyms import find_number_fault, number_pseudonym, number_text, resolve_client
from releve.plugins.outbound.gate.sql import TABLES, FactTable

KIND = "outbound.requested"
"""The kind of the ledger's entry: ``actor``, ``client``, ``said``, ``persons`` and ``facts``."""

STOP, OUTCOME = "stop", "outcome"
REFUSALS = ("refusal", "not-interested", "not-now")
SAID = (STOP, *REFUSALS, OUTCOME)
"""What may be said. ``stop`` takes consents back and objects to any further prospecting."""

LONGEST_KEY, LONGEST_CHANNEL = 128, 64
_KEPT_DAYS = 365
_CALL_HOURS = 24
"""Hours after an attempt within which its outcome may be given by number alone."""


class RequestFaults(GateError):  # noqa: N818 (named like the others)
    """Fields of a request that cannot be taken; nothing of it is recorded."""

    def __init__(self, faults: Sequence[RequestFault]) -> None:
        super().__init__("; ".join(f"{fault.field}: {fault.code}" for fault in faults))
        self.faults = tuple(faults)


class RequestReused(GateError):  # noqa: N818
    """The sender's key named a request with another content."""


@dataclass(frozen=True, slots=True)
class RequestFault:
    """A field that cannot be taken: its name, a code, and what was given or allowed."""

    field: str
    code: str
    given: str = ""


@dataclass(frozen=True, slots=True)
class PhoneRequest:
    """What was said by the person at a number; ``client`` empty: to every client.

    Words may be given in any spelling of their vocabulary, and the client's name in any case.
    ``at`` is when (None: now), ``channel`` how. An outcome has its word in ``outcome``, and may
    name its call (``CALL-ID/CSEQ``, or the Call-ID alone).
    """

    key: str
    number: str
    said: str
    client: str = EVERY_CLIENT
    at: datetime | None = None
    channel: str = "oral"
    outcome: str = ""
    call: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "said", normalize_word("said", self.said))
        object.__setattr__(self, "outcome", normalize_word("outcome", self.outcome))

    @property
    def content(self) -> str:
        """Return a digest of what is asked, the same however the number is written."""
        parts = [number_pseudonym(self.number), self.said, self.client, self.channel, self.outcome,
                self.call, None if self.at is None else self.at.isoformat()]  # fmt: skip
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """A request as it stands: ``before``, it was recorded already; counts, never a number.

    ``persons`` are those known under the number, ``consents`` those of theirs that it took back,
    ``client`` the one that it binds (empty: every client).
    """

    said: str
    client: str
    at: datetime
    known_at: datetime
    persons: int
    consents: int
    facts: int
    before: bool


def load_clients() -> tuple[str, ...]:
    return tuple(sorted({row.client for row in load_campaigns().values()}))


def record_request(request: PhoneRequest, *, by: str, source: str = "person request") -> RecordedRequest:
    """Record one request, durably; RequestFaults and RequestReused record nothing."""
    (found,) = record_requests([request], by=by, source=source)
    if isinstance(found, GateError):
        raise found
    return found


def record_requests(
    requests: Sequence[PhoneRequest], *, by: str, source: str
) -> list[RecordedRequest | RequestFaults | RequestReused]:
    """Record requests of one sender at one instant; return what became of each, in order.

    Faulty requests are returned as RequestFaults and the others recorded. Inside the caller's
    transaction they stand or fall with it. KeyFault where the key is not the one of the rows.
    """
    ensure_gate_key()
    try:
        with transaction.atomic():
            return _record_new_requests(requests, by, source)
    except IntegrityError:  # another process recorded one of the keys meanwhile
        with transaction.atomic():
            return _record_new_requests(requests, by, source)


def _record_new_requests(
    requests: Sequence[PhoneRequest], by: str, source: str
) -> list[RecordedRequest | RequestFaults | RequestReused]:
    now = read_clock()
    requests = [replace(one, client=resolve_client(one.client)) for one in requests]
    keys = [hashlib.sha256(f"{by}\n{one.key}".encode()).hexdigest() for one in requests]
    there = {row.key: row for row in PersonRequestRow.objects.filter(key__in=keys)}
    found: list[RecordedRequest | RequestFaults | RequestReused] = []
    new: dict[str, _PreparedRequest] = {}
    contents: dict[str, str] = {key: row.content for key, row in there.items()}
    for key, one in zip(keys, requests, strict=True):
        faults = _find_faults(one, now)
        content = "" if faults else one.content
        if faults:
            found.append(RequestFaults(faults))
        elif contents.get(key, content) != content:
            found.append(RequestReused("the key named another request"))
        elif key in there:
            found.append(_recorded_request(there[key], before=True))
        elif key in new:
            found.append(replace(new[key].recorded, before=True))
        else:
            attempts = _find_attempts(one, now) if one.said == OUTCOME else []
            if one.said == OUTCOME and not attempts:
                found.append(RequestFaults([RequestFault("call", "call.unknown")]))
                continue
            contents[key], new[key] = content, _PreparedRequest.prepare(one, content, attempts, now)
            found.append(new[key].recorded)
    known_at = _write_requests(new, by, source, now)
    return [
        replace(one, known_at=known_at) if isinstance(one, RecordedRequest) and not one.before else one for one in found
    ]


@dataclass(frozen=True, slots=True)
class _PreparedRequest:
    """A request to be written: its facts or attempts, and its content."""

    request: PhoneRequest
    content: str
    number: str
    rows: tuple[tuple[FactTable, FactRowDraft], ...]
    attempts: tuple[AttemptRow, ...]
    recorded: RecordedRequest

    @classmethod
    def prepare(
        cls, one: PhoneRequest, content: str, attempts: Sequence[AttemptRow], now: datetime
    ) -> _PreparedRequest:
        at = one.at or now
        number = number_text(one.number)
        name = number_pseudonym(number)
        people = _find_holders(name)
        rows = [
            (TABLES[table], build_row(TABLES[table], fact, now, pseudonym=person != number))
            for person in (*people, number)
            for table, fact in _draft_facts(one, person, at)
        ]
        taken = _find_consents(one.client, people, at).count() if one.said == STOP else 0
        done = len(attempts) if one.said == OUTCOME else len(rows)
        recorded = RecordedRequest(one.said, one.client, at, now, len(people), taken, done, False)
        return cls(one, content, name, tuple(rows), tuple(attempts), recorded)


def _write_requests(new: dict[str, _PreparedRequest], by: str, source: str, now: datetime) -> datetime:
    """Write the requests with their facts, and an entry of the ledger for each."""
    if not new:
        return now
    known_at = now
    rows = [row for one in new.values() for row in one.rows]
    if rows:
        load = write_load(rows, source=source, by=by)
        note_load(load)
        known_at = load.known_at or now
    for one in new.values():
        outcome = [one.request.outcome] * len(one.attempts)
        write_outcomes(one.attempts, outcome, source, by=by)
    until = (now + timedelta(days=_KEPT_DAYS)).date()
    entries = append_all([
        Draft(
            KIND,
            {"actor": by, "client": one.request.client, "said": one.request.said,
             "outcome": one.request.outcome, "channel": one.request.channel,
             "persons": one.recorded.persons, "facts": one.recorded.facts},
            now, {"number": one.number}, one.number, until, "outbound",
        )
        for one in new.values()
    ])  # fmt: skip
    PersonRequestRow.objects.bulk_create([
        PersonRequestRow(
            key=key, content=one.content, said=one.request.said, client=one.request.client,
            number=one.number, at=one.recorded.at, known_at=known_at, by=by,
            channel=one.request.channel, persons=one.recorded.persons,
            consents=one.recorded.consents, facts=one.recorded.facts, seq=entry.seq,
            erase_on=years_later(one.recorded.at.date()),
        )
        for (key, one), entry in zip(new.items(), entries, strict=True)
    ])  # fmt: skip
    return known_at


def _recorded_request(row: PersonRequestRow, *, before: bool) -> RecordedRequest:
    return RecordedRequest(row.said, row.client, row.at, row.known_at, row.persons, row.consents, row.facts, before)


def _draft_facts(one: PhoneRequest, person: str, at: datetime) -> list[tuple[str, dict[str, Any]]]:
    """Return what a request says of one holder, or of the number: tables and their cells."""
    if one.said == OUTCOME:
        return []
    about = {"client": one.client, "person": person, "at": at}
    refusal = {**about, "kind": "objection" if one.said == STOP else one.said, "basis": ""}
    if one.said != STOP:
        return [("refusals", refusal)]
    withdrawal = {**about, "consent": "", "channel": one.channel}
    return [("withdrawals", withdrawal), ("refusals", refusal)]


def _find_holders(number: str) -> tuple[str, ...]:
    rows = PersonRow.objects.filter(number=number, load__known_at__isnull=False)
    return tuple(dict.fromkeys(rows.order_by("pk").values_list("person", flat=True)))


def _find_consents(client: str, people: Sequence[str], at: datetime) -> Any:
    rows = ConsentRow.objects.filter(person__in=people, collected_at__lte=at, load__known_at__isnull=False).exclude(
        until__lt=at.date()
    )
    rows = rows.filter(client=client) if client else rows
    return rows.values("client", "ref").distinct()


def _find_attempts(one: PhoneRequest, now: datetime) -> list[AttemptRow]:
    """Return the last versions of the attempt that an outcome is about, a holder each."""
    people = _find_holders(number_pseudonym(one.number))
    at = one.at or now
    rows = AttemptRow.objects.filter(person__in=people, at__lte=at + MAX_CLOCK_SKEW,
                                  at__gt=at - timedelta(hours=_CALL_HOURS))  # fmt: skip
    if one.client:
        rows = rows.filter(client=one.client)
    last: dict[tuple[str, str, str, str], AttemptRow] = {}
    for row in rows.order_by("pk"):
        if not one.call or row.ref == one.call or row.ref.startswith(f"{one.call}/"):
            last[row.client, row.person, row.provider, row.ref] = row
    if not last:
        return []
    newest = max(last.values(), key=lambda row: (row.at, row.pk))
    return [row for row in last.values() if (row.client, row.ref) == (newest.client, newest.ref)]


def _find_faults(one: PhoneRequest, now: datetime) -> list[RequestFault]:
    """Return every field that cannot be taken."""
    number = number_text(one.number)
    checks = (
        ("key", "key.missing", "", bool(one.key) and len(one.key) <= LONGEST_KEY),
        ("number", "number.unreadable", "", not find_number_fault(number)),
        ("said", "said.unknown", one.said, one.said in SAID),
        ("client", "client.unknown", one.client, not one.client or _is_known_client(one.client)),
        ("at", "at.no-offset", "", one.at is None or one.at.tzinfo is not None),
        ("channel", "channel.unfit", "", len(one.channel) <= LONGEST_CHANNEL
         and one.channel.isprintable()),
        ("outcome", "outcome.unknown", one.outcome,
         one.outcome in (REPORTED_OUTCOMES if one.said == OUTCOME else ("",))),
        ("call", "call.unfit", "", not one.call or (one.said == OUTCOME and len(one.call) <= 300
         and one.call.isprintable())),
    )  # fmt: skip
    found = [RequestFault(field, code, given[:40]) for field, code, given, fits in checks if not fits]
    if one.at is not None and one.at.tzinfo is not None and one.at > now + MAX_CLOCK_SKEW:
        found.append(RequestFault("at", "at.future"))
    return found


def _is_known_client(client: str) -> bool:
    """Return whether a client is known: a misspelt one would bind no one."""
    if "\0" in client:
        return False
    if client in load_clients():
        return True
    return any(model.objects.filter(client=client).exists() for model in (ConsentRow, ContractRow))
