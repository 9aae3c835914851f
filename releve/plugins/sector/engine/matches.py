"""The clearing: which offer serves which request, in whole blocks; and what each pair owes.

Four goals in order: the worst regret (what a request gets less than it could alone, as a share of
its need), agent half hours served, cost, number of pairs (operator, request). Each is one
mixed-integer programme (HiGHS, one thread) under the exact integer value of those before it. What
is left equal is decided by an HMAC under a seed that no member chooses. The pairs of a large
clearing are few, not the fewest: dynamic slope scaling (Kim and Pardalos, Operations Research
Letters 24, 1999).

The work is bounded by counts, never by a clock, so that every machine comes to the same result.
Where openings are too large, or a search ends at its limit, the whole clearing is by progressive
filling, and says so (Bertsekas and Gallager, Data Networks, 1987, 6.5.2): every request is raised
to the same share of its need, from the cheapest offers that may serve it, then to the next share.
It keeps every approval, ceiling, block, offer and need, and leaves no block that would still fit.
"""

from __future__ import annotations

import hmac
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from releve.plan.lp import LinearProgram, Solution, SolverError, solve_lp
from releve.plugins.sector.engine.needs import (
    AgentFlow,
    Openings,
    Row,
    SectorError,
    SectorOffer,
    SectorRequest,
    read_number,
)

MOST_SHARES = 20
"""Steps in which a need is met: each request has a twentieth before another has two."""
MOST_STEPS = 20_000_000
"""Looks at an offer for a request in a half hour; with larger openings the shares are fewer."""


