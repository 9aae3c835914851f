"""Kits for work at home that fewer agents can have than need one: who takes one home, and what the plan makes of it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from releve.cli.plan_text import list_kit_lines
from releve.network import HOME, Operator
from releve.network.sample import FIRST_DAY, sample_operator
from releve.plan import Plan, PlanSettings, list_contingencies, name_plan, plan_day, solve_day
from releve.plan.checker import check_plan
from releve.plan.checker.rules import apply_moves
from releve.plan.comparison import compare_plans, narrow_plan
from releve.plan.extra_hours import find_extra_hours
from releve.plan.intraday_relief import build_running_day, solve_intraday_relief
from releve.plan.kits import choose_holders, give_kits, list_kits, list_pools
from releve.plan.n1_program import KIND_WEIGHT, solve_n1_program
from releve.plan.plan_json import plan_from_json, plan_to_json
from releve.plan.purchases.search import find_what_is_missing
from releve.plan.scenario_lp import compute_client_floors
from releve.plan.spare import find_spare
from releve.plan.staleness import find_breaks
from releve.plan.week import list_roster_days
from releve.plan.week.request import PlanRequest, plan_days
from tests.plan.planner_parts import problem_of
from tests.plan.same_bits import share_half
from tests.plan.tiny_operators import (
    Tiny,
    agent,
    at,
    operator_of,
    programme,
    requirement_of,
    shift,
    site,
    tiny_operator,
)
from tests.plan.week.hybrid_case import build_operator


def share_kits(operator: Operator, kits: int) -> Operator:
    """Return an operator whose agents all need one of the ``kits`` of their site to work at home."""
    return replace(
        operator,
        agents=tuple(
            replace(row, home_ready=False, home_kit=True, line_type="fibre", carrier=row.carrier or "Red")
            for row in operator.agents
        ),
        sites=tuple(replace(row, home_kits=kits) for row in operator.sites),
    )


def two_skills(kits: int) -> Tiny:
    """Six agents of site a answer p, two answer q; site b has two who know q. All could work at home with a kit.

    Three are needed for p and two for q. If a is lost, b serves q and p is served from home: by three of the six,
    where there are kits. Who answers q needs none.
    """
    people = [
        *(agent(f"q{n}", "a", "q") for n in range(2)),
        *(agent(f"p{n}", "a", "p") for n in range(6)),
        *(agent(f"b{n}", "b", "q") for n in range(2)),
    ]
    operator = operator_of(
        [site("a"), site("b", "TN", 36.8, 10.2)],
        {"a": (8, 2.0), "b": (2, 2.0)},
        [programme("p", "k"), programme("q", "l")],
        people,
        [shift(row.id, "08:00", "09:00") for row in people],
    )
    needs = {(name, time): count for time in ("08:00", "08:30") for name, count in (("p", 3), ("q", 2))}
    return Tiny(share_kits(operator, kits), requirement_of(operator, needs), PlanSettings(isolated=0.0))


def plan_of(case: Tiny) -> Plan:
    return plan_day(case.operator, case.requirement, case.settings)


def list_at_home(plan: Plan) -> set[str]:
    """Return the agents at home in the base plan or in a relief."""
    rows = [*plan.placements, *(move.after for one in plan.scenarios.values() for move in one.moves)]
    return {row.agent for row in rows if row is not None and row.place == HOME}


def check(case: Tiny, plan: Plan) -> str:
    return " ".join(check_plan(case.operator, plan, case.settings, case.requirement.aht_s))


def test_kits_go_to_those_whose_work_would_be_lost_with_the_site() -> None:
    """In the operator's order q0, q1 and p0 would hold the three kits, and p would miss two of three."""
    case = two_skills(3)
    plan = plan_of(case)
    held = [name for name in plan.kit_holders if name.startswith("p")]
    assert len(held) == 3
    assert plan.violations == ()
    assert all(row.secure for row in plan.verdicts)
    assert list_at_home(plan) <= plan.kit_holders
    assert sum(case.operator.agent[name].home_site == "a" for name in plan.kit_holders) == 3


