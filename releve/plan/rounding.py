"""Whole people from fractional ones, group by group and link by link, as numba kernels."""

from __future__ import annotations

import numpy as np

from releve.kernels.decorators import allocating_kernel
from releve.plan.local_search import KernelProblem, KernelState, place_person
from releve.plan.lp import Floats, Ints

__all__ = ["fill_patterns", "round_groups", "round_sum"]


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
    s: KernelProblem,
    x: KernelState,
    start: Ints,
    by_link: Ints,
    link_first: Ints,
    on_pattern: Floats,
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
