"""Notices of looks behind pseudonyms, of changes to accounts that may approve, and of feeds that failed.

Every health officer is notified of a look, and by mail of names read at a roll call; of a change to an
account that may approve, its owner and everyone of the operator whose account may. A notice stands on a
page until it is read, and is mailed where its reader has an address. No mail names a pseudonym or a reason.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from smtplib import SMTPRecipientsRefused, SMTPResponseException

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import override

from releve.accounts.models import AccountAct, Grant, IdentityNotice, IdentityRequest, User
from releve.accounts.permissions import OUTSIDE, Role, approving_roles, list_permissions
from releve.accounts.two_people import COMMAND_LINE, DIRECTORY, ROLE, Act, is_service

_log = logging.getLogger(__name__)

_CHANGES = {
    AccountAct.MADE: lazy("{by} made the account {name}."),
    ROLE: lazy("{by} gave {name} a role that may approve."),
    AccountAct.LINK: lazy("{by} saw a link that sets the password of {name}."),
    AccountAct.FACTORS: lazy("{by} removed the second factors of {name}."),
    AccountAct.ADDRESS: lazy("{by} changed the e-mail address of {name}."),
    AccountAct.CLOSED: lazy("{by} closed the account {name}."),
    AccountAct.OPENED: lazy("{by} opened the account {name} again, without roles."),
    AccountAct.ENTRY: lazy("{by} could sign in to {name} without a second factor."),
    AccountAct.CONFIRMED: lazy("{by} confirmed that {name} is a person with no other account."),
    AccountAct.DECLARED: lazy("{by}: {name} was declared a person with no other account."),
}


@dataclass(frozen=True, slots=True)
class LookNotice:
    """A notice that a look was asked for or allowed: ``kind`` is asked or allowed."""

    kind: str
    by: str
    at: datetime
    pseudonym: str


def notify_officers(request: IdentityRequest, kind: str, by: str) -> None:
    """Notify every health officer, in the transaction of the act; mails leave after it."""
    now, officers = timezone.now(), _list_holders((Role.HEALTH,))
    IdentityNotice.objects.bulk_create(
        IdentityNotice(request=request, user=user, kind=kind, by=by, at=now) for user in officers
    )
    said = {
        "asked": lazy("{name} asks to see who stands behind a pseudonym."),
        "allowed": lazy("{name} has allowed a look behind a pseudonym."),
    }[kind]
    _mail(officers, said, {"name": by}, settings.IDENTITY_PAGE)


def announce_roll(site: str, by: str) -> None:
    """Mail every health officer but the reader that the names at a roll call were read, once that is stored.

    On the pages it stands by itself: they list the readings.
    """
    officers = [user for user in _list_holders((Role.HEALTH,)) if user.get_username() != by]
    said = lazy("{name} read the names at the roll call of {site}.")
    _mail(officers, said, {"name": by, "site": site}, settings.IDENTITY_PAGE)


def announce_feed(feed: str, state: str) -> None:
    """Mail those who may change the reference data that a feed failed, once that is stored.

    On the pages it stands by itself.
    """
    said = {
        "held": lazy("Feed {feed}: a file waits for a person to look at it. What it brought before stays."),
        "refused": lazy("Feed {feed}: a file was refused. What it brought before stays."),
        "missing": lazy("Feed {feed}: no file came. What it brought before stays."),
    }[state]
    keepers = _list_holders(list_permissions()["registry.edit"].roles)
    _mail(keepers, said, {"feed": feed}, f"{settings.DESK_URL}/registry/feeds")


def list_unread(user: User) -> list[LookNotice]:
    """Return the notices of looks that an officer has not read, the newest first."""
    rows = IdentityNotice.objects.filter(user__username=user.get_username(), read_at=None)
    values = rows.values_list("kind", "by", "at", "request__pseudonym")
    return [LookNotice(*row) for row in values]


def mark_read(user: User) -> None:
    """Mark the notices of looks of an officer as read."""
    rows = IdentityNotice.objects.filter(user__username=user.get_username(), read_at=None)
    rows.update(read_at=timezone.now())


def may_approve(user: User) -> bool:
    """Return whether an account holds a role now whose acts may be one of two."""
    return any(
        row.role in approving_roles()
        for row in user.grants.all()
        if row.is_active_at(timezone.now()) and row.to_held_role() is not None
    )


def announce_account(user: User, kind: str, by: str) -> None:
    """Announce a change to an account that may approve, by mail once it is stored.

    On the pages it stands by itself: they list the acts, see :func:`list_account_notices`. Of another address the
    owner is notified in any case, at the one before.
    """
    approves = may_approve(user)
    if approves or kind == AccountAct.ADDRESS:
        others = _list_holders(approving_roles() - OUTSIDE) if approves else ()
        readers = {row.pk: row for row in (user, *others)}
        values = {"by": _name_actor(by), "name": user.get_username()}
        _mail(readers.values(), _CHANGES[kind], values, settings.ACCOUNT_PAGE)


def list_account_notices(user: User) -> tuple[Act, ...]:
    """Return the changes to other accounts that may approve since a user read them, newest first.

    None for a user who may not approve, or is not of the operator.
    """
    roles = approving_roles()
    if not any(held.role in roles - OUTSIDE for held in user.held_roles) or user.pk is None:
        return ()
    since = user.notices_read_at or user.date_joined
    others = Grant.objects.filter(role__in=roles).exclude(user=user)
    acts = AccountAct.objects.filter(at__gt=since, user__in=others.values("user"))
    found = [
        *(Act(*row) for row in acts.values_list("user__username", "kind", "by", "at")),
        *(
            Act(name, ROLE, by, at)
            for name, by, at in others.filter(given_at__gt=since).values_list("user__username", "given_by", "given_at")
        ),
    ]
    return tuple(sorted(found, key=lambda act: act.at, reverse=True))


def describe_act(act: Act) -> str:
    """Return a change to an account in the reader's language."""
    return str(_CHANGES[act.kind]).format(by=_name_actor(act.by), name=act.account)


