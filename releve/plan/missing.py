"""What is missing: the cheapest laptops, skills and seats that make every curable cell hold.

The base day and the single losses that miss their target are put into one programme, with
purchase columns: a *twin* of a group can work at home, or on one more programme, and people are
bought over from the group to its twin; a site can have more seats. A very dear slack per client
and loss shows what nothing on the list cures. The answer is rounded up to whole purchases, bought,
and the day planned again; losses that still miss are added and aimed at lower until it holds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from releve.network import Operator
from releve.plan.blocks import Block, Layout, add_block, add_caps, layout_of, lost_assignments
from releve.plan.cells import cell_of
from releve.plan.contingency import Contingency
from releve.plan.floors import client_requirement
from releve.plan.lp import Floats, Ints, LinearProgram, solve
from releve.plan.planner import SolvedDay, seats_to_fill
from releve.plan.problem import Problem, day_problem
from releve.plan.purchases import new_seats, with_purchases
from releve.plan.result import BASE, SINGLE, Cell, Purchase, WhatIsMissing
from releve.plan.secure import add_exposure, add_shares, add_target
from releve.plan.settings import PlanSettings
from releve.plan.solve import Planning, plan_problem
from releve.plan.twins import Twins, with_twins

__all__ = ["KINDS", "cheapest_set", "what_is_missing"]

KINDS = ("laptop", "skill", "seat")
SLACK_PRICE = 2e6
"""EUR for one whole client's day that nothing cures: dearer than anything on the list."""
VERTEX = 60_000
"""Columns up to which the purchase is solved to a vertex, which buys from few groups."""
ROUNDS = 8
STEP = 0.002
"""How much further than by what was missed the aim of a cell is lowered."""


@dataclass(frozen=True)
class _Bought:
    """A set of purchases: people per twin, seats per site; cost and bound in EUR. ``vertex``: the
    programme was small enough for one."""

    people: Ints
    seats: Ints
    cost: float
    bound: float
    slack: dict[tuple[str, str], float]
    vertex: bool

    def same(self, other: _Bought) -> bool:
        """Return whether the same is bought."""
        return np.array_equal(self.people, other.people) and np.array_equal(self.seats, other.seats)


def what_is_missing(
    operator: Operator,
    solved: SolvedDay,
    kinds: Sequence[str] = KINDS,
    progress: Callable[[float], None] = lambda share: None,
) -> WhatIsMissing:
    """Return the cheapest set (of the given kinds) that makes every curable single loss hold.

    Costs are EUR at the prices of the settings. ``checked`` tells whether the day, planned again
    with the set bought, held every cell that is not named incurable.
    """
    planning, settings = solved.planning, solved.settings
    cells = _cells(solved, planning)
    wanted = _missed(cells)
    if not wanted:
        return WhatIsMissing((), 0.0, 0.0, (), True)
    twins = with_twins(operator, planning.problem, _short_programmes(planning, wanted), settings)
    best = _search(operator, solved, twins, {name for name, _ in wanted}, kinds, progress)
    for kind in kinds if len(kinds) > 1 and best is not None and best.bought.vertex else ():
        # Rounded up, a small mixed set can be dearer than one of a single kind.
        other = _search(operator, solved, twins, {name for name, _ in wanted}, (kind,), under=best)
        best = other or best
    assert best is not None
    return WhatIsMissing(
        purchases=best.purchases,
        cost=best.bought.cost,
        lower_bound=best.bound,
        incurable=tuple(sorted(best.incurable)),
        checked=best.held,
    )


@dataclass(frozen=True)
class _Found:
    """A set that was planned again: what it does not cure, and whether all else ``held``."""

    purchases: tuple[Purchase, ...]
    bought: _Bought
    bound: float
    incurable: frozenset[tuple[str, str]]
    held: bool


def _search(
    operator: Operator,
    solved: SolvedDay,
    twins: Twins,
    missed: set[str],
    kinds: Sequence[str],
    progress: Callable[[float], None] = lambda share: None,
    under: _Found | None = None,
) -> _Found | None:
    """Buy, plan again, aim lower where it is still missed, until it holds; None when it cannot be
    cheaper than ``under``.

    The bound is that of the first round: of the target itself, not of a lower aim.
    """
    settings, planning = solved.settings, solved.planning
    aims = _Aims(settings.target, len(planning.problem.clients))
    chosen, bound, found, again = missed - {BASE}, 0.0, None, planning
    for turn in range(ROUNDS):
        singles = [c for c in planning.contingencies if c.id in chosen]
        bought = cheapest_set(twins, singles, aims.of, settings, kinds)
        bound = bound if turn else bought.bound
        incurable = frozenset(
            pair for pair, value in bought.slack.items() if value > settings.target / 10
        )
        if under and not _better(bought, incurable, under):
            return None
        progress((turn + 0.5) / ROUNDS)
        if found is None or not bought.same(found.bought):
            purchases = _purchases(twins, bought, planning, settings)
            again = _planned_again(operator, solved, purchases)
        left = _missed(_cells(solved, again)) - incurable
        progress((turn + 1) / ROUNDS)
        bound = min(bound, under.bound) if under else bound
        found = _Found(purchases, bought, bound, incurable, not left)
        if not left:
            return found
        chosen |= {name for name, _ in left} - {BASE}
        aims.lower(left, again)
    return None if under else found


