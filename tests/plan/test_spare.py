"""What can be lent: verdicts unchanged, lawful, and as much as brute force finds."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from releve.network import HOME, Operator, sample_operator
from releve.plan import BASE, Plan, PlanSettings, check_plan, plan_day
from releve.plan.checker.rules import apply_moves
from releve.plan.coverage import Timeline, count_placed
from releve.plan.spare import SpareStaff, _list_alike, count_spare, find_spare, remove_agents
from releve.plan.spare_room import AlikePeople
from releve.plan.week import require_day
from tests.plan import tiny_operators
from tests.plan.tiny_operators import (
    DAY,
    Tiny,
    agent,
    operator_of,
    programme,
    requirement_of,
    shift,
    site,
    tiny_operator,
)

SETTINGS = PlanSettings()
LENDING = (11, 18, 22, 36, 38)
"""Seeds of random operators that have someone to lend."""


@pytest.fixture(scope="module")
def day() -> tuple[Operator, Plan, SpareStaff]:
    operator = sample_operator(120, 3, 2, weeks_of_history=4)
    need = require_day(operator, DAY)
    plan = plan_day(operator, need, SETTINGS)
    return operator, plan, find_spare(operator, plan, need, SETTINGS)


def read_statuses(plan: Plan) -> dict[tuple[str, str], str]:
    return {(cell.client, cell.contingency): cell.status for cell in plan.cells}


def find_in(case: Tiny, **other: bool) -> tuple[Plan, SpareStaff]:
    plan = plan_day(case.operator, case.requirement, case.settings)
    return plan, find_spare(case.operator, plan, case.requirement, case.settings, **other)


@pytest.mark.slow
def test_the_plan_without_the_lent_agents_has_the_same_verdicts(day: tuple[Operator, Plan, SpareStaff]) -> None:
    _, plan, found = day
    assert found.agents
    assert found.plan.violations == ()
    assert read_statuses(found.plan) == read_statuses(plan)
    assert [replace(one, worst="") for one in found.plan.verdicts] == [replace(one, worst="") for one in plan.verdicts]


@pytest.mark.slow
def test_planned_again_without_the_lent_agents_no_secure_client_is_lost(day: tuple[Operator, Plan, SpareStaff]) -> None:
    operator, plan, found = day
    rest = remove_agents(operator, frozenset(one.agent for one in found.agents))
    again = plan_day(rest, require_day(operator, DAY), SETTINGS)
    secure = {one.client for one in plan.verdicts if one.secure}
    assert secure <= {one.client for one in again.verdicts if one.secure}


@pytest.mark.slow
def test_no_half_hour_of_the_base_day_loses_an_agent_that_it_needs(day: tuple[Operator, Plan, SpareStaff]) -> None:
    _, plan, found = day
    need = np.nan_to_num(plan.required)
    before, after = (np.minimum(one.scenarios[BASE].placed, need) for one in (plan, found.plan))
    assert np.allclose(before, after, atol=1e-6)


@pytest.mark.slow
def test_people_lent_on_a_site_have_a_seat_beside_those_of_every_scenario(
    day: tuple[Operator, Plan, SpareStaff],
) -> None:
    _, plan, found = day
    timeline = Timeline(plan.starts)
    seats = {row.id: len(row.usable_seats) for row in plan.sites}
    for name, scenario in found.plan.scenarios.items():
        lost = next((row.sites for row in plan.contingencies if row.id == name), frozenset())
        moved = {move.agent: move.after for move in scenario.moves}
        there = [moved.pop(one.agent, one) for one in found.plan.placements]
        present = {site: np.zeros(len(plan.starts)) for site in seats}
        for one in [*there, *moved.values()]:
            if one is not None and one.place != HOME:
                present[one.place] += timeline.find_present(one.start, one.end)
        for lent in found.agents:
            if lent.place != HOME:
                present[lent.place][lent.half_hours[0] : lent.half_hours[-1] + 1] += 1
        for name, count in present.items():
            assert name in lost or count.max() <= seats[name]


@pytest.mark.slow
def test_no_more_is_lent_than_proved_and_each_agent_once(day: tuple[Operator, Plan, SpareStaff]) -> None:
    _, _, found = day
    names = [one.agent for one in found.agents]
    assert len(names) == len(set(names))
    assert found.half_hours <= found.most + 1e-6
    total = sum(sum(counts.values()) for counts in count_spare(found.agents).values())
    assert total == found.half_hours


@pytest.mark.slow
def test_one_skill_alone_lends_no_less_of_it(day: tuple[Operator, Plan, SpareStaff]) -> None:
    operator, plan, found = day
    skill = found.agents[0].skill
    alone = find_spare(operator, plan, require_day(operator, DAY), SETTINGS, skills=[skill])
    assert {one.skill for one in alone.agents} == {skill}
    joint = sum(len(one.half_hours) for one in found.agents if one.skill == skill)
    assert alone.most >= joint - 1e-6


@pytest.mark.slow
def test_strict_lets_no_client_miss_more_under_any_loss(day: tuple[Operator, Plan, SpareStaff]) -> None:
    operator, plan, found = day
    strict = find_spare(operator, plan, require_day(operator, DAY), SETTINGS, to_target=False)
    assert strict.half_hours <= found.half_hours
    for before, after in zip(plan.cells, strict.plan.cells, strict=True):
        assert after.shortfall <= before.shortfall + 1e-6


def may_lend(case: Tiny, plan: Plan, lent: frozenset[str]) -> bool:
    """The rules said plainly: people counted one by one, each scenario from its placements."""
    timeline = Timeline(plan.starts)
    owner = [client for _, client, _ in plan.programmes]
    need = np.nan_to_num(plan.required)
    status = read_statuses(plan)
    for name, scenario in plan.scenarios.items():
        team = apply_moves(plan.placements, scenario.moves)
        before = count_placed(case.operator, timeline, team)
        after = count_placed(case.operator, timeline, [one for one in team if one.agent not in lent])
        old, new = (np.maximum(0.0, need - placed) for placed in (before, after))
        for client, _ in plan.clients:
            mine = [one == client for one in owner]
            more = (new - old)[:, mine].sum(axis=1)
            total = need[:, mine].sum(axis=1)
            if name == BASE or status[client, name] not in ("held", "thin"):
                if more.max() > 1e-9:
                    return False
                continue
            missing = new[:, mine].sum(axis=1)
            below = missing > (1 - case.settings.thin) * total + 1e-9
            if (below & (more > 1e-9)).any():
                return False
            if more.any() and missing.sum() > case.settings.target * max(1.0, total.sum()) + 1e-9:
                return False
    return True


def test_random_operators_lend_as_much_as_brute_force_finds() -> None:
    """Every set of people is taken out of the plan and its reliefs; seats and shares may bind."""
    reached = lent = 0
    for seed in (*range(8), *LENDING):
        case = tiny_operator(np.random.default_rng(seed))
        plan, found = find_in(case)
        assert found.plan.violations == ()
        assert read_statuses(found.plan) == read_statuses(plan)
        hours = {one.agents[0]: len(one.half_hours) for one in list_alike_one_by_one(case, plan)}
        best = max(
            sum(hours[name] for name in names)
            for count in range(len(hours) + 1)
            for names in itertools.combinations(hours, count)
            if may_lend(case, plan, frozenset(names))
        )
        assert found.half_hours <= best <= found.most + 1e-6, f"seed {seed}"
        reached += found.half_hours == best
        lent += found.half_hours > 0
    assert lent >= len(LENDING)
    assert reached >= 11


def list_alike_one_by_one(case: Tiny, plan: Plan) -> list[AlikePeople]:
    scenarios = (BASE, *(row.id for row in plan.contingencies))
    return [
        replace(one, agents=(name,))
        for one in _list_alike(case.operator, plan, case.settings, scenarios, ())
        for name in one.agents
    ]


def test_a_person_beyond_what_is_needed_is_lent_and_no_other() -> None:
    case = tiny_operators.spare_person()
    plan, found = find_in(case, to_target=False)
    best = 0
    for count in range(len(case.operator.agents) + 1):
        for names in itertools.combinations([row.id for row in case.operator.agents], count):
            rest = remove_agents(case.operator, frozenset(names))
            if not rest.agents or not rest.shifts:
                continue
            again = plan_day(rest, case.requirement, case.settings)
            worse = any(new.shortfall > old.shortfall + 1e-9 for old, new in zip(plan.cells, again.cells, strict=True))
            best = best if worse else max(best, count)
    assert len(found.agents) == best
    assert check_plan(
        remove_agents(case.operator, frozenset(one.agent for one in found.agents)),
        found.plan, case.settings, case.requirement.aht_s,
    ) == ()  # fmt: skip


def test_a_person_without_a_seat_beside_the_others_is_not_lent() -> None:
    people = [agent(name, "a", "p") for name in ("x", "y")]
    for seats, lent in ((1, 0), (2, 1)):
        operator = operator_of(
            [site("a")],
            {"a": (seats, 2.0)},
            [programme("p", "k")],
            people,
            [shift(row.id, "08:00", "10:00") for row in people],
        )
        need = requirement_of(operator, {("p", "08:00"): 1, ("p", "09:00"): 1})
        plan = plan_day(operator, need, SETTINGS)
        assert len(find_spare(operator, plan, need, SETTINGS).agents) == lent
