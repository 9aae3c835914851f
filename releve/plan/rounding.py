"""Whole people from fractional ones, group by group and link by link, as numba kernels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from releve.kernels.decorators import allocating_kernel
from releve.plan.local_search import KernelProblem, KernelState, place_person

__all__ = ["fill_patterns", "round_groups", "round_sum"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@allocating_kernel
def round_sum(values: Floats, total: int) -> Ints:
    """Round to whole numbers with the given sum, largest remainders up (the first on ties)."""
    whole = np.floor(values + 1e-9).astype(np.int64)
    left = total - whole.sum()
    if left > 0:
        # The mergesort is stable.
        order = np.argsort(whole - values, kind="mergesort")
        for i in range(left):
            whole[order[i % len(order)]] += 1
    while left < 0:
        whole[np.argmax(whole)] -= 1
        left += 1
    return whole


@allocating_kernel
def round_groups(s: KernelProblem, assigned: Floats) -> Ints:
    """Round each group's people, within who can work and who can work on a site.

    ``assigned[j]`` in, whole people per assignment out.
    """
    start = np.zeros(len(assigned), np.int64)
    home = len(s.seats)
    for g in range(len(s.pointer) - 1):
        lo, hi = s.pointer[g], s.pointer[g + 1]
        values = np.where(s.allowed[lo:hi], np.maximum(assigned[lo:hi], 0.0), 0.0)
        if hi == lo or values.max() <= 0.0:
            continue
        whole = round_sum(values, min(s.available[g], int(np.rint(values.sum()))))
        whole[~s.allowed[lo:hi]] = 0
        on_site = s.place[lo:hi] != home
        while whole[on_site].sum() > s.onsite[g]:
            taken = -1
            for j in range(hi - lo):
                if not on_site[j] or whole[j] == 0:
                    continue
                if taken < 0 or values[j] - whole[j] < values[taken] - whole[taken]:
                    taken = j
            whole[taken] -= 1
        start[lo:hi] = whole
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
