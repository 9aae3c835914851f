"""The way to every page: five groups of pages, of which each reader sees what they may enter.

A new page adds its row; the row shows as soon as an address of that name exists. The first page of
a reader is the one that their role starts the day with.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as lazy

from releve import __version__
from releve.accounts.models import User
from releve.accounts.roles import Role
from releve.accounts.scopes import can, roles_held, scope_for
from releve.registry import service as registry

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

    from releve.accounts.scopes import AnyUser


@dataclass(frozen=True, slots=True)
class Entry:
    """A page by the name of its address; ``within`` names further pages that belong to it."""

    label: StrPromise
    name: str
    permission: str
    within: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Group:
    """Pages of one question."""

    label: StrPromise
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """An entry as one reader sees it."""

    label: str
    url: str
    current: bool


@dataclass(frozen=True, slots=True)
class Menu:
    """A group as one reader sees it; of a single page, it is the link to that page."""

    label: str
    links: tuple[Link, ...]

    @property
    def current(self) -> bool:
        return any(link.current for link in self.links)


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads: the name, the roles, and whether it is an open desk's visitor."""

    name: str
    roles: str
    visits: bool


GROUPS = (
    Group(
        lazy("Now"),
        (
            Entry(lazy("Now"), "now", "situation.see"),
            Entry(lazy("Who goes where"), "relief", "relief.people"),
            Entry(lazy("More calls"), "surge", "reliefs.see"),
            Entry(lazy("Switches"), "switches", "reliefs.see", frozenset({"switch"})),
            Entry(lazy("Incidents"), "incident", "incident.work"),
            Entry(lazy("Drills"), "drills", "incident.work", frozenset({"rehearsal"})),
        ),
    ),
    Group(
        lazy("Plan"),
        (
            Entry(
                lazy("Plan"), "verdict", "plan.see", frozenset({"cell", "planning", "planning_run"})
            ),
            Entry(lazy("Hybrid week"), "week", "reliefs.see"),
            Entry(lazy("Telework"), "telework", "reliefs.see", frozenset({"telework_records"})),
            Entry(lazy("Clients"), "clients", "plan.see"),
            Entry(lazy("Reliefs"), "reliefs", "reliefs.see"),
            Entry(lazy("Crash test"), "crashtest", "crashtest.see"),
            Entry(lazy("Outlook"), "outlooks", "crashtest.outlook", frozenset({"outlook"})),
            Entry(lazy("Reference data"), "registry", "registry.see"),
        ),
    ),
    Group(
        lazy("Sites"),
        (
            Entry(lazy("Sites"), "sites", "sites.see"),
            Entry(lazy("Shuttles"), "transport", "sites.see", frozenset({"transport_sheet"})),
            Entry(lazy("Health"), "health", "health.cases"),
            Entry(
                lazy("Charter and label"),
                "charter",
                "charter.see",
                frozenset({"charter_site", "audit"}),
            ),
            Entry(lazy("Draws of visits"), "draws", "draw.see"),
        ),
    ),
    Group(
        lazy("Outbound calls"),
        (
            Entry(lazy("Campaigns"), "outbound", "outbound.see"),
            Entry(
                lazy("On the phone"),
                "outbound_requests",
                "outbound.request",
                frozenset({"outbound_rights", "outbound_feeds"}),
            ),
            Entry(
                lazy("Calling rules"),
                "outbound_rules",
                "outbound.rules",
                frozenset({"outbound_flips"}),
            ),
        ),
    ),
    Group(
        lazy("Proof and settings"),
        (
            Entry(lazy("Rules of the sites"), "rules", "event.record.rules"),
            Entry(lazy("Ledger"), "ledger", "ledger.see"),
            Entry(lazy("Evidence packs"), "packs", "evidence.pack", frozenset({"pack"})),
            Entry(
                lazy("Relief between operators"),
                "gates",
                "sector.relief",
                frozenset({"gate", "contracts", "contract"}),
            ),
            Entry(lazy("Relief by other operators"), "agreements", "sector.agree"),
            Entry(lazy("Bulletin of the sector"), "contribution", "sector.contribute"),
            Entry(lazy("Clerk of the association"), "clerk", "sector.clerk"),
            Entry(lazy("Pseudonyms"), "identity", "health.looks", frozenset({"identity_see"})),
            Entry(lazy("People"), "people", "users.manage", frozenset({"erase"})),
        ),
    ),
)

