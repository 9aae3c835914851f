"""Accounts that the organisation's directory makes, changes and closes.

An account that it made, or that an administrator handed over, is its to change; the others it sees. What
it makes has no role, no password and no second factor. What it closes ends as on the desk, and it opens
again, without roles, what it closed itself and nothing else. It never closes the last administrator. Each
change is an entry of the ledger by the name of its token. An account that it made, or whose address it
changed, may be anybody's until two administrators confirm it: see :mod:`releve.accounts.two_people`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from allauth.account.models import EmailAddress
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from releve.accounts.grants import AccessError, close_account, create_account, get_account, record_change
from releve.accounts.models import AccountAct, DirectoryAccount, Grant, User
from releve.accounts.notices import announce_account
from releve.accounts.permissions import Role
from releve.errors import Phrase
from releve.ledger.chain import lock_head

_MOST_EMAILS = 20
_log = logging.getLogger(__name__)


class NameTaken(AccessError):  # noqa: N818 (a refusal, not a fault of the program)
    """Another account has the name, the id or the address."""


class NotTheDirectorys(AccessError):  # noqa: N818
    """The directory may not do this to this account; an administrator may."""


@dataclass(frozen=True, slots=True)
class DirectoryUser:
    """What the directory says of a person; ``active``: None where it does not say.

    Each of ``emails`` has a ``value``, and may have a ``type`` and be ``primary``.
    """

    user_name: str
    external_id: str = ""
    given_name: str = ""
    family_name: str = ""
    display_name: str = ""
    emails: tuple[Mapping[str, Any], ...] = ()
    active: bool | None = None

    @property
    def address(self) -> str:
        """The address that the account gets: the primary one, or that of work, or the first."""
        ranked = sorted(self.emails, key=lambda row: (not row.get("primary"), row.get("type") != "work"))
        return str(ranked[0]["value"]) if ranked else ""


def find_row(user: User) -> DirectoryAccount | None:
    """Return what the directory says of an account that it may change; None of another one."""
    found: DirectoryAccount | None = getattr(user, "directory", None)
    return found


def describe_user(user: User) -> DirectoryUser:
    """Return an account as the directory sees it, whether it may change it or not."""
    row = find_row(user)
    known = [{"value": user.email, "type": "work", "primary": True}] if user.email else []
    return DirectoryUser(
        user.username if row is None else row.user_name,
        "" if row is None else row.external_id,
        user.first_name,
        user.last_name,
        "" if row is None else row.display_name,
        tuple(known if row is None else row.emails),
        user.is_active,
    )


def list_seen() -> QuerySet[User]:
    """Return the accounts that the directory sees: all but those that it deleted."""
    return User.objects.exclude(directory__removed=True).select_related("directory").order_by("pk")


def match_name(user_name: str) -> Q:
    """Return the condition that an account goes by a name in the directory."""
    return Q(directory__user_name__iexact=user_name) | Q(directory=None, username__iexact=user_name)


@transaction.atomic
def make_account(wanted: DirectoryUser, *, by: str) -> User:
    """Make an account without any role; one that the directory deleted comes back, to the same person alone.

    The name of an account stays taken for the records, so that a second person of the name gets another one.
    """
    lock_head()
    named = match_name(wanted.user_name) | Q(username__iexact=wanted.user_name)
    known = User.objects.filter(named).select_related("directory").first()
    if known is not None:
        row = find_row(known)
        if row is None or not row.removed or not row.external_id or row.external_id != wanted.external_id:
            raise NameTaken(Phrase("the name {0!r} is taken, and stays so for the records", wanted.user_name))
        row.removed = False
        row.save(update_fields=["removed"])
        return _change(known, wanted, by, active=wanted.active is not False)
    _check_values(wanted, None)
    user = create_account(wanted.user_name, wanted.address)
    user.first_name, user.last_name = wanted.given_name, wanted.family_name
    user.save(update_fields=["first_name", "last_name"])
    AccountAct.objects.create(user=user, kind=AccountAct.MADE, by=by)
    DirectoryAccount.objects.create(
        user=user,
        user_name=wanted.user_name,
        external_id=wanted.external_id,
        display_name=wanted.display_name,
        emails=list(wanted.emails),
    )
    record_change("access.made", user, {}, by, _list_personal(wanted, DirectoryUser("")))
    if wanted.active is False:
        _close(user, by)
    return user


@transaction.atomic
def change_account(number: int, wanted: DirectoryUser, *, by: str) -> User:
    """Take over what the directory says of an account.

    Where it says that the person has left, the account is closed in any case: of what else it says then,
    that which is refused is left out.
    """
    lock_head()
    return _change(list_seen().get(pk=number), wanted, by, active=wanted.active)


def _change(user: User, wanted: DirectoryUser, by: str, *, active: bool | None) -> User:
    leaves = user.is_active and active is False
    _require_row(user)
    try:
        with transaction.atomic():
            _take_values(user, wanted, by)
    except AccessError as error:
        if not leaves:
            raise
        _log.warning("what the directory says of an account that it closes was refused: %s", type(error).__name__)
        user = list_seen().get(pk=user.pk)
    if leaves:
        _close(user, by)
    elif active and not user.is_active:
        _open(user, by)
    return list_seen().get(pk=user.pk)


@transaction.atomic
def remove_account(number: int, *, by: str) -> None:
    """Close an account that the directory deletes; it sees it no more, and nothing of it is lost."""
    lock_head()
    user = list_seen().get(pk=number)
    _require_row(user)
    if user.is_active:
        _close(user, by)
    DirectoryAccount.objects.filter(user=user).update(removed=True, changed_at=timezone.now())


@transaction.atomic
def hand_over(name: str, *, by: str) -> None:
    """Let the directory change and close an account; one that is closed, open it again."""
    lock_head()
    user = get_account(name)
    row = find_row(user)
    if row is not None and not row.removed and (user.is_active or row.closed_at is not None):
        raise AccessError(Phrase("the directory has the account {0!r} already", name))
    seen = describe_user(user)
    closed_at = None if user.is_active else timezone.now()
    DirectoryAccount.objects.update_or_create(
        user=user,
        defaults={"closed_at": closed_at, "removed": False},
        create_defaults={"closed_at": closed_at, "user_name": seen.user_name, "emails": list(seen.emails)},
    )
    record_change("access.handed_over", user, {}, by)


def _require_row(user: User) -> DirectoryAccount:
    row = find_row(user)
    if row is None:
        raise NotTheDirectorys(Phrase("this account was made on the desk: an administrator hands it over there first"))
    return row


def _take_values(user: User, wanted: DirectoryUser, by: str) -> None:
    before, row = describe_user(user), _require_row(user)
    personal = _list_personal(wanted, before)
    if not personal:
        return
    _check_values(wanted, user)
    if wanted.address != user.email:
        announce_account(user, AccountAct.ADDRESS, by)
        AccountAct.objects.create(user=user, kind=AccountAct.ADDRESS, by=by)
        EmailAddress.objects.filter(user=user).delete()
        if wanted.address:
            EmailAddress.objects.create(user=user, email=wanted.address, verified=True, primary=True)
    user.email, user.first_name, user.last_name = wanted.address, wanted.given_name, wanted.family_name
    user.save(update_fields=["email", "first_name", "last_name"])
    row.user_name, row.external_id, row.display_name = wanted.user_name, wanted.external_id, wanted.display_name
    row.emails, row.changed_at = list(wanted.emails), timezone.now()
    row.save()
    record_change("access.changed", user, {"fields": sorted(personal)}, by, personal)


def _list_personal(wanted: DirectoryUser, before: DirectoryUser) -> dict[str, str]:
    """Return the values that are others than before, by name: all are of the person."""
    names = [field.name for field in fields(DirectoryUser) if field.name != "active"]
    changed = {name: getattr(wanted, name) for name in names if getattr(wanted, name) != getattr(before, name)}
    if "emails" in changed:
        changed["emails"] = ", ".join(str(row["value"]) for row in wanted.emails)
    return changed


def _check_values(wanted: DirectoryUser, user: User | None) -> None:
    """Refuse what an account cannot have, or another account has."""
    others = User.objects.all() if user is None else User.objects.exclude(pk=user.pk)
    rows = DirectoryAccount.objects.filter(user__in=others)
    longest = {"user_name": 255, "external_id": 255, "display_name": 255, "given_name": 150, "family_name": 150}
    for name, most in longest.items():
        if len(getattr(wanted, name)) > most:
            raise AccessError(Phrase("{0} has at most {1} characters", name, most))
    if not wanted.user_name.strip() or len(wanted.emails) > _MOST_EMAILS:
        raise AccessError(Phrase("a user has a name, and at most {0} e-mail addresses", _MOST_EMAILS))
    for row in wanted.emails:
        try:
            validate_email(row.get("value"))
        except ValidationError as error:
            raise AccessError(" ".join(error.messages)) from error
    taken = others.filter(match_name(wanted.user_name) | Q(username__iexact=wanted.user_name))
    if taken.exists():
        raise NameTaken(Phrase("the name {0!r} is taken, and stays so for the records", wanted.user_name))
    if wanted.external_id and rows.filter(external_id=wanted.external_id).exists():
        raise NameTaken(Phrase("another account has this external id"))
    if wanted.address and EmailAddress.objects.filter(email__iexact=wanted.address, user__in=others).exists():
        raise NameTaken(Phrase("another account has this e-mail address"))


def _close(user: User, by: str) -> None:
    if _list_administrators() == {user.pk}:
        raise NotTheDirectorys(Phrase("this is the last open administrator: give another person the role first"))
    announce_account(user, AccountAct.CLOSED, by)
    AccountAct.objects.create(user=user, kind=AccountAct.CLOSED, by=by)
    close_account(user.get_username(), by=by)
    now = timezone.now()
    DirectoryAccount.objects.filter(user=user).update(closed_at=now, changed_at=now)


def _open(user: User, by: str) -> None:
    if _require_row(user).closed_at is None:
        raise NotTheDirectorys(Phrase("an administrator closed this account: only one can have it opened again"))
    User.objects.filter(pk=user.pk).update(is_active=True)
    DirectoryAccount.objects.filter(user=user).update(closed_at=None, changed_at=timezone.now())
    AccountAct.objects.create(user=user, kind=AccountAct.OPENED, by=by)
    record_change("access.opened", user, {}, by)


def _list_administrators() -> set[int]:
    now = timezone.now()
    rows = Grant.objects.filter(role=Role.ADMINISTRATOR, user__is_active=True)
    return {row.user_id for row in rows if row.is_active_at(now) and row.to_held_role() is not None}
