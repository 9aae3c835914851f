"""The pages of sites: open, closed with its countdown, seats, cases as counts only."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from releve.accounts.permissions import Role
from releve.desk.live.page import COOKIE
from releve.live import api as live
from releve.situation import CheckDone, InspectionHeld, MeasureFinding
from tests.accounts.people import signed_in
from tests.live.scenario import Scenario

pytestmark = [pytest.mark.database, pytest.mark.django_db]


def shown(web: Client, path: str) -> str:
    answer = web.get(path)
    assert answer.status_code == 200, path
    return answer.content.decode()


@pytest.fixture
def manager(scenario: Scenario) -> Client:
    return at_drill(signed_in(Role.CONTINUITY), scenario)


def at_drill(web: Client, scenario: Scenario) -> Client:
    """Let a browser look at the drill."""
    web.cookies[COOKIE] = scenario.stream
    return web


def test_every_site_is_listed_with_its_seats(scenario: Scenario, manager: Client) -> None:
    rows = manager.get("/sites?format=json").json()["sites"]
    plan = {row.id: len(row.usable_seats) for row in scenario.plans[0].sites}
    assert {row["site"]: row["usable"] for row in rows} == plan
    assert all(0 < row["taken"] <= row["usable"] <= row["seats"] for row in rows)
    page = shown(manager, "/sites")
    assert all(row.name in page for row in scenario.operator.sites)


def test_a_site_says_whether_today_s_check_is_recorded(scenario: Scenario, manager: Client) -> None:
    assert "pas encore enregistré" in shown(manager, f"/sites/{scenario.site}")
    measure = live.rules_now().charters[0].measures[0].id
    scenario.act(
        CheckDone.kind,
        site=scenario.site,
        day=scenario.plans[0].day,
        commission=("K. Bennani",),
        findings=(MeasureFinding(measure=measure, verdict="kept"),),
    )
    page = shown(manager, f"/sites/{scenario.site}")
    assert "Contrôle du jour enregistré par" in page
    assert 'href="/record/check"' in page


def test_a_site_closed_by_the_rule_shows_its_countdown_and_no_seat(scenario: Scenario, manager: Client) -> None:
    scenario.two_positives()
    scenario.later(hours=2)
    page = shown(manager, f"/sites/{scenario.site}")
    assert re.search(r"Encore 46\sh\s00\smin au moins", page)
    assert "le site est fermé" in page
    assert "règle de distance" not in page
    assert "Approbations données\u202f: 0 sur 2" in page
    twin = manager.get(f"/sites/{scenario.site}?format=json").json()
    status = twin["status"]
    assert (status["state"], status["usable"], status["taken"]) == ("closed", 0, 0)
    states = {seat["state"] for floor in twin["floors"] for seat in floor["seats"]}
    assert states == {"blocked"}


def test_the_drawing_shows_as_many_seats_taken_and_usable_as_the_numbers_say(
    scenario: Scenario, manager: Client
) -> None:
    path = f"/sites/{scenario.site}"
    twin = manager.get(f"{path}?format=json").json()
    states = [seat["state"] for floor in twin["floors"] for seat in floor["seats"]]
    status = twin["status"]
    assert states.count("taken") == status["taken"]
    assert states.count("taken") + states.count("free") == status["usable"]
    assert len(states) == status["seats"]
    page = shown(manager, path)
    assert page.count('class="seat-taken"') == status["taken"]
    assert page.count("<desc ") == len(twin["floors"])


def test_a_floor_is_named_once(scenario: Scenario, manager: Client) -> None:
    page = shown(manager, f"/sites/{scenario.site}")
    (caption, *_) = re.findall(r"<figcaption>(.*?)</figcaption>", page, re.DOTALL)
    assert caption.count("Plateau 1") == 1


def test_a_drill_changes_nothing_of_the_real_sites(scenario: Scenario, manager: Client) -> None:
    scenario.close()
    path = f"/sites/{scenario.site}"
    assert manager.get(f"{path}?format=json").json()["status"]["state"] == "closed"
    assert "Exercice" in shown(manager, path)
    real = signed_in(Role.CONTINUITY)
    assert real.get(f"{path}?format=json").json()["status"]["state"] == "open"
    assert 'class="drill"' not in shown(real, path)


def test_cases_are_a_count_and_a_small_one_is_told_to_few(scenario: Scenario) -> None:
    agents = scenario.agents_at(scenario.site)[:2]
    scenario.two_positives()
    path = f"/sites/{scenario.site}"
    lead = at_drill(signed_in(Role.SITE, sites=[scenario.site]), scenario)
    assert lead.get(f"{path}?format=json").json()["cases"] == 2
    planner = at_drill(signed_in(Role.PLANNER), scenario)
    twin = planner.get(f"{path}?format=json").json()
    assert (twin["cases"], twin["cases_below"]) == (None, 5)
    assert "moins de 5" in shown(planner, path)
    assert not any(agent in shown(lead, path) for agent in agents)


def test_no_site_of_another_lead_and_none_for_a_client(scenario: Scenario) -> None:
    lead = signed_in(Role.SITE, sites=[scenario.site])
    other = scenario.operator.sites[1]
    assert lead.get(f"/sites/{other.id}").status_code == 404
    assert other.name not in shown(lead, "/sites")
    client = signed_in(Role.CLIENT, clients=[scenario.operator.clients[0].id])
    assert client.get("/sites").status_code == 404


def test_an_inspector_sees_what_is_real_whatever_the_cookie_says(scenario: Scenario) -> None:
    scenario.close()
    inspector = at_drill(signed_in(Role.INSPECTOR), scenario)
    rows = inspector.get("/sites?format=json").json()
    assert rows["stream"] == "live"
    assert {row["state"] for row in rows["sites"]} == {"open"}


def test_checks_and_inspections_say_what_was_not_kept_and_nobodys_name(scenario: Scenario, manager: Client) -> None:
    charter = live.rules_now().charter(scenario.plans[0].day)
    assert charter is not None
    kept, wanting = charter.measures[:2]
    found = (
        MeasureFinding(measure=kept.id, verdict="kept"),
        MeasureFinding(measure=wanting.id, verdict="not_kept", note="<b>"),
    )
    day = scenario.plans[0].day
    scenario.act(CheckDone.kind, site=scenario.site, day=day, commission=("K. Bennani",), findings=found, symptomatic=3)
    scenario.act(
        InspectionHeld.kind, site=scenario.site, authority="Commission mixte", inspectors=("M. Alaoui",), findings=found
    )
    path = f"/sites/{scenario.site}"
    page = shown(manager, path)
    assert "Commission mixte" in page
    assert wanting.text_fr in unescape(page)
    assert kept.text_fr not in unescape(page)
    assert "3 personnes renvoyées" in page
    assert "Bennani" not in page
    assert "Alaoui" not in page
    assert "renvoyées" not in shown(at_drill(signed_in(Role.PLANNER), scenario), path)


def test_what_happened_on_a_site_is_dated_by_its_clocks(scenario: Scenario, manager: Client) -> None:
    (site, *_) = [row for row in scenario.operator.sites if row.time_zone == "Africa/Casablanca"]
    found = (MeasureFinding(measure="masks", verdict="kept"),)
    scenario.act(
        InspectionHeld.kind, site=site.id, authority="Commission mixte", inspectors=("M. Alaoui",), findings=found
    )
    scenario.close(site.id)
    page = re.sub(r"\s", " ", shown(manager, f"/sites/{site.id}"))
    assert page.count("9 h 40 (Casablanca)") >= 2, "the visit and the closure"
    assert "10 h 40" not in page, "the time in Paris"


def test_the_queries_are_the_same_for_one_site_and_for_all(scenario: Scenario) -> None:
    one = signed_in(Role.SITE, sites=[scenario.site])
    every = signed_in(Role.SITE, sites=[row.id for row in scenario.operator.sites])
    one.get("/sites")
    every.get("/sites")
    with CaptureQueriesContext(connection) as few:
        one.get("/sites")
    every.get("/sites")
    with CaptureQueriesContext(connection) as many:
        every.get("/sites")
    assert len(few) == len(many)
