"""What no plan can avoid: the least shortfall of one client if it had everyone to itself.

Regret is measured above this floor. Without it, one client that works on a single site pins the
worst case at its own total loss and protects nobody else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from releve.plan.contingency import Contingency
from releve.plan.lp import Floats, LinearProgram, solve
from releve.plan.problem import Problem
from releve.plan.scenario_lp import Truths, add_block, layout_of, lost_assignments

__all__ = ["by_client", "client_floors", "client_requirement", "of_client"]


def by_client(problem: Problem, amount: Floats) -> Floats:
    """Return the sum over intervals and programmes of ``amount[t, p]`` for each client."""
    out = np.zeros(len(problem.clients))
    np.add.at(out, problem.client, amount.sum(axis=0))
    return out


def client_requirement(problem: Problem) -> Floats:
    """Return the required agent-intervals of each client, at least 1 (so that shares exist)."""
    return np.maximum(1.0, by_client(problem, problem.required))


def of_client(problem: Problem, client: int) -> tuple[Problem, Truths]:
    """Return the problem of one client alone, and which assignments it kept."""
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
    )
    return part, kept


def client_floors(
    problem: Problem,
    contingencies: Sequence[Contingency],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Floats:
    """Return floor[contingency, client], shares of the client's required agent-intervals.

    Row 0 is of the day on which nothing is lost; row 1 + i of ``contingencies[i]``.
    """
    lost = [lost_assignments(problem, c) for c in (None, *contingencies)]
    total = client_requirement(problem)
    floors = np.zeros((len(lost), len(problem.clients)))
    for client in range(len(problem.clients)):
        part, kept = of_client(problem, client)
        known: dict[bytes, float] = {}
        for c, gone in enumerate(lost):
            mine = gone[kept]
            key = mine.tobytes()
            if key not in known:
                known[key] = _least_missing(part, mine)
            floors[c, client] = known[key] / total[client]
        progress(client + 1, len(problem.clients))
    return floors


def _least_missing(problem: Problem, lost: Truths) -> float:
    """Return the least missing agent-intervals of a problem: no more than what is proved."""
    if not problem.required.any():
        return 0.0
    lp = LinearProgram()
    add_block(lp, problem, layout_of(problem), lost=lost, price=problem.price, shortfall_cost=1.0)
    return max(0.0, solve(lp).bound)
