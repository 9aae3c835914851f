"""The state of a replication in flat arrays: lists of events by day, presence, absences."""

from __future__ import annotations

from releve.crashtest.outbreak.kernel_types import FIELDS, Measures, RunState, World
from releve.kernels.decorators import inlined_kernel

__all__ = [
    "ATTEMPTS_LIST",
    "BY_FLOOR",
    "BY_HOUSEHOLD",
    "BY_OUTSIDE",
    "BY_SEAT",
    "BY_SHUTTLE",
    "BY_SITE",
    "BY_ZONE",
    "COUNTS",
    "ILLNESS_LIST",
    "KEPT",
    "LISTS",
    "OVERFLOWN",
    "RESULTS_LIST",
    "TOUCHED",
    "USED",
    "VISITED",
    "VISITS_LIST",
    "keep_away",
    "present",
    "push",
    "remember",
    "wipe",
]

RESULTS_LIST, ILLNESS_LIST, VISITS_LIST, ATTEMPTS_LIST = 0, 1, 2, 3
LISTS = 4

USED = len(FIELDS)
"""After the fields in ``RunState.counts``: events used; people touched; agents kept away;
events for which there was no room; visits so far, over all replications."""
TOUCHED, KEPT, OVERFLOWN, VISITED = USED + 1, USED + 2, USED + 3, USED + 4
COUNTS = USED + 5

BY_ZONE, BY_SEAT, BY_FLOOR, BY_SITE, BY_SHUTTLE, BY_HOUSEHOLD = 0, 1, 2, 3, 4, 5
BY_OUTSIDE = 6


@inlined_kernel
def wipe(w: World, x: RunState) -> None:
    """Undo a replication: only what it touched, and the small arrays."""
    for i in range(x.counts[TOUCHED]):
        x.infected[x.touched[i]] = -1
    for i in range(x.counts[KEPT]):
        x.away[x.kept[i]] = 0
        x.confirmed[x.kept[i]] = False
    serial = x.counts[VISITED]
    x.counts.fill(0)
    x.counts[VISITED] = serial
    x.closed.fill(0)
    x.case_count.fill(0)
    x.visit_number.fill(0)
    x.head.fill(-1)
    x.series.fill(0)
    x.leaving.fill(0)


@inlined_kernel
def push(x: RunState, kind: int, t: int, who: int, what: int) -> None:
    """Put an event first in the list of its day; without room for it the run is void."""
    e = x.counts[USED]
    if e == len(x.next):
        x.counts[OVERFLOWN] += 1
        return
    x.counts[USED] = e + 1
    x.who[e] = who
    x.what[e] = what
    x.next[e] = x.head[kind, t]
    x.head[kind, t] = e


@inlined_kernel
def present(w: World, p: Measures, x: RunState, a: int, t: int) -> bool:
    """Return whether an agent is on site: not at home, of a cohort that comes, not kept away,
    and the site is open."""
    return bool(
        not p.home[a] and p.on[p.cohort[a], t] and x.away[a] <= t and x.closed[w.site[a]] <= t
    )


@inlined_kernel
def remember(x: RunState, a: int) -> None:
    """Note an agent who is kept away or confirmed for the first time, to be wiped."""
    if x.away[a] == 0 and not x.confirmed[a]:
        x.kept[x.counts[KEPT]] = a
        x.counts[KEPT] += 1


@inlined_kernel
def keep_away(x: RunState, a: int, t: int, until: int) -> None:
    """Keep an agent away from day t to the day before ``until``, or as long as already said."""
    days = len(x.series)
    start, end = max(t, x.away[a]), min(until, days)
    if end <= start:
        return
    remember(x, a)
    x.away[a] = end
    x.leaving[start, x.tally_of[a]] += 1
    x.leaving[end, x.tally_of[a]] -= 1
