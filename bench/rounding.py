"""``python -m bench.rounding [--operators N] [--shakes K]``: whole people beside their bound.

A row an operator: how far the objective is above its bound, as a share of the weighted requirement,
with the reliefs in fractions and with them in whole people; the clients that miss a target which
fractions hold; and how far the best and the worst are apart when the fractional optimum is shaken:
by noise of 1e-6, and by other points of its optimal face (rows and columns in another order).
"""

from __future__ import annotations

from dataclasses import dataclass

import click
import numpy as np

from releve.network import Operator
from releve.network.sample import FIRST_DAY, sample_operator
from releve.plan import PlanSettings, solve_day
from releve.plan.integer_problem import IntegerProblem
from releve.plan.week import require_day
from tests.plan.planner_parts import SPREAD, shaken

AGENTS = (200, 200, 250, 250, 300, 300, 350, 350, 400, 400, 450, 500, 500, 550, 600, 600, 700, 800, 900, 1000)


@dataclass(frozen=True)
class Found:
    """One plan: shares of the weighted requirement above the bound, and targets missed."""

    objective: float
    in_people: float
    missed: int


def plan_once(operator: Operator) -> Found:
    """Plan the first day and measure it."""
    settings = PlanSettings()
    planning = solve_day(operator, require_day(operator, FIRST_DAY), settings).planning
    case = IntegerProblem(
        planning.problem, planning.layout, planning.contingencies, planning.floors, planning.secure, settings
    )
    reliefs = dict(enumerate(planning.reliefs))
    whole, bound = planning.problem.weighted_requirement, planning.secure.bound
    return Found(
        (planning.objective - bound) / whole,
        (case.compute_objective_in_people(planning.base, reliefs) - bound) / whole,
        sum(case.count_missed_targets(i, relief) for i, relief in reliefs.items()),
    )


@click.command()
@click.option("--operators", default=20, show_default=True, type=click.IntRange(1, len(AGENTS)))
@click.option("--shakes", default=5, show_default=True, type=click.IntRange(2))
def main(operators: int, shakes: int) -> None:
    """Print the table."""
    print(f"{'operator':<18} {'objective':>10} {'spread':>8} {'in people':>10} {'spread':>8} missed")
    rows: list[list[Found]] = []
    for seed, agents in enumerate(AGENTS[:operators], start=1):
        operator = sample_operator(agents, 4 + (seed - 1) % 4, seed, weeks_of_history=4)
        found = [plan_once(operator)]
        for shake in range(1, shakes):
            with shaken(shake, permuted=bool(shake % 2)):
                found.append(plan_once(operator))
        rows.append(found)
        print(f"{agents:>5} agents, {seed:<3}  {_row(found)}", flush=True)
    medians = [float(np.median([one.objective for one in found])) for found in rows]
    spreads = [_spread([one.objective for one in found]) for found in rows]
    print(
        f"median gap {np.median(medians):.5f}, worst {max(medians):.5f}; spread at most"
        f" {max(spreads):.5f}, {sum(spread <= SPREAD for spread in spreads)} of {len(rows)} within"
        f" {SPREAD}"
    )


def _spread(values: list[float]) -> float:
    return max(values) - min(values)


def _row(found: list[Found]) -> str:
    objective, people = ([getattr(one, name) for one in found] for name in ("objective", "in_people"))
    missed = " ".join(str(one.missed) for one in found)
    return (
        f"{np.median(objective):>10.5f} {_spread(objective):>8.5f}"
        f" {np.median(people):>10.5f} {_spread(people):>8.5f} {missed}"
    )


if __name__ == "__main__":
    main()
