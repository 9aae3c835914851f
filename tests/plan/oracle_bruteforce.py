"""The best plan of an operator of a few people, found by trying every one.

A plan is one choice per agent and the least is the least of all; branches are left out only where
they cannot be better (every choice's gain shrinks as work is placed). A break may stand at every
half hour of its shift unless ``breaks`` says otherwise. Base plan and reliefs together stand in
``oracle_whole``.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import floor

import numpy as np

from releve.network import Agent
from releve.plan.result import Contingency, Placement, list_contingencies
from tests.plan.oracle_rules import (
    HALF_HOUR,
    TINY,
    Breaks,
    Floats,
    capacity,
    capped_clients,
    every_break,
    legal_pairs,
    shift_of,
    weights,
    within_caps,
    work,
)
from tests.plan.tiny_operators import Tiny


@dataclass(frozen=True)
class Optimum:
    """A best choice for everyone; ``objective`` is ``penalty`` plus what the moves cost."""

    objective: float
    penalty: float
    placements: tuple[Placement, ...]


@dataclass(frozen=True)
class Option:
    """One placement an agent may be given, with what it does and what it costs."""

    placement: Placement
    column: int
    worked: tuple[float, ...]
    present: tuple[bool, ...]
    price: float


class Day:
    """The intervals that shifts touch, and the options of each agent in them."""

    def __init__(self, case: Tiny, breaks: Breaks = every_break) -> None:
        self.case, self.breaks = case, breaks
        self.shifts = {agent.id: shift for agent in case.operator.agents if (shift := shift_of(case, agent.id))}
        starts = case.requirement.starts
        touched = [
            t
            for t, at in enumerate(starts)
            if any(s.start < at + HALF_HOUR and at < s.end for s in self.shifts.values())
        ]
        self.times = [starts[t] for t in touched]
        self.need = np.nan_to_num(case.requirement.agents[touched])
        rest = np.delete(np.nan_to_num(case.requirement.agents), touched, axis=0)
        self.weights = weights(case)
        self.hopeless = float((rest * self.weights).sum())
        """Penalty of the intervals without a rostered agent."""
        self.capacity = {site: capacity(case, site) for site in case.operator.site}

    def options(
        self, agent: Agent, pairs: Sequence[tuple[str, str]], price: Callable[[str, str], float]
    ) -> list[Option]:
        shift = self.shifts[agent.id]
        names = self.case.requirement.programmes
        found = []
        for (place, name), rest in itertools.product(pairs, self.breaks(shift)):
            rate = self.case.operator.programme[name].home_efficiency if place == "home" else 1.0
            found.append(
                Option(
                    Placement(agent.id, place, name, shift.start, shift.end, *(rest or (None, None))),
                    names.index(name),
                    tuple(rate * work(shift.start, shift.end, rest, at) for at in self.times),
                    tuple(shift.start < at + HALF_HOUR and at < shift.end for at in self.times),
                    price(place, name),
                )
            )
        return found

    def base_options(self) -> dict[str, list[Option]]:
        """Return what each rostered agent may be given in the base plan, and its price."""
        unit = self.case.settings.move_price
        found = {}
        for agent in self.case.operator.agents:
            if agent.id in self.shifts:

                def price(place: str, name: str, agent: Agent = agent) -> float:
                    away = place != agent.home_site
                    return unit * (away + (name != agent.skills[0]) + 0.5 * (place == "home"))

                found[agent.id] = self.options(agent, legal_pairs(self.case, agent), price)
        return found

    def relief_options(self, base: Mapping[str, Placement], lost: Contingency, unit: float) -> dict[str, list[Option]]:
        """Return what each rostered agent may be given once places are lost, and its price."""
        found = {}
        for agent in self.case.operator.agents:
            if agent.id not in self.shifts:
                continue
            before = base.get(agent.id)
            same = (before.place, before.programme) if before else None
            pairs = legal_pairs(self.case, agent, lost)
            if lost.exposed and before is not None and before.place in lost.sites:
                pairs = [pair for pair in pairs if pair[0] == "home"]

            def price(place: str, name: str, same: tuple[str, str] | None = same) -> float:
                return unit * ((place, name) != same)

            found[agent.id] = self.options(agent, pairs, price)
        return found


class Search:
    """Depth-first over agents; a branch ends when even the best of the rest cannot better it."""

    def __init__(
        self,
        day: Day,
        options: Mapping[str, list[Option]],
        accept: Callable[[Sequence[Option | None]], bool],
        weight: Floats | None = None,
    ) -> None:
        self.day, self.accept = day, accept
        self.agents = sorted(options, key=lambda name: len(options[name]))
        self.options = [options[name] for name in self.agents]
        self.weight = (day.weights if weight is None else weight).tolist()
        self.missing: list[list[float]] = day.need.T.tolist()
        self.seated = {site: [0] * len(day.times) for site in day.case.operator.site}
        self.chosen: list[Option | None] = []
        self.best: list[Option | None] | None = None
        self.least = float("inf")

    def run(self) -> tuple[float, float, tuple[Placement, ...]]:
        """Return the least objective, its penalty and its placements."""
        penalty = sum(w * sum(row) for w, row in zip(self.weight, self.missing, strict=True))
        self._go(penalty, 0.0)
        assert self.best is not None, "no choice was accepted, not even an empty one"
        chosen = [option for option in self.best if option is not None]
        prices = sum(option.price for option in chosen)
        return self.least, self.least - prices, tuple(option.placement for option in chosen)

    def _gain(self, option: Option) -> float:
        row = self.missing[option.column]
        filled = sum(min(done, max(0.0, short)) for done, short in zip(option.worked, row, strict=True))
        return float(self.weight[option.column] * filled)

    def _hope(self, depth: int) -> float:
        """Return the most that the agents still to come could take off."""
        return sum(
            max(0.0, *(self._gain(option) - option.price for option in options), 0.0)
            for options in self.options[depth:]
        )

    def _go(self, penalty: float, prices: float) -> None:
        depth = len(self.chosen)
        if depth == len(self.options):
            if penalty + prices < self.least - TINY and self.accept(self.chosen):
                self.least, self.best = penalty + prices, list(self.chosen)
            return
        if max(penalty + prices - self._hope(depth), prices) >= self.least - TINY:
            return
        ranked = sorted(self.options[depth], key=lambda o: o.price - self._gain(o))
        for option in [*ranked, None]:
            if option is None:
                self.chosen.append(None)
                self._go(penalty, prices)
                self.chosen.pop()
            elif self._free(option):
                self._place(option, 1)
                self.chosen.append(option)
                self._go(penalty - self._gained(option), prices + option.price)
                self.chosen.pop()
                self._place(option, -1)

    def _gained(self, option: Option) -> float:
        """What the option just placed has filled: the difference of before and after."""
        row = self.missing[option.column]
        filled = sum(max(0.0, short + done) - max(0.0, short) for done, short in zip(option.worked, row, strict=True))
        return float(self.weight[option.column] * filled)

    def _free(self, option: Option) -> bool:
        place = option.placement.place
        return place == "home" or all(
            not here or taken + 1 <= self.day.capacity[place]
            for here, taken in zip(option.present, self.seated[place], strict=True)
        )

    def _place(self, option: Option, sign: int) -> None:
        row = self.missing[option.column]
        for t, done in enumerate(option.worked):
            row[t] -= sign * done
        if option.placement.place != "home":
            for t, here in enumerate(option.present):
                self.seated[option.placement.place][t] += sign * here


def best_base(case: Tiny, breaks: Breaks = every_break) -> Optimum:
    """Return a base plan of least penalty and moves: seats and shares hold, nothing else counts."""
    day = Day(case, breaks)
    caps = capped_clients(case)

    def accept(chosen: Sequence[Option | None]) -> bool:
        return within_caps(case, caps, (o.placement for o in chosen if o is not None))

    total, penalty, placements = Search(day, day.base_options(), accept).run()
    return Optimum(total + day.hopeless, penalty + day.hopeless, placements)


def best_relief(
    case: Tiny, base: Iterable[Placement], lost: Contingency, *, price: float = 0.0, breaks: Breaks = every_break
) -> Optimum:
    """Return the best relief of a base plan; ``price`` is of each agent placed elsewhere.

    An agent who keeps place and programme costs nothing, nor does one left without a placement.
    """
    day = Day(case, breaks)
    before = {row.agent: row for row in base}
    exposed = [row for row in before.values() if lost.exposed and row.place in lost.sites]

    def accept(chosen: Sequence[Option | None]) -> bool:
        placed = {o.placement.agent for o in chosen if o is not None}
        for site in lost.sites:
            there = [row for row in exposed if row.place == site]
            idle = sum(row.agent not in placed for row in there)
            if idle < floor(case.settings.isolated * len(there) + TINY):
                return False
        return True

    total, penalty, placements = Search(day, day.relief_options(before, lost, price), accept).run()
    return Optimum(total + day.hopeless, penalty + day.hopeless, placements)


def floors(case: Tiny, contingencies: Sequence[Contingency] | None = None, breaks: Breaks = every_break) -> Floats:
    """Return the least missing share ``[contingency, client]`` with everyone for that client.

    In whole people; no agent is exposed and no share of a site binds.
    """
    listed = list_contingencies(case.operator) if contingencies is None else contingencies
    out = np.zeros((len(listed), len(case.operator.clients)))
    day = Day(case, breaks)
    for c, lost in enumerate(listed):
        options = day.relief_options({}, lost, 0.0)
        for k, client in enumerate(case.operator.clients):
            mine = np.array([float(row.client == client.id) for row in case.operator.programmes])
            search = Search(day, options, lambda _: True, mine)
            need = float((np.nan_to_num(case.requirement.agents) * mine).sum())
            idle = need - float((day.need * mine).sum())
            out[c, k] = (search.run()[0] + idle) / max(1.0, need)
    return out
