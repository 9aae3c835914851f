"""The outbreak as events, so that work grows with infections: attempt on infection, thin on fire.

At each infection its whole course is drawn at once: incubation, symptoms, how many people it would
infect (Poisson with a gamma multiplier), and the day of each attempt. An attempt waits in the list
of its day; then its layer and target are drawn, and it succeeds if both people are there, the site
is open, the target is susceptible and no measure stops it. This is exact for independent Poisson
hazards. A day has five steps: results of tests (and the closures they cause), symptoms, visits,
attempts, the count. Within a step nothing depends on the order of the events.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from releve.kernels.decorators import inlined_kernel, kernel
from releve.plugins.crashtest.engine.outbreak import rng
from releve.plugins.crashtest.engine.outbreak.kernel_infection import IMPORT, attempt, infect
from releve.plugins.crashtest.engine.outbreak.kernel_state import (
    ATTEMPTS_LIST,
    BY_OUTSIDE,
    FIELDS,
    ILLNESS_LIST,
    OVERFLOWN,
    RESULTS_LIST,
    SERIES,
    VISITED,
    VISITS_LIST,
    Measures,
    Rates,
    Record,
    RunState,
    World,
    keep_away,
    present,
    push,
    remember,
    wipe,
)
from releve.plugins.crashtest.engine.outbreak.rng import derive_key, derive_replication_key, draw_unit, mix, pick

_CONFIRMED, _CLOSURES, _TESTS, _VISITS, _VISITS_POSITIVE = (
    FIELDS.index(name) for name in ("confirmed", "closures", "tests", "visits", "visits_positive")
)
_DAILY_ONSETS, _DAILY_CONFIRMED = 2, 3


@inlined_kernel
def confirm(w: World, p: Measures, x: RunState, rep: Any, a: int, t: int) -> None:
    """Learn on day t that an agent is positive: isolation, quarantine of contacts, closure."""
    if x.confirmed[a]:
        return
    remember(x, a)
    x.confirmed[a] = True
    x.counts[_CONFIRMED] += 1
    x.series[t, _DAILY_CONFIRMED] += 1
    keep_away(x, a, t, t + p.isolation_days[w.site[a], t])
    _quarantine_contacts(w, p, x, rep, a, t)
    if len(p.closing_cases) > 0:
        _apply_closure_rule(w, p, x, rep, w.site[a], t)


@inlined_kernel
def _quarantine_contacts(w: World, p: Measures, x: RunState, rep: Any, a: int, t: int) -> None:
    """Keep away the contacts of a case that are found."""
    until = t + p.quarantine_days
    if p.quarantine_seat > 0:
        for i in range(w.near_pointer[a], w.near_pointer[a + 1]):
            if _draw_contact(w, rep, a, w.near[i]) < p.quarantine_seat:
                keep_away(x, w.near[i], t, until)
    if p.quarantine_zone > 0:
        for b in range(w.group_first[w.group[a]], w.group_end[w.group[a]]):
            if b != a and _draw_contact(w, rep, a, b) < p.quarantine_zone:
                keep_away(x, b, t, until)
    v = w.vehicle[a]
    if p.quarantine_shuttle > 0 and v >= 0:
        for i in range(w.rider_pointer[v], w.rider_pointer[v + 1]):
            if w.riders[i] != a and _draw_contact(w, rep, a, w.riders[i]) < p.quarantine_shuttle:
                keep_away(x, w.riders[i], t, until)


@inlined_kernel
def _draw_contact(w: World, rep: Any, a: int, b: int) -> Any:
    """Return the number that decides whether contact b of case a is found."""
    return draw_unit(derive_key(rep, w.key[b]) ^ mix(w.key[a]), 0)


@inlined_kernel
def _apply_closure_rule(w: World, p: Measures, x: RunState, rep: Any, site: int, t: int) -> None:
    """Count a case of a site on day t and close the site if the policy of the day says so."""
    kept = x.cases.shape[1]
    x.cases[site, x.case_count[site] % kept] = t
    x.case_count[site] += 1
    rule = p.closing[site, t]
    if rule < 0:
        return
    if x.closed[site] > t:
        if p.closing_further[rule] > 0:
            x.closed[site] = max(x.closed[site], t + p.closing_further[rule])
        return
    first = x.case_count[site] - p.closing_cases[rule]
    if first < 0:
        return
    oldest = x.cases[site, first % kept]
    if t - oldest > p.closing_within[rule]:
        return
    if not p.closing_earlier[rule] and oldest < x.closed[site]:
        return
    x.counts[_CLOSURES] += 1
    x.closed[site] = t + p.closing_days[rule]
    if p.closing_tested[rule] > 0:
        _test_site(w, p, x, rep, site, t, p.closing_tested[rule])


@inlined_kernel
def _test_site(w: World, p: Measures, x: RunState, rep: Any, site: int, t: int, share: float) -> None:
    """Test a share of the agents of a site; results come a day later at least."""
    for a in range(w.site_range[site, 0], w.site_range[site, 1]):
        key = derive_key(rep, w.key[a])
        if x.confirmed[a] or draw_unit(key, rng.CLOSING_TEST + t) >= share:
            continue
        x.counts[_TESTS] += 1
        due = t + max(1, p.result_days)
        if _is_positive(p, x, a, t, draw_unit(key, rng.CLOSING_RESULT + t)) and due < len(x.series):
            push(x, RESULTS_LIST, due, a, 0)


@inlined_kernel
def _is_positive(p: Measures, x: RunState, a: int, t: int, u: float) -> bool:
    """Return whether a test of day t is positive."""
    chance = p.false_positive
    since = t - x.infected[a]
    if x.infected[a] >= 0 and 0 <= since < len(p.sensitivity):
        chance = max(chance, p.sensitivity[since])
    return bool(u < chance)


@inlined_kernel
def fall_ill(w: World, p: Measures, x: RunState, rep: Any, a: int, t: int) -> None:
    """Let an agent's symptoms begin on day t: stay at home or not, be tested or not."""
    x.series[t, _DAILY_ONSETS] += 1
    key = derive_key(rep, w.key[a])
    if draw_unit(key, rng.STAYS_HOME) < p.stay_home:
        keep_away(x, a, t, t + p.isolation_days[w.site[a], t])
    if x.confirmed[a] or draw_unit(key, rng.IS_TESTED) >= p.symptom_test:
        return
    x.counts[_TESTS] += 1
    taken = t + p.test_days
    due = taken + p.result_days
    if _is_positive(p, x, a, taken, draw_unit(key, rng.RESULT)) and due < len(x.series):
        push(x, RESULTS_LIST, due, a, 0)


