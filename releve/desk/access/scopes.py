"""What somebody may do and see: the roles held now, and the sites and clients they are for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from django.http import HttpRequest

from releve.desk.access.permissions import PERMISSIONS
from releve.desk.access.roles import BY_CLIENT, BY_SITE, OUTSIDE, Role

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from releve.desk.access.models import User

    Somebody: TypeAlias = User | AnonymousUser

__all__ = ["EVERYTHING", "NOTHING", "Held", "Scope", "actor", "can", "held_by", "outside", "scope"]


@dataclass(frozen=True, slots=True)
class Scope:
    """Sites and clients by id; None is all of them, an empty set none."""

    sites: frozenset[str] | None
    clients: frozenset[str] | None

    def has_site(self, site: str) -> bool:
        return self.sites is None or site in self.sites

    def has_client(self, client: str) -> bool:
        return self.clients is None or client in self.clients

    def __or__(self, other: Scope) -> Scope:
        return Scope(_union(self.sites, other.sites), _union(self.clients, other.clients))


EVERYTHING = Scope(None, None)
NOTHING = Scope(frozenset(), frozenset())


@dataclass(frozen=True, slots=True)
class Held:
    """A role that somebody holds now, with what it is for."""

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
    def of(cls, role: Role, sites: Iterable[str] = (), clients: Iterable[str] = ()) -> Held:
        """Return a role for the sites and clients named; for all where none need be named.

        A role held for clients gives no site, and one held for sites gives no client.
        """
        named_sites, named_clients = frozenset(sites), frozenset(clients)
        if role in BY_CLIENT:
            return cls(role, Scope(frozenset(), named_clients))
        if role in BY_SITE or named_sites:
            return cls(role, Scope(named_sites, frozenset()))
        return cls(role, EVERYTHING)


def held_by(user: Somebody) -> tuple[Held, ...]:
    """Return the roles that somebody holds now; none for somebody who has not signed in."""
    return getattr(user, "held", ())


def can(
    user: Somebody, permission: str, *, site: str | None = None, client: str | None = None
) -> bool:
    """Return whether somebody may do something now: somewhere, or on this site, for this client."""
    roles = PERMISSIONS[permission].roles
    return any(
        held.role in roles
        and (site is None or held.scope.has_site(site))
        and (client is None or held.scope.has_client(client))
        for held in held_by(user)
    )


def scope(user: Somebody, permission: str | None = None) -> Scope:
    """Return the sites and clients that somebody's roles are for, or those of one permission."""
    found = NOTHING
    for held in held_by(user):
        if permission is None or held.role in PERMISSIONS[permission].roles:
            found |= held.scope
    return found


def outside(user: Somebody) -> bool:
    """Return whether somebody is not of the operator: what is not theirs is not there."""
    held = held_by(user)
    return bool(held) and all(item.role in OUTSIDE for item in held)


def actor(request: HttpRequest) -> str:
    """Return the name under which this request's acts are recorded."""
    name = request.user.get_username()
    if not name:
        raise ValueError("nobody has signed in: guard the view with may()")
    return name


def _union(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    return None if one is None or other is None else one | other
