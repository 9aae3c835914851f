"""Every page that shows a fact shows when it was recorded, where that is late."""

from __future__ import annotations

from datetime import timedelta

import pytest

from releve.live import api as live
from tests.desk_live.conftest import Browsers
from tests.live.scenario import Scenario

pytestmark = [pytest.mark.django_db, pytest.mark.database]
EN = {"accept-language": "en"}


@pytest.mark.parametrize("late", [False, True])
def test_pages_say_what_was_recorded_late(browsers: Browsers, scenario: Scenario, late: bool) -> None:
    """A check, a visit, a closure and a decision of ten days ago; the same of now stay unmarked."""
    now = live.now(scenario.stream)
    at = now - timedelta(days=10) if late else now
    site, common = scenario.site, {"happened_at": at}
    scenario.act("check.done", site=site, day=at.date(), symptomatic=0, **common)
    scenario.act("inspection.held", site=site, authority="Commission", **common)
    closed = scenario.act("site.closed", site=site, cause="operator", **common)
    scenario.act("incident.opened", id="flood", site="", title="Flood", **common)
    scenario.act("incident.decided", incident="flood", site="", decision="All home", reason="Flood", **common)
    web, marks = browsers.sign_in(), {}
    for path in ("/now", f"/sites/{site}", "/incident/flood", "/ledger/", f"/ledger/{closed.seq}"):
        answer = web.get(path, headers=EN)
        assert answer.status_code == 200, path
        marks[path] = answer.content.decode().count("recorded late")
    assert all(marks.values()) is late, marks
    assert any(marks.values()) is late, marks
    if late:
        assert marks[f"/sites/{site}"] == 3, "the closure, the check and the visit"
        timeline = web.get("/now?format=json").json()["timeline"]
        assert any(line["happened"] for line in timeline)
