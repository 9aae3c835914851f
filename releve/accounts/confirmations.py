"""Accounts that may approve are confirmed: an administrator vouches for their owners.

The first two administrators are declared two people at the command line, for which the operator
answers, as are the next ones where those have left. From then on administrators confirm accounts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from releve.accounts.grants import AccessError, get_account, record_change
from releve.accounts.models import AccountAct, Grant, User
from releve.accounts.notices import announce_account, may_approve
from releve.accounts.permissions import Role
from releve.accounts.two_people import (
    COMMAND_LINE,
    AccountStanding,
    AccountStandings,
    describe_hands,
    find_standings,
    list_acts,
)
from releve.errors import Phrase
from releve.ledger.chain import lock_head

_FACTORS = "authenticator_set"


@dataclass(frozen=True, slots=True)
class ConfirmationLine:
    """An account that may approve and counts as one person with others until it is confirmed.

    ``hands``: who else could act through it, and why; ``factors``: when its second factors were set
    up; ``obstacle``: why its reader cannot confirm it, empty where they can.
    """

    number: int
    name: str
    email: str
    hands: str
    factors: tuple[datetime, ...]
    signed_in_at: datetime | None
    obstacle: str


def list_confirmations(by: str) -> tuple[ConfirmationLine, ...]:
    """Return the open accounts that wait for a confirmation, by name, as one person may give it."""
    standings = find_standings(list_acts())
    rows = User.objects.filter(is_active=True).prefetch_related("grants", _FACTORS)
    found = []
    for user in rows.order_by("username"):
        standing = standings[user.get_username()]
        if standing.stands_alone or not may_approve(user):
            continue
        obstacle = find_obstacle(user, by, standings)
        found.append(
            ConfirmationLine(
                user.pk,
                user.get_username(),
                user.email,
                _describe_standing(standing),
                tuple(row.created_at for row in _list_factors(user)),
                user.last_login,
                "" if obstacle is None else obstacle.args[0],
            )
        )
    return tuple(found)


def find_obstacle(user: User, by: str, standings: AccountStandings) -> AccessError | None:
    """Return why ``by`` cannot confirm that an account is its owner's alone; None where they can.

    An administrator who is tied to it can only where several people are: then another of them must
    confirm it too.
    """
    name = user.get_username()
    own = standings[name]
    if by == name:
        return AccessError(Phrase("another administrator has to confirm your own account"))
    if own.stands_alone:
        return AccessError(Phrase("{0} counts as a person of its own already", name))
    if (waits := _find_missing_sign_in(user, own)) is not None:
        return waits
    before = frozenset(own.behind) if own.doubtful is None else own.doubtful
    after = own.narrow(standings[by])
    if after and after >= before - {name}:
        person = min(after)
        hands = (*standings[by].find_way(person), *own.find_way(person))
        return AccessError(
            Phrase("{0}: an administrator without access to it has to confirm it", describe_hands(hands))
        )
    return None


@transaction.atomic
def confirm_account(user: User, *, by: str) -> bool:
    """Confirm that an account is its owner's alone; return whether it counts as a person now.

    It does not yet where ``by`` is tied to it, until another administrator confirms it too.
    """
    lock_head()  # a tie that arises meanwhile is either judged here or is a later one
    obstacle = find_obstacle(user, by, find_standings(list_acts()))
    if obstacle is not None:
        raise obstacle
    _store_word(user, AccountAct.CONFIRMED, by)
    return find_standings(list_acts())[user.get_username()].stands_alone


@transaction.atomic
def declare_administrators(names: Collection[str]) -> None:
    """Declare that administrators are different people, each with one account.

    For the command line; AccessError as :func:`check_declaration` says.
    """
    lock_head()
    for user in check_declaration(names):
        _store_word(user, AccountAct.DECLARED, COMMAND_LINE)


def check_declaration(names: Collection[str]) -> Sequence[User]:
    """Return the administrators who can be declared different people, by name.

    They can where no two administrators are two people yet, or any more. AccessError where two are,
    or an account is not one of an administrator who has signed in.
    """
    users = [get_account(name) for name in dict.fromkeys(names)]
    if len(users) < 2:
        raise AccessError(Phrase("name two administrators: it takes two people"))
    standings = find_standings(list_acts())
    if pair := _find_two_administrators(standings):
        raise AccessError(Phrase("{0} and {1} count as two people: they confirm accounts on the page People", *pair))
    running = _list_administrators()
    for user in users:
        name = user.get_username()
        if name not in running:
            raise AccessError(Phrase("{0} is not the account of an administrator", name))
        if (waits := _find_missing_sign_in(user, standings[name])) is not None:
            raise waits
    return users


def are_two_administrators() -> bool:
    return _find_two_administrators(find_standings(list_acts())) is not None


def _find_two_administrators(standings: AccountStandings) -> tuple[str, str] | None:
    for one, other in combinations(_list_administrators(), 2):
        if standings[one].find_common_hands(standings[other]) is None:
            return one, other
    return None


def _list_administrators() -> Sequence[str]:
    now = timezone.now()
    rows = Grant.objects.filter(role=Role.ADMINISTRATOR, user__is_active=True)
    found = {row.user.get_username() for row in rows.select_related("user") if row.is_active_at(now)}
    return sorted(found)


def _find_missing_sign_in(user: User, standing: AccountStanding) -> AccessError | None:
    """Return what the owner has yet to do; a sign-in since the last hand ends every link seen."""
    name, hand = user.get_username(), standing.last_access
    if not user.is_active:
        return AccessError(Phrase("the account {0!r} is closed", name))
    if user.last_login is None or (hand is not None and user.last_login <= hand.at):
        return AccessError(Phrase("{0} has to sign in first, with a password that {0} alone has chosen", name))
    if not _list_factors(user) and (
        settings.SECOND_FACTOR_REQUIRED or SocialAccount.objects.filter(user=user).exists()
    ):
        return AccessError(Phrase("{0} has to set up a second factor first", name))
    return None


def _list_factors(user: User) -> list[Authenticator]:
    kinds = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
    found: Iterable[Authenticator] = getattr(user, _FACTORS).all()  # allauth has no types
    return [row for row in found if row.type in kinds]


def _describe_standing(standing: AccountStanding) -> Phrase:
    return describe_hands(hand for way in standing.behind.values() for hand in way)


def _store_word(user: User, kind: str, by: str) -> None:
    AccountAct.objects.create(user=user, kind=kind, by=by)
    record_change(f"access.{kind}", user, {}, by)
    announce_account(user, kind, by)
