"""The clearing: which offer serves which request, in whole blocks, by four goals in order.

1. the worst regret: what a request gets less than it could have if it were alone, as a share of
   its need; 2. agent half hours served; 3. cost; 4. number of pairs (operator, request). What is
left equal is decided by an HMAC under a seed that no member chooses, not by the order of the rows.
Each goal is one mixed-integer programme (HiGHS, one thread) under the exact integer value of those
before it.
"""

from __future__ import annotations

import hmac
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from releve.plan.lp import LinearProgram, SolverError, solve_lp
from releve.sector.openings import Openings, SectorError, SectorOffer, SectorRequest

__all__ = ["Clearing", "ReliefMatch", "check_clearing", "clear", "recall"]


@dataclass(frozen=True, order=True)
class ReliefMatch:
    """Agents of an offer that work for a request in one half hour."""

    offer: str
    request: str
    half_hour: int
    agents: int


@dataclass(frozen=True)
class Clearing:
    """The matches, and what each request got beside what it could have had alone."""

    matches: tuple[ReliefMatch, ...]
    alone: tuple[tuple[str, int], ...]
    """(request, agent half hours that it could have had alone), of each request."""
    served: tuple[tuple[str, int], ...]
    """(request, agent half hours that it gets), of each request."""


_Row = dict[int, float]


class _Model:
    """The columns (blocks of an offer for a request in a half hour, then pairs) and common rows."""

    def __init__(self, openings: Openings) -> None:
        pairs = [
            (offer, request)
            for offer in openings.offers
            for request in openings.requests
            if openings.allows(offer, request)
        ]
        self.columns: list[tuple[SectorOffer, SectorRequest, int]] = []
        self.upper: list[int] = []
        capacity: dict[tuple[str, int], tuple[_Row, float]] = {}
        need: dict[tuple[str, int], tuple[_Row, float]] = {}
        self.served: dict[str, _Row] = {request.request: {} for request in openings.requests}
        for offer, request in pairs:
            needed = dict(request.agents)
            for half_hour, agents in offer.agents:
                most = min(agents, needed.get(half_hour, 0)) // offer.block
                if most:
                    at = len(self.columns)
                    self.columns.append((offer, request, half_hour))
                    self.upper.append(most)
                    row = capacity.setdefault((offer.offer, half_hour), ({}, agents))
                    row[0][at] = offer.block
                    row = need.setdefault((request.request, half_hour), ({}, needed[half_hour]))
                    row[0][at] = offer.block
                    self.served[request.request][at] = offer.block
        self.rows = [*capacity.values(), *need.values()]
        self.blocks = len(self.columns)
        partners: dict[tuple[str, str], int] = {}
        for at, (offer, request, _) in enumerate(self.columns):
            pair = partners.setdefault((offer.giver, request.request), self.blocks + len(partners))
            self.rows.append(({at: 1, pair: -self.upper[at]}, 0))
        self.upper += [1] * len(partners)

    def add_worst(self, needs: dict[str, int], alone: dict[str, int]) -> None:
        """Find the least possible worst regret, and hold it in a row for each request."""
        worst = len(self.upper)
        rows = [
            ({**{at: -block for at, block in self.served[name].items()}, worst: -needs[name]},
             -alone[name])
            for name in needs if alone[name]
        ]  # fmt: skip
        found = self.minimise({worst: 1}, rows, continuous=1)
        regret = max(
            (
                Fraction(alone[name] - self.count_served(name, found), needs[name])
                for name in needs
                if alone[name]
            ),
            default=Fraction(0),
        )
        for name in needs:
            if alone[name]:
                least = alone[name] - int(regret * needs[name])
                self.rows.append(({at: -block for at, block in self.served[name].items()}, -least))

    def count_served(self, request: str, found: Any) -> int:
        """Return the agent half hours that a request gets in a solution."""
        return int(sum(block * round(found[at]) for at, block in self.served[request].items()))

    def fix_least(self, goal: _Row) -> Any:
        """Minimise a goal with whole coefficients, hold its value in a row, return the columns."""
        found = self.minimise(goal)
        value = sum(weight * round(found[at]) for at, weight in goal.items())
        self.rows.append((goal, value))
        return found

    def minimise(
        self, goal: _Row, more: Iterable[tuple[_Row, float]] = (), continuous: int = 0
    ) -> Any:
        """Return the columns that minimise a goal under the rows; the last ones are continuous."""
        rows = [*self.rows, *more]
        count = len(self.upper) + continuous
        costs = np.zeros(count)
        costs[list(goal)] = list(goal.values())
        programme = LinearProgram()
        programme.columns(count, costs, upper=[*self.upper, *[1.0] * continuous])
        programme.rows(len(rows), upper=[most for _, most in rows])
        for i, (row, _) in enumerate(rows):
            programme.add(i, list(row), list(row.values()))
        integer = np.arange(len(self.upper))
        try:
            found = solve_lp(programme, integer=integer, gap=0.0)
        except SolverError as error:
            raise SectorError(f"the clearing was not solved: {error}") from error
        if found.status != "Optimal":
            raise SectorError(f"the clearing was not solved: {found.status}")
        return found.x


