"""The runs that a fleet could make, as columns of the linear programmes.

A column is a route of a wave by the vehicles of a pool at one time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from releve.plan.lp import Floats, Ints
from releve.transport import Departure, Fleet, Wave, list_departures, list_routes

__all__ = ["RideRuns", "Truths", "list_runs"]

Truths = NDArray[np.bool_]
GRID_SECONDS = 1200.0
"""How far the instants are apart at which vehicles are counted in the programmes."""


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
    """Return the runs of a fleet; ``most[visit]`` are the riders that could be there."""
    stops: dict[int, list[str]] = {}
    for wave, stop in visits:
        stops.setdefault(wave, []).append(stop)
    found = [
        (w, route, departure)
        for w, names in sorted(stops.items())
        for route in list_routes(fleet, waves[w], dict.fromkeys(names, 0), fleet.most_riders)
        for departure in list_departures(fleet, waves[w], route, 0)
    ]
    busy_run, busy_row, row_pool = _count_busy(fleet, [departure for _, _, departure in found])
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


def _count_busy(fleet: Fleet, departures: Sequence[Departure]) -> tuple[Ints, Ints, Ints]:
    """Return which runs are on the road in which row, and the pool of each row.

    Of an instant at which the same runs of a pool are on the road as at the one before, no row is
    made.
    """
    pool = np.array([one.pool for one in departures], dtype=np.int64)
    begins = np.array([one.busy_from.timestamp() for one in departures])
    ends = np.array([one.busy_until.timestamp() for one in departures])
    runs, rows = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    row_pool: list[int] = []
    for p in np.unique(pool).tolist():
        mine = np.nonzero(pool == p)[0]
        first = np.ceil(begins[mine].min() / GRID_SECONDS) * GRID_SECONDS
        before = np.zeros(0, np.int64)
        for instant in np.arange(first, ends[mine].max(), GRID_SECONDS):
            busy = mine[(begins[mine] <= instant) & (instant < ends[mine])]
            if len(busy) and not np.array_equal(busy, before):
                runs.append(busy)
                rows.append(np.full(len(busy), len(row_pool), dtype=np.int64))
                row_pool.append(p)
            before = busy
    return np.concatenate(runs), np.concatenate(rows), np.array(row_pool, dtype=np.int64)
