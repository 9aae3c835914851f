"""What a plan breaks of newer reference data, and what differs between two plans of a day."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from releve.network import HOME, Operator
from releve.plan import Plan
from releve.plan.comparison import compare_plans
from releve.plan.staleness import find_breaks
from tests.live.moved_plans import choose_agents
from tests.live.scenario import three_days

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def planned() -> tuple[Operator, tuple[Plan, ...]]:
    return three_days()


def test_each_break_of_todays_data_is_named(planned: tuple[Operator, tuple[Plan, ...]]) -> None:
    operator, (plan, *_) = planned
    assert find_breaks(operator, plan) == ()
    placed = {row.agent: row for row in plan.placements}
    (agent,) = choose_agents(plan, 1)
    row = placed[agent]
    home = next(row.agent for row in plan.placements if row.place == HOME)

    def change_agent(name: str, **values: object) -> Operator:
        rows = (replace(one, **values) if one.id == name else one for one in operator.agents)  # type: ignore[arg-type]
        return replace(operator, agents=tuple(rows))

    def name_kinds(changed: Operator) -> set[tuple[str, tuple[str, ...]]]:
        return {(found.kind, found.agents) for found in find_breaks(changed, plan)}

    others = tuple(name for name in operator.agent[agent].skills if name != row.programme)
    kept = others or tuple(one.id for one in operator.programmes if one.id != row.programme)[:1]
    assert ("skill_lost", (agent,)) in name_kinds(change_agent(agent, skills=kept))
    assert ("not_home_ready", (home,)) in name_kinds(change_agent(home, home_ready=False))
    shifts = tuple(
        replace(one, start=one.start + timedelta(minutes=30), end=one.end + timedelta(minutes=30))
        if one.agent == agent
        else one
        for one in operator.shifts
    )
    assert ("shift_changed", (agent,)) in name_kinds(replace(operator, shifts=shifts))
    site = row.place
    zones = {one.id for one in operator.all_zones if operator.site_of_zone[one.id] == site}
    fewer = tuple(one for one in operator.seats if one.zone not in zones)
    (lost,) = (found for found in find_breaks(replace(operator, seats=fewer), plan) if found.kind == "seats_lost")
    assert (lost.subject, lost.seats) == (site, 0)
    assert lost.people > 0
    assert f"site {site} has 0 usable seats" in lost.sentence()


def test_a_comparison_counts_each_kind_of_change(planned: tuple[Operator, tuple[Plan, ...]]) -> None:
    _operator, (plan, *_) = planned
    first, second, third, *others = plan.placements
    later = timedelta(minutes=30)
    changed = replace(
        plan,
        placements=(
            replace(first, place=HOME if first.place != HOME else "casa-1"),
            replace(second, end=second.end + later),
            *others,
        ),
    )
    found = compare_plans(plan, changed)
    assert (found.change, found.moved) == ("replaced", 3)
    assert found.work == {"place": 1, "hours": 1, "stops": 1}
    assert third.agent in {agent for group in found.moves for agent in group.agents}
    assert compare_plans(plan, plan).change == "unchanged"
    assert compare_plans(None, plan).change == "added"
    assert all(row.worst_before == row.worst_after for row in compare_plans(plan, plan).clients)
