"""Calls in line and free agents: the queues of the centre.

Heaps of (time, load, mark), earliest first, four children a node, in three arrays and a size.
``time[0]`` is infinite while a heap is empty. A heap that needs no mark passes its load twice.
"""

from __future__ import annotations

import numpy as np

from releve.demand.queue.draws import PATIENCE, REDIAL, REDIAL_DELAY, TIE, time_number, uniform, unit_value
from releve.demand.queue.model import (
    ABANDONED,
    CELL,
    CUT,
    FREE,
    FRESH,
    LATER,
    LATER_DRAWN,
    LEG,
    NEED,
    NEXT,
    NUMBER,
    ORIGIN,
    PATIENT,
    PROGRAMME,
    SHORT,
    SINCE,
    STAGE,
    T_HUNG_UP,
    T_WAITS,
    TRACED,
    UNTIL,
    USED,
    WAITING,
    Buffers,
    CentreArrays,
    ReplicationCounts,
)
from releve.kernels.arrays import Array
from releve.kernels.decorators import inlined_kernel, kernel, unsigned

ZERO, ONE, TWO, THREE, FOUR = (unsigned(k) for k in range(5))


@inlined_kernel
def move_up(time: Array, load: Array, mark: Array, size: int, t: float, what: int, how: int) -> None:
    """Add (``t``, ``what``, ``how``) to a heap of ``size``."""
    _rise(time, load, mark, size, t, what, how)


@inlined_kernel
def _rise(time: Array, load: Array, mark: Array, i: int, t: float, what: int, how: int) -> None:
    at = unsigned(i)
    while at > ZERO:
        above = (at - ONE) >> TWO
        if time[above] <= t:
            break
        time[at], mark[at], load[at] = time[above], mark[above], load[above]
        at = above
    time[at], mark[at], load[at] = t, how, what


@inlined_kernel
def move_down(time: Array, load: Array, mark: Array, size: int, i: int, t: float, what: int, how: int) -> None:
    """Put (``t``, ``what``, ``how``) at ``i`` or below, in a heap of ``size``."""
    n, at = unsigned(size), unsigned(i)
    while True:
        child = FOUR * at + ONE
        if child + THREE < n:  # two games and a final, without a branch
            second, third, fourth = child + ONE, child + TWO, child + THREE
            a, b, c, d = time[child], time[second], time[third], time[fourth]
            left, right = second if b < a else child, fourth if d < c else third
            low, high = min(a, b), min(c, d)
            best, least = right if high < low else left, min(low, high)
        elif child < n:
            best, least = child, time[child]
            other = child + ONE
            while other < n:
                if time[other] < least:
                    best, least = other, time[other]
                other += ONE
        else:
            break
        if least >= t:
            break
        time[at], mark[at], load[at] = least, mark[best], load[best]
        at = best
    time[at], mark[at], load[at] = t, how, what


@inlined_kernel
def drop_first(time: Array, load: Array, mark: Array, size: int) -> None:
    """Take the first out of a heap of ``size``; one fewer is left."""
    last = size - 1
    if last == 0:
        time[0] = np.inf
    else:
        move_down(time, load, mark, last, 0, time[last], load[last], mark[last])


@inlined_kernel
def remove(time: Array, load: Array, mark: Array, size: int, i: int) -> None:
    """Take entry ``i`` out of a heap of ``size``."""
    last = size - 1
    if i == last:
        time[i] = np.inf
        return
    t, what, how = time[last], load[last], mark[last]
    if i > 0 and time[(i - 1) >> 2] > t:
        _rise(time, load, mark, i, t, what, how)
    else:
        move_down(time, load, mark, last, i, t, what, how)