def clear(openings: Openings, seed: bytes) -> Clearing:
    """Return the clearing of the openings; the same openings and seed give the same one."""
    model = _Model(openings)
    needs = {one.request: sum(agents for _, agents in one.agents) for one in openings.requests}
    alone = {one.request: _serve_alone(openings, one) for one in openings.requests}
    if not model.columns:
        return _build(openings, alone, ())
    model.add_worst(needs, alone)
    columns = range(model.blocks)
    model.fix_least({at: -model.columns[at][0].block for at in columns})
    model.fix_least({at: model.columns[at][0].block * model.columns[at][0].price_cents
                     for at in columns})  # fmt: skip
    model.fix_least(dict.fromkeys(range(model.blocks, len(model.upper)), 1))
    found = model.fix_least({at: _weigh_tie(seed, *model.columns[at]) for at in columns})
    matches = [
        ReliefMatch(offer.offer, request.request, half_hour, round(found[at]) * offer.block)
        for at, (offer, request, half_hour) in enumerate(model.columns)
        if round(found[at])
    ]
    return _build(openings, alone, matches)


def recall(
    openings: Openings, cleared: Clearing, giver: str, half_hour: int, seed: bytes
) -> Clearing:
    """Return the clearing after a giver takes back all its agents from a half hour on.

    Matches of other givers stand; the rest of their offers is cleared again for what is missing.
    """
    givers = {offer.offer: offer.giver for offer in openings.offers}
    kept = [
        one for one in cleared.matches if one.half_hour < half_hour or givers[one.offer] != giver
    ]
    used, got = Counter[tuple[str, int]](), Counter[tuple[str, int]]()
    for one in kept:
        used[one.offer, one.half_hour] += one.agents
        got[one.request, one.half_hour] += one.agents

    def leave(name: str, agents: tuple[tuple[int, int], ...], taken: Counter[tuple[str, int]]
              ) -> tuple[tuple[int, int], ...]:  # fmt: skip
        return tuple((at, count - taken[name, at]) for at, count in agents if at >= half_hour)

    rest = Openings(
        tuple(
            replace(offer, agents=leave(offer.offer, offer.agents, used))
            for offer in openings.offers
            if offer.giver != giver
        ),
        tuple(
            replace(request, agents=leave(request.request, request.agents, got))
            for request in openings.requests
        ),
        openings.approvals,
    )
    total = Counter[tuple[str, str, int]]()
    for one in (*kept, *clear(rest, seed).matches):
        total[one.offer, one.request, one.half_hour] += one.agents
    return _build(openings, dict(cleared.alone), [ReliefMatch(*k, n) for k, n in total.items()])


def check_clearing(openings: Openings, matches: Iterable[ReliefMatch]) -> None:
    """Raise SectorError unless matches hold every approval, price, block, offer and need."""
    offers = {one.offer: one for one in openings.offers}
    requests = {one.request: one for one in openings.requests}
    used, got = Counter[tuple[str, int]](), Counter[tuple[str, int]]()
    for one in matches:
        offer, request = offers[one.offer], requests[one.request]
        if not openings.allows(offer, request):
            raise SectorError(f"offer {one.offer} may not serve request {one.request}")
        if one.agents % offer.block:
            raise SectorError(f"offer {one.offer} is taken in blocks of {offer.block}")
        used[one.offer, one.half_hour] += one.agents
        got[one.request, one.half_hour] += one.agents
    _check_within("offer", used, lambda name: offers[name].agents)
    _check_within("request", got, lambda name: requests[name].agents)


def _check_within(
    what: str, counts: Counter[tuple[str, int]], find: Callable[[str], tuple[tuple[int, int], ...]]
) -> None:
    for (name, half_hour), count in counts.items():
        most = dict(find(name)).get(half_hour, 0)
        if count > most:
            raise SectorError(f"{what} {name} has {most} agents in half hour {half_hour}, "
                              f"{count} are matched")  # fmt: skip


def _serve_alone(openings: Openings, request: SectorRequest) -> int:
    """Return the agent half hours that a request gets where it is the only one."""
    model = _Model(replace(openings, requests=(request,)))
    if not model.columns:
        return 0
    goal = {at: -block for at, block in model.served[request.request].items()}
    return model.count_served(request.request, model.minimise(goal))


def _weigh_tie(seed: bytes, offer: SectorOffer, request: SectorRequest, half_hour: int) -> int:
    text = f"releve sector tie 1\n{len(offer.offer)} {offer.offer} {request.request} {half_hour}"
    return int.from_bytes(hmac.digest(seed, text.encode(), "sha256")[:2], "big")


def _build(openings: Openings, alone: dict[str, int], matches: Iterable[ReliefMatch]) -> Clearing:
    matches = tuple(sorted(matches))
    check_clearing(openings, matches)
    served = Counter[str]()
    for one in matches:
        served[one.request] += one.agents
    names = [one.request for one in openings.requests]
    return Clearing(
        matches,
        tuple((name, alone[name]) for name in names),
        tuple((name, served[name]) for name in names),
    )
