"""The relief of one contingency for a given base plan in whole people.

People placed on a lost site are exposed: a share of them is isolated, the others may work at home
only. Everyone else may change place and programme, each change at a price.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from releve.kernels.arrays import Floats, Ints, Truths
from releve.network.history_grid import round_to_grid
from releve.plan.integer_plan import IntegerGoal, IntegerPlan, find_routed_plan, reduce_moves
from releve.plan.lp import LinearProgram, Solution, solve_lp
from releve.plan.n1_program import add_shares, add_target
from releve.plan.problem import DayProblem
from releve.plan.result import Contingency
from releve.plan.ride_rows import find_ride_rooms
from releve.plan.scenario_lp import (
    ProblemLayout,
    ScenarioBlock,
    add_block,
    build_layout,
    find_lost_assignments,
    sum_by_client,
    sum_client_requirement,
)

REGRET_WEIGHT = 20.0
"""Cost of regret above the limit, times the weighted requirement of an average client."""
BREAK_SHARE = 0.25
"""Price of a break at another time under a relief, as a share of the price of a move: it is worth less
than a move, and people have to know of it too."""


@dataclass(frozen=True)
class Staff:
    """Who is left: ``available[g]``, ``onsite[g]`` of them on a site, ``isolated[j]`` of
    the people of a base assignment, ``kept[j]`` people whose base assignment stands, ``lost[j]``
    assignments that are gone.
    ``bound``: the people of a lost site are exposed."""

    available: Ints
    onsite: Ints
    isolated: Ints
    kept: Ints
    lost: Truths
    bound: bool


@dataclass(frozen=True, slots=True)
class SearchEffort:
    """How hard a relief in whole people is looked for.

    ``rounds`` of exchanges per person, that may cost up to ``threshold`` at first; ``tries`` to
    serve clients that miss by less than ``near`` of their day.
    """

    rounds: int
    threshold: float
    tries: int
    near: float


QUICK = SearchEffort(rounds=2, threshold=0.0, tries=3, near=0.003)
THOROUGH = SearchEffort(rounds=6, threshold=5.0, tries=4, near=1.0)
BELOW = 0.0015
"""How much further than what it missed a client's aim is lowered, as a share of its day."""


@dataclass(frozen=True)
class SolvedRelief:
    """A relief in whole people, the least penalty of a fractional one, and the riders that each
    ride row may have."""

    plan: IntegerPlan
    staff: Staff
    lp_penalty: float
    lp_missing: Floats
    rooms: Ints | None = None


def find_available_staff(problem: DayProblem, contingency: Contingency, assigned: Ints, isolated: float) -> Staff:
    """Return who is left of a base plan under a contingency.

    The isolated of a site are floor(share x its people), spread evenly over its groups.
    """
    lost = find_lost_assignments(problem, contingency)
    kept = np.where(lost, 0, assigned)
    isolated_at = np.zeros(len(assigned), dtype=np.int64)
    exposed = np.zeros(len(problem.size), dtype=np.int64)
    if contingency.exposed:
        for m, site in enumerate(problem.sites):
            if site in contingency.sites:
                here = np.nonzero(problem.place == m)[0]
                running = np.floor(np.cumsum(assigned[here]) * isolated + 1e-9).astype(np.int64)
                isolated_at[here] = np.diff(running, prepend=0)
                np.add.at(exposed, problem.group[here], assigned[here])
    gone = np.zeros(len(problem.size), dtype=np.int64)
    np.add.at(gone, problem.group, isolated_at)
    return Staff(problem.size - gone, problem.size - exposed, isolated_at, kept, lost, contingency.exposed)


def compute_exact_available(problem: DayProblem, staff: Staff, isolated: float) -> Floats:
    """Return available[g] people of each group, the exact share of the exposed isolated."""
    return np.asarray(problem.size - isolated * (problem.size - staff.onsite))


def build_relief_program(
    problem: DayProblem,
    layout: ProblemLayout,
    staff: Staff,
    limit: Floats,
    move_price: float,
    available: Floats | None = None,
) -> tuple[LinearProgram, ScenarioBlock]:
    """Return the linear programme of a relief.

    ``limit[client]`` is the share of its day a client may miss; more is dear. ``available[g]``
    people, in fractions, take the place of the staff's whole ones.
    """
    lp = LinearProgram()
    block = add_block(lp, problem, layout, lost=staff.lost, price=problem.price * 0.01, shortfall_cost=1.0)
    left = staff.available.astype(float) if available is None else available
    limit_staff(lp, problem, block, staff, left)
    # people above those who were there before pay the price of a move
    columns = np.nonzero(block.w >= 0)[0]
    moved = lp.columns(len(columns), move_price)
    rows = lp.rows(len(columns), upper=staff.kept[columns].astype(float))
    lp.add(rows, block.w[columns])
    lp.add(rows, moved, -1.0)
    share = add_shares(lp, problem, layout, block)
    add_target(lp, share, limit, 0.0, price_excess(problem) * sum_client_requirement(problem))
    return lp, block


