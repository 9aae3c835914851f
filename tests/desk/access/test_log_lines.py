"""What the log says of a request: its route, never the tokens and ids that its address holds."""

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
from django.urls import path
from pytest_django.fixtures import Settings

from releve.accounts.permissions import Role
from releve.desk import urls
from tests.accounts.people import FR, give, person, sign_in
from tests.desk.access.addresses import ROWS
from tests.desk.test_server import read_all, running

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


ADDRESSES = [fill(row.route) for row in ROWS if fill(row.route) != f"/{row.route}"]


@pytest.mark.django_db
def test_the_log_names_no_token_and_no_person_of_any_address(stocked: None, no_attempts: None, log: StringIO) -> None:
    manager = person("zoe")
    for role in (Role.CONTINUITY, Role.HEALTH, Role.ADMINISTRATOR):
        give(manager, role)
    strict = Client(headers=FR, enforce_csrf_checks=True)
    strict.raise_request_exception = False
    signed_in = sign_in(manager, lately=True)
    signed_in.raise_request_exception = False
    asked = [*ADDRESSES, f"/{SECRET}", f"/ack/{SECRET}/é {SECRET}?next={SECRET}"]
    for address in asked:
        for web in (strict, signed_in):
            web.get(address)
            web.post(address, {"x": "y"}, headers={"referer": f"https://other.example{address}"})
    written = log.getvalue()
    assert sum(SECRET in address for address in asked) > 60
    assert SECRET not in written
    assert UUID not in written
    for expected in ("Not Found: health/<ref:case>", "Method Not Allowed", "Forbidden ("):
        assert expected in written
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
