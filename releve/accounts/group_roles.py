"""Roles by group, and accounts for those who come from the organisation's sign-in service.

A table says which group of the service gives which role. One administrator asks for a row, another
approves it; each of them ends it alone and at once, so that no one who gains by a row can keep it.
At each sign-in the roles that came by group are brought in line with the groups that the service
says; those given by hand stay. Who edits the groups is not known, so an account that has anything from
the service is tied to every other until it is confirmed: see :mod:`releve.accounts.two_people`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.backends.db import SessionStore
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from releve.accounts.grants import (
    STREAM,
    AccessError,
    RoleRequest,
    check_for_people,
    create_account,
    end_grant,
    join_faults,
    record_change,
    store_grant,
)
from releve.accounts.models import LONGEST_GROUP, AccountAct, GroupRole, User
from releve.accounts.permissions import label_role
from releve.accounts.scopes import describe_reach
from releve.accounts.two_people import SERVICE_PREFIX, Act, find_tie, list_acts, phrase_tie
from releve.errors import Phrase
from releve.ledger.chain import append, lock_head
from releve.ledger.export import note_act

MOST_GROUPS = 500
ENDED = "access.end_group"
"""Act of the journal: the number of the ``row`` that ended, and its ``group``."""


@dataclass(frozen=True, slots=True)
class GroupRoleLine:
    """A row that is not ended; ``obstacle``: why its reader cannot approve one that waits, empty where they can."""

    number: int
    group: str
    role: str
    sites: tuple[str, ...]
    clients: tuple[str, ...]
    asked_by: str
    asked_at: datetime
    approved_by: str
    approved_at: datetime | None
    obstacle: str

    @property
    def label(self) -> str:
        """The role in the reader's language."""
        return label_role(self.role)

    @property
    def reach(self) -> str:
        """What the role is held for, in the reader's language."""
        return describe_reach(self.sites, self.clients, void=False)


def list_rows(by: str) -> tuple[GroupRoleLine, ...]:
    """Return the rows that are not ended, by group, as one person may approve those that wait."""
    rows, acts = GroupRole.objects.filter(ended_at=None), list_acts()
    found = []
    for row in rows:
        obstacle = None if row.approved_at else _find_obstacle(row, by, acts)
        found.append(
            GroupRoleLine(
                row.pk, row.group, row.role, tuple(row.sites), tuple(row.clients), row.asked_by, row.asked_at,
                row.approved_by, row.approved_at, "" if obstacle is None else obstacle.args[0],
            )
        )  # fmt: skip
    return tuple(found)


@transaction.atomic
def ask_row(group: str, wanted: RoleRequest, *, by: str) -> GroupRole:
    """Ask that a group give a role; it does once another administrator approves the row."""
    check_for_people(wanted)
    lock_head()  # before its instant, which is compared with those of hands in accounts
    sites, clients = list(wanted.sites), list(wanted.clients)
    for same in GroupRole.objects.filter(group=group, role=wanted.role, ended_at=None):
        if (same.sites, same.clients) == (sites, clients):
            raise AccessError(Phrase("this row is there already"))
    row = GroupRole(
        group=group, role=wanted.role, sites=sites, clients=clients, asked_by=by, asked_at=timezone.now()
    )  # fmt: skip
    try:
        row.save()
    except ValidationError as error:
        raise AccessError(join_faults(error)) from error
    _record("access.group_asked", row, by)
    return row


@transaction.atomic
def approve_row(row: GroupRole, *, by: str) -> None:
    """Approve what another administrator has asked: from the next sign-in on, the group gives the role."""
    lock_head()
    waiting = GroupRole.objects.filter(pk=row.pk, approved_at=None, ended_at=None)
    if not waiting.exists():
        raise AccessError(Phrase("this row was approved or ended meanwhile"))
    obstacle = _find_obstacle(row, by, list_acts())
    if obstacle is not None:
        raise obstacle
    waiting.update(approved_by=by, approved_at=timezone.now())
    _record("access.group_approved", row, by)


def _find_obstacle(row: GroupRole, by: str, acts: Sequence[Act]) -> AccessError | None:
    """Return why this person cannot approve a row; None where they can."""
    if by == row.asked_by:
        return AccessError(Phrase("it takes two people: another person has to allow it"))
    tie = find_tie(acts, by, row.asked_by, other_acted_at=row.asked_at)
    return None if tie is None else AccessError(phrase_tie(tie))


@transaction.atomic
def end_row(row: GroupRole, *, by: str) -> None:
    """End a row now, the roles that it gave, and the sessions through the service of those who held them."""
    lock_head()
    now = timezone.now()
    if not GroupRole.objects.filter(pk=row.pk, ended_at=None).update(ended_by=by, ended_at=now):
        raise AccessError(Phrase("this row was ended meanwhile"))
    note_act(ENDED, row=row.pk, group=row.group)
    _record("access.group_ended", row, by)
    for grant in row.grants.select_related("user"):
        if grant.is_active_at(now):
            end_grant(grant, by=by)
            _end_service_sessions(grant.user)


def _record(kind: str, row: GroupRole, by: str) -> None:
    body = {"row": row.pk, "group": row.group, "role": row.role, "sites": row.sites, "clients": row.clients}
    append(kind, {**body, "actor": by}, recorded_at=timezone.now(), stream=STREAM)


