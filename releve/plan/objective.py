"""What the N-1 programme minimises, of a base plan in whole people and its reliefs in fractions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from releve.plan.contingency import Contingency
from releve.plan.floors import by_client, client_requirement
from releve.plan.lp import Floats
from releve.plan.problem import Problem
from releve.plan.relief import Relief
from releve.plan.secure import KIND_WEIGHT, SecurePlan, client_unit
from releve.plan.settings import PlanSettings
from releve.plan.whole import WholePlan

__all__ = ["objective_of"]


def objective_of(
    problem: Problem,
    contingencies: Sequence[Contingency],
    floors: Floats,
    secure: SecurePlan,
    base: WholePlan,
    reliefs: Sequence[Relief],
    settings: PlanSettings,
) -> float:
    """Return the objective in weighted agent-intervals; never below ``secure.objective``.

    ``reliefs[i]`` answers ``contingencies[i]``, ``floors[1 + i]`` are its floors. Those that the
    programme did not plan for do not count.
    """
    total = client_requirement(problem)
    unit = client_unit(problem, settings)
    short = problem.required - base.covered(problem)
    shares = [("site", by_client(problem, short) / total, floors[0])]
    sites = []
    for contingency, relief, floor in zip(contingencies, reliefs, floors[1:], strict=True):
        if contingency.id in secure.share:
            shares.append((contingency.kind, by_client(problem, relief.lp_missing) / total, floor))
            if contingency.kind == "site":
                sites.append(relief.lp_penalty)
    regret: dict[str, float] = {}
    above = 0.0
    for kind, share, floor in shares:
        regret[kind] = max(regret.get(kind, 0.0), float((share - floor).max()))
        limit = np.maximum(settings.target, floor)
        above += unit * KIND_WEIGHT[kind] * float(np.maximum(0.0, share - limit).sum())
    return (
        base.penalty
        + float(base.assigned @ problem.price)
        + unit * sum(KIND_WEIGHT[kind] * max(0.0, worst) for kind, worst in regret.items())
        + above
        + settings.average_weight * sum(sites) / max(1, len(sites))
    )
