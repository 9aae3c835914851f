"""Plan a day again with a set bought, as anyone does who has bought it, and see what it misses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np

from releve.network import Operator
from releve.plan.lower_bounds import client_requirement
from releve.plan.lp import Floats
from releve.plan.n1_program import KIND_WEIGHT
from releve.plan.planner import SolvedDay, seats_to_fill
from releve.plan.problem import Problem, day_problem
from releve.plan.purchases.shortfall_targets import Aims, Pairs
from releve.plan.purchases.values import cost_of, new_seats, with_purchases
from releve.plan.relief_matrix import cell_of
from releve.plan.result import BASE, SINGLE, Purchase
from releve.plan.solve import Planning, plan_problem

__all__ = [
    "Again",
    "Misses",
    "Run",
    "Tried",
    "lost_in_whole_people",
    "misses_of",
    "planned_again",
    "problem_with",
]

STAGES = ("floors", "n-1 programme", "whole people", "reliefs")
"""What planning again goes through."""

T = TypeVar("T")
R = TypeVar("R")


class Run(Protocol):
    """Does independent work, side by side or one after the other: as ``map`` does."""

    def __call__(self, work: Callable[[T], R], items: Iterable[T], /) -> Iterable[R]: ...


@dataclass(frozen=True)
class Misses:
    """What whole people miss on the base day and under the losses that were planned for.

    ``pairs`` are the cells of the base day and the single losses above their target; ``over``
    [id][client] how far every client is above it, in shares of its day.
    """

    pairs: Pairs
    over: dict[str, Floats]

    def over_in(self, pairs: Pairs, clients: Sequence[str]) -> dict[str, Floats]:
        """Return ``over`` of some cells, zero in all others."""
        out = {name: np.zeros(len(amount)) for name, amount in self.over.items()}
        for name, client in pairs:
            k = clients.index(client)
            out[name][k] = self.over[name][k]
        return out


@dataclass(frozen=True)
class Again:
    """A day to plan again with a set bought."""

    operator: Operator
    solved: SolvedDay
    purchases: tuple[Purchase, ...]


@dataclass(frozen=True)
class Tried:
    """A set bought for some aims and planned again: what it misses, and what nothing cures."""

    purchases: tuple[Purchase, ...]
    aims: Aims
    misses: Misses
    incurable: Pairs

    @property
    def cost(self) -> float:
        """EUR for all that is bought."""
        return cost_of(self.purchases)

    @property
    def left(self) -> Pairs:
        """The curable cells that miss their target."""
        return self.misses.pairs - self.incurable

    @property
    def held(self) -> bool:
        """Whether every curable cell reaches its target."""
        return not self.left

    @property
    def order(self) -> tuple[int, float]:
        """Sort key: what holds first, the cheapest of it; then what misses in fewest cells."""
        return (len(self.left), self.cost)

    def over(self, clients: Sequence[str]) -> tuple[tuple[str, str, float], ...]:
        """Return by what share of its day each cell that is left misses its target."""
        return tuple(
            (name, client, float(self.misses.over[name][clients.index(client)]))
            for name, client in sorted(self.left)
        )


def problem_with(again: Again) -> tuple[Operator, Problem]:
    """Return the operator with the set bought, and its day as arrays."""
    operator, solved = again.operator, again.solved
    seats = seats_to_fill(operator, solved.need, solved.seats)
    for site, count in new_seats(again.purchases).items():
        seats[site] += count
    better = with_purchases(operator, again.purchases)
    return better, day_problem(better, solved.need, seats, solved.settings)


def planned_again(again: Again, progress: Callable[[float], None] = lambda share: None) -> Misses:
    """Plan the day of the operator that has bought, as anyone does who does the same."""

    def show(stage: str, share: float) -> None:
        if stage in STAGES:
            progress((STAGES.index(stage) + share) / len(STAGES))

    solved = again.solved
    _, problem = problem_with(again)
    counted = [c for c in solved.planning.contingencies if c.kind in (*SINGLE, *KIND_WEIGHT)]
    return misses_of(solved, plan_problem(problem, counted, solved.settings, show, proved=False))


def misses_of(solved: SolvedDay, planning: Planning) -> Misses:
    """Return what a planning of a solved day misses."""
    target = solved.settings.target
    over = {name: np.maximum(0.0, share - target) for name, share in _shares(planning).items()}
    return Misses(_missed(solved, planning), over)


def lost_in_whole_people(solved: SolvedDay) -> dict[str, Floats]:
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


def _shares(planning: Planning) -> dict[str, Floats]:
    """Return the share of its day each client misses in whole people, base day and losses."""
    total = client_requirement(planning.problem)
    plans = [(BASE, planning.base)] + [
        (c.id, relief.plan)
        for c, relief in zip(planning.contingencies, planning.reliefs, strict=True)
    ]
    return {name: plan.missing / total for name, plan in plans}


def _missed(solved: SolvedDay, planning: Planning) -> Pairs:
    """Return the cells of the base day and of the single losses that miss their target."""
    problem = planning.problem
    rows = [(BASE, planning.base.placed)]
    rows += [
        (c.id, relief.plan.placed)
        for c, relief in zip(planning.contingencies, planning.reliefs, strict=True)
    ]
    larger = {c.id for c in planning.contingencies if c.kind not in SINGLE}
    cells = (
        cell_of(
            problem, solved.need, client, name, placed, float(planning.floors[row, client]),
            solved.settings,
        )
        for row, (name, placed) in enumerate(rows)
        if name not in larger
        for client in range(len(problem.clients))
    )  # fmt: skip
    return frozenset(
        (cell.contingency, cell.client) for cell in cells if cell.status in ("missed", "contract")
    )
