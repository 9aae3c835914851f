"""From an operator to flat arrays: who shares air, a desk row, a floor, a site, a vehicle, a home.

Agents are numbered site by site, floor by floor, zone by zone, so that a group is a range; the
household members of agents come after all of them. Every policy and replication reuses the arrays.
Keys are hashed from ids, so that a person's draws depend neither on the order of the tables nor on
other people. Vehicles are filled stop by stop, or by the manifests of known runs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from releve.extras import LazyModule
from releve.kernels.arrays import Floats
from releve.network import Agent, Operator, Seat, Zone
from releve.plugins.crashtest.engine.outbreak.errors import OutbreakError, require
from releve.plugins.crashtest.engine.outbreak.rng import hash_key, rank_keys

Ints = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Manifest:
    """The agents who ride to work in one vehicle, and the minutes they share."""

    agents: tuple[str, ...]
    minutes: float


def build_csr(lists: Sequence[Sequence[int]]) -> tuple[Ints, Ints]:
    """Return lists as pointers and flat values."""
    pointer = np.concatenate([[0], np.cumsum([len(one) for one in lists])])
    flat = np.array([at for one in lists for at in one], dtype=np.int32)
    return pointer.astype(np.int32), flat


def board_vehicles(seated: Sequence[SeatedAgent], manifests: Sequence[Manifest]) -> tuple[Ints, Ints, Ints, Floats]:
    """Return what :func:`fill_vehicles` does, of runs that are known.

    An agent on several manifests rides with those of the first.
    """
    number = {place.agent.id: at for at, place in enumerate(seated)}
    vehicle = np.full(len(seated), -1, dtype=np.int32)
    lists: list[list[int]] = []
    for manifest in manifests:
        found = [number[name] for name in manifest.agents if vehicle[number[name]] < 0]
        vehicle[found] = len(lists)
        lists.append(found)
    pointer, riders = build_csr(lists)
    return vehicle, pointer, riders, np.array([one.minutes for one in manifests], dtype=np.float64)


def fill_vehicles(operator: Operator, seated: Sequence[SeatedAgent], seats: int) -> tuple[Ints, Ints, Ints, Floats]:
    """Fill the vehicles of every stop and site: agents in the order of their ids.

    Returns the vehicle of every agent (-1 = none), the riders as CSR and the minutes of the ride.
    """
    site_at = {site.id: at for at, site in enumerate(operator.sites)}
    minutes_of = {(row.stop, site_at[row.site]): row.ride_minutes for row in operator.shuttles}
    waiting: dict[tuple[str, int, int], list[int]] = {}
    for at, place in enumerate(seated):
        line = (place.agent.stop, place.site)
        if line in minutes_of and not place.agent.own_transport:
            waiting.setdefault((*line, place.sitting), []).append(at)
    vehicle = np.full(len(seated), -1, dtype=np.int32)
    lists: list[list[int]] = []
    minutes: list[float] = []
    for stop, site, sitting in sorted(waiting, key=lambda k: (k[1], k[0], k[2])):
        queue = sorted(waiting[stop, site, sitting], key=lambda at: seated[at].agent.id)
        for start in range(0, len(queue), seats):
            vehicle[queue[start : start + seats]] = len(lists)
            lists.append(queue[start : start + seats])
            minutes.append(minutes_of[stop, site])
    pointer, riders = build_csr(lists)
    return vehicle, pointer, riders, np.array(minutes, dtype=np.float64)


if TYPE_CHECKING:
    from scipy import spatial
else:
    spatial = LazyModule("scipy.spatial")

NEIGHBOUR_M = 2.0
VEHICLE_SEATS = 16
HOUSEHOLD_OTHERS = (0.10, 0.20, 0.25, 0.25, 0.12, 0.08)
"""Assumed shares of agents who live with 0, 1, 2, ... others: 2.3 on average."""
ASSUMED_M3_PER_SEAT = 25.0
"""Air of a zone without a volume: 10 m2 a person (NF X 35-102) under 2.5 m."""
ASSUMED_AIR_CHANGES = 1.0
"""Fresh air of a zone without air changes: 25 m3/h a person (French labour code, R4222-6)."""
ASSUMED_PITCH_M = 1.6
"""Distance of seats without x and y from the next."""
_FAR_M = 10_000.0
"""Where those are put: near no seat that has a place."""
RANK_HOUSEHOLD, RANK_TELEWORK, RANK_COHORT = 1, 2, 3


@dataclass(frozen=True, slots=True)
class AirGroup:
    """A zone in one sitting: agents ``first`` to ``end`` share its air, at most ``places`` of them.

    Where a site has more agents than seats, a seat is used in several sittings, whose people do not
    meet in the zone.
    """

    zone: str
    site: int
    sitting: int
    first: int
    end: int
    places: int
    volume_m3: float
    air_changes_per_hour: float


@dataclass(frozen=True)
class Population:
    """The agents and their household members, as arrays.

    ``agents``, ``sites``: ids in the order of the numbers. ``key[person]`` uint64, agents first;
    ``site_key[site]``. ``group[agent]``, ``site[agent]``, ``floor[agent]``: numbers;
    ``site_range[site, 2]`` and ``floor_range[floor, 2]``: first agent and one past the last.
    ``near[near_pointer[a]:near_pointer[a + 1]]``: who sits beside a. ``vehicle[agent]``: the
    shuttle vehicle or -1, its riders ``riders[rider_pointer[v]:rider_pointer[v + 1]]`` and its
    ``ride_minutes[v]``. The household members of a are the persons ``home_pointer[a]`` up to
    ``home_pointer[a + 1]``; ``owner`` their agent, from the first of them on. ``home_ready`` and
    the fixed ranks of agents in [0, 1) choose who works at home and in which cohort.
    """

    agents: tuple[str, ...]
    sites: tuple[str, ...]
    destinations: tuple[str, ...]
    groups: tuple[AirGroup, ...]
    key: NDArray[np.uint64]
    site_key: NDArray[np.uint64]
    group: Ints
    site: Ints
    floor: Ints
    site_range: Ints
    floor_range: Ints
    near_pointer: Ints
    near: Ints
    vehicle: Ints
    rider_pointer: Ints
    riders: Ints
    ride_minutes: Floats
    home_pointer: Ints
    owner: Ints
    home_ready: NDArray[np.bool_]
    telework_rank: Floats
    cohort_rank: Floats

    @property
    def size(self) -> int:
        return len(self.agents)

    @property
    def persons(self) -> int:
        """The number of agents and of members of their households."""
        return len(self.key)

    @cached_property
    def number(self) -> Mapping[str, int]:
        """The number of every agent, by id."""
        return {name: at for at, name in enumerate(self.agents)}


def build_population(
    operator: Operator,
    *,
    seats: Mapping[str, str] | None = None,
    others: Sequence[float] = HOUSEHOLD_OTHERS,
    neighbour_m: float = NEIGHBOUR_M,
    vehicle_seats: int = VEHICLE_SEATS,
    manifests: Sequence[Manifest] | None = None,
) -> Population:
    """Return the arrays of an operator.

    ``seats`` gives the seat id of each agent id; without it, agents of a site sit down in the
    order of their main programme, zone by zone, a second sitting when the seats are full.
    ``others[n]`` is the share of agents who live with n others. People within ``neighbour_m`` in
    one zone and sitting sit beside each other. ``manifests``: the runs that bring agents to work;
    without them vehicles of ``vehicle_seats`` fill stop by stop. Air and places that are not given
    are assumed (:func:`count_assumed_places`). OutbreakError names what is missing: a site with
    agents and no seat.
    """
    require(bool(operator.agents), "an operator with agents", 0)
    require(abs(sum(others) - 1) < 1e-9 and min(others) >= 0, "others are shares of 1", others)
    require(neighbour_m >= 0, "neighbour_m >= 0", neighbour_m)
    require(vehicle_seats >= 2, "vehicle_seats >= 2", vehicle_seats)
    seated = _seat_agents(operator, seats)
    agents = [place.agent for place in seated]
    groups = _build_groups(operator, seated)
    keys = np.array([hash_key("agent", agent.id) for agent in agents], dtype=np.uint64)
    home_pointer, owner, member_keys = _build_households(agents, keys, others)
    site_range = _find_ranges([place.site for place in seated], len(operator.sites))
    floors = [place.floor for place in seated]
    near_pointer, near = _find_neighbours(groups, seated, neighbour_m)
    if manifests is None:
        vehicle, rider_pointer, riders, minutes = fill_vehicles(operator, seated, vehicle_seats)
    else:
        vehicle, rider_pointer, riders, minutes = board_vehicles(seated, manifests)
    return Population(
        agents=tuple(agent.id for agent in agents),
        sites=tuple(site.id for site in operator.sites),
        destinations=tuple(site.destination for site in operator.sites),
        groups=groups,
        key=np.concatenate([keys, member_keys]),
        site_key=np.array([hash_key("site", site.id) for site in operator.sites], dtype=np.uint64),
        group=np.repeat(np.arange(len(groups)), [g.end - g.first for g in groups]).astype(np.int32),
        site=np.array([place.site for place in seated], dtype=np.int32),
        floor=np.array(floors, dtype=np.int32),
        site_range=site_range,
        floor_range=_find_ranges(floors, len(operator.all_floors)),
        near_pointer=near_pointer,
        near=near,
        vehicle=vehicle,
        rider_pointer=rider_pointer,
        riders=riders,
        ride_minutes=minutes,
        home_pointer=home_pointer,
        owner=owner,
        home_ready=np.array([agent.home_ready for agent in agents], dtype=np.bool_),
        telework_rank=rank_keys(keys, RANK_TELEWORK),
        cohort_rank=rank_keys(keys, RANK_COHORT),
    )


@dataclass(frozen=True, slots=True)
class SeatedAgent:
    """An agent's site and floor as numbers, zone, sitting and seat."""

    site: int
    floor: int
    zone: Zone
    sitting: int
    seat: Seat
    agent: Agent

    @property
    def order(self) -> tuple[int, str, str, int, str]:
        """The order in which agents are numbered."""
        return (self.site, self.zone.floor, self.zone.id, self.sitting, self.agent.id)


