"""How good a solved day is proved to be."""

from __future__ import annotations

from collections.abc import Sequence

from releve.plan.result import BASE, Bound, Cell
from releve.plan.solve import Planning

__all__ = ["bound_of"]


def bound_of(planning: Planning, cells: Sequence[Cell]) -> Bound:
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
        penalty_gap=_ratio(difference, secure.bound),
        requirement_gap=_ratio(difference, weighted),
        regret=_worst_regret(planning, cells),
        lp_regret=dict(secure.regret),
        rows=secure.rows,
        columns=secure.columns,
        nonzeros=secure.nonzeros,
    )


def _worst_regret(planning: Planning, cells: Sequence[Cell]) -> dict[str, float]:
    """Return the worst regret of each kind of loss in whole people; the base day is with sites."""
    kind = {BASE: "site"} | {c.id: c.kind for c in planning.contingencies}
    worst: dict[str, float] = {}
    for cell in cells:
        name = kind[cell.contingency]
        worst[name] = max(worst.get(name, 0.0), cell.regret)
    return worst


def _ratio(difference: float, whole: float) -> float:
    if difference <= 1e-9:
        return 0.0
    return difference / whole if whole > 1e-9 else float("nan")
