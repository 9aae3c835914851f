"""A rehearsal: a drill one case before a closure, and the guide that leads through it."""

from __future__ import annotations

import html
import re

import pytest
from django.test import Client

from releve.accounts.permissions import Role
from releve.desk.live.page import COOKIE
from releve.live import api as live
from releve.live.models import Activation
from tests.desk_live.conftest import Browsers
from tests.desk_live.test_record import sent
from tests.live.scenario import Scenario

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def read_links(web: Client) -> dict[str, str]:
    """Return where the steps of the guide lead, by code."""
    answer = web.get("/rehearsal/")
    found = re.findall(r'<a class="button" href="([^"]+)">', answer.content.decode())
    codes = [step.code for step in answer.context["page"].steps]
    return dict(zip(codes, map(html.unescape, found), strict=True))


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
    links = read_links(web)
    assert list(links) == [step["code"] for step in page["steps"]]
    case = {"site": page["site"], "agent": page["agent"]}
    assert sent(web, links["case"], **case).status_code == 200, "the preview"
    assert sent(web, links["case"], **case, confirmed="yes").status_code == 302
    scenario.work()
    after = web.get("/rehearsal/?format=json").json()
    done = {step["code"]: step["done"] for step in after["steps"]}
    assert (done["case"], done["relief"], after["agent"]) == (True, True, "")
    links = read_links(web)
    assert list(links) == [step["code"] for step in after["steps"]]
    del links["matrix"]
    assert {web.get(link).status_code for link in links.values()} == {200}
    assert not live.situation_now().site(page["site"]).closed, "nothing of it is real"


def test_without_a_plan_the_guide_leads_to_one(browsers: Browsers, scenario: Scenario) -> None:
    live.stop_drill(scenario.stream, by="tests")
    Activation.objects.all().delete()
    web = browsers.sign_in()
    assert "/planning/" in web.get("/rehearsal/").content.decode()
    assert web.post("/rehearsal/start").status_code == 404
    assert browsers.sign_in(Role.PLANNER).post("/rehearsal/start").status_code == 403
