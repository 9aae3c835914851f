"""Vehicles in the linear programmes: the runs a fleet could make, and who rides them.

Riders are the people of groups with a shuttle stop and no transport of their own on an assignment
at a site. A wave is a site, a leg and an instant; a column is a route of a wave by the vehicles of
a pool at one arrival time, x[c] its runs. Rows, as they are named below:

* visits  riders of a stop of a wave <= seats of the runs that call there;
* seats   riders of a wave <= seats of its runs;
* fleet   runs of a pool at an instant <= its vehicles.

In whole people a *ride row* is a site, a stop and a shift; its limit is read from runs
(:func:`find_ride_rooms`) chosen for the riders wanted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from releve.kernels.arrays import Floats, Ints, Truths
from releve.plan.lp import LinearProgram, RepeatedProgram
from releve.plan.problem import DayProblem
from releve.transport import (
    FROM_SITE,
    TO_SITE,
    Departure,
    Fleet,
    Journey,
    RunRoute,
    Trip,
    Wave,
    list_departures,
    list_routes,
    route_counts,
)

GRID_SECONDS = 1200.0
"""How far the instants are apart at which vehicles are counted in the programmes."""
NEVER = (np.iinfo(np.int64).max, -1)
"""The span of a run that is on the road at no instant."""


@dataclass(frozen=True)
class RideRuns:
    """The runs that a fleet could make, as columns: a route of a wave, by a pool, at one time.

    ``wave[c]``, ``cap[c]``. Calls: run ``call_run[i]`` calls at visit ``call_visit[i]`` with
    ``call_seats[i]`` seats that riders there could fill. ``busy_run[i]`` is on the road in
    ``busy_row[i]``, a pool ``row_pool[row]`` at an instant, with ``vehicles[row]``.
    """

    wave: Ints
    cap: Floats
    call_run: Ints
    call_visit: Ints
    call_seats: Floats
    busy_run: Ints
    busy_row: Ints
    row_pool: Ints
    vehicles: Floats


def list_runs(fleet: Fleet, waves: Sequence[Wave], visits: Sequence[tuple[int, str]], most: Ints) -> RideRuns:
    """Return the runs of a fleet; ``most[visit]`` are the riders that could be there.

    Redundant runs and rows are left out: a run is redundant beside one of its pool and wave that
    calls at all its stops and is on the road no longer; an instant, if another has all its runs on
    the road.
    """
    key = (tuple(waves), tuple(visits), most.tobytes())
    if key not in fleet.listed_runs:
        fleet.listed_runs[key] = _list_needed_runs(fleet, waves, visits, most)
    known: RideRuns = fleet.listed_runs[key]
    return known


def _list_needed_runs(fleet: Fleet, waves: Sequence[Wave], visits: Sequence[tuple[int, str]], most: Ints) -> RideRuns:
    stops: dict[int, list[str]] = {}
    for wave, stop in visits:
        stops.setdefault(wave, []).append(stop)
    found = [
        (w, route, departure)
        for w, names in sorted(stops.items())
        for route in list_routes(fleet, waves[w], dict.fromkeys(names, 0), fleet.most_riders)
        for departure in list_departures(fleet, waves[w], route, 0)
    ]
    # (pool, first, last) of each run: the instants, counted, at which it is on the road
    pool = [one.pool for _, _, one in found]
    begins = np.array([one.busy_from.timestamp() for _, _, one in found])
    ends = np.array([one.busy_until.timestamp() for _, _, one in found])
    first, last = np.ceil(begins / GRID_SECONDS), np.ceil(ends / GRID_SECONDS) - 1
    times = np.stack([np.array(pool, dtype=np.int64), first, last], axis=1).astype(np.int64)
    kept = _drop_dominated(found, times)
    found, times = [found[i] for i in kept.tolist()], times[kept]
    busy_run, busy_row, row_pool = _count_busy(times)
    size = np.array([len(held.vehicles) for held in fleet.pools], dtype=np.float64)
    cap = np.array([fleet.pools[d.pool].cap for _, _, d in found], dtype=np.float64)
    number = {visit: i for i, visit in enumerate(visits)}
    calls = [number[w, stop] for w, route, _ in found for stop in route.stops]
    call_visit = np.array(calls, dtype=np.int64)
    call_run = np.repeat(np.arange(len(found)), [len(route.stops) for _, route, _ in found])
    return RideRuns(
        wave=np.array([w for w, _, _ in found], dtype=np.int64),
        cap=cap,
        call_run=call_run.astype(np.int64),
        call_visit=call_visit,
        call_seats=np.minimum(cap[call_run], most[call_visit]) if len(found) else cap,
        busy_run=busy_run,
        busy_row=busy_row,
        row_pool=row_pool,
        vehicles=size[row_pool],
    )


def _find_fullest(times: Ints) -> Ints:
    """Return the instants of one pool at which vehicles are to be counted: on the road at each are
    runs that are together at no other.

    A run ends after each, and one has begun since the one before: the maximal cliques of intervals.
    """
    on_road = times[times[:, 1] <= times[:, 2]]
    starts, found = np.sort(on_road[:, 1]), [-1]
    for last in np.unique(on_road[:, 2]).tolist():
        begun = np.searchsorted(starts, [found[-1], last], side="right")
        if begun[1] > begun[0]:
            found.append(last)
    return np.array(found[1:], dtype=np.int64)


def _drop_dominated(found: Sequence[tuple[int, RunRoute, Departure]], times: Ints) -> Ints:
    """Return the runs to keep, until no run and no instant more can be left out."""
    wave = np.array([w for w, _, _ in found], dtype=np.int64)
    kept = np.arange(len(found))
    while True:
        spans = times[kept]
        for pool in np.unique(spans[:, 0]):
            mine = spans[:, 0] == pool
            rows = _find_fullest(spans[mine])
            spans[mine, 1] = np.searchsorted(rows, spans[mine, 1])
            spans[mine, 2] = np.searchsorted(rows, spans[mine, 2], side="right") - 1
        spans[spans[:, 1] > spans[:, 2], 1:] = NEVER
        left = np.zeros(len(kept), dtype=np.bool_)
        keys = np.stack([wave[kept], spans[:, 0]], axis=1)
        _, group = np.unique(keys, axis=0, return_inverse=True)
        order = np.argsort(group.reshape(-1), kind="stable")
        for mine in np.split(order, np.nonzero(np.diff(group.reshape(-1)[order]))[0] + 1):
            left[mine] = _find_undominated([found[kept[i]][1] for i in mine], spans[mine, 1:])
        if left.all():
            return kept
        kept = kept[left]


def _find_undominated(routes: Sequence[RunRoute], spans: Ints) -> Truths:
    """Return which runs of one wave and pool no other makes needless; of equal ones the first."""
    number = {stop: i for i, stop in enumerate(sorted({s for one in routes for s in one.stops}))}
    calls = np.zeros((len(routes), len(number)))
    for i, route in enumerate(routes):
        calls[i, [number[stop] for stop in route.stops]] = 1.0
    worse = calls @ (1.0 - calls.T) == 0
    worse &= spans[:, None, 0] <= spans[None, :, 0]
    worse &= spans[:, None, 1] >= spans[None, :, 1]
    earlier = np.tri(len(routes), k=-1, dtype=np.bool_)
    return np.asarray(~(worse & (~worse.T | earlier)).any(axis=1))


def _count_busy(times: Ints) -> tuple[Ints, Ints, Ints]:
    """Return which runs are on the road in which row, and the pool of each row."""
    runs, rows = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    row_pool: list[int] = []
    for pool in np.unique(times[:, 0]).tolist():
        mine = np.nonzero(times[:, 0] == pool)[0]
        for instant in _find_fullest(times[mine]).tolist():
            busy = mine[(times[mine, 1] <= instant) & (instant <= times[mine, 2])]
            runs.append(busy)
            rows.append(np.full(len(busy), len(row_pool), dtype=np.int64))
            row_pool.append(pool)
    return np.concatenate(runs), np.concatenate(rows), np.array(row_pool, dtype=np.int64)


OVERLOAD = 1e-5
"""Vehicles beyond a fleet, summed over its rows, up to which they are the solver's tolerance."""
ROUND_UP_FROM = 0.05
"""Share of a rider from which runs are asked for one more."""


