"""What is missing of a large operator, which has no time for many plans.

Two sets are bought side by side, for the target itself and for an aim as much lower as whole
people were seen to lose, and planned again. Where a set does not hold it is mended: all that was
bought is kept, and the cheapest is added that makes the cells that failed miss less, in fractions,
by half as much again as whole people missed. So a set only grows, and what it had cured stays
cured in fractions. When one holds in the first round, the other is mended once, as long as it
stays the cheaper one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from releve.network import Operator
from releve.plan.candidate_groups import (
    CandidateGroups,
    add_candidate_groups,
    find_short_programmes,
)
from releve.plan.contingency import Contingency
from releve.plan.planner import SolvedDay
from releve.plan.progress import SearchProgress
from releve.plan.purchases.lp import (
    PurchaseSolution,
    find_incurable_cells,
    list_purchases,
    merge_purchases,
    solve_cheapest_set,
)
from releve.plan.purchases.replan import (
    ParallelMap,
    PurchaseTrial,
    ReplanTask,
    build_problem_with,
    measure_rounding_loss,
    replan_day,
)
from releve.plan.purchases.shortfall_targets import MatrixCells, ShortfallTargets
from releve.plan.purchases.values import sum_cost, summarize_purchases
from releve.plan.result import Purchase
from releve.plan.settings import PlanSettings

__all__ = ["PurchaseSet", "RepairTask", "find_large_set", "repair_set"]

ROUNDS = 4
"""Rounds of two plans side by side, at most."""
BOLDLY = 1.5
"""Times what whole people missed that a set is mended by. They miss a little more or less each
time a day is planned again, and at 5,000 agents another round takes two minutes."""
HARDER = 8
"""How often an aim is lowered again, each time by twice as much, before a set is given up to which
nothing would be added."""


def find_large_set(
    operator: Operator,
    solved: SolvedDay,
    wanted: MatrixCells,
    kinds: Sequence[str],
    steps: SearchProgress,
    run: ParallelMap,
) -> tuple[PurchaseTrial, float]:
    """Return a cheap set that makes the ``wanted`` cells hold and breaks no other, and the bound.

    As :func:`releve.plan.purchases.search.find_what_is_missing`, which calls it.
    """
    search = _LargeSearch(operator, solved, tuple(kinds), steps, run)
    return search.find_set(wanted), search.bound


@dataclass(frozen=True)
class _PurchaseTask:
    """A purchase to solve for, with all that a process of its own needs."""

    twins: CandidateGroups
    losses: tuple[Contingency, ...]
    aims: ShortfallTargets
    settings: PlanSettings
    kinds: tuple[str, ...]


def _solve_purchase(one: _PurchaseTask) -> PurchaseSolution:
    return solve_cheapest_set(one.twins, one.losses, one.aims.find_targets, one.settings, one.kinds)


@dataclass(frozen=True)
class PurchaseSet:
    """What is bought for some aims."""

    purchases: tuple[Purchase, ...]
    aims: ShortfallTargets


@dataclass(frozen=True)
class RepairTask:
    """A set to mend, with all that a process of its own needs."""

    operator: Operator
    solved: SolvedDay
    tried: PurchaseTrial
    kinds: tuple[str, ...]
    others: frozenset[str] = frozenset()
    """Losses that must go on to hold, beside those that failed: without them fractions find room
    for the failed ones that the whole plan does not have."""


def repair_set(failed: RepairTask) -> PurchaseSet | None:
    """Add the cheapest that makes the failed cells miss less; None where nothing does."""
    tried, solved = failed.tried, failed.solved
    better, problem = build_problem_with(ReplanTask(failed.operator, solved, tried.purchases))
    served = {agent for one in tried.purchases for agent in one.agents}
    short = find_short_programmes(problem, tried.left)
    twins = add_candidate_groups(better, problem, short, solved.settings, served)
    names = {name for name, _ in tried.left} | failed.others
    losses = tuple(c for c in solved.planning.contingencies if c.id in names)
    over = tried.misses.select_over(tried.left, problem.clients)
    over = {name: BOLDLY * share for name, share in over.items()}
    aims = tried.aims
    for _ in range(HARDER):
        aims = aims.lower(over)
        bought = _solve_purchase(_PurchaseTask(twins, losses, aims, solved.settings, failed.kinds))
        more = list_purchases(twins, bought, solved.settings)
        if more:
            return PurchaseSet(merge_purchases((*tried.purchases, *more)), aims)
        over = {name: 2 * share for name, share in over.items()}
    return None


class _LargeSearch:
    """Buys two sets, plans again with both, and mends them until one holds."""

    def __init__(
        self,
        operator: Operator,
        solved: SolvedDay,
        kinds: tuple[str, ...],
        steps: SearchProgress,
        run: ParallelMap,
    ) -> None:
        self._operator = operator
        self._solved = solved
        self._kinds = kinds
        self._steps = steps
        self._run = run
        self.bound = 0.0
        self.incurable: MatrixCells = frozenset()

    def find_set(self, wanted: MatrixCells) -> PurchaseTrial:
        """Return the cheapest set found that holds, or that misses in fewest cells."""
        tried = self._try_sets(1, self._solve_first(wanted))
        for turn in range(1, ROUNDS):
            best = min(tried, key=lambda one: one.order)
            failed = [one for one in tried if not one.held]
            if best.held:
                failed = failed if turn == 1 else []
            sets = [
                one
                for one in self._repair_sets(turn + 1, failed)
                if not best.held or sum_cost(one.purchases) < best.cost
            ]
            if not sets:
                break
            tried = [*self._try_sets(turn + 1, sets), *([best] if best.held else [])]
        return min(tried, key=lambda one: one.order)

    def _solve_first(self, wanted: MatrixCells) -> list[PurchaseSet]:
        """Buy for the target, which gives the bound and what is incurable, and for a lower aim."""
        self._steps.begin("round 1: looking for the cheapest sets")
        problem, settings = self._solved.planning.problem, self._solved.settings
        twins = add_candidate_groups(
            self._operator, problem, find_short_programmes(problem, wanted), settings
        )
        names = {name for name, _ in wanted}
        losses = tuple(c for c in self._solved.planning.contingencies if c.id in names)
        target = ShortfallTargets(settings.target, len(problem.clients))
        aims = (target, target.lower(measure_rounding_loss(self._solved)))
        sets = list(
            self._run(
                _solve_purchase,
                [_PurchaseTask(twins, losses, one, settings, self._kinds) for one in aims],
            )
        )
        self.bound = sets[0].bound
        self.incurable = find_incurable_cells(sets[0])
        return [
            PurchaseSet(list_purchases(twins, bought, settings), one)
            for bought, one in zip(sets, aims, strict=True)
        ]

    def _repair_sets(self, turn: int, failed: Sequence[PurchaseTrial]) -> list[PurchaseSet]:
        """Mend sets side by side; those that nothing mends are left out."""
        if failed:
            self._steps.begin(f"round {turn}: adding to {len(failed)} sets")
        work = [RepairTask(self._operator, self._solved, one, self._kinds) for one in failed]
        return [one for one in self._run(repair_set, work) if one is not None]

    def _try_sets(self, turn: int, sets: Sequence[PurchaseSet]) -> list[PurchaseTrial]:
        """Plan again with each set, side by side; of two that are the same, once."""
        once: dict[tuple[Purchase, ...], PurchaseSet] = {}
        for one in sets:
            once.setdefault(one.purchases, one)
        words = " and with ".join(summarize_purchases(purchases) for purchases in once)
        self._steps.begin(f"round {turn}: planning again with {words}")
        days = [ReplanTask(self._operator, self._solved, purchases) for purchases in once]
        tried = []
        for one, misses in zip(once.values(), self._run(replan_day, days), strict=True):
            tried.append(PurchaseTrial(one.purchases, one.aims, misses, self.incurable))
            self._steps.move(len(tried) / len(once))
        return tried
