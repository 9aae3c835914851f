"""Exchanges of whole people: take a few related ones out at once and place each best again.

A kernel of :mod:`releve.plan.integer_plan`, beside the single moves of
:mod:`releve.plan.local_search`.
"""

from __future__ import annotations

from releve.kernels.decorators import inlined_kernel, kernel
from releve.plan.local_search import (
    Array,
    KernelProblem,
    KernelState,
    compute_cost,
    count_people,
    find_best_place,
    place_person,
)

__all__ = ["EXCHANGED", "exchange_people"]

GROUP, WAS_AT, WAS_ON, NOW_AT, NOW_ON = range(5)
"""Of a person taken out: the group, and assignment and slot before and after; -1 = reserve."""
EXCHANGED = (4, 5)
"""Shape of the people taken out in a round, in whole numbers, room for which the caller gives."""


@inlined_kernel
def _draw_number(seed: int, n: int) -> tuple[int, int]:
    """Return the next state of a 31-bit Lehmer generator and a number below n."""
    state = (seed * 48271) % 2147483647
    return state, (state // 7) % n


@inlined_kernel
def _find_used_slot(s: KernelProblem, x: KernelState, j: int, turn: int) -> int:
    """Return a slot in use by assignment j's link, the ``turn``-th of them in a ring; -1 = none."""
    lo, hi = s.link_pointer[s.link[j]], s.link_pointer[s.link[j] + 1]
    for step in range(hi - lo):
        slot = lo + (turn + step) % (hi - lo)
        if x.y[slot] > 0:
            return int(slot)
    return -1


@inlined_kernel
def _draw_start(x: KernelState, seed: int) -> tuple[int, int]:
    """Return the next seed and an assignment with people at work; -1 when there is none."""
    seed, j = _draw_number(seed, len(x.w))
    for _ in range(len(x.w)):
        if x.w[j] > 0:
            return seed, j
        j = (j + 1) % len(x.w)
    return seed, -1


@inlined_kernel
def _draw_related(
    s: KernelProblem,
    x: KernelState,
    g: int,
    by_programme: Array,
    programme_pointer: Array,
    seed: int,
) -> tuple[int, int]:
    """Return the next seed and an assignment of a programme that group g can work on.

    The search for one with people at work stops after a few steps, so it may be empty.
    """
    seed, step = _draw_number(seed, s.pointer[g + 1] - s.pointer[g])
    p = s.programme[s.pointer[g] + step]
    lo, hi = programme_pointer[p], programme_pointer[p + 1]
    seed, step = _draw_number(seed, hi - lo)
    for _ in range(16):
        if x.w[by_programme[lo + step]] > 0:
            break
        step = (step + 1) % (hi - lo)
    return seed, by_programme[lo + step]


@kernel
def exchange_people(
    s: KernelProblem, x: KernelState, by_programme: Array, programme_pointer: Array, rounds: int,
    seed: int, threshold: float, people: Array,
) -> int:  # fmt: skip
    """Take a few related people out, place each best, keep results no worse; return the gains.

    At first what is worse by up to ``threshold`` is kept too, later by less and less, so that the
    search leaves a local optimum (threshold accepting: Dueck and Scheuer, J. Comput. Phys. 1990).

    A round takes two to four people of programmes that one group can work on, some of them from
    the reserve, so that a chain of exchanges that no single move would begin can be found.
    ``by_programme`` are the assignments in programme order, those of p at
    ``programme_pointer[p]:programme_pointer[p + 1]``; ``people`` of shape :data:`EXCHANGED`.
    """
    cost = compute_cost(s, x)
    gains = 0
    for turn in range(rounds):
        worse = threshold * (1.0 - turn / rounds) ** 2
        seed, first = _draw_start(x, seed)
        if first < 0:
            return gains
        seed, more = _draw_number(seed, 3)
        taken = 0
        for i in range(more + 2):
            j = first
            if i > 0:
                seed, j = _draw_related(s, x, s.group[first], by_programme, programme_pointer, seed)
            seed, pick = _draw_number(seed, 8)
            g = s.group[j]
            reserve = i > 0 and pick % 3 == 0 and count_people(s, x, g)[0] < s.available[g]
            slot = -1 if reserve or x.w[j] == 0 else _find_used_slot(s, x, j, pick)
            if slot < 0 and not reserve:
                continue
            people[taken, GROUP] = g
            people[taken, WAS_AT] = -1 if reserve else j
            people[taken, WAS_ON] = slot
            if slot >= 0:
                place_person(s, x, j, slot, -1)
            taken += 1
        for back in range(taken):
            i = taken - 1 - back if more % 2 == 0 else back
            g, to, on = people[i, GROUP], -1, -1
            working, onsite = count_people(s, x, g)
            if working < s.available[g]:
                to, on = find_best_place(s, x, g, -1, -1, onsite >= s.onsite[g])
            people[i, NOW_AT], people[i, NOW_ON] = to, on
            if to >= 0:
                place_person(s, x, to, on, 1)
        after = compute_cost(s, x)
        if after <= cost + worse + 1e-9:
            gains += after < cost - 1e-9
            cost = after
            continue
        for i in range(taken):
            if people[i, NOW_AT] >= 0:
                place_person(s, x, people[i, NOW_AT], people[i, NOW_ON], -1)
        for i in range(taken):
            if people[i, WAS_AT] >= 0:
                place_person(s, x, people[i, WAS_AT], people[i, WAS_ON], 1)
    return gains