@dataclass(frozen=True)
class RideLayout:
    """Index arrays of rides, made once per problem.

    ``row[j]`` ride row of each assignment, -1 where no vehicle is needed. Of each ride row: its
    ``stop``, its waves ``wave_to`` and ``wave_from`` and its visits (pairs of wave and stop)
    ``visit_to`` and ``visit_from``; where the run to work is over both are of the run home. Pools
    that share sites are one *part* of the fleet: ``pool_part[pool]``, and ``wave_part[wave]``, -1
    without a pool.
    """

    fleet: Fleet
    row: Ints
    stop: tuple[str, ...]
    wave_to: Ints
    wave_from: Ints
    visit_to: Ints
    visit_from: Ints
    waves: tuple[Wave, ...]
    visits: tuple[tuple[int, str], ...]
    runs: RideRuns
    wave_part: Ints
    pool_part: Ints

    def sum_by_row(self, people: Floats) -> Floats:
        """Return the riders of each ride row of ``people[j]``."""
        riding = self.row >= 0
        riders = np.zeros(len(self.stop))
        np.add.at(riders, self.row[riding], people[riding])
        return riders


def build_ride_layout(problem: DayProblem) -> RideLayout | None:
    """Return the rides of a problem; None where no vehicle limits it."""
    fleet = problem.fleet
    if fleet is None:
        return None
    row = np.full(len(problem.group), -1, dtype=np.int64)
    rows: dict[tuple[str, str, datetime, datetime], int] = {}
    for j, g in enumerate(problem.group):
        group = problem.groups.groups[g]
        if group.stop and problem.place[j] != problem.home:
            shift = group.patterns[0]
            site = problem.sites[problem.place[j]]
            key = (site, group.stop, shift.start, shift.end)
            row[j] = rows.setdefault(key, len(rows))
    keys = list(rows)
    over = problem.run_since
    to_waves = [
        Wave(site, TO_SITE, start) if over is None or over <= start else Wave(site, FROM_SITE, end)
        for site, _, start, end in keys
    ]
    from_waves = [Wave(site, FROM_SITE, end) for site, _, _, end in keys]
    waves = sorted({*to_waves, *from_waves})
    number = {wave: i for i, wave in enumerate(waves)}
    wave_to = np.array([number[wave] for wave in to_waves], dtype=np.int64)
    wave_from = np.array([number[wave] for wave in from_waves], dtype=np.int64)
    visits: dict[tuple[int, str], int] = {}
    visit_to, visit_from = (
        np.array([visits.setdefault((int(w), keys[r][1]), len(visits)) for r, w in enumerate(of_row)], dtype=np.int64)
        for of_row in (wave_to, wave_from)
    )
    most = _count_most(problem, row, len(rows))
    at_visit = np.zeros(len(visits), dtype=np.int64)
    np.add.at(at_visit, visit_to, most)
    both = visit_from != visit_to
    np.add.at(at_visit, visit_from[both], most[both])
    wave_part, pool_part = _find_parts(fleet, waves)
    return RideLayout(
        wave_part=wave_part,
        pool_part=pool_part,
        fleet=fleet,
        row=row,
        stop=tuple(key[1] for key in keys),
        wave_to=wave_to,
        wave_from=wave_from,
        visit_to=visit_to,
        visit_from=visit_from,
        waves=tuple(waves),
        visits=tuple(visits),
        runs=list_runs(fleet, waves, tuple(visits), at_visit),
    )


