"""How good a solved day is proved to be."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from releve.plan.floors import by_client, client_requirement
from releve.plan.result import Bound, Cell
from releve.plan.secure import KIND_WEIGHT, client_unit
from releve.plan.settings import PlanSettings
from releve.plan.solve import Planning

__all__ = ["bound_of"]


def bound_of(planning: Planning, cells: Sequence[Cell], settings: PlanSettings) -> Bound:
    """Return the proof. Reliefs count in fractions, as in the programme that gives the bound."""
    problem, secure = planning.problem, planning.secure
    weighted = float((problem.required @ problem.weight).sum())
    total = client_requirement(problem)
    unit = client_unit(problem, settings)
    short = problem.required - planning.base.covered(problem)
    shares = [("site", by_client(problem, short) / total, planning.floors[0])]
    sites = []
    for row, (contingency, relief) in enumerate(
        zip(planning.contingencies, planning.reliefs, strict=True)
    ):
        if contingency.id in secure.share:
            share = by_client(problem, relief.lp_missing) / total
            shares.append((contingency.kind, share, planning.floors[1 + row]))
            if contingency.kind == "site":
                sites.append(relief.lp_penalty)
    regret: dict[str, float] = {}
    above = 0.0
    for kind, share, floor in shares:
        regret[kind] = max(regret.get(kind, 0.0), float((share - floor).max()))
        limit = np.maximum(settings.target, floor)
        above += unit * KIND_WEIGHT[kind] * float(np.maximum(0.0, share - limit).sum())
    objective = (
        planning.base.penalty
        + float(planning.base.assigned @ problem.price)
        + unit * sum(KIND_WEIGHT[kind] * worst for kind, worst in regret.items())
        + above
        + settings.average_weight * sum(sites) / max(1, len(sites))
    )
    difference = max(0.0, objective - secure.objective)
    return Bound(
        status=secure.status,
        objective=objective,
        lower_bound=secure.objective,
        penalty=planning.base.penalty,
        lp_penalty=secure.base_penalty,
        penalty_gap=_ratio(difference, secure.objective),
        requirement_gap=_ratio(difference, weighted),
        worst_regret=max((cell.regret for cell in cells), default=0.0),
        lp_worst_regret=secure.regret.get("site", 0.0),
        rows=secure.rows,
        columns=secure.columns,
        nonzeros=secure.nonzeros,
    )


def _ratio(difference: float, whole: float) -> float:
    if difference <= 1e-9:
        return 0.0
    return difference / whole if whole > 1e-9 else float("nan")
