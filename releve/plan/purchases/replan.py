"""Plan a day again with a set bought, as anyone does who has bought it, and see what it misses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np

from releve.network import Operator
from releve.plan.day_solution import Planning, solve_problem
from releve.plan.lower_bounds import sum_client_requirement
from releve.plan.lp import Floats
from releve.plan.n1_rows import KIND_WEIGHT
from releve.plan.planner import SolvedDay, count_seats_to_fill
from releve.plan.problem import DayProblem, build_day_problem
from releve.plan.purchases.shortfall_targets import MatrixCells, ShortfallTargets
from releve.plan.purchases.values import apply_purchases, count_new_seats, sum_cost
from releve.plan.relief_matrix import build_cell
from releve.plan.result import BASE, SINGLE, Purchase

__all__ = [
    "CellMisses",
    "ParallelMap",
    "PurchaseTrial",
    "ReplanTask",
    "build_problem_with",
    "measure_misses",
    "measure_rounding_loss",
    "replan_day",
]

STAGES = ("floors", "n-1 programme", "whole people", "reliefs")
"""What planning again goes through."""

T = TypeVar("T")
R = TypeVar("R")


class ParallelMap(Protocol):
    """Does independent work, side by side or one after the other: as ``map`` does."""

    def __call__(self, work: Callable[[T], R], items: Iterable[T], /) -> Iterable[R]: ...


@dataclass(frozen=True)
class CellMisses:
    """What whole people miss on the base day and under the losses that were planned for.

    ``pairs`` are the cells of the base day and the single losses above their target; ``over``
    [id][client] how far every client is above it, in shares of its day.
    """

    pairs: MatrixCells
    over: dict[str, Floats]

    def select_over(self, pairs: MatrixCells, clients: Sequence[str]) -> dict[str, Floats]:
        """Return ``over`` of some cells, zero in all others."""
        out = {name: np.zeros(len(amount)) for name, amount in self.over.items()}
        for name, client in pairs:
            k = clients.index(client)
            out[name][k] = self.over[name][k]
        return out


@dataclass(frozen=True)
class ReplanTask:
    """A day to plan again with a set bought."""

    operator: Operator
    solved: SolvedDay
    purchases: tuple[Purchase, ...]


@dataclass(frozen=True)
class PurchaseTrial:
    """A set bought for some aims and planned again: what it misses, and what nothing cures."""

    purchases: tuple[Purchase, ...]
    aims: ShortfallTargets
    misses: CellMisses
    incurable: MatrixCells

    @property
    def cost(self) -> float:
        """EUR for all that is bought."""
        return sum_cost(self.purchases)

    @property
    def left(self) -> MatrixCells:
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

    def list_over(self, clients: Sequence[str]) -> tuple[tuple[str, str, float], ...]:
        """Return by what share of its day each cell that is left misses its target."""
        return tuple(
            (name, client, float(self.misses.over[name][clients.index(client)]))
            for name, client in sorted(self.left)
        )


def build_problem_with(again: ReplanTask) -> tuple[Operator, DayProblem]:
    """Return the operator with the set bought, and its day as arrays."""
    operator, solved = again.operator, again.solved
    seats = count_seats_to_fill(operator, solved.need, solved.seats)
    for site, count in count_new_seats(again.purchases).items():
        seats[site] += count
    better = apply_purchases(operator, again.purchases)
    return better, build_day_problem(better, solved.need, seats, solved.settings, solved.presence)


def replan_day(
    again: ReplanTask, progress: Callable[[float], None] = lambda share: None
) -> CellMisses:
    """Plan the day of the operator that has bought, as anyone does who does the same."""

    def show(stage: str, share: float) -> None:
        if stage in STAGES:
            progress((STAGES.index(stage) + share) / len(STAGES))

    solved = again.solved
    _, problem = build_problem_with(again)
    counted = [c for c in solved.planning.contingencies if c.kind in (*SINGLE, *KIND_WEIGHT)]
    return measure_misses(
        solved, solve_problem(problem, counted, solved.settings, show, proved=False)
    )


def measure_misses(solved: SolvedDay, planning: Planning) -> CellMisses:
    """Return what a planning of a solved day misses."""
    target = solved.settings.target
    over = {
        name: np.maximum(0.0, share - target) for name, share in _measure_shares(planning).items()
    }
    return CellMisses(_list_missed_cells(solved, planning), over)


def measure_rounding_loss(solved: SolvedDay) -> dict[str, Floats]:
    """Return, for the clients that miss their target somewhere, the most that whole people missed
    beyond the fractional plan, under every loss that was planned for.

    Where it shows under one loss today it may under another once that is bought for.
    """
    planning, target = solved.planning, solved.settings.target
    most = np.zeros(len(planning.problem.clients))
    linked = [c.id for c in planning.contingencies if c.id in planning.secure.share]
    shares = _measure_shares(planning)
    for name in linked:
        least = np.maximum(target, planning.secure.share[name])
        most = np.maximum(most, shares[name] - least)
    return dict.fromkeys(linked, most)


def _measure_shares(planning: Planning) -> dict[str, Floats]:
    """Return the share of its day each client misses in whole people, base day and losses."""
    total = sum_client_requirement(planning.problem)
    plans = [(BASE, planning.base)] + [
        (c.id, relief.plan)
        for c, relief in zip(planning.contingencies, planning.reliefs, strict=True)
    ]
    return {name: plan.missing / total for name, plan in plans}


def _list_missed_cells(solved: SolvedDay, planning: Planning) -> MatrixCells:
    """Return the cells of the base day and of the single losses that miss their target."""
    problem = planning.problem
    rows = [(BASE, planning.base.placed)]
    rows += [
        (c.id, relief.plan.placed)
        for c, relief in zip(planning.contingencies, planning.reliefs, strict=True)
    ]
    larger = {c.id for c in planning.contingencies if c.kind not in SINGLE}
    cells = (
        build_cell(
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
