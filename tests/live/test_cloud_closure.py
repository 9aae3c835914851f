"""A drill's closure moved through the adapters of cloud telephony, against stand-ins of the two services."""

from __future__ import annotations

from dataclasses import replace

import pytest

from releve.live import routes
from releve.live.models import RoutingState
from releve.live.routes import watch_routing
from releve.routing.data_table import DataTable
from tests.live.scenario import Scenario
from tests.routing.test_cloud_tables import CLOUDS

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


@pytest.mark.parametrize("kind", sorted(CLOUDS))
def test_a_closure_reaches_the_rows_and_an_altered_row_is_mended(
    kind: str, scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, build = CLOUDS[kind]
    monkeypatch.setattr(DataTable, "capabilities", replace(DataTable.capabilities, settles_seconds=0.0))
    with run() as table:
        adapter = build(table)
        monkeypatch.setattr(routes, "list_adapters", lambda stream: (adapter,))
        scenario.work()
        place = scenario.site
        served = [row for row, text in table.rows.items() if f"{place}=0." in text or f"{place}=1." in text]
        assert served, "the site serves programmes before it closes"
        scenario.two_positives()
        scenario.work()
        assert all(f"{place}=closed" in table.rows[row] for row in served)
        assert read_state(scenario) == "confirmed"
        right = dict(table.rows)
        table.put(served[0], f"{place}=1.0000")
        assert read_state(scenario) == "diverged"
        scenario.work()
        assert table.rows == right
        assert read_state(scenario) == "confirmed"


def read_state(scenario: Scenario) -> str:
    """Look at the system, and return where it stands."""
    watch_routing(scenario.stream)
    return RoutingState.objects.get(stream=scenario.stream).state
