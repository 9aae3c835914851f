"""Every address x every role, and no address that the list lacks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from releve.accounts.permissions import Role, list_permissions
from releve.desk.access.guard import permission_of
from releve.desk.navigation import find_permission, list_entries
from tests.accounts.people import FR, give, person, sign_in
from tests.desk.access.addresses import ROWS, STRANGER, WHO, expected


def walk(patterns: list[URLPattern | URLResolver], prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Every address of a URLconf, as it is written there."""
    for item in patterns:
        route = prefix + str(item.pattern)
        if isinstance(item, URLResolver):
            yield from walk(item.url_patterns, route)
        else:
            yield route, item


ADDRESSES = dict(walk(get_resolver("releve.desk.urls").url_patterns))


def test_the_list_holds_every_address_and_no_other() -> None:
    listed = [row.route for row in ROWS]
    assert len(listed) == len(set(listed))
    assert set(ADDRESSES) - set(listed) == set(), "add a row to tests/desk/access/addresses.py"
    assert set(listed) - set(ADDRESSES) == set(), "these addresses are gone"


def test_every_view_has_decided_who_may_enter() -> None:
    own = {route: item for route, item in ADDRESSES.items() if not route.startswith("account/")}
    undecided = [route for route, item in own.items() if permission_of(item.callback) is None]
    assert undecided == [], "guard the view with may(), or mark it for_anyone"


def test_the_list_and_the_table_of_permissions_say_the_same() -> None:
    for row in ROWS:
        asked = permission_of(ADDRESSES[row.route].callback)
        if row.anyone is None:
            assert asked, row.route
            roles = {WHO[letter] for letter in row.opens}
            assert roles == list_permissions()[asked].roles, row.route
        else:
            assert not asked, row.route


OPENERS = (Role.CONTINUITY, Role.HEALTH, Role.OUTBOUND, Role.CLIENT, Role.INSPECTOR, Role.ADMINISTRATOR)
"""One of these enters at each address; on PostgreSQL no other role asks for anything more."""
READERS = (STRANGER, *(role for role in Role if role not in OPENERS))


def test_each_address_that_takes_a_permission_is_entered_on_postgresql_too() -> None:
    openers = {letter for letter, role in WHO.items() if role in OPENERS}
    assert not [row.route for row in ROWS if row.anyone is None and not openers & {*row.opens}]


@pytest.mark.django_db
@pytest.mark.parametrize("who", [*READERS, *(pytest.param(role, marks=pytest.mark.database) for role in OPENERS)])
def test_everybody_gets_what_the_list_says(stocked: None, no_attempts: None, who: str) -> None:
    web = Client(headers=FR)
    if who != STRANGER:
        user = person("zoe", "quatre lampes au balcon")
        give(user, Role(who))
        web = sign_in(user, lately=True)
    found = {row.path: web.get(row.path).status_code for row in ROWS}
    wanted = {row.path: expected(row, who if who == STRANGER else Role(who)) for row in ROWS}
    assert {path: (found[path], wanted[path]) for path in found if found[path] != wanted[path]} == {}


@pytest.mark.django_db
@pytest.mark.parametrize("role", list(Role))
def test_the_navigation_leads_nowhere_that_is_shut(stocked: None, role: Role) -> None:
    user = person("zoe")
    give(user, role)
    web = sign_in(user, lately=True)
    page = web.get("/account")
    links = [link for menu in page.context["navigation"] for link in menu.links]
    assert all(web.get(link.url).status_code == 200 for link in links)
    shown = any(link.url.startswith("/registry") for link in links)
    assert shown is (role in list_permissions()["registry.see"].roles)


def test_no_entry_of_the_navigation_asks_for_what_no_row_is() -> None:
    assert all(find_permission(entry.name) in list_permissions() for entry in list_entries())
