"""Draw the outages of many replications: when each begins and ends, and what it takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from releve.plugins.crashtest.engine.outages.hazard import Hazard, OutagesOverflowError, require
from releve.plugins.crashtest.engine.outages.streams import (
    DAYS_OF_MONTH,
    DRAWS,
    DURATION,
    LATITUDE,
    LONGITUDE,
    RATE,
    Cell,
    Places,
    Streams,
    build_streams,
    draw_opening_days,
    events,
    measure_distances,
)
from releve.plugins.crashtest.engine.outbreak.disease import MULTIPLIER_BINS, tabulate_multiplier
from releve.plugins.crashtest.engine.outbreak.rng import hash_key

MOST = 20_000_000
"""The most outages of one call, unless it says otherwise."""
_CALENDAR = hash_key("outage", "calendar")


@dataclass(frozen=True)
class Outages:
    """The outages of replications ``first`` .. ``first + R - 1``, in order of their begin.

    Those of replication ``first + r`` are ``pointer[r] : pointer[r + 1]`` (int64[R + 1]) of
    ``begin`` and ``end`` (float64, hours since the start of day 0, UTC), ``place`` (int32, see
    :class:`Places`) and ``hazard`` (int16, the number in the hazards given). ``event`` (int64)
    tells apart what began together: rows of one event have the same number, begin and end. An
    ``end`` may lie beyond the last day, and the outages of one place may overlap.
    """

    pointer: NDArray[np.int64]
    begin: NDArray[np.float64]
    end: NDArray[np.float64]
    place: NDArray[np.int32]
    hazard: NDArray[np.int16]
    event: NDArray[np.int64]
    first: int = 0

    def __len__(self) -> int:
        return len(self.begin)


def draw_outages(
    hazards: Sequence[Hazard],
    places: Places,
    *,
    days: int,
    seed: int,
    replications: int,
    first: int = 0,
    start: date | None = None,
    most: int = MOST,
) -> Outages:
    """Return the outages that begin within ``days`` days, in each replication.

    ``start`` is the date of day 0, which hazards with ``months`` need; without it each replication
    begins on a day of the year of its own. A replication is what its number and the ``seed`` make
    it: the same bits however a run is split. A hazard's luck belongs to its id and to what it
    strikes (a site by its id, a carrier, a country, a point of the map), so that one more hazard
    or place changes nothing for the others. OutagesOverflowError when there are more than
    ``most``; OutagesError quotes any other condition that does not hold.
    """
    require(1 <= days <= 3660, "1 <= days <= 3660", days)
    require(replications >= 1, "1 <= replications", replications)
    require(first >= 0 and 0 <= seed < 2**63, "0 <= first, 0 <= seed < 2^63", (first, seed))
    hazards = tuple(hazards)
    streams, factors = _prepare_streams(hazards, places)
    rows = _draw_events(streams, factors, days * 24.0, (seed, first, replications), most)
    months = _list_months(start, days, (seed, first, replications))
    rows = rows.where(_select_in_season(rows, hazards, streams, months))
    event, place = _find_struck(rows, hazards, streams, places)
    if len(event) > most:
        raise _build_overflow(most, str(len(event)), (seed, first, replications))
    hours = _draw_lengths(rows, hazards, streams)
    return _sort_outages(rows, event, place, hours, streams, replications, first)


@dataclass(frozen=True)
class _EventRows:
    """One row an event: its replication, its stream, its begin in hours, its uniform numbers."""

    replication: NDArray[np.int64]
    stream: NDArray[np.int64]
    begin: NDArray[np.float64]
    draws: NDArray[np.float64]

    def where(self, kept: NDArray[np.bool_]) -> _EventRows:
        return _EventRows(self.replication[kept], self.stream[kept], self.begin[kept], self.draws[kept])


@dataclass(frozen=True)
class _Factors:
    """How much worse a replication may be: ``bins[hazard, bin]`` alike, ``key[hazard]`` uint64."""

    key: NDArray[np.uint64]
    bins: NDArray[np.float64]


@lru_cache(maxsize=8)
def _prepare_streams(hazards: tuple[Hazard, ...], places: Places) -> tuple[Streams, _Factors]:
    """Return the arrays that do not depend on the run, cached for its parts."""
    key = np.array([hash_key("outage", one.id) for one in hazards], dtype=np.uint64)
    bins = np.ones((len(hazards), MULTIPLIER_BINS))
    for row, one in zip(bins, hazards, strict=True):
        if one.cluster_cv > 0.0:
            row[:] = tabulate_multiplier(one.cluster_cv**-2)
    return build_streams(hazards, places), _Factors(key, bins)


def _draw_events(streams: Streams, factors: _Factors, hours: float, run: tuple[int, int, int], most: int) -> _EventRows:
    """Return the candidates of every stream, at the highest intensity that it ever has."""
    seed, first, replications = run
    expected = float(streams.per_hour.sum()) * hours * replications
    if expected > 2.0 * most:
        raise _build_overflow(most, f"about {expected:.3g}", run)
    room = min(int(1.5 * expected) + 1000, most)
    while True:
        rows = _EventRows(
            np.empty(room, dtype=np.int64), np.empty(room, dtype=np.int64), np.empty(room), np.empty((room, DRAWS))
        )
        found = events(
            np.uint64(seed), first, replications, hours, streams.key, streams.hazard,
            streams.per_hour, factors.key, factors.bins, rows.replication, rows.stream, rows.begin,
            rows.draws,
        )  # fmt: skip
        if found > most:
            raise _build_overflow(most, str(found), run)
        if found <= room:
            return rows.where(np.arange(room) < found)
        room = found


def _build_overflow(most: int, found: str, run: tuple[int, int, int]) -> OutagesOverflowError:
    _, first, replications = run
    return OutagesOverflowError(
        f"expected outages <= {most}, got {found} in replications {first} to"
        f" {first + replications - 1}; ask for fewer at a time, or give a higher most"
    )


def _list_months(start: date | None, days: int, run: tuple[int, int, int]) -> NDArray[np.int64]:
    """Return the month, 0 to 11, of each day: int64[replication, day], or of one row for all."""
    if start is not None:
        return np.array([[(start + timedelta(days=day)).month - 1 for day in range(days)]])
    seed, first, replications = run
    opening = np.empty((replications, 1), dtype=np.int64)
    draw_opening_days(np.uint64(seed), first, _CALENDAR, opening[:, 0])
    month_of = np.repeat(np.arange(12), DAYS_OF_MONTH)
    return np.asarray(month_of[(opening + np.arange(days)) % 365])


def _select_in_season(
    rows: _EventRows, hazards: Sequence[Hazard], streams: Streams, months: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Return which events fall into a month in which their hazard strikes."""
    strikes = np.ones((len(hazards), 12), dtype=np.bool_)
    for row, one in zip(strikes, hazards, strict=True):
        if one.months:
            row[:] = np.isin(np.arange(1, 13), one.months)
    replication = rows.replication if len(months) > 1 else 0
    month = months[replication, (rows.begin // 24.0).astype(np.int64)]
    return np.asarray(strikes[streams.hazard[rows.stream], month])


def _find_struck(
    rows: _EventRows, hazards: Sequence[Hazard], streams: Streams, places: Places
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return pairs of an event (its row) and a place that it takes, in this order."""
    known = [() if isinstance(one, Cell) else one for one in streams.struck]
    size = np.array([len(one) for one in known], dtype=np.int64)
    offset = np.concatenate([[0], np.cumsum(size)]).astype(np.int64)
    flat = np.array([place for one in known for place in one], dtype=np.int64)
    many = size[rows.stream]
    event = np.repeat(np.arange(len(many)), many)
    within = np.arange(len(event)) - np.repeat(np.cumsum(many) - many, many)
    pairs = [(event, flat[offset[rows.stream[event]] + within])]
    of_hazard = streams.hazard[rows.stream]
    for number, hazard in enumerate(hazards):
        if hazard.footprint == "city":
            pairs.append(_find_near(rows, np.flatnonzero(of_hazard == number), hazard, streams, places))
    event, place = (np.concatenate(side) for side in zip(*pairs, strict=True))
    order = np.lexsort((place, event))
    return event[order], place[order]


def _find_near(
    rows: _EventRows, chosen: NDArray[np.int64], hazard: Hazard, streams: Streams, places: Places
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return pairs of an event of ``chosen`` and a site within reach of its point.

    Events come at the rate of the worst country; a site heeds the share that its own country has.
    """
    box = np.array(
        [
            (one.sin_south, one.sin_north, one.west, one.east) if isinstance(one, Cell) else (0.0,) * 4
            for one in streams.struck
        ]
    ).reshape(-1, 4)[rows.stream[chosen]]
    draws = rows.draws[chosen]
    sine = box[:, 0] + draws[:, LATITUDE] * (box[:, 1] - box[:, 0])
    lon = box[:, 2] + draws[:, LONGITUDE] * (box[:, 3] - box[:, 2])
    far = measure_distances(np.degrees(np.arcsin(np.clip(sine, -1, 1))), np.degrees(lon), places.sites)
    share = np.array([hazard.rate(site.destination) for site in places.sites])
    heeds = draws[:, RATE, None] * hazard.highest_rate < share
    event, place = np.nonzero((far <= hazard.radius_km) & heeds)
    return chosen[event], place


def _draw_lengths(rows: _EventRows, hazards: Sequence[Hazard], streams: Streams) -> NDArray[np.float64]:
    """Return how long each event lasts, in hours."""
    hours = np.empty(len(rows.begin))
    of_hazard = streams.hazard[rows.stream]
    for number, hazard in enumerate(hazards):
        mine = of_hazard == number
        hours[mine] = hazard.duration.at(rows.draws[mine, DURATION])
    return hours


def _sort_outages(
    rows: _EventRows,
    event: NDArray[np.int64],
    place: NDArray[np.int64],
    hours: NDArray[np.float64],
    streams: Streams,
    replications: int,
    first: int,
) -> Outages:
    """Return the outages by replication and begin; those of one event stay together."""
    replication, begin = rows.replication[event], rows.begin[event]
    order = np.lexsort((begin, replication))
    event, begin = event[order], begin[order]
    many = np.bincount(replication, minlength=replications)
    return Outages(
        np.concatenate([[0], np.cumsum(many)]).astype(np.int64),
        begin,
        begin + hours[event],
        place[order].astype(np.int32),
        streams.hazard[rows.stream[event]],
        event,
        first,
    )
