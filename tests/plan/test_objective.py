"""The objective of a plan counts what its bound counts, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import product

import numpy as np
import pytest

from releve.network.sample import FIRST_DAY, sample_operator
from releve.plan import PlanSettings, SolvedDay, list_contingencies, solve_day
from releve.plan.day_runs import Planning
from releve.plan.integer_problem import IntegerProblem, round_base_plan
from releve.plan.integer_search import OBJECTIVE_TOLERANCE, ROUNDINGS, IntegerSearch
from releve.plan.n1_program import build_shortfall_weights
from releve.plan.objective import compute_objective, solve_answer
from releve.plan.week import require_day
from tests.plan.planner_parts import sites_of
from tests.plan.tiny_operators import Tiny, spare_person, two_sites_one_client


@cache
def sample() -> SolvedDay:
    operator = sample_operator(200, 4, 1, weeks_of_history=4)
    sites = [one for one in list_contingencies(operator) if one.kind == "site"]
    need = require_day(operator, FIRST_DAY)
    return solve_day(operator, need, PlanSettings(), contingencies=sites)


def build_search(day: SolvedDay) -> IntegerSearch:
    planning = day.planning
    case = IntegerProblem(
        planning.problem, planning.layout, planning.contingencies, planning.floors, planning.secure, day.settings
    )
    return IntegerSearch(case)


def solved(case: Tiny) -> Planning:
    return solve_day(case.operator, case.requirement, case.settings, contingencies=sites_of(case)).planning


@pytest.mark.parametrize("made", [spare_person, two_sites_one_client])
def test_a_plan_that_needs_no_rounding_is_at_its_bound(made: object) -> None:
    case: Tiny = replace(made(), settings=PlanSettings(isolated=0.0))  # type: ignore[operator]
    planning = solved(case)
    assert planning.objective == pytest.approx(planning.secure.objective, rel=1e-6, abs=1e-6)


@pytest.mark.slow
def test_what_a_relief_pays_for_moves_is_no_part_of_it() -> None:
    planning, dear = sample().planning, PlanSettings(relief_move_price=60.0)
    again = compute_objective(
        planning.problem, planning.layout, planning.contingencies, planning.floors, planning.secure, planning.base, dear
    )
    assert again == planning.objective


def test_whole_people_are_never_below_the_bound() -> None:
    planning = sample().planning
    assert planning.objective >= planning.secure.bound * (1 - 1e-6)


def test_the_search_is_no_worse_than_any_rounding_alone() -> None:
    """But for what it may give away to serve better once the reliefs are in whole people."""
    day = sample()
    planning, search = day.planning, build_search(day)
    guides = search.solve_with_margin()
    best = search.search_base_plans(guides)[0].objective
    for guide, way in product(guides, ROUNDINGS):
        base = round_base_plan(planning.problem, planning.layout, guide, search.case.aims[0], way)
        assert best <= search.try_base(base).objective + 1e-6
    given = OBJECTIVE_TOLERANCE * planning.problem.weighted_requirement
    assert search.try_base(planning.base).objective <= best + given + 1e-6


def test_a_base_plan_that_serves_half_is_further_from_the_bound() -> None:
    """The same people, the fullest site emptied and half of them placed."""
    day = sample()
    planning, problem = day.planning, day.planning.problem
    site = int(np.argmax(np.bincount(problem.place, weights=planning.base.assigned)[:-1]))
    fewer = np.where(problem.place == site, 0, planning.base.assigned)
    worse = replace(planning.base, assigned=fewer, placed=planning.base.placed * 0.5)
    again = compute_objective(
        problem, planning.layout, planning.contingencies, planning.floors, planning.secure, worse, day.settings
    )
    assert again > planning.objective


def test_an_answer_that_may_miss_more_costs_no_more() -> None:
    """``worst`` is the regret up to which missing a client's day is free of its extra price."""
    day = sample()
    planning = day.planning
    for row, lost in enumerate(planning.contingencies, start=1):
        tight, loose = (
            solve_answer(
                planning.problem, planning.layout, lost, planning.base,
                floor=planning.floors[row], worst=worst, settings=day.settings,
                shortfall_cost=build_shortfall_weights(["site"], day.settings)["site"],
                target=day.settings.target,
            )
            for worst in (0.0, 1.0)
        )  # fmt: skip
        assert loose.penalty <= tight.penalty * (1 + 1e-6) + 1e-6
