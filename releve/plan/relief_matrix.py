"""The relief matrix, the verdicts and the bound of a solved day."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from releve.demand.requirement import Requirement
from releve.kernels.arrays import Floats
from releve.network.history_grid import FINE_DECIMALS, round_to_grid
from releve.plan.day_runs import Planning
from releve.plan.problem import DayProblem
from releve.plan.result import BASE, Bound, ClientVerdict, ReliefCell
from releve.plan.service_status import Status, judge_service
from releve.plan.settings import PlanSettings

HAIR = 1e-9


def build_cell(
    problem: DayProblem,
    need: Requirement,
    client: int,
    contingency: str,
    placed: Floats,
    floor: float,
    settings: PlanSettings,
) -> ReliefCell:
    """Return one cell of the matrix; ``placed`` is of all programmes."""
    mine = problem.client == client
    return measure_cell(
        problem.clients[client], contingency, agents=need.agents[:, mine],
        calls=need.calls[:, mine], placed=placed[:, mine], floor=floor, settings=settings,
    )  # fmt: skip


def measure_cell(
    client: str,
    contingency: str,
    *,
    agents: Floats,
    calls: Floats,
    placed: Floats,
    floor: float,
    settings: PlanSettings,
) -> ReliefCell:
    """Return one cell of the matrix from the client's figures alone.

    ``agents`` required (NaN = unknown), ``calls`` and ``placed`` ``[interval, programme]`` of the
    client's programmes.
    """
    # In rows, as sums follow the layout, and a choice of columns is laid out by columns.
    required = round_to_grid(np.ascontiguousarray(np.nan_to_num(agents)), FINE_DECIMALS)
    short = np.maximum(0.0, required - placed)
    total = required.sum(axis=1)
    busy = total > HAIR
    coverage = np.where(busy, 1.0 - short.sum(axis=1) / np.where(busy, total, 1.0), 1.0)
    worst = int(np.argmin(np.where(busy, coverage, np.inf))) if busy.any() else -1
    shortfall = float(short.sum() / max(1.0, required.sum()))
    lost = np.nan_to_num(calls) * short / np.where(required > 0, required, 1.0)
    unknown = bool(np.isnan(agents).any())
    least = float(coverage[worst]) if worst >= 0 else 1.0
    status = judge_service(shortfall, least, settings.target, settings.thin, floor=floor)
    return ReliefCell(
        client=client,
        contingency=contingency,
        worst_coverage=min(1.0, max(0.0, least)),
        worst_interval=worst,
        shortfall=shortfall,
        floor=floor,
        regret=max(0.0, shortfall - floor),
        calls_lost=float(lost.sum()),
        status=Status.UNKNOWN if unknown else status,
    )


def build_verdict(
    client: str, cells: Sequence[ReliefCell], beyond: Collection[str], held_in_fractions: Collection[str] = ()
) -> ClientVerdict:
    """Return the verdict of a client from its cells; ``beyond`` are the ids of larger losses,
    ``held_in_fractions`` those under which the fractional plan meets the client's target."""
    counted = [cell for cell in cells if cell.contingency not in beyond]
    by_status: Mapping[str, tuple[str, ...]] = {
        status: tuple(cell.contingency for cell in counted if cell.status == status)
        for status in ("missed", "thin", "contract", "unknown")
    }
    worst = max(counted, key=lambda cell: (cell.shortfall, -cell.worst_coverage))
    unknown = bool(by_status["unknown"])
    missed = by_status["missed"]
    contract = by_status["contract"]
    return ClientVerdict(
        client=client,
        secure=not unknown and not missed and not contract,
        contract_problem=not unknown and not missed and bool(contract),
        worst=worst.contingency if worst.shortfall > 0 else BASE,
        missed=missed,
        thin=by_status["thin"],
        contract=contract,
        unknown=unknown,
        beyond=tuple(
            cell.contingency for cell in cells if cell.contingency in beyond and cell.status in ("missed", "contract")
        ),
        rounding=tuple(name for name in missed if name in held_in_fractions),
    )


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
