"""The planner's own pieces for a case, its optimum shaken, and a running day judged person by person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache

import numpy as np
from numpy.typing import NDArray

from releve.demand.requirement import Requirement
from releve.network import Duty, DutyPeriod, Operator, Shift, find_site_seats, to_utc
from releve.network.sample import FIRST_DAY, sample_operator
from releve.plan import Contingency, Placement, Plan, PlanSettings, list_contingencies, n1_program, plan_day
from releve.plan.intraday_relief import IntradayRelief
from releve.plan.lp import LinearProgram, Solution, solve_lp
from releve.plan.n1_program import KIND_WEIGHT, SecurePlan, solve_n1_program
from releve.plan.planner import count_seats_to_fill
from releve.plan.problem import DayProblem, build_day_problem
from releve.plan.roster import list_break_patterns
from releve.plan.scenario_lp import compute_client_floors
from releve.plan.week import require_day
from tests.plan import oracle_rules as rules
from tests.plan.checker_plans import sum_prices
from tests.plan.oracle_rules import Break, Floats
from tests.plan.oracle_whole import best_whole
from tests.plan.textbook import Aims, Textbook, regret_price, textbook_floors, textbook_whole
from tests.plan.tiny_operators import HALF_HOUR, Tiny


def own_breaks(shift: Shift) -> Sequence[Break]:
    """Return the breaks that the planner tries in a shift."""
    return [
        None if row.break_start is None or row.break_end is None else (row.break_start, row.break_end)
        for row in list_break_patterns(Duty(shift.agent, (DutyPeriod(shift.start, shift.end, shift.break_minutes),)))
    ]


def aims_of(case: Tiny) -> Aims:
    """Return what the product's programme counts; the weights are parameters, not rules."""
    return Aims(KIND_WEIGHT, case.settings.target, 0.0)


def linked(case: Tiny) -> tuple[Contingency, ...]:
    """Return the contingencies that the base plan is made for: those that expose people."""
    listed = list_contingencies(case.operator)
    return tuple(row for row in listed if row.exposed and row.kind in KIND_WEIGHT)


def sites_of(case: Tiny) -> tuple[Contingency, ...]:
    return tuple(row for row in list_contingencies(case.operator) if row.kind == "site")


def problem_of(case: Tiny) -> DayProblem:
    seats = find_site_seats(case.operator, case.requirement.day)
    room = count_seats_to_fill(case.operator, case.requirement, seats)
    return build_day_problem(case.operator, case.requirement, room, case.settings)


def secure_of(case: Tiny, listed: Sequence[Contingency]) -> SecurePlan:
    """Return the product's fractional plan for the contingencies listed."""
    problem = problem_of(case)
    return solve_n1_program(problem, listed, compute_client_floors(problem, listed), case.settings)


def textbook_of(case: Tiny, listed: Sequence[Contingency]) -> Textbook:
    """Return the optimum of the same programme in its textbook form, floors included."""
    floors = textbook_floors(case, [None, *listed], breaks=own_breaks)
    return textbook_whole(case, floors[1:], listed, breaks=own_breaks, base_regret=floors[0], aims=aims_of(case))


def team_of(plan: Plan, scenario: str) -> list[Placement]:
    """Return who works in a scenario: the base placements with its moves made."""
    moved = {move.agent: move.after for move in plan.scenarios[scenario].moves}
    stay = [row for row in plan.placements if row.agent not in moved]
    return stay + [row for row in moved.values() if row is not None]


def value_of(case: Tiny, plan: Plan, listed: Sequence[Contingency], floors: Floats) -> float:
    """Return what a plan costs in whole people, reliefs included, by the oracles' count.

    ``listed`` are site contingencies; ``floors[0]`` of the base plan, ``floors[1 + i]`` of each.
    """
    unit, target = regret_price(case), case.settings.target
    teams = [plan.placements, *(team_of(plan, lost.id) for lost in listed)]
    shares = np.array([list(rules.shortfalls(case, team).values()) for team in teams])
    reliefs = [rules.penalty_of(case, team) for team in teams[1:]]
    return float(
        rules.penalty_of(case, plan.placements)
        + sum_prices(case, plan.placements)
        + unit * np.maximum(0.0, shares - floors).max()
        + unit * np.maximum(0.0, shares - np.maximum(target, floors)).sum()
        + case.settings.average_weight * sum(reliefs) / max(1, len(reliefs))
    )


def least_of(case: Tiny, listed: Sequence[Contingency], floors: Floats) -> float:
    """Return the least that any plan of whole people costs: every one is tried."""
    return best_whole(
        case, floors[1:], listed, breaks=own_breaks, base_regret=floors[0], target=case.settings.target
    ).objective


def tie_room(case: Tiny) -> float:
    """Return how far below the programme's optimum the solver's tolerance may leave a value."""
    return 1e-6 * max(1, len(case.operator.agents))


def floors_of(case: Tiny, listed: Sequence[Contingency]) -> Floats:
    return np.asarray(compute_client_floors(problem_of(case), listed))


