"""One infection: the course of the infected person, and the outcome of each attempt."""

from __future__ import annotations

from typing import Any

import numpy as np

from releve.kernels.decorators import inlined_kernel
from releve.plugins.crashtest.engine.outbreak import rng
from releve.plugins.crashtest.engine.outbreak.kernel_state import (
    ATTEMPTS_LIST,
    BY_FLOOR,
    BY_HOUSEHOLD,
    BY_OUTSIDE,
    BY_SEAT,
    BY_SHUTTLE,
    BY_SITE,
    BY_ZONE,
    FIELDS,
    ILLNESS_LIST,
    TOUCHED,
    Measures,
    Rates,
    Record,
    RunState,
    World,
    present,
    push,
)
from releve.plugins.crashtest.engine.outbreak.rng import derive_key, draw_unit, pick

IMPORT = -1
"""In place of the number of an attempt: infected outside."""
_INFECTED, _HOUSEHOLD, _IMPORTED, _BY_ZONE = (
    FIELDS.index(name) for name in ("infected", "household", "imported", "by_zone")
)
_DAILY_INFECTED, _DAILY_HOUSEHOLD = 0, 1


@inlined_kernel
def poisson(u: float, mean: float) -> int:
    """Return the Poisson number of a uniform one, by inversion."""
    term = np.exp(-mean)
    reached, k = term, 0
    while u > reached and (term > 1e-18 or k < mean):
        k += 1
        term *= mean / k
        reached += term
    return k


@inlined_kernel
def draw(cumulative: Any, u: float) -> int:
    """Return the first place whose cumulative probability exceeds u."""
    k = 0
    while k < len(cumulative) - 1 and cumulative[k] <= u:
        k += 1
    return k


@inlined_kernel
def compute_work_rates(w: World, rates: Rates, a: int) -> tuple[float, float, float, float, float]:
    """Return an agent's attempts by layer: zone, seat, floor, site, shuttle."""
    g = w.group[a]
    in_group = w.group_end[g] - w.group_first[g]
    on_floor = w.floor_range[w.floor[a], 1] - w.floor_range[w.floor[a], 0]
    on_site = w.site_range[w.site[a], 1] - w.site_range[w.site[a], 0]
    seat = rates.seat * (w.near_pointer[a + 1] - w.near_pointer[a])
    return (
        rates.zone[g],
        seat,
        rates.floor if on_floor > in_group else 0.0,
        rates.site if on_site > on_floor else 0.0,
        rates.shuttle[w.vehicle[a]] if w.vehicle[a] >= 0 else 0.0,
    )


@inlined_kernel
def infect(
    w: World, rates: Rates, p: Measures, x: RunState, record: Record, rep: Any, at: int,
    who: int, t: int, layer: int, by: int,
) -> None:  # fmt: skip
    """Infect a susceptible person on day t, and plan all that follows."""
    if x.infected[who] >= 0:
        return
    key = derive_key(rep, w.key[who])
    if p.immune > 0 and draw_unit(key, rng.IMMUNE) < p.immune:
        return
    x.infected[who] = t
    x.touched[x.counts[TOUCHED]] = who
    x.counts[TOUCHED] += 1
    agent = who < w.agents
    x.counts[_INFECTED if agent else _HOUSEHOLD] += 1
    x.counts[_IMPORTED if layer == BY_OUTSIDE else _BY_ZONE + layer] += 1
    x.series[t, _DAILY_INFECTED if agent else _DAILY_HOUSEHOLD] += 1
    onset = -1
    factor = w.factor_well
    if draw_unit(key, rng.SYMPTOMS) >= w.asymptomatic:
        factor = w.factor_sick
        onset = t + draw(w.incubation, draw_unit(key, rng.INCUBATION))
        if agent and onset < len(x.series):
            push(x, ILLNESS_LIST, onset, who, 0)
    if len(record.day) > 0:
        record.day[at, who] = t
        record.onset[at, who] = onset
        record.by[at, who] = by
    _plan_infection(w, rates, x, key, who, t, factor)


@inlined_kernel
def _plan_infection(w: World, rates: Rates, x: RunState, key: Any, who: int, t: int, factor: float) -> None:
    """Plan the attempts of a newly infected person, at work and at home."""
    if who < w.agents:
        bins = len(w.multiplier)
        strength = factor * w.multiplier[pick(draw_unit(key, rng.MULTIPLIER), bins)]
        zone, seat, floor, site, shuttle = compute_work_rates(w, rates, who)
        mean = strength * (zone + seat + floor + site + shuttle)
        _plan_attempts(w, x, key, who, t, 0, poisson(draw_unit(key, rng.ATTEMPTS), mean))
        owner = who
    else:
        owner = w.owner[who - w.agents]
    members = w.home_pointer[owner + 1] - w.home_pointer[owner]
    if members > 0:
        bins = len(w.home_multiplier)
        strength = factor * w.home_multiplier[pick(draw_unit(key, rng.HOME_MULTIPLIER), bins)]
        wanted = poisson(draw_unit(key, rng.HOME_ATTEMPTS), strength * rates.household * members)
        _plan_attempts(w, x, key, who, t, rng.HOME_ATTEMPT, wanted)


