"""How good a solved day is proved to be."""

from __future__ import annotations

from collections.abc import Sequence

from releve.plan.day_solution import Planning
from releve.plan.result import BASE, Bound, ReliefCell

__all__ = ["build_bound"]


def build_bound(planning: Planning, cells: Sequence[ReliefCell]) -> Bound:
    """Return the proof. Reliefs count in fractions, as in the programme that gives the bound."""
    problem, secure = planning.problem, planning.secure
    weighted = problem.weighted_requirement
    objective = planning.objective
    difference = max(0.0, objective - secure.bound)
    return Bound(
        status=secure.status,
        objective=objective,
        lower_bound=secure.bound,
        penalty=planning.base.penalty,
        lp_penalty=secure.base_penalty,
        penalty_gap=_divide(difference, secure.bound),
        requirement_gap=_divide(difference, weighted),
        regret=_find_worst_regret(planning, cells),
        lp_regret=dict(secure.regret),
        rows=secure.rows,
        columns=secure.columns,
        nonzeros=secure.nonzeros,
    )


def _find_worst_regret(planning: Planning, cells: Sequence[ReliefCell]) -> dict[str, float]:
    """Return the worst regret of each kind of loss in whole people; the base day is with sites."""
    kind = {BASE: "site"} | {c.id: c.kind for c in planning.contingencies}
    worst: dict[str, float] = {}
    for cell in cells:
        name = kind[cell.contingency]
        worst[name] = max(worst.get(name, 0.0), cell.regret)
    return worst


def _divide(difference: float, whole: float) -> float:
    if difference <= 1e-9:
        return 0.0
    return difference / whole if whole > 1e-9 else float("nan")
