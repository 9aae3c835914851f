"""Search the cheapest laptops, skills and seats that make every curable cell hold.

The linear program of :mod:`releve.plan.purchases.lp` buys a set for the base day and the single
losses that miss their target, and the day is planned again with that set. Whole people miss a
little more than fractions, so a set that fails is bought again for a lower target. Each set bought
from nothing is another mix, which may cure one cell and lose another: where none holds, the best
one is extended (:mod:`releve.plan.purchases.repair`). Sets of large operators are always extended,
because planning again takes minutes there.
"""

from __future__ import annotations

from collections.abc import Sequence

from releve.network import Operator
from releve.plan.candidate_groups import add_candidate_groups, find_short_programmes
from releve.plan.integer_problem import MAX_SEARCHED_ASSIGNMENTS
from releve.plan.planner import SolvedDay
from releve.plan.progress import Report, SearchProgress
from releve.plan.purchases.lp import (
    KINDS,
    PurchaseSolution,
    find_incurable_cells,
    list_purchases,
    solve_cheapest_set,
)
from releve.plan.purchases.repair import RepairTask, find_large_set, repair_set
from releve.plan.purchases.replan import (
    CellMisses,
    ParallelMap,
    PurchaseTrial,
    ReplanTask,
    measure_misses,
    replan_day,
)
from releve.plan.purchases.shortfall_targets import MatrixCells, ShortfallTargets
from releve.plan.purchases.values import summarize_purchases
from releve.plan.result import BASE, Purchase, WhatIsMissing

__all__ = ["ParallelMap", "find_what_is_missing"]

ROUNDS = 4
"""Sets bought from nothing, each for lower aims."""
REPAIRS = 8
"""How often the best of them is added to, where none holds."""
HALVINGS = 3
"""Sets tried between the aim that failed last and the one that held, for one that is cheaper."""


def find_what_is_missing(
    operator: Operator,
    solved: SolvedDay,
    kinds: Sequence[str] = KINDS,
    progress: Report = lambda share, words: None,
    run: ParallelMap = map,
) -> WhatIsMissing:
    """Return the cheapest set (of the given kinds) that makes every curable single loss hold.

    Costs are EUR at the prices of the settings. ``left`` names what still missed its target when
    the day was planned again with the set bought. ``run`` may do the work of a large operator in
    two processes (its items and results can be pickled).
    """
    planning = solved.planning
    misses = measure_misses(solved, planning)
    if not misses.pairs:
        return WhatIsMissing((), 0.0, 0.0, ())
    steps = SearchProgress(progress)
    if len(planning.problem.group) > MAX_SEARCHED_ASSIGNMENTS:
        best, bound = find_large_set(operator, solved, misses.pairs, kinds, steps, run)
    else:
        best, bound = _PurchaseSearch(operator, solved, misses, steps).find_cheapest(kinds)
    progress(1.0, "")
    return WhatIsMissing(
        purchases=best.purchases,
        cost=best.cost,
        lower_bound=min(bound, best.cost),
        incurable=tuple(sorted(best.incurable)),
        left=best.list_over(planning.problem.clients),
    )


