"""The pages of clients: coverage ahead, the reliefs that touch them, and nothing of the others."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.translation import override

from releve.accounts.permissions import Role
from releve.desk.live.page import COOKIE
from releve.desk.places.page import half_hour
from releve.live import api as live
from tests.accounts.people import signed_in
from tests.live.scenario import Scenario

pytestmark = [pytest.mark.database, pytest.mark.django_db]


@pytest.fixture
def manager(scenario: Scenario) -> Client:
    web = signed_in(Role.CONTINUITY)
    web.cookies[COOKIE] = scenario.stream
    return web


def test_the_coverage_shown_is_that_of_the_chain(scenario: Scenario, manager: Client) -> None:
    scenario.two_positives()
    found = live.compute_coverage(scenario.stream)
    assert found is not None
    rows = manager.get("/clients?format=json").json()["clients"]
    known = {row.client: row for row in found.clients}
    assert [row["client"] for row in rows] == list(known)
    for row in rows:
        assert row["worst"] == pytest.approx(known[row["client"]].worst)
    assert any(row["worst"] < 1 for row in rows), "a site is lost and no relief is made yet"
    page = manager.get(f"/clients/{rows[0]['client']}")
    assert page.content.decode().count("<desc ") == 2
    twin = manager.get(f"/clients/{rows[0]['client']}?format=json").json()
    assert len(twin["half_hours"]) == len(found.starts)


def test_a_half_hour_is_of_the_day_that_its_clocks_say() -> None:
    midnight = live.HalfHour(datetime(2026, 11, 30, 23, 30, tzinfo=UTC), 1.0, 1.0, 1.0)
    with override("en"):
        assert half_hour(midnight, "Europe/Paris") == "Tue\u00a01 00:30"
        assert half_hour(midnight, "UTC") == "Mon\u00a030 23:30"


def test_a_relief_is_named_to_the_clients_it_touches(scenario: Scenario, manager: Client) -> None:
    scenario.two_positives()
    scenario.work()
    paths = [f"/clients/{row.id}" for row in scenario.operator.clients]
    pages = [manager.get(path).content.decode() for path in paths]
    assert any("en vigueur" in page for page in pages)
    assert any(re.search(r"[1-9]\d* personnes? travaille", page) for page in pages)


def test_a_client_sees_its_own_pages_and_no_other_client(scenario: Scenario) -> None:
    own, *others = scenario.operator.clients
    web = signed_in(Role.CLIENT, clients=[own.id])
    listed = web.get("/clients").content.decode()
    page = web.get(f"/clients/{own.id}").content.decode()
    assert own.name in listed
    for other in others:
        assert other.name not in listed + page
        assert web.get(f"/clients/{other.id}").status_code == 404
        assert web.get(f"/clients/{other.id}?format=json").status_code == 404
    agents = {row.agent for row in scenario.plans[0].placements}
    assert not any(f"{agent}" in page for agent in agents)


def test_without_a_plan_nothing_is_guessed(stocked: None) -> None:
    web = signed_in(Role.PLANNER)
    rows = web.get("/clients?format=json").json()["clients"]
    assert {row["now"] for row in rows} == {None}
    page = web.get(f"/clients/{rows[0]['client']}").content.decode()
    assert "Aucun plan n’est en vigueur" in page
    assert "Aucun plan n’est en vigueur" in web.get("/sites").content.decode()


def test_the_queries_are_the_same_for_one_client_and_for_all(scenario: Scenario) -> None:
    one = signed_in(Role.CLIENT, clients=[scenario.operator.clients[0].id])
    every = signed_in(Role.CLIENT, clients=[row.id for row in scenario.operator.clients])
    one.get("/clients")
    every.get("/clients")
    with CaptureQueriesContext(connection) as few:
        one.get("/clients")
    with CaptureQueriesContext(connection) as many:
        every.get("/clients")
    assert len(few) == len(many)
