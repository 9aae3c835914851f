"""Vehicles in the linear programmes: who rides, on which routes, with how many vehicles.

Riders are the people of groups with a shuttle stop and no transport of their own on an assignment
at a site. A wave is a site, a leg and an instant; x[c] runs of a column (a route of a wave by the
vehicles of a pool at one arrival time). Rows of every block, as they are named below:

* visits  the riders of a stop of a wave are no more than the seats of the runs that call there;
* seats   the riders of a wave are no more than the seats of its runs;
* fleet   the runs of a pool at an instant are no more than its vehicles.

In whole people a *ride row* is a site, a stop and a shift: what its riders may be is read from
runs (:func:`find_ride_rooms`) that were chosen for the riders wanted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from releve.plan.lp import Floats, Ints, LinearProgram, RepeatedProgram
from releve.plan.problem import DayProblem
from releve.plan.ride_columns import RideRuns, Truths, list_runs
from releve.transport import FROM_SITE, TO_SITE, Fleet, Journey, Trip, Wave, route_counts

__all__ = [
    "RideCheck",
    "RideLayout",
    "add_rides",
    "build_ride_layout",
    "count_riders",
    "find_ride_rooms",
    "find_served_rooms",
    "refuse_unserved",
]

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
        np.array(
            [visits.setdefault((int(w), keys[r][1]), len(visits)) for r, w in enumerate(of_row)],
            dtype=np.int64,
        )
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
    """Add the vehicles of one scenario and return the rows of the fleet, one for each pool at an
    instant; ``w[j]`` are its columns of people, -1 = lost.

    ``parts[part]``: those of the fleet that are added, by default all; the rows of others are -1.
    Waves without people who may ride have no runs: their vehicles serve the others.
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


def _list_journeys(
    rides: RideLayout, riders: Ints, worth: Floats
) -> dict[Journey, tuple[int, float]]:
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


def _share_seats(
    rides: RideLayout, want: Ints, of_row: Ints, seats: Mapping[tuple[Wave, str], int]
) -> Ints:
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
