"""What a user may do: roles with their sites and clients."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from django.utils.translation import gettext as _

from releve.accounts.permissions import (
    BY_CLIENT,
    BY_SITE,
    MAY_NAME_CLIENTS,
    MAY_NAME_SITES,
    OUTSIDE,
    Role,
    list_permissions,
)

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.contrib.auth.models import AnonymousUser

    AnyUser: TypeAlias = AbstractBaseUser | AnonymousUser


@dataclass(frozen=True, slots=True)
class Scope:
    """Sites and clients by id; None is all of them, an empty set none."""

    sites: frozenset[str] | None
    clients: frozenset[str] | None

    def has_site(self, site: str) -> bool:
        return self.sites is None or site in self.sites

    def has_client(self, client: str) -> bool:
        return self.clients is None or client in self.clients

    def sees(self, site: str) -> bool:
        """Return whether what is of a site may be seen; of none (empty), it is of every site."""
        return self.has_site(site) if site else self.sites is None

    @property
    def is_whole(self) -> bool:
        """Whether every site and every client is in it."""
        return self.sites is None and self.clients is None

    def covers(self, *, site: str = "", client: str = "") -> bool:
        """Return whether a record of this site and client may be seen.

        A record that names neither concerns the whole house and needs a scope of everything.
        """
        if not site and not client:
            return self.is_whole
        return (not site or self.has_site(site)) and (not client or self.has_client(client))

    def __or__(self, other: Scope) -> Scope:
        return Scope(_union(self.sites, other.sites), _union(self.clients, other.clients))


EVERYTHING = Scope(None, None)
NOTHING = Scope(frozenset(), frozenset())


@dataclass(frozen=True, slots=True)
class HeldRole:
    """A role that a user holds now, with its sites and clients."""

    role: Role
    scope: Scope

    @property
    def key(self) -> tuple[str, object, object]:
        """The same for the same role and reach, in any process."""
        sites, clients = self.scope.sites, self.scope.clients
        return (
            str(self.role.value),
            None if sites is None else sorted(sites),
            None if clients is None else sorted(clients),
        )

    @classmethod
    def limit(cls, role: Role, sites: Iterable[str] = (), clients: Iterable[str] = ()) -> HeldRole:
        """Return a role for the sites and clients named; for all where none need be named.

        A role held for clients gives no site, and one held for sites gives no client. ValueError
        where the role cannot be held for what is named: it would give more than it says.
        """
        named = Scope(frozenset(sites), frozenset(clients))
        if named.sites and role not in MAY_NAME_SITES:
            raise ValueError(f"a role {role.value} cannot be held for sites, got {named.sites}")
        if named.clients and role not in MAY_NAME_CLIENTS:
            raise ValueError(f"a role {role.value} cannot be held for clients, got {named.clients}")
        limited = role in BY_CLIENT | BY_SITE or named != NOTHING
        return cls(role, named if limited else EVERYTHING)


def find_scope_faults(role: str, sites: object, clients: object) -> dict[str, str]:
    """Return by field why a role cannot be held for these sites and clients; empty = it can.

    The one rule of what a grant may say: forms, commands and models refuse by it, and a stored
    grant that breaks it gives nothing.
    """
    if role not in Role.values:
        return {"role": _("There is no such role.")}
    faults: dict[str, str] = {}
    if not _are_ids(sites) or (sites and role not in MAY_NAME_SITES):
        faults["sites"] = _("Name no site: this role cannot be held for some sites.")
    elif role in BY_SITE and not sites:
        faults["sites"] = _("Name the sites: this role is held for sites.")
    if not _are_ids(clients) or (clients and role not in MAY_NAME_CLIENTS):
        faults["clients"] = _("Name no client: this role cannot be held for some clients.")
    elif role in BY_CLIENT and not clients:
        faults["clients"] = _("Name the clients: this role is held for clients.")
    return faults


def describe_reach(sites: Sequence[str], clients: Sequence[str], *, void: bool) -> str:
    """Return the ids that a role is held for, or that it is held for all; ``void``: for nothing."""
    if void:
        return _("nothing: this role cannot be held for what is named")
    return ", ".join([*sites, *clients]) or _("everything")


def _are_ids(value: object) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(x, str) and x.strip() for x in value)


def roles_held(user: AnyUser) -> tuple[HeldRole, ...]:
    """Return the roles that a user holds now; none without a sign-in."""
    return getattr(user, "held_roles", ())


def can(user: AnyUser, permission: str, *, site: str | None = None, client: str | None = None) -> bool:
    """Return whether a user holds a permission now: anywhere, or for this site and client."""
    return any(
        (site is None or held.scope.has_site(site)) and (client is None or held.scope.has_client(client))
        for held in _giving(user, permission)
    )


def scope_for(user: AnyUser, permission: str | None = None) -> Scope:
    """Return the sites and clients of a user's roles, or of those that give one permission."""
    found = NOTHING
    for held in roles_held(user) if permission is None else _giving(user, permission):
        found |= held.scope
    return found


def _giving(user: AnyUser, permission: str) -> Iterator[HeldRole]:
    row = list_permissions()[permission]
    for held in roles_held(user):
        if held.role in row.roles and (held.scope.is_whole or not row.whole):
            yield held


def is_outsider(user: AnyUser) -> bool:
    """Return whether a user is from outside the operator, and gets 404 instead of 403."""
    held = roles_held(user)
    return bool(held) and all(item.role in OUTSIDE for item in held)


def _union(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    return None if one is None or other is None else one | other


ProofState = Literal["", "now", "next"]
"""When the proof of an entry can be had: empty = not by this reader."""
