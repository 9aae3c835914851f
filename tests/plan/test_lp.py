"""The bound of a linear programme holds wherever the solver ends."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pytest

from releve.cli.plan_text import list_proof_lines
from releve.plan import lp as lp_module
from releve.plan import n1_program, plan_day
from releve.plan.lp import LinearProgram, Solution, SolverError, solve_lp
from tests.plan import tiny_operators
from tests.plan.planner_parts import problem_of, secure_of, sites_of
from tests.plan.shaking import solve_permuted

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