def _find_parts(fleet: Fleet, waves: Sequence[Wave]) -> tuple[Ints, Ints]:
    """Return the part of the fleet that serves each wave, and that of each pool."""
    part = list(range(len(fleet.pools)))
    for p, pool in enumerate(fleet.pools):
        for q, other in enumerate(fleet.pools[:p]):
            if set(pool.sites) & set(other.sites):
                old, new = part[p], part[q]
                part = [new if one == old else one for one in part]
    of_site = {site: part[p] for p, pool in enumerate(fleet.pools) for site in pool.sites}
    wave_part = [of_site.get(wave.site, -1) for wave in waves]
    return np.array(wave_part, dtype=np.int64), np.array(part, dtype=np.int64)


def _count_most(problem: DayProblem, row: Ints, rows: int) -> Ints:
    """Return how many people could be on each ride row."""
    pairs = np.unique(np.stack([row, problem.group], axis=1)[row >= 0], axis=0).reshape(-1, 2)
    most = np.zeros(rows, dtype=np.int64)
    np.add.at(most, pairs[:, 0], problem.size[pairs[:, 1]])
    return most


def add_rides(lp: LinearProgram, rides: RideLayout, w: Ints, parts: Truths | None = None) -> Ints:
    """Add the vehicles of one scenario and return the rows of the fleet, one a pool and instant.

    ``w[j]`` are its columns of people, -1 = lost. ``parts[part]``: the parts of the fleet to add
    [all]; rows of others are -1. Waves without riders have no runs, so their vehicles serve the
    others.
    """
    added = rides.wave_part >= 0
    if parts is not None:
        added &= parts[np.maximum(rides.wave_part, 0)]
    riding = np.nonzero((rides.row >= 0) & (w >= 0))[0]
    riding = riding[added[rides.wave_to[rides.row[riding]]]]
    rows = rides.row[riding]
    back = rides.wave_from[rows] != rides.wave_to[rows]
    used = np.zeros(len(rides.waves), dtype=np.bool_)
    used[rides.wave_to[rows]] = used[rides.wave_from[rows]] = True
    called = np.zeros(len(rides.visits), dtype=np.bool_)
    called[rides.visit_to[rows]] = called[rides.visit_from[rows]] = True
    seats, visits = _number_rows(lp, used), _number_rows(lp, called)
    for of_row, first in ((rides.wave_to, seats), (rides.visit_to, visits)):
        lp.add(first[of_row[rows]], w[riding])
    for of_row, first in ((rides.wave_from, seats), (rides.visit_from, visits)):
        lp.add(first[of_row[rows[back]]], w[riding[back]])
    runs = rides.runs
    kept = used[runs.wave]
    x = np.full(len(kept), -1, dtype=np.int64)
    x[kept] = lp.columns(int(kept.sum()))
    lp.add(seats[runs.wave[kept]], x[kept], -runs.cap[kept])
    calls = kept[runs.call_run] & called[runs.call_visit]
    lp.add(visits[runs.call_visit[calls]], x[runs.call_run[calls]], -runs.call_seats[calls])
    counted = np.ones(len(runs.vehicles), dtype=np.bool_)
    if parts is not None:
        counted = parts[rides.pool_part[runs.row_pool]]
    fleet = np.full(len(counted), -1, dtype=np.int64)
    fleet[counted] = lp.rows(int(counted.sum()), upper=runs.vehicles[counted])
    busy = kept[runs.busy_run]
    lp.add(fleet[runs.busy_row[busy]], x[runs.busy_run[busy]])
    return fleet


