"""A centre's day in plain Python: one heap of events, every hanging-up an event of its own.

Slow, and shares with the simulator only the checked centre and the meaning of the keyed numbers,
which are written again here with Python's own integers.
"""

from __future__ import annotations

import hashlib
import heapq
import math
import struct
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from statistics import NormalDist

from scipy.special import gammaincinv

from releve.demand.queue import LEAVING, Centre, Distribution

FULL = 2**64 - 1
WEYL, LEG = 0x9E3779B97F4A7C15, 0xD1342543DE82EF95
GAP, SERVICE, PATIENCE, REDIAL, REDIAL_DELAY, TRANSFER, BUSYNESS, TIE, STEP_ORDER = range(9)
HANGS_UP, STEP, END, ARRIVAL = range(4)


def mix(x: int) -> int:
    """Return the finaliser of SplitMix64."""
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & FULL
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & FULL
    return x ^ (x >> 31)


def key_of(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")


def stream_of(seed: int, replication: int, key: int, decision: int) -> int:
    base = mix((mix((seed + WEYL) & FULL) + WEYL * (replication + 1)) & FULL)
    return mix((mix(base ^ key) + LEG * (decision + 1)) & FULL)


def uniform(stream: int, number: int, leg: int) -> float:
    if leg > 0:
        stream = mix((stream + LEG * leg) & FULL)
    return ((mix((stream + WEYL * (number + 1)) & FULL) >> 12) + 0.5) / 2**52


def value(distribution: Distribution, stream: int, number: int, leg: int) -> float:
    """Return the value of mean 1 that one call has of a distribution."""
    u = uniform(stream, number, leg)
    if distribution.kind == "exponential":
        return -math.log(1.0 - u)
    if distribution.kind == "constant":
        return 1.0
    if distribution.kind == "lognormal":
        deviation = math.sqrt(math.log1p(distribution.cv**2))
        return math.exp(deviation * NormalDist().inv_cdf(u) - deviation**2 / 2)
    if distribution.kind == "sample":
        return distribution.values[int(u * len(distribution.values))]
    return gamma(distribution.cv**-2, mix((stream + WEYL * (number + 1)) & FULL), leg)


def gamma(shape: float, own: int, leg: int) -> float:
    d = (shape if shape >= 1 else shape + 1) - 1 / 3
    for attempt in range(0, 10_000, 2):
        x = NormalDist().inv_cdf(uniform(own, attempt, leg))
        v = (1 + x / math.sqrt(9 * d)) ** 3
        if v > 0:
            u = uniform(own, attempt + 1, leg)
            if math.log(u) < x * x / 2 + d - d * v + d * math.log(v):
                boost = 1.0 if shape >= 1 else uniform(own, attempt + 2, leg) ** (1 / shape)
                return d * v * boost / shape
    raise AssertionError("ten thousand refusals")


@dataclass
class Call:
    """One visit of one caller."""

    programme: str
    origin: str
    number: int
    leg: int
    cell: int
    since: float = 0.0
    group: str = ""
    waiting: bool = False
    served: bool = False
    before: bool = False
    token: int = 0


@dataclass
class Team:
    """A group: how many there are; since when its free agents are free, and what ranks each among
    those of that instant; its calls."""

    agents: int = 0
    idle: list[tuple[float, float]] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)


