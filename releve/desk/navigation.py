"""The way to every page: one list, of which each reader sees what they may enter.

A new page adds its row; the row shows as soon as an address of that name exists.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as lazy

from releve import __version__
from releve.accounts.models import User
from releve.accounts.scopes import can, roles_held

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

__all__ = ["ENTRIES", "Entry", "Link", "Reader", "context", "links"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A page by the name of its address; ``within`` names further pages that belong to it."""

    label: StrPromise
    name: str
    permission: str
    within: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Link:
    """An entry as one reader sees it."""

    label: str
    url: str
    current: bool


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads: the name, the roles, and whether it is an open desk's visitor."""

    name: str
    roles: str
    visits: bool


ENTRIES = (
    Entry(lazy("Now"), "now", "situation.see"),
    Entry(lazy("Sites"), "sites", "sites.see"),
    Entry(lazy("Clients"), "clients", "plan.see"),
    Entry(lazy("Plan"), "verdict", "plan.see", frozenset({"cell"})),
    Entry(lazy("Reliefs"), "reliefs", "reliefs.see"),
    Entry(lazy("Record"), "record", "record.see"),
    Entry(lazy("Drills"), "drills", "incident.work"),
    Entry(lazy("Incident"), "incident", "incident.work"),
    Entry(lazy("Health"), "health", "health.cases"),
    Entry(lazy("Pseudonyms"), "identity", "health.looks", frozenset({"identity_see"})),
    Entry(lazy("Ledger"), "ledger", "ledger.see"),
    Entry(lazy("Reference data"), "registry", "registry.see"),
    Entry(lazy("Outbound"), "outbound", "outbound.see"),
    Entry(
        lazy("On the phone"),
        "outbound_requests",
        "outbound.request",
        frozenset({"outbound_rights", "outbound_feeds"}),
    ),
    Entry(lazy("Calling rules"), "outbound_rules", "outbound.rules", frozenset({"outbound_flips"})),
    Entry(lazy("Crash test"), "crashtest", "crashtest.see"),
    Entry(lazy("Outlook"), "outlooks", "crashtest.outlook", frozenset({"outlook"})),
    Entry(lazy("People"), "people", "users.manage", frozenset({"erase"})),
)


def links(request: HttpRequest) -> tuple[Link, ...]:
    """Return the entries that this reader may enter, the one they are in marked."""
    rows = [(entry, _address(entry.name)) for entry in ENTRIES]
    open_to = [(e, url) for e, url in rows if url and can(request.user, e.permission)]
    inside = [url for entry, url in open_to if _inside(request, entry, url)]
    nearest = max(inside, key=len, default="")
    return tuple(Link(str(entry.label), url, url == nearest) for entry, url in open_to)


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
        "navigation": links(request),
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
