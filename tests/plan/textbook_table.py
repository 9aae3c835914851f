"""The columns of the textbook linear programme: what each group of like agents may do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from releve.network import Agent, Shift, day_bounds
from releve.plan.result import Contingency
from tests.plan import oracle_rules as rules
from tests.plan.oracle_rules import HALF_HOUR, Breaks, Floats
from tests.plan.tiny_operators import Tiny


@dataclass(frozen=True)
class Group:
    """Agents with equal properties."""

    like: Agent
    shift: Shift
    reach: frozenset[str]
    agents: tuple[str, ...]


def groups_of(case: Tiny) -> list[Group]:
    """Return the rostered agents of the day, like with like."""
    first, last = day_bounds(case.requirement.day, case.operator.row.time_zone)
    shifts = {s.agent: s for s in reversed(case.operator.shifts) if first <= s.start < last}
    reach: dict[object, frozenset[str]] = {}
    members: dict[object, list[Agent]] = {}
    reach_of: dict[object, frozenset[str]] = {}
    allowed = rules.permitted(case, "agent", shifts)
    for agent in case.operator.agents:
        shift = shifts.get(agent.id)
        if shift is None:
            continue
        travel = (agent.home_site, agent.stop, agent.own_transport, agent.id in allowed)
        if travel not in reach:
            reach[travel] = frozenset(rules.sites_in_reach(case, agent))
        period = (shift.start, shift.end, shift.break_minutes)
        line = (agent.home_ready, agent.carrier)
        key = (agent.home_site, agent.skills, line, reach[travel], period)
        members.setdefault(key, []).append(agent)
        reach_of[key] = reach[travel]
    return [Group(who[0], shifts[who[0].id], reach_of[key], tuple(a.id for a in who)) for key, who in members.items()]


class Table:
    """The columns of one scenario: every (group, pattern, place, programme) of the rules."""

    def __init__(self, case: Tiny, breaks: Breaks, capacity: Mapping[str, float] | None) -> None:
        self.case = case
        self.groups = groups_of(case)
        self.heads = np.array([len(group.agents) for group in self.groups], dtype=np.float64)
        self.places = ["home", *case.operator.site]
        names = case.requirement.programmes
        index: dict[tuple[datetime, datetime, rules.Break], int] = {}
        rows = []
        for g, group in enumerate(self.groups):
            pairs = self._pairs(group)
            for rest in breaks(group.shift):
                k = index.setdefault((group.shift.start, group.shift.end, rest), len(index))
                rows += [(g, k, self.places.index(m), names.index(p)) for m, p in pairs]
        table = np.array(rows, dtype=np.int64).reshape(-1, 4).T
        self.group, self.pattern, self.place, self.programme = table
        self.worked, self.present = self._patterns(list(index))
        limit = capacity or {site: rules.capacity(case, site) for site in case.operator.site}
        self.limit = np.array([limit[site] for site in self.places[1:]])
        self.weights = rules.weights(case)
        self.need = np.nan_to_num(case.requirement.agents)
        self.client = np.array([list(case.operator.client).index(row.client) for row in case.operator.programmes])

    def _pairs(self, group: Group) -> list[tuple[str, str]]:
        found = []
        site = self.case.operator.site
        for name in group.like.skills:
            row = self.case.operator.programme[name]
            for place in self.places:
                at = group.like.home_site if place == "home" else place
                fits = not row.allowed_destinations or (site[at].destination in row.allowed_destinations)
                home = group.like.home_ready and row.place == "home_allowed"
                if fits and (home if place == "home" else place in group.reach):
                    found.append((place, name))
        return found

    def _patterns(self, patterns: Sequence[tuple[datetime, datetime, rules.Break]]) -> tuple[Floats, Floats]:
        starts = self.case.requirement.starts
        worked = np.array([[rules.work(*p, at) for at in starts] for p in patterns])
        present = np.array([[float(p[0] < at + HALF_HOUR and at < p[1]) for at in starts] for p in patterns])
        shape = (len(patterns), len(starts))
        return worked.reshape(shape), present.reshape(shape)

    def efficiency(self) -> Floats:
        """Return what a column does in the time it works."""
        home = np.array([row.home_efficiency for row in self.case.operator.programmes])
        return np.where(self.place == 0, home[self.programme], 1.0)

    def price(self) -> Floats:
        """Return what a column costs in the base plan."""
        own = np.array([self.places.index(group.like.home_site) for group in self.groups])
        names = self.case.requirement.programmes
        main = np.array([names.index(group.like.skills[0]) for group in self.groups])
        away = self.place != own[self.group]
        other = self.programme != main[self.group]
        unit = self.case.settings.move_price
        return np.asarray(unit * (away + 1.0 * other + 0.5 * (self.place == 0)), dtype=np.float64)

    def lost_places(self, lost: Contingency) -> NDArray[np.bool_]:
        """Return, by place, whether it is a lost site."""
        return np.array([place in lost.sites for place in self.places])

    def usable(self, lost: Contingency | None) -> NDArray[np.bool_]:
        """Return which columns a contingency leaves."""
        if lost is None:
            return np.ones(len(self.group), dtype=np.bool_)
        cut = np.array([group.like.carrier in lost.carriers for group in self.groups], dtype=bool)
        gone = self.lost_places(lost)[self.place] | (cut[self.group] & (self.place == 0))
        return np.asarray(~gone, dtype=np.bool_)
