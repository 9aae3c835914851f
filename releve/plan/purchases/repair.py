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
from releve.plan.candidate_groups import Twins, short_programmes, with_twins
from releve.plan.contingency import Contingency
from releve.plan.planner import SolvedDay
from releve.plan.progress import Steps
from releve.plan.purchases.lp import Bought, cheapest_set, incurable_cells, merged, purchases_of
from releve.plan.purchases.replan import (
    Again,
    Run,
    Tried,
    lost_in_whole_people,
    planned_again,
    problem_with,
)
from releve.plan.purchases.shortfall_targets import Aims, Pairs
from releve.plan.purchases.values import cost_of, summary_of
from releve.plan.result import Purchase
from releve.plan.settings import PlanSettings

__all__ = ["Bundle", "Failed", "mended", "mended_set"]

ROUNDS = 4
"""Rounds of two plans side by side, at most."""
BOLDLY = 1.5
"""Times what whole people missed that a set is mended by. They miss a little more or less each
time a day is planned again, and at 5,000 agents another round takes two minutes."""
HARDER = 8
"""How often an aim is lowered again, each time by twice as much, before a set is given up to which
nothing would be added."""


def mended_set(
    operator: Operator,
    solved: SolvedDay,
    wanted: Pairs,
    kinds: Sequence[str],
    steps: Steps,
    run: Run,
) -> tuple[Tried, float]:
    """Return a cheap set that makes the ``wanted`` cells hold and breaks no other, and the bound.

    As :func:`releve.plan.purchases.search.what_is_missing`, which calls it.
    """
    search = _Mending(operator, solved, tuple(kinds), steps, run)
    return search.found(wanted), search.bound


@dataclass(frozen=True)
class _Purchase:
    """A purchase to solve for, with all that a process of its own needs."""

    twins: Twins
    losses: tuple[Contingency, ...]
    aims: Aims
    settings: PlanSettings
    kinds: tuple[str, ...]


def _bought(one: _Purchase) -> Bought:
    return cheapest_set(one.twins, one.losses, one.aims.of, one.settings, one.kinds)


@dataclass(frozen=True)
class Bundle:
    """What is bought for some aims."""

    purchases: tuple[Purchase, ...]
    aims: Aims


@dataclass(frozen=True)
class Failed:
    """A set to mend, with all that a process of its own needs."""

    operator: Operator
    solved: SolvedDay
    tried: Tried
    kinds: tuple[str, ...]
    others: frozenset[str] = frozenset()
    """Losses that must go on to hold, beside those that failed: without them fractions find room
    for the failed ones that the whole plan does not have."""


def mended(failed: Failed) -> Bundle | None:
    """Add the cheapest that makes the failed cells miss less; None where nothing does."""
    tried, solved = failed.tried, failed.solved
    better, problem = problem_with(Again(failed.operator, solved, tried.purchases))
    served = {agent for one in tried.purchases for agent in one.agents}
    short = short_programmes(problem, tried.left)
    twins = with_twins(better, problem, short, solved.settings, served)
    names = {name for name, _ in tried.left} | failed.others
    losses = tuple(c for c in solved.planning.contingencies if c.id in names)
    over = tried.misses.over_in(tried.left, problem.clients)
    over = {name: BOLDLY * share for name, share in over.items()}
    aims = tried.aims
    for _ in range(HARDER):
        aims = aims.lowered(over)
        bought = _bought(_Purchase(twins, losses, aims, solved.settings, failed.kinds))
        more = purchases_of(twins, bought, solved.settings)
        if more:
            return Bundle(merged((*tried.purchases, *more)), aims)
        over = {name: 2 * share for name, share in over.items()}
    return None


class _Mending:
    """Buys two sets, plans again with both, and mends them until one holds."""

    def __init__(
        self,
        operator: Operator,
        solved: SolvedDay,
        kinds: tuple[str, ...],
        steps: Steps,
        run: Run,
    ) -> None:
        self._operator = operator
        self._solved = solved
        self._kinds = kinds
        self._steps = steps
        self._run = run
        self.bound = 0.0
        self.incurable: Pairs = frozenset()

    def found(self, wanted: Pairs) -> Tried:
        """Return the cheapest set found that holds, or that misses in fewest cells."""
        tried = self._planned(1, self._first(wanted))
        for turn in range(1, ROUNDS):
            best = min(tried, key=lambda one: one.order)
            failed = [one for one in tried if not one.held]
            if best.held:
                failed = failed if turn == 1 else []
            sets = [
                one
                for one in self._mended(turn + 1, failed)
                if not best.held or cost_of(one.purchases) < best.cost
            ]
            if not sets:
                break
            tried = [*self._planned(turn + 1, sets), *([best] if best.held else [])]
        return min(tried, key=lambda one: one.order)

    def _first(self, wanted: Pairs) -> list[Bundle]:
        """Buy for the target, which gives the bound and what is incurable, and for a lower aim."""
        self._steps.begin("round 1: looking for the cheapest sets")
        problem, settings = self._solved.planning.problem, self._solved.settings
        twins = with_twins(self._operator, problem, short_programmes(problem, wanted), settings)
        names = {name for name, _ in wanted}
        losses = tuple(c for c in self._solved.planning.contingencies if c.id in names)
        target = Aims(settings.target, len(problem.clients))
        aims = (target, target.lowered(lost_in_whole_people(self._solved)))
        sets = list(
            self._run(
                _bought, [_Purchase(twins, losses, one, settings, self._kinds) for one in aims]
            )
        )
        self.bound = sets[0].bound
        self.incurable = incurable_cells(sets[0])
        return [
            Bundle(purchases_of(twins, bought, settings), one)
            for bought, one in zip(sets, aims, strict=True)
        ]

    def _mended(self, turn: int, failed: Sequence[Tried]) -> list[Bundle]:
        """Mend sets side by side; those that nothing mends are left out."""
        if failed:
            self._steps.begin(f"round {turn}: adding to {len(failed)} sets")
        work = [Failed(self._operator, self._solved, one, self._kinds) for one in failed]
        return [one for one in self._run(mended, work) if one is not None]

    def _planned(self, turn: int, sets: Sequence[Bundle]) -> list[Tried]:
        """Plan again with each set, side by side; of two that are the same, once."""
        once: dict[tuple[Purchase, ...], Bundle] = {}
        for one in sets:
            once.setdefault(one.purchases, one)
        words = " and with ".join(summary_of(purchases) for purchases in once)
        self._steps.begin(f"round {turn}: planning again with {words}")
        days = [Again(self._operator, self._solved, purchases) for purchases in once]
        tried = []
        for one, misses in zip(once.values(), self._run(planned_again, days), strict=True):
            tried.append(Tried(one.purchases, one.aims, misses, self.incurable))
            self._steps.move(len(tried) / len(once))
        return tried