HOMES = {
    Role.CONTINUITY: "now",
    Role.PLANNER: "verdict",
    Role.FLOW: "clients",
    Role.SITE: "sites",
    Role.HEALTH: "health",
    Role.OUTBOUND: "outbound",
    Role.CLIENT: "clients",
    Role.INSPECTOR: "sites",
    Role.AUDITOR: "charter",
    Role.ADMINISTRATOR: "people",
}
"""The page that a role starts the day with; of several roles held, the first of these counts."""
_WITHOUT_OPERATOR = ("verdict", "registry", "people")
"""Pages that say something before there is an operator in the reference data."""


def menus(request: HttpRequest) -> tuple[Menu, ...]:
    """Return the groups that this reader may enter, the page they are in marked."""
    user = request.user
    rows = [
        (group, entry, url)
        for group in GROUPS
        for entry in group.entries
        if (url := _address(entry.name)) and can(user, entry.permission)
    ]
    inside = [url for _group, entry, url in rows if _inside(request, entry, url)]
    nearest = max(inside, key=len, default="")
    return tuple(
        Menu(str(group.label), found)
        for group in GROUPS
        if (
            found := tuple(
                Link(str(entry.label), url, url == nearest)
                for owner, entry, url in rows
                if owner is group
            )
        )
    )


def find_home(user: AnyUser) -> str:
    """Return the address of a user's first page; where no role is held, the own account."""
    names = {e.name: e for group in GROUPS for e in group.entries if can(user, e.permission)}
    version = registry.get_current_version()
    if version is None:
        return reverse(next((name for name in _WITHOUT_OPERATOR if name in names), "account"))
    held = {row.role for row in roles_held(user)}
    role = next((role for role in HOMES if role in held), None)
    if role is None:
        return reverse("account")
    return next(_own_places(user, role), reverse(HOMES[role]))


def _own_places(user: AnyUser, role: Role) -> Iterator[str]:
    """Yield the page of the one site or client that a role is held for, where there is one."""
    version = registry.get_current_version()
    if version is None or role not in (Role.SITE, Role.CLIENT):
        return
    operator = registry.load_operator(version)
    if role is Role.SITE:
        own, name, known = scope_for(user, "sites.see").sites, "site", set(operator.site)
    else:
        clients = {row.id for row in operator.clients}
        own, name, known = scope_for(user, "plan.see").clients, "client", clients
    if own is not None and len(own) == 1 and own <= known:
        yield reverse(name, args=[*own])


def context(request: HttpRequest) -> dict[str, Any]:
    """Django context processor: what the frame shows around every page."""
    user = getattr(request, "user", None)
    if not isinstance(user, User):
        return {"version": __version__}
    roles = dict.fromkeys(str(held.role.label) for held in roles_held(user))
    visits = user.visitor_role is not None
    name = user.get_full_name() or user.get_username()
    return {
        "version": __version__,
        "navigation": menus(request),
        "reports": can(user, "record.see"),
        "reader": Reader(name, ", ".join(roles), visits),
        "open_desk": visits and settings.OPEN_DESK,
    }


def _address(name: str) -> str:
    try:
        return reverse(name)
    except NoReverseMatch:
        return ""


def _inside(request: HttpRequest, entry: Entry, url: str) -> bool:
    match = request.resolver_match
    name = match.url_name if match is not None else None
    if name == entry.name or name in entry.within:
        return True
    return url != "/" and request.path.startswith(url.rstrip("/") + "/")