@inlined_kernel
def allocate_slot(s: Buffers, programme: int, origin: int, number: int, leg: int, cell: int) -> int:
    """Return a slot that holds a call not yet answered."""
    free = s.n[FREE]
    slot = unsigned(free if free >= 0 else s.n[USED])
    if free >= 0:
        s.n[FREE] = s.slot[slot, NEXT]
    else:
        s.n[USED] += 1
    s.slot[slot, PROGRAMME] = programme
    s.slot[slot, NUMBER] = number
    s.slot[slot, LEG] = leg
    s.slot[slot, ORIGIN] = origin
    s.slot[slot, CELL] = cell
    s.slot[slot, STAGE] = FRESH
    s.clock[slot, NEED] = s.clock[slot, PATIENT] = LATER_DRAWN
    return slot


@inlined_kernel
def free_slot(s: Buffers, slot: int) -> None:
    """Free a slot; events that refer to it find that its visit is over."""
    s.slot[slot, NEXT] = s.n[FREE]
    s.n[FREE] = slot
    s.visit[slot] += 1


@inlined_kernel
def draw_duration(w: CentreArrays, s: Buffers, slot: int, which: int, decision: int) -> float:
    """Return the service time (``which`` 0) or the patience (1) of a call, in units of its mean."""
    ahead = s.clock[slot, NEED + which]
    if ahead != LATER_DRAWN:
        return float(ahead)
    p = unsigned(s.slot[slot, PROGRAMME])
    return unit_value(
        w.distribution[p, which],
        w.shape[p, which],
        w.samples,
        w.first[p, which],
        s.streams[unsigned(s.slot[slot, ORIGIN]), decision],
        s.slot[slot, NUMBER],
        s.slot[slot, LEG],
    )


@kernel
def record_trace(s: Buffers, now: float, what: int, slot: int, group: int) -> None:
    """Write a row of the trace."""
    row = s.n[TRACED]
    s.n[TRACED] = row + 1
    s.trace[row, 0] = now
    s.trace[row, 1] = what
    s.trace[row, 2] = s.slot[slot, PROGRAMME]
    s.trace[row, 3] = group
    s.trace[row, 4] = s.slot[slot, NUMBER]


@inlined_kernel
def find_idle_group(w: CentreArrays, s: Buffers, p: int) -> int:
    """Return the group that answers a call of ``p`` now: of the best rank with a free agent, the
    one whose agent has been free longest, drawn among equals; -1 when all are busy."""
    found, since, rank = -1, np.inf, np.inf
    for k in range(w.groups_at[p], w.groups_at[p + 1]):
        if w.groups_rank[k] > rank:
            break
        g = unsigned(w.groups[k])
        if s.idle_n[g] > 0 and w.groups_least[k] <= 1:
            free_since = s.idle[g, unsigned(s.idle_at[g])]
            if free_since < since or (free_since == since and _tie(s, g) < _tie(s, unsigned(found))):
                found, since, rank = w.groups[k], free_since, w.groups_rank[k]
    return found


@kernel
def find_overflow_group(w: CentreArrays, s: Buffers, p: int, waiting: int) -> int:
    """Return the group with a free agent that answers ``p`` when so many wait, chosen as
    :func:`idle_group` does; -1 when there is none."""
    found, since, rank = -1, np.inf, np.inf
    for k in range(w.groups_at[p], w.groups_at[p + 1]):
        g = w.groups[k]
        if w.groups_rank[k] <= rank and w.groups_least[k] <= waiting and s.idle_n[g] > 0:
            free_since = s.idle[g, s.idle_at[g]]
            if free_since < since or (free_since == since and _tie(s, g) < _tie(s, found)):
                found, since, rank = g, free_since, w.groups_rank[k]
    return found


@kernel
def _tie(s: Buffers, g: int) -> float:
    """Return what ranks the longest free agent of a group among those free since that instant."""
    at = s.idle_at[g]
    if s.tie[g, at] == LATER_DRAWN:
        s.tie[g, at] = uniform(s.group_streams[g, TIE], time_number(s.idle[g, at]), 0)
    return float(s.tie[g, at])


