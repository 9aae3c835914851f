"""Notices to every health officer that a look behind a pseudonym was asked for, or allowed.

A notice stands on the page of looks until it is read; a mail goes out beside it where the officer
has an address. Neither names a pseudonym or a reason.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override

from releve.accounts.models import Grant, IdentityNotice, IdentityRequest, User
from releve.accounts.roles import Role

__all__ = ["LookNotice", "list_unread", "mark_read", "notify_officers"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LookNotice:
    """A notice that a look was asked for or allowed: ``kind`` is asked or allowed."""

    kind: str
    by: str
    at: datetime
    pseudonym: str


def notify_officers(request: IdentityRequest, kind: str, by: str) -> None:
    """Notify every health officer, in the transaction of the act; mails leave after it."""
    now, officers = timezone.now(), _officers()
    IdentityNotice.objects.bulk_create(
        IdentityNotice(request=request, user=user, kind=kind, by=by, at=now) for user in officers
    )
    addresses = [user.email for user in officers if user.email]
    transaction.on_commit(lambda: _mail(addresses, kind, by))


def list_unread(user: User) -> list[LookNotice]:
    """Return the notices that an officer has not read, the newest first."""
    rows = IdentityNotice.objects.filter(user__username=user.get_username(), read_at=None)
    values = rows.values_list("kind", "by", "at", "request__pseudonym")
    return [LookNotice(*row) for row in values]


def mark_read(user: User) -> None:
    """Mark the notices of an officer as read."""
    rows = IdentityNotice.objects.filter(user__username=user.get_username(), read_at=None)
    rows.update(read_at=timezone.now())


def _officers() -> list[User]:
    now = timezone.now()
    grants = Grant.objects.filter(role=Role.HEALTH, user__is_active=True).select_related("user")
    found = {
        row.user.pk: row.user
        for row in grants
        if row.is_active_at(now) and row.to_held_role() is not None
    }
    return list(found.values())


def _mail(addresses: Sequence[str], kind: str, by: str) -> None:
    """Send a mail to each address; one that fails is logged, and the notice stands."""
    with override(settings.LANGUAGE_CODE):
        subject = {
            "asked": _("{name} asks to see who stands behind a pseudonym."),
            "allowed": _("{name} has allowed a look behind a pseudonym."),
        }[kind].format(name=by)
        text = f"{subject}\n\n{settings.IDENTITY_PAGE}\n"
    for address in addresses:
        try:
            send_mail(subject, text, None, [address])
        except OSError as error:
            _log.warning("a health officer was not mailed of a look: %s", error)
