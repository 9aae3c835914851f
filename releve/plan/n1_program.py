"""The whole N-1 problem: base placement and the relief of every contingency, chosen together.

One linear programme (:mod:`releve.plan.n1_rows`), solved again with the vehicles that bind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from releve.network.decimal_grid import FINE_DECIMALS, GRID_DECIMALS, round_to_grid
from releve.plan.contingency import Contingency
from releve.plan.cuts import Cut, build_cut
from releve.plan.lp import Floats, LinearProgram, Solution, solve_lp
from releve.plan.merged_groups import MergedGroups, keep_groups, merge_groups
from releve.plan.n1_rows import N1Day, add_n1_day, list_linked
from releve.plan.problem import DayProblem
from releve.plan.ride_columns import Truths
from releve.plan.ride_rows import RideCheck, add_rides
from releve.plan.scenario_lp import (
    ProblemLayout,
    build_layout,
    find_lost_assignments,
)
from releve.plan.settings import PlanSettings

__all__ = ["SecurePlan", "solve_n1_program"]


TIE_COST = 1e-3
"""Largest addition to a cost, in weighted agent-intervals, that decides between equal plans."""
TIE_ROOM = 1e-4
"""Largest widening of a limit, in people, that decides between equal duals."""
UNIQUE_DECIMALS = 3
"""Grid of a plan that serves as a guide for whole people: coarse, so that noise leaves it alone."""


@dataclass(frozen=True)
class SecurePlan:
    """The fractional N-1 plan: ``assigned[j]`` people, ``on_pattern[i]`` of a link on a pattern,
    ``exposure_price[j]`` what one more person there would cost the reliefs (from the duals), the
    least objective (``bound``: what is proved of it) and the worst regret of each kind of
    contingency. ``cuts`` are those of the linked reliefs, ``loss`` counting the contingencies.
    ``share[id][client]`` is the share of a client's day missing in the base plan and
    under each linked contingency. ``rides[block, part]``: where the vehicles of a part of the
    fleet bind, or could."""

    assigned: Floats
    on_pattern: Floats
    exposure_price: Floats
    cuts: tuple[Cut, ...]
    share: dict[str, Floats]
    objective: float
    bound: float
    base_penalty: float
    regret: dict[str, float]
    status: str
    rows: int
    columns: int
    nonzeros: int
    rides: Truths


def solve_n1_program(
    problem: DayProblem,
    contingencies: Sequence[Contingency],
    floors: Floats,
    settings: PlanSettings,
    progress: Callable[[str], None] = lambda message: None,
    targets: Floats | None = None,
    *,
    tie_breaker: float | None = None,
    rides: Truths | None = None,
) -> SecurePlan:
    """Solve base and reliefs together.

    ``floors`` and ``targets`` have the shape that :func:`compute_client_floors` returns; without
    ``targets`` the target of the settings applies to all. Without contingencies this plans the base
    day alone.

    ``tie_breaker``: of the many optima take the vertex that this irrational number picks, on a grid
    of UNIQUE_DECIMALS. Neither the order of rows and columns nor the solver's path has a part in
    it; its bound is only nearly that of the programme. ``rides`` of a plan of the same operator
    with nearly the same targets saves the solutions that found where its vehicles bind.
    """
    # People, agents, shares: some optimum has no column above all people at their most effective.
    everyone = float(problem.size.sum()) * max(1.0, float(problem.efficiency.max(initial=1.0)))
    unique = tie_breaker is not None

    def solve(merged: MergedGroups, held: Truths) -> tuple[LinearProgram, N1Day, Solution]:
        lp = LinearProgram()
        day = add_n1_day(lp, merged.problem, contingencies, floors, settings, targets, rides=False)
        if tie_breaker is not None:
            lp.break_ties(TIE_COST, TIE_ROOM, tie_breaker)
        for block, parts in zip(day.blocks, held, strict=True):
            if day.layout.rides is not None and parts.any():
                add_rides(lp, day.layout.rides, block.w, parts)
        most = max(1.0, everyone)
        found = solve_lp(lp, method="ipm", crossover=unique, most=most, progress=progress)
        return lp, day, found

    layout = build_layout(problem)
    if rides is None:
        rides = _guess_rides(problem, layout, contingencies, floors, settings, targets)
    merged, (lp, day, solution), rides = _solve_with_rides(
        problem, layout, contingencies, solve, rides
    )
    price = np.zeros(len(merged.problem.group))
    cuts = []
    for i, exposure, columns in zip(day.linked, day.exposures, day.costs, strict=True):
        dual = settings.isolated * solution.row_dual[exposure.group_rows]
        dual = dual + solution.row_dual[exposure.on_rows]
        price[exposure.assignments] -= dual
        cost = float((lp.cost()[columns] * solution.x[columns]).sum())
        exposed = solution.x[day.base.w[exposure.assignments]]
        slope = np.zeros(len(merged.problem.size))
        slope[merged.problem.group[exposure.assignments]] = np.maximum(0.0, -dual)
        cut = build_cut(merged.problem, i, cost, slope, exposure.assignments, exposed)
        cuts.append(replace(cut, slope=cut.slope[merged.group]))
    return _read_secure_plan(
        lp, merged, day, solution, np.maximum(0.0, price), tuple(cuts),
        UNIQUE_DECIMALS if unique else GRID_DECIMALS, rides,
    )  # fmt: skip


def _guess_rides(
    problem: DayProblem,
    layout: ProblemLayout,
    contingencies: Sequence[Contingency],
    floors: Floats,
    settings: PlanSettings,
    targets: Floats | None,
) -> Truths:
    """Return ``rides[block, part]``: every block, where the base day alone overloads that part."""
    rides, linked = layout.rides, list_linked(contingencies)
    parts = np.zeros(0 if rides is None else len(rides.pool_part), dtype=np.bool_)
    if rides is not None and len(rides.runs.wave) and linked:
        lp = LinearProgram()
        base_targets = None if targets is None else targets[:1]
        alone = add_n1_day(lp, problem, (), floors[:1], settings, base_targets, rides=False)
        x = solve_lp(lp, method="ipm", crossover=False).x
        parts = RideCheck(rides).find_overloaded(x[alone.base.w])
    return np.broadcast_to(parts, (1 + len(linked), len(parts)))


_Solved = tuple[LinearProgram, N1Day, Solution]


def _solve_with_rides(
    problem: DayProblem,
    layout: ProblemLayout,
    contingencies: Sequence[Contingency],
    solve: Callable[[MergedGroups, Truths], _Solved],
    held: Truths,
) -> tuple[MergedGroups, _Solved, Truths]:
    """Solve, add the vehicles of those scenarios and parts of the fleet that cannot carry their
    people, and solve again until all can: the optimum with the rows of every vehicle. Return it and
    what was added, ``held[block, part]`` to begin with.

    Most of a fleet binds in few scenarios, and the rows of all are most of the programme. What
    binds somewhere a second time is added everywhere. Until a vehicle binds, groups that only a
    stop tells apart are one.
    """
    rides, first = layout.rides, True
    check = None if rides is None or not len(rides.runs.wave) else RideCheck(rides)
    while True:
        merged = keep_groups(problem) if held.any() else merge_groups(problem, rides)
        solved = solve(merged, held)
        if check is None:
            return merged, solved, held
        people = _spread_people(merged, contingencies, solved)
        over = np.array([check.find_overloaded(one) for one in people]) & ~held
        if not over.any():
            return merged, solved, held
        held = held | (over if first else over.any(axis=0))
        first = False


def _spread_people(
    merged: MergedGroups, contingencies: Sequence[Contingency], solved: _Solved
) -> list[Floats]:
    """Return people[j] of the full problem in the base plan and in each linked relief."""
    full, (_, day, solution) = merged.full, solved
    placed = [np.where(block.w >= 0, solution.x[block.w], 0.0) for block in day.blocks]
    base = merged.spread_in_turn(placed[0])
    out = [base]
    for i, people in zip(day.linked, placed[1:], strict=True):
        lost = find_lost_assignments(full, contingencies[i]) & (full.place != full.home)
        exposed = np.bincount(full.group[lost], base[lost], len(full.size))
        out.append(merged.spread_evenly(people, np.maximum(0.0, full.size - exposed)))
    return out


def _read_secure_plan(
    lp: LinearProgram,
    merged: MergedGroups,
    day: N1Day,
    solution: Solution,
    exposure_price: Floats,
    cuts: tuple[Cut, ...],
    decimals: int,
    rides: Truths,
) -> SecurePlan:
    layout, base = day.layout, day.base
    missing = solution.x[base.u]
    assigned = merged.spread_in_turn(np.maximum(0.0, solution.x[base.w]))
    return SecurePlan(
        assigned=round_to_grid(assigned, decimals),
        on_pattern=round_to_grid(np.maximum(0.0, solution.x[base.y]), decimals),
        exposure_price=round_to_grid(exposure_price, decimals)[merged.assignment],
        cuts=cuts,
        share={
            name: round_to_grid(solution.x[columns], FINE_DECIMALS)
            for name, columns in day.shares.items()
        },
        objective=float(round_to_grid(solution.objective)),
        bound=float(round_to_grid(max(0.0, solution.bound))),
        base_penalty=float((missing * merged.full.weight[layout.cov_p]).sum()),
        regret={
            kind: float(round_to_grid(solution.x[column], FINE_DECIMALS))
            for kind, column in day.worst.items()
        },
        status=solution.status,
        rows=lp.n_rows,
        columns=lp.n_columns,
        nonzeros=lp.matrix().nnz,
        rides=rides,
    )
