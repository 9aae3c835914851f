"""What is missing: the cheapest laptops, skills and seats that make every curable cell hold.

A set is bought (:mod:`releve.plan.buying`) for the base day and the single losses that miss their
target, and the day is planned again with it. Whole people miss a little more than the fractions
that are bought for; where they still miss, the set is bought again for a lower aim, until it holds.
A large operator has no time for many rounds: there the aim is lowered at once by what whole people
were seen to lose, beside the target itself, and the sets are tried side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np

from releve.network import Operator
from releve.plan.buying import KINDS, Bought, cheapest_set, purchases_of
from releve.plan.cells import cell_of
from releve.plan.contingency import Contingency
from releve.plan.floors import client_requirement
from releve.plan.lp import Floats
from releve.plan.planner import SolvedDay, seats_to_fill
from releve.plan.problem import day_problem
from releve.plan.purchases import new_seats, with_purchases
from releve.plan.result import BASE, SINGLE, Cell, Purchase, WhatIsMissing
from releve.plan.secure import KIND_WEIGHT
from releve.plan.settings import PlanSettings
from releve.plan.solve import FEW, Planning, plan_problem
from releve.plan.twins import Twins, with_twins

__all__ = ["Run", "what_is_missing"]

ROUNDS = 8
LARGE_ROUNDS = 2
"""Rounds for a large operator, of two sets each: what six minutes on two cores allow."""
STEP = 0.002
"""How much further than by what was missed the aim of a cell is lowered."""
HALVINGS = 3
"""Sets tried between the aim that failed last and the one that held, for one that is cheaper."""
T = TypeVar("T")
R = TypeVar("R")
Pairs = set[tuple[str, str]]


class Run(Protocol):
    """Does independent work, side by side or one after the other: as ``map`` does."""

    def __call__(self, work: Callable[[T], R], items: Iterable[T], /) -> Iterable[R]: ...


def what_is_missing(
    operator: Operator,
    solved: SolvedDay,
    kinds: Sequence[str] = KINDS,
    progress: Callable[[float], None] = lambda share: None,
    run: Run = map,
) -> WhatIsMissing:
    """Return the cheapest set (of the given kinds) that makes every curable single loss hold.

    Costs are EUR at the prices of the settings. ``checked`` tells whether the day, planned again
    with the set bought, held every cell that is not named incurable. ``run`` may do the work of a
    large operator in two processes (its items and results can be pickled).
    """
    planning, settings = solved.planning, solved.settings
    wanted = _missed(_cells(solved, planning))
    if not wanted:
        return WhatIsMissing((), 0.0, 0.0, (), True)
    twins = with_twins(operator, planning.problem, _short_programmes(planning, wanted), settings)
    search = _Search(operator, solved, twins, wanted, run)
    best = search.found(kinds, progress)
    for kind in kinds if len(kinds) > 1 and best is not None and best.bought.vertex else ():
        # Rounded up, a small mixed set can be dearer than one of a single kind.
        best = search.found((kind,), under=best) or best
    assert best is not None
    return WhatIsMissing(
        purchases=best.purchases,
        cost=best.bought.cost,
        lower_bound=best.bound,
        incurable=tuple(sorted(best.incurable)),
        checked=best.held,
    )


class _Aims:
    """What share of its day a client is bought to miss at most, loss by loss.

    Whole people miss a little more than the fractions that are bought for.
    """

    def __init__(self, target: float, clients: int) -> None:
        self._target = target
        self._clients = clients
        self._aims: dict[str, Floats] = {}

    def of(self, name: str) -> Floats:
        """Return the aim of each client under a loss (or on the base day)."""
        return self._aims.get(name, np.full(self._clients, self._target))

    def halfway(self, other: _Aims) -> _Aims:
        """Return the aims halfway to others."""
        out = _Aims(self._target, self._clients)
        for name in (*self._aims, *other._aims):
            out._aims[name] = (self.of(name) + other.of(name)) / 2
        return out

    def lowered(self, over: dict[str, Floats], times: float = 1.0) -> _Aims:
        """Return lower aims, by ``over[id][client]`` (times a factor) and a step where it is more
        than nothing."""
        out = _Aims(self._target, self._clients)
        out._aims = dict(self._aims)
        for name, amount in over.items():
            less = np.where(amount > 0, times * (amount + STEP), 0.0)
            out._aims[name] = np.maximum(0.0, self.of(name) - less)
        return out


@dataclass(frozen=True)
class _Tried:
    """A set that was planned again: what it does not cure, what still misses (``left``) and by
    how much (``over[id][client]``, of all cells that miss)."""

    purchases: tuple[Purchase, ...]
    bought: Bought
    aims: _Aims
    bound: float
    incurable: frozenset[tuple[str, str]]
    left: Pairs
    over: dict[str, Floats]

    @property
    def held(self) -> bool:
        return not self.left

    @property
    def order(self) -> tuple[int, float]:
        """Sort key: what holds first, the cheapest of it; then what misses least."""
        return (len(self.left), self.bought.cost)


@dataclass(frozen=True)
class _Aim:
    """A purchase to solve for, with all that a process of its own needs."""

    twins: Twins
    singles: tuple[Contingency, ...]
    aims: _Aims
    settings: PlanSettings
    kinds: tuple[str, ...]


def _bought(aim: _Aim) -> Bought:
    return cheapest_set(aim.twins, aim.singles, aim.aims.of, aim.settings, aim.kinds)


@dataclass(frozen=True)
class _Again:
    """A day to plan again with a set bought."""

    operator: Operator
    solved: SolvedDay
    purchases: tuple[Purchase, ...]


def _planned_again(again: _Again) -> tuple[Pairs, dict[str, Floats]]:
    """Plan the day of the operator that has bought, as anyone does who does the same; return the
    cells that miss their target, and by how much."""
    operator, solved = again.operator, again.solved
    seats = seats_to_fill(operator, solved.need, solved.seats)
    for site, count in new_seats(again.purchases).items():
        seats[site] += count
    better = with_purchases(operator, again.purchases)
    problem = day_problem(better, solved.need, seats, solved.settings)
    counted = [c for c in solved.planning.contingencies if c.kind in (*SINGLE, *KIND_WEIGHT)]
    planning = plan_problem(problem, counted, solved.settings)
    return _missed(_cells(solved, planning)), _over(solved, planning)


class _Search:
    """Buys, plans again, and aims lower where it is still missed, until it holds."""

    def __init__(
        self, operator: Operator, solved: SolvedDay, twins: Twins, wanted: Pairs, run: Run
    ) -> None:
        self._operator = operator
        self._solved = solved
        self._twins = twins
        self._missed = {name for name, _ in wanted} - {BASE}
        self._run = run
        self._large = len(solved.planning.problem.group) > FEW
        self._tried: dict[tuple[Purchase, ...], tuple[Pairs, dict[str, Floats]]] = {}

    def found(
        self,
        kinds: Sequence[str],
        progress: Callable[[float], None] = lambda share: None,
        under: _Tried | None = None,
    ) -> _Tried | None:
        """Return the cheapest set found that holds, or that misses least after all rounds; None
        when it cannot be cheaper than ``under``.

        The bound is that of the target itself, not of a lower aim.
        """
        chosen, bound = set(self._missed), float("inf")
        aims = self._first_aims()
        best: _Tried | None = None
        for turn in range(LARGE_ROUNDS if self._large else ROUNDS):
            tried, least = self._tries(chosen, aims, kinds, under, bound)
            bound = least if turn == 0 else bound
            if not tried:
                return None
            failed, best = best, min(tried, key=lambda one: one.order)
            progress((turn + 1) / (LARGE_ROUNDS if self._large else ROUNDS))
            if best.held and failed is not None and not self._large:
                best = self._narrowed(chosen, failed.aims, best, kinds)
            if best.held:
                return best
            chosen |= {name for name, _ in best.left} - {BASE}
            aims = self._next_aims(best)
        return None if under else best

    def _narrowed(
        self, chosen: set[str], failed: _Aims, held: _Tried, kinds: Sequence[str]
    ) -> _Tried:
        """Return a cheaper set that holds, for aims between those that failed and that held."""
        aims = held.aims
        for _ in range(HALVINGS):
            middle = failed.halfway(aims)
            tried, _least = self._tries(chosen, [middle], kinds, held, held.bound)
            if tried and tried[0].held:
                held, aims = tried[0], middle
            elif tried:
                failed = middle
            else:
                aims = middle
        return held

    def _tries(
        self,
        chosen: set[str],
        aims: Sequence[_Aims],
        kinds: Sequence[str],
        under: _Tried | None,
        bound: float,
    ) -> tuple[list[_Tried], float]:
        """Buy for each aim and plan again with what could be better than ``under``; return also
        the proved cost of the first aim."""
        sets = self._bought(chosen, aims, kinds)
        least = sets[0].bound
        bound = min(bound, least, under.bound if under else least)
        wanted = [(one, by, self._incurable(one, by)) for one, by in zip(sets, aims, strict=True)]
        if under is not None:
            wanted = [one for one in wanted if _better(one[0], one[2], under)]
        return self._planned(wanted, bound), least

    def _first_aims(self) -> list[_Aims]:
        planning = self._solved.planning
        target = _Aims(self._solved.settings.target, len(planning.problem.clients))
        if not self._large:
            return [target]
        return [target, target.lowered(_lost_in_whole_people(self._solved))]

    def _next_aims(self, best: _Tried) -> list[_Aims]:
        over = {name: np.zeros(len(amount)) for name, amount in best.over.items()}
        clients = self._twins.problem.clients
        for name, client in best.left:
            k = clients.index(client)
            over[name][k] = best.over[name][k]
        once = best.aims.lowered(over)
        return [once, best.aims.lowered(over, 2.0)] if self._large else [once]

    def _bought(
        self, chosen: set[str], aims: Sequence[_Aims], kinds: Sequence[str]
    ) -> list[Bought]:
        singles = tuple(c for c in self._solved.planning.contingencies if c.id in chosen)
        settings = self._solved.settings
        return list(
            self._run(
                _bought, [_Aim(self._twins, singles, one, settings, tuple(kinds)) for one in aims]
            )
        )

    def _incurable(self, bought: Bought, aims: _Aims) -> frozenset[tuple[str, str]]:
        """Return what misses its target, not only a lower aim, whatever is bought."""
        target, clients = self._solved.settings.target, self._twins.problem.clients
        return frozenset(
            (name, client)
            for (name, client), slack in bought.slack.items()
            if slack > target / 10 + target - aims.of(name)[clients.index(client)]
        )

    def _planned(
        self, sets: Sequence[tuple[Bought, _Aims, frozenset[tuple[str, str]]]], bound: float
    ) -> list[_Tried]:
        """Plan again with each set; one that was tried is not planned again."""
        settings = self._solved.settings
        lists = [purchases_of(self._twins, bought, settings) for bought, _, _ in sets]
        new = [one for one in dict.fromkeys(lists) if one not in self._tried]
        days = [_Again(self._operator, self._solved, one) for one in new]
        self._tried.update(zip(new, self._run(_planned_again, days), strict=True))
        return [
            _Tried(
                lines, bought, aims, bound, incurable,
                self._tried[lines][0] - incurable, self._tried[lines][1],
            )
            for lines, (bought, aims, incurable) in zip(lists, sets, strict=True)
        ]  # fmt: skip


def _better(bought: Bought, incurable: frozenset[tuple[str, str]], than: _Tried) -> bool:
    """Return whether a set cures as much for less, if it holds."""
    return incurable <= than.incurable and (bought.cost < than.bought.cost or not than.held)


def _shares(planning: Planning) -> dict[str, Floats]:
    """Return the share of its day each client misses in whole people, base day and losses."""
    total = client_requirement(planning.problem)
    plans = [(BASE, planning.base)] + [
        (c.id, relief.plan)
        for c, relief in zip(planning.contingencies, planning.reliefs, strict=True)
    ]
    return {name: plan.missing / total for name, plan in plans}


def _over(solved: SolvedDay, planning: Planning) -> dict[str, Floats]:
    """Return how far each client misses its target."""
    target = solved.settings.target
    return {name: np.maximum(0.0, share - target) for name, share in _shares(planning).items()}


def _lost_in_whole_people(solved: SolvedDay) -> dict[str, Floats]:
    """Return, for the clients that miss their target somewhere, the most that whole people missed
    beyond the fractional plan, under every loss that was planned for.

    Where it shows under one loss today it may under another once that is bought for.
    """
    planning, target = solved.planning, solved.settings.target
    most = np.zeros(len(planning.problem.clients))
    linked = [c.id for c in planning.contingencies if c.id in planning.secure.share]
    shares = _shares(planning)
    for name in linked:
        least = np.maximum(target, planning.secure.share[name])
        most = np.maximum(most, shares[name] - least)
    return dict.fromkeys(linked, most)


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


def _missed(cells: Sequence[Cell]) -> Pairs:
    return {(c.contingency, c.client) for c in cells if c.status in ("missed", "contract")}


def _short_programmes(planning: Planning, wanted: Pairs) -> list[int]:
    """Return the programmes of the clients that miss their target somewhere."""
    clients = {client for _, client in wanted}
    names = planning.problem.clients
    return [p for p, c in enumerate(planning.problem.client) if names[c] in clients]