def _seat_agents(operator: Operator, seats: Mapping[str, str] | None) -> list[SeatedAgent]:
    """Return where every agent sits, in the order of their numbers."""
    zones = {zone.id: zone for zone in operator.all_zones}
    floor_at = {floor.id: at for at, floor in enumerate(operator.all_floors)}
    site_at = {site.id: at for at, site in enumerate(operator.sites)}
    chosen = _take_seats(operator, seats) if seats is not None else _fill_seats(operator)
    places = []
    for agent, seat, sitting in chosen:
        zone = zones[seat.zone]
        site = site_at[operator.site_of_zone[zone.id]]
        places.append(SeatedAgent(site, floor_at[zone.floor], zone, sitting, seat, agent))
    return sorted(places, key=lambda place: place.order)


@dataclass(frozen=True, slots=True)
class AssumedPlaces:
    """How many zones have no air and how many seats no place of their own: both are assumed."""

    zones: int
    seats: int


def count_assumed_places(operator: Operator) -> AssumedPlaces:
    """Count what an outbreak takes for granted because the operator does not give it."""
    return AssumedPlaces(
        zones=sum(zone.volume_m3 is None or zone.air_changes_per_hour is None for zone in operator.all_zones),
        seats=sum(seat.x_m is None or seat.y_m is None for seat in operator.all_seats),
    )