class _Aims:
    """What share of its day a client is bought to miss at most, loss by loss.

    Whole people miss a little more than the fractions that are bought for. Only where they still
    miss the target is the aim lowered, by what they missed and a step more.
    """

    def __init__(self, target: float, clients: int) -> None:
        self._target = target
        self._clients = clients
        self._aims: dict[str, Floats] = {}

    def of(self, name: str) -> Floats:
        """Return the aim of each client under a loss (or on the base day)."""
        return self._aims.setdefault(name, np.full(self._clients, self._target))

    def lower(self, missed: set[tuple[str, str]], planning: Planning) -> None:
        """Lower the aims of the cells that a plan in whole people missed."""
        problem = planning.problem
        plans = {BASE: planning.base} | {
            c.id: relief.plan
            for c, relief in zip(planning.contingencies, planning.reliefs, strict=True)
        }
        for name, client in missed:
            k = problem.clients.index(client)
            share = plans[name].missing[k] / client_requirement(problem)[k]
            over = max(0.0, share - self._target)
            self.of(name)[k] = max(0.0, self.of(name)[k] - over - STEP)


def _planned_again(
    operator: Operator, solved: SolvedDay, purchases: Sequence[Purchase]
) -> Planning:
    """Plan the day of the operator that has bought: what anyone gets who does the same."""
    seats = seats_to_fill(operator, solved.need, solved.seats)
    for site, count in new_seats(purchases).items():
        seats[site] += count
    better = with_purchases(operator, purchases)
    problem = day_problem(better, solved.need, seats, solved.settings)
    return plan_problem(problem, solved.planning.contingencies, solved.settings)


def _better(bought: _Bought, incurable: frozenset[tuple[str, str]], than: _Found) -> bool:
    """Return whether a set cures as much for less, if it holds."""
    return incurable <= than.incurable and (bought.cost < than.bought.cost or not than.held)


def _cells(solved: SolvedDay, planning: Planning) -> list[Cell]:
    """Return the cells of the base day and of the single losses."""
    problem = planning.problem
    rows = [(BASE, planning.base.placed)]
    rows += [
        (c.id, relief.plan.placed)
        for c, relief in zip(planning.contingencies, planning.reliefs, strict=True)
    ]
    larger = {c.id for c in planning.contingencies if c.kind not in SINGLE}
    return [
        cell_of(
            problem, solved.need, client, name, placed, float(planning.floors[row, client]),
            solved.settings,
        )
        for row, (name, placed) in enumerate(rows)
        if name not in larger
        for client in range(len(problem.clients))
    ]  # fmt: skip


def _missed(cells: Sequence[Cell]) -> set[tuple[str, str]]:
    return {(c.contingency, c.client) for c in cells if c.status in ("missed", "contract")}


def _short_programmes(planning: Planning, wanted: set[tuple[str, str]]) -> list[int]:
    """Return the programmes of the clients that miss their target somewhere."""
    clients = {client for _, client in wanted}
    names = planning.problem.clients
    return [p for p, c in enumerate(planning.problem.client) if names[c] in clients]


def cheapest_set(
    twins: Twins,
    singles: Sequence[Contingency],
    aim: Callable[[str], Floats],
    settings: PlanSettings,
    kinds: Sequence[str] = KINDS,
) -> _Bought:
    """Solve for the cheapest purchases under which base and ``singles`` miss at most what
    ``aim(id)[client]`` allows."""
    problem = twins.problem
    lp = LinearProgram()
    layout = layout_of(twins.roomy())
    prices = {"laptop": settings.laptop_price, "skill": settings.skill_price}
    price = np.array([prices[kind] for kind in twins.kind])
    apart = price * (1.0 + 1e-4 * np.arange(len(price)) / max(1, len(price)))
    most = np.where(np.isin(twins.kind, kinds), problem.size[twins.source], 0)
    people = lp.columns(len(price), apart, upper=most.astype(float))
    seats = lp.columns(
        len(problem.sites), settings.seat_price, upper=twins.room if "seat" in kinds else 0.0
    )
    nothing = lost_assignments(problem, None)
    tie = problem.price * 1e-3
    base = add_block(lp, problem, layout, lost=nothing, price=tie, shortfall_cost=1e-3)
    add_caps(lp, problem, layout, base)
    _spend(lp, twins, layout, base, base.group_rows, people, seats)
    slack = {
        BASE: add_target(
            lp, add_shares(lp, problem, layout, base), _zeros(problem), aim(BASE), SLACK_PRICE
        )
    }
    for single in singles:
        lost = lost_assignments(problem, single)
        block = add_block(lp, problem, layout, lost=lost, price=tie, shortfall_cost=1e-3)
        _spend(lp, twins, layout, block, block.group_rows, people, seats)
        if single.exposed:
            links = add_exposure(lp, problem, single, base, block, settings.isolated)
            rows = np.full(len(problem.size), -1, dtype=np.int64)
            rows[problem.group[links.assignments]] = links.on_rows
            _move_people(lp, twins, rows, people)
        share = add_shares(lp, problem, layout, block)
        slack[single.id] = add_target(lp, share, _zeros(problem), aim(single.id), SLACK_PRICE)
    vertex = lp.n_columns < VERTEX
    x = solve(lp, method="ipm", crossover=vertex).x
    bought = np.ceil(x[people] - 1e-4) if vertex else _rounded_up(twins, x[people], most)
    bought = _within_groups(twins, np.minimum(bought, most).astype(np.int64), x[people])
    more = np.ceil(x[seats] - 1e-3).astype(np.int64)
    return _Bought(
        people=bought,
        seats=more,
        cost=float(bought @ price + more.sum() * settings.seat_price),
        bound=float(x[people] @ price + x[seats].sum() * settings.seat_price),
        slack={
            (name, problem.clients[c]): float(x[column])
            for name, columns in slack.items()
            for c, column in enumerate(columns)
        },
        vertex=vertex,
    )


