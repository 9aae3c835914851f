"""The way to every page: five groups of pages, of which each reader sees what they may enter.

A new page adds its row, that of a plug-in to its ``menu``; its view decides who sees it. The first
page of a reader is the one that their role starts the day with.

Names in Arabic or Hebrew letters keep their own direction. Beside French or English such a name
would draw a number or a colon after it to its left, and names reach a page by many templates and
sentences, so they are isolated where the page leaves (Unicode Standard Annex 9, first strong
isolate): those of the operator's places, clients and programmes whole, others from the first to the
last such word. Tags, what a form holds and what is there to be copied are left as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.urls import resolve, reverse
from django.utils.html import escape
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as lazy

from releve import __version__
from releve.accounts.models import User
from releve.accounts.permissions import Role
from releve.accounts.scopes import can, roles_held, scope_for
from releve.desk.access.guard import permission_of
from releve.live.api import IdentityCache
from releve.network import Operator
from releve.network.cell_text import isolate_name
from releve.plugin import list_plugins
from releve.registry import service as registry
from releve.registry.service import get_current_version, load_operator

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

    from releve.accounts.scopes import AnyUser


@dataclass(frozen=True, slots=True)
class Entry:
    """A page of a group by the name of its address.

    Pages under its address belong to it; ``within`` names those of other addresses that do too. That
    of a plug-in comes ``before`` another entry, or else last in its group.
    """

    group: StrPromise
    label: StrPromise
    name: str
    within: frozenset[str] = frozenset()
    before: str = ""


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


_NOW, _PLAN, _SITES = lazy("Now"), lazy("Plan"), lazy("Sites")
_PROOF = lazy("Proof and settings")
_ENTRIES = (
    Entry(_NOW, lazy("Now"), "now"),
    Entry(_NOW, lazy("Who goes where"), "relief"),
    Entry(_NOW, lazy("More calls"), "surge"),
    Entry(_NOW, lazy("Switches"), "switches"),
    Entry(_NOW, lazy("Incidents"), "incident"),
    Entry(_NOW, lazy("Messages to clients"), "client_news"),
    Entry(_NOW, lazy("On call"), "rota"),
    Entry(_NOW, lazy("Drills"), "drills", frozenset({"rehearsal"})),
    Entry(_PLAN, lazy("Plan"), "verdict", frozenset({"cell", "planning", "planning_run"})),
    Entry(_PLAN, lazy("Calendar"), "calendar"),
    Entry(_PLAN, lazy("Who works when"), "grid"),
    Entry(_PLAN, lazy("Forecasts"), "forecasts"),
    Entry(_PLAN, lazy("Hybrid week"), "week"),
    Entry(_PLAN, lazy("Clients"), "clients"),
    Entry(_PLAN, lazy("Reliefs"), "reliefs"),
    Entry(_PLAN, lazy("Reference data"), "registry"),
    Entry(_SITES, lazy("Sites"), "sites"),
    Entry(_SITES, lazy("Shuttles"), "transport"),
    Entry(_SITES, lazy("Health"), "health"),
    Entry(_SITES, lazy("Corrections"), "corrections", frozenset({"correction"})),
    Entry(_PROOF, lazy("Rules of the sites"), "rules"),
    Entry(_PROOF, lazy("Ledger"), "ledger"),
    Entry(_PROOF, lazy("Pseudonyms"), "identity"),
    Entry(_PROOF, lazy("People"), "people"),
)
"""The core's pages in the menus; those of a group stand together."""

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
"""The page that a role starts the day with; of several roles held, the first of these counts.

The page of a plug-in counts where it is installed.
"""
_WITHOUT_OPERATOR = ("verdict", "registry", "people")
"""Pages that say something before there is an operator in the reference data."""


@cache
def list_entries() -> tuple[Entry, ...]:
    """Return every page of the menus, those of the plug-ins in their places."""
    found = list(_ENTRIES)
    for entry in (entry for plugin in list_plugins() for name in plugin.menu for entry in import_string(name)):
        beside = [place for place, row in enumerate(found) if row.name == entry.before]
        last = [place + 1 for place, row in enumerate(found) if row.group == entry.group]
        found.insert([*beside, *last[-1:], len(found)][0], entry)
    return tuple(found)


