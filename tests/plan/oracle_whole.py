"""The least of base plan and reliefs together, for very few people: every combination is tried."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from releve.plan.result import Contingency, Placement, list_contingencies
from tests.plan.oracle_bruteforce import Day, Option
from tests.plan.oracle_rules import TINY, Breaks, Floats, capped_clients, every_break, within_caps
from tests.plan.tiny_operators import Tiny


@dataclass(frozen=True)
class Whole:
    """The least of the whole problem; ``regret`` is the worst over contingencies and clients."""

    objective: float
    base: float
    regret: float
    average: float
    placements: tuple[Placement, ...]


@dataclass(frozen=True)
class Every:
    """All combinations of the agents' options: who, and the figures of each combination."""

    options: list[list[Option | None]]
    index: NDArray[np.int64]
    missing: Floats
    """``[combination, interval, programme]``, floored at 0."""
    price: Floats


MOST = 400_000
"""Combinations that are tried at most."""


def _every(day: Day, options: Mapping[str, list[Option]]) -> Every:
    """Return every combination that has a seat for everyone."""
    lists: list[list[Option | None]] = [[None, *found] for found in options.values()]
    sizes = [len(found) for found in lists]
    count = int(np.prod(sizes))
    assert count <= MOST, f"{count} combinations are too many to try"
    index = np.stack(np.unravel_index(np.arange(count), sizes), axis=1).astype(np.int64)
    sites = list(day.case.operator.site)
    placed = np.zeros((count, *day.need.shape))
    seated = np.zeros((count, len(sites), len(day.times)))
    price = np.zeros(count)
    for a, found in enumerate(lists):
        work_of = np.zeros((len(found), *day.need.shape))
        seat_of = np.zeros((len(found), len(sites), len(day.times)))
        for i, option in enumerate(found):
            if option is not None:
                work_of[i, :, option.column] = option.worked
                if option.placement.place != "home":
                    seat_of[i, sites.index(option.placement.place)] = option.present
        placed += work_of[index[:, a]]
        seated += seat_of[index[:, a]]
        price += np.array([o.price if o else 0.0 for o in found])[index[:, a]]
    limit = np.array([day.capacity[site] for site in sites])
    fits = (seated <= limit[:, None] + TINY).all(axis=(1, 2))
    missing = np.maximum(0.0, day.need - placed[fits])
    return Every(lists, index[fits], missing, price[fits])


def _client_shares(day: Day, missing: Floats) -> Floats:
    """Return missing shares ``[combination, client]`` of the whole day."""
    case = day.case
    out = np.zeros((len(missing), len(case.operator.clients)))
    need = np.nan_to_num(case.requirement.agents)
    for k, client in enumerate(case.operator.clients):
        cols = [p for p, row in enumerate(case.operator.programmes) if row.client == client.id]
        idle = need[:, cols].sum() - day.need[:, cols].sum()
        out[:, k] = (missing[:, :, cols].sum(axis=(1, 2)) + idle) / max(1.0, need[:, cols].sum())
    return out


def _front(regret: Floats, penalty: Floats) -> list[tuple[float, float]]:
    """Return the (regret, penalty) pairs that nothing betters in both."""
    order = np.lexsort((penalty, regret))
    front: list[tuple[float, float]] = []
    for r, q in zip(regret[order].tolist(), penalty[order].tolist(), strict=True):
        if not front or q < front[-1][1] - 1e-12:
            front.append((r, q))
    return front


def _least(fronts: Sequence[list[tuple[float, float]]], price: float, start: float) -> tuple[float, float]:
    """Return the least of price x regret + mean penalty of fronts, and that regret.

    ``fronts`` have the penalty as it counts in the objective; one regret is the worst of all.
    """
    levels = sorted({start, *(r for front in fronts for r, _ in front if r > start)})
    best = (float("inf"), 0.0)
    for level in levels:
        picked = [[q for r, q in front if r <= level + TINY] for front in fronts]
        if all(picked):
            best = min(best, (price * level + sum(map(min, picked)), level))
    return best


