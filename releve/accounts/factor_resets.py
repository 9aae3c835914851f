"""A lost second factor: one administrator asks for its removal, another one allows it.

Taking a factor away opens an account to a holder of its password, so it takes two people: neither
is the person concerned, and no one person could act through both their accounts. The command line
counts as one person, who stands behind the accounts made there until they are confirmed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from releve.accounts.grants import AccessError, record_change, remove_factors
from releve.accounts.models import AccountAct, FactorReset, User
from releve.accounts.two_people import Act, find_tie, list_acts, phrase_tie
from releve.errors import Phrase
from releve.ledger.chain import lock_head

__all__ = [
    "ResetLine",
    "approve_reset",
    "list_open_resets",
    "list_resets_for",
    "request_reset",
]

_OPEN = timedelta(days=1)
_SHORTEST_REASON = 10


@dataclass(frozen=True, slots=True)
class ResetLine:
    """A request that waits; ``obstacle``: why its reader cannot allow it, empty where they can."""

    number: int
    name: str
    asked_by: str
    asked_at: datetime
    reason: str
    obstacle: str


def list_resets_for(by: str) -> tuple[ResetLine, ...]:
    """Return the requests that wait, the newest first, as one person may allow them."""
    acts = list_acts()
    return tuple(
        ResetLine(
            row.pk,
            row.user.get_username(),
            row.asked_by,
            row.asked_at,
            row.reason,
            "" if obstacle is None else obstacle.args[0],
        )
        for row in list_open_resets()
        for obstacle in [_find_obstacle(row, by, acts)]
    )


def list_open_resets() -> QuerySet[FactorReset]:
    """Return the requests that wait for a second person, the newest first."""
    since = timezone.now() - _OPEN
    return FactorReset.objects.select_related("user").filter(approved_by="", asked_at__gte=since)


@transaction.atomic
def request_reset(user: User, reason: str, *, by: str) -> FactorReset:
    """Ask that the second factors of a user be removed, saying how the person was recognised."""
    if by == user.get_username():
        raise AccessError(Phrase("another administrator has to ask for it"))
    if not user.is_active:
        raise AccessError(Phrase("the account {0!r} is closed", user.get_username()))
    reason = reason.strip()
    if len(reason) < _SHORTEST_REASON:
        raise AccessError(Phrase("reason must have at least {0} characters", _SHORTEST_REASON))
    if list_open_resets().filter(user=user).exists():
        raise AccessError(Phrase("it has been asked already: another administrator allows it"))
    reset = FactorReset.objects.create(
        user=user, asked_by=by, reason=reason, asked_at=timezone.now()
    )
    record_change("access.factors_asked", user, {"reset": reset.pk}, by, {"reason": reason})
    return reset


def _find_obstacle(reset: FactorReset, by: str, acts: Sequence[Act]) -> AccessError | None:
    """Return why this person cannot allow a request; None where they can."""
    if by == reset.user.get_username():
        return AccessError(Phrase("another administrator has to allow it"))
    if by == reset.asked_by:
        return AccessError(Phrase("it takes two people: another person has to allow it"))
    tie = find_tie(acts, by, reset.asked_by, other_acted_at=reset.asked_at)
    return None if tie is None else AccessError(phrase_tie(tie))


@transaction.atomic
def approve_reset(reset: FactorReset, *, by: str) -> None:
    """Allow what another person has asked: the factors and the sessions of the user end now."""
    lock_head()
    found = list_open_resets().select_for_update(of=("self",)).filter(pk=reset.pk).first()
    if found is None:
        raise AccessError(Phrase("it was allowed, or asked more than a day ago: ask again"))
    obstacle = _find_obstacle(found, by, list_acts())
    if obstacle is not None:
        raise obstacle
    found.approved_by = by
    found.save(update_fields=["approved_by"])
    AccountAct.objects.create(user=found.user, kind=AccountAct.FACTORS, by=found.asked_by)
    remove_factors(found.user, by=by)
