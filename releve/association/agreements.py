"""What a client decides about its own work: whether a partner's agents may answer it.

The step of the contract says when the client decided, and no name: it goes to the partner. Who did
is an entry of the own ledger, ``contract.client_decided``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from releve.association.contracts import (
    DRILL,
    RELIEF,
    StoredContract,
    find_own_party,
    list_contracts,
    take_step,
)
from releve.association.gate_member import find_programme
from releve.errors import Phrase
from releve.ledger.chain import append, lock_head
from releve.network import Operator
from releve.sector import SectorError

__all__ = ["ClientContract", "decide_contract", "list_client_contracts"]


@dataclass(frozen=True, slots=True)
class ClientContract:
    """A contract that is for the work of an own client."""

    stored: StoredContract
    stream: str
    client: str
    programme: str


def list_client_contracts(
    operator: Operator, may_see: Callable[[str], bool]
) -> list[ClientContract]:
    """Return the contracts asked for the work of clients that a reader may see, newest first."""
    found = []
    for stream in (RELIEF, DRILL):
        for stored in reversed(list_contracts(stream).values()):
            terms = stored.contract.terms
            programme = find_programme(terms.programme) or terms.programme
            row = operator.programme.get(programme)
            if row is None or not may_see(row.client) or find_own_party(stored) != terms.asker:
                continue
            found.append(ClientContract(stored, stream, row.client, programme))
    return found


def decide_contract(
    found: ClientContract, agrees: bool, before: str, actor: str, now: datetime
) -> None:
    """Record a client's decision; SectorError where it is not awaited, or the contract moved on."""
    contract = found.stored.contract
    if contract.state != "matched":
        raise SectorError(
            Phrase("contract {0} awaits no decision of its client", contract.terms.contract)
        )
    kind = "agree" if agrees else "decline"
    with transaction.atomic():
        lock_head()
        take_step(
            contract.terms.contract, kind, contract.terms.asker, now, before=before,
            reference=f"client, {now:%Y-%m-%d %H:%M} UTC" if agrees else "",
            stream=found.stream,
        )  # fmt: skip
        append("contract.client_decided", {"actor": actor, "client": found.client,
                                           "contract": contract.terms.contract, "step": kind},
               recorded_at=now, stream=found.stream)  # fmt: skip