def _number_rows(lp: LinearProgram, wanted: Truths) -> Ints:
    """Add a row of at most zero for each that is wanted; -1 for the others."""
    rows = np.full(len(wanted), -1, dtype=np.int64)
    rows[wanted] = lp.rows(int(wanted.sum()), upper=0.0)
    return rows


def refuse_unserved(lp: LinearProgram, rides: RideLayout, w: Ints) -> None:
    """Keep people from the assignments to which no run could bring them, or from which none goes
    home."""
    served = np.zeros(len(rides.visits), dtype=np.bool_)
    served[rides.runs.call_visit] = True
    riding = np.nonzero((rides.row >= 0) & (w >= 0))[0]
    rows = rides.row[riding]
    left = ~(served[rides.visit_to[rows]] & served[rides.visit_from[rows]])
    lp.add(lp.rows(1, upper=0.0), w[riding[left]])


class RideCheck:
    """Says which parts of a fleet cannot carry people in fractions.

    A linear programme of the runs alone: the fewest vehicles beyond the fleet that carry them.
    """

    def __init__(self, rides: RideLayout) -> None:
        self._rides, runs = rides, rides.runs
        lp = LinearProgram()
        x = lp.columns(len(runs.wave))
        self._beyond = lp.columns(len(runs.vehicles), 1.0)
        self._visits = lp.rows(len(rides.visits), upper=0.0)
        self._seats = lp.rows(len(rides.waves), upper=0.0)
        lp.add(self._visits[runs.call_visit], x[runs.call_run], -runs.call_seats)
        lp.add(self._seats[runs.wave], x, -runs.cap)
        fleet = lp.rows(len(runs.vehicles), upper=runs.vehicles)
        lp.add(fleet[runs.busy_row], x[runs.busy_run])
        lp.add(fleet, self._beyond, -1.0)
        self._served = np.zeros(len(rides.visits), dtype=np.bool_)
        self._served[runs.call_visit] = True
        self._program = RepeatedProgram(lp)

    def find_overloaded(self, people: Floats) -> Truths:
        """Return ``over[part]`` of the fleet for ``people[j]``."""
        rides = self._rides
        riders = rides.sum_by_row(people)
        back = rides.wave_from != rides.wave_to
        visits, waves = np.zeros(len(rides.visits)), np.zeros(len(rides.waves))
        np.add.at(visits, rides.visit_to, riders)
        np.add.at(visits, rides.visit_from[back], riders[back])
        of_visit = np.array([w for w, _ in rides.visits], dtype=np.int64)
        visits[~self._served] = 0.0
        np.add.at(waves, of_visit, visits)
        rows = np.concatenate([self._visits, self._seats])
        found = self._program.solve(rows, -np.concatenate([visits, waves]))
        over = np.zeros(len(rides.pool_part), dtype=np.float64)
        np.add.at(over, rides.pool_part[rides.runs.row_pool], found.x[self._beyond])
        return np.asarray(over > OVERLOAD)


