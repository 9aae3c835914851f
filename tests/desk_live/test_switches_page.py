"""The pages of prepared switches: consequences first, then one press, and its undoing."""

from __future__ import annotations

import pytest

from releve.accounts.roles import Role
from releve.live import api as live
from releve.live.models import Routes
from tests.desk_live.conftest import Browsers

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def test_an_analyst_sees_the_consequences_switches_and_undoes(browsers: Browsers) -> None:
    scenario = browsers.scenario
    scenario.work()
    live.prepare_switches(scenario.stream)
    web = browsers.sign_in(Role.FLOW)
    rows = web.get("/switches/?format=json").json()["rows"]
    assert {row["source"] for row in rows} == {"planned"}
    assert all(row["rehearsals"][0]["error"] == "" for row in rows)
    assert f"site:{scenario.site}" in {row["contingency"] for row in rows}
    url = f"/switches/site:{scenario.site}"
    assert f'href="{url}"' in web.get("/switches/").content.decode()
    shown = web.get(f"{url}?format=json").json()
    assert {row["client"] for row in shown["effects"]} == set(shown["clients"])
    page = web.get(url).content.decode()
    assert shown["content"] in page
    assert "Après la bascule" in page

    wrong = web.post(f"{url}/press", {"content": "0", "minutes": "30"}, follow=True)
    assert "L’acheminement a changé entre-temps" in wrong.content.decode()
    assert web.post(f"{url}/press", {"content": "0", "minutes": "x"}).status_code == 302
    form = {"content": shown["content"], "minutes": "30"}
    assert web.post(f"{url}/press", form, follow=True).status_code == 200
    now = web.get("/now?format=json").json()["switch"]
    assert now["contingency"] == f"site:{scenario.site}"
    assert 'id="pressed"' in web.get("/now").content.decode()
    assert now["may_undo"]
    assert 'action="/switches/undo"' in web.get("/switches/").content.decode()
    assert web.post("/switches/undo", follow=True).status_code == 200
    assert web.get("/now?format=json").json()["switch"] is None
    assert web.post("/switches/undo").status_code == 404, "undone once"


def test_a_planner_sees_switches_and_has_no_button(browsers: Browsers) -> None:
    scenario = browsers.scenario
    web, url = browsers.sign_in(Role.PLANNER), f"/switches/site:{scenario.site}"
    shown = web.get(f"{url}?client={scenario.operator.clients[0].id}&format=json").json()
    assert [row["client"] for row in shown["effects"]] == [scenario.operator.clients[0].id]
    assert not shown["may_press"]
    assert f"{url}/press" not in web.get(url).content.decode()
    count = Routes.objects.count()
    form = {"content": shown["content"], "minutes": "30"}
    assert web.post(f"{url}/press", form).status_code == 403
    assert Routes.objects.count() == count
