"""The whole N-1 problem: base placement and the relief of every contingency, as one programme.

People placed on a lost site are exposed: they may work at home only, and a share of them is
isolated. The only link between base and relief is the number of people of each group on the lost
sites. Contingencies that do not depend on the base placement (home carriers) are left out. The
programme is solved again with the vehicles that bind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from releve.kernels.arrays import Floats, Ints, Truths
from releve.network.history_grid import FINE_DECIMALS, GRID_DECIMALS, round_to_grid
from releve.plan.candidate_groups import MergedGroups, keep_groups, merge_groups
from releve.plan.lp import Cut, LinearProgram, Solution, build_cut, solve_lp
from releve.plan.problem import DayProblem
from releve.plan.result import BASE, Contingency
from releve.plan.ride_rows import RideCheck, add_rides
from releve.plan.scenario_lp import (
    ProblemLayout,
    ScenarioBlock,
    add_block,
    add_caps,
    build_layout,
    find_lost_assignments,
    sum_client_requirement,
)
from releve.plan.settings import PlanSettings

KIND_WEIGHT = {"site": 1.0, "named": 0.2}
"""Weight of the worst regret, per kind of scenario that the base plan allows for. Each kind has
its own worst, so that a hopeless named set does not hide the sites. Whole destinations get a relief
but no weight: they would distort the base plan more than all single sites together. The base day
counts with the sites: idle people are not exposed, so without it the safest plan would be to serve
no call today."""
HAIR = 1e-9


@dataclass(frozen=True)
class Exposure:
    """The rows that link each base assignment on a lost site to a relief."""

    assignments: Ints
    group_rows: Ints
    on_rows: Ints


@dataclass(frozen=True)
class N1Day:
    """Where a day stands in a programme: its base block, ``worst`` regret by kind, ``shares`` of a
    client's day missing by scenario, of each ``linked`` contingency its exposure and the columns
    that cost, and the ``blocks`` of base and reliefs."""

    layout: ProblemLayout
    base: ScenarioBlock
    worst: dict[str, int]
    shares: dict[str, Ints]
    linked: list[int]
    exposures: list[Exposure]
    costs: list[Ints]
    blocks: tuple[ScenarioBlock, ...]


def add_n1_day(
    lp: LinearProgram,
    problem: DayProblem,
    contingencies: Sequence[Contingency],
    floors: Floats,
    settings: PlanSettings,
    targets: Floats | None = None,
    price: Floats | None = None,
    *,
    rides: bool = True,
) -> N1Day:
    """Add the columns and rows of a day, base and reliefs, to a programme.

    ``price[j]`` is paid for each person of the base plan, by default that of the problem. ``rides``
    False leaves the vehicles out, so that the caller may add those that bind.
    """
    target = np.full(floors.shape, settings.target) if targets is None else targets
    layout = build_layout(problem)
    base = add_block(
        lp,
        problem,
        layout,
        lost=find_lost_assignments(problem, None),
        price=problem.price if price is None else price,
        shortfall_cost=1.0,
        lower=problem.base_least,
        upper=problem.base_most,
        rides=rides,
    )
    add_caps(lp, problem, layout, base)
    linked = list_linked(contingencies)
    weight = build_shortfall_weights([c.kind for c in contingencies], settings)
    unit = price_client_day(problem, settings)
    kinds = dict.fromkeys(("site", *(contingencies[i].kind for i in linked)))
    worst = {kind: int(lp.columns(1, unit * KIND_WEIGHT[kind])[0]) for kind in kinds}
    shares = {BASE: add_shares(lp, problem, layout, base)}
    add_regret(lp, shares[BASE], floors[0], worst["site"])
    add_target(lp, shares[BASE], floors[0], target[0], unit)
    blocks, exposures, costs = [base], [], []
    for i in linked:
        c = contingencies[i]
        block = add_block(
            lp,
            problem,
            layout,
            lost=find_lost_assignments(problem, c),
            price=np.zeros(len(problem.group)),
            shortfall_cost=weight[c.kind],
            rides=rides,
        )
        blocks.append(block)
        exposures.append(add_exposure(lp, problem, c, base, block, settings.isolated))
        shares[c.id] = add_shares(lp, problem, layout, block)
        add_regret(lp, shares[c.id], floors[1 + i], worst[c.kind])
        above = add_target(lp, shares[c.id], floors[1 + i], target[1 + i], unit * KIND_WEIGHT[c.kind])
        costs.append(np.concatenate([block.u, above]))
    return N1Day(layout, base, worst, shares, linked, exposures, costs, tuple(blocks))


def list_linked(contingencies: Sequence[Contingency]) -> list[int]:
    """Return the contingencies whose relief depends on the base plan."""
    return [i for i, c in enumerate(contingencies) if c.exposed and c.kind in KIND_WEIGHT]


def build_shortfall_weights(kinds: Sequence[str], settings: PlanSettings) -> dict[str, float]:
    """Return the cost of a weighted agent-interval missing under a loss of each kind.

    ``kinds`` of all contingencies: the average over the sites counts, other kinds do not.
    """
    return dict.fromkeys(kinds, 0.0) | {"site": settings.average_weight / max(1, kinds.count("site"))}


def add_exposure(
    lp: LinearProgram,
    problem: DayProblem,
    contingency: Contingency,
    base: ScenarioBlock,
    block: ScenarioBlock,
    isolated: float,
) -> Exposure:
    """Link a relief to the base plan: the people placed on lost sites stay home or are isolated."""
    sites = [m for m, site in enumerate(problem.sites) if site in contingency.sites]
    exposed = np.nonzero(np.isin(problem.place, sites))[0]
    groups = np.unique(problem.group[exposed])
    lp.add(block.group_rows[problem.group[exposed]], base.w[exposed], isolated)
    row_of = np.full(len(problem.size), -1, dtype=np.int64)
    row_of[groups] = lp.rows(len(groups), upper=problem.size[groups].astype(float))
    on_site = np.nonzero((block.w >= 0) & (problem.place != problem.home))[0]
    on_site = on_site[row_of[problem.group[on_site]] >= 0]
    lp.add(row_of[problem.group[on_site]], block.w[on_site])
    lp.add(row_of[problem.group[exposed]], base.w[exposed])
    return Exposure(exposed, block.group_rows[problem.group[exposed]], row_of[problem.group[exposed]])


def price_client_day(problem: DayProblem, settings: PlanSettings) -> float:
    """Return the price of one whole client's day of regret."""
    weighted = problem.weighted_requirement
    return settings.regret_weight * weighted / max(1, len(problem.clients))


