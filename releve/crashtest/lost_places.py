"""The places lost in each half hour by closures and outages, as states of days.

A *segment* is a run of half hours of a day in one state: the places lost, and those of them whose
loss is answered. A new loss is answered ``reaction`` half hours after the first agent is due at
the place, ``several`` when more than one place with people is lost then; one that lasts from the
day before is answered already. A half hour counts as lost when its middle is.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from releve.crashtest.errors import RoomError
from releve.crashtest.outbreak.rng import mix
from releve.crashtest.settings import INTERVALS
from releve.kernels.decorators import inlined_kernel, kernel

__all__ = [
    "CLOSURE",
    "FIRST_HAZARD",
    "ILLNESS",
    "Losses",
    "OutageArrays",
    "PlaceArrays",
    "find_losses",
]

Array = NDArray[Any]

ILLNESS, CLOSURE, FIRST_HAZARD = 0, 1, 2
"""Causes by number: agents away, sites closed by the rule, then the hazards in their order."""


class OutageArrays(NamedTuple):
    """Outages by replication, ``pointer[r]`` up to ``pointer[r + 1]``: ``begin`` and ``end`` hours
    since the start of day 0, ``place`` and ``hazard`` by number."""

    pointer: Array
    begin: Array
    end: Array
    place: Array
    hazard: Array


class PlaceArrays(NamedTuple):
    """``calendar[day]`` the planned day or -1; ``first_busy[d, m]``, ``at_place[d, m, t]``;
    ``used[d, m]``: whether the plan or a relief can place agents there (else its loss changes
    nothing); ``key[m]``; the half hours until an answer."""

    calendar: Array
    first_busy: Array
    at_place: Array
    used: Array
    key: Array
    reaction: int
    several: int


class LossBuffers(NamedTuple):
    """``cause[day, m, t]`` or -1; ``touched[day, i]`` places lost on a day, ``touches[day]``;
    ``lost[m, t]`` when each is answered."""

    cause: Array
    touched: Array
    touches: Array
    answered: Array


class Losses(NamedTuple):
    """Segments of replication r and day d: ``pointer[r x days + d]`` up to the next.

    ``begin``, ``end`` half hours; ``key`` of the state; its places ``place_pointer[segment]`` up to
    the next: ``place``, ``answered``. ``taken[r, d, cause]`` effective agent-half hours that a
    cause took from the base plan; ``lost[r, place, cause]`` half hours a place was lost;
    ``closures[r, site]`` orders of the rule. Room: ``n`` segments and places used.
    """

    pointer: Array
    begin: Array
    end: Array
    key: Array
    place_pointer: Array
    place: Array
    answered: Array
    taken: Array
    lost: Array
    closures: Array
    n: Array


def find_losses(where: PlaceArrays, closed: Array, events: OutageArrays, causes: int) -> Losses:
    """Return the states of every replication: ``closed[r, day, site]`` by the outbreak."""
    replications, days, _ = closed.shape
    places = len(where.key)
    scratch = LossBuffers(
        np.full((days, places, INTERVALS), -1, dtype=np.int16),
        np.zeros((days, places), dtype=np.int32),
        np.zeros(days, dtype=np.int32),
        np.zeros((places, INTERVALS), dtype=np.bool_),
    )
    segments, entries = 4096, 8192
    while True:
        found = _allocate_losses(replications, days, places, causes, segments, entries)
        if _fill_losses(where, closed, events, scratch, found):
            return found
        if segments > 1 << 28:
            raise RoomError("expected segments of a run <= 2**28: run fewer quarters at a time")
        segments, entries = 4 * segments, 4 * entries
        scratch.cause.fill(-1)
        scratch.touches.fill(0)


def _allocate_losses(
    replications: int, days: int, places: int, causes: int, segments: int, entries: int
) -> Losses:
    return Losses(
        pointer=np.zeros(replications * days + 1, dtype=np.int64),
        begin=np.zeros(segments, dtype=np.int16),
        end=np.zeros(segments, dtype=np.int16),
        key=np.zeros(segments, dtype=np.uint64),
        place_pointer=np.zeros(segments + 1, dtype=np.int64),
        place=np.zeros(entries, dtype=np.int32),
        answered=np.zeros(entries, dtype=np.bool_),
        taken=np.zeros((replications, days, causes)),
        lost=np.zeros((replications, places, causes), dtype=np.int32),
        closures=np.zeros((replications, max(1, places)), dtype=np.int32),
        n=np.zeros(2, dtype=np.int64),
    )


@kernel
def _fill_losses(
    where: PlaceArrays, closed: Array, events: OutageArrays, x: LossBuffers, out: Losses
) -> bool:
    """Fill the losses; False when they need more room."""
    for r in range(closed.shape[0]):
        _mark_lost(closed, events, x, out, r)
        for day in range(closed.shape[1]):
            done = _write_day(where, x, out, r, day)
            out.pointer[r * closed.shape[1] + day + 1] = out.n[0]
            if not done:
                return False
        for day in range(closed.shape[1]):
            for i in range(x.touches[day]):
                x.cause[day, x.touched[day, i], :] = -1
            x.touches[day] = 0
    return True


@inlined_kernel
def _mark_half_hour_lost(x: LossBuffers, day: int, m: int, t: int, cause: int) -> bool:
    """Mark a half hour of a place lost; return whether it was not yet. The first cause counts."""
    if x.cause[day, m, t] >= 0:
        return False
    known = False
    for i in range(x.touches[day]):
        known = known or x.touched[day, i] == m
    if not known:
        x.touched[day, x.touches[day]] = m
        x.touches[day] += 1
    x.cause[day, m, t] = cause
    return True


@kernel
def _mark_lost(closed: Array, events: OutageArrays, x: LossBuffers, out: Losses, r: int) -> None:
    """Mark what is lost in a replication: closures first, then outages in their order."""
    days = closed.shape[1]
    for day in range(days):
        for m in range(closed.shape[2]):
            if closed[r, day, m]:
                for t in range(INTERVALS):
                    if _mark_half_hour_lost(x, day, m, t, CLOSURE):
                        out.lost[r, m, CLOSURE] += 1
                if day == 0 or not closed[r, day - 1, m]:
                    out.closures[r, m] += 1
    for e in range(events.pointer[r], events.pointer[r + 1]):
        begin = max(0, int(np.ceil(2.0 * events.begin[e] - 0.5)))
        end = min(days * INTERVALS, int(np.ceil(2.0 * events.end[e] - 0.5)))
        cause = FIRST_HAZARD + events.hazard[e]
        for i in range(begin, end):
            if _mark_half_hour_lost(x, i // INTERVALS, events.place[e], i % INTERVALS, cause):
                out.lost[r, events.place[e], cause] += 1


@kernel
def _write_day(where: PlaceArrays, x: LossBuffers, out: Losses, r: int, day: int) -> bool:
    """Write the segments of a day; False when there is no room."""
    d = where.calendar[day]
    if d < 0 or x.touches[day] == 0:
        return True
    for i in range(x.touches[day]):
        m = x.touched[day, i]
        _mark_answered(where, x, d, day, m)
        for t in range(INTERVALS):
            if x.cause[day, m, t] >= 0:
                out.taken[r, day, x.cause[day, m, t]] += where.at_place[d, m, t]
    last = np.uint64(0)
    for t in range(INTERVALS):
        key = _hash_state(where, x, d, day, t)
        if key != np.uint64(0) and key == last:
            out.end[out.n[0] - 1] = t + 1
        elif key != np.uint64(0) and not _write_segment(where, x, out, d, day, t, key):
            return False
        last = key
    return True


@kernel
def _mark_answered(where: PlaceArrays, x: LossBuffers, d: int, day: int, m: int) -> None:
    """Say in which half hours the loss of a place is answered."""
    ready = -1
    for t in range(INTERVALS):
        if x.cause[day, m, t] < 0:
            x.answered[m, t] = False
            continue
        begins = t == 0 or x.cause[day, m, t - 1] < 0
        lasting = t == 0 and day > 0 and x.cause[day - 1, m, INTERVALS - 1] >= 0
        if lasting:
            ready = 0
        elif begins:
            lost = 0
            for i in range(x.touches[day]):
                other = x.touched[day, i]
                lost += x.cause[day, other, t] >= 0 and where.first_busy[d, other] < INTERVALS
            wait = where.several if lost > 1 else where.reaction
            ready = max(t, where.first_busy[d, m]) + wait
        x.answered[m, t] = t >= ready


@kernel
def _hash_state(where: PlaceArrays, x: LossBuffers, d: int, day: int, t: int) -> Any:
    """Return the key of the state of a half hour; 0 = nothing is lost."""
    lost, answered, some = np.uint64(0), np.uint64(0), False
    for i in range(x.touches[day]):
        m = x.touched[day, i]
        if x.cause[day, m, t] >= 0 and where.used[d, m]:
            some = True
            lost ^= where.key[m]
            if x.answered[m, t]:
                answered ^= mix(where.key[m])
    if not some:
        return np.uint64(0)
    return mix(mix(lost + np.uint64(d) + np.uint64(1)) ^ answered) | np.uint64(1)


@kernel
def _write_segment(
    where: PlaceArrays, x: LossBuffers, out: Losses, d: int, day: int, t: int, key: Any
) -> bool:
    s, e = out.n[0], out.n[1]
    if s == len(out.begin) or e + x.touches[day] > len(out.place):
        return False
    out.begin[s], out.end[s], out.key[s] = t, t + 1, key
    out.place_pointer[s] = e
    for i in range(x.touches[day]):
        m = x.touched[day, i]
        if x.cause[day, m, t] >= 0 and where.used[d, m]:
            out.place[e], out.answered[e] = m, x.answered[m, t]
            e += 1
    out.place_pointer[s + 1] = e
    out.n[0], out.n[1] = s + 1, e
    return True
