"""Every address x every role, no address that the list lacks, and what the log says of a request."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from io import StringIO
from logging.config import DictConfigurator

import pytest
from django.conf import settings as django_settings
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, path
from pytest_django.fixtures import Settings

from releve.accounts.permissions import Role, list_permissions
from releve.desk import urls
from releve.desk.access.guard import permission_of
from releve.desk.navigation import find_permission, list_entries
from tests.accounts.people import FR, give, person, sign_in
from tests.desk.access.addresses import ROWS, STRANGER, WHO, expected
from tests.desk.test_server import read_all, running


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
    openers = {letter for letter, role in WHO.items() if role in OPENERS or role == Role.PROVISIONING}  # a program's
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


SECRET = "zq7secret-of-a-person"
UUID = "5ec2e700-0000-4000-8000-0000000005ec"
_HELD = re.compile(r"<(?:(?P<kind>\w+):)?\w+>|\(\?P<\w+>(?:\[[^]]*\]|\.)\+\)")


def fail(request: HttpRequest, token: str) -> HttpResponse:
    """Fail with the token in the error."""
    raise KeyError(token)


urlpatterns = [path("fail/<slug:token>", fail), *urls.urlpatterns]


@pytest.fixture(params=["line", "json"])
def log(request: pytest.FixtureRequest) -> Iterator[StringIO]:
    """The log as an installation writes it."""
    handler = logging.StreamHandler(stream := StringIO())
    configured = DictConfigurator(django_settings.LOGGING)
    handler.setFormatter(configured.configure_formatter(configured.config["formatters"][request.param]))
    logging.getLogger().addHandler(handler)
    yield stream
    logging.getLogger().removeHandler(handler)


def fill(route: str) -> str:
    """Return an address of a route, with the secret wherever a text stands."""
    filled = _HELD.sub(lambda found: {"int": "1", "uuid": UUID}.get(found["kind"], SECRET), route)
    return "/" + filled.replace("^", "").removesuffix("$")


LOG_LINES_ADDRESSES = [fill(row.route) for row in ROWS if fill(row.route) != f"/{row.route}"]


@pytest.mark.django_db
def test_the_log_names_no_token_and_no_person_of_any_address(stocked: None, no_attempts: None, log: StringIO) -> None:
    manager = person("zoe")
    for role in (Role.CONTINUITY, Role.HEALTH, Role.ADMINISTRATOR):
        give(manager, role)
    strict = Client(headers=FR, enforce_csrf_checks=True)
    strict.raise_request_exception = False
    signed_in = sign_in(manager, lately=True)
    signed_in.raise_request_exception = False
    asked = [*LOG_LINES_ADDRESSES, f"/{SECRET}", f"/ack/{SECRET}/é {SECRET}?next={SECRET}"]
    for address in asked:
        for web in (strict, signed_in):
            web.get(address)
            web.post(address, {"x": "y"}, headers={"referer": f"https://other.example{address}"})
    written = log.getvalue()
    assert sum(SECRET in address for address in asked) > 60
    assert SECRET not in written
    assert UUID not in written
    for said in ("Not Found: health/<ref:case>", "Method Not Allowed", "Forbidden ("):
        assert said in written
    assert "Not Found: unmatched" in written


@pytest.mark.django_db
def test_an_error_is_logged_with_its_traceback_and_the_name_of_what_the_address_holds(
    settings: Settings, log: StringIO
) -> None:
    settings.ROOT_URLCONF = __name__
    web = Client(raise_request_exception=False)
    assert web.get(f"/fail/{SECRET}").status_code == 500
    written = log.getvalue()
    assert "Internal Server Error: fail/<slug:token>" in written
    assert "raise KeyError(token)" in written
    assert "KeyError: '<token>'" in written
    assert SECRET not in written


def test_the_server_logs_no_address_of_an_answer_that_fails(log: StringIO) -> None:
    def break_off(environ: object, start: object) -> list[bytes]:
        raise RuntimeError("the disk is gone")

    with running(break_off) as found:
        sent = f"GET /ack/{SECRET} HTTP/1.1\r\nHost: desk\r\nConnection: close\r\n\r\n"
        read_all(found.connect(sent.encode()))
    assert "Exception while serving a request" in log.getvalue()
    assert "the disk is gone" in log.getvalue()
    assert SECRET not in log.getvalue()
