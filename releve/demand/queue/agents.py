"""What agents do: answer, end, come, go; and the seconds it takes them."""

from __future__ import annotations

import numpy as np

from releve.demand.queue.draws import SERVICE, TRANSFER, uniform
from releve.demand.queue.model import (
    ANSWERED,
    ANSWERED_BEFORE,
    BLOCKED,
    BUSY,
    CELL,
    CUT,
    CUT_OFF,
    FINISHED,
    FRESH,
    GROUP,
    LATER_DRAWN,
    LEG,
    MOVED,
    NEED,
    NOW_CELL,
    NUMBER,
    OFFERED,
    ORIGIN,
    PATIENT,
    PROGRAMME,
    SINCE,
    STAGE,
    T_ANSWERED,
    T_BLOCKED,
    T_CUT,
    T_ENDED,
    T_MOVED,
    T_OFFERED,
    TRANSFERRED,
    WITHIN,
    Buffers,
    CentreArrays,
    ReplicationCounts,
)
from releve.demand.queue.waiting_lines import (
    count_waiting,
    draw_duration,
    drop_first,
    find_idle_group,
    find_overflow_group,
    free_slot,
    join_line,
    leave_line,
    move_down,
    move_up,
    occupy_agent,
    record_trace,
    release_agent,
    remove,
    schedule_redial,
    take_next_call,
)
from releve.kernels.arrays import Array
from releve.kernels.decorators import inlined_kernel, kernel, unsigned


@inlined_kernel
def admit_call(w: CentreArrays, s: Buffers, d: ReplicationCounts, slot: int, now: float) -> None:
    """A call reaches the centre: it is answered, waits, or is blocked."""
    p = unsigned(s.slot[slot, PROGRAMME])
    if s.trace.shape[0]:
        record_trace(s, now, T_OFFERED, slot, -1)
    g = find_idle_group(w, s, p)
    if g >= 0:
        occupy_agent(s, unsigned(g))
        s.clock[slot, SINCE] = now
        _start_call(w, s, d, slot, unsigned(g), now)
    elif w.places[p] >= 0 and count_waiting(w, s, d, p, now) >= w.places[p]:
        _block(w, s, d, slot, now)
    else:
        join_line(w, s, slot, now)
        if w.overflow[p]:
            _overflow(w, s, d, p, now)


@kernel
def _overflow(w: CentreArrays, s: Buffers, d: ReplicationCounts, p: int, now: float) -> None:
    """Let the first of a line that has grown be answered by a group that answers long lines."""
    g = find_overflow_group(w, s, p, count_waiting(w, s, d, p, now))
    if g >= 0:
        slot = unsigned(s.line_first[p])
        leave_line(s, slot)
        occupy_agent(s, unsigned(g))
        _start_call(w, s, d, slot, unsigned(g), now)


@inlined_kernel
def _start_call(w: CentreArrays, s: Buffers, d: ReplicationCounts, slot: int, g: int, now: float) -> None:
    """Let a free agent answer a call that waits since its ``SINCE``."""
    size = s.n[BUSY]
    end = _answer(w, s, d, slot, g, now)
    move_up(s.busy_time, s.busy_slot, s.busy_slot, size, end, slot, slot)
    s.n[BUSY] = size + 1
    s.busy[g] += 1


@inlined_kernel
def _answer(w: CentreArrays, s: Buffers, d: ReplicationCounts, slot: int, g: int, now: float) -> float:
    """Count the answer; return when the call will end."""
    p, cell = unsigned(s.slot[slot, PROGRAMME]), unsigned(s.slot[slot, CELL])
    if s.slot[slot, STAGE] == FRESH:
        waited = now - s.clock[slot, SINCE]
        d.counts[cell, p, ANSWERED] += 1
        d.waits[cell, p, 0] += waited
        if waited <= w.threshold[p]:
            d.counts[cell, p, WITHIN] += 1
    s.slot[slot, GROUP] = g
    s.visit[slot] += 1
    s.clock[slot, SINCE] = now
    if s.trace.shape[0]:
        record_trace(s, now, T_ANSWERED, slot, g)
    return float(now + w.aht[p, cell] * draw_duration(w, s, slot, 0, SERVICE))


@kernel
def _block(w: CentreArrays, s: Buffers, d: ReplicationCounts, slot: int, now: float) -> None:
    p, cell = unsigned(s.slot[slot, PROGRAMME]), unsigned(s.slot[slot, CELL])
    d.counts[cell, p, BLOCKED if s.slot[slot, STAGE] == FRESH else CUT] += 1
    if s.trace.shape[0]:
        record_trace(s, now, T_BLOCKED, slot, -1)
    schedule_redial(w, s, slot, now, False)
    free_slot(s, slot)


