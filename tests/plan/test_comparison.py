"""A day's plan beside another: whose status changes, and who works differently."""

from __future__ import annotations

from dataclasses import replace

import pytest

from releve.plan.comparison import compare_plans, group_moves
from releve.plan.result import BASE, Move, Plan
from tests.desk.fixture_plan import synthetic_plan


@pytest.fixture(scope="module")
def plan() -> Plan:
    return synthetic_plan()


def test_a_plan_beside_itself_moves_no_agent_and_worsens_no_client(plan: Plan) -> None:
    found = compare_plans(plan, plan)
    assert (found.moved, found.moves) == (0, ())
    assert found.secure == found.secure_before
    assert {row.worse for row in found.clients} == {False}
    assert found.placed == len(plan.placements)
    assert plan.missing is not None
    assert found.cost == plan.missing.cost


def test_a_day_that_was_not_planned_has_nothing_to_compare_with(plan: Plan) -> None:
    found = compare_plans(None, replace(plan, missing=None))
    assert (found.secure_before, found.moves, found.cost) == (None, (), None)
    assert {row.before for row in found.clients} == {None}


def test_clients_that_become_worse_come_first_then_the_gravest(plan: Plan) -> None:
    verdicts = tuple(
        replace(row, missed=(BASE,), secure=False) if row.client == "quartz" else row for row in plan.verdicts
    )
    first, second, *_ = compare_plans(plan, replace(plan, verdicts=verdicts)).clients
    assert (first.client, first.before, first.after, first.worse) == ("quartz", "held", "missed", True)
    assert (second.after, second.worse) == ("missed", False)


def test_agents_who_change_in_the_same_way_are_one_group_the_largest_first(plan: Plan) -> None:
    one, two, *_ = plan.placements
    home = replace(one, place="home")
    groups = group_moves(
        [
            Move("a", None, one, "relief"),
            Move("b", one, home, "relief"),
            Move("c", one, home, "relief"),
            Move("d", two, None, "isolated"),
            Move("e", two, None, "stranded"),
        ]
    )
    assert [group.agents for group in groups] == [("b", "c"), ("a",), ("d",), ("e",)]
    assert groups[0].after == ("home", one.programme)
    assert (groups[1].before, groups[2].after) == (None, None)


def test_an_agent_without_a_placement_any_more_is_among_the_moves(plan: Plan) -> None:
    first, *others = plan.placements
    found = compare_plans(plan, replace(plan, placements=tuple(others)))
    (group,) = found.moves
    assert (group.agents, group.after, group.reason) == ((first.agent,), None, "reserve")
    assert found.moved == 1