def _name_actor(by: str) -> str:
    named = {COMMAND_LINE: _("the command line"), DIRECTORY: _("the directory")}
    if by in named:
        return named[by]
    return _("the sign-in service") if is_service(by) else by


def mark_account_notices_read(user: User) -> None:
    """Mark the changes to accounts that may approve as read by a user."""
    User.objects.filter(pk=user.pk).update(notices_read_at=timezone.now())


def _list_holders(roles: Iterable[Role]) -> list[User]:
    """Return the open accounts that hold one of some roles now."""
    now = timezone.now()
    grants = Grant.objects.filter(role__in=list(roles), user__is_active=True)
    found = {
        row.user.pk: row.user
        for row in grants.select_related("user")
        if row.is_active_at(now) and row.to_held_role() is not None
    }
    return list(found.values())


def _mail(readers: Iterable[User], said: object, values: Mapping[str, str], page: str) -> None:
    """Mail each reader with an address after the commit; a failure is logged, the notice stands."""
    addresses = [user.email for user in readers if user.email]
    with override(settings.LANGUAGE_CODE):
        subject = str(said).format(**values)
    mails = [EmailMessage(subject, f"{subject}\n\n{page}\n", None, [to]) for to in addresses]

    def send() -> None:
        if not mails:
            return
        try:
            with get_connection() as connection:  # one for all: a dead server is waited for once
                for mail in mails:
                    _send_one(connection, mail)
        except OSError as error:
            _log.warning("readers of a notice were not mailed: %s", error)

    transaction.on_commit(send)


def _send_one(connection: BaseEmailBackend, mail: EmailMessage) -> None:
    """Send a mail; OSError where the connection is lost, so that no other can be sent either."""
    try:
        connection.send_messages([mail])
    except (SMTPRecipientsRefused, SMTPResponseException) as error:
        _log.warning("the reader of a notice was not mailed: %s", error)
