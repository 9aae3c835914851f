"""The JSON twin of a page: the same facts as numbers and ids, in no language; unknown is null."""

from __future__ import annotations

import dataclasses
import math
from datetime import date, datetime
from typing import Any

from releve.desk.presenters.cells import Desk
from releve.desk.presenters.words import client_status
from releve.plan.result import BASE, Placement, ReliefCell

__all__ = ["cell_twin", "plain", "verdict_twin"]

_FIGURES = (
    "worst_coverage",
    "worst_interval",
    "worst_start",
    "shortfall",
    "floor",
    "regret",
    "calls_lost",
)
"""Not known, so null, where the requirement is not known."""


def plain(value: Any) -> Any:
    """Return a value as JSON has it: records as objects, instants as ISO 8601, NaN as null."""
    if isinstance(value, float):
        return None if math.isnan(value) else float(value)
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if dataclasses.is_dataclass(value):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return value


def verdict_twin(desk: Desk) -> dict[str, Any]:
    """Return the verdict page as data."""
    plan = desk.plan
    twin = {
        "plan": _plan(desk),
        "verdict": {
            "clients": len(plan.verdicts),
            "secure": sum(verdict.secure for verdict in plan.verdicts),
            "contingencies": len(plan.contingencies),
        },
        "clients": [
            {
                "name": desk.names.clients[verdict.client],
                "status": client_status(verdict),
                **plain(verdict),
            }
            for verdict in plan.verdicts
        ],
        "contingencies": [{**plain(item), **_moves(desk, item.id)} for item in plan.contingencies],
        "matrix": [_cell(desk, cell) for cell in plan.cells],
    }
    if not desk.whole:
        return twin
    proof = {
        **plain(plan.bound),
        "violations": list(plan.violations),
        "settings": plain(plan.settings),
    }
    return {**twin, "missing": plain(plan.missing), "proof": proof}


def _moves(desk: Desk, contingency: str) -> dict[str, int]:
    return {"moves": len(desk.plan.scenarios[contingency].moves)} if desk.whole else {}


def cell_twin(desk: Desk, cell: ReliefCell, programme: str = "") -> dict[str, Any]:
    """Return a cell's page as data: per programme the half hours, then every move or placement."""
    plan = desk.plan
    columns = [
        at
        for at in desk.columns(cell.client)
        if not programme or plan.programmes[at][0] == programme
    ]
    own = {plan.programmes[at][0] for at in columns}
    scenario = plan.scenarios[cell.contingency]
    return {
        "plan": _plan(desk),
        "cell": _cell(desk, cell),
        "starts": plain(plan.starts),
        "programmes": [
            {
                "id": plan.programmes[at][0],
                "name": plan.programmes[at][2],
                "required": plain(plan.required[:, at].tolist()),
                "placed": plain(scenario.placed[:, at].tolist()),
            }
            for at in columns
        ],
        **(_people(desk, cell, own) if desk.whole else {}),
    }


def _people(desk: Desk, cell: ReliefCell, own: set[str]) -> dict[str, Any]:
    plan = desk.plan
    if cell.contingency == BASE:
        return {"placements": [plain(p) for p in plan.placements if p.programme in own]}
    moves = plan.scenarios[cell.contingency].moves
    return {"moves": [plain(move) for move in moves if _works(move.before, move.after) & own]}


def _plan(desk: Desk) -> dict[str, Any]:
    names = ("operator", "synthetic", "day", "time_zone", "version")
    return {name: plain(getattr(desk.plan, name)) for name in names}


def _cell(desk: Desk, cell: ReliefCell) -> dict[str, Any]:
    worst = desk.plan.starts[cell.worst_interval] if cell.worst_interval >= 0 else None
    facts = {**plain(cell), "worst_start": plain(worst), "url": desk.cell_url(cell)}
    if cell.status == "unknown":
        facts.update(dict.fromkeys(_FIGURES))
    return facts


def _works(*sides: Placement | None) -> set[str]:
    return {side.programme for side in sides if side is not None}
