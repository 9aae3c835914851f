"""The planning problem of one day as arrays, and which places and programmes an agent may have.

People of one class (set of shift patterns) who share place and programme are interchangeable, so
patterns are chosen per *link* (class, place, programme), not per group: the same optimum, many
times smaller.

Axes: g groups, j assignments (group, place, programme), l links, k patterns, m places (sites,
then home last), p programmes, t intervals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from math import asin, cos, radians, sin, sqrt

import numpy as np
from numpy.typing import NDArray

from releve.demand.requirement import Requirement
from releve.kernels.arrays import Floats, Ints
from releve.network import HOME, Agent, Operator, Site
from releve.network.history_grid import FINE_DECIMALS, round_to_grid
from releve.plan.day_fleet import build_day_fleet
from releve.plan.free_week import FreeShifts, FreeWeek, find_limit
from releve.plan.result import CARRIED, Carried, Placement, Plan, build_duty_key, read_agent
from releve.plan.roster import (
    Pattern,
    Patterns,
    build_pattern,
    list_break_patterns,
    list_free_agents,
    number_patterns,
    select_duties,
)
from releve.plan.settings import PlanSettings
from releve.transport import Fleet

EARTH_RADIUS_KM = 6371.0088


def measure_distance_km(a: Site, b: Site) -> float:
    """Return the great-circle distance of two sites (haversine, mean Earth radius)."""
    half_lat = radians(b.lat - a.lat) / 2
    half_lon = radians(b.lon - a.lon) / 2
    chord = sin(half_lat) ** 2 + cos(radians(a.lat)) * cos(radians(b.lat)) * sin(half_lon) ** 2
    return 2 * EARTH_RADIUS_KM * asin(sqrt(chord))


def _list_permitted(operator: Operator, kind: str, day: date) -> frozenset[str] | None:
    """Return the ids with a permit valid on the day; None when the operator keeps none."""
    rows = [row for row in operator.authorisations if row.kind == kind]
    if not rows:
        return None
    return frozenset(row.subject for row in rows if row.valid_from <= day <= row.valid_to)


def list_open_sites(operator: Operator, day: date) -> frozenset[str]:
    """Return the sites that may be planned on a day."""
    permitted = _list_permitted(operator, "site", day)
    return frozenset(site.id for site in operator.sites if permitted is None or site.id in permitted)


@dataclass(frozen=True)
class _AgentKind:
    """What decides where an agent may work; agents of one kind are answered once."""

    home_site: str
    skills: tuple[str, ...]
    home_ready: bool
    stop: str
    own_transport: bool
    may_travel: bool
    max_ride: float | None


class Eligibility:
    """Answers which (place, programme) pairs an agent may be given on a day."""

    def __init__(self, operator: Operator, day: date, settings: PlanSettings) -> None:
        self._operator = operator
        self._settings = settings
        self._open = list_open_sites(operator, day)
        self._travel = _list_permitted(operator, "agent", day)
        self._rides: dict[str, set[str]] = {}
        for row in operator.shuttles:
            if row.ride_minutes <= settings.max_ride_minutes:
                self._rides.setdefault(row.stop, set()).add(row.site)
        self._near = {
            a.id: {b.id for b in operator.sites if measure_distance_km(a, b) <= settings.reach_km}
            for a in operator.sites
        }
        self._fleet = build_day_fleet(operator, day, settings)
        self._known: dict[_AgentKind, frozenset[tuple[str, str]]] = {}

    def find_pairs(self, agent: Agent) -> frozenset[tuple[str, str]]:
        """Return every legal (place, programme) of an agent."""
        kind = _AgentKind(
            agent.home_site,
            agent.skills,
            agent.home_ready,
            agent.stop,
            agent.own_transport,
            self._travel is None or agent.id in self._travel,
            agent.max_ride,
        )
        if kind not in self._known:
            self._known[kind] = self._find_pairs(kind)
        return self._known[kind]

    def find_reachable_sites(self, kind: _AgentKind) -> set[str]:
        """Return the open sites that agents of a kind can come to."""
        if not kind.may_travel:
            return set()
        sites = {kind.home_site} | self._rides.get(kind.stop, set())
        if kind.own_transport:
            sites |= self._near[kind.home_site]
        elif kind.stop and kind.max_ride is not None and self._fleet is not None:
            ride = self._fleet.measure_direct_ride
            sites = {site for site in sites if ride(kind.stop, site) <= kind.max_ride}
        return sites & self._open

    def _find_pairs(self, kind: _AgentKind) -> frozenset[tuple[str, str]]:
        found = set()
        reach = self.find_reachable_sites(kind)
        home = self._operator.site[kind.home_site].destination
        for name in kind.skills:
            programme = self._operator.programme[name]
            allowed = programme.allowed_destinations
            for site in reach:
                if not allowed or self._operator.site[site].destination in allowed:
                    found.add((site, name))
            at_home = kind.home_ready and programme.place == "home_allowed"
            if at_home and (not allowed or home in allowed):
                found.add((HOME, name))
        return frozenset(found)


def count_planned_seats(operator: Operator, plan: Plan) -> dict[str, int]:
    """Return how many people each site of a plan can hold, within a measure's most people."""
    seats = {site.id: len(site.usable_seats) if site.open else 0 for site in plan.sites}
    return limit_to_measures(operator, plan.day, seats)


