"""An incident room without a page: its first tasks, its log, and the time of each step."""

from __future__ import annotations

import pytest

from releve.live import api as live
from releve.situation.ready_tasks import READY_TASKS, list_ready_tasks
from tests.live.scenario import Scenario


def test_the_first_tasks_go_by_the_place_and_by_health() -> None:
    every = [row.text for row in READY_TASKS]
    assert len(set(every)) == len(every)
    of_site = set(list_ready_tasks(site=True, health=True))
    (missing,) = [text for text in every if text not in {row.text for row in of_site}]
    assert missing == "Check that everybody is safe, and list who is missing"
    wide = [row.text for row in list_ready_tasks(site=False, health=False)]
    assert wide == [row.text for row in READY_TASKS if not (row.site or row.health)]
    assert len(wide) == len(every) - 3, "the site, its reopening, the contacts"
    (last,) = (row for row in READY_TASKS if row.follow_up)
    assert last.within is None


@pytest.mark.database
@pytest.mark.django_db
def test_a_program_opens_a_room_and_reads_its_log_and_steps(scenario: Scenario) -> None:
    scenario.two_positives()
    for _twice in range(2):
        live.open_incident(
            scenario.stream, "Closure", scenario.site, "k" * 32, by="tests", write=str.upper
        )
    (incident,) = live.list_incidents(live.situation_now(scenario.stream), scenario.stream)
    assert [row.set.task for row in incident.tasks] == [
        row.text.upper() for row in list_ready_tasks(site=True, health=True)
    ]
    scenario.work()
    start = live.find_incident_start(incident, live.situation_now(scenario.stream))
    steps = {row.step: row for row in live.list_response_steps(incident, start, scenario.stream)}
    assert steps["closed"].seconds == 0
    assert steps["relief_made"].at is not None
    assert steps["reopened"].at is None
    kinds = {"incident.opened", "relief.made"}
    shown = live.list_incident_entries(incident, start, scenario.stream, kinds, lambda body: False)
    assert [row.kind for row in shown] == ["incident.opened"], "of the others, what is seen alone"
