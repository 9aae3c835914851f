"""An incident room: who holds which role, what is to be done, what may still be said at its end."""

from __future__ import annotations

from typing import Any

from tests.situation.rule_chain import Chain

ROOM: dict[str, Any] = {"incident": "e1", "site": "casa"}


def opened() -> Chain:
    chain = Chain()
    chain.record("incident.opened", site="casa", title="Flood")
    return chain


def test_a_role_is_taken_over_by_who_says_so_last() -> None:
    chain = opened()
    chain.record("incident.role_taken", **ROOM, role="lead", actor="samira")
    chain.after(hours=1).record("incident.role_taken", **ROOM, role="lead", actor="karim")
    (lead,) = chain.situation.incidents["e1"].roles
    assert lead.actor == "karim"


def test_a_closed_incident_takes_follow_ups_and_a_review_and_nothing_else() -> None:
    chain = opened()
    chain.record("incident.closed", **ROOM)
    task = {"task": "Correct the addresses", "owner": "people"}
    assert chain.refused("incident.task_set", **ROOM, **task) == {"incident.closed"}
    chain.record("incident.task_set", **ROOM, **task, follow_up=True)
    (follow_up,) = chain.situation.incidents["e1"].tasks
    chain.record("incident.task_done", **ROOM, task=follow_up.id)
    chain.record("incident.reviewed", **ROOM, badly="Two addresses were old")
    chain.record("incident.reviewed", **ROOM, well="The relief was there")
    found = chain.situation.incidents["e1"]
    assert [row.done is not None for row in found.tasks] == [True]
    assert found.review is not None
    assert found.review.well == "The relief was there", "the last one counts"


def test_a_follow_up_does_not_keep_an_incident_from_being_closed() -> None:
    chain = opened()
    chain.record("incident.task_set", **ROOM, task="Pump", owner="sites")
    assert chain.refused("incident.closed", **ROOM) == {"incident.tasks_open"}
    chain.record("incident.task_done", **ROOM, task="e2")
    chain.record("incident.task_set", **ROOM, task="Buy a pump", owner="sites", follow_up=True)
    assert chain.refused("incident.closed", **ROOM) == set()


def test_an_incident_opened_by_mistake_is_corrected_away() -> None:
    chain = opened()
    chain.record("event.corrected", corrects="e1", reason="Another site was meant")
    assert chain.situation.incidents == {}
    assert chain.refused("incident.noted", **ROOM, note="Called") == {"incident.unknown"}