def limit_to_measures(operator: Operator, day: date, seats: Mapping[str, int]) -> dict[str, int]:
    """Return how many people each site can hold, of its seats, within a measure's most people."""
    out = dict(seats)
    for row in operator.measures:
        if row.kind == "max_people" and row.valid_from <= day <= row.valid_to:
            out[row.site] = min(out[row.site], int(row.value))
    return out


Presence = Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class AgentGroup:
    """Properties shared by the agents of a group; ``carrier`` is set only where home is legal, the
    shuttle ``stop`` only where agents on a site need a vehicle. ``base_places``: where they may be
    while nothing is lost, None for every legal place. ``carried``: their duty began before the day;
    ``held``: the plan of the day before has them at this place and programme, where the base plan
    keeps them."""

    home_site: str
    primary: str
    carrier: str
    patterns: tuple[Pattern, ...]
    legal: frozenset[tuple[str, str]]
    stop: str = ""
    base_places: frozenset[str] | None = None
    carried: bool = False
    held: tuple[str, str] | None = None

    def may_base(self, place: str, programme: str) -> bool:
        """Return whether the base plan may have people of the group at a place for a programme."""
        if self.held is not None:
            return (place, programme) == self.held
        return self.base_places is None or place in self.base_places


@dataclass(frozen=True)
class AgentGroups:
    """The groups of a day and the duties in each (:attr:`Placement.key`: the agent's id, but for
    those carried in and second ones), in the operator's order."""

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
            groups[g].may_base(places[m], self.programmes[p])
            for g, m, p in zip(self.group.tolist(), self.place.tolist(), self.programme.tolist(), strict=True)
        ]
        return np.array(allowed, dtype=np.bool_)

    @cached_property
    def held(self) -> NDArray[np.bool_]:
        """Whether the people of each assignment stay in it in the base plan: the plan of the day
        before placed them there."""
        held = np.array([group.held is not None for group in self.groups.groups], dtype=np.bool_)
        return np.asarray(held[self.group] & self.base_allowed)

    @cached_property
    def counted(self) -> NDArray[np.bool_]:
        """Whether the people of each assignment count in the shares of a site: not those carried in,
        whose places another day chose."""
        return ~np.array([group.carried for group in self.groups.groups], dtype=np.bool_)[self.group]

    @property
    def base_least(self) -> Floats:
        """Least people of each assignment in the base plan."""
        return np.where(self.held, self.size[self.group], 0.0)

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
    free_week: FreeWeek | None = None,
    carried: Carried | None = None,
    seats: Mapping[str, int] | None = None,
) -> AgentGroups:
    """Group the duties of a day: same patterns, home, main programme and legal pairs.

    ``by_stop``: and the same shuttle stop, for agents who need a vehicle. ``presence``: and the
    same places where they may be while nothing is lost. ``carried``, ``seats``: see
    :func:`build_day_problem`; agents carried in need no vehicle, which the day of their duty has.

    With a roster these are the duties with work in the day; without one, all agents, on any shift
    of their contract hours that working time allows, beside the other days of the ``free_week``.
    """
    legality = Eligibility(operator, need.day, settings)
    patterns = _list_patterns_by_duty(operator, need, free_week)
    by_agent: dict[str, list[str]] = {}
    for key in patterns:
        by_agent.setdefault(read_agent(key), []).append(key)
    held = {} if carried is None else hold_carried(operator, need, carried, legality, seats)
    found: dict[AgentGroup, list[str]] = {}
    for agent in operator.agents:
        legal = legality.find_pairs(agent)
        for key in by_agent.get(agent.id, ()) if legal else ():
            at_home = any(place == HOME for place, _ in legal)
            begun = key == build_duty_key(agent.id, CARRIED)
            placed = held.get(agent.id) if begun else None
            places = (presence or {}).get(agent.id) if not begun else None
            group = AgentGroup(
                agent.home_site,
                agent.skills[0],
                agent.carrier if at_home else "",
                patterns[key] if placed is None else select_held_patterns(patterns[key], placed, need.starts[0]),
                legal,
                agent.stop if by_stop and not agent.own_transport and not begun else "",
                places,
                begun,
                None if placed is None else (placed.place, placed.programme),
            )
            found.setdefault(group, []).append(key)
    return AgentGroups(tuple(found), tuple(tuple(members) for members in found.values()))


