"""The page of a relief for a surge: the proposal with its price, one press, and the way back."""

from __future__ import annotations

import json

import pytest

from releve.accounts.permissions import Role
from releve.live import api as live
from tests.desk_live.conftest import Browsers

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def test_an_analyst_puts_a_proposal_in_force_and_ends_it(browsers: Browsers) -> None:
    scenario = browsers.scenario
    scenario.work()
    web, client = browsers.sign_in(Role.FLOW), scenario.operator.clients[0].id
    assert 'name="percent"' in web.get("/surge/").content.decode()
    asked = f"/surge/?client={client}&percent=160"
    shown = web.get(f"{asked}&format=json").json()["proposal"]
    assert shown["moved"] > 0
    assert shown["missing_after"] < shown["missing_before"]
    assert "Mettre cette relève en vigueur" in web.get(asked).content.decode()
    assert "10 à 500" in web.get("/surge/?percent=0").content.decode()

    form = {"client": client, "percent": "160", "digest": "other"}
    changed = web.post("/surge/order", form, follow=True).content.decode()
    assert "La proposition a changé entre-temps" in changed
    assert not live.list_reliefs(scenario.stream)
    broken = form | {"percent": "", "foreseen": '{"x": "1"}'}
    assert web.post("/surge/order", broken)["Location"] == "/surge/"
    rows = [row.id for row in scenario.operator.programmes if row.client == client]
    foreseen = json.dumps(dict.fromkeys(rows, 160))
    asked_so = form | {"percent": "", "foreseen": foreseen, "digest": shown["digest"]}
    web.post("/surge/order", asked_so, follow=True)
    assert live.list_reliefs(scenario.stream)[0].source == "surge"
    page = web.get("/surge/").content.decode()
    assert 'id="end"' in page
    assert web.post("/surge/end", follow=True).status_code == 200
    assert live.list_reliefs(scenario.stream)[0].source == "base"
    assert web.post("/surge/end").status_code == 404
    planner = browsers.sign_in(Role.PLANNER)
    assert "/surge/order" not in planner.get(asked).content.decode()
    assert planner.post("/surge/order", form).status_code == 403
