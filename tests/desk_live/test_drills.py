"""Drills through the pages: visibly a drill, on its own clock, with its own events."""

from __future__ import annotations

import pytest

from releve.accounts.permissions import Role
from releve.desk.live.page import COOKIE
from releve.live import api as live
from releve.live.models import Stream
from tests.accounts.people import look_as
from tests.desk_live.conftest import Browsers
from tests.live.scenario import Scenario

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def test_a_drill_is_started_looked_at_moved_and_ended(browsers: Browsers, scenario: Scenario) -> None:
    web = look_as(Role.CONTINUITY)
    begun = web.post("/drills/start", {"title": "Séisme", "at": "2026-11-30T08:00"})
    assert begun.status_code == 302
    drill = live.list_drills()[0]
    assert web.cookies[COOKIE].value == drill.name
    assert "Séisme" in web.get("/now").content.decode()
    before = live.now(drill.name)
    web.post(f"/drills/{drill.number}/move", {"hours": "48"})
    assert (live.now(drill.name) - before).total_seconds() >= 48 * 3600
    web.post(f"/drills/{drill.number}/stop")
    assert "Séisme" not in web.get("/now").content.decode(), "what is over is not looked at"


def test_what_is_done_in_a_drill_is_not_done_for_real(browsers: Browsers, scenario: Scenario) -> None:
    scenario.close()
    real = look_as(Role.CONTINUITY).get("/now.json").json()
    drill = browsers.sign_in().get("/now.json").json()
    assert {row["state"] for row in real["sites"]} == {"open"}
    assert "closed" in {row["state"] for row in drill["sites"]}


@pytest.mark.parametrize("hours", ["0", "-1", "x", "99999", "²"])
def test_a_clock_does_not_go_back(browsers: Browsers, scenario: Scenario, hours: str) -> None:
    number = int(scenario.stream.partition(":")[2])
    before = Stream.objects.get(name=scenario.stream).offset
    browsers.sign_in().post(f"/drills/{number}/move", {"hours": hours})
    assert Stream.objects.get(name=scenario.stream).offset == before


def test_a_drill_that_is_not_there_is_not_found(browsers: Browsers) -> None:
    assert browsers.sign_in().post("/drills/9999/stop").status_code == 404
    assert browsers.sign_in().post("/drills/look", {"stream": "drill:9999"}).status_code == 302


def test_only_who_runs_drills_may_start_one(browsers: Browsers) -> None:
    web = browsers.sign_in(Role.FLOW)
    page = web.get("/drills")
    assert not page.context["page"].may_start
    assert "/drills/start" not in page.content.decode()
    assert web.post("/drills/start", {"title": "x"}).status_code == 403
