"""A rehearsal: a drill one case before a closure, and the guide that leads through it."""

from __future__ import annotations

import pytest

from releve.accounts.roles import Role
from releve.desk.live.streams import COOKIE
from releve.live import api as live
from releve.live.models import Activation
from tests.desk_live.conftest import Browsers
from tests.desk_live.test_record import sent
from tests.live.scenario import Scenario

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def test_a_rehearsal_is_played_from_its_guide(browsers: Browsers, scenario: Scenario) -> None:
    web = browsers.sign_in()
    del web.cookies[COOKIE]
    first = web.get("/rehearsal/?format=json").json()
    assert [step["code"] for step in first["steps"]] == ["matrix", "start"]
    assert web.post("/rehearsal/start")["Location"] == "/rehearsal/"
    page = web.get("/rehearsal/?format=json").json()
    assert page["stream"] == web.cookies[COOKIE].value
    done = {step["code"]: step["done"] for step in page["steps"]}
    assert (done["case"], done["relief"], done["incident"]) == (False, False, False)
    assert page["agent"] in web.get("/rehearsal/").content.decode()
    step = next(step for step in page["steps"] if step["code"] == "case")
    case = {"site": page["site"], "agent": page["agent"]}
    assert sent(web, step["url"], **case).status_code == 200, "the preview"
    assert sent(web, step["url"], **case, confirmed="yes").status_code == 302
    scenario.work()
    after = web.get("/rehearsal/?format=json").json()
    done = {step["code"]: step["done"] for step in after["steps"]}
    assert (done["case"], done["relief"], after["agent"]) == (True, True, "")
    assert all(
        web.get(step["url"]).status_code == 200
        for step in after["steps"]
        if step["code"] != "matrix"
    )
    assert not live.situation_now().site(page["site"]).closed, "nothing of it is real"


def test_without_a_plan_the_guide_leads_to_one(browsers: Browsers, scenario: Scenario) -> None:
    live.stop_drill(scenario.stream, by="tests")
    Activation.objects.all().delete()
    web = browsers.sign_in()
    assert "/planning/" in web.get("/rehearsal/").content.decode()
    assert web.post("/rehearsal/start").status_code == 404
    assert browsers.sign_in(Role.PLANNER).post("/rehearsal/start").status_code == 403
