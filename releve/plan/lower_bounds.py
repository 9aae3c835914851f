"""Lower bounds of shortfall: what a client would miss if it had all agents to itself.

Regret is measured above this floor. Without it, a client that works on a single site would set the
worst case to its own total loss, and no other client would be protected.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from releve.plan.contingency import Contingency
from releve.plan.lp import Floats, LinearProgram, solve_lp
from releve.plan.problem import DayProblem
from releve.plan.scenario_lp import Truths, add_block, build_layout, find_lost_assignments

__all__ = ["compute_client_floors", "select_client", "sum_by_client", "sum_client_requirement"]


def sum_by_client(problem: DayProblem, amount: Floats) -> Floats:
    """Return the sum over intervals and programmes of ``amount[t, p]`` for each client."""
    out = np.zeros(len(problem.clients))
    np.add.at(out, problem.client, amount.sum(axis=0))
    return out


def sum_client_requirement(problem: DayProblem) -> Floats:
    """Return the required agent-intervals of each client, at least 1 (so that shares exist)."""
    return np.maximum(1.0, sum_by_client(problem, problem.required))


def select_client(problem: DayProblem, client: int) -> tuple[DayProblem, Truths]:
    """Return the problem of one client alone, and which assignments it kept.

    It has no vehicles to share: a floor counts all who could come, so it is one with any fleet.
    """
    kept = problem.client[problem.programme] == client
    links, link = np.unique(problem.link[kept], return_inverse=True)
    mine = problem.client == client
    part = replace(
        problem,
        group=problem.group[kept],
        place=problem.place[kept],
        programme=problem.programme[kept],
        price=np.zeros(int(kept.sum())),
        link=link.astype(np.int64),
        link_class=problem.link_class[links],
        link_place=problem.link_place[links],
        link_programme=problem.link_programme[links],
        required=np.where(mine, problem.required, 0.0),
        weight=np.ones_like(problem.weight),
        fleet=None,
    )
    return part, kept


def compute_client_floors(
    problem: DayProblem,
    contingencies: Sequence[Contingency],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Floats:
    """Return floor[contingency, client], shares of the client's required agent-intervals.

    Row 0 is of the day on which nothing is lost; row 1 + i of ``contingencies[i]``.
    """
    lost = [find_lost_assignments(problem, c) for c in (None, *contingencies)]
    total = sum_client_requirement(problem)
    floors = np.zeros((len(lost), len(problem.clients)))
    for client in range(len(problem.clients)):
        part, kept = select_client(problem, client)
        known: dict[bytes, float] = {}
        for c, gone in enumerate(lost):
            mine = gone[kept]
            key = mine.tobytes()
            if key not in known:
                known[key] = _solve_least_missing(part, mine)
            floors[c, client] = known[key] / total[client]
        progress(client + 1, len(problem.clients))
    return floors


def _solve_least_missing(problem: DayProblem, lost: Truths) -> float:
    """Return the least missing agent-intervals of a problem: no more than what is proved."""
    if not problem.required.any():
        return 0.0
    lp = LinearProgram()
    add_block(
        lp, problem, build_layout(problem), lost=lost, price=problem.price, shortfall_cost=1.0
    )
    return max(0.0, solve_lp(lp).bound)
