"""The planning problem of one day as arrays: the compact formulation.

Agents are planned in *groups* that nothing tells apart. People of one class (set of shift
patterns) who share place and programme are interchangeable, so patterns are chosen per *link*
(class, place, programme), not per group: the same optimum as choosing them per group, many times
smaller.

Axes: g groups, j assignments (group, place, programme), l links, k patterns, m places (sites,
then home last), p programmes, t intervals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from releve.demand.tables import Requirement
from releve.network import HOME, Operator
from releve.network.decimal_grid import FINE_DECIMALS, round_to_grid
from releve.plan.day_fleet import build_day_fleet
from releve.plan.eligibility import Eligibility, list_open_sites
from releve.plan.roster import (
    Pattern,
    Patterns,
    list_break_patterns,
    list_free_patterns,
    number_patterns,
    select_shifts,
)
from releve.plan.settings import PlanSettings
from releve.transport import Fleet

__all__ = [
    "AgentGroup",
    "AgentGroups",
    "DayProblem",
    "Presence",
    "build_day_problem",
    "compute_programme_weights",
    "group_agents",
]

Floats = NDArray[np.float64]
Presence = Mapping[str, frozenset[str]]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class AgentGroup:
    """Properties shared by the agents of a group; ``carrier`` is set only where home is legal, the
    shuttle ``stop`` only where agents on a site need a vehicle. ``base_places``: where they may be
    while nothing is lost, None for every legal place."""

    home_site: str
    primary: str
    carrier: str
    patterns: tuple[Pattern, ...]
    legal: frozenset[tuple[str, str]]
    stop: str = ""
    base_places: frozenset[str] | None = None


@dataclass(frozen=True)
class AgentGroups:
    """The groups of a day and the agents in each, in the operator's order."""

    groups: tuple[AgentGroup, ...]
    members: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class DayProblem:
    """Everything a solver of one day needs; immutable.

    ``size[g]``; assignments ``group[j]``, ``place[j]``, ``programme[j]``, ``price[j]`` (of using
    it, in agent-intervals of mean penalty), ``link[j]``; links ``link_place[l]``,
    ``link_programme[l]``, ``link_class[l]``; ``patterns``; ``required[t, p]`` with no NaN;
    ``weight[p]``; ``efficiency[p]`` at home; ``seats[m]`` per place without home; ``client[p]``;
    ``cap[client]`` largest share of one site; ``carrier[g]`` index or -1; ``fleet``: the vehicles
    that bring people to sites, None where they do not limit who comes; ``run_since``: the runs to
    shifts that began before it are over.
    """

    day: date
    sites: tuple[str, ...]
    programmes: tuple[str, ...]
    clients: tuple[str, ...]
    carriers: tuple[str, ...]
    groups: AgentGroups
    patterns: Patterns
    size: Ints
    carrier: Ints
    group: Ints
    place: Ints
    programme: Ints
    price: Floats
    link: Ints
    link_place: Ints
    link_programme: Ints
    link_class: Ints
    required: Floats
    weight: Floats
    efficiency: Floats
    seats: Ints
    client: Ints
    cap: Floats
    fleet: Fleet | None = None
    run_since: datetime | None = None

    @property
    def home(self) -> int:
        """Index of the place ``home``."""
        return len(self.sites)

    @cached_property
    def base_allowed(self) -> NDArray[np.bool_]:
        """Whether the base plan may use each assignment; reliefs may use all."""
        places, groups = (*self.sites, HOME), self.groups.groups
        allowed = [
            groups[g].base_places is None or places[m] in (groups[g].base_places or ())
            for g, m in zip(self.group.tolist(), self.place.tolist(), strict=True)
        ]
        return np.array(allowed, dtype=np.bool_)

    @property
    def base_most(self) -> Floats:
        """Most people of each assignment in the base plan: without limit where it may be used."""
        return np.where(self.base_allowed, np.inf, 0.0)

    @property
    def weighted_requirement(self) -> float:
        """Penalty of a day without any agent."""
        return self.penalty(self.required)

    def penalty(self, missing: Floats) -> float:
        """Return the penalty of ``missing[t, p]`` agent-intervals, in weighted agent-intervals."""
        return float((missing * self.weight).sum())


def group_agents(
    operator: Operator,
    need: Requirement,
    settings: PlanSettings,
    *,
    by_stop: bool = False,
    presence: Presence | None = None,
) -> AgentGroups:
    """Group the agents of a day: same patterns, home, main programme and legal pairs.

    ``by_stop``: and the same shuttle stop, for agents who need a vehicle. ``presence``: and the
    same places where they may be while nothing is lost.

    With a roster these are the agents with a shift that starts that day, on that shift; without
    one, all agents, on any shift of their contract hours.
    """
    legality = Eligibility(operator, need.day, settings)
    patterns = _list_patterns_by_agent(operator, need)
    found: dict[AgentGroup, list[str]] = {}
    for agent in operator.agents:
        legal = legality.find_pairs(agent)
        if agent.id not in patterns or not legal:
            continue
        at_home = any(place == HOME for place, _ in legal)
        group = AgentGroup(
            agent.home_site,
            agent.skills[0],
            agent.carrier if at_home else "",
            patterns[agent.id],
            legal,
            agent.stop if by_stop and not agent.own_transport else "",
            (presence or {}).get(agent.id),
        )
        found.setdefault(group, []).append(agent.id)
    return AgentGroups(tuple(found), tuple(tuple(members) for members in found.values()))


