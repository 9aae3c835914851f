"""The pages of sites: open, closed with its countdown, seats, cases as counts only."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from releve.accounts.roles import Role
from releve.desk.live.streams import COOKIE
from releve.live import api as live
from releve.situation import CheckDone, InspectionHeld, MeasureFinding
from tests.accounts.people import signed_in
from tests.live.scenario import Acting

pytestmark = [pytest.mark.database, pytest.mark.django_db]


def shown(web: Client, path: str) -> str:
    answer = web.get(path)
    assert answer.status_code == 200, path
    return answer.content.decode()


@pytest.fixture
def manager(acting: Acting) -> Client:
    return at_drill(signed_in(Role.CONTINUITY), acting)


def at_drill(web: Client, acting: Acting) -> Client:
    """Let a browser look at the drill."""
    web.cookies[COOKIE] = acting.stream
    return web


def test_every_site_is_listed_with_its_seats(acting: Acting, manager: Client) -> None:
    rows = manager.get("/sites?format=json").json()["sites"]
    plan = {row.id: len(row.usable_seats) for row in acting.plans[0].sites}
    assert {row["site"]: row["usable"] for row in rows} == plan
    assert all(0 < row["taken"] <= row["usable"] <= row["seats"] for row in rows)
    page = shown(manager, "/sites")
    assert all(row.name in page for row in acting.operator.sites)


def test_a_site_closed_by_the_rule_shows_its_countdown_and_no_seat(
    acting: Acting, manager: Client
) -> None:
    acting.two_positives()
    acting.later(hours=2)
    page = shown(manager, f"/sites/{acting.site}")
    assert re.search(r"Encore 46\sh\s00\smin au moins", page)
    assert "le site est fermé" in page
    assert "règle de distance" not in page
    assert "Accords donnés\u202f: 0 sur 2" in page
    twin = manager.get(f"/sites/{acting.site}?format=json").json()
    assert (twin["state"], twin["usable"], twin["taken"]) == ("closed", 0, 0)
    states = {seat["state"] for floor in twin["floors"] for seat in floor["seats"]}
    assert states == {"blocked"}


def test_the_drawing_shows_as_many_seats_taken_and_usable_as_the_numbers_say(
    acting: Acting, manager: Client
) -> None:
    path = f"/sites/{acting.site}"
    twin = manager.get(f"{path}?format=json").json()
    states = [seat["state"] for floor in twin["floors"] for seat in floor["seats"]]
    assert states.count("taken") == twin["taken"]
    assert states.count("taken") + states.count("free") == twin["usable"]
    assert len(states) == twin["seats"]
    page = shown(manager, path)
    assert page.count('class="seat-taken"') == twin["taken"]
    assert page.count("<desc ") == len(twin["floors"])


def test_a_drill_changes_nothing_of_the_real_sites(acting: Acting, manager: Client) -> None:
    acting.close()
    path = f"/sites/{acting.site}"
    assert manager.get(f"{path}?format=json").json()["state"] == "closed"
    assert "Exercice" in shown(manager, path)
    real = signed_in(Role.CONTINUITY)
    assert real.get(f"{path}?format=json").json()["state"] == "open"
    assert 'class="drill"' not in shown(real, path)


def test_cases_are_a_count_and_a_small_one_is_told_to_few(acting: Acting) -> None:
    agents = acting.agents_at(acting.site)[:2]
    acting.two_positives()
    path = f"/sites/{acting.site}"
    lead = at_drill(signed_in(Role.SITE, sites=[acting.site]), acting)
    assert lead.get(f"{path}?format=json").json()["cases"] == 2
    planner = at_drill(signed_in(Role.PLANNER), acting)
    twin = planner.get(f"{path}?format=json").json()
    assert (twin["cases"], twin["cases_below"]) == (None, 5)
    assert "moins de 5" in shown(planner, path)
    assert not any(agent in shown(lead, path) for agent in agents)


def test_no_site_of_another_lead_and_none_for_a_client(acting: Acting) -> None:
    lead = signed_in(Role.SITE, sites=[acting.site])
    other = acting.operator.sites[1]
    assert lead.get(f"/sites/{other.id}").status_code == 404
    assert other.name not in shown(lead, "/sites")
    client = signed_in(Role.CLIENT, clients=[acting.operator.clients[0].id])
    assert client.get("/sites").status_code == 404


def test_an_inspector_sees_what_is_real_whatever_the_cookie_says(acting: Acting) -> None:
    acting.close()
    inspector = at_drill(signed_in(Role.INSPECTOR), acting)
    rows = inspector.get("/sites?format=json").json()
    assert rows["stream"] == "live"
    assert {row["state"] for row in rows["sites"]} == {"open"}


def test_checks_and_inspections_say_what_was_not_kept_and_nobodys_name(
    acting: Acting, manager: Client
) -> None:
    charter = live.rules_now().charter(acting.plans[0].day)
    assert charter is not None
    kept, wanting = charter.measures[:2]
    found = (
        MeasureFinding(measure=kept.id, verdict="kept"),
        MeasureFinding(measure=wanting.id, verdict="not_kept", note="<b>"),
    )
    day = acting.plans[0].day
    acting.act(
        CheckDone.kind,
        site=acting.site,
        day=day,
        commission=("K. Bennani",),
        findings=found,
        symptomatic=3,
    )
    acting.act(
        InspectionHeld.kind,
        site=acting.site,
        authority="Commission mixte",
        inspectors=("M. Alaoui",),
        findings=found,
    )
    path = f"/sites/{acting.site}"
    page = shown(manager, path)
    assert "Commission mixte" in page
    assert wanting.text_fr in unescape(page)
    assert kept.text_fr not in unescape(page)
    assert "3 personnes renvoyées" in page
    assert "Bennani" not in page
    assert "Alaoui" not in page
    assert "renvoyées" not in shown(at_drill(signed_in(Role.PLANNER), acting), path)


def test_the_queries_are_the_same_for_one_site_and_for_all(acting: Acting) -> None:
    one = signed_in(Role.SITE, sites=[acting.site])
    every = signed_in(Role.SITE, sites=[row.id for row in acting.operator.sites])
    one.get("/sites")
    every.get("/sites")
    with CaptureQueriesContext(connection) as few:
        one.get("/sites")
    every.get("/sites")
    with CaptureQueriesContext(connection) as many:
        every.get("/sites")
    assert len(few) == len(many)
