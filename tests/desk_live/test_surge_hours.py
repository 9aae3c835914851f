"""What more hours would bring to a surge: said on its page with whom working time keeps out."""

from __future__ import annotations

import pytest

from releve.accounts.permissions import Role
from releve.live import api as live
from tests.desk_live.conftest import Browsers

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.slow]


def test_the_page_of_a_surge_says_what_more_hours_would_bring(browsers: Browsers) -> None:
    scenario = browsers.scenario
    scenario.work()
    web, client = browsers.sign_in(Role.FLOW), scenario.operator.clients[0].id
    asked = f"/surge/?client={client}&percent=300"
    assert web.get(f"{asked}&format=json").json()["more_hours"] is None
    assert "hours=1" in web.get(asked).content.decode()
    shown = web.get(f"{asked}&hours=1&format=json").json()["more_hours"]
    assert shown["people"] > 0
    assert shown["missing_after"] < shown["missing_before"]
    assert 0 <= shown["lost_share"] <= 1
    page = web.get(f"{asked}&hours=1", headers={"accept-language": "en"}).content.decode()
    assert "Longer shifts and people called in" in page
    for row in shown["left_out"]:
        assert row["row"]["strength"] == "forbid"
        assert f"people left out by {row['row']['id']}" in page
    assert not live.list_reliefs(scenario.stream), "nothing is put in force"
