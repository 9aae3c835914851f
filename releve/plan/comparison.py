"""Two plans of a day compared, and a plan narrowed to what one client may see.

A narrowed plan holds the client's own row and cells, no people, prices or names; pages for clients
are built from it, so nothing else can reach them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from math import isfinite
from types import MappingProxyType
from typing import Literal

import numpy as np

from releve.network import HOME
from releve.plan.named_assignments import list_moves
from releve.plan.result import BASE, SINGLE, Bound, Move, Placement, Plan, ReliefCell
from releve.plan.service_status import SEVERITY, Status
from releve.plan.work_changes import KindCount, count_asked, count_kinds, describe_change

Post = tuple[str, str]
"""A place and a programme."""
DayChange = Literal["added", "replaced", "unchanged"]


@dataclass(frozen=True, slots=True)
class StatusChange:
    """A client's status before and after; ``before`` is None without a day or a client to compare
    with.

    ``worst_before`` and ``worst_after``: the coverage of its worst half hour while nothing is lost;
    None where nothing is required or that is not known. ``day_before`` and ``day_after``: that of the
    whole day then; ``loss_before`` and ``loss_after``: the loss of one place that covers it least.
    """

    client: str
    name: str
    before: Status | None
    after: Status
    worse: bool
    worst_before: float | None = None
    worst_after: float | None = None
    day_before: float | None = None
    day_after: float | None = None
    loss_before: WorstLoss | None = None
    loss_after: WorstLoss | None = None


@dataclass(frozen=True, slots=True)
class WorstLoss:
    """The loss of one place (or of none, ``base``) that covers a client least, at its worst half hour."""

    contingency: str
    kind: str
    name: str
    coverage: float
    start: datetime


@dataclass(frozen=True, slots=True)
class PlanFigures:
    """What a day's plan takes: agents ``placed`` (``at_home`` of them at home), in ``reserve``, ``hours`` worked.

    A duty of the day before that goes on is the day before's. ``calls_lost``: calls expected not to be
    served while nothing is lost, ``penalty`` what the contracts ask for them, in EUR, None where no price is
    known. ``cost``: of what is missing, in EUR; None where that is not known.
    """

    placed: int
    reserve: int
    at_home: int
    hours: float
    calls_lost: float
    penalty: float | None
    cost: float | None


@dataclass(frozen=True, slots=True)
class MoveGroup:
    """Agents who change place or work in the same way, for the same reason; None: not planned."""

    before: Post | None
    after: Post | None
    reason: str
    agents: tuple[str, ...]


@dataclass(frozen=True)
class ComparedPlan:
    """A day's plan beside the one before it, if there is one.

    ``change``: the day is ``added``, or its plan replaced; ``unchanged``: every agent works the
    same. ``clients``: those that become worse first, then the gravest; ``secure`` those held
    whatever single place is lost; ``figures`` and ``figures_before``: what it takes in people, hours and
    money; ``moves``, the largest group first; ``kinds``: whose work changes, by kind, ``moved`` of them asked
    for an answer. ``kits_out`` are the agents who take a kit of their site home and did not before,
    ``kits_back`` those who bring theirs back.
    """

    day: date
    change: DayChange
    clients: tuple[StatusChange, ...]
    secure: int
    secure_before: int | None
    figures: PlanFigures
    figures_before: PlanFigures | None
    moved: int
    moves: tuple[MoveGroup, ...]
    kinds: tuple[KindCount, ...] = ()
    kits_out: tuple[str, ...] = ()
    kits_back: tuple[str, ...] = ()


def compare_plans(before: Plan | None, after: Plan, prices: Mapping[str, float] = MappingProxyType({})) -> ComparedPlan:
    """Return a day's plan beside the one before it; None: the day was not planned.

    ``prices``: by programme, what its contract asks for a call that is not answered, in EUR.
    """
    moves: tuple[Move, ...] = ()
    held = frozenset[str]() if before is None else before.kit_holders
    if before is not None:
        had, has = ({row.key: row for row in plan.placements} for plan in (before, after))
        moves = list_moves(had, has, frozenset(), frozenset())
    kinds = count_kinds((move.agent, describe_change(move.before, move.after).kind) for move in moves)
    return ComparedPlan(
        day=after.day,
        change="added" if before is None else "replaced" if moves else "unchanged",
        clients=tuple(_compare_clients(before, after)),
        secure=_count_secure(after),
        secure_before=None if before is None else _count_secure(before),
        figures=_measure_day(after, prices),
        figures_before=None if before is None else _measure_day(before, prices),
        moved=count_asked(kinds),
        moves=group_moves(moves),
        kinds=kinds,
        kits_out=tuple(sorted(after.kit_holders - held)),
        kits_back=tuple(sorted(held - after.kit_holders)),
    )


def _count_secure(plan: Plan) -> int:
    return sum(verdict.secure for verdict in plan.verdicts)


def _measure_day(plan: Plan, prices: Mapping[str, float]) -> PlanFigures:
    own = [row for row in plan.placements if not row.carried]
    required = np.nan_to_num(plan.required)
    short = np.maximum(0.0, required - plan.scenarios[BASE].placed)
    calls = (np.nan_to_num(plan.calls) * short / np.where(required > 0, required, 1.0)).sum(axis=0)
    penalty = [float(lost) * prices[name] for (name, _, _), lost in zip(plan.programmes, calls, strict=True) if prices]
    return PlanFigures(
        placed=len(plan.placements),
        reserve=len(plan.reserve),
        at_home=sum(row.place == HOME for row in plan.placements),
        hours=sum((measure_work(row) for row in own), timedelta()) / timedelta(hours=1),
        calls_lost=float(calls.sum()),
        penalty=sum(penalty) if prices else None,
        cost=None if plan.missing is None else plan.missing.cost,
    )


def measure_work(row: Placement) -> timedelta:
    """Return the time that a duty works: its periods less its breaks."""
    breaks = [(row.break_start, row.break_end), *((one.start, one.end) for one in row.pauses)]
    paused = (end - start for start, end in breaks if start is not None and end is not None)
    return row.end - row.start - sum(paused, timedelta())


def _compare_clients(before: Plan | None, after: Plan) -> Iterator[StatusChange]:
    names = dict(after.clients)
    had = {} if before is None else {row.client: row.status for row in before.verdicts}
    rows = []
    for verdict in after.verdicts:
        old, status = had.get(verdict.client), verdict.status
        worse = old is not None and SEVERITY.index(status) < SEVERITY.index(old)
        cells = [None if plan is None else plan.cell.get((verdict.client, BASE)) for plan in (before, after)]
        had_cell, cell = (one if one is not None and _is_known(one) else None for one in cells)
        rows.append(
            StatusChange(
                client=verdict.client,
                name=names[verdict.client],
                before=old,
                after=status,
                worse=worse,
                worst_before=None if had_cell is None else had_cell.worst_coverage,
                worst_after=None if cell is None else cell.worst_coverage,
                day_before=None if had_cell is None else 1 - had_cell.shortfall,
                day_after=None if cell is None else 1 - cell.shortfall,
                loss_before=None if before is None else _find_worst_loss(before, verdict.client),
                loss_after=_find_worst_loss(after, verdict.client),
            )
        )
    yield from sorted(rows, key=lambda row: (not row.worse, SEVERITY.index(row.after), row.name))


def _is_known(cell: ReliefCell) -> bool:
    """Return whether something is required in a cell, and known."""
    return cell.worst_interval >= 0 and isfinite(cell.worst_coverage) and cell.status is not Status.UNKNOWN


def _find_worst_loss(plan: Plan, client: str) -> WorstLoss | None:
    """Return the loss of one place that leaves a client least; None where nothing is required, or not known."""
    kinds = {BASE: (BASE, ""), **{row.id: (row.kind, row.name) for row in plan.contingencies if row.kind in SINGLE}}
    cells = [plan.cell[client, key] for key in kinds if (client, key) in plan.cell]
    known = [cell for cell in cells if _is_known(cell)]
    if not known:
        return None
    cell = min(known, key=lambda one: (one.worst_coverage, -one.shortfall))
    return WorstLoss(cell.contingency, *kinds[cell.contingency], cell.worst_coverage, plan.starts[cell.worst_interval])


def group_moves(moves: Iterable[Move]) -> tuple[MoveGroup, ...]:
    """Return the agents who work differently, grouped by change, the largest group first."""
    groups: dict[tuple[Post | None, Post | None, str], dict[str, None]] = {}
    for move in moves:
        key = (_read_post(move.before), _read_post(move.after), move.reason)
        groups.setdefault(key, {})[move.agent] = None
    found = (MoveGroup(*key, tuple(agents)) for key, agents in groups.items())
    return tuple(sorted(found, key=lambda group: -len(group.agents)))


def _read_post(row: Placement | None) -> Post | None:
    return None if row is None else (row.place, row.programme)


_PUBLIC_SETTINGS = ("target", "thin")
"""Settings that say what the statuses mean."""
_UNKNOWN = float("nan")
_NO_BOUND = Bound("", *(_UNKNOWN,) * 6, {}, {}, 0, 0, 0)


def narrow_plan(plan: Plan, clients: Collection[str]) -> Plan:
    """Return a plan that holds these clients and nothing about others or about any person.

    Left out with the other clients: who works where, who moves, what is missing, what the checker
    found, the sites' seats, and the bounds and settings, which speak of all clients at once.
    """
    columns = [at for at, (_key, owner, _name) in enumerate(plan.programmes) if owner in clients]
    return replace(
        plan,
        clients=tuple(item for item in plan.clients if item[0] in clients),
        programmes=tuple(plan.programmes[at] for at in columns),
        sites=(),
        required=plan.required[:, columns],
        calls=plan.calls[:, columns],
        placements=(),
        reserve=(),
        scenarios={
            key: replace(scenario, placed=scenario.placed[:, columns], moves=(), penalty=_UNKNOWN, lp_penalty=_UNKNOWN)
            for key, scenario in plan.scenarios.items()
        },
        cells=tuple(cell for cell in plan.cells if cell.client in clients),
        verdicts=tuple(verdict for verdict in plan.verdicts if verdict.client in clients),
        bound=_NO_BOUND,
        missing=None,
        violations=(),
        home_days=(),
        teams=(),
        kits=(),
        sudden=tuple(row for row in plan.sudden if row.client in clients),
        settings={name: plan.settings[name] for name in _PUBLIC_SETTINGS if name in plan.settings},
    )
