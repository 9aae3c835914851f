"""Why a client misses: the rules that bind, and what one more laptop or seat would gain.

The duals of a relief (or of the base day) show which rules bind and rank the purchases. The best of
each kind are then bought one by one and the day is solved again, so the gain shown is no slope.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np

from releve.kernels.arrays import Floats, Ints
from releve.network import Operator
from releve.plan.candidate_groups import CandidateGroups, add_candidate_groups
from releve.plan.causes import CauseGroup, group_causes
from releve.plan.lp import LinearProgram, Solution, solve_lp
from releve.plan.planner import SolvedDay
from releve.plan.problem import DayProblem
from releve.plan.relief import Staff, build_relief_program, find_available_staff
from releve.plan.result import BASE, ClientVerdict, Contingency, Plan, ReliefCell
from releve.plan.scenario_lp import ScenarioBlock, build_layout, find_lost_assignments
from releve.plan.service_status import SEVERITY, Status

TRIED = 3
"""How many purchases of each kind are solved again."""


@dataclass(frozen=True, slots=True)
class Binding:
    """A rule that binds: ``rule`` (seats, people, exposed), where, in which intervals, and what
    one unit less of it would cost in weighted agent-intervals (the dual)."""

    rule: str
    where: str
    intervals: tuple[int, ...]
    price: float


@dataclass(frozen=True, slots=True)
class OneMore:
    """What one more laptop, skill or seat brings the client, in agent-intervals: ``slope`` by the
    dual (weighted, everyone), ``gain`` for the client by solving again."""

    kind: str
    where: str
    programme: str
    slope: float
    gain: float


@dataclass(frozen=True)
class Explanation:
    """``missing`` agent-intervals of the client, in fractions, and why."""

    client: str
    contingency: str
    missing: float
    bindings: tuple[Binding, ...]
    one_more: tuple[OneMore, ...]


def refuse_unknown(client: str, contingency: str, clients: Sequence[str], contingencies: Sequence[str]) -> None:
    """Raise ValueError, with what there is, where a client or a contingency is not there."""
    if client not in clients:
        raise ValueError(f"no client {client!r}; clients: {', '.join(clients)}")
    if contingency not in (BASE, *contingencies):
        raise ValueError(f"no contingency {contingency!r}; known: base, {', '.join(contingencies)}")


def explain_shortfall(operator: Operator, solved: SolvedDay, client: str, contingency: str = BASE) -> Explanation:
    """Explain a client's shortfall under a contingency (or in the base plan).

    ValueError names an unknown client or contingency.
    """
    planning = solved.planning
    problem = planning.problem
    known = {c.id: c for c in planning.contingencies}
    refuse_unknown(client, contingency, problem.clients, list(known))
    c = problem.clients.index(client)
    mine = [p for p, owner in enumerate(problem.client) if owner == c]
    twins = add_candidate_groups(operator, problem, mine, solved.settings)
    case = _ShortfallCase(twins, solved, known.get(contingency), c)
    return case.explain(client, contingency)


class _ShortfallCase:
    """One client under one contingency, with everything that could be bought."""

    def __init__(self, twins: CandidateGroups, solved: SolvedDay, contingency: Contingency | None, client: int) -> None:
        self._twins = twins
        self._client = client
        self._settings = solved.settings
        self._layout = build_layout(twins.fill_candidates())
        self._staff = _build_staff(twins.problem, solved, contingency)
        self._price = 0.0 if contingency is None else solved.settings.relief_move_price

    def explain(self, name: str, contingency: str) -> Explanation:
        lp, block, people, seats = self._build_program({})
        solution = solve_lp(lp, method="ipm")
        missing = self._sum_missing(block, solution)
        slope = np.concatenate([-solution.column_dual[people], -solution.column_dual[seats]])
        one_more = []
        for i in self._rank_purchases(slope):
            tried, again, *_ = self._build_program({i: 1.0})
            gain = missing - self._sum_missing(again, solve_lp(tried, method="ipm"))
            kind, where, learns = self._label_purchase(i)
            one_more.append(OneMore(kind, where, learns, float(slope[i]), gain))
        return Explanation(
            client=name,
            contingency=contingency,
            missing=missing,
            bindings=tuple(self._list_bindings(block, solution)),
            one_more=tuple(sorted(one_more, key=lambda one: -one.gain)),
        )

    def _build_program(self, bought: dict[int, float]) -> tuple[LinearProgram, ScenarioBlock, Ints, Ints]:
        """Return the programme with purchases fixed: those of ``bought``, else none."""
        problem, twins = self._twins.problem, self._twins
        limit = np.full(len(problem.clients), self._settings.target)
        lp, block = build_relief_program(problem, self._layout, self._staff, limit, self._price)
        count = np.zeros(len(twins.source) + len(problem.sites))
        for i, number in bought.items():
            count[i] = number
        n = len(twins.source)
        people = lp.columns(n, lower=count[:n], upper=count[:n])
        seats = lp.columns(len(problem.sites), lower=count[n:], upper=count[n:])
        lp.add(block.group_rows[twins.source], people)
        lp.add(block.group_rows[twins.twin], people, -1.0)
        lp.add(block.seat_rows, seats[self._layout.seat_m], -1.0)
        return lp, block, people, seats

    def _sum_missing(self, block: ScenarioBlock, solution: Solution) -> float:
        owner = self._twins.problem.client[self._layout.cov_p]
        return float(solution.x[block.u][owner == self._client].sum())

    def _rank_purchases(self, slope: Floats) -> list[int]:
        """Return the purchases worth trying: the steepest of each kind and place."""
        best: dict[str, list[int]] = {}
        seen = set()
        for i in np.argsort(-slope, kind="stable"):
            label = self._label_purchase(int(i))
            if slope[i] <= 1e-6 or label in seen:
                continue
            seen.add(label)
            best.setdefault(label[0], []).append(int(i))
        return [i for found in best.values() for i in found[:TRIED]]

    def _label_purchase(self, i: int) -> tuple[str, str, str]:
        twins, problem = self._twins, self._twins.problem
        if i >= len(twins.source):
            return "seat", problem.sites[i - len(twins.source)], ""
        site = problem.groups.groups[twins.source[i]].home_site
        return twins.kind[i], site, twins.learns[i]

    def _list_bindings(self, block: ScenarioBlock, solution: Solution) -> list[Binding]:
        problem, layout = self._twins.problem, self._layout
        price = np.maximum(0.0, -solution.row_dual)
        found = []
        for m, site in enumerate(problem.sites):
            rows = block.seat_rows[layout.seat_m == m]
            tight = price[rows] > 1e-6
            if tight.any():
                times = tuple(int(t) for t in layout.seat_t[layout.seat_m == m][tight])
                found.append(Binding("seats", site, times, float(price[rows].sum())))
        people: dict[str, float] = {}
        for g, group in enumerate(problem.groups.groups):
            row = price[block.group_rows[g]]
            if row > 1e-6 and problem.size[g]:
                people[group.primary] = max(people.get(group.primary, 0.0), float(row))
        found += [Binding("people", name, (), value) for name, value in people.items()]
        return sorted(found, key=lambda one: -one.price)[:8]


def _build_staff(problem: DayProblem, solved: SolvedDay, contingency: Contingency | None) -> Staff:
    """Return the available staff; candidate groups are included and empty."""
    assigned = np.zeros(len(problem.group), dtype=np.int64)
    base = solved.planning.base.assigned
    assigned[: len(base)] = base
    if contingency is None:
        return Staff(
            available=problem.size,
            onsite=problem.size,
            isolated=np.zeros(len(assigned), dtype=np.int64),
            kept=np.zeros(len(assigned), dtype=np.int64),
            lost=find_lost_assignments(problem, None),
            bound=False,
        )
    return find_available_staff(problem, contingency, assigned, solved.settings.isolated)


_Code = Literal["idle", "covered", "worst", "unknown", "missed", "cured", "out_of_reach"]


@dataclass(frozen=True)
class Reason:
    """Why a client or a cell has its status; what a code does not use is empty.

    ``coverage`` and ``start`` are of the worst half hour; ``missing`` is a share of the day, or the
    least possible where it is out of reach; ``others``: further contingencies that are missed;
    ``causes``: what is lacking, where the plan says so.
    """

    code: _Code
    contingencies: tuple[str, ...] = ()
    coverage: float | None = None
    start: datetime | None = None
    missing: float | None = None
    programmes: tuple[str, ...] = ()
    others: int = 0
    causes: tuple[CauseGroup, ...] = ()


def rank_cells(plan: Plan, client: str) -> list[ReliefCell]:
    """Return the cells of a client, the worst first."""
    keys = (BASE, *(item.id for item in plan.contingencies))
    own = (cell for key in keys if (cell := plan.cell.get((client, key))))
    return sorted(own, key=lambda cell: (SEVERITY.index(cell.status), -cell.shortfall, cell.worst_coverage))


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
    if status is Status.OUT_OF_REACH:
        return find_reason_out_of_reach(plan, same)
    if status is Status.MISSED:
        return _find_reason_at(plan, "missed", same[0], others=len(verdict.missed) - 1)
    worst = min(same, key=lambda cell: cell.worst_coverage)
    covered = worst.worst_interval < 0 or worst.worst_coverage >= 1
    return Reason("covered") if covered else _find_reason_at(plan, "worst", worst)


def _find_reason_at(plan: Plan, code: Literal["missed", "worst"], cell: ReliefCell, others: int = 0) -> Reason:
    return Reason(
        code,
        contingencies=(cell.contingency,),
        coverage=cell.worst_coverage,
        start=plan.find_worst_start(cell) if cell.worst_coverage < 1 else None,
        missing=cell.shortfall,
        others=others,
    )


def find_reason_out_of_reach(plan: Plan, cells: Sequence[ReliefCell]) -> Reason:
    """Return why no plan protects a client under some contingencies, as far as the plan says."""
    cured = any(plan.is_cured(cell) for cell in cells)
    return Reason(
        "cured" if cured else "out_of_reach",
        tuple(cell.contingency for cell in cells),
        missing=max(cell.floor for cell in cells),
        causes=group_causes(plan, cells),
    )