def add_shares(lp: LinearProgram, problem: DayProblem, layout: ProblemLayout, block: ScenarioBlock) -> Ints:
    """Add one column per client: the share of its day that is missing in a scenario."""
    total = sum_client_requirement(problem)
    columns = lp.columns(len(total))
    rows = lp.rows(len(total), 0.0, 0.0)
    client = problem.client[layout.cov_p]
    lp.add(rows[client], block.u, 1.0 / total[client])
    lp.add(rows, columns, -1.0)
    return columns


def add_regret(lp: LinearProgram, share: Ints, floor: Floats, worst: int) -> None:
    """Bound each client's share above its floor by the worst regret."""
    rows = lp.rows(len(share), upper=floor + HAIR)
    lp.add(rows, share)
    lp.add(rows, worst, -1.0)


def add_target(lp: LinearProgram, share: Ints, floor: Floats, target: ArrayLike, price: ArrayLike) -> Ints:
    """Price what a client misses above the target (or above its floor, where that is higher)."""
    above = lp.columns(len(share), price)
    rows = lp.rows(len(share), upper=np.maximum(target, floor) + HAIR)
    lp.add(rows, share)
    lp.add(rows, above, -1.0)
    return above


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
    """Solve base and reliefs together; without contingencies, the base day alone.

    ``floors`` and ``targets`` have the shape that :func:`compute_client_floors` returns; without
    ``targets`` the target of the settings applies to all. ``tie_breaker``: an irrational number
    that picks one of the optimal vertices, on a grid of UNIQUE_DECIMALS, whatever the order of rows
    and columns and the solver's path; the bound is then only nearly that of the programme.
    ``rides`` of a plan of the same operator with nearly the same targets saves the solutions that
    found them.
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
    merged, (lp, day, solution), rides = _solve_with_rides(problem, layout, contingencies, solve, rides)
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
    """Solve, add vehicles where the fleet cannot carry the people, and repeat until it can.

    The result is the optimum with the rows of every vehicle, and the parts added (``held[block,
    part]`` to begin with). Most of a fleet binds in few scenarios, and all its rows would be most
    of the programme; what binds a second time is added everywhere. Until a vehicle binds, groups
    that differ by their stop alone are merged.
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


def _spread_people(merged: MergedGroups, contingencies: Sequence[Contingency], solved: _Solved) -> list[Floats]:
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
        share={name: round_to_grid(solution.x[columns], FINE_DECIMALS) for name, columns in day.shares.items()},
        objective=float(round_to_grid(solution.objective)),
        bound=float(round_to_grid(max(0.0, solution.bound))),
        base_penalty=float((missing * merged.full.weight[layout.cov_p]).sum()),
        regret={kind: float(round_to_grid(solution.x[column], FINE_DECIMALS)) for kind, column in day.worst.items()},
        status=solution.status,
        rows=lp.n_rows,
        columns=lp.n_columns,
        nonzeros=lp.matrix().nnz,
        rides=rides,
    )