@inlined_kernel
def occupy_agent(s: Buffers, g: int) -> None:
    """Take the longest free agent of a group."""
    at = s.idle_at[g] + 1
    s.idle_at[g] = at if at < s.idle.shape[1] else 0
    s.idle_n[g] -= 1


@inlined_kernel
def release_agent(s: Buffers, g: int, now: float) -> None:
    """Put an agent of a group at the end of the free ones."""
    at = s.idle_at[g] + s.idle_n[g]
    at = at if at < s.idle.shape[1] else at - s.idle.shape[1]
    s.idle[g, unsigned(at)] = now
    s.tie[g, unsigned(at)] = LATER_DRAWN
    s.idle_n[g] += 1
    if s.idle_n[g] > 1 and s.idle[g, at - 1] == now:  # -1 is the ring's last place
        _rank_last(s, g, now)


@kernel
def _rank_last(s: Buffers, g: int, now: float) -> None:
    """Rank the last free agent among the others of its group and instant."""
    size, same = s.idle.shape[1], 1
    last = s.idle_at[g] + s.idle_n[g] - 1
    while same < s.idle_n[g] and s.idle[g, (last - same) % size] == now:
        same += 1
    if same == 2:
        s.tie[g, (last - 1) % size] = uniform(s.group_streams[g, TIE], time_number(now), 0)
    own = uniform(s.group_streams[g, TIE], time_number(now), same - 1)
    while same > 1 and s.tie[g, (last - 1) % size] > own:
        s.tie[g, last % size] = s.tie[g, (last - 1) % size]
        last -= 1
        same -= 1
    s.tie[g, last % size] = own


@inlined_kernel
def join_line(w: CentreArrays, s: Buffers, slot: int, now: float) -> None:
    """Let a call wait; if it will dial again when it hangs up, watch for that moment."""
    p = unsigned(s.slot[slot, PROGRAMME])
    mean = w.patience[p, unsigned(s.slot[slot, CELL])]
    until = np.inf
    if mean < np.inf:
        until = now + mean * draw_duration(w, s, slot, 1, PATIENCE)
    s.clock[slot, SINCE] = now
    s.clock[slot, UNTIL] = until
    s.slot[slot, NEXT] = -1
    if s.line_first[p] < 0:
        s.line_first[p] = slot
    else:
        s.slot[unsigned(s.line_last[p]), NEXT] = slot
    s.line_last[p] = slot
    s.n[WAITING] += 1
    if until < np.inf and w.redial[p] > 0.0 and _will_redial(w, s, slot):
        size = s.n[LATER]
        move_up(s.later_time, s.later_slot, s.later_visit, size, until, slot, s.visit[slot])
        s.n[LATER] = size + 1
    if s.trace.shape[0]:
        record_trace(s, now, T_WAITS, slot, -1)


@inlined_kernel
def remove_abandoned(w: CentreArrays, s: Buffers, d: ReplicationCounts, p: int, now: float) -> None:
    """Remove callers who have hung up by ``now`` from the head of a line."""
    slot = s.line_first[p]
    while slot >= 0 and s.clock[unsigned(slot), UNTIL] <= now:
        after = s.slot[unsigned(slot), NEXT]
        s.line_first[p] = after
        s.n[WAITING] -= 1
        _count_hang_up(w, s, d, unsigned(slot))
        slot = after


@kernel
def _count_hang_up(w: CentreArrays, s: Buffers, d: ReplicationCounts, slot: int) -> None:
    p, cell = unsigned(s.slot[slot, PROGRAMME]), unsigned(s.slot[slot, CELL])
    until = s.clock[slot, UNTIL]
    if s.slot[slot, STAGE] == FRESH:
        waited = until - s.clock[slot, SINCE]
        d.counts[cell, p, ABANDONED] += 1
        d.waits[cell, p, 1] += waited
        if waited <= w.threshold[p]:
            d.counts[cell, p, SHORT] += 1
    else:
        d.counts[cell, p, CUT] += 1
    if s.trace.shape[0]:
        record_trace(s, until, T_HUNG_UP, slot, -1)
    free_slot(s, slot)