def _rounded_up(twins: Twins, wanted: Floats, most: Ints) -> Ints:
    """Round up per kind, home site and skill: an interior solution spreads one person over many
    groups that are as good."""
    lines: dict[tuple[str, str, str], list[int]] = {}
    for i, source in enumerate(twins.source):
        site = twins.problem.groups.groups[source].home_site
        lines.setdefault((twins.kind[i], site, twins.learns[i]), []).append(i)
    bought = np.zeros(len(wanted), dtype=np.int64)
    for members in lines.values():
        left = int(np.ceil(wanted[members].sum() - 0.05))
        for i in sorted(members, key=lambda i: -wanted[i]):
            bought[i] = min(left, int(most[i]), int(np.ceil(wanted[i])))
            left -= int(bought[i])
    return bought


def _within_groups(twins: Twins, bought: Ints, wanted: Floats) -> Ints:
    """Take back what rounding up buys for more people than a group has, the least wanted first."""
    over = np.bincount(twins.source, weights=bought, minlength=len(twins.problem.size))
    for source in np.nonzero(over > twins.problem.size)[0]:
        mine = np.nonzero(twins.source == source)[0]
        while bought[mine].sum() > twins.problem.size[source]:
            bought[
                mine[np.argmax(np.where(bought[mine] > 0, bought[mine] - wanted[mine], -1.0))]
            ] -= 1
    return bought


def _zeros(problem: Problem) -> Floats:
    return np.zeros(len(problem.clients))


def _spend(
    lp: LinearProgram,
    twins: Twins,
    layout: Layout,
    block: Block,
    group_rows: Ints,
    people: Ints,
    seats: Ints,
) -> None:
    """Let the purchases count in a block."""
    _move_people(lp, twins, group_rows, people)
    lp.add(block.seat_rows, seats[layout.seat_m], -1.0)


def _move_people(lp: LinearProgram, twins: Twins, rows: Ints, people: Ints) -> None:
    """People bought over leave the rows of their group and enter those of their twin."""
    source, twin = rows[twins.source], rows[twins.twin]
    lp.add(source[source >= 0], people[source >= 0])
    lp.add(twin[twin >= 0], people[twin >= 0], -1.0)


def _purchases(
    twins: Twins, bought: _Bought, planning: Planning, settings: PlanSettings
) -> tuple[Purchase, ...]:
    problem = planning.problem
    out = []
    taken: dict[int, int] = {}
    for i in np.nonzero(bought.people)[0]:
        source = int(twins.source[i])
        first = taken.get(source, 0)
        count = int(bought.people[i])
        taken[source] = first + count
        out.append(
            Purchase(
                kind=twins.kind[i],
                count=count,
                unit_price=getattr(settings, f"{twins.kind[i]}_price"),
                where=problem.groups.groups[source].home_site,
                programme=twins.learns[i],
                agents=problem.groups.members[source][first : first + count],
            )
        )
    out += [
        Purchase("seat", int(bought.seats[m]), settings.seat_price, problem.sites[m])
        for m in np.nonzero(bought.seats)[0]
    ]
    return tuple(_merged(out))


def _merged(purchases: Sequence[Purchase]) -> list[Purchase]:
    """Put purchases of one kind, place and programme on one line."""
    lines: dict[tuple[str, str, str], Purchase] = {}
    for one in purchases:
        key = (one.kind, one.where, one.programme)
        if key in lines:
            one = replace(
                lines[key], count=lines[key].count + one.count,
                agents=lines[key].agents + one.agents,
            )  # fmt: skip
        lines[key] = one
    return sorted(lines.values(), key=lambda one: (-one.count * one.unit_price, one.where))
