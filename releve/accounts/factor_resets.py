"""A lost second factor: one administrator asks for its removal, another one allows it.

Taking a factor away opens an account to a holder of its password, so it takes two people: neither
is the person concerned, and neither had a hand in the other's account. The command line counts as
one person; who made the others from there is not tied to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from releve.accounts.grants import AccessError, record_change, remove_factors
from releve.accounts.models import AccountAct, FactorReset, User
from releve.accounts.two_people import are_tied
from releve.errors import Phrase

__all__ = [
    "COMMAND_LINE",
    "ResetLine",
    "approve_reset",
    "find_obstacle",
    "list_open_resets",
    "list_resets_for",
    "request_reset",
]

COMMAND_LINE = "command line"
"""Who acts where a command does."""
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
        for obstacle in [find_obstacle(row, by)]
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


def find_obstacle(reset: FactorReset, by: str) -> AccessError | None:
    """Return why this person cannot allow a request; None where they can."""
    if by == reset.user.get_username():
        return AccessError(Phrase("another administrator has to allow it"))
    if by == reset.asked_by:
        return AccessError(Phrase("it takes two people: another person has to allow it"))
    if COMMAND_LINE not in (by, reset.asked_by) and are_tied(by, reset.asked_by):
        return AccessError(
            Phrase("one of you gave the other’s access: another administrator has to allow it")
        )
    return None


@transaction.atomic
def approve_reset(reset: FactorReset, *, by: str) -> None:
    """Allow what another person has asked: the factors and the sessions of the user end now."""
    found = list_open_resets().select_for_update(of=("self",)).filter(pk=reset.pk).first()
    if found is None:
        raise AccessError(Phrase("it was allowed, or asked more than a day ago: ask again"))
    obstacle = find_obstacle(found, by)
    if obstacle is not None:
        raise obstacle
    found.approved_by = by
    found.save(update_fields=["approved_by"])
    AccountAct.objects.create(user=found.user, kind=AccountAct.FACTORS, by=found.asked_by)
    remove_factors(found.user, by=by)
