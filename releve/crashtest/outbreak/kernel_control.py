"""What is found out and what is done about it: tests, cases, quarantine, closures, visits."""

from __future__ import annotations

from typing import Any

from releve.crashtest.outbreak import random_ids
from releve.crashtest.outbreak.kernel_state import (
    RESULTS_LIST,
    VISITED,
    keep_away,
    present,
    push,
    remember,
)
from releve.crashtest.outbreak.kernel_types import FIELDS, Measures, RunState, World
from releve.crashtest.outbreak.rng import derive_key, draw_unit, mix, pick
from releve.kernels.decorators import inlined_kernel

__all__ = ["confirm", "fall_ill", "visit"]

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
def _test_site(
    w: World, p: Measures, x: RunState, rep: Any, site: int, t: int, share: float
) -> None:
    """Test a share of the agents of a site; results come a day later at least."""
    for a in range(w.site_range[site, 0], w.site_range[site, 1]):
        key = derive_key(rep, w.key[a])
        if x.confirmed[a] or draw_unit(key, random_ids.CLOSING_TEST + t) >= share:
            continue
        x.counts[_TESTS] += 1
        due = t + max(1, p.result_days)
        if _is_positive(p, x, a, t, draw_unit(key, random_ids.CLOSING_RESULT + t)) and due < len(
            x.series
        ):
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
    if draw_unit(key, random_ids.STAYS_HOME) < p.stay_home:
        keep_away(x, a, t, t + p.isolation_days[w.site[a], t])
    if x.confirmed[a] or draw_unit(key, random_ids.IS_TESTED) >= p.symptom_test:
        return
    x.counts[_TESTS] += 1
    taken = t + p.test_days
    due = taken + p.result_days
    if _is_positive(p, x, a, taken, draw_unit(key, random_ids.RESULT)) and due < len(x.series):
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
        if _is_positive(
            p, x, a, t, draw_unit(derive_key(rep, w.key[a]), random_ids.VISIT_RESULT + t)
        ):
            positive = True
            if t + p.result_days < len(x.series):
                push(x, RESULTS_LIST, t + p.result_days, a, 0)
    x.counts[_VISITS_POSITIVE] += positive


@inlined_kernel
def _draw_sample(w: World, p: Measures, x: RunState, key: Any, site: int, t: int) -> int:
    """Draw whom a visit tests into ``x.sample``; return how many.

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
            a = first + pick(draw_unit(key, random_ids.VISIT_DRAW + (t << 20) + tries), size)
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
        if draw_unit(key, random_ids.VISIT_SCAN + (t << 20) + a - first) * left < wanted - drawn:
            x.sample[drawn] = a
            drawn += 1
        left -= 1
    return drawn
