"""The event loop of the queue simulator; all chance comes from :mod:`releve.demand.queue.draws`.

Events, the first of these at equal times: a caller dials again, or comes back (``later``); agents
come or go; a call ends; a call arrives. Callers hang up for good *lazily*: the time is known when
the wait begins, and the call is removed when it reaches the head of its line, or when the line is
counted.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from releve.demand.queue.agents import admit_call, apply_agent_step, end_call
from releve.demand.queue.draws import (
    EXPONENTIAL,
    GAP,
    PATIENCE,
    SERVICE,
    STEP_ORDER,
    fill_exponentials,
    fill_streams,
    time_number,
    uniform,
)
from releve.demand.queue.model import (
    AGAIN,
    BLOCK,
    CELL,
    CUT,
    EVENTS,
    FREE,
    FRESH,
    FULL,
    LATER,
    LATER_DRAWN,
    LEFT,
    NEED,
    NEXT,
    NOW_CELL,
    OFFERED,
    PATIENT,
    PROGRAMME,
    STAGE,
    TRACE_FULL,
    TRACED,
    USED,
    Buffers,
    CentreArrays,
    QueueCounts,
    ReplicationCounts,
)
from releve.demand.queue.waiting_lines import (
    allocate_slot,
    drop_first,
    move_down,
    move_up,
    remove_abandoned,
    schedule_redial,
)
from releve.kernels.arrays import Array
from releve.kernels.decorators import inlined_kernel, kernel, unsigned


@kernel
def run_replications(
    work: CentreArrays, room: Buffers, seed: Any, first: int, factor: Array, days: QueueCounts, spare: int
) -> int:
    """Simulate the replications ``first`` .. into ``days``; return 0, or what ran out.

    ``factor[replication, programme]`` multiplies the rates of a whole day. One event takes at most
    ``spare`` new places of any kind.
    """
    for r in range(days.end.size):
        _open_day(work, room, seed, first + r, factor[r])
        day = ReplicationCounts(days.counts[r], days.waits[r], days.busy[r], days.ghost[r], days.end[r : r + 1])
        failed = _replicate(work, room, factor[r], day, spare)
        if failed != 0:
            return failed
        days.events[r] = room.n[EVENTS]
    return 0


@kernel
def _replicate(w: CentreArrays, s: Buffers, factor: Array, d: ReplicationCounts, spare: int) -> int:
    steps, cells, coming = w.step_s.size, w.edges.size - 1, 0
    now, edge = w.edges[0], w.edges[1]
    while True:
        t_step = w.step_s[coming] if coming < steps else np.inf
        t_later, t_end, t_call = s.later_time[0], s.busy_time[0], s.turn_time[0]
        t = min(min(t_later, t_step), min(t_end, t_call))
        if t == np.inf:
            break
        now = t
        while now >= edge:
            s.n[NOW_CELL] += 1
            edge = w.edges[s.n[NOW_CELL] + 1] if s.n[NOW_CELL] < cells else np.inf
        s.n[EVENTS] += 1
        if t_later == now:
            _admit_returning_call(w, s, d, now)
        elif t_step == now:
            if coming == 0 or w.step_s[coming - 1] < now:
                _draw_order(w, s, coming, now)
            apply_agent_step(w, s, d, s.step_order[coming], now)
            coming += 1
        elif t_end == now:
            end_call(w, s, d, now)
        else:
            _admit_new_call(w, s, d, factor, now)
        if max(s.n[USED], s.n[LATER]) + spare > s.visit.size:
            return FULL
        if s.trace.shape[0] and s.n[TRACED] + 4 * spare > s.trace.shape[0]:
            return TRACE_FULL
    for p in range(w.keys.size):
        _abandon_next(w, s, d, p)
    d.end[0] = now
    return 0


@kernel
def _draw_order(w: CentreArrays, s: Buffers, first: int, now: float) -> None:
    """Draw the order of the steps of one instant, from step ``first`` on; those of one group keep
    theirs. At a common start of shifts it decides which group takes the calls that wait."""
    at = first
    while at < w.step_s.size and w.step_s[at] == now:
        rank = uniform(s.group_streams[w.step_group[at], STEP_ORDER], time_number(now), 0)
        i = at
        while i > first and s.step_rank[i - 1] > rank:
            s.step_rank[i], s.step_order[i] = s.step_rank[i - 1], s.step_order[i - 1]
            i -= 1
        s.step_rank[i], s.step_order[i] = rank, at
        at += 1


@kernel
def _open_day(w: CentreArrays, s: Buffers, seed: Any, replication: int, factor: Array) -> None:
    """Empty the room and find the first call of every programme."""
    s.n[:] = 0
    s.n[FREE] = -1
    s.visit[:] = 0
    s.busy_time[0] = s.later_time[0] = np.inf
    s.line_first[:] = -1
    s.present[:] = 0
    s.busy[:] = 0
    s.idle_n[:] = 0
    s.idle_at[:] = 0
    s.ghost_since[:] = w.edges[0]
    fill_streams(seed, replication, w.keys, s.streams)
    fill_streams(seed, replication, w.group_keys, s.group_streams)
    s.next_number[:] = -1
    s.next_cell[:] = 0
    for p in range(w.keys.size):
        t = _next_arrival(w, s, unsigned(p), factor[p], w.edges[0])
        move_up(s.turn_time, s.turn, s.turn, p, t, p, p)


@kernel
def _draw_ahead(w: CentreArrays, s: Buffers, p: int, number: int) -> None:
    """Draw what is exponential for the next calls of a programme, many at a time."""
    for decision in (GAP, SERVICE, PATIENCE):
        if decision == GAP or w.distribution[p, decision - SERVICE] == EXPONENTIAL:
            fill_exponentials(s.streams[p, decision], number, s.ahead[p, decision])
        else:
            s.ahead[p, decision] = LATER_DRAWN


@inlined_kernel
def _next_arrival(w: CentreArrays, s: Buffers, p: int, factor: float, now: float) -> float:
    """Return when the next call of a programme comes: one unit of expected calls, exponential,
    after the last. Infinite after the last interval."""
    number, cell, t = s.next_number[p] + 1, s.next_cell[p], now
    if number % BLOCK == 0:
        _draw_ahead(w, s, p, number)
    left = s.ahead[p, GAP, number % BLOCK]
    cells = w.edges.size - 1
    s.next_number[p] = number
    while cell < cells:
        rate, edge = w.rate[p, unsigned(cell)] * factor, w.edges[unsigned(cell + 1)]
        if left < (edge - t) * rate:
            t += left / rate
            break
        left -= (edge - t) * rate
        t = edge
        cell += 1
    s.next_cell[p] = cell
    return float(t) if cell < cells else np.inf


@inlined_kernel
def _admit_new_call(w: CentreArrays, s: Buffers, d: ReplicationCounts, factor: Array, now: float) -> None:
    """The next new call arrives; its programme waits for the one after."""
    p = unsigned(s.turn[0])
    number, cell = s.next_number[p], unsigned(s.next_cell[p])
    at = number % BLOCK
    need, patient = s.ahead[p, SERVICE, at], s.ahead[p, PATIENCE, at]
    t = _next_arrival(w, s, p, factor[p], now)
    move_down(s.turn_time, s.turn, s.turn, w.keys.size, 0, t, p, p)
    d.counts[cell, p, OFFERED] += 1
    slot = allocate_slot(s, p, p, number, 0, cell)
    s.clock[slot, NEED], s.clock[slot, PATIENT] = need, patient
    admit_call(w, s, d, slot, now)


@kernel
def _admit_returning_call(w: CentreArrays, s: Buffers, d: ReplicationCounts, now: float) -> None:
    """A caller who hung up comes back, or one who will hangs up now."""
    slot, visit = unsigned(s.later_slot[0]), s.later_visit[0]
    drop_first(s.later_time, s.later_slot, s.later_visit, s.n[LATER])
    s.n[LATER] -= 1
    if visit < 0:
        p, cell = s.slot[slot, PROGRAMME], s.n[NOW_CELL]
        s.slot[slot, CELL] = cell
        d.counts[cell, p, OFFERED] += 1
        d.counts[cell, p, AGAIN] += 1
        admit_call(w, s, d, slot, now)
    elif visit == s.visit[slot]:
        schedule_redial(w, s, slot, now, True)


@kernel
def _abandon_next(w: CentreArrays, s: Buffers, d: ReplicationCounts, p: int) -> None:
    """Empty a line that no agent will answer any more."""
    while s.line_first[p] >= 0:
        remove_abandoned(w, s, d, unsigned(p), np.nextafter(np.inf, 0.0))
        slot = s.line_first[p]
        if slot >= 0:
            lost = LEFT if s.slot[slot, STAGE] == FRESH else CUT
            d.counts[s.slot[slot, CELL], p, lost] += 1
            s.line_first[p] = s.slot[slot, NEXT]