def limit_staff(
    lp: LinearProgram,
    problem: DayProblem,
    block: ScenarioBlock,
    staff: Staff,
    available: Floats,
    groups: Ints | None = None,
) -> tuple[Ints, Ints]:
    """Keep each group's people within who is ``available[g]`` and who can work on a site.

    Return the rows of the people on sites and of all people, one of each for each of ``groups``
    (by default the groups that lack people).
    """
    kept = np.nonzero(block.w >= 0)[0]
    on_site = kept[problem.place[kept] != problem.home]
    bound = np.nonzero(staff.onsite < problem.size)[0] if groups is None else groups
    gone = np.nonzero(available < problem.size)[0] if groups is None else groups
    return (
        _add_limit(lp, problem, block, on_site, bound, staff.onsite.astype(float)),
        _add_limit(lp, problem, block, kept, gone, available),
    )


def _add_limit(
    lp: LinearProgram, problem: DayProblem, block: ScenarioBlock, counted: Ints, groups: Ints, most: Floats
) -> Ints:
    """Keep the people of ``groups`` on the assignments ``counted`` within ``most[g]``."""
    rows = lp.rows(len(groups), upper=most[groups])
    row_of = np.full(len(problem.size), -1, dtype=np.int64)
    row_of[groups] = rows
    here = counted[row_of[problem.group[counted]] >= 0]
    lp.add(row_of[problem.group[here]], block.w[here])
    return rows


def solve_relief(
    problem: DayProblem,
    layout: ProblemLayout,
    contingency: Contingency,
    base: IntegerPlan,
    *,
    limit: Floats,
    isolated: float,
    move_price: float,
    target: float,
    aim: Floats | None = None,
    dearer: float = 1.0,
    effort: SearchEffort = QUICK,
    tolerance: float = 0.0,
) -> SolvedRelief:
    """Solve the relief of a contingency, first in fractions, then in whole people.

    ``limit[client]`` is the share of its day a client may miss: the ``target``, or more where
    fractions cannot avoid it; ``aim[client]``, no more than that, is planned for. Without exposed
    people (a carrier) the relief restores what the base plan covered and does not improve on it. In
    fractions the exact share of the exposed is isolated, as in the N-1 programme; in whole people
    the share is rounded down per site. On a second try for clients that still miss, a miss costs
    whole people ``dearer`` times as much: at the usual price it costs a hair less than the person
    who mends it. Within ``tolerance`` of a client's day fewer people are moved
    (:func:`~releve.plan.integer_plan.reduce_moves`).
    """
    staff = find_available_staff(problem, contingency, base.assigned, isolated)
    if not contingency.exposed:
        if not base.assigned[staff.lost].any():
            return SolvedRelief(base, staff, base.penalty, problem.required - base.count_covered(problem))
        return _restore_covered(problem, base, staff, limit, move_price, tolerance)
    exact = compute_exact_available(problem, staff, isolated)
    aim = limit if aim is None else aim
    return _retry_near_misses(
        problem, layout, staff, base, limit, aim, move_price, target, exact, dearer, effort, tolerance
    )


def _retry_near_misses(
    problem: DayProblem,
    layout: ProblemLayout,
    staff: Staff,
    base: IntegerPlan,
    limit: Floats,
    aim: Floats,
    move_price: float,
    target: float,
    available: Floats,
    dearer: float,
    effort: SearchEffort,
    tolerance: float,
) -> SolvedRelief:
    """Solve a relief, and again for clients that whole people miss.

    The second try aims at the limit itself where the first aimed lower, then lower for near misses.
    Kept beside the fractions of the first is the best in whole people: the fewest clients above the
    target, then the least above the limits.
    """

    def rank(relief: SolvedRelief) -> tuple[int, float]:
        over = _measure_excess(problem, relief, limit)
        return int((over[limit <= target] > 0).sum()), float(over.sum())

    tried: list[tuple[SolvedRelief, IntegerGoal]] = []
    lower = bool((aim < limit - 1e-9).any())
    for turn in range(effort.tries + lower):
        lp, block = build_relief_program(problem, layout, staff, aim, move_price, available)
        solution = solve_lp(lp, method="ipm", crossover=False)
        tried.append(
            round_relief(
                problem, layout, staff, block, solution, base.on_pattern, aim, move_price,
                dearer if turn else 1.0, effort, tried[0][0].rooms if tried else None,
            )
        )  # fmt: skip
        best, goal = min(tried, key=lambda one: rank(one[0]))
        over = _measure_excess(problem, best, limit)
        if lower and turn == 0 and over.any():
            aim = limit
            continue
        near = (over > 0) & (over < effort.near)
        if not near.any():
            break
        aim = np.where(near, np.maximum(0.0, aim - over - BELOW), aim)
    plan, first = reduce_moves(problem, layout, goal, best.plan, limit, tolerance), tried[0][0]
    return replace(best, plan=plan, lp_penalty=first.lp_penalty, lp_missing=first.lp_missing)