def fill_progressively(openings: Openings, seed: bytes) -> dict[tuple[str, str, int], int]:
    """Return agents by (offer, request, half hour).

    Offers come by price, then by their tie under the seed; requests by their tie.
    """
    left = {(one.offer, at): agents for one in openings.offers for at, agents in one.agents}
    queues: list[tuple[int, SectorRequest, list[SectorOffer]]] = []
    for request in openings.requests:
        offers = [one for one in openings.offers if openings.allows(one, request)]
        offers.sort(key=lambda one: (one.price_cents, weigh_tie(seed, one, request, 0), one))
        queues.append((weigh_tie(seed, None, request, 0), request, offers))
    queues.sort()
    looks = sum(len(request.agents) * len(offers) for _tie, request, offers in queues)
    shares = max(1, min(MOST_SHARES, MOST_STEPS // max(1, looks)))
    got: dict[tuple[str, int], int] = {}
    given: dict[tuple[str, str, int], int] = {}
    for share in range(1, shares + 1):
        for _tie, request, offers in queues:
            for at, need in request.agents:
                target, has = -(-need * share // shares), got.get((request.request, at), 0)
                for offer in offers if has < target else ():
                    there = left.get((offer.offer, at), 0)
                    wanted = -(-(target - has) // offer.block)
                    blocks = min(there // offer.block, (need - has) // offer.block, wanted)
                    if blocks:
                        agents = blocks * offer.block
                        key = (offer.offer, request.request, at)
                        given[key] = given.get(key, 0) + agents
                        left[offer.offer, at] = there - agents
                        has += agents
                        if has >= target:
                            break
                got[request.request, at] = has
    return given


def count_alone(offers: Sequence[SectorOffer], request: SectorRequest) -> int:
    """Return the agent half hours that a request gets of these offers where it is the only one.

    In each half hour the largest sum of whole blocks up to the need. The sums that can be reached
    are the bits of one number.
    """
    given = [(one.block, dict(one.agents)) for one in offers]
    total = 0
    for at, need in request.agents:
        blocks: dict[int, int] = {}
        for block, agents in given:
            blocks[block] = blocks.get(block, 0) + min(agents.get(at, 0), need) // block
        if set(blocks) <= {1}:
            total += min(need, blocks.get(1, 0))
            continue
        reached, most = 1, (1 << (need + 1)) - 1
        for block, count in blocks.items():
            step = 1
            while count := min(count, need // block):
                taken = min(step, count)
                reached |= (reached << (block * taken)) & most
                count, step = count - taken, 2 * step
        total += reached.bit_length() - 1
    return total


def weigh_tie(seed: bytes, offer: SectorOffer | None, request: SectorRequest, half_hour: int) -> int:
    """Return the number by which the seed decides between an offer and another, or requests."""
    name = "" if offer is None else offer.offer
    text = f"releve sector tie 1\n{len(name)} {name} {request.request} {half_hour}"
    return int.from_bytes(hmac.digest(seed, text.encode(), "sha256")[:2], "big")


GOALS, SHARES = "goals", "shares"
"""Rules of a clearing: the four goals, or equal shares where those take too much work."""


@dataclass(frozen=True, order=True)
class ReliefMatch:
    """Agents of an offer that work for a request in one half hour."""

    offer: str
    request: str
    half_hour: int
    agents: int


@dataclass(frozen=True)
class Clearing:
    """The matches, and of each request what it got and what it could have had alone."""

    matches: tuple[ReliefMatch, ...]
    alone: tuple[tuple[str, int], ...]
    """(request, agent half hours that it could have had alone), of each request."""
    served: tuple[tuple[str, int], ...]
    """(request, agent half hours that it gets), of each request."""
    rule: str = GOALS


def describe_clearing(cleared: Clearing) -> dict[str, Any]:
    """Return a clearing as JSON values; its rule only where that is another than the goals."""
    found = asdict(cleared)
    if cleared.rule == GOALS:
        del found["rule"]
    return found


class _WorkLimitReached(Exception):  # noqa: N818 (a state of the search)
    """The goals take more work than is allowed."""


_Row = Mapping[int, float]
MOST_EXACT_COLUMNS = 2_000
"""Up to this many blocks of offers for requests the fewest pairs are found exactly."""
MOST_BRANCHES = 1_000
"""Branches in which they are searched for."""
MOST_GOAL_BRANCHES = 1_000
"""Branches in which the goals before them are: half a minute at a thousand columns."""
MOST_BRANCHED_COLUMNS = 4_000
"""Up to this many columns branches are searched: a hundred took 40 s at nine thousand."""
MOST_COLUMNS = 100_000
"""Up to this many columns the goals are sought: 119,000 took 94 s, without branches."""
MOST_AGENT_HALF_HOURS = 200_000
"""Agent half hours of all requests up to which they are: worst regrets are tried out of these."""
BRANCHES_ENDED = "Solution limit reached"
SLOPE_STEPS = 3
"""Times that the pairs of a larger clearing are priced again by what each carried."""
WHOLE = 1e-7
"""How far a whole number of the solver may be from one."""
TIE_SHARE = 1e-3
"""Part of a pair's price that the seed decides."""


class _Model:
    """The columns (blocks of an offer for a request in a half hour) and common rows."""

    def __init__(self, openings: Openings) -> None:
        pairs = [
            (offer, request)
            for offer in openings.offers
            for request in openings.requests
            if openings.allows(offer, request)
        ]
        self.columns: list[tuple[SectorOffer, SectorRequest, int]] = []
        self.upper: list[int] = []
        capacity: dict[tuple[str, int], tuple[dict[int, float], float]] = {}
        need: dict[tuple[str, int], tuple[dict[int, float], float]] = {}
        self.served: dict[str, dict[int, float]] = {request.request: {} for request in openings.requests}
        for offer, request in pairs:
            needed = dict(request.agents)
            if len(self.columns) > MOST_COLUMNS:
                raise _WorkLimitReached
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
        self.rows: list[tuple[_Row, float]] = [*capacity.values(), *need.values()]
        self.pairs: dict[tuple[str, str], list[int]] = {}
        for at, (offer, request, _) in enumerate(self.columns):
            self.pairs.setdefault((offer.giver, request.request), []).append(at)

    def add_worst(self, needs: dict[str, int], alone: dict[str, int]) -> None:
        """Find the least possible worst regret, and hold it in a row for each request."""
        one_by_one = all(offer.block == 1 for offer, _, _ in self.columns)
        find = self._find_worst_by_flow if one_by_one else self._find_worst_by_branches
        self.rows += self._bound_regret(find(needs, alone), needs, alone)

    def _bound_regret(self, regret: Fraction, needs: dict[str, int], alone: dict[str, int]) -> list[tuple[_Row, float]]:
        """Return a row for each request: what it gets at least under a worst regret."""
        return [
            ({at: -block for at, block in self.served[name].items()}, int(regret * needs[name]) - alone[name])
            for name in needs
            if alone[name]
        ]

    def _find_worst_by_branches(self, needs: dict[str, int], alone: dict[str, int]) -> Fraction:
        """Return the least possible worst regret, by a mixed-integer programme."""
        worst, asked = len(self.upper), [name for name in needs if alone[name]]
        rows = [
            ({**{at: -block for at, block in self.served[name].items()}, worst: -needs[name]}, -alone[name])
            for name in asked
        ]
        found = self.minimise({worst: 1}, rows, continuous=1)
        return max(
            (Fraction(alone[name] - self.count_served(name, found), needs[name]) for name in asked), default=Fraction(0)
        )

    def _find_worst_by_flow(self, needs: dict[str, int], alone: dict[str, int]) -> Fraction:
        """Return the least possible worst regret where agents are taken one by one."""
        flow = AgentFlow(self.columns)
        regrets = sorted(
            {Fraction(count, needs[name]) for name in needs if alone[name] for count in range(alone[name] + 1)}
        )

        def is_possible(regret: Fraction) -> bool:
            return flow.can_serve({name: alone[name] - int(regret * needs[name]) for name in needs if alone[name]})

        first = bisect_left(regrets[:-1], True, key=is_possible)
        return regrets[first] if regrets else Fraction(0)

    def count_served(self, request: str, found: Any) -> int:
        """Return the agent half hours that a request gets in a solution."""
        return int(sum(block * round(found[at]) for at, block in self.served[request].items()))

    def fix_least(self, goal: _Row, start: Any = None) -> Any:
        """Minimise a goal with whole coefficients, hold its value in a row, return the columns.

        ``start``: columns that keep every row. With them the search ends at MOST_BRANCHES, with the
        best that was found.
        """
        found = self.minimise(goal, start=start)
        value = sum(weight * round(found[at]) for at, weight in goal.items())
        self.rows.append((goal, value))
        return found

    def fix_fewest_pairs(self, found: Any) -> Any:
        """Add a column per pair, hold the least number of them, return the columns."""
        first, used = len(self.upper), []
        for columns in self.pairs.values():
            pair = len(self.upper)
            self.rows += [({at: 1, pair: -self.upper[at]}, 0) for at in columns]
            self.upper.append(1)
            used.append(float(any(round(found[at]) for at in columns)))
        goal = dict.fromkeys(range(first, len(self.upper)), 1)
        return self.fix_least(goal, np.concatenate([np.round(found), used]))

    def keep_few_pairs(self, seed: bytes, start: Any) -> Any:
        """Close all but a few pairs that can carry the goals before, return the columns.

        A price for each agent of a pair stands for the price of the pair, and follows what it last
        carried.
        """
        price = {pair: 1.0 / sum(self.upper[at] for at in columns) for pair, columns in self.pairs.items()}
        ties = [TIE_SHARE * weigh_tie(seed, *column) / 2**16 for column in self.columns]
        best: tuple[dict[tuple[str, str], int], Any] | None = None
        for _ in range(SLOPE_STEPS):
            costs = {at: price[pair] * (1.0 + ties[at]) for pair, columns in self.pairs.items() for at in columns}
            found = self.minimise(costs, start=start)
            carried = {
                pair: count
                for pair, columns in self.pairs.items()
                if (count := sum(round(found[at]) for at in columns))
            }
            if best is None or len(carried) < len(best[0]):
                best = carried, found
            price |= {pair: 1.0 / count for pair, count in carried.items()}
        assert best is not None
        for pair, columns in self.pairs.items():
            if pair not in best[0]:
                for at in columns:
                    self.upper[at] = 0
        return np.round(best[1])

    def minimise(
        self, goal: _Row, more: Iterable[tuple[_Row, float]] = (), continuous: int = 0, start: Any = None
    ) -> Any:
        """Return the columns that minimise a goal under the rows; the last ones are continuous.

        Agents one by one are a flow, whose vertices are whole: without branches where they are.
        A search that ends at its limit has the best it found with a ``start``, else it raises
        _WorkLimitReached.
        """
        count = len(self.upper)
        try:
            relaxed = self._solve(goal, more, continuous, whole=False).x
            if np.abs(relaxed[:count] - np.round(relaxed[:count])).max(initial=0.0) < WHOLE:
                return relaxed
            if count > MOST_BRANCHED_COLUMNS:
                if start is None:
                    raise _WorkLimitReached
                return start
            found = self._solve(goal, more, continuous, whole=True, start=start)
        except SolverError as error:
            if str(error).endswith(BRANCHES_ENDED):
                raise _WorkLimitReached from error
            raise SectorError(f"the clearing was not solved: {error}") from error
        if found.status == BRANCHES_ENDED and start is None:
            raise _WorkLimitReached
        if found.status not in ("Optimal", BRANCHES_ENDED):
            raise SectorError(f"the clearing was not solved: {found.status}")
        return found.x

    def _solve(
        self, goal: _Row, more: Iterable[tuple[_Row, float]], continuous: int, *, whole: bool, start: Any = None
    ) -> Solution:
        rows = [*self.rows, *more]
        count = len(self.upper) + continuous
        costs = np.zeros(count)
        costs[list(goal)] = list(goal.values())
        programme = LinearProgram()
        programme.columns(count, costs, upper=[*self.upper, *[1.0] * continuous])
        programme.rows(len(rows), upper=[most for _, most in rows])
        programme.add(
            np.repeat(np.arange(len(rows)), [len(row) for row, _ in rows]),
            [at for row, _ in rows for at in row],
            [value for row, _ in rows for value in row.values()],
        )
        if not whole:
            return solve_lp(programme)
        return solve_lp(
            programme, integer=np.arange(len(self.upper)), gap=0.0, start=start,
            options={"mip_max_nodes": MOST_GOAL_BRANCHES if start is None else MOST_BRANCHES},
        )  # fmt: skip


def clear(openings: Openings, seed: bytes) -> Clearing:
    """Return the clearing of the openings; the same openings and seed give the same one."""
    openings = Openings(tuple(sorted(openings.offers)), tuple(sorted(openings.requests)), openings.approvals)
    alone = {
        one.request: count_alone([o for o in openings.offers if openings.allows(o, one)], one)
        for one in openings.requests
    }
    try:
        return _build(openings, alone, _match_by_goals(openings, alone, seed))
    except _WorkLimitReached:
        given = fill_progressively(openings, seed)
        matches = [ReliefMatch(*key, agents) for key, agents in given.items()]
        return replace(_build(openings, alone, matches), rule=SHARES)


def _match_by_goals(openings: Openings, alone: dict[str, int], seed: bytes) -> list[ReliefMatch]:
    """Return the matches by the four goals, one after the other."""
    needs = {one.request: sum(agents for _, agents in one.agents) for one in openings.requests}
    if sum(needs.values()) > MOST_AGENT_HALF_HOURS:
        raise _WorkLimitReached
    model = _Model(openings)
    if not model.columns:
        return []
    model.add_worst(needs, alone)
    columns = range(len(model.columns))
    model.fix_least({at: -model.columns[at][0].block for at in columns})
    found = model.fix_least({at: model.columns[at][0].block * model.columns[at][0].price_cents for at in columns})
    small = len(columns) <= MOST_EXACT_COLUMNS
    found = model.fix_fewest_pairs(found) if small else model.keep_few_pairs(seed, np.round(found))
    found = model.fix_least({at: weigh_tie(seed, *model.columns[at]) for at in columns}, found)
    return [
        ReliefMatch(offer.offer, request.request, half_hour, round(found[at]) * offer.block)
        for at, (offer, request, half_hour) in enumerate(model.columns)
        if round(found[at])
    ]


def recall(openings: Openings, cleared: Clearing, giver: str, half_hour: int, seed: bytes) -> Clearing:
    """Return the clearing after a giver takes back all its agents from a half hour on.

    Matches of other givers stand; the rest of their offers is cleared again for what is missing.
    """
    givers = {offer.offer: offer.giver for offer in openings.offers}
    kept = [one for one in cleared.matches if one.half_hour < half_hour or givers[one.offer] != giver]
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
        tuple(replace(request, agents=leave(request.request, request.agents, got)) for request in openings.requests),
        openings.approvals,
    )
    again = clear(rest, seed)
    total = Counter[tuple[str, str, int]]()
    for one in (*kept, *again.matches):
        total[one.offer, one.request, one.half_hour] += one.agents
    found = _build(openings, dict(cleared.alone), [ReliefMatch(*k, n) for k, n in total.items()])
    return replace(found, rule=again.rule)


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
            raise SectorError(f"{what} {name} has {most} agents in half hour {half_hour}, {count} are matched")


def _build(openings: Openings, alone: dict[str, int], matches: Iterable[ReliefMatch]) -> Clearing:
    matches = tuple(sorted(matches))
    check_clearing(openings, matches)
    served = Counter[str]()
    for one in matches:
        served[one.request] += one.agents
    names = [one.request for one in openings.requests]
    return Clearing(
        matches, tuple((name, alone[name]) for name in names), tuple((name, served[name]) for name in names)
    )


@dataclass(frozen=True, order=True)
class Payment:
    """Euro cents that an asker owes a giver, for agent half hours delivered."""

    asker: str
    giver: str
    delivered: int
    cents: int


def read_delivered(rows: Iterable[Row], cleared: Clearing) -> tuple[ReliefMatch, ...]:
    """Return delivered rows; SectorError for one that has no match, is double or exceeds it."""
    faults: list[str] = []
    matched = {(one.offer, one.request, one.half_hour): one.agents for one in cleared.matches}
    found: dict[tuple[str, str, int], int] = {}
    for number, row in enumerate(rows, 2):
        where = f"delivered.csv, row {number}"
        half_hour = read_number(where, row, "half_hour", faults)
        agents = read_number(where, row, "agents", faults)
        key = ((row.get("offer") or "").strip(), (row.get("request") or "").strip(), half_hour)
        if key not in matched:
            faults.append(f"{where}: no match of that offer, request and half hour: remove the row")
        elif key in found:
            faults.append(f"{where}: the same match twice: remove one row")
        elif agents > matched[key]:
            faults.append(f"{where}: agents must be at most the {matched[key]} matched: lower them")
        found[key] = agents
    if faults:
        raise SectorError("\n".join(faults))
    return tuple(ReliefMatch(*key, agents) for key, agents in sorted(found.items()))


def settle(openings: Openings, delivered: Iterable[ReliefMatch]) -> tuple[Payment, ...]:
    """Return the payments of each pair of operators, at the prices of the offers."""
    offers = {one.offer: one for one in openings.offers}
    askers = {one.request: one.asker for one in openings.requests}
    count, cents = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for one in delivered:
        offer = offers[one.offer]
        pair = (askers[one.request], offer.giver)
        count[pair] += one.agents
        cents[pair] += one.agents * offer.price_cents
    return tuple(Payment(*pair, count[pair], cents[pair]) for pair in sorted(count))