@cache
def find_permission(name: str) -> str:
    """Return the permission that the view of an address without arguments asks for."""
    permission = permission_of(resolve(reverse(name)).func)
    if not permission:
        raise ValueError(f"the view of {name!r} must ask for a permission, got {permission!r}")
    return permission


def menus(request: HttpRequest) -> tuple[Menu, ...]:
    """Return the groups that this reader may enter, the page they are in marked."""
    opened = (row for row in list_entries() if can(request.user, find_permission(row.name)))
    rows = [(row, reverse(row.name)) for row in opened]
    inside = [url for entry, url in rows if _is_inside(request, entry, url)]
    nearest = max(inside, key=len, default="")
    return tuple(
        Menu(str(group), tuple(Link(str(row.label), url, url == nearest) for row, url in members))
        for group, members in groupby(rows, key=lambda pair: pair[0].group)
    )


def _is_inside(request: HttpRequest, entry: Entry, url: str) -> bool:
    """Return whether a request is for an entry's page or one that belongs to it."""
    match = request.resolver_match
    name = match.url_name if match is not None else None
    if name == entry.name or name in entry.within:
        return True
    return url != "/" and request.path.startswith(url.rstrip("/") + "/")


def find_home(user: AnyUser) -> str:
    """Return the address of a user's first page; where no role is held, the own account."""
    version = registry.get_current_version()
    if version is None:
        opened = (name for name in _WITHOUT_OPERATOR if can(user, find_permission(name)))
        return reverse(next(opened, "account"))
    held = {row.role for row in roles_held(user)}
    pages = {entry.name for entry in list_entries()}
    role = next((role for role, page in HOMES.items() if role in held and page in pages), None)
    if role is None:
        return reverse("account")
    operator = registry.load_operator(version)
    own = scope_for(user, find_permission(HOMES[role]))
    for limited, name, ids, known in (
        (Role.SITE, "site", own.sites, operator.site),
        (Role.CLIENT, "client", own.clients, operator.client),
    ):
        if role is limited and ids and len(ids) == 1 and ids <= known.keys():
            return reverse(name, args=[*ids])
    return reverse(HOMES[role])


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


_LETTERS = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc"
_LEAD_BYTES = re.compile(rb"[\xd6-\xdb]|\xe0[\xa0-\xa3]|\xef[\xac-\xbb]")
"""The first bytes of these letters in UTF-8: a page without them is not read any further."""
_WORDS = rf"[{_LETTERS}](?:[ \u00a0\u200c\u200d'’.-]*[{_LETTERS}])*"
_MARKUP = re.compile(r"<(script|style|textarea|pre|code)\b.*?</\1>|<[^>]*>", re.DOTALL)


def name_direction_middleware(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Django middleware: isolate names in pages; files and JSON pass as they are."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        content = getattr(response, "content", b"")  # a file that is streamed has none
        is_page = response.get("Content-Type", "").startswith("text/html")
        if is_page and _LEAD_BYTES.search(content):
            text = isolate_names(content.decode(), _load_operator())
            response.content = text.encode()  # type: ignore[attr-defined]
        return response

    return middleware


def isolate_names(text: str, operator: Operator | None) -> str:
    """Return HTML with its names isolated; the same text where none has such letters."""
    names = _patterns.get((), (operator,), lambda: _compile(operator))
    parts: list[str] = []
    end = 0
    for markup in _MARKUP.finditer(text):
        parts += (names.sub(_isolate, text[end : markup.start()]), markup[0])
        end = markup.end()
    return "".join((*parts, names.sub(_isolate, text[end:])))


def _isolate(found: re.Match[str]) -> str:
    return isolate_name(found[0])


def _load_operator() -> Operator | None:
    version = get_current_version()
    return None if version is None else load_operator(version)


def _compile(operator: Operator | None) -> re.Pattern[str]:
    """Return the pattern of a name: the operator's own, the longest first, else words."""
    names = () if operator is None else _list_names(operator)
    own = {str(escape(name)) for name in names if re.search(f"[{_LETTERS}]", name)}
    return re.compile("|".join((*(re.escape(name) for name in sorted(own, key=len, reverse=True)), _WORDS)))


def _list_names(operator: Operator) -> Iterator[str]:
    yield operator.row.name
    for site in operator.sites:
        yield from (site.name, site.city)
    for table in (operator.clients, operator.programmes, operator.stops):
        yield from (row.name for row in table)


_patterns: IdentityCache[re.Pattern[str]] = IdentityCache()