def find_service_record(session: SessionBase) -> Mapping[str, Any] | None:
    """Return by which service (``provider``) and when (``at``) a session was begun; None where it was by none."""
    records = session.get(AUTHENTICATION_METHODS_SESSION_KEY) or ()
    return next((record for record in reversed(records) if record["method"] == "socialaccount"), None)


def _end_service_sessions(user: User) -> None:
    for row in UserSession.objects.filter(user=user):
        if find_service_record(SessionStore(row.session_key)) is not None:
            row.end()


@dataclass(frozen=True, slots=True)
class Vouched:
    """An identity as a service vouches for it: its name, address (empty where it has none) and groups."""

    provider: str
    uid: str
    name: str
    email: str
    groups: frozenset[str]
    claims: Mapping[str, Any]

    @classmethod
    def from_account(cls, account: SocialAccount, claim: str) -> Vouched:
        """Return what a service says, whose claim ``claim`` holds the groups; AccessError as read_groups says."""
        parts = _list_parts(account.extra_data)
        name, email = (_find_text(parts, key) for key in ("preferred_username", "email"))
        if parts[0].get("email_verified") is False:
            name, email = name or email, ""
        groups = read_groups(account.extra_data, claim)
        return cls(account.provider, account.uid, name or email, email, groups, account.extra_data)


def read_groups(claims: Mapping[str, Any], claim: str) -> frozenset[str]:
    """Return the groups that a service says of a person; none where it says nothing of them.

    AccessError where they cannot be read whole: too many, an over-long name, or a link in their place,
    which a service gives to a person in very many. Taken for no groups, it would end roles.
    """
    parts = _list_parts(claims)
    found: object = next((part[claim] for part in parts if part.get(claim) is not None), [])
    groups = [found] if isinstance(found, str) else found
    linked = any(claim in (part.get("_claim_names") or ()) or part.get("hasgroups") for part in parts)
    if linked or not isinstance(groups, list) or len(groups) > MOST_GROUPS or not all(map(_is_group, groups)):
        raise AccessError(
            Phrase(
                "The sign-in service does not say your groups as a list of at most {0} names of at most {1} characters:"
                " ask its administrators to send the desk the groups that it needs alone.",
                MOST_GROUPS,
                LONGEST_GROUP,
            )
        )
    return frozenset(groups)


def _is_group(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= LONGEST_GROUP


def _list_parts(claims: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return what the service says, the newest first: of OpenID Connect the user information, then the token."""
    return [claims[name] for name in ("userinfo", "id_token") if claims.get(name)] or [claims]


def _find_text(parts: Collection[Mapping[str, Any]], key: str) -> str:
    return next((part[key].strip() for part in parts if isinstance(part.get(key), str)), "")


def admit(vouched: Vouched) -> None:
    """Bring an account in line with its owner's groups, and make one for an identity that has none.

    AccessError where there is then no role to sign in with. A closed account is left as it is.
    """
    with transaction.atomic():
        lock_head()  # two first sign-ins at once, or one beside the end of a row, come one after the other
        is_let_in = _bring_in_line(vouched)
    if not is_let_in:
        raise AccessError(
            Phrase("None of your groups at the sign-in service gives a role here. An administrator can give one.")
        )


def _bring_in_line(vouched: Vouched) -> bool:
    """Return whether the account is closed, which its sign-in says, or holds a role now."""
    by, now = SERVICE_PREFIX + vouched.provider, timezone.now()
    approved = GroupRole.objects.filter(group__in=vouched.groups, ended_at=None).exclude(approved_at=None)
    rows = {row.pk: row for row in approved if row.to_held_role() is not None}
    known = SocialAccount.objects.filter(provider=vouched.provider, uid=vouched.uid).select_related("user").first()
    if known is None and not rows:
        return False
    user = known.user if known is not None else _make_account(vouched, by)
    if not user.is_active:
        return True
    came = user.grants.exclude(group_role=None).select_related("user")
    held = {grant.group_role_id: grant for grant in came if grant.is_active_at(now)}
    for number, grant in held.items():
        if number not in rows:
            end_grant(grant, by=by)
    # An administrator who ended a role of one person has the last word: it does not come back by its row.
    barred = {grant.group_role_id for grant in came if grant.ended_by not in ("", by)}
    for number, row in rows.items():
        if number not in held and number not in barred:
            store_grant(user, RoleRequest(row.role, tuple(row.sites), tuple(row.clients)), by=by, group_role=row)
    return any(grant.is_active_at(timezone.now()) for grant in user.grants.all())


def _make_account(vouched: Vouched, by: str) -> User:
    if not vouched.name:
        raise AccessError(Phrase("The sign-in service says neither a name nor an address of you."))
    words = {vouched.name, vouched.email} - {""}
    taken = any(
        User.objects.filter(Q(username__iexact=word) | Q(email__iexact=word)).exists()
        or EmailAddress.objects.filter(email__iexact=word).exists()
        for word in words
    )
    if taken:
        raise AccessError(
            Phrase(
                "There is an account with your name or address. If it is yours, sign in with its password and"
                " connect it under My account, The organisation’s sign-in service; without a password, ask an"
                " administrator for a link to choose one."
            )
        )
    user = create_account(vouched.name, vouched.email)
    AccountAct.objects.create(user=user, kind=AccountAct.MADE, by=by)
    SocialAccount.objects.create(
        user=user, provider=vouched.provider, uid=vouched.uid, extra_data=dict(vouched.claims)
    )  # fmt: skip
    record_change("access.connected", user, {"service": vouched.provider}, by)
    return user
