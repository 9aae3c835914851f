"""Who is on site on which day: by agent, where a plan says so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from releve.plugins.crashtest.engine.outbreak import Contacts, Controls, Outcome, Rotation, Scenario, simulate
from releve.plugins.crashtest.engine.outbreak.errors import OutbreakError
from releve.plugins.crashtest.engine.run_arrays import find_presence
from tests.crashtest.outbreak.populations import constant, one_room
from tests.crashtest.rough_quarter import plan_operator

POPULATION = one_room(40, others=(1.0,))


def run(controls: Controls) -> Outcome:
    """Return 200 outbreaks of 40 days that one of all agents begins."""
    scenario = Scenario(
        POPULATION, constant(), Contacts(3.0), days=40, first_cases=range(POPULATION.size), first_count=1
    )
    return simulate(scenario, controls, replications=200, seed=4)


def lay(half: np.ndarray, first: list[bool]) -> Controls:
    """Return two halves that come on opposite days of a cycle."""
    cycle = np.array(first, dtype=np.bool_)
    return Controls(presence=np.where(half[:, None], cycle, ~cycle))


def test_presence_every_day_is_what_no_presence_is() -> None:
    everyone = np.ones((POPULATION.size, 7), dtype=np.bool_)
    same = run(Controls(presence=everyone)).rows
    assert np.array_equal(same, run(Controls()).rows)
    weekdays = np.tile(np.arange(7) < 5, (POPULATION.size, 1))
    rotated = run(Controls(rotation=Rotation.weekdays()))
    assert np.array_equal(run(Controls(presence=weekdays)).rows, rotated.rows)


def test_alternate_weeks_infect_fewer_than_alternate_days_and_these_than_all() -> None:
    half = np.arange(POPULATION.size) % 2 == 0
    everyone = run(Controls()).mean("infected").value
    days = run(lay(half, [True, False])).mean("infected").value
    weeks = run(lay(half, [True] * 7 + [False] * 7)).mean("infected").value
    assert weeks < days < everyone


@pytest.mark.parametrize("shape", [(3, 7), (40,)])
def test_presence_of_other_agents_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(OutbreakError, match="presence has 40 agents"):
        run(Controls(presence=np.ones(shape, dtype=np.bool_)))


def test_only_a_hybrid_week_says_who_comes_on_which_weekday() -> None:
    operator, plan = plan_operator()
    agents = tuple(row.id for row in operator.agents)
    assert find_presence([plan], agents, plan.day) is None
    placed = [row.agent for row in plan.placements]
    found = find_presence([replace(plan, home_days=(placed[0],))], agents, plan.day)
    assert found is not None
    assert not found[agents.index(placed[0])].any()
    assert not found[:, 1:].any()
    assert found[:, 0].sum() > len(placed) / 2
