"""Property: over random lendings no relief, planned or solved, moves an agent who is lent then."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from releve.live import api as live
from releve.live import partners
from releve.live.lost_places import Absent
from releve.live.models import Message, Relief
from releve.live.stream_state import Scene, read_placement
from releve.plan import Placement
from tests.live.scenario import Scenario

pytestmark = [pytest.mark.django_db, pytest.mark.database]
SEEDS = range(2)


class RandomLendings:
    """A source of partners that lends what a test says, and hires no agent."""

    def __init__(self) -> None:
        self.lent: Absent = {}

    def list_lent(self, stream: str) -> Absent:
        return self.lent

    def list_lendings(self, stream: str) -> tuple[()]:
        return ()

    def list_agents(self, stream: str, instants: Sequence[datetime]) -> tuple[()]:
        return ()

    def list_addresses(self, stream: str) -> dict[str, str]:
        return {}


@pytest.fixture
def lendings(monkeypatch: pytest.MonkeyPatch) -> RandomLendings:
    source = RandomLendings()
    monkeypatch.setattr(partners, "_list_sources", lambda: [source])
    return source


def draw_lendings(scenario: Scenario, seed: int) -> Absent:
    """Lend half of all agents for random half hours of any of the planned days."""
    rng = random.Random(seed)
    plans = scenario.plans
    found: dict[str, tuple[tuple[datetime, datetime | None], ...]] = {}
    for agent in scenario.operator.agents:
        if rng.random() < 0.5:
            starts = rng.choice(plans).starts
            first, last = sorted(rng.choices(range(len(starts)), k=2))
            found[agent.id] = ((starts[first], starts[last] + timedelta(minutes=30)),)
    return found


def list_lent_moves(scene: Scene, lent: Absent) -> Iterator[tuple[str, Placement | None, Placement]]:
    """Yield (agent, placement in force, stored move) of every move that overlaps a lending."""
    for day in scene.days:
        working = {row.agent: row for row in scene.list_placements(day)}
        for agent, (_reason, row) in scene.changes.get(day, {}).items():
            move = None if row is None else read_placement(agent, row)
            if move is not None and overlaps(lent, agent, move.start, move.end):
                yield agent, working.get(agent), move


def overlaps(lent: Absent, agent: str, start: datetime, end: datetime) -> bool:
    return any(since < end and (until is None or until > start) for since, until in lent.get(agent, ()))


def load(scenario: Scenario) -> Scene:
    scene = live.load_scene(scenario.stream)
    assert scene is not None
    return scene


def list_shifts(message: Message) -> list[dict[str, Any]]:
    return [shift for shift in message.about["shifts"] if shift.get("row")]


@pytest.mark.parametrize("foreseen", [True, False])
@pytest.mark.parametrize("seed", SEEDS)
def test_no_relief_moves_an_agent_who_is_lent_at_that_time(
    scenario: Scenario, lendings: RandomLendings, seed: int, foreseen: bool
) -> None:
    scenario.work()
    lendings.lent = draw_lendings(scenario, seed)
    if not foreseen:  # a loss that no plan answers: the relief is solved
        scenario.close(scenario.operator.sites[1].id)
    scenario.close(home_only=True)  # as the plan foresees it
    scenario.work()
    scene = load(scenario)
    assert scene.relief is not None
    assert scene.relief.source == ("planned" if foreseen else "optimum")
    assert not scene.unanswered
    for day in scene.days:
        for row in scene.list_placements(day):
            assert not overlaps(lendings.lent, row.agent, row.start, row.end)
    kept = list(list_lent_moves(scene, lendings.lent))
    assert kept or not foreseen, "the planned relief has moves that wait for a recall"
    assert all(working is None for _agent, working, _move in kept)
    for message in scenario.messages:
        for shift in list_shifts(message):
            start, end = (datetime.fromisoformat(shift[name]) for name in ("start", "end"))
            assert not overlaps(lendings.lent, message.who, start, end)
    stored = {agent for changes in scene.changes.values() for agent in changes}
    only_lent = {agent for agent, _working, _move in kept} - {
        agent
        for day in scene.days
        for agent, (_reason, row) in scene.changes.get(day, {}).items()
        if row is None or not scene.is_lent(agent, read_placement(agent, row))
    }
    newest = Relief.objects.filter(stream=scenario.stream).first()
    assert newest is not None
    assert newest.moved == len(stored - only_lent)


@pytest.mark.parametrize("seed", SEEDS)
def test_an_agent_lent_at_another_time_is_moved_and_notified_as_any_other(
    scenario: Scenario, lendings: RandomLendings, seed: int
) -> None:
    scenario.work()
    lent = lendings.lent = draw_lendings(scenario, seed)
    scenario.close()
    scenario.work()
    scene = load(scenario)
    today = scene.days[0]
    base = {row.agent: row for row in scene.day_plan(today).plan.placements}
    moved = {
        row.agent
        for row in scene.list_placements(today)
        if row.end > scene.at
        and base.get(row.agent) != row
        and not (row.agent in base and overlaps(lent, row.agent, base[row.agent].start, base[row.agent].end))
    }
    assert moved & set(lent), "some of those moved today are lent on another day"
    assert moved <= {message.who for message in scenario.messages}
