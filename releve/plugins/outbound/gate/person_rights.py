"""A person's rights over what is stored about them: to see it, to take it along, to have it erased.

The person is found by number. Where several people hold it, one is named by the id of the client's
file: no one gets another person's data. Every act is recorded with its reason before it is done.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import models as db
from django.db import transaction

from releve.ledger.chain import append
from releve.plugins.outbound.gate.connections import ensure_gate_key
from releve.plugins.outbound.gate.erasure import erase_pseudonym, read_value
from releve.plugins.outbound.gate.errors import GateError
from releve.plugins.outbound.gate.models import Decision, FactRow, PersonRequestRow, PersonRow, PseudonymValue
from releve.plugins.outbound.gate.proofs import to_json_value
from releve.plugins.outbound.gate.pseudonyms import is_subscriber, number_pseudonym, number_text, person_pseudonym
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
        _select_requests(holder).count(), _select_values(holder).count(),
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


def _select_values(holder: Holder) -> db.QuerySet[PseudonymValue]:
    return PseudonymValue.objects.filter(pseudonym__in=holder.names)


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