@kernel
def count_waiting(w: CentreArrays, s: Buffers, d: ReplicationCounts, p: int, now: float) -> int:
    """Return how many still wait in a line; those who have hung up are struck off anywhere."""
    remove_abandoned(w, s, d, p, now)
    before, slot, waiting = -1, s.line_first[p], 0
    while slot >= 0:
        after = s.slot[slot, NEXT]
        if s.clock[slot, UNTIL] <= now:
            s.slot[before, NEXT] = after  # the head has not hung up: there is one before
            if after < 0:
                s.line_last[p] = before
            s.n[WAITING] -= 1
            _count_hang_up(w, s, d, unsigned(slot))
        else:
            before = slot
            waiting += 1
        slot = after
    return waiting


@inlined_kernel
def take_next_call(w: CentreArrays, s: Buffers, d: ReplicationCounts, g: int, now: float) -> int:
    """Take the call a free agent of ``g`` answers out of its line: of the best rank that waits, the
    one that has waited longest, drawn among equals; -1 when no call waits for the group."""
    if s.n[WAITING] == 0:
        return -1
    found, since, rank = -1, np.inf, np.inf
    for k in range(w.serves_at[g], w.serves_at[g + 1]):
        if w.serves_rank[k] > rank:
            break
        p = unsigned(w.serves[k])
        remove_abandoned(w, s, d, p, now)
        if w.serves_least[k] > 1 and count_waiting(w, s, d, p, now) < w.serves_least[k]:
            continue
        head = s.line_first[p]
        if head < 0 or s.clock[unsigned(head), SINCE] > since:
            continue
        if s.clock[unsigned(head), SINCE] < since or _call_tie(s, head) < _call_tie(s, found):
            found, since, rank = head, s.clock[unsigned(head), SINCE], w.serves_rank[k]
    if found >= 0:
        leave_line(s, unsigned(found))
    return found


@kernel
def _call_tie(s: Buffers, slot: int) -> float:
    """Return what ranks a call among those of other programmes that wait since the same instant:
    moved back into their lines together, from agents who left."""
    stream = s.streams[s.slot[slot, ORIGIN], TIE]
    return uniform(stream, s.slot[slot, NUMBER], s.slot[slot, LEG])


@inlined_kernel
def leave_line(s: Buffers, slot: int) -> None:
    """Take the first of a line out of it."""
    s.line_first[unsigned(s.slot[slot, PROGRAMME])] = s.slot[slot, NEXT]
    s.n[WAITING] -= 1


@kernel
def _will_redial(w: CentreArrays, s: Buffers, slot: int) -> bool:
    stream = s.streams[s.slot[slot, ORIGIN], REDIAL]
    coin = uniform(stream, s.slot[slot, NUMBER], s.slot[slot, LEG])
    return bool(coin < w.redial[s.slot[slot, PROGRAMME]])


@kernel
def schedule_redial(w: CentreArrays, s: Buffers, slot: int, now: float, surely: bool) -> None:
    """Let the caller of a lost call dial again, surely or by the redial probability.

    She dials what she dialled first. After the last interval the centre is closed to new calls.
    """
    p, origin = s.slot[slot, PROGRAMME], s.slot[slot, ORIGIN]
    if w.redial[p] == 0.0 or not (surely or _will_redial(w, s, slot)):
        return
    number, leg = s.slot[slot, NUMBER], s.slot[slot, LEG]
    wait = unit_value(0, 1.0, w.samples, 0, s.streams[origin, REDIAL_DELAY], number, leg)
    at = now + w.redial_delay[p] * wait
    if at >= w.edges[-1]:
        return
    again = allocate_slot(s, origin, origin, number, leg + 1, 0)
    size = s.n[LATER]
    move_up(s.later_time, s.later_slot, s.later_visit, size, at, again, -1)
    s.n[LATER] = size + 1
