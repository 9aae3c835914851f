"""The runs that a fleet could make, as columns of the linear programmes.

A column is a route of a wave by the vehicles of a pool at one time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from releve.plan.lp import Floats, Ints
from releve.transport import (
    Departure,
    Fleet,
    RunRoute,
    Wave,
    list_departures,
    list_routes,
)

__all__ = ["RideRuns", "Truths", "list_runs"]

Truths = NDArray[np.bool_]
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


def list_runs(
    fleet: Fleet, waves: Sequence[Wave], visits: Sequence[tuple[int, str]], most: Ints
) -> RideRuns:
    """Return the runs of a fleet; ``most[visit]`` are the riders that could be there.

    Runs and rows without which the fleet carries the same people are left out: of a run that calls
    at no more stops than another of its pool and wave and is on the road whenever that one is, of
    an instant at which no run is on the road that is not at another.
    """
    key = (tuple(waves), tuple(visits), most.tobytes())
    if key not in fleet.listed_runs:
        fleet.listed_runs[key] = _list_needed_runs(fleet, waves, visits, most)
    known: RideRuns = fleet.listed_runs[key]
    return known


def _list_needed_runs(
    fleet: Fleet, waves: Sequence[Wave], visits: Sequence[tuple[int, str]], most: Ints
) -> RideRuns:
    stops: dict[int, list[str]] = {}
    for wave, stop in visits:
        stops.setdefault(wave, []).append(stop)
    found = [
        (w, route, departure)
        for w, names in sorted(stops.items())
        for route in list_routes(fleet, waves[w], dict.fromkeys(names, 0), fleet.most_riders)
        for departure in list_departures(fleet, waves[w], route, 0)
    ]
    times = _time_runs(found)
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


def _time_runs(found: Sequence[tuple[int, RunRoute, Departure]]) -> Ints:
    """Return (pool, first, last) of each run: the instants at which it is on the road, counted."""
    pool = [one.pool for _, _, one in found]
    begins = np.array([one.busy_from.timestamp() for _, _, one in found])
    ends = np.array([one.busy_until.timestamp() for _, _, one in found])
    first, last = np.ceil(begins / GRID_SECONDS), np.ceil(ends / GRID_SECONDS) - 1
    return np.stack([np.array(pool, dtype=np.int64), first, last], axis=1).astype(np.int64)


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
