"""The rules of placement a second time, for the oracles: legality is a set of pairs.

Nothing here is shared with the checker, nor with the planner.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from math import asin, ceil, cos, dist, radians, sin, sqrt

import numpy as np
from numpy.typing import NDArray

from releve.network import Agent, Operator, Shift, day_bounds
from releve.plan.result import Contingency, Placement
from tests.plan.tiny_operators import Tiny

Floats = NDArray[np.float64]
Break = tuple[datetime, datetime] | None
Breaks = Callable[[Shift], Sequence[Break]]

HALF_HOUR = timedelta(minutes=30)
TINY = 1e-9


def permitted(case: Tiny, kind: str, ids: Iterable[str]) -> set[str]:
    """Return the ids that may be used on the day: all, if no permit of the kind is kept."""
    rows = [row for row in case.operator.authorisations if row.kind == kind]
    day = case.requirement.day
    valid = {row.subject for row in rows if row.valid_from <= day <= row.valid_to}
    return {name for name in ids if not rows or name in valid}


def kilometres(operator: Operator, a: str, b: str) -> float:
    one, other = operator.site[a], operator.site[b]
    across = sin(radians(other.lon - one.lon) / 2) ** 2
    up = sin(radians(other.lat - one.lat) / 2) ** 2
    both = up + cos(radians(one.lat)) * cos(radians(other.lat)) * across
    return 2 * 6371.0088 * asin(sqrt(both))


def sites_in_reach(case: Tiny, agent: Agent) -> set[str]:
    """Return the sites an agent may be placed on, whatever the work."""
    operator, settings = case.operator, case.settings
    if not permitted(case, "agent", [agent.id]):
        return set()
    reach = {agent.home_site}
    for row in operator.shuttles:
        if row.stop == agent.stop and row.ride_minutes <= settings.max_ride_minutes:
            reach.add(row.site)
    if agent.own_transport:
        for name in operator.site:
            if kilometres(operator, agent.home_site, name) <= settings.reach_km:
                reach.add(name)
    return permitted(case, "site", reach)


def legal_pairs(case: Tiny, agent: Agent, lost: Contingency | None = None) -> list[tuple[str, str]]:
    """Return every (place, programme) an agent may be given, in order."""
    pairs: list[tuple[str, str]] = []
    home = case.operator.site[agent.home_site].destination
    for name in agent.skills:
        row = case.operator.programme[name]
        allowed = set(row.allowed_destinations)
        reach = sites_in_reach(case, agent) - (lost.sites if lost else frozenset())
        country = {place: case.operator.site[place].destination for place in reach}
        pairs += [(place, name) for place in reach if not allowed or country[place] in allowed]
        line = agent.home_ready and not (lost and agent.carrier in lost.carriers)
        if line and row.place == "home_allowed" and (not allowed or home in allowed):
            pairs.append(("home", name))
    return sorted(pairs)


def every_break(shift: Shift) -> Sequence[Break]:
    """Return a break at each half hour of a shift where it fits."""
    length = timedelta(minutes=shift.break_minutes)
    if not length:
        return [None]
    first = shift.start.replace(minute=0, second=0, microsecond=0)
    starts = (first + i * HALF_HOUR for i in range(100))
    return [(s, s + length) for s in starts if shift.start <= s and s + length <= shift.end]


def shift_of(case: Tiny, agent: str) -> Shift | None:
    first, last = day_bounds(case.requirement.day, case.operator.row.time_zone)
    found = [s for s in case.operator.shifts if s.agent == agent and first <= s.start < last]
    return found[0] if found else None


def seats_by_trial(operator: Operator, site: str, least: float) -> tuple[str, ...]:
    """Return a largest set of seats of a site that keep a distance: every subset is tried."""
    floors = {zone.id: zone.floor for zone in operator.zones}
    seats = [seat for seat in operator.seats if operator.site_of_zone[seat.zone] == site]
    for count in range(len(seats), 0, -1):
        for subset in itertools.combinations(seats, count):
            if all(
                floors[a.zone] != floors[b.zone] or dist((a.x_m, a.y_m), (b.x_m, b.y_m)) >= least - TINY
                for a, b in itertools.combinations(subset, 2)
            ):
                return tuple(seat.id for seat in subset)
    return ()


def measured(case: Tiny, site: str, kind: str) -> list[float]:
    """Return the values of a site's measures of a kind on the day."""
    day = case.requirement.day
    return [
        row.value
        for row in case.operator.measures
        if (row.site, row.kind) == (site, kind) and row.valid_from <= day <= row.valid_to
    ]


