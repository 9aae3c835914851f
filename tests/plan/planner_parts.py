"""The planner's own pieces for a case, and the same questions put to the oracles."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from releve.network import Shift, find_site_seats
from releve.plan.n1_program import KIND_WEIGHT, SecurePlan, solve_n1_program
from releve.plan.planner import count_seats_to_fill
from releve.plan.problem import DayProblem, build_day_problem
from releve.plan.result import Contingency, Placement, Plan, list_contingencies
from releve.plan.roster import list_break_patterns
from releve.plan.scenario_lp import compute_client_floors
from tests.plan import oracle_rules as rules
from tests.plan.checker_plans import sum_prices
from tests.plan.oracle_rules import Break, Floats
from tests.plan.oracle_whole import best_whole
from tests.plan.textbook import Aims, Textbook, regret_price, textbook_floors, textbook_whole
from tests.plan.tiny_operators import Tiny


def own_breaks(shift: Shift) -> Sequence[Break]:
    """Return the breaks that the planner tries in a shift."""
    return [
        None if row.break_start is None or row.break_end is None else (row.break_start, row.break_end)
        for row in list_break_patterns(shift)
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