@inlined_kernel
def end_call(w: CentreArrays, s: Buffers, d: ReplicationCounts, now: float) -> None:
    """The next call ends: its agent answers another, is free, or leaves; the caller may be passed
    on to another programme."""
    slot, size = unsigned(s.busy_slot[0]), s.n[BUSY]
    g, p = unsigned(s.slot[slot, GROUP]), unsigned(s.slot[slot, PROGRAMME])
    _add_busy_seconds(w, s, d.busy, g, s.clock[slot, SINCE], now, 1)
    if s.trace.shape[0]:
        record_trace(s, now, T_ENDED, slot, g)
    following = -1
    if s.busy[g] > s.present[g]:
        _count_ghosts(w, s, d, g, now)
    else:
        following = take_next_call(w, s, d, g, now)
    if following >= 0:
        end = _answer(w, s, d, unsigned(following), g, now)
        move_down(s.busy_time, s.busy_slot, s.busy_slot, size, 0, end, following, following)
    else:
        drop_first(s.busy_time, s.busy_slot, s.busy_slot, size)
        s.n[BUSY] = size - 1
        if s.busy[g] <= s.present[g]:
            release_agent(s, g, now)
        s.busy[g] -= 1
    if w.transfers[p] and _pass_on(w, s, d, slot, p):
        _arrive_again(w, s, d, slot, now)
    else:
        free_slot(s, slot)


@kernel
def _pass_on(w: CentreArrays, s: Buffers, d: ReplicationCounts, slot: int, p: int) -> bool:
    """Decide where a call that ends is passed on; relabel it and return True, or False."""
    stream = s.streams[s.slot[slot, ORIGIN], TRANSFER]
    u = uniform(stream, s.slot[slot, NUMBER], s.slot[slot, LEG])
    for to in range(w.transfer.shape[1]):
        u -= w.transfer[p, to]
        if u < 0.0:
            cell = min(s.n[NOW_CELL], w.edges.size - 2)
            s.slot[slot, PROGRAMME], s.slot[slot, CELL] = to, cell
            s.slot[slot, LEG] += 1
            s.clock[slot, NEED] = s.clock[slot, PATIENT] = LATER_DRAWN
            s.slot[slot, STAGE] = FRESH
            d.counts[cell, to, OFFERED] += 1
            d.counts[cell, to, TRANSFERRED] += 1
            return True
    return False


@kernel
def _arrive_again(w: CentreArrays, s: Buffers, d: ReplicationCounts, slot: int, now: float) -> None:
    admit_call(w, s, d, slot, now)


@inlined_kernel
def _add_busy_seconds(w: CentreArrays, s: Buffers, seconds: Array, g: int, start: float, now: float, n: int) -> None:
    """Add ``n`` times the seconds from ``start`` to ``now`` to the intervals they fall in."""
    cell = s.n[NOW_CELL]
    while cell > 0 and start < w.edges[cell]:
        seconds[cell, g] += n * (now - w.edges[cell])
        now = w.edges[cell]
        cell -= 1
    seconds[unsigned(cell), g] += n * (now - start)


@kernel
def _count_ghosts(w: CentreArrays, s: Buffers, d: ReplicationCounts, g: int, now: float) -> None:
    """Count the seconds of agents who stay to finish a call, before their number changes."""
    ghosts = s.busy[g] - s.present[g]
    if ghosts > 0:
        _add_busy_seconds(w, s, d.ghost, g, s.ghost_since[g], now, ghosts)
    s.ghost_since[g] = now


@kernel
def apply_agent_step(w: CentreArrays, s: Buffers, d: ReplicationCounts, k: int, now: float) -> None:
    """A group gets another number of agents. Who stayed to finish stays on when it grows; when it
    shrinks the free go first, the longest free before the others."""
    g, agents = unsigned(w.step_group[k]), w.step_agents[k]
    _count_ghosts(w, s, d, g, now)
    before = max(s.present[g], s.busy[g])
    s.present[g] = agents
    for _ in range(agents - before):
        slot = take_next_call(w, s, d, g, now)
        if slot >= 0:
            _start_call(w, s, d, unsigned(slot), g, now)
        else:
            release_agent(s, g, now)
    while s.idle_n[g] > 0 and s.idle_n[g] + s.busy[g] > agents:
        occupy_agent(s, g)
    if w.step_mode[k] != FINISHED:
        for _ in range(s.busy[g] - agents):
            _interrupt(w, s, d, g, w.step_mode[k], now)


@kernel
def _interrupt(w: CentreArrays, s: Buffers, d: ReplicationCounts, g: int, mode: int, now: float) -> None:
    """End the call of the group that began last: cut it, or let it wait for another agent."""
    at, since = -1, -np.inf
    for i in range(s.n[BUSY]):
        slot = s.busy_slot[i]
        if s.slot[slot, GROUP] == g and s.clock[slot, SINCE] > since:
            at, since = i, s.clock[slot, SINCE]
    slot = unsigned(s.busy_slot[at])
    p, cell = unsigned(s.slot[slot, PROGRAMME]), unsigned(s.slot[slot, CELL])
    _add_busy_seconds(w, s, d.busy, g, since, now, 1)
    remove(s.busy_time, s.busy_slot, s.busy_slot, s.n[BUSY], at)
    s.n[BUSY] -= 1
    s.busy[g] -= 1
    if mode == CUT_OFF:
        d.counts[cell, p, CUT] += 1
        if s.trace.shape[0]:
            record_trace(s, now, T_CUT, slot, g)
        schedule_redial(w, s, slot, now, False)
        free_slot(s, slot)
    else:
        d.counts[cell, p, MOVED] += 1
        if s.trace.shape[0]:
            record_trace(s, now, T_MOVED, slot, g)
        s.slot[slot, STAGE] = ANSWERED_BEFORE
        _arrive_again(w, s, d, slot, now)