def _list_patterns_by_agent(
    operator: Operator, need: Requirement
) -> dict[str, tuple[Pattern, ...]]:
    known: dict[object, tuple[Pattern, ...]] = {}
    if operator.shifts:
        shifts = select_shifts(operator, need.day)
        for shift in shifts.values():
            key = (shift.start, shift.end, shift.break_minutes)
            if key not in known:
                known[key] = list_break_patterns(shift)
        return {
            agent: known[shift.start, shift.end, shift.break_minutes]
            for agent, shift in shifts.items()
        }
    busy = np.nan_to_num(need.agents).max(axis=1, initial=0.0) > 0
    if not busy.any():
        return {}
    for agent in operator.agents:
        if agent.contract_hours not in known:
            known[agent.contract_hours] = list_free_patterns(
                agent.contract_hours, need.starts, busy
            )
    return {agent.id: known[agent.contract_hours] for agent in operator.agents}


def compute_programme_weights(operator: Operator, need: Requirement) -> Floats:
    """Return the penalty of a missing agent-interval per programme, its mean over need being 1."""
    penalties = np.empty(len(need.programmes))
    for p, name in enumerate(need.programmes):
        programme = operator.programme[name]
        calls = np.nan_to_num(need.calls[:, p])
        aht = programme.aht_s
        if calls.sum() > 0:
            aht = float((calls * np.nan_to_num(need.aht_s[:, p])).sum() / calls.sum()) or aht
        penalties[p] = programme.penalty_per_missed_call * 1800.0 / aht
    required = np.nan_to_num(need.agents).sum(axis=0)
    mean = float((penalties * required).sum()) / max(float(required.sum()), 1e-12)
    if mean <= 0:
        return np.ones_like(penalties)
    return round_to_grid(penalties / mean, FINE_DECIMALS)


def build_day_problem(
    operator: Operator,
    need: Requirement,
    seats: Mapping[str, int],
    settings: PlanSettings,
    presence: Presence | None = None,
) -> DayProblem:
    """Lay an operator's day out as arrays.

    ``seats[site]`` people a site can hold; ``presence[agent]`` the places where an agent may be
    while nothing is lost, of those that are given. A programme with an unknown requirement is
    planned with none; the plan reports it as unknown. The requirement and the weights are on the
    decimal grid, and no BLAS product of fractions follows from here on, so that a plan is the same
    on every machine (docs/plan.md).
    """
    fleet = build_day_fleet(operator, need.day, settings)
    groups = group_agents(operator, need, settings, by_stop=fleet is not None, presence=presence)
    sites = tuple(site.id for site in operator.sites)
    usable = list_open_sites(operator, need.day)
    clients = tuple(client.id for client in operator.clients)
    carriers = tuple(sorted({group.carrier for group in groups.groups} - {""}))
    classes: dict[tuple[Pattern, ...], int] = {}
    class_of = [classes.setdefault(group.patterns, len(classes)) for group in groups.groups]
    assignments = _build_assignments(operator, groups, sites, need.programmes, settings)
    links, link = np.unique(
        np.stack(
            [
                np.array(class_of, dtype=np.int64)[assignments.group],
                assignments.place,
                assignments.programme,
            ],
            axis=1,
        ).reshape(-1, 3),
        axis=0,
        return_inverse=True,
    )
    programmes = [operator.programme[name] for name in need.programmes]
    client = np.array([clients.index(row.client) for row in programmes], dtype=np.int64)
    cap = np.ones(len(clients))
    for row, c in zip(programmes, client, strict=True):
        cap[c] = min(cap[c], row.max_site_share)
    return DayProblem(
        day=need.day,
        sites=sites,
        programmes=need.programmes,
        clients=clients,
        carriers=carriers,
        groups=groups,
        patterns=number_patterns(classes, need.starts),
        size=np.array([len(members) for members in groups.members], dtype=np.int64),
        carrier=np.array(
            [carriers.index(g.carrier) if g.carrier else -1 for g in groups.groups],
            dtype=np.int64,
        ),
        group=assignments.group,
        place=assignments.place,
        programme=assignments.programme,
        price=assignments.price,
        link=link.reshape(-1).astype(np.int64),
        link_class=links[:, 0],
        link_place=links[:, 1],
        link_programme=links[:, 2],
        required=round_to_grid(np.nan_to_num(need.agents), FINE_DECIMALS),
        weight=compute_programme_weights(operator, need),
        efficiency=np.array([row.home_efficiency for row in programmes]),
        seats=np.array([seats[s] if s in usable else 0 for s in sites], dtype=np.int64),
        client=client,
        cap=cap,
        fleet=fleet,
    )


@dataclass(frozen=True)
class _Assignments:
    group: Ints
    place: Ints
    programme: Ints
    price: Floats


def _build_assignments(
    operator: Operator,
    groups: AgentGroups,
    sites: Sequence[str],
    programmes: Sequence[str],
    settings: PlanSettings,
) -> _Assignments:
    place_index = {name: i for i, name in enumerate((*sites, HOME))}
    programme_index = {name: i for i, name in enumerate(programmes)}
    rows: list[tuple[int, int, int, float]] = []
    for g, group in enumerate(groups.groups):
        for place, name in sorted(group.legal, key=lambda pair: (pair[1], pair[0])):
            steps = (place != group.home_site) + (name != group.primary) + 0.5 * (place == HOME)
            rows.append((g, place_index[place], programme_index[name], settings.move_price * steps))
    table = np.array(rows, dtype=np.float64).reshape(-1, 4)
    whole = table[:, :3].astype(np.int64)
    return _Assignments(whole[:, 0], whole[:, 1], whole[:, 2], table[:, 3])