def usable_seats(case: Tiny, site: str) -> tuple[str, ...]:
    """Return the seats of a site that can be used together on the day."""
    least = max([case.operator.row.distance_m, *measured(case, site, "distance_m")])
    return seats_by_trial(case.operator, site, least)


def capacity(case: Tiny, site: str) -> float:
    """Return how many people a site may hold at once."""
    limits = measured(case, site, "max_people")
    return min([float(len(usable_seats(case, site))), *limits])


def weights(case: Tiny) -> Floats:
    """Return the weight of a missing agent-interval of each programme."""
    need = case.requirement
    raw = []
    for p, row in enumerate(case.operator.programmes):
        pairs = [
            (calls, aht)
            for calls, aht in zip(need.calls[:, p], need.aht_s[:, p], strict=True)
            if calls > 0 and aht == aht
        ]
        calls = sum(calls for calls, _ in pairs)
        aht = sum(calls * aht for calls, aht in pairs) / calls if calls else row.aht_s
        raw.append(row.penalty_per_missed_call * 1800 / aht)
    sums = [sum(r for r in need.agents[:, p] if r == r) for p in range(len(raw))]
    weighed = sum(r * s for r, s in zip(raw, sums, strict=True))
    return np.array(raw) * (sum(sums) / weighed) if weighed > 0 else np.ones(len(raw))


@lru_cache(maxsize=10_000)
def work(start: datetime, end: datetime, rest: Break, at: datetime) -> float:
    """Return the share of the half hour from ``at`` that is worked."""

    def minutes(a: datetime, b: datetime) -> float:
        return max(0.0, (min(b, at + HALF_HOUR) - max(a, at)) / timedelta(minutes=1))

    return (minutes(start, end) - (minutes(*rest) if rest else 0.0)) / 30


def placed_by(case: Tiny, placements: Iterable[Placement]) -> Floats:
    """Return effective agents ``[interval, programme]`` of placements."""
    names = case.requirement.programmes
    placed = np.zeros(case.requirement.agents.shape)
    for row in placements:
        rest = (row.break_start, row.break_end) if row.break_start and row.break_end else None
        rate = case.operator.programme[row.programme].home_efficiency if row.place == "home" else 1
        for t, at in enumerate(case.requirement.starts):
            placed[t, names.index(row.programme)] += rate * work(row.start, row.end, rest, at)
    return placed


def penalty_of(case: Tiny, placements: Iterable[Placement]) -> float:
    """Return the weighted missing agent-intervals of placements."""
    missing = np.maximum(0.0, case.requirement.agents - placed_by(case, placements))
    return float((np.nan_to_num(missing) * weights(case)).sum())


def shortfalls(case: Tiny, placements: Iterable[Placement]) -> dict[str, float]:
    """Return each client's missing share of the day."""
    missing = np.nan_to_num(np.maximum(0.0, case.requirement.agents - placed_by(case, placements)))
    out = {}
    for client in case.operator.client:
        cols = [p for p, row in enumerate(case.operator.programmes) if row.client == client]
        need = float(np.nansum(case.requirement.agents[:, cols]))
        out[client] = float(missing[:, cols].sum()) / max(1.0, need)
    return out


def capped_clients(case: Tiny) -> dict[str, float]:
    """Return the strictest site share of each client with more than one place for its work."""
    places: dict[str, set[str]] = {client: set() for client in case.operator.client}
    for agent in case.operator.agents:
        if shift_of(case, agent.id):
            for place, name in legal_pairs(case, agent):
                places[case.operator.programme[name].client].add(place)
    return {
        client: min(r.max_site_share for r in case.operator.programmes if r.client == client)
        for client, found in places.items()
        if len(found) > 1
    }


def most_on_site(share: float, total: float) -> int:
    return ceil(share * total - TINY)


def within_caps(case: Tiny, caps: Mapping[str, float], placements: Iterable[Placement]) -> bool:
    """Return whether no site holds more of a client than its share."""
    heads: dict[str, Counter[str]] = {client: Counter() for client in caps}
    for row in placements:
        client = case.operator.programme[row.programme].client
        if client in heads:
            heads[client][row.place] += 1
    return all(
        count <= most_on_site(caps[client], by_place.total())
        for client, by_place in heads.items()
        for place, count in by_place.items()
        if place != "home"
    )
