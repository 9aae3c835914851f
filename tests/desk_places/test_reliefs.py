"""The pages of reliefs: generations, a comparison that counts right, a plan put in force."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from releve.accounts.permissions import Role
from releve.desk.live.page import COOKIE
from releve.files.plan_folder import write_plans
from releve.ledger.models import LedgerEntry
from releve.live import api as live
from tests.accounts.people import give, person, sign_in, signed_in
from tests.live.scenario import Scenario

pytestmark = [pytest.mark.database, pytest.mark.django_db]


@pytest.fixture
def manager(scenario: Scenario) -> Client:
    web = signed_in(Role.CONTINUITY)
    web.cookies[COOKIE] = scenario.stream
    return web


@pytest.fixture
def planner(scenario: Scenario) -> Client:
    user = person("planner")
    give(user, Role.PLANNER)
    return sign_in(user, lately=True)


@pytest.fixture
def folder(scenario: Scenario, settings: Settings, tmp_path: Path) -> Path:
    """The first two of the three days that are in force."""
    path = tmp_path / "plan"
    write_plans(path, scenario.plans[:2], stamp=datetime(2026, 11, 24, tzinfo=UTC), calendars=False)
    settings.PLAN_FOLDER = path
    return path


def test_the_generations_stand_with_what_they_answer(scenario: Scenario, manager: Client) -> None:
    scenario.two_positives()
    scenario.work()
    rows = manager.get("/reliefs?format=json").json()["reliefs"]
    assert [row["generation"] for row in rows] == [r.generation for r in live.list_reliefs(scenario.stream)]
    page = manager.get("/reliefs").content.decode()
    assert scenario.operator.sites[0].name in page
    assert page.count("en vigueur") >= 1
    assert signed_in(Role.CONTINUITY).get("/reliefs?format=json").json()["reliefs"] == []


def test_comparing_the_plan_with_its_relief_counts_who_moved(scenario: Scenario, manager: Client) -> None:
    scenario.two_positives()
    scenario.work()
    newest = live.list_reliefs(scenario.stream)[0]
    answer = manager.get(f"/reliefs/compare?a=0&b={newest.generation}")
    assert answer.status_code == 200
    day = answer.context["page"].days[0]
    changes = newest.days.order_by("day")[0].changes
    assert day.differing == len(changes)
    lost = day.places[scenario.site]
    assert lost[1] < lost[0]
    assert scenario.operator.sites[0].name in answer.content.decode()
    twin = manager.get(f"/reliefs/compare?a=0&b={newest.generation}&format=json").json()
    assert twin["days"][0]["places"][scenario.site] == list(lost)


@pytest.mark.parametrize("query", ["", "?a=0", "?a=0&b=99", "?a=x&b=1", "?a=-1&b=1", "?a=0&b=0"])
def test_reliefs_that_are_not_there_cannot_be_compared(manager: Client, query: str) -> None:
    assert manager.get(f"/reliefs/compare{query}").status_code == 404


def test_the_consequences_are_shown_and_the_plan_goes_in_force_once_confirmed(
    scenario: Scenario, planner: Client, folder: Path
) -> None:
    before = live.load_activation()
    page = planner.get("/reliefs/publish").content.decode()
    assert "ne le sera plus" in page, "the third day leaves the plan"
    assert live.load_activation() == before, "showing does nothing"
    digest = re.search(r'name="digest" value="(\w{64})"', page)
    assert digest is not None
    answer = planner.post("/reliefs/publish", {"digest": digest[1]})
    assert answer.status_code == 302
    found = live.load_activation()
    assert found is not None
    assert found.by == "planner"
    assert sorted(found.days) == [plan.day.isoformat() for plan in scenario.plans[:2]]
    assert LedgerEntry.objects.order_by("-seq")[0].kind == "plan.activated"


def test_a_folder_that_changed_since_it_was_shown_is_not_put_in_force(planner: Client, folder: Path) -> None:
    before = live.load_activation()
    answer = planner.post("/reliefs/publish", {"digest": "0" * 64})
    assert answer.status_code == 409
    assert live.load_activation() == before


def test_a_folder_that_is_not_there_is_explained(planner: Client, settings: Settings, tmp_path: Path) -> None:
    settings.PLAN_FOLDER = tmp_path / "nowhere"
    answer = planner.get("/reliefs/publish")
    assert answer.status_code == 503
    assert "put in force" not in answer.content.decode()


def test_who_may_not_publish_is_refused(scenario: Scenario) -> None:
    assert signed_in(Role.FLOW).get("/reliefs").status_code == 200
    assert signed_in(Role.FLOW).post("/reliefs/publish").status_code == 403
    assert signed_in(Role.CLIENT).get("/reliefs").status_code == 404
