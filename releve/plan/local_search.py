"""The kernels that improve a plan in whole people: single moves, and exchanges of a few at once.

Costs are in agent-intervals of mean penalty:

* a missing agent-interval costs its programme's weight;
* a client's missing agent-intervals above its limit cost ``excess[client]`` each, on top;
* a person on an assignment costs its price, and ``move_price[j]`` more when the ``stay[j]`` people
  expected there are there already; ``break_price[0]`` more on a pattern of a link that the ``keep[i]``
  people expected on it have already;
* a person without a seat (on a site, in a vehicle), or over a client's share of a site, costs more
  than anything saved;
* a loss costs the largest of its cuts, each linear in the people of every group on the places lost.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from releve.kernels.arrays import Array
from releve.kernels.decorators import inlined_kernel, kernel

FORBIDDEN = 1e7


class KernelProblem(NamedTuple):
    """What does not change. Assignments of group g are ``pointer[g]:pointer[g + 1]``; patterns of
    link l are ``link_patterns[link_pointer[l]:link_pointer[l + 1]]``; home is the last place. The
    losses that take place m away are ``losses[loss_pointer[m]:loss_pointer[m + 1]]``, and
    ``slope[loss, cut, g]`` is what one person of group g there adds to a cut. The people of an
    assignment ride on row ``ride_row[j]`` (-1: no vehicle), which has ``ride_room[row]`` seats; they
    count in the shares of a site where ``counted[j]`` is 1.
    """

    pointer: Array
    group: Array
    place: Array
    programme: Array
    link: Array
    effect: Array
    price: Array
    stay: Array
    allowed: Array
    link_pointer: Array
    link_patterns: Array
    worked: Array
    present: Array
    first: Array
    last: Array
    required: Array
    weight: Array
    client: Array
    limit: Array
    seats: Array
    cap: Array
    available: Array
    onsite: Array
    move_price: Array
    excess: Array
    loss_pointer: Array
    losses: Array
    slope: Array
    ride_row: Array
    ride_room: Array
    counted: Array
    keep: Array
    break_price: Array


class KernelState(NamedTuple):
    """People: ``w[j]`` per assignment, ``y[i]`` per (link, pattern) slot; and what follows from
    them: ``placed[t, p]``, ``seated[t, m]``, ``heads[m, client]``, ``missing[client]``,
    ``riders[row]`` and ``relief[loss, cut]``, what each cut says that a relief costs at least;
    ``strayed[0]`` people beyond those expected on their patterns.
    """

    w: Array
    y: Array
    placed: Array
    seated: Array
    heads: Array
    missing: Array
    relief: Array
    riders: Array
    strayed: Array


@inlined_kernel
def _measure_removed(s: KernelProblem, x: KernelState, k: int, j: int, sign: float) -> float:
    """Return the missing agent-intervals that one more (or less) person takes away."""
    p = s.programme[j]
    removed = 0.0
    for t in range(s.first[k], s.last[k]):
        before = s.required[t, p] - x.placed[t, p]
        after = before - sign * s.worked[k, t] * s.effect[j]
        removed += max(0.0, before) - max(0.0, after)
    return removed


@inlined_kernel
def place_person(s: KernelProblem, x: KernelState, j: int, slot: int, sign: int) -> None:
    """Put (+1) or take (-1) one person on assignment j with the pattern of a slot of its link."""
    k = s.link_patterns[slot]
    p, m = s.programme[j], s.place[j]
    c = s.client[p]
    x.missing[c] -= _measure_removed(s, x, k, j, float(sign))
    x.heads[m, c] += sign * s.counted[j]
    x.w[j] += sign
    if max(x.y[slot], x.y[slot] + sign) > s.keep[slot]:
        x.strayed[0] += sign
    x.y[slot] += sign
    if s.ride_row[j] >= 0:
        x.riders[s.ride_row[j]] += sign
    for i in range(s.loss_pointer[m], s.loss_pointer[m + 1]):
        for cut in range(s.slope.shape[1]):
            x.relief[s.losses[i], cut] += sign * s.slope[s.losses[i], cut, s.group[j]]
    for t in range(s.first[k], s.last[k]):
        x.placed[t, p] += sign * s.worked[k, t] * s.effect[j]
        if s.present[k, t] > 0:
            x.seated[t, m] += sign


@inlined_kernel
def _count_heads(x: KernelState, c: int) -> int:
    """Return the people of a client, on all places."""
    total = 0
    for m in range(len(x.heads)):
        total += x.heads[m, c]
    return total


@inlined_kernel
def _count_broken_rules(s: KernelProblem, x: KernelState, k: int, j: int) -> float:
    """Return how many rules one more person would break."""
    m = s.place[j]
    if m == len(s.seats):
        return 0.0
    over = 0.0
    r = s.ride_row[j]
    if r >= 0 and x.riders[r] >= s.ride_room[r]:
        over += 1.0
    for t in range(s.first[k], s.last[k]):
        if s.present[k, t] > 0 and x.seated[t, m] >= s.seats[m]:
            over += 1.0
    c = s.client[s.programme[j]]
    if s.cap[c] < 1.0 and s.counted[j] > 0:
        total = _count_heads(x, c) + 1
        if x.heads[m, c] + 1 > np.ceil(s.cap[c] * total - 1e-9):
            over += 1.0
    return over


@inlined_kernel
def _exceeds_share(s: KernelProblem, x: KernelState, c: int) -> bool:
    """Return whether a site holds more than its share of a client."""
    if c < 0 or s.cap[c] >= 1.0:
        return False
    most = np.ceil(s.cap[c] * _count_heads(x, c) - 1e-9)
    fullest = 0
    for m in range(len(s.seats)):
        fullest = max(fullest, x.heads[m, c])
    return bool(fullest > most)


@inlined_kernel
def _price_exposure(s: KernelProblem, x: KernelState, g: int, m: int) -> float:
    """Return what one more person of group g on place m adds to the cost of the reliefs."""
    added = 0.0
    for i in range(s.loss_pointer[m], s.loss_pointer[m + 1]):
        loss = s.losses[i]
        before, after = -np.inf, -np.inf
        for cut in range(s.slope.shape[1]):
            before = max(before, x.relief[loss, cut])
            after = max(after, x.relief[loss, cut] + s.slope[loss, cut, g])
        added += after - before
    return added


@inlined_kernel
def find_best_place(s: KernelProblem, x: KernelState, g: int, j0: int, slot0: int, home_only: bool) -> tuple[int, int]:
    """Return the cheapest (assignment, slot) for one more person of group g.

    (j0, slot0), where the person comes from, wins ties; (-1, -1) is the reserve. A client that
    this person's going leaves over its share keeps the person.
    """
    held = s.client[s.programme[j0]] if j0 >= 0 else -1
    if not _exceeds_share(s, x, held):
        held = -1
    best_j, best_slot, best_cost = -1, -1, FORBIDDEN if held >= 0 else 0.0
    for j in range(s.pointer[g], s.pointer[g + 1]):
        if not s.allowed[j] or (home_only and s.place[j] != len(s.seats)):
            continue
        c = s.client[s.programme[j]]
        fixed = s.price[j] + _price_exposure(s, x, g, s.place[j])
        if x.w[j] >= s.stay[j]:
            fixed += s.move_price[j]
        for slot in range(s.link_pointer[s.link[j]], s.link_pointer[s.link[j] + 1]):
            k = s.link_patterns[slot]
            removed = _measure_removed(s, x, k, j, 1.0)
            above = x.missing[c] - s.limit[c]
            saved = max(0.0, above) - max(0.0, above - removed)
            cost = fixed - s.weight[s.programme[j]] * removed - s.excess[c] * saved
            if x.y[slot] >= s.keep[slot]:
                cost += s.break_price[0]
            if j == j0 and slot == slot0:
                cost -= 1e-7
            if held >= 0 and c != held:
                cost += FORBIDDEN
            if cost < best_cost - 1e-9:
                cost += FORBIDDEN * _count_broken_rules(s, x, k, j)
                if cost < best_cost - 1e-9:
                    best_j, best_slot, best_cost = j, slot, cost
    return best_j, best_slot


@inlined_kernel
def count_people(s: KernelProblem, x: KernelState, g: int) -> tuple[int, int]:
    """Return how many people of a group are at work, and how many of them on a site."""
    working, onsite = 0, 0
    for j in range(s.pointer[g], s.pointer[g + 1]):
        working += x.w[j]
        if s.place[j] != len(s.seats):
            onsite += x.w[j]
    return working, onsite


@inlined_kernel
def _replace_person(s: KernelProblem, x: KernelState, g: int, j0: int, slot0: int) -> bool:
    """Move one person of group g from (j0, slot0), or from the reserve, to the cheapest place."""
    if j0 >= 0:
        place_person(s, x, j0, slot0, -1)
    _, onsite = count_people(s, x, g)
    j1, slot1 = find_best_place(s, x, g, j0, slot0, onsite >= s.onsite[g])
    if j1 >= 0:
        place_person(s, x, j1, slot1, 1)
    return j1 != j0 or slot1 != slot0


@kernel
def improve_state(s: KernelProblem, x: KernelState, sweeps: int) -> int:
    """Improve the state in place; return the number of changes made.

    A sweep tries, for every group, a person of the reserve and one of each slot in use. It stops
    when a sweep changes nothing.
    """
    changes = 0
    for _ in range(sweeps):
        changed = 0
        for g in range(len(s.pointer) - 1):
            lo, hi = s.pointer[g], s.pointer[g + 1]
            for _again in range(s.available[g]):
                full = count_people(s, x, g)[0] >= s.available[g]
                if full or not _replace_person(s, x, g, -1, -1):
                    break
                changed += 1
            for j in range(lo, hi):
                for slot in range(s.link_pointer[s.link[j]], s.link_pointer[s.link[j] + 1]):
                    if x.w[j] > 0 and x.y[slot] > 0 and _replace_person(s, x, g, j, slot):
                        changed += 1
        changes += changed
        if changed == 0:
            break
    return changes


@kernel
def compute_cost(s: KernelProblem, x: KernelState) -> float:
    """Return the whole cost of a state.

    Each client that a site holds more of than its largest share adds :data:`FORBIDDEN`.
    """
    cost = 0.0
    for p in range(s.required.shape[1]):
        missing = 0.0
        for t in range(s.required.shape[0]):
            missing += max(0.0, s.required[t, p] - x.placed[t, p])
        cost += s.weight[p] * missing
    for c in range(len(s.cap)):
        cost += s.excess[c] * max(0.0, x.missing[c] - s.limit[c])
        if _exceeds_share(s, x, c):
            cost += FORBIDDEN
    for j in range(len(x.w)):
        cost += s.price[j] * x.w[j] + s.move_price[j] * max(0, x.w[j] - s.stay[j])
    cost += float(s.break_price[0] * x.strayed[0])
    for loss in range(len(x.relief)):
        known = x.relief[loss, 0]
        for cut in range(1, x.relief.shape[1]):
            known = max(known, x.relief[loss, cut])
        cost += known
    return cost


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
    s: KernelProblem, x: KernelState, g: int, by_programme: Array, programme_pointer: Array, seed: int
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
