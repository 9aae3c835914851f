"""Search the cheapest laptops, skills, seats, vehicles and hires that make every curable cell hold.

The linear program of :mod:`releve.plan.purchases.lp` buys a set, and the day is planned again with
it. A set that fails in whole people is bought again for a lower target; each is another mix, and
where none holds, the best one is extended.

For large operators, which have no time for many plans, two sets are planned side by side: for the
target, and for an aim as much lower as whole people were seen to lose. A set that fails is kept and
extended by the cheapest that cures, in fractions, half as much again as whole people missed. When
one holds in the first round, the other is mended once, while it stays the cheaper one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np

from releve.kernels.arrays import Floats
from releve.network import Operator
from releve.plan.candidate_groups import CandidateGroups, add_candidate_groups, find_short_programmes
from releve.plan.day_runs import Planning, solve_problem
from releve.plan.integer_problem import MAX_SEARCHED_ASSIGNMENTS, Report, SearchProgress
from releve.plan.n1_program import KIND_WEIGHT
from releve.plan.planner import SolvedDay, count_seats_to_fill
from releve.plan.problem import DayProblem, build_day_problem
from releve.plan.purchases.lp import (
    KINDS,
    MatrixCells,
    PurchaseSolution,
    ShortfallTargets,
    apply_purchases,
    count_new_seats,
    find_incurable_cells,
    list_purchases,
    merge_purchases,
    solve_cheapest_set,
    sum_cost,
    summarize_purchases,
)
from releve.plan.relief_matrix import build_cell
from releve.plan.result import BASE, SINGLE, Contingency, Purchase, WhatIsMissing
from releve.plan.scenario_lp import sum_client_requirement
from releve.plan.settings import PlanSettings

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
    """A set bought for some aims and planned again: its misses, and the incurable cells."""

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
        """Sort key: sets that hold first, by cost; then those that miss in the fewest cells."""
        return (len(self.left), self.cost)

    def list_over(self, clients: Sequence[str]) -> tuple[tuple[str, str, float], ...]:
        """Return by what share of its day each cell that is left misses its target."""
        return tuple(
            (name, client, float(self.misses.over[name][clients.index(client)])) for name, client in sorted(self.left)
        )


def build_problem_with(again: ReplanTask) -> tuple[Operator, DayProblem]:
    """Return the operator with the set bought, and its day as arrays."""
    operator, solved = again.operator, again.solved
    seats = count_seats_to_fill(operator, solved.need, solved.seats)
    for site, count in count_new_seats(again.purchases).items():
        seats[site] += count
    better = apply_purchases(operator, again.purchases)
    return better, build_day_problem(
        better, solved.need, seats, solved.settings, solved.presence, solved.free_week, solved.carried
    )


def replan_day(again: ReplanTask, progress: Callable[[float], None] = lambda share: None) -> CellMisses:
    """Plan the day of the operator with the set bought."""

    def show(stage: str, share: float) -> None:
        if stage in STAGES:
            progress((STAGES.index(stage) + share) / len(STAGES))

    solved = again.solved
    _, problem = build_problem_with(again)
    counted = [c for c in solved.planning.contingencies if c.kind in (*SINGLE, *KIND_WEIGHT)]
    return measure_misses(solved, solve_problem(problem, counted, solved.settings, show, proved=False))


def measure_misses(solved: SolvedDay, planning: Planning) -> CellMisses:
    target = solved.settings.target
    over = {name: np.maximum(0.0, share - target) for name, share in _measure_shares(planning).items()}
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
        (c.id, relief.plan) for c, relief in zip(planning.contingencies, planning.reliefs, strict=True)
    ]
    return {name: plan.missing / total for name, plan in plans}


def _list_missed_cells(solved: SolvedDay, planning: Planning) -> MatrixCells:
    """Return the cells of the base day and of the single losses that miss their target."""
    problem = planning.problem
    rows = [(BASE, planning.base.placed)]
    rows += [(c.id, relief.plan.placed) for c, relief in zip(planning.contingencies, planning.reliefs, strict=True)]
    larger = {c.id for c in planning.contingencies if c.kind not in SINGLE}
    cells = (
        build_cell(problem, solved.need, client, name, placed, float(planning.floors[row, client]), solved.settings)
        for row, (name, placed) in enumerate(rows)
        if name not in larger
        for client in range(len(problem.clients))
    )
    return frozenset((cell.contingency, cell.client) for cell in cells if cell.status in ("missed", "contract"))


ROUNDS = 4
"""Rounds of two plans side by side, at most."""
BOLDLY = 1.5
"""Times what whole people missed that a set is mended by. They miss a little more or less each
time a day is planned again, and at 5,000 agents another round takes two minutes."""
HARDER = 8
"""How often an aim is lowered again, each time by twice as much, before a set is given up to which
nothing would be added."""


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
    served = {agent for one in tried.purchases if one.kind != "hire" for agent in one.agents}
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
        self, operator: Operator, solved: SolvedDay, kinds: tuple[str, ...], steps: SearchProgress, run: ParallelMap
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
        twins = add_candidate_groups(self._operator, problem, find_short_programmes(problem, wanted), settings)
        names = {name for name, _ in wanted}
        losses = tuple(c for c in self._solved.planning.contingencies if c.id in names)
        target = ShortfallTargets(settings.target, len(problem.clients))
        aims = (target, target.lower(measure_rounding_loss(self._solved)))
        sets = list(
            self._run(_solve_purchase, [_PurchaseTask(twins, losses, one, settings, self._kinds) for one in aims])
        )
        self.bound = sets[0].bound
        self.incurable = find_incurable_cells(sets[0])
        return [
            PurchaseSet(list_purchases(twins, bought, settings), one) for bought, one in zip(sets, aims, strict=True)
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
    """Return the cheapest set (of the given kinds) that makes every curable single loss hold; people
    are hired only where the settings have a price for it.

    Costs are EUR at the prices of the settings. ``left`` names the cells that still missed their
    target when the day was planned again with the set. ``run`` may work in two processes (its items
    and results can be pickled).
    """
    planning = solved.planning
    misses = measure_misses(solved, planning)
    if not misses.pairs:
        return WhatIsMissing((), 0.0, 0.0, ())
    steps = SearchProgress(progress)
    kinds = [kind for kind in kinds if kind != "hire" or solved.settings.hire_price is not None]
    if len(planning.problem.group) > MAX_SEARCHED_ASSIGNMENTS:
        search = _LargeSearch(operator, solved, tuple(kinds), steps, run)
        best, bound = search.find_set(misses.pairs), search.bound
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

    def __init__(self, operator: Operator, solved: SolvedDay, misses: CellMisses, steps: SearchProgress) -> None:
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
        self, bought: PurchaseSolution, aims: ShortfallTargets, kinds: Sequence[str], under: PurchaseTrial | None = None
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

    def _solve_set(self, chosen: set[str], aims: ShortfallTargets, kinds: Sequence[str]) -> PurchaseSolution:
        self._begin("looking for the cheapest set")
        singles = tuple(c for c in self._solved.planning.contingencies if c.id in chosen)
        return solve_cheapest_set(self._twins, singles, aims.find_targets, self._solved.settings, kinds)

    def _begin(self, words: str) -> None:
        self._round += 1
        self._steps.begin(f"round {self._round}: {words}")

    def _try_solution(
        self, bought: PurchaseSolution, aims: ShortfallTargets, incurable: MatrixCells, under: PurchaseTrial | None
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
