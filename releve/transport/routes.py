"""Routes of one wave: every set of stops that one vehicle can serve within the longest ride."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from releve.transport.fleet import Fleet, VehiclePool
from releve.transport.result import TO_SITE, Wave

__all__ = ["Departure", "RunRoute", "list_departures", "list_routes"]

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
    rooms = {
        stop: min(most, fleet.limits.get((stop, wave.site), most)) - boarding for stop in stops
    }

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
    return tuple(
        _build_route(fleet, wave, tuple(stops[i] for i in order), hour)
        for _, order in quickest.values()
    )


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

    Between runs a vehicle waits at a site that its depot serves, or at the depot. The drive to
    where a run begins is counted from the farthest of them, so that any two runs of a vehicle that
    do not overlap can follow each other.
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


def _time_run(
    fleet: Fleet, wave: Wave, route: RunRoute, p: int, pool: VehiclePool, margin: float
) -> Departure:
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
    return Departure(
        p, at_site, times, at_site - reach(wave.site), times[-1] + timedelta(minutes=back)
    )