NOISE = 1e-6
SPREAD = 0.0003
"""How far apart the best and the worst plan of one operator may be, as a share of the weighted
requirement, when the fractional optimum is shaken."""


def solve_permuted(lp: LinearProgram, rng: np.random.Generator, **given: object) -> Solution:
    """Solve a programme with rows and columns in a random order; the solution is in its own."""
    columns, rows = rng.permutation(lp.n_columns), rng.permutation(lp.n_rows)
    entries = lp.matrix().tocsr()[rows][:, columns].tocoo()
    (lower, upper), (least, most) = lp.column_bounds(), lp.row_bounds()
    other = LinearProgram()
    other.columns(lp.n_columns, lp.cost()[columns], lower[columns], upper[columns])
    other.rows(lp.n_rows, least[rows], most[rows])
    other.add(entries.row, entries.col, entries.data)
    found = solve_lp(other, **given)  # type: ignore[arg-type]
    x, dual = np.empty(lp.n_columns), np.empty(lp.n_rows)
    x[columns], dual[rows] = found.x, found.row_dual
    return replace(found, x=x, row_dual=dual)


@contextmanager
def shaken(seed: int, *, permuted: bool = True) -> Iterator[None]:
    """Add noise to the solution of the N-1 programme: NOISE of a person, and less to what is less.

    ``permuted`` also solves it with rows and columns in another order, which finds another point
    of the optimal face.
    """

    def solve_shaken(lp: LinearProgram, **given: object) -> Solution:
        rng = np.random.default_rng(seed)
        found = solve_permuted(lp, rng, **given) if permuted else solve_lp(lp, **given)  # type: ignore[arg-type]
        noise = rng.uniform(-NOISE, NOISE, len(found.x)) * np.minimum(1.0, found.x)
        return replace(found, x=found.x + noise)

    n1_program.solve_lp = solve_shaken  # type: ignore[attr-defined]
    try:
        yield
    finally:
        n1_program.solve_lp = solve_lp  # type: ignore[attr-defined]


@cache
def running_day(agents: int, seed: int = 1) -> tuple[Tiny, Plan]:
    """Return a sample operator of four sites with its plan against the loss of a site."""
    operator = sample_operator(agents, 4, seed, weeks_of_history=4)
    case = Tiny(operator, require_day(operator, FIRST_DAY), PlanSettings())
    return case, plan_case(case)


def plan_case(case: Tiny) -> Plan:
    """Return the plan of a case, with the relief of each site."""
    return plan_day(case.operator, case.requirement, case.settings, contingencies=list_site_losses(case.operator))


def list_site_losses(operator: Operator) -> tuple[Contingency, ...]:
    return tuple(one for one in list_contingencies(operator) if one.kind == "site")


def clock(case: Tiny, text: str) -> datetime:
    """Return a local time of the planned day in UTC."""
    local = datetime.fromisoformat(f"{case.requirement.day}T{text}")
    return to_utc(local, case.operator.row.time_zone)


def clip_placement(row: Placement, when: datetime) -> Placement:
    """Return what is left of a placement from an instant on."""
    start = max(row.start, when)
    if row.break_start is None or row.break_end is None or row.break_end <= start:
        return replace(row, start=start, break_start=None, break_end=None)
    return replace(row, start=start, break_start=max(row.break_start, start))


def list_running(plan: Plan, when: datetime) -> dict[str, Placement]:
    """Return what is left of the base plan, by agent."""
    return {row.agent: clip_placement(row, when) for row in plan.placements if row.end > when}


def apply_relief(plan: Plan, when: datetime, found: IntradayRelief) -> dict[str, Placement]:
    """Return who works where after the moves, by agent."""
    at = list_running(plan, when)
    for move in found.moves:
        at.pop(move.agent, None)
        if move.after is not None:
            at[move.agent] = move.after
    return at


def people_on(need: Requirement, rows: dict[str, Placement], when: datetime) -> Counter[tuple[datetime, str]]:
    """Count people present by (remaining half hour, place)."""
    count: Counter[tuple[datetime, str]] = Counter()
    for start in need.starts:
        if start + HALF_HOUR <= when:
            continue
        for row in rows.values():
            if row.start < start + HALF_HOUR and row.end > start:
                count[start, row.place] += 1
    return count


def count_missing(case: Tiny, rows: dict[str, Placement], when: datetime) -> NDArray[np.float64]:
    """Return the missing agents ``[interval, programme]`` from an instant on."""
    placed = rules.placed_by(case, rows.values())
    left = np.array([start >= when for start in case.requirement.starts])
    short = np.maximum(0.0, np.nan_to_num(case.requirement.agents) - placed)
    return np.asarray(short * left[:, None])


def find_delay(before: Placement | None, after: Placement) -> timedelta:
    """Return how long the move takes by the default delays."""
    if before is not None and before.place == after.place:
        return timedelta()
    return timedelta(minutes=90 if after.place == "home" else 120)
