"""The bound, cuts and objective, and rounding to whole people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import nullcontext, suppress
from dataclasses import replace
from datetime import timedelta
from functools import cache
from itertools import product
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from releve.cli.plan_text import list_proof_lines
from releve.kernels.arrays import Floats, Ints
from releve.network import sample_operator
from releve.network.sample import FIRST_DAY
from releve.plan import PlanSettings, SolvedDay, integer_search, list_contingencies, n1_program, plan_day, solve_day
from releve.plan import lp as lp_module
from releve.plan import relief as reliefs
from releve.plan.day_runs import Planning
from releve.plan.integer_plan import (
    IntegerGoal,
    IntegerPlan,
    build_empty_state,
    build_kernel_problem,
    find_integer_plan,
)
from releve.plan.integer_problem import IntegerProblem, round_base_plan
from releve.plan.local_search import compute_cost, exchange_people, improve_state, place_person
from releve.plan.lp import Cut, LinearProgram, Solution, SolverError, build_cut_table, solve_lp
from releve.plan.n1_program import build_shortfall_weights
from releve.plan.objective import compute_objective, solve_answer, solve_answers
from releve.plan.problem import DayProblem
from releve.plan.rounding import NEARNESS, fill_patterns, round_controlled, round_groups, round_sum
from releve.plan.scenario_lp import sum_client_requirement
from releve.plan.week import require_day
from tests.plan import tiny_operators
from tests.plan.planner_parts import SPREAD, problem_of, secure_of, shaken, sites_of, solve_permuted
from tests.plan.test_planner import by_chance
from tests.plan.tiny_operators import Tiny, spare_person, two_sites_one_client


@cache
def sample(agents: int = 120, sites: int = 3, seed: int = 2) -> SolvedDay:
    operator = sample_operator(agents, sites, seed, weeks_of_history=4)
    lost = [one for one in list_contingencies(operator) if one.kind == "site"]
    need = require_day(operator, FIRST_DAY)
    return solve_day(operator, need, PlanSettings(), contingencies=lost)


def build_search(day: SolvedDay) -> integer_search.IntegerSearch:
    planning = day.planning
    case = IntegerProblem(
        planning.problem, planning.layout, planning.contingencies, planning.floors, planning.secure, day.settings
    )
    return integer_search.IntegerSearch(case)


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
    bases = [day.planning.base, *(search.case.round_base(way) for way in integer_search.ROUNDINGS[:4])]
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


def test_the_kernel_counts_those_whose_break_is_not_the_expected_one() -> None:
    """After people are put and taken, as many as stand above those expected on their patterns."""
    day = sample()
    problem, layout = day.planning.problem, day.planning.layout
    rng = np.random.default_rng(7)
    keep = rng.integers(0, 3, len(layout.y_link))
    want = replace(build_goal(day, None), keep=keep, break_price=0.5)
    fixed, state = build_kernel_problem(problem, layout, want), build_empty_state(problem, layout)
    first_slot = np.searchsorted(layout.y_link, problem.link)
    beside = np.searchsorted(layout.y_link, problem.link, side="right") - 1
    put = [(int(j), int(rng.choice([first_slot[j], beside[j]]))) for j in rng.integers(0, len(problem.group), 300)]
    costs = []
    for sign in (1, -1):
        for j, slot in put if sign > 0 else put[::2]:
            place_person(fixed, state, j, slot, sign)
        assert state.strayed[0] == np.maximum(0, state.y - keep).sum() > 0
        costs.append(compute_cost(fixed, state) - compute_cost(fixed._replace(break_price=np.zeros(1)), state))
        assert costs[-1] == pytest.approx(0.5 * state.strayed[0])
    assert costs[1] < costs[0]


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


PRIMAL = {"presolve": "off", "simplex_strategy": 4}
"""The primal simplex: each of its steps is a plan that keeps every rule."""
PEOPLE = 40.0


def staffing(seed: int) -> LinearProgram:
    """People of groups on tasks: what is missing of each task costs."""
    rng = np.random.default_rng(seed)
    lp, groups, tasks = LinearProgram(), 12, 9
    people = lp.rows(groups, upper=PEOPLE / groups)
    need = lp.rows(tasks, lower=rng.uniform(2, 9, tasks))
    lp.add(need, lp.columns(tasks, rng.uniform(5, 20, tasks)))
    group, task = np.nonzero(rng.random((groups, tasks)) < 0.5)
    placed = lp.columns(len(group), rng.uniform(0, 3, len(group)))
    lp.add(people[group], placed)
    lp.add(need[task], placed, rng.uniform(0.5, 1, len(group)))
    return lp


def stopped_early(lp: LinearProgram, most: float) -> list[Solution]:
    """Return what the solver has at each step at which it has something, its optimum left out."""
    found = []
    for steps in range(2000):
        options = {**PRIMAL, "simplex_iteration_limit": steps}
        with suppress(SolverError):
            found.append(solve_lp(lp, method="simplex", most=most, options=options))
            if found[-1].status == "Optimal":
                return found[:-1]
    raise AssertionError("it does not end")


@pytest.mark.parametrize("seed", range(5))
def test_wherever_the_solver_stops_its_bound_is_below_the_optimum(seed: int) -> None:
    lp = staffing(seed)
    optimum = solve_lp(lp, method="simplex")
    assert optimum.bound == optimum.objective
    early = stopped_early(lp, 4 * PEOPLE)
    assert any(found.objective > optimum.objective * 1.01 for found in early)
    assert all(found.bound <= optimum.objective + 1e-9 for found in early)
    assert max(found.bound for found in early) > 0.5 * optimum.objective, "it says something"


@pytest.mark.parametrize("crossover", [False, True])
def test_an_interior_point_that_does_not_end_gives_way_to_the_simplex(
    monkeypatch: pytest.MonkeyPatch, crossover: bool
) -> None:
    optimum = solve_lp(staffing(2), method="simplex")
    monkeypatch.setattr(lp_module, "MOST_IPM_ITERATIONS", 1)
    lines: list[str] = []
    found = solve_lp(staffing(2), method="ipm", crossover=crossover, options={"presolve": "off"}, progress=lines.append)
    assert found.objective == pytest.approx(optimum.objective, rel=1e-9)
    assert found.status == "Optimal"
    assert any("simplex" in line for line in lines)


def test_a_column_without_any_limit_leaves_no_bound() -> None:
    first, *_ = stopped_early(staffing(1), np.inf)
    assert first.bound == -np.inf


def test_a_plan_whose_programme_was_not_solved_to_its_end_claims_no_more_than_is_proved(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    case = tiny_operators.tiny_operator(np.random.default_rng(3))
    least = secure_of(case, sites_of(case)).objective

    def early(lp: LinearProgram, *, most: float, **_: object) -> Solution:
        assert most >= problem_of(case).size.sum()
        found = stopped_early(lp, most)[0]
        assert found.objective > least + 1, "far from the optimum"
        return found

    monkeypatch.setattr(n1_program, "solve_lp", early)
    plan = plan_day(case.operator, case.requirement, case.settings)
    assert plan.bound.status != "Optimal"
    assert plan.bound.lower_bound <= least + 1e-9
    assert plan.bound.objective >= least - 1e-6
    assert plan.violations == ()
    assert any("ended before its optimum" in line for line in list_proof_lines(plan))


def _transport() -> LinearProgram:
    """Six sources and six sinks of one each, every cost 1: as many optima as permutations."""
    lp = LinearProgram()
    ij = [(i, j) for i in range(6) for j in range(6)]
    x = lp.columns(36, 1.0)
    supply, demand = lp.rows(6, upper=1.5), lp.rows(6, lower=1.0)
    for column, (i, j) in zip(x, ij, strict=True):
        lp.add([supply[i], demand[j]], [column, column])
    return lp


def test_without_ties_the_order_of_rows_and_columns_decides_nothing() -> None:
    tied, unique = _transport(), _transport()
    unique.break_ties(1e-3, 1e-4, 2**0.5)
    of_tied, of_unique = (
        [solve_permuted(lp, np.random.default_rng(seed), method="ipm") for seed in range(4)] for lp in (tied, unique)
    )
    assert any(np.abs(found.x - of_tied[0].x).max() > 0.1 for found in of_tied[1:])
    for found in of_unique[1:]:
        assert np.abs(found.x - of_unique[0].x).max() < 1e-6
        assert np.abs(found.row_dual - of_unique[0].row_dual).max() < 1e-6


@cache
def objective_sample() -> SolvedDay:
    operator = sample_operator(200, 4, 1, weeks_of_history=4)
    sites = [one for one in list_contingencies(operator) if one.kind == "site"]
    need = require_day(operator, FIRST_DAY)
    return solve_day(operator, need, PlanSettings(), contingencies=sites)


def solved(case: Tiny) -> Planning:
    return solve_day(case.operator, case.requirement, case.settings, contingencies=sites_of(case)).planning


@pytest.mark.parametrize("made", [spare_person, two_sites_one_client])
def test_a_plan_that_needs_no_rounding_is_at_its_bound(made: object) -> None:
    case: Tiny = replace(made(), settings=PlanSettings(isolated=0.0))  # type: ignore[operator]
    planning = solved(case)
    assert planning.objective == pytest.approx(planning.secure.objective, rel=1e-6, abs=1e-6)


@pytest.mark.slow
def test_what_a_relief_pays_for_moves_is_no_part_of_it() -> None:
    planning, dear = objective_sample().planning, PlanSettings(relief_move_price=60.0)
    again = compute_objective(
        planning.problem, planning.layout, planning.contingencies, planning.floors, planning.secure, planning.base, dear
    )
    assert again == planning.objective


def test_whole_people_are_never_below_the_bound() -> None:
    planning = objective_sample().planning
    assert planning.objective >= planning.secure.bound * (1 - 1e-6)


def test_the_search_is_no_worse_than_any_rounding_alone() -> None:
    """But for what it may give away to serve better once the reliefs are in whole people."""
    day = objective_sample()
    planning, search = day.planning, build_search(day)
    _, guides = integer_search.solve_fractions(
        planning.problem, planning.layout, planning.contingencies, planning.floors, day.settings
    )
    best = search.search_base_plans(guides)[0].objective
    for guide, way in product(guides, integer_search.ROUNDINGS):
        base = round_base_plan(planning.problem, planning.layout, guide, search.case.aims[0], way)
        assert best <= search.try_base(base).objective + 1e-6
    given = integer_search.OBJECTIVE_TOLERANCE * planning.problem.weighted_requirement
    assert search.try_base(planning.base).objective <= best + given + 1e-6


def test_a_base_plan_that_serves_half_is_further_from_the_bound() -> None:
    """The same people, the fullest site emptied and half of them placed."""
    day = objective_sample()
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
    day = objective_sample()
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


def plain_round_sum(values: list[float], total: int) -> list[int]:
    """Largest remainders, one by one; too many are taken from the fullest."""
    whole = [int(np.floor(value + 1e-9)) for value in values]
    by_remainder = sorted(range(len(values)), key=lambda i: whole[i] - values[i])
    for i in range(max(0, total - sum(whole))):
        whole[by_remainder[i % len(whole)]] += 1
    while sum(whole) > total:
        whole[whole.index(max(whole))] -= 1
    return whole


amounts = st.lists(st.floats(0, 40).map(lambda x: round(x, 3)), min_size=1, max_size=12)


@settings(deadline=None)  # the first call loads or compiles the kernel
@given(amounts, st.integers(0, 300))
def test_the_kernel_rounds_as_the_rule_is_read(values: list[float], total: int) -> None:
    array: NDArray[np.float64] = np.array(values)
    assert round_sum(array, total).tolist() == plain_round_sum(values, total)


@given(amounts)
def test_nobody_is_a_whole_person_from_its_fraction_when_the_sum_is_kept(values: list[float]) -> None:
    total = round(sum(values))
    whole = round_sum(np.array(values), total)
    assert whole.sum() == total
    assert np.abs(whole - values).max() <= 1.0 + 1e-9


def test_a_problem_of_one_assignment_is_of_the_layout_that_the_kernels_are_compiled_for() -> None:
    """Without this the first user would wait a quarter of a minute for the compiler."""
    for case in (tiny_operators.two_sites_one_client(), tiny_operators.breaks_apart()):
        plan_day(case.operator, case.requirement, case.settings)
    for kernel in (round_groups, fill_patterns, improve_state, exchange_people):
        assert len(kernel.signatures) == 1


SEEDS = st.integers(0, 2**32 - 1)


@cache
def some_problem(seed: int) -> DayProblem:
    return problem_of(by_chance(seed))


def drawn(problem: DayProblem, seed: int) -> tuple[Floats, Floats]:
    """Return fractions and prices of people on the assignments of a problem."""
    stream = np.random.default_rng(seed)
    count = len(problem.group)
    people = stream.uniform(0.0, 2.5, count) * (stream.uniform(size=count) < 0.6)
    return people, stream.uniform(0.0, 5.0, count)


def totals(problem: DayProblem) -> list[tuple[object, ...]]:
    """Return the totals that each assignment counts in, as a plain list of names."""
    out: list[tuple[object, ...]] = []
    for g, m, p, link in zip(problem.group, problem.place, problem.programme, problem.link, strict=True):
        names: list[object] = [("group", g), ("link", link), ("programme in a place", m, p), ("place", m)]
        if m != problem.home:
            names.append(("group on sites", g))
        out.append(tuple(names))
    return out


def kept(problem: DayProblem, people: Floats, whole: Ints) -> bool:
    """Return whether each number and each total was rounded down or up, and no further."""
    planned: dict[object, float] = {}
    rounded: dict[object, float] = {}
    for j, names in enumerate(totals(problem)):
        for name in (*names, ("assignment", j)):
            planned[name] = planned.get(name, 0.0) + float(people[j])
            rounded[name] = rounded.get(name, 0.0) + float(whole[j])
    return all(np.floor(value + 1e-6) <= rounded[name] <= np.ceil(value - 1e-6) for name, value in planned.items())


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 9), SEEDS)
def test_every_total_is_rounded_down_or_up_and_no_further(case: int, seed: int) -> None:
    problem = some_problem(case)
    people, price = drawn(problem, seed)
    assert kept(problem, people, round_controlled(problem, people, price))


@pytest.mark.parametrize("seed", range(20))
def test_it_is_the_cheapest_of_all_such_roundings(seed: int) -> None:
    """Against every way to round up or down, one by one."""
    problem = problem_of(two_sites_one_client())
    people, price = drawn(problem, seed)
    free = np.nonzero(people % 1.0)[0]

    def cost(whole: Ints) -> float:
        up = whole - np.floor(people)
        return float(up @ (price + NEARNESS * (1.0 - 2.0 * (people % 1.0))))

    least = np.inf
    for ups in product((0, 1), repeat=len(free)):
        whole = np.floor(people).astype(np.int64)
        whole[free] += ups
        if kept(problem, people, whole):
            least = min(least, cost(whole))
    assert cost(round_controlled(problem, people, price)) == pytest.approx(least)


def test_whole_people_stay_as_they_are() -> None:
    problem = some_problem(0)
    people = np.arange(len(problem.group)) % 4
    found = round_controlled(problem, people.astype(float), np.ones(len(people)))
    assert found.tolist() == people.tolist()


WHOLE = 1000.0


class Case:
    """Three losses; the relief of base plan k misses ``missed[k]`` targets, all under the first."""

    def __init__(self, missed: list[int]) -> None:
        self.missed, self.tried = missed, list[int]()
        self.problem = SimpleNamespace(weighted_requirement=WHOLE)
        self.contingencies = [SimpleNamespace(id=name) for name in "abc"]
        self.secure = SimpleNamespace(share=dict.fromkeys("abc", None))

    def route_base(self, base: int) -> int:
        self.tried.append(base)
        return base

    def solve_reliefs(self, base: int, losses: Iterable[int]) -> Iterator[tuple[int, int]]:
        return (self.solve_relief(base, i) for i in losses)

    def solve_relief(self, base: int, i: int) -> tuple[int, int]:
        return base, i

    def count_missed_targets(self, i: int, relief: tuple[int, int]) -> int:
        return self.missed[relief[0]] if i == 0 else 0

    def compute_objective_in_people(self, base: int, reliefs: dict[int, Any]) -> float:
        assert set(reliefs) == {0, 1, 2}
        return float(base)


def choose(missed: list[int], step: float) -> tuple[int, list[int], list[float]]:
    """Return the base plan kept, those tried and the progress, of objectives ``step`` apart."""
    case, shares = Case(missed), list[float]()
    trials = [SimpleNamespace(base=k, objective=k * step) for k in range(len(missed))]
    base, _ = integer_search.IntegerSearch(case)._choose_in_people(  # type: ignore[arg-type]
        trials,  # type: ignore[arg-type]
        lambda stage, share: shares.append(float(share or 0.0)),
    )
    return base, case.tried, shares


def test_of_plans_that_keep_the_targets_only_the_near_ones_are_tried() -> None:
    assert choose([0] * 12, step=0.0)[:2] == (0, list(range(integer_search.MAX_CANDIDATES)))
    assert choose([0] * 12, step=WHOLE)[:2] == (0, [0])
    assert choose([2, 0, 0, 0, 0], step=0.0)[:2] == (1, [0, 1, 2])


def test_further_plans_are_tried_until_one_keeps_the_targets() -> None:
    assert choose([2, 1, 3, 1, 0, 0], step=WHOLE)[:2] == (4, [0, 1, 2, 3, 4])


def test_where_every_plan_misses_the_one_that_misses_least_is_kept() -> None:
    found = choose([3, 2, 1, 4, 1] + [2] * 12, step=WHOLE)
    assert found[:2] == (2, list(range(integer_search.MAX_MISSING_CANDIDATES)))


def test_the_progress_of_the_reliefs_never_goes_back() -> None:
    for missed in ([0] * 4, [1] * 12, [1, 1, 1, 1, 0]):
        for step in (0.0, WHOLE):
            shares = choose(missed, step)[2]
            assert shares == sorted(shares)
            assert 0.0 < shares[0] <= shares[-1] <= 0.8


@pytest.mark.slow
def test_trying_again_leaves_fewer_clients_a_hair_over_their_limit() -> None:
    settings = PlanSettings()
    operator = sample_operator(300, 4, 4)
    sites = [one for one in list_contingencies(operator) if one.kind == "site"]
    planning = solve_day(
        operator, require_day(operator, FIRST_DAY + timedelta(days=3)), settings, contingencies=sites
    ).planning
    problem = planning.problem

    def over(tries: int) -> float:
        found = 0.0
        for row, lost in enumerate(planning.contingencies, start=1):
            limit = np.maximum(settings.target, planning.floors[row])
            limit = np.maximum(limit, planning.secure.share[lost.id])
            relief = reliefs.solve_relief(
                problem, planning.layout, lost, planning.base, limit=limit,
                isolated=settings.isolated, move_price=settings.relief_move_price,
                target=settings.target, effort=replace(reliefs.QUICK, tries=tries),
            )  # fmt: skip
            share = relief.plan.missing / sum_client_requirement(problem)
            found += float(np.maximum(0.0, share - limit).sum())
        return found

    assert over(3) < over(1)
