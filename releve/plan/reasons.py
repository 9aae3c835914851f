"""Why a client or a cell has its status, as far as the plan says, in no language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np

from releve.plan.result import BASE, ClientVerdict, Plan, ReliefCell
from releve.plan.status import SEVERITY, Status

__all__ = ["Reason", "find_contract_reason", "find_reason", "rank_cells"]

_NOTHING_TO_SAVE = 0.9995
"""Floor from which no part of a client's day can be saved."""
_Code = Literal[
    "idle", "covered", "worst", "unknown", "missed",
    "contract.cured", "contract.one_site", "contract.floor",
]  # fmt: skip


@dataclass(frozen=True)
class Reason:
    """Why a client or a cell has its status; what a code does not use is empty.

    ``coverage`` and ``start`` are of the worst half hour; ``missing`` is a share of the day, or the
    least possible of ``contract.floor``; ``others``: further contingencies that are missed.
    """

    code: _Code
    contingencies: tuple[str, ...] = ()
    coverage: float | None = None
    start: datetime | None = None
    missing: float | None = None
    programmes: tuple[str, ...] = ()
    others: int = 0


def rank_cells(plan: Plan, client: str) -> list[ReliefCell]:
    """Return the cells of a client, the worst first."""
    keys = (BASE, *(item.id for item in plan.contingencies))
    own = (cell for key in keys if (cell := plan.cell.get((client, key))))
    return sorted(
        own, key=lambda cell: (SEVERITY.index(cell.status), -cell.shortfall, cell.worst_coverage)
    )


def find_reason(plan: Plan, verdict: ClientVerdict) -> Reason:
    """Return why a client has the status of its verdict."""
    status, ranked = verdict.status, rank_cells(plan, verdict.client)
    if status is Status.HELD and all(cell.worst_interval < 0 for cell in ranked):
        return Reason("idle")
    if status is Status.UNKNOWN:
        unknown = np.asarray(np.isnan(plan.required).any(axis=0))
        columns = plan.find_columns(verdict.client)
        names = tuple(plan.programmes[at][2] for at in columns if unknown[at])
        return Reason("unknown", programmes=names)
    same = [row for row in ranked if row.status == status and row.contingency not in plan.larger]
    if status is Status.CONTRACT:
        return find_contract_reason(plan, same)
    if status is Status.MISSED:
        return _find_reason_at(plan, "missed", same[0], others=len(verdict.missed) - 1)
    worst = min(same, key=lambda cell: cell.worst_coverage)
    covered = worst.worst_interval < 0 or worst.worst_coverage >= 1
    return Reason("covered") if covered else _find_reason_at(plan, "worst", worst)


def _find_reason_at(
    plan: Plan, code: Literal["missed", "worst"], cell: ReliefCell, others: int = 0
) -> Reason:
    return Reason(
        code,
        contingencies=(cell.contingency,),
        coverage=cell.worst_coverage,
        start=plan.find_worst_start(cell) if cell.worst_coverage < 1 else None,
        missing=cell.shortfall,
        others=others,
    )


def find_contract_reason(plan: Plan, cells: Sequence[ReliefCell]) -> Reason:
    """Return why no plan protects a client under some contingencies, as far as the plan says."""
    keys = tuple(cell.contingency for cell in cells)
    if any(plan.is_cured(cell) for cell in cells):
        return Reason("contract.cured", keys)
    if all(cell.floor >= _NOTHING_TO_SAVE for cell in cells):
        return Reason("contract.one_site", keys)
    return Reason("contract.floor", keys, missing=max(cell.floor for cell in cells))