class _PurchaseSearch:
    """Buys, plans again, aims lower where it is still missed, and adds to what does not hold."""

    def __init__(
        self, operator: Operator, solved: SolvedDay, misses: CellMisses, steps: SearchProgress
    ) -> None:
        problem = solved.planning.problem
        self._operator = operator
        self._solved = solved
        self._steps = steps
        short = find_short_programmes(problem, misses.pairs)
        self._twins = add_candidate_groups(operator, problem, short, solved.settings)
        self._clients = problem.clients
        self._missed = {name for name, _ in misses.pairs} - {BASE}
        self._known: dict[tuple[Purchase, ...], CellMisses] = {(): misses}
        self._round = 0

    def find_cheapest(self, kinds: Sequence[str]) -> tuple[PurchaseTrial, float]:
        """Return the cheapest set found that holds, or the one that is left with fewest cells, and
        the bound: what fractions of people need for the target itself."""
        target = ShortfallTargets(self._solved.settings.target, len(self._clients))
        first = self._solve_set(self._missed, target, kinds)
        best = self._find_holding(first, target, kinds)
        assert best is not None
        for kind in kinds if len(kinds) > 1 and best.held and first.vertex else ():
            # Rounded up, a small mixed set can be dearer than one of a single kind.
            alone = self._solve_set(self._missed, target, (kind,))
            best = self._find_holding(alone, target, (kind,), under=best) or best
        return best, first.bound

    def _find_holding(
        self,
        bought: PurchaseSolution,
        aims: ShortfallTargets,
        kinds: Sequence[str],
        under: PurchaseTrial | None = None,
    ) -> PurchaseTrial | None:
        """Return the cheapest set found that holds, or the best one; None when it cannot be
        cheaper than ``under``. ``bought`` is the first set, for the target itself."""
        incurable = find_incurable_cells(bought)
        if under is not None and not incurable <= under.incurable:
            return None
        chosen = set(self._missed)
        failed: list[PurchaseTrial] = []
        for turn in range(ROUNDS):
            if turn:
                bought = self._solve_set(chosen, aims, kinds)
            tried = self._try_solution(bought, aims, incurable, under)
            if tried is None:
                return None
            if tried.held:
                return self._narrow(chosen, failed[-1], tried, kinds) if failed else tried
            failed.append(tried)
            chosen |= {name for name, _ in tried.left} - {BASE}
            aims = aims.lower(tried.misses.select_over(tried.left, self._clients))
        return None if under else self._repair(min(failed, key=lambda one: one.order), kinds)

    def _narrow(
        self, chosen: set[str], failed: PurchaseTrial, held: PurchaseTrial, kinds: Sequence[str]
    ) -> PurchaseTrial:
        """Return a cheaper set that holds, for aims between those that failed and that held."""
        low, high, least = held.aims, failed.aims, failed.cost
        for _ in range(HALVINGS):
            if held.cost <= least:  # what is bought for aims between costs as much
                break
            middle = high.average_with(low)
            bought = self._solve_set(chosen, middle, kinds)
            tried = self._try_solution(bought, middle, held.incurable, held)
            if tried and tried.held:
                held, low = tried, middle
            elif tried:
                high = middle
            else:
                low = middle
        return held

    def _repair(self, best: PurchaseTrial, kinds: Sequence[str]) -> PurchaseTrial:
        """Keep what is bought and add to it until it holds, or nothing more would help."""
        last = best
        for _ in range(REPAIRS):
            self._begin("adding to the best set")
            others = frozenset(self._missed)
            more = repair_set(RepairTask(self._operator, self._solved, last, tuple(kinds), others))
            if more is None:
                break
            last = self._try_purchases(more.purchases, more.aims, best.incurable)
            best = min(best, last, key=lambda one: one.order)
            if best.held:
                break
        return best

    def _solve_set(
        self, chosen: set[str], aims: ShortfallTargets, kinds: Sequence[str]
    ) -> PurchaseSolution:
        self._begin("looking for the cheapest set")
        singles = tuple(c for c in self._solved.planning.contingencies if c.id in chosen)
        return solve_cheapest_set(
            self._twins, singles, aims.find_targets, self._solved.settings, kinds
        )

    def _begin(self, words: str) -> None:
        self._round += 1
        self._steps.begin(f"round {self._round}: {words}")

    def _try_solution(
        self,
        bought: PurchaseSolution,
        aims: ShortfallTargets,
        incurable: MatrixCells,
        under: PurchaseTrial | None,
    ) -> PurchaseTrial | None:
        """Plan again with a set; None when it is not cheaper than ``under``."""
        if under is not None and bought.cost >= under.cost:
            return None
        purchases = list_purchases(self._twins, bought, self._solved.settings)
        return self._try_purchases(purchases, aims, incurable)

    def _try_purchases(
        self, purchases: tuple[Purchase, ...], aims: ShortfallTargets, incurable: MatrixCells
    ) -> PurchaseTrial:
        """Plan again with a set, unless it was."""
        if purchases not in self._known:
            words = f"planning again with {summarize_purchases(purchases)}"
            self._steps.begin(f"round {self._round}: {words}")
            again = ReplanTask(self._operator, self._solved, purchases)
            self._known[purchases] = replan_day(again, self._steps.move)
        return PurchaseTrial(purchases, aims, self._known[purchases], incurable)
