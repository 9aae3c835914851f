"""A quarter in plain Python: sets of places, people one by one, calls by the formulas' own words.

Shares with the kernels the tables of Erlang A, the cells of states in which several losses are
answered, and the quantiles of a day's factor.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import Any

import numpy as np
from scipy.interpolate import RegularGridInterpolator

from releve.demand.forecast.day_parts import DayParts
from releve.plan import BASE, Placement
from releve.plugins.crashtest.engine.call_outcomes import BETA_FIRST, BETA_STEP, LOG_FIRST, LOG_STEP
from releve.plugins.crashtest.engine.outages import draw_outages
from releve.plugins.crashtest.engine.outbreak import Detail, simulate
from releve.plugins.crashtest.engine.outbreak.rng import derive_key, derive_replication_key, draw_unit, hash_key
from releve.plugins.crashtest.engine.relief_rule import allocate_buffers, build_cells
from releve.plugins.crashtest.engine.run_arrays import CrashTest, RunArrays

T = 48
Lost = Mapping[int, int]
"""The cause of each lost place, by number."""


class Quarter:
    """One quarter of a test with one planned day; ``lost[day][t]`` who took each place."""

    def __init__(self, test: CrashTest, ready: RunArrays, replication: int) -> None:
        self.test, self.ready, self.replication = test, ready, replication
        self.known: dict[tuple[str, int], list[tuple[int, str, int, float]]] = {}
        ill = simulate(
            test.scenario, test.controls, replications=1, seed=test.settings.seed,
            first=replication, detail=Detail(closed=True, away=True, tally_of=ready.tally_of),
        )  # fmt: skip
        self.away = ill.away[0]
        self.lost: list[list[dict[int, int]]] = [
            [dict.fromkeys(np.flatnonzero(ill.closed[0, day]).tolist(), 1) for _ in range(T)]
            for day in range(test.settings.days)
        ]
        events = draw_outages(
            test.hazards, ready.numbers.places, days=test.settings.days,
            seed=test.settings.seed, replications=1, first=replication, start=ready.start,
        )  # fmt: skip
        for begin, end, place, hazard in zip(events.begin, events.end, events.place, events.hazard, strict=True):
            for i in range(test.settings.days * T):
                if begin <= (i + 0.5) / 2 < end:
                    self.lost[i // T][i % T].setdefault(int(place), 2 + int(hazard))

    def answered(self, day: int, t: int) -> set[int]:
        """Return the lost places of a half hour whose loss is answered."""
        found = set()
        for m in self.lost[day][t]:
            begin = t
            while begin > 0 and m in self.lost[day][begin - 1]:
                begin -= 1
            if begin == 0 and day > 0 and m in self.lost[day - 1][T - 1]:
                found.add(m)
                continue
            settings = self.test.settings
            several = sum(self.due(other) < T for other in self.lost[day][begin]) > 1
            wait = settings.several_intervals if several else settings.reaction_intervals
            if t >= max(begin, self.due(m)) + wait:
                found.add(m)
        return found

    def due(self, m: int) -> int:
        """Return the first half hour in which the base plan has agents at a place."""
        for t in range(T):
            if any(at == m and works > 0 for at, _, _, works in self.people(BASE, t)):
                return t
        return T

    def people(self, scenario: str, t: int) -> list[tuple[int, str, int, float]]:
        """Return (place, agent, programme, share of the half hour worked) of a scenario."""
        if (scenario, t) not in self.known:
            self.known[scenario, t] = self._people(scenario, t)
        return self.known[scenario, t]

    def _people(self, scenario: str, t: int) -> list[tuple[int, str, int, float]]:
        plan, numbers = self.test.plans[0], self.ready.numbers
        after: dict[str, Placement | None] = {row.agent: row for row in plan.placements}
        after |= {move.agent: move.after for move in plan.scenarios[scenario].moves}
        columns = [row[0] for row in plan.programmes]
        found = []
        for name, row in after.items():
            if row is not None and _worked(plan, row, t) > 0:
                place = numbers.of(row.place, self.test.operator.agent[name])
                found.append((place, name, columns.index(row.programme), _worked(plan, row, t)))
        return found

    def placed(self, day: int) -> np.ndarray[Any, Any]:
        """Return the effective agents of a day: [programme, t]."""
        plan = self.test.plans[0]
        found = np.zeros((len(plan.programmes), T))
        for t in range(T):
            lost = set(self.lost[day][t])
            answered = frozenset(m for m in self.answered(day, t) if self.due(m) < T)
            scenario = self.ready.relieved[0].get(answered, 0 if not answered else -1)
            if scenario < 0:
                found[:, t] = self._several(day, t, answered)
                continue
            name = BASE if not answered else plan.contingencies[scenario - 1].id
            for place, agent, p, works in self.people(name, t):
                if place not in lost:
                    home = place >= len(self.test.operator.sites)
                    row = self.test.operator.programme[plan.programmes[p][0]]
                    effect = row.home_efficiency * self.home_factor(p) if home else 1.0
                    found[p, t] += works * effect * self._present(day, agent)
        return found

    def _several(self, day: int, t: int, answered: frozenset[int]) -> np.ndarray[Any, Any]:
        arrays = self.ready.days[0]
        mask = np.zeros(len(arrays.damage), dtype=np.bool_)
        mask[list(self.lost[day][t])] = True
        single = [m for m in answered if frozenset((m,)) in self.ready.relieved[0]]
        names = self.ready.numbers.places.names
        worst = max(single, key=lambda m: (arrays.damage[m], names[m]))
        start = self.ready.relieved[0][frozenset((worst,))]
        cells = build_cells(arrays, start, mask, True, allocate_buffers(arrays))
        found = np.zeros(len(arrays.weight))
        size = self.ready.presence.tally_size
        for tally, pair, heads, home in zip(*cells, strict=True):
            share = max(0.0, 1 - self.away[day, tally] / size[tally])
            works = arrays.worked[arrays.pair_pattern[pair], t]
            p = arrays.pair_programme[pair]
            found[p] += (heads - home + home * self.home_factor(p)) * works * share
        return found

    def _present(self, day: int, agent: str) -> float:
        tally = self.ready.tally_of[self.test.scenario.population.number[agent]]
        return max(0.0, 1 - self.away[day, tally] / self.ready.presence.tally_size[tally])

    def home_factor(self, p: int) -> float:
        """Return how efficient home is in this quarter, as a share of what is expected."""
        row = self.test.programmes[p]
        if row.home_efficiency_low is None or row.home_efficiency_high is None:
            return 1.0
        error = math.log(row.home_efficiency_high / row.home_efficiency_low) / 2 / 1.959964
        quarter = np.uint64(derive_replication_key(self.test.settings.seed, self.replication))
        u = draw_unit(np.uint64(derive_key(quarter, hash_key("home", row.id))), 0)
        normals = [NormalDist().inv_cdf((at + 0.5) / 512) for at in range(512)]
        mean = math.fsum(math.exp(error * normal) for normal in normals) / 512
        return math.exp(error * normals[math.floor(u * 512)]) / mean

    def factor(self, day: int, p: int) -> float:
        """Return how busy a programme's day is: of what the quarter, the week and the day share, by client."""
        row, law = self.test.programmes[p], NormalDist()
        parts = self.test.parts[p] if self.test.parts else DayParts()
        quarter = np.uint64(derive_replication_key(self.test.settings.seed, self.replication))

        def number(kind: str, name: str, slot: int) -> float:
            return law.inv_cdf(draw_unit(np.uint64(derive_key(quarter, hash_key(kind, name))), slot))

        z = 0.0
        for part, slot in ((parts.span, 2_000), (parts.week, 1_000 + day // 7), (1 - parts.span - parts.week, day)):
            client, own = number("client", row.client, slot), number("programme", row.id, slot)
            z += math.sqrt(part) * (math.sqrt(parts.client) * client + math.sqrt(1 - parts.client) * own)
        quantiles = self.ready.demand.busy[p]
        return float(quantiles[math.floor(law.cdf(z) * len(quantiles))])

    def inbound(self, p: int, placed: Sequence[np.ndarray[Any, Any]]) -> tuple[float, float, float]:
        """Return offered, lost and served in time of a programme over the quarter."""
        row, need = self.test.programmes[p], self.test.needs[0]
        table = self.ready.demand.table[p]
        grid = (LOG_FIRST + LOG_STEP * np.arange(table.shape[0]), BETA_FIRST + BETA_STEP * np.arange(table.shape[1]))
        read = RegularGridInterpolator(grid, table)
        assert row.patience_s is not None
        queue, offered, lost, in_time = 0.0, 0.0, 0.0, 0.0
        patience = row.patience_s / 1800
        for day, agents in enumerate(placed):
            for t in range(T):
                calls = need.calls[t, p] * self.factor(day, p)
                if calls <= 0:
                    lost, queue = lost + queue, 0.0
                    continue
                load = calls * need.aht_s[t, p] / 1800
                n = agents[p, t] * (1 - row.shrinkage)
                gone, good = 1.0, 0.0
                if n > 0:
                    beta = (n - load) / math.sqrt(load)
                    inside = min(max(beta, grid[1][0]), grid[1][-1] - 1e-9)
                    gone, good, _ = read([[math.log(load), inside]])[0]
                    gone = (gone + max(0.0, inside - beta)) / math.sqrt(load)
                    gone = min(1.0, max(0.0, gone))
                    good = min(good, n / load) if beta < grid[1][0] else good
                    good = min(good, 1 - gone)
                steady = calls * gone * patience
                more, late, left = 0.0, 0.0, 0.0
                if queue < steady:
                    end = steady - (steady - queue) * math.exp(-1 / patience)
                    more = (queue - steady) * (1 - math.exp(-1 / patience))
                else:
                    spare = max(0.0, n - load) * 1800 / need.aht_s[t, p]
                    left, more, late = _drained(queue - steady, spare, patience)
                    end = steady + left
                offered, queue = offered + calls, end
                lost += max(0.0, calls * gone + more)
                in_time += calls * good * (1 - late)
        return offered, lost, in_time


def _drained(excess: float, spare: float, patience: float) -> tuple[float, float, float]:
    """Follow e' = -spare - e / patience over a half hour, in small steps of the midpoint rule."""
    left, gone, late, steps = excess, 0.0, 0.0, 400
    for _ in range(steps if excess > 1e-9 else 0):
        middle = left - (left / patience + spare) / (2 * steps)
        step = (max(0.0, middle) / patience + spare) / steps
        if step >= left:
            late += left / step / steps
            gone += left - min(left, spare / steps)
            left = 0.0
            break
        late += 1 / steps
        gone += step - spare / steps
        left -= step
    return left, gone, min(1.0, late)


def _worked(plan: Any, row: Placement, t: int) -> float:
    """Return the share of a half hour that an agent works."""

    def overlap(begin: Any, end: Any) -> float:
        start = plan.starts[t].timestamp()
        return max(0.0, min(start + 1800, end.timestamp()) - max(start, begin.timestamp())) / 1800

    rest = overlap(row.break_start, row.break_end) if row.break_start else 0.0
    return overlap(row.start, row.end) - rest
