"""Take one person out and put them back where they help most, until nobody wants to move.

The kernel of :mod:`releve.plan.whole`. Costs are in agent-intervals of mean penalty:

* a missing agent-interval costs its programme's weight;
* a client's missing agent-intervals above its limit cost ``excess`` each, on top;
* a person on an assignment costs its price, and ``move_price`` more when ``stay[j]`` people, those
  who were there before, are there already;
* a person without a seat, or over a client's share of a site, costs more than anything saved.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["FORBIDDEN", "Fixed", "State", "improve"]

FORBIDDEN = 1e7
Array = NDArray[Any]


class Fixed(NamedTuple):
    """What does not change. Assignments of group g are ``pointer[g]:pointer[g + 1]``; patterns of
    link l are ``link_patterns[link_pointer[l]:link_pointer[l + 1]]``; home is the last place.
    """

    pointer: Array
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
    move_price: float
    excess: float


class State(NamedTuple):
    """People: ``w[j]`` per assignment, ``y[i]`` per (link, pattern) slot; and what follows from
    them: ``placed[t, p]``, ``seated[t, m]``, ``heads[m, client]``, ``missing[client]``.
    """

    w: Array
    y: Array
    placed: Array
    seated: Array
    heads: Array
    missing: Array


@njit(cache=True)
def _removed(s: Fixed, x: State, k: int, j: int, sign: float) -> float:
    """Return the missing agent-intervals that one more (or less) person takes away."""
    p = s.programme[j]
    removed = 0.0
    for t in range(s.first[k], s.last[k]):
        before = s.required[t, p] - x.placed[t, p]
        after = before - sign * s.worked[k, t] * s.effect[j]
        removed += max(0.0, before) - max(0.0, after)
    return removed


@njit(cache=True)
def put(s: Fixed, x: State, j: int, slot: int, sign: int) -> None:
    """Put (+1) or take (-1) one person on assignment j with the pattern of a slot of its link."""
    k = s.link_patterns[slot]
    p, m = s.programme[j], s.place[j]
    c = s.client[p]
    x.missing[c] -= _removed(s, x, k, j, float(sign))
    x.heads[m, c] += sign
    x.w[j] += sign
    x.y[slot] += sign
    for t in range(s.first[k], s.last[k]):
        x.placed[t, p] += sign * s.worked[k, t] * s.effect[j]
        if s.present[k, t] > 0:
            x.seated[t, m] += sign


@njit(cache=True)
def _broken(s: Fixed, x: State, k: int, j: int) -> float:
    """Return how many rules one more person would break."""
    m = s.place[j]
    if m == len(s.seats):
        return 0.0
    over = 0.0
    for t in range(s.first[k], s.last[k]):
        if s.present[k, t] > 0 and x.seated[t, m] >= s.seats[m]:
            over += 1.0
    c = s.client[s.programme[j]]
    if s.cap[c] < 1.0:
        total = x.heads[:, c].sum() + 1
        if x.heads[m, c] + 1 > np.ceil(s.cap[c] * total - 1e-9):
            over += 1.0
    return over


@njit(cache=True)
def _over_share(s: Fixed, x: State, c: int) -> bool:
    """Return whether a site holds more than its share of a client."""
    if c < 0 or s.cap[c] >= 1.0:
        return False
    most = np.ceil(s.cap[c] * x.heads[:, c].sum() - 1e-9)
    return bool((x.heads[: len(s.seats), c] > most).any())


@njit(cache=True)
def _best(s: Fixed, x: State, g: int, j0: int, slot0: int, home_only: bool) -> tuple[int, int]:
    """Return the cheapest (assignment, slot) for one more person of group g.

    (j0, slot0), where the person comes from, wins ties; (-1, -1) is the reserve. A client that
    this person's going leaves over its share keeps the person.
    """
    held = s.client[s.programme[j0]] if j0 >= 0 else -1
    if not _over_share(s, x, held):
        held = -1
    best_j, best_slot, best_cost = -1, -1, FORBIDDEN if held >= 0 else 0.0
    for j in range(s.pointer[g], s.pointer[g + 1]):
        if not s.allowed[j] or (home_only and s.place[j] != len(s.seats)):
            continue
        c = s.client[s.programme[j]]
        fixed = s.price[j]
        if x.w[j] >= s.stay[j]:
            fixed += s.move_price
        for slot in range(s.link_pointer[s.link[j]], s.link_pointer[s.link[j] + 1]):
            k = s.link_patterns[slot]
            removed = _removed(s, x, k, j, 1.0)
            above = x.missing[c] - s.limit[c]
            saved = max(0.0, above) - max(0.0, above - removed)
            cost = fixed - s.weight[s.programme[j]] * removed - s.excess * saved
            if j == j0 and slot == slot0:
                cost -= 1e-7
            if held >= 0 and c != held:
                cost += FORBIDDEN
            if cost < best_cost - 1e-9:
                cost += FORBIDDEN * _broken(s, x, k, j)
                if cost < best_cost - 1e-9:
                    best_j, best_slot, best_cost = j, slot, cost
    return best_j, best_slot


@njit(cache=True)
def _replace(s: Fixed, x: State, g: int, j0: int, slot0: int) -> bool:
    """Take one person of group g from (j0, slot0), or the reserve, and put them back best."""
    if j0 >= 0:
        put(s, x, j0, slot0, -1)
    onsite = 0
    for j in range(s.pointer[g], s.pointer[g + 1]):
        if s.place[j] != len(s.seats):
            onsite += x.w[j]
    j1, slot1 = _best(s, x, g, j0, slot0, onsite >= s.onsite[g])
    if j1 >= 0:
        put(s, x, j1, slot1, 1)
    return j1 != j0 or slot1 != slot0


@njit(cache=True)
def improve(s: Fixed, x: State, sweeps: int) -> int:
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
                if x.w[lo:hi].sum() >= s.available[g] or not _replace(s, x, g, -1, -1):
                    break
                changed += 1
            for j in range(lo, hi):
                for slot in range(s.link_pointer[s.link[j]], s.link_pointer[s.link[j] + 1]):
                    if x.w[j] > 0 and x.y[slot] > 0 and _replace(s, x, g, j, slot):
                        changed += 1
        changes += changed
        if changed == 0:
            break
    return changes
