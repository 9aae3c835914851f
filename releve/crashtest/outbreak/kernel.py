"""Attempt on infection, thin on fire: the outbreak as events, so that work grows with infections.

At each infection the whole course of it is drawn at once: incubation, symptoms, how many people it
would infect (Poisson with a gamma multiplier), and the day of each attempt. An attempt
waits in the list of its day; then its layer and target are drawn, and it succeeds if both people
are there, the site is open, the target is susceptible and no measure stops it. This is exact for
independent Poisson hazards. A day has five steps: results of tests (and the closures they cause),
symptoms, visits, attempts, the count. Within a step nothing depends on the order of the events.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from releve.crashtest.outbreak import random_ids
from releve.crashtest.outbreak.kernel_control import confirm, fall_ill, visit
from releve.crashtest.outbreak.kernel_infection import IMPORT, attempt, infect
from releve.crashtest.outbreak.kernel_state import (
    ATTEMPTS_LIST,
    BY_OUTSIDE,
    ILLNESS_LIST,
    OVERFLOWN,
    RESULTS_LIST,
    VISITS_LIST,
    push,
    wipe,
)
from releve.crashtest.outbreak.kernel_types import (
    FIELDS,
    SERIES,
    Measures,
    Rates,
    Record,
    RunState,
    World,
)
from releve.crashtest.outbreak.rng import derive_key, derive_replication_key, draw_unit, pick
from releve.kernels.decorators import inlined_kernel, kernel

__all__ = ["replicate"]

_FIELDS, _SERIES = len(FIELDS), len(SERIES)
_SITE_DAYS, _AWAY_DAYS = FIELDS.index("site_days_closed"), FIELDS.index("away_days")
_AWAY, _CLOSED = 4, 5


@kernel
def replicate(
    w: World, rates: Rates, p: Measures, x: RunState, record: Record,
    seed: int, first: int, begin: int, end: int,
) -> int:  # fmt: skip
    """Run the replications ``first + begin`` to ``first + end`` into rows begin to end.

    Returns -1, or the replication in which the event pool was full.
    """
    for at in range(begin, end):
        rep = derive_replication_key(seed, first + at)
        wipe(w, x)
        _start_replication(w, p, x, rep)
        for t in range(len(x.series)):
            _run_day(w, rates, p, x, record, rep, at, t)
        if x.counts[OVERFLOWN] > 0:
            return first + at
        _record_replication(x, record, at)
    return -1


@inlined_kernel
def _start_replication(w: World, p: Measures, x: RunState, rep: Any) -> None:
    """Recall what is known; plan the first cases, the importation and the first visits."""
    for i in range(len(w.known_site)):
        site = w.known_site[i]
        x.cases[site, x.case_count[site] % x.cases.shape[1]] = w.known_day[i]
        x.case_count[site] += 1
    for site in range(len(w.shut)):
        x.closed[site] = w.shut[site]
    for i in range(w.first_count):
        who = w.first_cases[
            pick(
                draw_unit(derive_key(rep, np.uint64(random_ids.FIRST_CASE)), i), len(w.first_cases)
            )
        ]
        push(x, ATTEMPTS_LIST, 0, who, IMPORT)
    for site in range(len(w.site_range)):
        key = derive_key(rep, w.site_key[site])
        first, size = w.site_range[site, 0], w.site_range[site, 1] - w.site_range[site, 0]
        _plan_imports(w, x, site, key, first, size)
        if p.visit_probability[site] > 0 and size > 0:
            _plan_visit(p, x, key, site, -1)


@inlined_kernel
def _plan_imports(w: World, x: RunState, site: int, key: Any, first: int, size: int) -> None:
    """Plan the infections from outside: a Poisson process of the cumulative rate of the site."""
    day, reached, i = 0, 0.0, 0
    while size > 0:
        reached -= np.log(draw_unit(key, random_ids.IMPORT_GAP + 2 * i))
        while day < len(x.series) and w.imports[site, day + 1] <= reached:
            day += 1
        if day == len(x.series):
            return
        push(
            x,
            ATTEMPTS_LIST,
            day,
            first + pick(draw_unit(key, random_ids.IMPORT_WHO + 2 * i), size),
            IMPORT,
        )
        i += 1


@inlined_kernel
def _plan_visit(p: Measures, x: RunState, key: Any, site: int, t: int) -> None:
    """Plan the next visit of a site after day t: each day with the same probability."""
    u = draw_unit(key, random_ids.VISIT_GAP + x.visit_number[site])
    gap = 1
    if p.visit_probability[site] < 1.0:
        gap += int(min(1e6, np.log(u) / np.log1p(-p.visit_probability[site])))
    if t + gap < len(x.series):
        push(x, VISITS_LIST, t + gap, site, 0)
    x.visit_number[site] += 1


@inlined_kernel
def _run_day(
    w: World, rates: Rates, p: Measures, x: RunState, record: Record, rep: Any, at: int, t: int
) -> None:
    """Run one day. Results known at once are taken up after the step that gave them."""
    for step in range(3):
        e = x.head[RESULTS_LIST, t]
        x.head[RESULTS_LIST, t] = -1
        while e >= 0:
            confirm(w, p, x, rep, x.who[e], t)
            e = x.next[e]
        e = x.head[ILLNESS_LIST, t] if step == 0 else -1
        while e >= 0:
            fall_ill(w, p, x, rep, x.who[e], t)
            e = x.next[e]
        e = x.head[VISITS_LIST, t] if step == 1 else -1
        while e >= 0:
            visit(w, p, x, rep, x.who[e], t)
            _plan_visit(p, x, derive_key(rep, w.site_key[x.who[e]]), x.who[e], t)
            e = x.next[e]
    e = x.head[ATTEMPTS_LIST, t]
    while e >= 0:
        by, who, layer = -2, x.who[e], BY_OUTSIDE
        if x.what[e] != IMPORT:
            by = who
            who, layer = attempt(w, rates, p, x, rep, by, x.what[e], t)
        if who >= 0:
            infect(w, rates, p, x, record, rep, at, who, t, layer, by)
        e = x.next[e]
    _count_day(x, record, at, t)


@inlined_kernel
def _count_day(x: RunState, record: Record, at: int, t: int) -> None:
    """Count who is away and what is closed on day t."""
    away, shut = 0, 0
    for tally in range(x.leaving.shape[1]):
        if t > 0:
            x.leaving[t, tally] += x.leaving[t - 1, tally]
        away += x.leaving[t, tally]
    for site in range(len(x.closed)):
        if x.closed[site] > t:
            shut += 1
            if len(record.closed) > 0:
                record.closed[at, t, site] = True
    x.series[t, _AWAY] = away
    x.series[t, _CLOSED] = shut
    x.counts[_AWAY_DAYS] += away
    x.counts[_SITE_DAYS] += shut


@inlined_kernel
def _record_replication(x: RunState, record: Record, at: int) -> None:
    """Write the counts of a replication into its row."""
    for field in range(_FIELDS):
        record.row[at, field] = x.counts[field]
    for t in range(len(x.series)):
        if len(record.series) > 0:
            for i in range(_SERIES):
                record.series[at, t, i] = x.series[t, i]
        if len(record.away) > 0:
            for tally in range(x.leaving.shape[1]):
                record.away[at, t, tally] = x.leaving[t, tally]