def hold_carried(
    operator: Operator,
    need: Requirement,
    carried: Carried,
    legality: Eligibility,
    seats: Mapping[str, int] | None = None,
) -> dict[str, Placement]:
    """Return the placements of the day before that stand in a day's base plan, by agent.

    A duty stays where the plan of the day before has it, also where newer absences leave less of it, unless the
    place is not lawful on this day (a permit that has ended) or has fewer seats than people who stay; then, as for
    one in reserve, the planner chooses.
    """
    duties = select_duties(operator, need.day)
    free = {site: np.full(len(need.starts), count) for site, count in (seats or {}).items()}
    held = {}
    for name, placed in sorted(carried.items()):
        duty = duties.get(build_duty_key(name, CARRIED))
        agent = operator.agent.get(name)
        if duty is None or agent is None or duty.start < placed.start or placed.end < duty.end:
            continue
        if (placed.place, placed.programme) not in legality.find_pairs(agent):
            continue
        if placed.place in free:
            present = number_patterns([(build_pattern(placed),)], need.starts).present[0]
            if (present > free[placed.place]).any():
                continue
            free[placed.place] = free[placed.place] - present
        held[name] = placed
    return held


def select_held_patterns(patterns: tuple[Pattern, ...], placed: Placement, first: datetime) -> tuple[Pattern, ...]:
    """Return the patterns of a duty that a placement of the day before leaves: its own; where its break is not
    chosen yet, those whose break lies in the day that begins ``first``. Its other breaks stand. Where absences are
    newer than it, its break stands if they leave it, else the duty's patterns do."""
    own = build_pattern(placed)
    if _list_away(own) != _list_away(patterns[0]):
        return tuple(one for one in patterns if one.break_start and one.break_start == own.break_start) or patterns
    if own.break_start is not None:
        return (own,)
    ahead = (
        one for one in patterns if one.break_start is not None and one.break_start >= first and one.pauses == own.pauses
    )
    return tuple(ahead) or (own,)


def _list_away(pattern: Pattern) -> tuple[object, ...]:
    """Return when a duty is worked, breaks aside."""
    return pattern.start, pattern.end, *(pause for pause in pattern.pauses if pause.away)


def _list_patterns_by_duty(
    operator: Operator, need: Requirement, free_week: FreeWeek | None
) -> dict[str, tuple[Pattern, ...]]:
    known: dict[object, tuple[Pattern, ...]] = {}
    if operator.shifts:
        duties = select_duties(operator, need.day)
        for duty in duties.values():
            if duty.periods not in known:
                known[duty.periods] = list_break_patterns(duty)
        return {key: known[duty.periods] for key, duty in duties.items()}
    busy = np.nan_to_num(need.agents).max(axis=1, initial=0.0) > 0
    if not busy.any():
        return {}
    free = FreeShifts(operator, need, busy)
    rest = {
        row.id: (row.time_zone, find_limit(operator, row.id, "daily_rest", need.day, 0.0)) for row in operator.sites
    }
    found: dict[str, tuple[Pattern, ...]] = {}
    there = frozenset(list_free_agents(operator, need.day))
    for number, agent in enumerate(operator.agents):
        if agent.id not in there:
            continue
        found[agent.id] = free.list_patterns(agent)
        if free_week is not None:
            found[agent.id] = free_week.select_patterns(number, need.day, found[agent.id], *rest[agent.home_site])
    return {agent: patterns for agent, patterns in found.items() if patterns}


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
    free_week: FreeWeek | None = None,
    carried: Carried | None = None,
) -> DayProblem:
    """Lay an operator's day out as arrays.

    ``seats[site]`` people a site can hold; ``presence[agent]`` the places where an agent may be
    while nothing is lost, of those that are given. ``carried[agent]``: where the plan of the day
    before has those whose duty goes on into this one; they stay there in the base plan, and a relief
    may move them. None: that plan is not known, and their place is chosen here. A programme with an
    unknown requirement is planned with none; the plan reports it as unknown. The requirement and the weights are on the
    decimal grid, and no BLAS product of fractions follows from here on, so that a plan is the same
    on every machine (docs/plan.md).
    """
    fleet = build_day_fleet(operator, need.day, settings)
    usable = list_open_sites(operator, need.day)
    room = {site: count if site in usable else 0 for site, count in seats.items()}
    groups = group_agents(
        operator,
        need,
        settings,
        by_stop=fleet is not None,
        presence=presence,
        free_week=free_week,
        carried=carried,
        seats=room,
    )
    sites = tuple(site.id for site in operator.sites)
    clients = tuple(client.id for client in operator.clients)
    carriers = tuple(sorted({group.carrier for group in groups.groups} - {""}))
    classes: dict[tuple[Pattern, ...], int] = {}
    class_of = [classes.setdefault(group.patterns, len(classes)) for group in groups.groups]
    assignments = _build_assignments(operator, groups, sites, need.programmes, settings)
    links, link = np.unique(
        np.stack(
            [np.array(class_of, dtype=np.int64)[assignments.group], assignments.place, assignments.programme], axis=1
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
        carrier=np.array([carriers.index(g.carrier) if g.carrier else -1 for g in groups.groups], dtype=np.int64),
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
        seats=np.array([room[site] for site in sites], dtype=np.int64),
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
    operator: Operator, groups: AgentGroups, sites: Sequence[str], programmes: Sequence[str], settings: PlanSettings
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
