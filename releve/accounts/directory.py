"""Accounts and programs that may enter now, with their roles, and the record of looks.

Without a mail server nothing is sent and nothing of a message is written anywhere: a message may
hold a link that opens an account, which does not belong in a log.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.utils import timezone

from releve.accounts.directory_accounts import find_row
from releve.accounts.grants import STREAM, select_valid_tokens
from releve.accounts.models import Grant, IdentityRequest, Token, User
from releve.accounts.permissions import label_role
from releve.accounts.reidentification import ANSWERED_WITHIN
from releve.accounts.scopes import can, describe_reach
from releve.accounts.two_people import find_tie, list_acts
from releve.ledger.account_names import restore_names
from releve.ledger.models import LedgerEntry


@dataclass(frozen=True, slots=True)
class RoleLine:
    """A role that is held now: for which sites and clients, and until when (None: no end).

    ``void``: it gives nothing, because it cannot be held for what is stored. ``group``: by which group of
    the sign-in service it came; empty where it was given by hand.
    """

    number: int
    role: str
    sites: tuple[str, ...]
    clients: tuple[str, ...]
    ends_at: datetime | None
    void: bool
    group: str = ""

    @classmethod
    def from_row(cls, row: Grant | Token) -> RoleLine:
        void = row.to_held_role() is None
        sites, clients = ((), ()) if void else (tuple(row.sites), tuple(row.clients))
        by_group = row.group_role if isinstance(row, Grant) else None
        return cls(row.pk, row.role, sites, clients, row.ends_at, void, by_group.group if by_group else "")

    @property
    def label(self) -> str:
        """The role in the reader's language."""
        return label_role(self.role)

    @property
    def reach(self) -> str:
        """What the role is held for, in the reader's language."""
        return describe_reach(self.sites, self.clients, void=self.void)


@dataclass(frozen=True, slots=True)
class AccountLine:
    """An account with the roles that it holds now; of one that is closed, none counts.

    ``provisioned``: the organisation's directory may change and close it.
    """

    number: int
    name: str
    is_open: bool
    roles: tuple[RoleLine, ...]
    provisioned: bool


@dataclass(frozen=True, slots=True)
class ProgramLine:
    """A program whose token opens something now."""

    name: str
    held: RoleLine


def list_accounts(*, closed: bool = False) -> tuple[AccountLine, ...]:
    """Return the open accounts by name; with ``closed``, those that are closed too."""
    rows = User.objects.select_related("directory").prefetch_related("grants__group_role").order_by("username")
    now = timezone.now()
    return tuple(
        AccountLine(
            user.pk,
            user.get_username(),
            user.is_active,
            tuple(RoleLine.from_row(row) for row in user.grants.all() if row.is_active_at(now)),
            (row := find_row(user)) is not None and not row.removed,
        )
        for user in (rows if closed else rows.filter(is_active=True))
    )


def list_able(permission: str, sites: Collection[str]) -> tuple[str, ...]:
    """Return the names of the open accounts that hold a permission at one of some sites; anywhere where none is
    given."""
    accounts = User.objects.filter(is_active=True).order_by("username")
    return tuple(row.username for row in accounts if any(can(row, permission, site=site) for site in sites or (None,)))


def list_programs() -> tuple[ProgramLine, ...]:
    """Return the programs whose tokens open something now, by name."""
    now = timezone.now()
    rows = Token.objects.filter(ends_at__gt=now)
    valid = select_valid_tokens(rows, now)
    return tuple(ProgramLine(row.name, RoleLine.from_row(row)) for row in valid)


_MOST_COUNTED = 5000


@dataclass(frozen=True, slots=True)
class ContactAccess:
    """One look at the contacts of a case, which goes by its event, or at the names of a site's roll call; ``of`` is
    the stream."""

    entry: int
    case: str
    site: str
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
            state == "waiting" and allows and find_tie(acts, name, row.asked_by, other_acted_at=row.asked_at) is None
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
    """Return the looks at contacts and at names of roll calls, the newest first."""
    kinds = ("contacts.seen", "roll.seen")
    rows = LedgerEntry.objects.filter(stream=STREAM, kind__in=kinds).order_by("-seq")[:most]
    bodies = [json.loads(row.body) for row in rows]
    restore_names(bodies)
    times = [datetime.fromisoformat(row.recorded_at) for row in rows]
    return tuple(
        ContactAccess(row.seq, body.get("case", ""), body.get("site", ""), body["actor"], at, body["of"])
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


_log = logging.getLogger(__name__)


class EmailBackend(BaseEmailBackend):
    """Django's e-mail backend that sends nothing and says how much it did not send."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        _log.warning("%d messages not sent: set RELEVE_SMTP_HOST", len(email_messages))
        return 0