def test_a_large_operator_chooses_the_kits_of_each_site_by_its_own_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    case = two_skills(3)
    whole = choose_holders(case.operator, [case.requirement], case.settings)
    for name in ("MAX_SEARCHED_ASSIGNMENTS", "MOST_WHOLE_COLUMNS", "VERTEX"):
        monkeypatch.setattr(f"releve.plan.kits.{name}", 0)
        held = choose_holders(case.operator, [case.requirement], case.settings)
        assert sum(agent.startswith("p") for agent in held) == sum(agent.startswith("p") for agent in whole) == 3


def test_a_kit_too_few_is_missed_when_the_site_is_lost_and_bought() -> None:
    case = two_skills(2)
    operator = give_kits(case.operator, choose_holders(case.operator, [case.requirement], case.settings))
    solved = solve_day(operator, case.requirement, case.settings)
    plan = name_plan(operator, solved)
    cell = plan.cell["k", "site:a"]
    assert cell.shortfall == pytest.approx(1 / 3)
    missing = find_what_is_missing(operator, solved)
    (line,) = (one for one in missing.purchases if one.kind == "laptop")
    assert missing.checked
    assert not set(line.agents) & plan.kit_holders
    assert all(name.startswith("p") for name in line.agents)


def test_as_many_kits_as_people_give_the_plan_of_agents_who_are_all_home_ready() -> None:
    case = two_skills(8)
    own = replace(
        case.operator, agents=tuple(replace(row, home_ready=True, home_kit=False) for row in case.operator.agents)
    )
    plan = plan_of(case)
    assert plan.kit_holders == set(case.operator.agent)
    assert plan_to_json(replace(plan, kits=())) == plan_to_json(plan_of(replace(case, operator=own)))


def test_without_a_kit_the_plan_is_that_of_agents_who_are_not_home_ready() -> None:
    case = two_skills(0)
    never = replace(case.operator, agents=tuple(replace(row, home_kit=False) for row in case.operator.agents))
    assert plan_to_json(replace(plan_of(case), kits=())) == plan_to_json(plan_of(replace(case, operator=never)))


def test_an_operator_without_pools_is_planned_as_it_stands() -> None:
    case = tiny_operator(np.random.default_rng(3))
    assert give_kits(case.operator, ["a1"]) is case.operator
    assert choose_holders(case.operator, [case.requirement], case.settings) == ()
    assert '"kits"' not in plan_to_json(plan_of(case))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_no_other_holders_serve_better(seed: int) -> None:
    """Every set of holders of an operator of seven is tried, with the programme that plans are made from."""
    kits = 1 + seed % 2
    case = tiny_operator(np.random.default_rng(seed), agents=7, sites=2)
    case = replace(case, operator=share_kits(case.operator, kits))
    if not problem_of(replace(case, operator=give_kits(case.operator, case.operator.agent))).required.any():
        pytest.skip("nothing is required")
    pools = list_pools(case.operator)
    everyone = replace(case, operator=give_kits(case.operator, case.operator.agent))
    scarce = {name for name, people in pools.items() if len(people) > kits}
    losses = [
        one
        for one in list_contingencies(everyone.operator)
        if one.exposed and one.kind in KIND_WEIGHT and one.sites & scarce
    ]
    floors = compute_client_floors(problem_of(everyone), losses)

    def measure(holders: Iterable[str]) -> float:
        equipped = replace(case, operator=give_kits(case.operator, tuple(holders)))
        return solve_n1_program(problem_of(equipped), losses, floors, case.settings).objective

    every = (itertools.combinations(people, min(len(people), kits)) for people in pools.values())
    best = min(measure(itertools.chain(*chosen)) for chosen in itertools.product(*every))
    found = measure(choose_holders(case.operator, [case.requirement], case.settings))
    assert found <= best * 1.001 + 0.05, f"{found} above {best}"


def test_holders_stay_where_others_would_serve_as_well() -> None:
    case = two_skills(3)
    plan = plan_of(case)
    others = tuple(f"p{n}" for n in (1, 3, 5))
    before = replace(plan, kits=(replace(plan.kits[0], holders=others),), placements=())
    held = choose_holders(case.operator, [case.requirement], case.settings, before=before)
    assert set(others) <= set(held)


