"""What the kernel reads and writes: tuples of arrays, and the names of their columns."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from releve.demand.queue.draws import DECISIONS

__all__ = [
    "COUNTS",
    "TRACES",
    "Buffers",
    "CentreArrays",
    "QueueCounts",
    "ReplicationCounts",
    "allocate_buffers",
    "allocate_counts",
]

Array = NDArray[Any]

COUNTS = (
    "offered",
    "answered",
    "within",
    "abandoned",
    "abandoned_within",
    "blocked",
    "left",
    "again",
    "transferred",
    "moved",
    "cut",
)
"""The columns of ``Days.counts``, in the order of the numbers below."""
OFFERED, ANSWERED, WITHIN, ABANDONED, SHORT, BLOCKED, LEFT, AGAIN, TRANSFERRED, MOVED, CUT = range(
    11
)

PROGRAMME, GROUP, NUMBER, LEG, ORIGIN, CELL, NEXT, STAGE = range(8)
"""Columns of ``Room.slot``: a call in the centre, or about to come back."""
SINCE, UNTIL, NEED, PATIENT = range(4)
"""Columns of ``Room.clock``: since when it waits or is served; until when it waits; the units of
service and of patience drawn ahead for it, or ``LATER_DRAWN``."""
LATER_DRAWN = -1.0
BLOCK = 64
"""Numbers drawn ahead for a programme at a time."""
FRESH, ANSWERED_BEFORE = range(2)
"""Stages of a call: not yet answered; answered, then interrupted."""

BUSY, LATER, FREE, USED, WAITING, NOW_CELL, TRACED, EVENTS = range(8)
"""Columns of ``Room.n``: sizes of the two heaps, first free slot, slots ever used, calls in line
(those who have hung up but are not yet struck off included), interval, traces, events."""

TRACES = ("offered", "answered", "waits", "ended", "hung_up", "blocked", "cut", "moved")
"""What a row of ``Room.trace`` tells: time, what, programme, group or -1, number of the call."""
T_OFFERED, T_ANSWERED, T_WAITS, T_ENDED, T_HUNG_UP, T_BLOCKED, T_CUT, T_MOVED = range(8)

FULL, TRACE_FULL = 1, 2
"""What the kernel returns when room runs out; 0 is all well."""

FINISHED, MOVED_ON, CUT_OFF = range(3)
"""What becomes of calls whose agent leaves."""


class CentreArrays(NamedTuple):
    """A centre as the kernel reads it; programmes and groups in the order of their keys.

    ``rate[programme, interval]`` calls per second at busyness 1; means in seconds.
    ``distribution`` and ``shape`` ``[programme, 2]`` of service and patience, ``first`` where a
    sample begins.
    ``groups[groups_at[p]:groups_at[p + 1]]`` the groups that may answer p, the preferred first,
    with their rank and from how many waiting on they do; ``serves`` likewise what a group answers.
    ``overflow[p]`` 1 if some group answers p only from more than one waiting on. Steps change a
    group's agents.
    """

    edges: Array
    rate: Array
    aht: Array
    patience: Array
    threshold: Array
    distribution: Array
    shape: Array
    first: Array
    samples: Array
    keys: Array
    group_keys: Array
    places: Array
    redial: Array
    redial_delay: Array
    transfer: Array
    transfers: Array
    groups_at: Array
    groups: Array
    groups_rank: Array
    groups_least: Array
    serves_at: Array
    serves: Array
    serves_rank: Array
    serves_least: Array
    overflow: Array
    step_s: Array
    step_group: Array
    step_agents: Array
    step_mode: Array


class Buffers(NamedTuple):
    """Where one replication lives; see the column names above.

    ``idle[group]`` is a ring of times, ``idle_at`` its first, ``idle_n`` its length; ``tie[group]``
    beside it ranks those of one instant, lowest first, or is ``LATER_DRAWN``. ``step_order`` are
    the steps in the order of this replication, ``step_rank`` what they were ranked by.
    ``ahead[programme, decision, number % BLOCK]`` are units of gap, service and patience.
    """

    n: Array
    slot: Array
    clock: Array
    visit: Array
    busy_time: Array
    busy_slot: Array
    later_time: Array
    later_slot: Array
    later_visit: Array
    line_first: Array
    line_last: Array
    next_s: Array
    next_number: Array
    next_cell: Array
    turn_time: Array
    turn: Array
    present: Array
    busy: Array
    idle: Array
    tie: Array
    idle_at: Array
    idle_n: Array
    ghost_since: Array
    streams: Array
    group_streams: Array
    step_order: Array
    step_rank: Array
    ahead: Array
    trace: Array


class QueueCounts(NamedTuple):
    """What is counted, by replication: ``counts[r, interval, programme, column]`` int32;
    ``waits[r, interval, programme, 2]`` seconds of the answered and of the others;
    ``busy[r, interval + 1, group]`` agent seconds on calls, ``ghost`` those of agents who stayed to
    finish; the last row is after the last interval. ``end[r]`` when the last call ended."""

    counts: Array
    waits: Array
    busy: Array
    ghost: Array
    end: Array
    events: Array


class ReplicationCounts(NamedTuple):
    """One replication's rows of :class:`Days`."""

    counts: Array
    waits: Array
    busy: Array
    ghost: Array
    end: Array


