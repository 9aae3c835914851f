"""The routes of a wave within the longest ride, and the runs of a day chosen from them.

Stops with more riders than a vehicle holds send full vehicles first; the rest of each stop is put
on routes by set partitioning, to its proved optimum. The runs of all waves that share vehicles are
then given a vehicle pool and a time together: first the most riders, then the fewest vehicles.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np

from releve.extras import LazyModule
from releve.transport.fleet import Fleet, VehiclePool
from releve.transport.result import TO_SITE, Rider, Run, TransportPlan, Wave

MOST_STOPS = 8
"""Stops of a route at most."""


@dataclass(frozen=True, slots=True)
class RunRoute:
    """Stops in the order of driving, and the minutes between each of them and the site."""

    stops: tuple[str, ...]
    minutes: tuple[float, ...]
    km: float
    estimated: bool

    @property
    def longest(self) -> float:
        """Return the minutes of the whole drive with riders."""
        return max(self.minutes)


@dataclass(frozen=True, slots=True)
class Departure:
    """One way to run a route: with a vehicle of a pool, at the site at an instant."""

    pool: int
    at_site: datetime
    times: tuple[datetime, ...]
    busy_from: datetime
    busy_until: datetime


def list_routes(
    fleet: Fleet, wave: Wave, riders: Mapping[str, int], cap: int, most_stops: int = MOST_STOPS
) -> tuple[RunRoute, ...]:
    """Return the quickest order of every set of stops that a vehicle of ``cap`` can serve.

    ``riders[stop]``: sets with more riders than ``cap`` are left out, as are orders with a ride
    beyond the longest one of a stop. Grown from the site outwards,
    each set with its quickest order per last stop (Held and Karp, J. SIAM 1962).
    """
    hour = fleet.get_hour(wave.site, wave.at)
    stops = sorted(riders)
    out = wave.leg != TO_SITE

    boarding, most = fleet.settings.boarding_minutes, fleet.settings.max_ride_minutes
    rooms = {stop: min(most, fleet.limits.get((stop, wave.site), most)) - boarding for stop in stops}

    def drive(near: str, far: str) -> float:
        ends = (near, far) if out else (far, near)
        return fleet.travel.get_minutes(*ends, hour)

    best: dict[tuple[int, int], tuple[float, tuple[int, ...]]] = {}
    for i, stop in enumerate(stops):
        minutes = drive(wave.site, stop)
        if minutes <= rooms[stop] and riders[stop] <= cap:
            best[1 << i, i] = (minutes, (i,))
    quickest: dict[int, tuple[float, tuple[int, ...]]] = {}
    while best:
        for (members, _), found in best.items():
            if members not in quickest or found < quickest[members]:
                quickest[members] = found
        grown: dict[tuple[int, int], tuple[float, tuple[int, ...]]] = {}
        for (members, last), (minutes, order) in best.items():
            if len(order) == most_stops:
                continue
            load = sum(riders[stops[i]] for i in order)
            for i, stop in enumerate(stops):
                if members >> i & 1 or load + riders[stop] > cap:
                    continue
                longer = minutes + drive(stops[last], stop)
                key = (members | 1 << i, i)
                if longer <= rooms[stop] and (key not in grown or longer < grown[key][0]):
                    grown[key] = (longer, (*order, i))
        best = grown
    return tuple(_build_route(fleet, wave, tuple(stops[i] for i in order), hour) for _, order in quickest.values())


def _build_route(fleet: Fleet, wave: Wave, outwards: tuple[str, ...], hour: int) -> RunRoute:
    """Return the route whose stops are given from the site outwards."""
    out = wave.leg != TO_SITE
    minutes, km, estimated = [], 0.0, False
    at, total = wave.site, 0.0
    for stop in outwards:
        ends = (at, stop) if out else (stop, at)
        total += fleet.travel.get_minutes(*ends, hour)
        km += fleet.travel.get_km(*ends, hour)
        estimated |= fleet.travel.is_estimated(*ends, hour)
        minutes.append(total)
        at = stop
    turn = slice(None) if out else slice(None, None, -1)
    return RunRoute(outwards[turn], tuple(minutes[turn]), round(km, 3), estimated)


def list_departures(fleet: Fleet, wave: Wave, route: RunRoute, load: int) -> tuple[Departure, ...]:
    """Return every way to run a route, the one nearest to the shift first.

    Between runs a vehicle waits at a site that its depot serves, or at the depot. The drive to the
    start is counted from the farthest of them, so that runs that do not overlap can follow each
    other.
    """
    found = []
    for margin in fleet.settings.list_margins():
        for p, pool in enumerate(fleet.pools):
            if wave.site not in pool.sites or load > pool.cap:
                continue
            run = _time_run(fleet, wave, route, p, pool, margin)
            first = min(run.at_site, *run.times)
            if not pool.may_run(run.busy_from, run.busy_until):
                continue
            if fleet.since is not None and run.busy_from < fleet.since:
                continue
            permitted = pool.permitted and fleet.riders_permitted
            last = max(run.at_site, *run.times)
            if not permitted and fleet.is_under_curfew(wave.site, first, last):
                continue
            found.append(run)
    return tuple(found)


def _time_run(fleet: Fleet, wave: Wave, route: RunRoute, p: int, pool: VehiclePool, margin: float) -> Departure:
    hour = fleet.get_hour(wave.site, wave.at)
    hubs = (pool.depot, *pool.sites)
    boarding = timedelta(minutes=fleet.settings.boarding_minutes)
    rides = [timedelta(minutes=minutes) for minutes in route.minutes]

    def reach(place: str) -> timedelta:
        far = max(fleet.travel.get_minutes(hub, place, hour) for hub in hubs)
        return timedelta(minutes=far)

    if wave.leg == TO_SITE:
        at_site = wave.at - timedelta(minutes=margin)
        times = tuple(at_site - ride for ride in rides)
        busy_from = times[0] - boarding - reach(route.stops[0])
        return Departure(p, at_site, times, busy_from, at_site)
    at_site = wave.at + timedelta(minutes=margin)
    times = tuple(at_site + boarding + ride for ride in rides)
    back = min(fleet.travel.get_minutes(route.stops[-1], hub, hour) for hub in hubs)
    return Departure(p, at_site, times, at_site - reach(wave.site), times[-1] + timedelta(minutes=back))


if TYPE_CHECKING:
    from scipy import optimize, sparse
else:
    optimize = LazyModule("scipy.optimize")
    sparse = LazyModule("scipy.sparse")

RUN_PRICE = 1000.0
"""Price of a run in minutes of driving: the number of runs comes first."""
RIDER_PRICE = 1000.0
"""Price of a rider without a seat in vehicles: riders come first."""
NODES = 200
"""Nodes of a branch and bound at most: a count, not a time, so that the result is the same."""
GAP = 1e-6
USE_PRICE = 0.1
"""Price of a run in vehicles: a run that carries no rider both ways is not made."""

Journey = tuple[str, tuple[Wave, ...]]
"""A stop and the waves of one rider: to work and home, or home alone."""


@dataclass(frozen=True)
class Trip:
    """A run that is not yet named: ``load[stop]`` riders on a route, with a departure."""

    wave: Wave
    route: RunRoute
    load: Mapping[str, int]
    departure: Departure
    cap: int

    @property
    def count(self) -> int:
        """Return the number of riders."""
        return sum(self.load.values())


def route_counts(
    fleet: Fleet,
    need: Mapping[Wave, Mapping[str, int]],
    journeys: Mapping[Journey, tuple[int, float]],
    *,
    fewest: bool = True,
    under_way: Sequence[Run] = (),
) -> tuple[Trip, ...]:
    """Return trips that carry as many of ``need[wave][stop]`` riders as the fleet can.

    ``journeys``: the riders of each, and their worth together; a rider brought but not taken home
    is worth nothing. Vehicles of the largest cap are filled first; riders left over are tried on
    smaller ones. ``fewest`` False takes any vehicles that carry them, which is quicker. The
    vehicles of the runs ``under_way`` are free after those.
    """
    pool_of = {name: p for p, pool in enumerate(fleet.pools) for name in pool.vehicles}
    busy = [
        Departure(pool_of[run.vehicle], run.at_site, run.times, run.busy_from, run.busy_until)
        for run in under_way
        if run.vehicle in pool_of
    ]
    trips: list[Trip] = []
    for cap in sorted({pool.cap for pool in fleet.pools}, reverse=True):
        left = _subtract(need, trips)
        wanted = [
            (wave, route, load)
            for wave in sorted(left)
            for route, load in _partition_wave(fleet, wave, left[wave], cap)
        ]
        for part in _split_by_vehicles(fleet, wanted):
            sites = {wave.site for wave, _, _ in part}
            mine = [(journey, *journeys[journey]) for journey in sorted(journeys) if journey[1][0].site in sites]
            trips += _schedule(fleet, part, trips, busy, mine, 1.0 if fewest else 0.0)
    return tuple(trips)


def _subtract(need: Mapping[Wave, Mapping[str, int]], trips: Iterable[Trip]) -> dict[Wave, dict[str, int]]:
    """Return the riders that trips do not carry."""
    left = {wave: dict(sorted(counts.items())) for wave, counts in need.items()}
    for trip in trips:
        for stop, count in trip.load.items():
            left[trip.wave][stop] -= count
    kept = {w: {stop: n for stop, n in counts.items() if n > 0} for w, counts in left.items()}
    return {wave: counts for wave, counts in kept.items() if counts}


def _partition_wave(
    fleet: Fleet, wave: Wave, riders: Mapping[str, int], cap: int
) -> list[tuple[RunRoute, dict[str, int]]]:
    """Return the fewest routes that carry a wave; a stop beyond the longest ride is left out."""
    key = (wave, tuple(riders.items()), cap)
    if key not in fleet.partitions:
        fleet.partitions[key] = _find_partition(fleet, wave, riders, cap)
    found: list[tuple[RunRoute, dict[str, int]]] = fleet.partitions[key]
    return found


def _find_partition(
    fleet: Fleet, wave: Wave, riders: Mapping[str, int], cap: int
) -> list[tuple[RunRoute, dict[str, int]]]:
    full: list[tuple[RunRoute, dict[str, int]]] = []
    rest: dict[str, int] = {}
    for stop, count in riders.items():
        alone = list_routes(fleet, wave, {stop: min(count, cap)}, cap)
        if not alone:
            continue
        full += [(alone[0], {stop: cap})] * (count // cap)
        if count % cap:
            rest[stop] = count % cap
    if not rest:
        return full
    routes = list_routes(fleet, wave, rest, cap)
    at = {stop: i for i, stop in enumerate(rest)}
    rows = np.array([at[stop] for route in routes for stop in route.stops])
    columns = np.repeat(np.arange(len(routes)), [len(route.stops) for route in routes])
    cost = np.array([RUN_PRICE + route.longest for route in routes])
    table = sparse.csc_matrix((np.ones(len(rows)), (rows, columns)), (len(rest), len(routes)))
    x = _solve_whole(cost, [optimize.LinearConstraint(table, 1, 1)], np.ones(len(routes)))
    chosen = [routes[i] for i in np.nonzero(x > 0.5)[0]]
    return full + [(route, {stop: rest[stop] for stop in route.stops}) for route in chosen]


def _solve_whole(cost: Any, constraints: list[Any], upper: Any, whole: Any = None) -> Any:
    found = optimize.milp(
        cost,
        constraints=constraints,
        integrality=np.ones(len(cost), np.int64) if whole is None else whole.astype(np.int64),
        bounds=optimize.Bounds(0, upper),
        options={"node_limit": NODES, "mip_rel_gap": GAP},
    )
    return np.zeros(len(cost)) if found.x is None else found.x


Wanted = tuple[Wave, RunRoute, dict[str, int]]


def _split_by_vehicles(fleet: Fleet, wanted: Sequence[Wanted]) -> list[list[Wanted]]:
    """Return the wanted trips in parts that share no vehicle."""
    root = {site: site for pool in fleet.pools for site in pool.sites}

    def find(site: str) -> str:
        while root[site] != site:
            site = root[site]
        return site

    for pool in fleet.pools:
        for site in pool.sites[1:]:
            root[find(site)] = find(pool.sites[0])
    parts: dict[str, list[Wanted]] = {}
    for one in wanted:
        if one[0].site in root:
            parts.setdefault(find(one[0].site), []).append(one)
    return list(parts.values())


def _schedule(
    fleet: Fleet,
    wanted: Sequence[Wanted],
    before: Sequence[Trip],
    under_way: Sequence[Departure],
    journeys: Sequence[tuple[Journey, int, float]],
    vehicle_price: float,
) -> list[Trip]:
    """Give trips a pool and a time: the most riders, then the fewest vehicles.

    The vehicles of trips ``before`` and of runs ``under_way`` are busy. A journey
    counts as far as each of its waves has a seat at its stop.
    """
    options = [
        (i, departure)
        for i, (wave, route, load) in enumerate(wanted)
        for departure in list_departures(fleet, wave, route, sum(load.values()))
    ]
    if not options:
        return []
    n, pools = len(options), len(fleet.pools)
    first = n + pools
    cost = np.zeros(first + len(journeys))
    for c, (i, departure) in enumerate(options):
        wait = abs((departure.at_site - wanted[i][0].at).total_seconds()) / 60
        cost[c] = USE_PRICE + wait / 1e4
    cost[n:first] = vehicle_price
    cost[first:] = [-RIDER_PRICE * worth / max(1, count) for _, count, worth in journeys]
    rows, columns, values, upper = [], [], [], []
    for c, (i, _) in enumerate(options):
        rows.append(i)
        columns.append(c)
        values.append(1.0)
    upper += [1.0] * len(wanted)
    seats: dict[tuple[Wave, str], int] = {}
    for trip in before:
        for stop, count in trip.load.items():
            seats[trip.wave, stop] = seats.get((trip.wave, stop), 0) + count
    row_of: dict[tuple[Wave, str], int] = {}
    for c, ((stop, waves), _, _) in enumerate(journeys):
        for wave in waves:
            if (wave, stop) not in row_of:
                row_of[wave, stop] = len(upper)
                upper.append(float(seats.get((wave, stop), 0)))
            rows.append(row_of[wave, stop])
            columns.append(first + c)
            values.append(1.0)
    for c, (i, _) in enumerate(options):
        for stop, count in wanted[i][2].items():
            if (wanted[i][0], stop) in row_of:
                rows.append(row_of[wanted[i][0], stop])
                columns.append(c)
                values.append(-float(count))
    for p in range(pools):
        mine = [(c, departure) for c, (_, departure) in enumerate(options) if departure.pool == p]
        held = [d for d in (*(trip.departure for trip in before), *under_way) if d.pool == p]
        starts = {d.busy_from for _, d in mine} | {d.busy_from for d in held}
        for instant in sorted(starts):
            row = len(upper)
            busy = [c for c, d in mine if d.busy_from <= instant < d.busy_until]
            taken = sum(d.busy_from <= instant < d.busy_until for d in held)
            rows += [row] * (len(busy) + 1)
            columns += [*busy, n + p]
            values += [1.0] * len(busy) + [-1.0]
            upper.append(-float(taken))
    table = sparse.csc_matrix((values, (rows, columns)), (len(upper), len(cost)))
    limits = [*np.ones(n), *(len(pool.vehicles) for pool in fleet.pools)]
    limits += [count for _, count, _ in journeys]
    whole = np.arange(len(cost)) < first
    x = _solve_whole(cost, [optimize.LinearConstraint(table, -np.inf, upper)], limits, whole)
    chosen = [options[c] for c in np.nonzero(x[:n] > 0.5)[0]]
    return [Trip(*wanted[i], one, fleet.pools[one.pool].cap) for i, one in chosen]


def route_riders(fleet: Fleet, riders: Sequence[Rider], under_way: Sequence[Run] = ()) -> TransportPlan:
    """Return the runs that carry the riders, in named vehicles, and the riders left behind.

    An agent rides to work and home, or is left behind. The vehicles of the runs ``under_way``,
    which have left before any other run may, are busy until each of them is over.
    """
    waiting: dict[tuple[Wave, str], list[Rider]] = {}
    in_order = sorted(riders, key=lambda one: (one.wave, one.stop, one.agent))
    for rider in in_order:
        waiting.setdefault((rider.wave, rider.stop), []).append(rider)
    need: dict[Wave, dict[str, int]] = {}
    for (wave, stop), found in waiting.items():
        need.setdefault(wave, {})[stop] = len(found)
    trips = route_counts(fleet, need, _list_journeys(riders), under_way=under_way)
    vehicles = _name_vehicles(fleet, trips, under_way)
    left = _leave_behind(riders, trips)
    for queue in waiting.values():
        queue[:] = [rider for rider in queue if rider.agent not in left]
    runs: list[Run] = []
    order = sorted(range(len(trips)), key=lambda i: (trips[i].wave, trips[i].departure.times, i))
    for i in order:
        trip, departure = trips[i], trips[i].departure
        pool = fleet.pools[departure.pool]
        agents = []
        for stop in trip.route.stops:
            queue = waiting[trip.wave, stop]
            agents.append(tuple(rider.agent for rider in queue[: trip.load[stop]]))
            del queue[: trip.load[stop]]
        if not any(agents):
            continue
        runs.append(
            Run(
                id="",
                vehicle=vehicles[i],
                wave=trip.wave,
                stops=trip.route.stops,
                times=departure.times,
                at_site=departure.at_site,
                agents=tuple(agents),
                cap=pool.cap,
                seats=pool.seats,
                km=trip.route.km,
                estimated=trip.route.estimated,
                busy_from=departure.busy_from,
                busy_until=departure.busy_until,
            )
        )
    named = tuple(replace(run, id=f"r{n:04d}") for n, run in enumerate(runs, 1))
    behind = tuple(rider for rider in in_order if rider.agent in left)
    return TransportPlan(
        named, behind, count_fewest_runs(fleet, need), len({run.vehicle for run in named}), fleet.count_vehicles()
    )


def _leave_behind(riders: Sequence[Rider], trips: Sequence[Trip]) -> set[str]:
    """Return the agents without a seat on each of their waves; the first by id have one."""
    seats: Counter[tuple[Wave, str]] = Counter()
    for trip in trips:
        for stop, count in trip.load.items():
            seats[trip.wave, stop] += count
    journeys: dict[str, list[tuple[Wave, str]]] = {}
    for rider in riders:
        journeys.setdefault(rider.agent, []).append((rider.wave, rider.stop))
    left = set()
    for agent in sorted(journeys):
        if all(seats[call] > 0 for call in journeys[agent]):
            seats.subtract(journeys[agent])
        else:
            left.add(agent)
    return left


def _list_journeys(riders: Sequence[Rider]) -> dict[Journey, tuple[int, float]]:
    waves: dict[tuple[str, str], list[Wave]] = {}
    for rider in riders:
        waves.setdefault((rider.agent, rider.stop), []).append(rider.wave)
    found = Counter((stop, tuple(sorted(held))) for (_, stop), held in waves.items())
    return {journey: (count, float(count)) for journey, count in found.items()}


def _name_vehicles(fleet: Fleet, trips: Sequence[Trip], under_way: Sequence[Run] = ()) -> list[str]:
    """Return the vehicle of each trip: the first of its pool that is free."""
    free_at: list[dict[str, datetime]] = [{} for _ in fleet.pools]
    for run in under_way:
        for pool, known in zip(fleet.pools, free_at, strict=True):
            if run.vehicle in pool.vehicles:
                known[run.vehicle] = max(run.busy_until, known.get(run.vehicle, run.busy_until))
    names = [""] * len(trips)
    for i in sorted(range(len(trips)), key=lambda i: (trips[i].departure.busy_from, i)):
        departure = trips[i].departure
        known = free_at[departure.pool]
        for name in fleet.pools[departure.pool].vehicles:
            if name not in known or known[name] <= departure.busy_from:
                names[i], known[name] = name, departure.busy_until
                break
        else:
            raise AssertionError(f"no vehicle is free for the trip of {trips[i].wave}")
    return names


def count_fewest_runs(fleet: Fleet, need: Mapping[Wave, Mapping[str, int]]) -> int:
    """Return a lower bound of the runs: the riders of each wave over the largest cap."""
    total: Counter[Wave] = Counter()
    for wave, counts in need.items():
        total[wave] = sum(counts.values())
    largest = {
        site: max(pool.cap for pool in fleet.pools if site in pool.sites)
        for site in {site for pool in fleet.pools for site in pool.sites}
    }
    return sum(ceil(n / largest[wave.site]) for wave, n in total.items() if wave.site in largest)
