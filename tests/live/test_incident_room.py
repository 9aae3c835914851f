"""An incident room without a page: its first tasks, its log, and the time of each step."""

from __future__ import annotations

import pytest

from releve.live import api as live
from releve.situation.consequences import READY_TASKS, list_ready_tasks
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
        live.open_incident(scenario.stream, "Closure", scenario.site, "k" * 32, by="tests", write=str.upper)
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
    task = incident.tasks[0]
    own = {"incident": incident.id, "site": scenario.site, "task": task.id}
    scenario.act("incident.task_done", **own)
    seen = live.list_incident_log(incident, start, scenario.stream, lambda site: True)
    assert {"relief.made", "site.closed"} < {row.kind for row in seen}
    assert not any("agent" in row.params for row in seen), "of people there is a number alone"
    shown = live.list_incident_log(incident, start, scenario.stream, lambda site: False)
    assert {row.kind.partition(".")[0] for row in shown} == {"incident"}, "what is seen alone"
    assert (shown[0].kind, shown[0].params["task"]) == ("incident.task_done", task.set.task)
    assert shown[0].sentence == "{actor} has done: {task}"
