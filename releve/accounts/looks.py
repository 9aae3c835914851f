"""Who looked, as the ledger has it: behind pseudonyms, and at the contacts of a case."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from releve.accounts.grants import STREAM
from releve.accounts.models import IdentityRequest
from releve.accounts.reidentification import ANSWERED_WITHIN
from releve.ledger.account_names import restore_names
from releve.ledger.models import LedgerEntry

__all__ = ["ContactAccess", "count_looks", "find_state", "list_contact_accesses"]

_MOST_COUNTED = 5000


@dataclass(frozen=True, slots=True)
class ContactAccess:
    """One view of the contacts of a case, which goes by its event; ``of`` is the case's stream."""

    entry: int
    case: str
    actor: str
    at: datetime
    of: str


def list_contact_accesses(most: int) -> tuple[ContactAccess, ...]:
    """Return the looks at contacts, the newest first."""
    rows = LedgerEntry.objects.filter(stream=STREAM, kind="contacts.seen").order_by("-seq")[:most]
    bodies = [json.loads(row.body) for row in rows]
    restore_names(bodies)
    times = [datetime.fromisoformat(row.recorded_at) for row in rows]
    return tuple(
        ContactAccess(row.seq, body["case"], body["actor"], at, body["of"])
        for row, body, at in zip(rows, bodies, times, strict=True)
    )


def count_looks() -> Counter[int]:
    """Return how often each allowed request was used, of the newest looks."""
    rows = LedgerEntry.objects.filter(stream=STREAM, kind="identity.seen").order_by("-seq")
    bodies = rows.values_list("body", flat=True)[:_MOST_COUNTED]
    return Counter(json.loads(body)["look"] for body in bodies)


def find_state(look: IdentityRequest, now: datetime) -> str:
    """Return ``waiting``, ``late`` (not allowed in time), ``open`` or ``over``."""
    if look.open_until is not None:
        return "open" if now < look.open_until else "over"
    return "late" if now - look.asked_at > ANSWERED_WITHIN else "waiting"
