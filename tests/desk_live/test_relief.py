"""The relief page: who moves where, who was notified by what, who has not answered, to whom."""

from __future__ import annotations

import io
import re
from typing import Any

import polars
import pytest
from django.test import Client

from releve.accounts.permissions import Role
from releve.live import api as live
from releve.network import HOME
from tests.desk_live.conftest import Browsers
from tests.live.scenario import Scenario

pytestmark = [pytest.mark.django_db, pytest.mark.database]

HEAD = "role,who,channel,address,language\n"


@pytest.fixture
def relieved(scenario: Scenario) -> Scenario:
    """Two positive tests closed a site; one agent of it has an address."""
    agent = scenario.agents_at(scenario.site)[2]
    contacts = f"{HEAD}agent,{agent},file,+212600000001,fr\n"
    live.import_contacts(contacts.encode(), by="tests")
    scenario.work()
    scenario.two_positives()
    scenario.work()
    return scenario


def read(web: Client, query: str = "") -> dict[str, Any]:
    answer = web.get(f"/relief.json{query}")
    assert answer.status_code == 200, answer.content[:300]
    found: dict[str, Any] = answer.json()
    return found


def text_of(web: Client, path: str) -> str:
    answer = web.get(path)
    assert answer.status_code == 200, answer.content[:300]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def test_it_says_who_moves_from_where_to_where_and_when(browsers: Browsers, relieved: Scenario) -> None:
    page = read(browsers.sign_in())
    scene = live.load_scene(relieved.stream)
    assert scene is not None
    day = scene.days[0]
    after = {row.agent: row.place for row in scene.list_placements(day)}
    before = {row.agent: row.place for row in scene.day_plan(day).plan.placements}
    changes = {row["agent"]: row for row in page["changes"]}
    assert changes
    for agent, row in changes.items():
        assert (row["before"] or {}).get("place") == before.get(agent)
        assert (row["after"] or {}).get("place") == after.get(agent)
    flows = {(row["origin"], row["target"]): row["people"] for row in page["flows"]}
    assert sum(flows.values()) == len({*before, *after})
    assert flows[relieved.site, HOME] > 0
    (closed,) = [row for row in page["places"] if row["place"] == relieved.site]
    assert (page["lost"], closed["after"]) == ([relieved.site], 0)
    shown = text_of(browsers.sign_in(), "/relief")
    assert "à domicile" in shown
    assert all(agent in shown for agent in changes)
    assert "(Casablanca)" in shown, "shifts are dated by the clocks of their place"


def test_it_lists_who_has_not_answered_and_what_they_were_written_by(browsers: Browsers, relieved: Scenario) -> None:
    web = browsers.sign_in()
    page = read(web)
    counts = live.count_messages(relieved.stream)
    assert page["people_count"] == counts.waiting > 1
    (sent,) = [row for row in page["people"] if row["state"] == "waiting"]
    assert (sent["channel"], page["addresses"][sent["agent"]]) == ("file", ["+212600000001"])
    assert {row["state"] for row in page["people"]} == {"waiting", "unaddressed"}
    url = f"/relief/answers/{sent['message']}"
    assert url in web.get("/relief").content.decode()
    assert web.post(url).status_code == 302
    after = read(web, "?show=answered")
    (answered,) = after["people"]
    assert answered["agent"] == sent["agent"]
    assert answered["answered_to"]
    assert url not in web.get("/relief?show=answered").content.decode()
    assert read(web)["people_count"] == counts.waiting - 1
    assert web.post("/relief/answers/00000000-0000-4000-8000-000000000000").status_code == 404


def test_addresses_are_for_those_who_may_call(browsers: Browsers, relieved: Scenario) -> None:
    for role in (Role.PLANNER, Role.FLOW):
        web = browsers.sign_in(role)
        page = read(web)
        assert not page["calls"]
        assert page["people"]
        assert page["addresses"] == {}
        shown = web.get("/relief").content.decode()
        assert "+212600000001" not in shown
        assert "/relief/answers/" not in shown
        message = live.list_notified_agents(relieved.stream)[0].message
        assert web.post(f"/relief/answers/{message}").status_code == 403


def test_a_site_lead_sees_the_people_of_the_own_site_alone(browsers: Browsers, relieved: Scenario) -> None:
    (other, *_) = [row.id for row in relieved.operator.sites if row.id != relieved.site]
    web = browsers.sign_in(Role.SITE, other)
    web.cookies["releve_stream"] = relieved.stream
    for query in ("", f"?site={relieved.site}", "?show=all"):
        page = read(web, query)
        homes = {row["site"] for row in (*page["people"], *page["changes"])}
        assert homes <= {other}
        assert page["sites"] == [other]
    foreign = next(row for row in live.list_notified_agents(relieved.stream) if row.site == relieved.site)
    assert web.post(f"/relief/answers/{foreign.message}").status_code == 404


def test_the_excel_file_holds_every_row(browsers: Browsers, relieved: Scenario) -> None:
    answer = browsers.sign_in().get("/relief.xlsx?show=all")
    sheets = polars.read_excel(io.BytesIO(answer.content), sheet_id=0)
    calls, moves = sheets["Liste d’appels"], sheets["Qui va où"]
    page = read(browsers.sign_in(), "?show=all")
    assert set(calls["Téléconseiller"]) == {row["agent"] for row in page["people"]}
    assert set(moves["Téléconseiller"]) == {row["agent"] for row in page["changes"]}
    assert "+212600000001" in set(calls["Adresses"])
    planner = browsers.sign_in(Role.PLANNER).get("/relief.xlsx?show=all")
    assert b"+212600000001" not in planner.content
    assert "Adresses" not in polars.read_excel(io.BytesIO(planner.content)).columns


def test_the_api_answers_the_same_object(browsers: Browsers, relieved: Scenario) -> None:
    web = browsers.sign_in()
    answer = web.get(f"/api/v1/relief?stream={relieved.stream}").json()
    page = read(web, "?show=all")
    assert {**page, "at": answer["at"]} == answer


def test_without_a_relief_the_plan_is_said_to_apply(browsers: Browsers, scenario: Scenario) -> None:
    page = read(browsers.sign_in())
    assert (page["generation"], page["changes"], page["people"]) == (None, [], [])
    assert "Le plan s’applique" in text_of(browsers.sign_in(), "/relief")
