"""Two plans of a day compared, and a plan narrowed to what one client may see.

A narrowed plan holds the client's own row and cells, no people, prices or names; pages for clients
are built from it, so nothing else can reach them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from math import isfinite
from typing import Literal

from releve.plan.named_assignments import list_moves
from releve.plan.result import BASE, Bound, Move, Placement, Plan
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
    None where nothing is required or that is not known.
    """

    client: str
    name: str
    before: Status | None
    after: Status
    worse: bool
    worst_before: float | None = None
    worst_after: float | None = None


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
    whatever single place is lost; ``moves``, the largest group first; ``kinds``: whose work changes,
    by kind, ``moved`` of them asked for an answer; ``cost`` in EUR of what is missing, None where that
    is not known. ``kits_out`` are the agents who take a kit of their site home and did not before,
    ``kits_back`` those who bring theirs back.
    """

    day: date
    change: DayChange
    clients: tuple[StatusChange, ...]
    secure: int
    secure_before: int | None
    placed: int
    reserve: int
    moved: int
    moves: tuple[MoveGroup, ...]
    cost: float | None
    kinds: tuple[KindCount, ...] = ()
    kits_out: tuple[str, ...] = ()
    kits_back: tuple[str, ...] = ()


def compare_plans(before: Plan | None, after: Plan) -> ComparedPlan:
    """Return a day's plan beside the one before it; None: the day was not planned."""
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
        placed=len(after.placements),
        reserve=len(after.reserve),
        moved=count_asked(kinds),
        moves=group_moves(moves),
        cost=None if after.missing is None else after.missing.cost,
        kinds=kinds,
        kits_out=tuple(sorted(after.kit_holders - held)),
        kits_back=tuple(sorted(held - after.kit_holders)),
    )


def _count_secure(plan: Plan) -> int:
    return sum(verdict.secure for verdict in plan.verdicts)


def _compare_clients(before: Plan | None, after: Plan) -> Iterator[StatusChange]:
    names = dict(after.clients)
    had = {} if before is None else {row.client: row.status for row in before.verdicts}
    rows = []
    for verdict in after.verdicts:
        old, status = had.get(verdict.client), verdict.status
        worse = old is not None and SEVERITY.index(status) < SEVERITY.index(old)
        worst = (None if plan is None else _find_worst(plan, verdict.client) for plan in (before, after))
        rows.append(StatusChange(verdict.client, names[verdict.client], old, status, worse, *worst))
    yield from sorted(rows, key=lambda row: (not row.worse, SEVERITY.index(row.after), row.name))


def _find_worst(plan: Plan, client: str) -> float | None:
    cell = plan.cell.get((client, BASE))
    if cell is None or cell.worst_interval < 0 or not isfinite(cell.worst_coverage):
        return None
    return cell.worst_coverage


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