def allocate_buffers(work: CentreArrays, calls: int, agents: int, traces: int) -> Buffers:
    """Return room for ``calls`` in the centre at once and ``agents`` in a group."""
    programmes, groups = work.keys.size, work.serves_at.size - 1
    ints, floats = np.int64, np.float64
    return Buffers(
        n=np.zeros(8, ints),
        slot=np.zeros((calls, 8), ints),
        clock=np.zeros((calls, 4), floats),
        visit=np.zeros(calls, ints),
        busy_time=np.zeros(calls, floats),
        busy_slot=np.zeros(calls, ints),
        later_time=np.zeros(calls, floats),
        later_slot=np.zeros(calls, ints),
        later_visit=np.zeros(calls, ints),
        line_first=np.zeros(programmes, ints),
        line_last=np.zeros(programmes, ints),
        next_s=np.zeros(programmes, floats),
        next_number=np.zeros(programmes, ints),
        next_cell=np.zeros(programmes, ints),
        turn_time=np.full(max(programmes, 1), np.inf),
        turn=np.zeros(max(programmes, 1), ints),
        present=np.zeros(groups, ints),
        busy=np.zeros(groups, ints),
        idle=np.zeros((groups, agents + 1), floats),
        tie=np.zeros((groups, agents + 1), floats),
        idle_at=np.zeros(groups, ints),
        idle_n=np.zeros(groups, ints),
        ghost_since=np.zeros(groups, floats),
        streams=np.zeros((programmes, DECISIONS), np.uint64),
        group_streams=np.zeros((groups, DECISIONS), np.uint64),
        step_order=np.zeros(work.step_s.size, ints),
        step_rank=np.zeros(work.step_s.size, floats),
        ahead=np.zeros((programmes, 3, BLOCK), floats),
        trace=np.zeros((traces, 5), floats),
    )


def allocate_counts(work: CentreArrays, replications: int) -> QueueCounts:
    """Return zeroed counters for so many replications."""
    programmes, groups, cells = work.keys.size, work.serves_at.size - 1, work.edges.size - 1
    return QueueCounts(
        counts=np.zeros((replications, cells, programmes, len(COUNTS)), np.int32),
        waits=np.zeros((replications, cells, programmes, 2)),
        busy=np.zeros((replications, cells + 1, groups)),
        ghost=np.zeros((replications, cells + 1, groups)),
        end=np.zeros(replications),
        events=np.zeros(replications, np.int64),
    )