def test_kits_of_a_pool_that_does_not_work_that_day_go_to_the_first_of_the_table() -> None:
    case = two_skills(3)
    off = replace(case.operator, shifts=tuple(row for row in case.operator.shifts if row.agent.startswith("b")))
    assert choose_holders(off, [case.requirement], case.settings) == ("q0", "q1", "p0", "b0", "b1")


def test_the_days_planned_together_have_the_same_holders() -> None:
    """On the second day q lacks two where p lacks none: the holders of both days are named once."""
    case = two_skills(3)
    second = requirement_of(case.operator, {("q", "08:00"): 4, ("q", "08:30"): 4})
    held = choose_holders(case.operator, [case.requirement, second], case.settings)
    assert sum(case.operator.agent[name].home_site == "a" for name in held) == 3
    assert {"q0", "q1"} <= set(held)
    assert [name for name in held if name.startswith("p")]


def test_the_checker_counts_the_kits_and_those_at_home_without_one() -> None:
    case = two_skills(3)
    plan = plan_of(case)
    assert check(case, plan) == ""
    kits, *rest = plan.kits
    assert (kits.site, kits.kits, kits.people) == ("a", 3, 8)
    first = min(set(kits.holders) & list_at_home(plan))

    def give(*holders: str, **other: int) -> str:
        return check(case, replace(plan, kits=(replace(kits, holders=holders, **other), *rest)))

    assert f"{first}" in give(*(name for name in kits.holders if name != first))
    assert "holds no kit" in give()
    assert "site a: 4 are given, it has 3" in give(*kits.holders, "q0")
    assert "site a: 8 for 8 agents, counted 3 for 8" in give(*case.operator.agent, kits=8)
    assert "agent b0 holds one and does not share them" in give(*kits.holders, "b0")
    assert f"agent {first} holds 2" in give(*kits.holders, first)
    assert "site a: not listed once" in check(case, replace(plan, kits=tuple(rest)))
    assert "site a: not listed once" in check(case, replace(plan, kits=(*plan.kits, kits)))


def test_the_checker_is_not_misled_by_an_operator_that_says_more_are_home_ready() -> None:
    case = two_skills(3)
    plan = plan_of(case)
    forged = replace(case, operator=give_kits(case.operator, case.operator.agent))
    assert "holds no kit" in check(forged, replace(plan, kits=tuple(replace(one, holders=()) for one in plan.kits)))


def test_the_text_of_a_plan_names_the_holders_and_a_narrowed_plan_does_not() -> None:
    plan = plan_of(two_skills(3))
    assert plan_from_json(plan_to_json(plan)).kits == plan.kits != ()
    assert narrow_plan(plan, ["k"]).kits == ()


def test_a_relief_of_a_running_day_sends_home_those_alone_who_hold_a_kit() -> None:
    case = two_skills(3)
    plan = plan_of(case)
    day = build_running_day(case.operator, plan, case.requirement, at("06:00"), case.settings)
    (lost,) = (one for one in plan.contingencies if one.id == "site:a")
    found = solve_intraday_relief(day, lost, case.settings)
    home = {move.agent for move in found.moves if move.after is not None and move.after.place == HOME}
    assert home
    assert home <= plan.kit_holders


def test_longer_hours_at_home_are_proposed_to_those_alone_who_hold_a_kit() -> None:
    case = two_skills(2)
    needs = {("p", time): 3.0 for time in ("08:00", "08:30", "09:00")}
    case = replace(case, requirement=requirement_of(case.operator, needs))
    plan = plan_of(case)
    (lost,) = (one for one in plan.contingencies if one.id == "site:a")
    placed = apply_moves(plan.placements, plan.scenarios["site:a"].moves)
    found = find_extra_hours(case.operator, plan, case.requirement, case.settings, placed, lost=lost)
    asked = {one.placement.agent for one in found.proposals}
    assert asked
    assert asked <= plan.kit_holders


def test_agents_who_are_lent_take_their_kits_along() -> None:
    case = two_skills(8)
    plan = plan_of(case)
    found = find_spare(case.operator, plan, case.requirement, case.settings)
    lent = {one.agent for one in found.agents}
    assert lent & plan.kit_holders
    assert found.plan.violations == ()
    assert found.plan.kit_holders == plan.kit_holders - lent


