"""The pages of prepared switches: consequences first, then one press, and its undoing."""

from __future__ import annotations

import pytest

from releve.accounts.permissions import Role
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


def test_the_switches_are_named_by_what_is_lost_and_the_pressed_one_is_found(browsers: Browsers) -> None:
    scenario = browsers.scenario
    before = live.list_switch_states(scenario.stream)
    assert {(row.source, row.prepared_at) for row in before} == {("", None)}
    live.prepare_switches(scenario.stream)
    after = live.list_switch_states(scenario.stream)
    assert [row.contingency for row in after] == [row.contingency for row in before]
    name = f"site:{scenario.site}"
    (row,) = (row for row in after if row.contingency == name)
    assert row.rehearsals == live.find_rehearsals(name, scenario.stream)
    assert live.find_rehearsals("none", scenario.stream) == ()
    assert live.find_held_switch(scenario.stream) is None
    shown = live.preview_switch(name, "", scenario.stream)
    live.press_switch(name, content=shown.content, minutes=30, by="zoe", stream=scenario.stream)
    held = live.find_held_switch(scenario.stream)
    assert held is not None
    assert (held.contingency, held.kind, held.name) == (name, "site", row.name)
