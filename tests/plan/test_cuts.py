"""Cuts: never above what a relief costs, and followed exactly by the search."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from releve.network.sample import FIRST_DAY, sample_operator
from releve.plan import PlanSettings, SolvedDay, list_contingencies, solve_day
from releve.plan.integer_plan import (
    IntegerGoal,
    IntegerPlan,
    build_empty_state,
    build_kernel_problem,
    find_integer_plan,
)
from releve.plan.integer_problem import IntegerProblem
from releve.plan.integer_search import ROUNDINGS, IntegerSearch
from releve.plan.local_search import place_person
from releve.plan.lp import Cut, build_cut_table
from releve.plan.objective import solve_answers
from releve.plan.week import require_day
from tests.plan.shaking import SPREAD, shaken


@cache
def sample(agents: int = 120, sites: int = 3, seed: int = 2) -> SolvedDay:
    operator = sample_operator(agents, sites, seed, weeks_of_history=4)
    lost = [one for one in list_contingencies(operator) if one.kind == "site"]
    need = require_day(operator, FIRST_DAY)
    return solve_day(operator, need, PlanSettings(), contingencies=lost)


def build_search(day: SolvedDay) -> IntegerSearch:
    planning = day.planning
    case = IntegerProblem(
        planning.problem, planning.layout, planning.contingencies, planning.floors, planning.secure, day.settings
    )
    return IntegerSearch(case)


def count_exposed(day: SolvedDay, base: IntegerPlan, loss: int) -> np.ndarray:
    """Count, plainly, the people of each group on the places that a loss takes away."""
    problem = day.planning.problem
    out = np.zeros(len(problem.size))
    for j, people in enumerate(base.assigned):
        place = problem.place[j]
        if place != problem.home and problem.sites[place] in day.planning.contingencies[loss].sites:
            out[problem.group[j]] += people
    return out


def cost_of_answer(day: SolvedDay, base: IntegerPlan) -> dict[int, tuple[Cut, float]]:
    """Return of each loss the cut at a base plan and what the relief costs there."""
    planning = day.planning
    answers = solve_answers(
        planning.problem, planning.layout, planning.contingencies, planning.floors, planning.secure, base, day.settings
    )
    out = {}
    for loss, contingency in enumerate(planning.contingencies):
        cut = answers[contingency.id].cut
        assert cut is not None
        out[loss] = (cut, compute_cut_value(day, cut, base))
    return out


def compute_cut_value(day: SolvedDay, cut: Cut, base: IntegerPlan) -> float:
    return cut.constant + float((cut.slope * count_exposed(day, base, cut.loss)).sum())


def test_a_cut_of_one_base_plan_is_never_above_the_cost_of_another() -> None:
    """Also the cuts of the fractional optimum, which the search begins with."""
    day = sample()
    search = build_search(day)
    bases = [day.planning.base, *(search.case.round_base(way) for way in ROUNDINGS[:4])]
    empty = replace(day.planning.base, assigned=np.zeros_like(day.planning.base.assigned))
    costs = [cost_of_answer(day, base) for base in (*bases, empty)]
    scale = day.planning.problem.weighted_requirement
    for here in costs:
        for base, there in zip((*bases, empty), costs, strict=True):
            for loss, (cut, _) in here.items():
                assert compute_cut_value(day, cut, base) <= there[loss][1] + 1e-6 * scale
    for cut in day.planning.secure.cuts:
        for base, there in zip((*bases, empty), costs, strict=True):
            assert compute_cut_value(day, cut, base) <= there[cut.loss][1] + 1e-6 * scale


def test_a_relief_costs_no_less_where_more_people_are_exposed() -> None:
    day = sample()
    for cut, _ in cost_of_answer(day, day.planning.base).values():
        assert (cut.slope >= 0).all()


def test_the_kernel_keeps_the_value_of_every_cut() -> None:
    """After people are put and taken, each value is the constant and the slopes of who is there."""
    day = sample()
    planning = day.planning
    problem, layout = planning.problem, planning.layout
    rng = np.random.default_rng(5)
    cuts = [Cut(loss, float(rng.normal()), rng.uniform(0, 2, len(problem.size))) for loss in (0, 0, 1, 2)]
    table = build_cut_table(problem, [frozenset(c.sites) for c in planning.contingencies], cuts)
    want = build_goal(day, table)
    fixed, state = (build_kernel_problem(problem, layout, want), build_empty_state(problem, layout, table))
    first_slot = np.searchsorted(layout.y_link, problem.link)
    for j in rng.integers(0, len(problem.group), 200):
        place_person(fixed, state, int(j), int(first_slot[j]), 1)
    base = replace(planning.base, assigned=state.w)
    for k, cut in ((1, cuts[0]), (2, cuts[1])):
        assert state.relief[0, k] == pytest.approx(compute_cut_value(day, cut, base), rel=1e-9)
    assert state.relief[1, 1] == pytest.approx(compute_cut_value(day, cuts[2], base), rel=1e-9)
    assert (state.relief[:, 0] == 0.0).all()


def build_goal(day: SolvedDay, table: object) -> IntegerGoal:
    problem = day.planning.problem
    none = np.zeros(len(problem.group))
    return IntegerGoal(
        allowed=np.ones(len(problem.group), dtype=np.bool_), price=none,
        stay=np.zeros(len(problem.group), dtype=np.int64), available=problem.size,
        onsite=problem.size, limit=np.full(len(problem.clients), 1e9),
        excess=np.zeros(len(problem.clients)), move_price=none, cuts=table,
    )  # type: ignore[arg-type]  # fmt: skip


def test_a_place_that_a_dear_cut_lies_on_is_left() -> None:
    """With a slope above all that a person can save, people serve from elsewhere or not at all."""
    day = sample()
    planning = day.planning
    problem = planning.problem
    site = int(np.argmax(np.bincount(problem.place, weights=planning.base.assigned)[:-1]))
    (loss,) = (i for i, c in enumerate(planning.contingencies) if set(c.sites) == {problem.sites[site]})
    dear = Cut(loss, 0.0, np.full(len(problem.size), 1e4))
    table = build_cut_table(problem, [frozenset(c.sites) for c in planning.contingencies], [dear])
    found = find_integer_plan(
        problem, planning.layout, build_goal(day, table),
        planning.base.assigned.astype(float), planning.base.on_pattern.astype(float),
    )  # fmt: skip
    assert planning.base.assigned[problem.place == site].sum() > 0
    assert found.assigned[problem.place == site].sum() == 0


@pytest.mark.slow
def test_a_shaken_fractional_optimum_gives_a_plan_as_good() -> None:
    """Noise of 1e-6, and other points of the optimal face (rows and columns in another order)."""
    operator = sample_operator(200, 4, 1, weeks_of_history=4)
    need = require_day(operator, FIRST_DAY)
    found = []
    for seed in range(4):
        with shaken(seed) if seed else nullcontext():
            planning = solve_day(operator, need).planning
        found.append(planning.objective / planning.problem.weighted_requirement)
    assert max(found) - min(found) <= SPREAD