def test_a_plan_does_not_hold_where_the_site_has_fewer_kits_now() -> None:
    case = two_skills(3)
    plan = plan_of(case)
    assert find_breaks(case.operator, plan) == ()
    fewer = replace(case.operator, sites=tuple(replace(row, home_kits=2) for row in case.operator.sites))
    (lost,) = find_breaks(fewer, plan)
    assert (lost.kind, lost.subject, lost.seats, lost.people) == ("kits_lost", "a", 2, 3)
    own = replace(fewer, agents=tuple(replace(row, home_kit=False, home_ready=True) for row in case.operator.agents))
    assert find_breaks(own, plan) == ()
    without = replace(case.operator, agents=tuple(replace(row, home_kit=False) for row in case.operator.agents))
    assert {one.kind for one in find_breaks(without, plan)} == {"not_home_ready"}


def test_what_changes_with_a_plan_says_who_takes_a_kit_home_and_who_brings_one_back() -> None:
    plan = plan_of(two_skills(3))
    kits, *rest = plan.kits
    other = replace(plan, kits=(replace(kits, holders=("q0", *kits.holders[1:])), *rest))
    found = compare_plans(plan, other)
    assert (found.kits_out, found.kits_back) == (("q0",), (kits.holders[0],))
    assert found.change == "unchanged"
    assert compare_plans(None, plan).kits_out == tuple(sorted(plan.kit_holders))
    assert compare_plans(plan, plan).kits_out == compare_plans(plan, plan).kits_back == ()


def test_the_command_line_says_how_many_kits_of_each_site_are_given() -> None:
    first, second = (str(line) for line in list_kit_lines(plan_of(two_skills(3))))
    assert first == "Kits for work at home, a: 3 of 3 taken home; agents who share them: 8."
    assert second == "Kits for work at home, b: 2 of 3 taken home; agents who share them: 2."


@pytest.mark.slow
def test_days_of_one_request_are_planned_with_the_same_holders_and_break_no_rule() -> None:
    operator = share_half(sample_operator(60, 2, 1, weeks_of_history=4))
    days = [FIRST_DAY, FIRST_DAY + timedelta(days=1)]
    found = plan_days(operator, PlanRequest(days, missing=False))
    assert [plan.violations for plan in found.plans] == [(), ()]
    first, second = found.plans
    assert first.kits == second.kits
    assert sum(len(one.holders) for one in first.kits) == sum(row.home_kits for row in operator.sites)
    assert list_at_home(first) | list_at_home(second) <= first.kit_holders
    again = plan_days(operator, PlanRequest([days[1]], missing=False, before=first))
    assert again.plans[0].kits == first.kits


@pytest.mark.slow
def test_in_a_hybrid_week_those_alone_are_at_home_who_hold_a_kit() -> None:
    operator = build_operator()
    ready = [row.id for row in operator.agents if row.home_ready]
    shared, own = ready[::2], set(ready[1::2])
    operator = replace(
        operator,
        agents=tuple(
            replace(row, home_ready=False, home_kit=True, home_days_min=0) if row.id in shared else row
            for row in operator.agents
        ),
        sites=tuple(
            replace(row, home_kits=sum(operator.agent[name].home_site == row.id for name in shared) // 2)
            for row in operator.sites
        ),
    )
    found = plan_days(operator, PlanRequest(list_roster_days(operator, 3), hybrid=True, missing=False))
    assert found.broken == ()
    assert [plan.violations for plan in found.plans] == [(), (), ()]
    first, *others = found.plans
    assert 0 < len(first.kit_holders) < len(shared)
    assert all(plan.kits == first.kits for plan in others)
    assert all(list_at_home(plan) | set(plan.home_days) <= first.kit_holders | own for plan in found.plans)


def test_the_kits_of_an_operator_are_listed_by_site_with_those_who_hold_one() -> None:
    operator = two_skills(3).operator
    assert [(one.site, one.kits, one.people, one.holders) for one in list_kits(give_kits(operator, ["p1", "q0"]))] == [
        ("a", 3, 8, ("q0", "p1")),
        ("b", 3, 2, ()),
    ]