def _measure_excess(problem: DayProblem, relief: SolvedRelief, limit: Floats) -> Floats:
    """Return how far each client misses more than ``limit[client]``, in shares of its day."""
    share = relief.plan.missing / sum_client_requirement(problem)
    return np.maximum(0.0, share - limit - 1e-9)


def _restore_covered(
    problem: DayProblem, base: IntegerPlan, staff: Staff, limit: Floats, move_price: float, tolerance: float
) -> SolvedRelief:
    """Solve a relief for what the base plan covered, and judge it by the whole requirement."""
    covered = base.count_covered(problem)
    part = replace(problem, required=covered)
    layout = build_layout(part)
    missing = sum_by_client(problem, problem.required - covered) / sum_client_requirement(problem)
    room = np.maximum(0.0, limit - missing)
    lp, block = build_relief_program(part, layout, staff, room, move_price)
    solution = solve_lp(lp, method="ipm", crossover=False)
    found, goal = round_relief(part, layout, staff, block, solution, base.on_pattern, room, move_price)
    fewer = reduce_moves(part, layout, goal, found.plan, room, tolerance)
    short = np.maximum(0.0, problem.required - fewer.placed)
    lp_missing = found.lp_missing + problem.required - covered
    plan = replace(fewer, penalty=problem.penalty(short), missing=sum_by_client(problem, short))
    return SolvedRelief(plan, staff, problem.penalty(lp_missing), lp_missing)


def round_relief(
    problem: DayProblem,
    layout: ProblemLayout,
    staff: Staff,
    block: ScenarioBlock,
    solution: Solution,
    on_pattern: Ints,
    limit: Floats,
    move_price: float,
    dearer: float = 1.0,
    effort: SearchEffort = QUICK,
    rooms: Ints | None = None,
) -> tuple[SolvedRelief, IntegerGoal]:
    """Return a fractional relief in whole people, and the goal that they were placed for.

    A miss costs ``dearer`` times as much as in fractions. ``rooms`` riders of each ride row at most, by default
    what runs for the fractions carry.
    """
    people = round_to_grid(solution.x)
    if rooms is None and layout.rides is not None:
        rooms = find_ride_rooms(layout.rides, read_columns(people, block.w))
    keep = list_kept_breaks(problem, layout, staff, on_pattern)
    want = IntegerGoal(
        allowed=~staff.lost,
        price=problem.price * 0.01,
        stay=staff.kept,
        available=staff.available,
        onsite=staff.onsite,
        limit=limit * sum_client_requirement(problem),
        move_price=np.full(len(problem.group), move_price),
        excess=dearer * price_excess(problem),
        capped=False,
        rounds=effort.rounds,
        threshold=effort.threshold,
        rooms=rooms,
        keep=keep,
        break_price=BREAK_SHARE * move_price,
    )
    breaks = _spread_breaks(problem, layout, keep, read_columns(people, block.y))
    plan = find_routed_plan(problem, layout, want, read_columns(people, block.w), breaks)
    missing = np.zeros_like(problem.required)
    missing[layout.cov_t, layout.cov_p] = people[block.u]
    penalty = problem.penalty(missing)
    return SolvedRelief(plan=plan, staff=staff, lp_penalty=penalty, lp_missing=missing, rooms=rooms), want


def price_excess(problem: DayProblem) -> Floats:
    """Return the price of a missing agent-interval of each client above its limit."""
    average = problem.weighted_requirement / max(1, len(problem.clients))
    return np.asarray(REGRET_WEIGHT * average / sum_client_requirement(problem))


def list_kept_breaks(problem: DayProblem, layout: ProblemLayout, staff: Staff, on_pattern: Ints) -> Ints:
    """Return the people per slot before a loss, without those of the links that are gone."""
    gone = np.zeros(len(problem.link_class), dtype=np.bool_)
    gone[problem.link[staff.lost]] = True
    return np.where(gone[layout.y_link], 0, on_pattern)


def _spread_breaks(problem: DayProblem, layout: ProblemLayout, keep: Ints, wanted: Floats) -> Floats:
    """Return people per slot that keep the breaks of those who stay.

    Where a link has no more people than before, its old breaks in proportion; else the old breaks
    and the newcomers on the breaks the linear relief wants most beyond them.
    """
    before = keep.astype(float)
    links = len(problem.link_class)
    old = np.bincount(layout.y_link, weights=before, minlength=links)
    new = np.bincount(layout.y_link, weights=wanted, minlength=links)
    beyond = np.maximum(0.0, wanted - before)
    spread = np.bincount(layout.y_link, weights=beyond, minlength=links)
    fewer = np.where(old > 0, np.minimum(1.0, new / np.maximum(old, 1e-9)), 0.0)
    more = np.maximum(0.0, new - old) / np.maximum(spread, 1e-9)
    return np.asarray(before * fewer[layout.y_link] + beyond * more[layout.y_link])


def read_columns(x: Floats, columns: Ints) -> Floats:
    """Return the values of columns, 0 where there is none (-1)."""
    return np.where(columns >= 0, x[np.maximum(columns, 0)], 0.0)