@inlined_kernel
def visit(w: World, p: Measures, x: RunState, rep: Any, site: int, t: int) -> None:
    """Visit a site on day t: test agents drawn from those present, each alike."""
    key = derive_key(rep, w.site_key[site])
    drawn = _draw_sample(w, p, x, key, site, t)
    x.counts[_VISITS] += drawn > 0
    positive = False
    for i in range(drawn):
        a = x.sample[i]
        x.counts[_TESTS] += 1
        if _is_positive(p, x, a, t, draw_unit(derive_key(rep, w.key[a]), rng.VISIT_RESULT + t)):
            positive = True
            if t + p.result_days < len(x.series):
                push(x, RESULTS_LIST, t + p.result_days, a, 0)
    x.counts[_VISITS_POSITIVE] += positive


@inlined_kernel
def _draw_sample(w: World, p: Measures, x: RunState, key: Any, site: int, t: int) -> int:
    """Draw the agents that a visit tests into ``x.sample``; return their number.

    Most people are there: try at random. Where few are, or the tests are many, walk through all.
    Both give every set of those present the same chance.
    """
    if x.closed[site] > t:
        return 0
    first, end = w.site_range[site, 0], w.site_range[site, 1]
    size = end - first
    if size > 4 * p.visit_tests:
        x.counts[VISITED] += 1
        drawn, tries = 0, 0
        while drawn < p.visit_tests and tries < 16 * p.visit_tests:
            a = first + pick(draw_unit(key, rng.VISIT_DRAW + (t << 20) + tries), size)
            tries += 1
            if x.stamp[a] != x.counts[VISITED] and present(w, p, x, a, t):
                x.stamp[a] = x.counts[VISITED]
                x.sample[drawn] = a
                drawn += 1
        if drawn == p.visit_tests:
            return drawn
    return _scan_sample(w, p, x, key, first, end, t)


@inlined_kernel
def _scan_sample(w: World, p: Measures, x: RunState, key: Any, first: int, end: int, t: int) -> int:
    """Draw by walking through a site once (Knuth's algorithm S); return how many."""
    left = 0
    for a in range(first, end):
        left += present(w, p, x, a, t)
    wanted = min(p.visit_tests, left)
    drawn = 0
    for a in range(first, end):
        if drawn == wanted:
            break
        if not present(w, p, x, a, t):
            continue
        if draw_unit(key, rng.VISIT_SCAN + (t << 20) + a - first) * left < wanted - drawn:
            x.sample[drawn] = a
            drawn += 1
        left -= 1
    return drawn


_FIELDS, _SERIES = len(FIELDS), len(SERIES)
_SITE_DAYS, _AWAY_DAYS = FIELDS.index("site_days_closed"), FIELDS.index("away_days")
_AWAY, _CLOSED = 4, 5


@kernel
def replicate(
    w: World, rates: Rates, p: Measures, x: RunState, record: Record, seed: int, first: int, begin: int, end: int
) -> int:
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
        who = w.first_cases[pick(draw_unit(derive_key(rep, np.uint64(rng.FIRST_CASE)), i), len(w.first_cases))]
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
        reached -= np.log(draw_unit(key, rng.IMPORT_GAP + 2 * i))
        while day < len(x.series) and w.imports[site, day + 1] <= reached:
            day += 1
        if day == len(x.series):
            return
        push(x, ATTEMPTS_LIST, day, first + pick(draw_unit(key, rng.IMPORT_WHO + 2 * i), size), IMPORT)
        i += 1


@inlined_kernel
def _plan_visit(p: Measures, x: RunState, key: Any, site: int, t: int) -> None:
    """Plan the next visit of a site after day t: each day with the same probability."""
    u = draw_unit(key, rng.VISIT_GAP + x.visit_number[site])
    gap = 1
    if p.visit_probability[site] < 1.0:
        gap += int(min(1e6, np.log(u) / np.log1p(-p.visit_probability[site])))
    if t + gap < len(x.series):
        push(x, VISITS_LIST, t + gap, site, 0)
    x.visit_number[site] += 1


@inlined_kernel
def _run_day(w: World, rates: Rates, p: Measures, x: RunState, record: Record, rep: Any, at: int, t: int) -> None:
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
