"""Who looked, as the ledger has it: behind pseudonyms, and at the contacts of a case."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from releve.accounts.grants import STREAM
from releve.accounts.models import IdentityRequest, User
from releve.accounts.reidentification import ANSWERED_WITHIN
from releve.accounts.scopes import can
from releve.accounts.two_people import find_tie, list_acts
from releve.ledger.account_names import restore_names
from releve.ledger.models import LedgerEntry

__all__ = ["ContactAccess", "IdentityLook", "list_contact_accesses", "list_looks"]

_MOST_COUNTED = 5000


@dataclass(frozen=True, slots=True)
class ContactAccess:
    """One view of the contacts of a case, which goes by its event; ``of`` is the case's stream."""

    entry: int
    case: str
    actor: str
    at: datetime
    of: str


@dataclass(frozen=True, slots=True)
class IdentityLook:
    """A look behind a pseudonym that was asked for, and what its reader may do about it.

    ``state``: waiting, late (not allowed in time), open or over. ``seen``: how often the name was
    shown.
    """

    number: int
    pseudonym: str
    reason: str
    asked_by: str
    asked_at: datetime
    allowed_by: str
    state: str
    seen: int
    may_allow: bool
    may_see: bool


def list_looks(user: User, now: datetime, most: int) -> tuple[IdentityLook, ...]:
    """Return the looks behind pseudonyms, the newest first, as a user may act on them."""
    name, seen = user.get_username(), _count_looks()
    asks, allows = can(user, "health.reidentify"), can(user, "health.approve")
    acts = list_acts()
    found = []
    for row in IdentityRequest.objects.all()[:most]:
        state = _find_state(row, now)
        may_allow = (
            state == "waiting"
            and allows
            and find_tie(acts, name, row.asked_by, other_acted_at=row.asked_at) is None
        )
        may_see = state == "open" and row.asked_by == name and asks
        found.append(
            IdentityLook(
                row.pk, row.pseudonym, row.reason, row.asked_by, row.asked_at, row.allowed_by,
                state, seen[row.pk], may_allow, may_see,
            )
        )  # fmt: skip
    return tuple(found)


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


def _count_looks() -> Counter[int]:
    """Return how often each allowed request was used, of the newest looks."""
    rows = LedgerEntry.objects.filter(stream=STREAM, kind="identity.seen").order_by("-seq")
    bodies = rows.values_list("body", flat=True)[:_MOST_COUNTED]
    return Counter(json.loads(body)["look"] for body in bodies)


def _find_state(look: IdentityRequest, now: datetime) -> str:
    if look.open_until is not None:
        return "open" if now < look.open_until else "over"
    return "late" if now - look.asked_at > ANSWERED_WITHIN else "waiting"
