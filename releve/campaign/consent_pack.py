"""The consents to a client's calls, as evidence: what was said, when, how, and the proof.

One row for each version of a consent, under pseudonyms, in the order in which they became known.
Its columns are those of the sealed fact (``text``), so that a reader can compare the two.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from releve.campaign.contract_details import load_copies
from releve.campaign.proved_facts import ProvedFact
from releve.gate.clients import resolve_client
from releve.gate.fact_proofs import FactProver, serialize_fact
from releve.gate.models import ConsentRow, PersonRow, WithdrawalRow
from releve.gate.retention import years_later
from releve.network.clock import UTC, zone
from releve.outbound import ITEMS, LegalRules
from releve.outbound.consents import find_last_day, is_positive
from releve.outbound.facts import EVERY_CLIENT
from releve.outbound.facts import Consent as Fact
from releve.outbound.legal_rows import LEGAL_ZONE, LegalRow, to_legal_day

__all__ = ["CONSENT_COLUMNS", "iter_consents"]

_AT_ONCE = 500
CONSENT_COLUMNS = (
    "ref", "client", "person", "known_at", "recorded_at", "collected_at", "collected_local",
    "unreadable", "named", "objects_named", "items", "missing_items", "act", "positive_act",
    "wording", "wording_version", "proof", "channel", "collector", "third_party", "until",
    "last_day", "slot_from", "slot_to", "withdrawn_at", "withdrawal_channel", "copies",
    "kept_until", "ledger_entry",
)  # fmt: skip
"""The columns of the table; those that the sealed text has too are called as there."""


def iter_consents(
    client: str,
    rules: LegalRules,
    prover: FactProver | None,
    *,
    person: str = "",
    object_: str = "",
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
        taken, refs = _read_withdrawals(client, part), _read_refs(client, part)
        for row in part:
            if object_ and object_ not in row.objects_named.split("|"):
                continue
            given = copies.get((row.person, row.ref), ())
            withdrawal = _find_withdrawal(row, taken.get(row.person, ()), refs[row.person])
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


def _read_withdrawals(client: str, part: Sequence[ConsentRow]) -> dict[str, list[WithdrawalRow]]:
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


def _find_withdrawal(
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