@inlined_kernel
def _plan_attempts(w: World, x: RunState, key: Any, who: int, t: int, first: int, n: int) -> None:
    for j in range(first, first + n):
        day = t + draw(w.generation, draw_unit(key, rng.ATTEMPT + 4 * j + rng.TIME))
        if day < len(x.series):
            push(x, ATTEMPTS_LIST, day, who, j)


@inlined_kernel
def attempt(w: World, rates: Rates, p: Measures, x: RunState, rep: Any, who: int, j: int, t: int) -> tuple[int, int]:
    """Carry out attempt j of a person on day t; return the person reached (-1 = none) and the
    layer."""
    key = derive_key(rep, w.key[who])
    slot = rng.ATTEMPT + 4 * j
    if j >= rng.HOME_ATTEMPT:
        return _pick_household(w, who, draw_unit(key, slot + rng.TARGET)), BY_HOUSEHOLD
    if not present(w, p, x, who, t):
        return -1, BY_OUTSIDE
    layer = _choose_layer(w, rates, who, draw_unit(key, slot + rng.LAYER))
    target = _choose_target(w, who, layer, draw_unit(key, slot + rng.TARGET))
    if target < 0 or x.infected[target] >= 0 or not present(w, p, x, target, t):
        return -1, layer
    factor = p.other_factor
    if layer == BY_ZONE:
        factor = p.zone_factor[w.group[who]]
    elif layer == BY_SEAT:
        factor = p.seat_factor
    if factor < 1.0 and draw_unit(key, slot + rng.ACCEPT) >= factor:
        return -1, layer
    return target, layer


@inlined_kernel
def _choose_layer(w: World, rates: Rates, a: int, u: float) -> int:
    """Return the layer of an attempt at work."""
    zone, seat, floor, site, shuttle = compute_work_rates(w, rates, a)
    left = u * (zone + seat + floor + site + shuttle) - zone
    if left < 0 or seat + floor + site + shuttle == 0:
        return BY_ZONE
    left -= seat
    if left < 0 or floor + site + shuttle == 0:
        return BY_SEAT
    left -= floor
    if left < 0 or site + shuttle == 0:
        return BY_FLOOR
    left -= site
    return BY_SITE if left < 0 or shuttle == 0 else BY_SHUTTLE


@inlined_kernel
def _choose_target(w: World, a: int, layer: int, u: float) -> int:
    """Return the agent that an attempt at work reaches, -1 for an empty place."""
    g, site, floor = w.group[a], w.site[a], w.floor[a]
    if layer == BY_ZONE:
        meets = _pick_outside(w.group_first[g], w.group_places[g], a, a + 1, u)
        return meets if meets < w.group_end[g] else -1
    if layer == BY_SEAT:
        near = w.near_pointer[a]
        return int(w.near[near + pick(u, w.near_pointer[a + 1] - near)])
    first, end = w.floor_range[floor, 0], w.floor_range[floor, 1]
    if layer == BY_FLOOR:
        return _pick_outside(first, end - first, w.group_first[g], w.group_end[g], u)
    if layer == BY_SITE:
        return _pick_outside(w.site_range[site, 0], w.site_range[site, 1] - w.site_range[site, 0], first, end, u)
    v = w.vehicle[a]
    board, last = w.rider_pointer[v], w.rider_pointer[v + 1] - 1
    rider = w.riders[board + pick(u, last - board)]
    return int(w.riders[last] if rider == a else rider)  # the last one, in the agent's own place


@inlined_kernel
def _pick_outside(first: int, size: int, out_first: int, out_end: int, u: float) -> int:
    """Return a person of a range, outside the range within it."""
    r = first + pick(u, size - (out_end - out_first))
    return int(r if r < out_first else r + out_end - out_first)


@inlined_kernel
def _pick_household(w: World, who: int, u: float) -> int:
    """Return another person of a household: the agent, or a member."""
    if who < w.agents:
        first = w.home_pointer[who]
        return int(first + pick(u, w.home_pointer[who + 1] - first))
    owner = w.owner[who - w.agents]
    first, end = w.home_pointer[owner], w.home_pointer[owner + 1]
    r = first + pick(u, end - first)
    return int(owner) if r == who else int(r)