def _get_air(zone: Zone, seats: int) -> tuple[float, float]:
    """Return the volume in m3 and the air changes an hour of a zone, assumed where not given."""
    volume = ASSUMED_M3_PER_SEAT * seats if zone.volume_m3 is None else zone.volume_m3
    changes = zone.air_changes_per_hour
    if not (np.isfinite(volume) and volume > 0):
        raise OutbreakError(f"zone {zone.id} has no volume ({volume} m3): give its volume_m3 in zones")
    return volume, ASSUMED_AIR_CHANGES if changes is None else changes


def _take_seats(operator: Operator, seats: Mapping[str, str]) -> list[tuple[Agent, Seat, int]]:
    """Return the seats as given; agents who share one are in different sittings."""
    by_id = {seat.id: seat for seat in operator.all_seats}
    used: dict[str, int] = {}
    found = []
    for agent in sorted(operator.agents, key=lambda row: row.id):
        name = seats.get(agent.id)
        if name is None or name not in by_id:
            raise OutbreakError(f"agent {agent.id} has no known seat: {name}")
        found.append((agent, by_id[name], used.get(name, 0)))
        used[name] = used.get(name, 0) + 1
    return found


def _fill_seats(operator: Operator) -> list[tuple[Agent, Seat, int]]:
    """Seat agents site by site, teams together, sitting after sitting."""
    floor_of = {zone.id: zone.floor for zone in operator.all_zones}
    by_site: dict[str, list[Seat]] = {site.id: [] for site in operator.sites}
    for seat in operator.all_seats:
        by_site[operator.site_of_zone[seat.zone]].append(seat)
    found = []
    agents = sorted(operator.agents, key=lambda row: (row.home_site, row.skills[:1], row.id))
    for site, group in groupby(agents, key=lambda row: row.home_site):
        here = sorted(by_site[site], key=lambda seat: (floor_of[seat.zone], seat.zone, seat.id))
        if not here:
            raise OutbreakError(f"site {site} has agents and no seat: give it zones and seats")
        found += [(agent, here[at % len(here)], at // len(here)) for at, agent in enumerate(group)]
    return found


def _build_groups(operator: Operator, seated: Sequence[SeatedAgent]) -> tuple[AirGroup, ...]:
    """Return the air groups in the order of their agents."""
    seats_of: dict[str, int] = {}
    for seat in operator.all_seats:
        seats_of[seat.zone] = seats_of.get(seat.zone, 0) + 1
    groups = []
    first = 0
    for (site, _, sitting), run in groupby(seated, key=lambda place: (place.site, place.zone.id, place.sitting)):
        end = first + sum(1 for _ in run)
        zone = seated[first].zone
        groups.append(
            AirGroup(zone.id, site, sitting, first, end, seats_of[zone.id], *_get_air(zone, seats_of[zone.id]))
        )
        first = end
    return tuple(groups)


def _find_ranges(numbers: Sequence[int], count: int) -> Ints:
    """Return the first and one past the last place of every number; equal ones stand together."""
    found = np.zeros((count, 2), dtype=np.int32)
    first = 0
    for number, run in groupby(numbers):
        end = first + sum(1 for _ in run)
        found[number] = first, end
        first = end
    return found


def _build_households(
    agents: Sequence[Agent], keys: NDArray[np.uint64], others: Sequence[float]
) -> tuple[Ints, Ints, NDArray[np.uint64]]:
    """Return the pointers to household members, their agents and their keys."""
    cumulative = np.cumsum(others)
    sizes = np.searchsorted(cumulative, rank_keys(keys, RANK_HOUSEHOLD) * cumulative[-1])
    pointer = len(agents) + np.concatenate([[0], np.cumsum(sizes)])
    member_keys = [
        hash_key("household", agent.id, at) for agent, size in zip(agents, sizes, strict=True) for at in range(size)
    ]
    owner = np.repeat(np.arange(len(agents)), sizes)
    return pointer.astype(np.int32), owner.astype(np.int32), np.array(member_keys, dtype=np.uint64)


def _find_neighbours(groups: Sequence[AirGroup], seated: Sequence[SeatedAgent], within_m: float) -> tuple[Ints, Ints]:
    """Return the CSR of agents within a distance of each other, in the same air group."""
    lists: list[list[int]] = [[] for _ in seated]
    for group in groups:
        here = range(group.first, group.end)
        xy = _place_seats([seated[a].seat for a in here])
        for a, b in spatial.cKDTree(xy).query_pairs(within_m + 1e-9) if within_m > 0 else ():
            lists[group.first + a].append(group.first + b)
            lists[group.first + b].append(group.first + a)
    return build_csr([sorted(near) for near in lists])


def _place_seats(seats: Sequence[Seat]) -> NDArray[np.float64]:
    """Return the places of seats, those without x and y in rows apart from all others."""
    width = math.ceil(math.sqrt(len(seats)))
    return np.array(
        [
            (seat.x_m, seat.y_m)
            if seat.x_m is not None and seat.y_m is not None
            else (ASSUMED_PITCH_M * (at % width), _FAR_M + ASSUMED_PITCH_M * (at // width))
            for at, seat in enumerate(seats)
        ]
    )
