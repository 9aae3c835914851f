"""What is missing: the cheapest laptops, skills and seats that make every curable cell hold.

A set is bought (:mod:`releve.plan.buying`) for the base day and the single losses that miss their
target, and the day is planned again with it. Whole people miss a little more than the fractions
that are bought for; where they still miss, the set is bought again for a lower aim, until it holds.
A large operator has no time for that: it keeps what it has bought and adds to it, see
:mod:`releve.plan.mending`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from releve.network import Operator
from releve.plan.aims import Aims, Pairs
from releve.plan.buying import KINDS, Bought, cheapest_set, incurable_cells, purchases_of
from releve.plan.integer_search import FEW
from releve.plan.mending import mended_set
from releve.plan.planner import SolvedDay
from releve.plan.replanned import Again, Misses, Run, misses_of, planned_again
from releve.plan.result import BASE, Purchase, WhatIsMissing
from releve.plan.twins import Twins, short_programmes, with_twins

__all__ = ["Run", "what_is_missing"]

ROUNDS = 8
HALVINGS = 3
"""Sets tried between the aim that failed last and the one that held, for one that is cheaper."""


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
    misses = misses_of(solved, planning)
    if not misses.pairs:
        return WhatIsMissing((), 0.0, 0.0, (), True)
    if len(planning.problem.group) > FEW:
        return mended_set(operator, solved, misses.pairs, kinds, progress, run)
    short = short_programmes(planning.problem, misses.pairs)
    twins = with_twins(operator, planning.problem, short, settings)
    search = _Search(operator, solved, twins, misses.pairs)
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


@dataclass(frozen=True)
class _Tried:
    """A set that was planned again: what it does not cure, what still misses (``left``) and by
    how much (``over[id][client]``, of all cells that miss)."""

    purchases: tuple[Purchase, ...]
    bought: Bought
    aims: Aims
    bound: float
    incurable: Pairs
    misses: Misses

    @property
    def left(self) -> Pairs:
        return self.misses.pairs - self.incurable

    @property
    def held(self) -> bool:
        return not self.left


class _Search:
    """Buys, plans again, and aims lower where it is still missed, until it holds."""

    def __init__(self, operator: Operator, solved: SolvedDay, twins: Twins, wanted: Pairs) -> None:
        self._operator = operator
        self._solved = solved
        self._twins = twins
        self._missed = {name for name, _ in wanted} - {BASE}
        self._tried: dict[tuple[Purchase, ...], Misses] = {}

    def found(
        self,
        kinds: Sequence[str],
        progress: Callable[[float], None] = lambda share: None,
        under: _Tried | None = None,
    ) -> _Tried | None:
        """Return the cheapest set found that holds, or the last one after all rounds; None
        when it cannot be cheaper than ``under``.

        The bound is that of the target itself, not of a lower aim.
        """
        clients = self._twins.problem.clients
        chosen, bound = set(self._missed), float("inf")
        aims = Aims(self._solved.settings.target, len(clients))
        best: _Tried | None = None
        for turn in range(ROUNDS):
            failed, bought = best, self._bought(chosen, aims, kinds)
            bound = bought.bound if turn == 0 else bound
            best = self._planned(bought, aims, bound, under)
            if best is None:
                return None
            progress((turn + 1) / ROUNDS)
            if best.held:
                return best if failed is None else self._narrowed(chosen, failed, best, kinds)
            chosen |= {name for name, _ in best.left} - {BASE}
            aims = best.aims.lowered(best.misses.over_in(best.left, clients))
        return None if under else best

    def _narrowed(
        self, chosen: set[str], failed: _Tried, held: _Tried, kinds: Sequence[str]
    ) -> _Tried:
        """Return a cheaper set that holds, for aims between those that failed and that held."""
        low, high = held.aims, failed.aims
        for _ in range(HALVINGS):
            middle = high.halfway(low)
            bought = self._bought(chosen, middle, kinds)
            tried = self._planned(bought, middle, held.bound, held)
            if tried and tried.held:
                held, low = tried, middle
            elif tried:
                high = middle
            else:
                low = middle
        return held

    def _bought(self, chosen: set[str], aims: Aims, kinds: Sequence[str]) -> Bought:
        singles = tuple(c for c in self._solved.planning.contingencies if c.id in chosen)
        return cheapest_set(self._twins, singles, aims.of, self._solved.settings, kinds)

    def _planned(
        self, bought: Bought, aims: Aims, bound: float, under: _Tried | None
    ) -> _Tried | None:
        """Plan again with a set, unless it was; None when it could not be better than ``under``."""
        settings = self._solved.settings
        incurable = incurable_cells(bought, settings.target, aims, self._twins.problem.clients)
        bound = min(bound, bought.bound, under.bound if under else bound)
        if under is not None and not _better(bought, incurable, under):
            return None
        lines = purchases_of(self._twins, bought, settings)
        if lines not in self._tried:
            self._tried[lines] = planned_again(Again(self._operator, self._solved, lines))
        return _Tried(lines, bought, aims, bound, incurable, self._tried[lines])


def _better(bought: Bought, incurable: Pairs, than: _Tried) -> bool:
    """Return whether a set cures as much for less, if it holds."""
    return incurable <= than.incurable and (bought.cost < than.bought.cost or not than.held)
