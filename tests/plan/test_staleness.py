"""What a plan breaks of newer reference data, and what differs between two plans of a day."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from releve.network import HOME, Operator
from releve.plan import Plan
from releve.plan.comparison import compare_plans
from releve.plan.staleness import find_breaks
from releve.plan.work_changes import KindCount, WorkKind
from tests.live.moved_plans import choose_agents
from tests.live.scenario import three_days
from tests.plan.night_operators import need_of, night_operator, plan_chain
from tests.plan.test_nights import DAY

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def planned() -> tuple[Operator, tuple[Plan, ...]]:
    return three_days()


@pytest.fixture(scope="module")
def nights() -> tuple[Operator, list[Plan]]:
    """A small operator with nights, split shifts and people in reserve, and its plans of three days."""
    operator = night_operator(1, DAY - timedelta(days=2), 5)
    return operator, plan_chain(operator, [need_of(operator, DAY + timedelta(days=n), 1) for n in (-1, 0, 1)])


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


def test_nights_and_split_shifts_are_judged_by_duty(nights: tuple[Operator, list[Plan]]) -> None:
    operator, plans = nights
    rows = [row for plan in plans for row in plan.placements]
    assert any(row.carried for row in rows)
    assert any(pause.away for row in rows for pause in row.pauses)
    assert all(find_breaks(operator, plan) == () for plan in plans)
    plan = plans[1]
    night = next(row for row in plan.placements if row.carried and not row.pauses)
    assert find_breaks(operator, replace(plan, reserve=(*plan.reserve, night.key))) == ()
    shorter = (
        replace(one, end=one.end - timedelta(hours=1)) if (one.agent, one.start) == (night.agent, night.start) else one
        for one in operator.shifts
    )
    (found,) = find_breaks(replace(operator, shifts=tuple(shorter)), plan)
    assert (found.kind, found.agents) == ("shift_changed", (night.agent,))
    six = replace(operator, row=replace(operator.row, day_starts="06:00"))
    (found,) = find_breaks(six, plan)
    assert found.kind == "border_moved"
    assert found.sentence() == f"{plan.day}: planning days begin at another time now than when the plan was made"


def test_a_comparison_counts_an_agent_with_two_duties_once(nights: tuple[Operator, list[Plan]]) -> None:
    _operator, plans = nights
    plan = next(one for one in plans if {row.agent for row in one.placements if row.carried} & find_own(one))
    name = sorted({row.agent for row in plan.placements if row.carried} & find_own(plan))[0]
    later = timedelta(minutes=30)
    rows = tuple(replace(row, end=row.end + later) if row.agent == name else row for row in plan.placements)
    found = compare_plans(plan, replace(plan, placements=rows))
    assert (found.moved, found.kinds) == (1, (KindCount(WorkKind.HOURS, 1),))
    assert [name for group in found.moves for name in group.agents].count(name) == len(found.moves)
    split = next(row for row in plan.placements if any(pause.away for pause in row.pauses))
    earlier = tuple(replace(pause, end=pause.end - later) if pause.away else pause for pause in split.pauses)
    rows = tuple(replace(row, pauses=earlier) if row == split else row for row in plan.placements)
    assert compare_plans(plan, replace(plan, placements=rows)).kinds == (KindCount(WorkKind.HOURS, 1),)


def find_own(plan: Plan) -> set[str]:
    return {row.agent for row in plan.placements if not row.carried}


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
    elsewhere = WorkKind.HOME if first.place != HOME else WorkKind.SITE
    assert {row.kind: row.people for row in found.kinds} == {elsewhere: 1, WorkKind.HOURS: 1, WorkKind.RELEASED: 1}
    assert third.agent in {agent for group in found.moves for agent in group.agents}
    assert compare_plans(plan, plan).change == "unchanged"
    assert compare_plans(None, plan).change == "added"
    assert all(row.worst_before == row.worst_after for row in compare_plans(plan, plan).clients)