def best_whole(
    case: Tiny,
    least_missing: Floats,
    contingencies: Sequence[Contingency] | None = None,
    *,
    breaks: Breaks = every_break,
    base_regret: Floats | None = None,
    target: float | None = None,
) -> Whole:
    """Return the least of base objective, worst regret and mean relief penalty together.

    ``least_missing[contingency, client]`` are the floors that regret is counted from. With
    ``base_regret`` (floors of the base plan, by client) the base plan's own regret counts too.
    With ``target`` what a client misses above it (or above its floor, if higher) is priced as
    regret is, in each of these scenarios.
    The mean is over the contingencies of kind ``site``; moves of a relief cost nothing.
    """
    listed = list_contingencies(case.operator) if contingencies is None else contingencies
    assert all(case.settings.isolated * len(case.operator.agents) < 1 for _ in listed), (
        "isolated people are not part of this search"
    )
    day = Day(case, breaks)
    every = _every(day, day.base_options())
    people = [[o.placement if o else None for o in found] for found in every.options]
    base = (every.missing * day.weights).sum(axis=(1, 2)) + every.price + day.hopeless
    price = _regret_price(day)
    own = np.zeros(len(base))
    if base_regret is not None:
        shares = _client_shares(day, every.missing)
        own = np.maximum(0.0, shares - base_regret).max(axis=1)
        base += price * _above(shares, target, base_regret)
    best = Whole(float("inf"), 0.0, 0.0, 0.0, ())
    caps = capped_clients(case)
    fronts = _Fronts(day, listed, least_missing, target)
    for i in np.argsort(base, kind="stable").tolist():
        if base[i] >= best.objective - TINY:
            break
        chosen = [people[a][o] for a, o in enumerate(every.index[i].tolist())]
        placements = tuple(row for row in chosen if row is not None)
        if not within_caps(case, caps, placements):
            continue
        value, regret = _least(list(fronts.of(placements)), price, float(own[i]))
        if base[i] + value < best.objective - TINY:
            average = value - price * regret
            best = Whole(float(base[i] + value), float(base[i]), regret, average, placements)
    return best


def _regret_price(day: Day) -> float:
    """Return the price of one client's whole day of regret."""
    need = np.nan_to_num(day.case.requirement.agents)
    weighted = float((need * day.weights).sum())
    return day.case.settings.regret_weight * weighted / len(day.case.operator.clients)


def _above(shares: Floats, target: float | None, least: Floats) -> Floats:
    """Return what clients miss above the target, or their floor if higher, by combination."""
    if target is None:
        return np.zeros(len(shares))
    return np.asarray(np.maximum(0.0, shares - np.maximum(target, least)).sum(axis=1))


class _Fronts:
    """Reliefs of a base plan depend on it only through who is exposed: each case is tried once."""

    def __init__(self, day: Day, listed: Sequence[Contingency], least_missing: Floats, target: float | None) -> None:
        self.day, self.listed, self.least_missing = day, listed, least_missing
        self.target = target
        self.known: dict[tuple[int, frozenset[str]], list[tuple[float, float]]] = {}

    def of(self, placements: Sequence[Placement]) -> Iterator[list[tuple[float, float]]]:
        for c, lost in enumerate(self.listed):
            exposed = [row for row in placements if lost.exposed and row.place in lost.sites]
            key = (c, frozenset(row.agent for row in exposed))
            if key not in self.known:
                self.known[key] = self._try(c, exposed)
            yield self.known[key]

    def _try(self, c: int, exposed: Sequence[Placement]) -> list[tuple[float, float]]:
        case, lost = self.day.case, self.listed[c]
        options = self.day.relief_options({row.agent: row for row in exposed}, lost, 0.0)
        every = _every(self.day, options)
        shares = _client_shares(self.day, every.missing)
        regret = np.maximum(0.0, shares - self.least_missing[c]).max(axis=1)
        sites = sum(row.kind == "site" for row in self.listed)
        share = case.settings.average_weight / sites if lost.kind == "site" else 0.0
        penalty = (every.missing * self.day.weights).sum(axis=(1, 2)) + self.day.hopeless
        above = _regret_price(self.day) * _above(shares, self.target, self.least_missing[c])
        return _front(regret, share * penalty + above)