def count_riders(rides: RideLayout, riders: Ints) -> dict[Wave, dict[str, int]]:
    """Return the riders of each wave and stop of ``riders[row]``."""
    need: dict[Wave, dict[str, int]] = {}
    for r, count in enumerate(riders.tolist()):
        if count:
            for wave in _list_waves(rides, r):
                counts = need.setdefault(wave, {})
                counts[rides.stop[r]] = counts.get(rides.stop[r], 0) + count
    return need


def _list_waves(rides: RideLayout, r: int) -> tuple[Wave, ...]:
    return tuple(sorted({rides.waves[rides.wave_to[r]], rides.waves[rides.wave_from[r]]}))


def _list_journeys(rides: RideLayout, riders: Ints, worth: Floats) -> dict[Journey, tuple[int, float]]:
    """Return the riders of each journey of ``riders[row]``, and what they are worth."""
    found: dict[Journey, tuple[int, float]] = {}
    for r in np.nonzero(riders)[0]:
        journey = (rides.stop[r], _list_waves(rides, int(r)))
        count, total = found.get(journey, (0, 0.0))
        found[journey] = (count + int(riders[r]), total + float(worth[r]))
    return found


def find_ride_rooms(rides: RideLayout, people: Floats, *, spare: bool = True) -> Ints:
    """Return how many riders of each ride row runs can carry, chosen for ``people[j]``.

    A ride row gets what the runs of both its waves carry; with ``spare`` seats that stay empty on
    a run go to the stops where it calls.
    """
    riders = rides.sum_by_row(people)
    want = np.ceil(riders - ROUND_UP_FROM).astype(np.int64)
    journeys = _list_journeys(rides, want, np.minimum(riders, want))
    trips = route_counts(rides.fleet, count_riders(rides, want), journeys, fewest=False)
    held = [
        _share_seats(rides, want, of_row, _count_seats(trips, spare=spare))
        for of_row in (rides.wave_to, rides.wave_from)
    ]
    return np.minimum(*held)


def find_served_rooms(rides: RideLayout, people: Ints) -> tuple[Ints, Ints]:
    """Return the riders of each ride row of whole ``people[j]``, and how many of them have a seat.

    These are the runs of :func:`releve.transport.route_riders`, so that who has a seat here has one
    when the runs are written.
    """
    riders = rides.sum_by_row(people.astype(float)).astype(np.int64)
    journeys = _list_journeys(rides, riders, riders.astype(float))
    trips = route_counts(rides.fleet, count_riders(rides, riders), journeys)
    seats = _count_seats(trips, spare=False)
    there = _share_seats(rides, riders, rides.wave_to, seats)
    back = _share_seats(rides, riders, rides.wave_from, seats)
    return riders, np.minimum(there, back)


def _count_seats(trips: Sequence[Trip], *, spare: bool) -> dict[tuple[Wave, str], int]:
    seats: dict[tuple[Wave, str], int] = {}
    for trip in trips:
        empty = trip.cap - trip.count if spare else 0
        for i, stop in enumerate(trip.route.stops):
            more = empty // len(trip.route.stops) + (i < empty % len(trip.route.stops))
            key = (trip.wave, stop)
            seats[key] = seats.get(key, 0) + trip.load[stop] + more
    return seats


def _share_seats(rides: RideLayout, want: Ints, of_row: Ints, seats: Mapping[tuple[Wave, str], int]) -> Ints:
    """Share the seats of each wave and stop over the ride rows that want them, then evenly."""
    rooms = np.zeros(len(want), dtype=np.int64)
    members: dict[tuple[Wave, str], list[int]] = {}
    for r, wave in enumerate(of_row):
        members.setdefault((rides.waves[wave], rides.stop[r]), []).append(r)
    for key, found in members.items():
        left = seats.get(key, 0)
        for r in found:
            rooms[r] = min(want[r], left)
            left -= rooms[r]
        for i, r in enumerate(found):
            rooms[r] += left // len(found) + (i < left % len(found))
    return rooms
