"""Details of a campaign's contract that the gate cannot see, recorded by people in the ledger.

The contract and whether it holds an audit clause, where the list comes from; and the copies of
consents that were given to those who asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from django.db import transaction

from releve.gate.campaigns import load_campaigns
from releve.gate.clients import resolve_client
from releve.gate.errors import LoadRefused
from releve.gate.key_checks import ensure_gate_key
from releve.gate.models import ConsentRow
from releve.gate.pseudonyms import person_pseudonym
from releve.ledger.chain import append, iter_entries

__all__ = [
    "COPIED",
    "PAPERS",
    "ContractDetails",
    "load_contract_details",
    "load_copies",
    "record_contract_details",
    "record_copy",
]

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
def record_contract_details(
    campaign: str, papers: ContractDetails, *, by: str, now: datetime
) -> int:
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