class Day:
    """One replication; ``counts`` by (what, interval, programme), ``events`` as they happen."""

    def __init__(self, centre: Centre, replication: int, seed: int) -> None:
        self.c, self.replication, self.seed = centre, replication, seed
        self.now = float(centre.edges_s[0])
        self.counts: Counter[tuple[str, int, str]] = Counter()
        self.waits: Counter[tuple[str, int, str]] = Counter()
        self.busy: Counter[tuple[int, str]] = Counter()
        self.events: list[tuple[float, str, str, str | None, int]] = []
        self.heap: list[tuple[float, int, int, Callable[[], None]]] = []
        self.pushed = 0
        self.programmes = sorted(centre.programmes, key=key_of)
        self.teams = {name: Team() for name in centre.groups}
        self.lines: dict[str, list[Call]] = {name: [] for name in self.programmes}
        for name in self.programmes:
            self.plan_arrival(name, 0, self.now)
        self.plan_steps()
        while self.heap:
            self.now, _, _, act = heapq.heappop(self.heap)
            act()
        for calls in self.lines.values():
            for call in calls:
                self.count("cut" if call.before else "left", call)

    # -- what belongs to a call

    def p(self, name: str) -> int:
        return self.c.programmes.index(name)

    def u(self, call: Call, decision: int) -> float:
        stream = stream_of(self.seed, self.replication, key_of(call.origin), decision)
        return uniform(stream, call.number, call.leg)

    def draw(self, call: Call, distribution: Distribution, decision: int) -> float:
        stream = stream_of(self.seed, self.replication, key_of(call.origin), decision)
        return value(distribution, stream, call.number, call.leg)

    def drawn(self, group: str, decision: int, place: int = 0) -> float:
        """Return what is drawn for a group at this instant, or for one of its agents."""
        stream = stream_of(self.seed, self.replication, key_of(f"group {group}"), decision)
        return uniform(stream, *struct.unpack("<q", struct.pack("<d", self.now)), place)

    def day_factor(self, name: str) -> float:
        cv = float(self.c.day_factor_cv[self.p(name)])
        if cv == 0:
            return 1.0
        key = key_of("every programme" if self.c.one_day_factor else name)
        u = uniform(stream_of(self.seed, self.replication, key, BUSYNESS), 0, 0)
        return float(gammaincinv(cv**-2, u)) / cv**-2

    # -- events to come

    def at(self, time: float, order: int, act: Callable[[], None]) -> None:
        self.pushed += 1
        heapq.heappush(self.heap, (time, order, self.pushed, act))

    def plan_arrival(self, name: str, number: int, after: float) -> None:
        p, factor = self.p(name), self.day_factor(name)
        stream = stream_of(self.seed, self.replication, key_of(name), GAP)
        left, time = -math.log(1.0 - uniform(stream, number, 0)), after
        for cell in range(len(self.c.edges_s) - 1):
            start, end = float(self.c.edges_s[cell]), float(self.c.edges_s[cell + 1])
            if end <= time:
                continue
            rate = float(self.c.calls[cell, p]) / (end - start) * factor
            if left < (end - time) * rate:
                time += left / rate
                call = Call(name, name, number, 0, cell)
                self.at(time, ARRIVAL, partial(self.new_call, call))
                return
            left -= (end - time) * rate
            time = end

    def plan_steps(self) -> None:
        c, rows = self.c, []
        for cell, start in enumerate(c.edges_s[:-1]):
            rows += [(float(start), g, int(c.agents[cell, c.groups.index(g)]), c.leaving) for g in self.teams]
        rows += [(row.at_s, row.group, row.agents, row.calls) for row in c.changes]
        for time in sorted({row[0] for row in rows}):
            together = [row[1:] for row in rows if row[0] == time]
            self.at(time, STEP, partial(self.steps, together))

    # -- what happens

    def new_call(self, call: Call) -> None:
        self.plan_arrival(call.programme, call.number + 1, self.now)
        self.count("offered", call)
        self.arrive(call)

    def arrive(self, call: Call) -> None:
        self.note("offered", call)
        ranks = self.c.call_rank[self.p(call.programme)]
        free = [
            (int(ranks[self.c.groups.index(g)]), team.idle[0], g)
            for g, team in self.teams.items()
            if team.idle
            and ranks[self.c.groups.index(g)] >= 0
            and self.c.least_waiting[self.p(call.programme), self.c.groups.index(g)] <= 1
        ]
        places = int(self.c.waiting_places[self.p(call.programme)])
        call.since = self.now
        if free:
            self.teams[min(free)[2]].idle.pop(0)
            self.answer(call, min(free)[2])
        elif 0 <= places <= len(self.lines[call.programme]):
            self.count("cut" if call.before else "blocked", call)
            self.note("blocked", call)
            self.dial_again(call)
        else:
            self.wait(call)

    def wait(self, call: Call) -> None:
        p = self.p(call.programme)
        call.waiting = True
        call.token += 1
        self.lines[call.programme].append(call)
        self.note("waits", call)
        self.plan_hanging_up(call, p)
        self.overflow(call.programme)

    def plan_hanging_up(self, call: Call, p: int) -> None:
        mean = float(self.c.patience_s[call.cell, p])
        if math.isinf(mean):
            return
        until = self.now + mean * self.draw(call, self.c.patience[p], PATIENCE)
        if not math.isinf(until):
            token = call.token
            self.at(until, HANGS_UP, lambda: self.hang_up(call, token))

    def overflow(self, name: str) -> None:
        """A line that has grown is answered by a group that waits for that."""
        p, line = self.p(name), self.lines[name]
        free = [
            (int(self.c.call_rank[p, g]), team.idle[0], group)
            for group, team in self.teams.items()
            if team.idle
            and self.c.call_rank[p, (g := self.c.groups.index(group))] >= 0
            and self.c.least_waiting[p, g] <= len(line)
        ]
        if free:
            group = min(free)[2]
            self.teams[group].idle.pop(0)
            self.answer(line.pop(0), group)

    def hang_up(self, call: Call, token: int) -> None:
        if not call.waiting or call.token != token:
            return
        self.lines[call.programme].remove(call)
        call.waiting = False
        self.note("hung_up", call)
        if call.before:
            self.count("cut", call)
        else:
            waited = self.now - call.since
            self.count("abandoned", call)
            self.waits["abandoned", call.cell, call.programme] += waited
            if waited <= self.c.threshold_s[self.p(call.programme)]:
                self.count("abandoned_within", call)
        self.dial_again(call)

    def dial_again(self, call: Call) -> None:
        p = self.p(call.programme)
        if not self.u(call, REDIAL) < self.c.redial[p]:
            return
        time = self.now - self.c.redial_delay_s[p] * math.log(1.0 - self.u(call, REDIAL_DELAY))
        if time < self.c.edges_s[-1]:
            again = Call(call.origin, call.origin, call.number, call.leg + 1, -1)
            self.at(float(time), HANGS_UP, lambda: self.come_back(again))

    def come_back(self, call: Call) -> None:
        call.cell = self.cell()
        self.count("offered", call)
        self.count("again", call)
        self.arrive(call)

    def answer(self, call: Call, group: str) -> None:
        p = self.p(call.programme)
        call.waiting = False
        if not call.before:
            waited = self.now - call.since
            self.count("answered", call)
            self.waits["answered", call.cell, call.programme] += waited
            if waited <= self.c.threshold_s[p]:
                self.count("within", call)
        self.note("answered", call, group)
        call.since, call.group, call.served = self.now, group, True
        call.token += 1
        self.teams[group].calls.append(call)
        need = self.c.aht_s[call.cell, p] * self.draw(call, self.c.service[p], SERVICE)
        token = call.token
        self.at(float(self.now + need), END, lambda: self.end(call, token))

    def end(self, call: Call, token: int) -> None:
        if call.token != token:
            return
        team = self.teams[call.group]
        self.leave(call)
        self.note("ended", call, call.group)
        if len(team.calls) < team.agents:
            self.next_call(call.group)
        u = self.u(call, TRANSFER)
        for name in self.programmes:
            u -= self.c.transfer[self.p(call.programme), self.p(name)]
            if u < 0:
                on = Call(name, call.origin, call.number, call.leg + 1, min(self.cell(), self.last))
                self.count("offered", on)
                self.count("transferred", on)
                self.arrive(on)
                return

    def next_call(self, group: str) -> None:
        """A free agent of a group takes a call, or is free from now on."""
        ranks = self.c.agent_rank[:, self.c.groups.index(group)]
        waiting = [
            (int(ranks[self.p(name)]), line[0].since, self.u(line[0], TIE), name)
            for name, line in self.lines.items()
            if line
            and ranks[self.p(name)] >= 0
            and self.c.least_waiting[self.p(name), self.c.groups.index(group)] <= len(line)
        ]
        if waiting:
            self.answer(self.lines[min(waiting)[3]].pop(0), group)
        else:
            idle = self.teams[group].idle
            same = sum(since == self.now for since, _ in idle)
            idle.append((self.now, self.drawn(group, TIE, same)))
            idle.sort()

    def steps(self, rows: list[tuple[str, int, str]]) -> None:
        """The groups whose agents change at one instant, in an order that is drawn."""
        for row in sorted(rows, key=lambda row: self.drawn(row[0], STEP_ORDER)):
            self.step(*row)

    def step(self, group: str, agents: int, leaving: str) -> None:
        team = self.teams[group]
        before, team.agents = max(team.agents, len(team.calls)), agents
        for _ in range(agents - before):
            self.next_call(group)
        while team.idle and len(team.idle) + len(team.calls) > agents:
            team.idle.pop(0)
        assert leaving in LEAVING
        while leaving != "finished" and len(team.calls) > agents:
            call = max(team.calls, key=lambda call: call.since)
            self.leave(call)
            call.token += 1
            self.note(leaving, call, group)
            self.count(leaving, call)
            if leaving == "cut":
                self.dial_again(call)
            else:
                call.before = True
                self.arrive(call)

    # -- books

    @property
    def last(self) -> int:
        return len(self.c.edges_s) - 2

    def cell(self) -> int:
        return sum(1 for edge in self.c.edges_s[1:] if self.now >= edge)

    def leave(self, call: Call) -> None:
        self.teams[call.group].calls.remove(call)
        edges = [*self.c.edges_s.tolist(), math.inf]
        for cell in range(len(edges) - 1):
            within = min(self.now, edges[cell + 1]) - max(call.since, edges[cell])
            self.busy[cell, call.group] += max(0.0, within)

    def count(self, what: str, call: Call) -> None:
        self.counts[what, call.cell, call.programme] += 1

    def note(self, what: str, call: Call, group: str | None = None) -> None:
        self.events.append((self.now, what, call.programme, group, call.number))
