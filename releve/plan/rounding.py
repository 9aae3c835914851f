"""Whole people from fractional ones: group by group, or with all totals kept within one.

A fractional plan spreads few people over many groups that are as good; rounded group by group, the
people of a place or programme drift. :func:`round_controlled` rounds the people of each assignment
and all totals they count in (group, its people on sites, link, programme in a place, place). Such a
rounding exists because the totals are nested on either side: a network flow with whole vertices
(Cox, "A constructive procedure for unbiased controlled rounding", JASA 1987); the cheapest is used.
"""

from __future__ import annotations

import numpy as np

from releve.kernels.arrays import Floats, Ints
from releve.kernels.decorators import allocating_kernel
from releve.plan.local_search import KernelProblem, KernelState, place_person
from releve.plan.lp import LinearProgram, solve_lp
from releve.plan.problem import DayProblem


@allocating_kernel
def round_sum(values: Floats, total: int) -> Ints:
    """Round to whole numbers with the given sum, largest remainders up (the first on ties).

    In loops: sorts, masks and sums of arrays take the compiler seconds.
    """
    n = len(values)
    whole = np.empty(n, np.int64)
    left = total
    for i in range(n):
        whole[i] = int(np.floor(values[i] + 1e-9))
        left -= whole[i]
    order = np.zeros(n, np.int64)
    for i in range(n if left > 0 else 0):
        at = i
        while at > 0 and whole[order[at - 1]] - values[order[at - 1]] > whole[i] - values[i]:
            order[at] = order[at - 1]
            at -= 1
        order[at] = i
    for i in range(left):
        whole[order[i % n]] += 1
    for _ in range(-left):
        fullest = 0
        for i in range(1, n):
            if whole[i] > whole[fullest]:
                fullest = i
        whole[fullest] -= 1
    return whole


@allocating_kernel
def round_groups(s: KernelProblem, assigned: Floats) -> Ints:
    """Round each group's people, within who can work and who can work on a site.

    ``assigned[j]`` in, whole people per assignment out.
    """
    start = np.zeros(len(assigned), np.int64)
    values = np.zeros(len(assigned))
    home = len(s.seats)
    for g in range(len(s.pointer) - 1):
        lo, hi = s.pointer[g], s.pointer[g + 1]
        people = 0.0
        for j in range(lo, hi):
            if s.allowed[j]:
                values[j] = max(assigned[j], 0.0)
            people += values[j]
        if people <= 0.0:
            continue
        start[lo:hi] = round_sum(values[lo:hi], min(s.available[g], int(np.rint(people))))
        on_site = 0
        for j in range(lo, hi):
            if not s.allowed[j]:
                start[j] = 0
            if s.place[j] != home:
                on_site += start[j]
        for _ in range(on_site - s.onsite[g]):
            taken = -1
            for j in range(lo, hi):
                if s.place[j] == home or start[j] == 0:
                    continue
                if taken < 0 or values[j] - start[j] < values[taken] - start[taken]:
                    taken = j
            start[taken] -= 1
    return start


@allocating_kernel
def fill_patterns(
    s: KernelProblem, x: KernelState, start: Ints, by_link: Ints, link_first: Ints, on_pattern: Floats
) -> None:
    """Put the people of each link on its patterns, ``on_pattern[slot]`` rounded to their number.

    ``by_link`` are the assignments in the order of their links, those of link l at
    ``link_first[l]:link_first[l + 1]``; ``start[j]`` whole people.
    """
    for link in range(len(link_first) - 1):
        own = by_link[link_first[link] : link_first[link + 1]]
        total = start[own].sum()
        if total == 0:
            continue
        lo, hi = s.link_pointer[link], s.link_pointer[link + 1]
        room = round_sum(on_pattern[lo:hi], total)
        slot = 0
        for j in own:
            for _ in range(start[j]):
                while room[slot] == 0:
                    slot += 1
                room[slot] -= 1
                place_person(s, x, j, lo + slot, 1)


HAIR = 1e-6
"""Less than this of a person is the solver's noise."""
NEARNESS = 0.1
"""Price of rounding to the farther whole number, in agent-intervals: breaks ties."""


def round_controlled(problem: DayProblem, assigned: Floats, price: Floats) -> Ints:
    """Return whole people per assignment, each and all totals rounded down or up.

    ``assigned[j]`` people, fractions; ``price[j]`` of one more person there.
    """
    whole = np.floor(assigned + HAIR)
    part = np.clip(assigned - whole, 0.0, 1.0)
    free = np.nonzero(part > HAIR)[0]
    if not len(free):
        return whole.astype(np.int64)
    lp = LinearProgram()
    up = lp.columns(len(free), price[free] + NEARNESS * (1.0 - 2.0 * part[free]), upper=1.0)
    for total in _index_totals(problem):
        _add_total_rows(lp, up, total[free], part[free])
    x = solve_lp(lp, method="simplex").x
    whole[free] += np.rint(x[up])
    return whole.astype(np.int64)


def _index_totals(problem: DayProblem) -> list[Ints]:
    """Return, per kind of total, which one each assignment counts in (-1 = in none)."""
    on_site = problem.place != problem.home
    return [
        problem.group,
        np.where(on_site, problem.group, -1),
        problem.link,
        problem.place * len(problem.programmes) + problem.programme,
        problem.place,
    ]


def _add_total_rows(lp: LinearProgram, up: Ints, total: Ints, part: Floats) -> None:
    """Keep what is rounded up within one of the sum of the parts, total by total."""
    counted = np.nonzero(total >= 0)[0]
    _, row_of = np.unique(total[counted], return_inverse=True)
    sums = np.bincount(row_of, weights=part[counted])
    rows = lp.rows(len(sums), np.floor(sums + HAIR), np.ceil(sums - HAIR))
    lp.add(rows[row_of], up[counted])
