"""Erlang C: M/M/n, without abandonment.

P(wait) = n / (a + (n - a) y(n)) with y = 1 / B, and P(W > T) = P(wait) exp(-(n - a) T / AHT), for
n > a. For n <= a the queue grows without bound.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from releve.demand.erlang.vector_math import (
    LANES,
    ROUNDING,
    SMALLEST_LOAD,
    exp,
    inverse_b,
    load_lanes,
)
from releve.kernels.decorators import fused_kernel

__all__ = ["measure_c", "require_c"]

Array = NDArray[Any]


@fused_kernel
def measure_c(load: Array, agents: Array, t: Array, out: Array) -> None:
    """Fill ``out[:, case]`` with P(wait) and P(W > T), ``t`` = T / AHT; both 1 in overload."""
    count = min(LANES, load.size)
    per_load, y, fade, work = np.empty(count), np.empty(count), np.empty(count), np.empty(count)
    for block in range(0, load.size, LANES):
        first = min(block, load.size - count)  # the last block begins among those before it
        a, n = load[first : first + count], agents[first : first + count]
        for lane in range(a.size):
            per_load[lane] = 1.0 / a[lane]
            work[lane] = -t[first + lane] * max(n[lane] - a[lane], 0.0)
        exp(work, fade)
        inverse_b(n, a, per_load, work, y)
        for lane in range(a.size):
            spare = max(n[lane] - a[lane], 0.0)
            wait = n[lane] / (a[lane] + spare * y[lane]) if spare > 0.0 else 1.0
            out[0, first + lane] = wait
            out[1, first + lane] = wait * fade[lane]


@fused_kernel
def require_c(
    calls: Array,
    interval_s: Array,
    aht_s: Array,
    threshold_s: Array,
    target: Array,
    max_occupancy: Array,
    out: Array,
) -> None:
    """Fill ``out[case]`` with the least n that holds the target and the occupancy.

    Parameters are of the length of ``out`` or of length 1. No calls give 0, unknown calls NaN.
    n rises from the least that is above the load and within the occupancy; y, exp(-(n - a) T /
    AHT) and the test are carried along without a division.
    """
    count = min(LANES, out.size)
    rows = np.empty((13, count))
    volume, interval, aht = rows[0], rows[1], rows[2]
    t, goal, cap = rows[3], rows[4], rows[5]
    a, per_load, first, y = rows[6], rows[7], rows[8], rows[9]
    fade, step, work = rows[10], rows[11], rows[12]
    for block in range(0, out.size, LANES):
        begin = min(block, out.size - count)  # the last block begins among those before it
        load_lanes(calls, begin, volume)
        load_lanes(interval_s, begin, interval)
        load_lanes(aht_s, begin, aht)
        load_lanes(threshold_s, begin, t)
        load_lanes(target, begin, goal)
        load_lanes(max_occupancy, begin, cap)
        _begin(volume, interval, aht, cap, a, per_load, first)
        _fade(t, aht, goal, a, first, work, fade, step)
        inverse_b(first, a, per_load, work, y)
        found = out[begin : begin + count]
        for lane in range(count):
            found[lane] = first[lane]
        tried = 0.0
        while _advance(tried, a, per_load, first, y, fade, step, found):
            tried += 4.0
        for lane in range(count):
            found[lane] = found[lane] if volume[lane] > 0.0 else volume[lane]


@fused_kernel
def _begin(
    volume: Array,
    interval: Array,
    aht: Array,
    cap: Array,
    a: Array,
    per_load: Array,
    first: Array,
) -> None:
    """Set the load and the least n that can do; make calls of unknown handling time unknown."""
    for lane in range(volume.size):
        load = volume[lane] * aht[lane] / interval[lane]
        volume[lane] = np.nan if volume[lane] > 0.0 and np.isnan(load) else volume[lane]
        load = load if load > SMALLEST_LOAD else SMALLEST_LOAD
        a[lane] = load
        per_load[lane] = 1.0 / load
        first[lane] = max(np.floor(load) + 1.0, np.ceil(load / (cap[lane] * (1.0 + ROUNDING))))


@fused_kernel
def _fade(
    t: Array,
    aht: Array,
    goal: Array,
    a: Array,
    first: Array,
    work: Array,
    fade: Array,
    step: Array,
) -> None:
    """Set exp(-(n - a) T / AHT) over the share that may be late, and its factor per agent."""
    for lane in range(t.size):
        periods = -t[lane] / aht[lane]
        work[lane] = periods if periods < 0.0 else 0.0
    exp(work, step)
    for lane in range(t.size):
        work[lane] *= first[lane] - a[lane]
    exp(work, fade)
    for lane in range(t.size):
        fade[lane] /= (1.0 - goal[lane]) * (1.0 + ROUNDING)


@fused_kernel
def _advance(
    tried: float,
    a: Array,
    per_load: Array,
    first: Array,
    y: Array,
    fade: Array,
    step: Array,
    found: Array,
) -> bool:
    """Test every lane at ``first`` + ``tried`` and the three n above; add the failures to found.

    The service level rises with n, so the least n is the first n plus the failures. Four steps a
    pass, so that memory does not set the pace. Return False when no lane failed at the last.
    """
    waiting = 0
    for lane in range(a.size):
        n, p, q = first[lane] + tried, per_load[lane], step[lane]
        spare = n - a[lane]
        y1 = 1.0 + y[lane] * ((n + 1.0) * p)
        y2 = 1.0 + y1 * ((n + 2.0) * p)
        y3 = 1.0 + y2 * ((n + 3.0) * p)
        fade1 = fade[lane] * q
        fade2 = fade1 * q
        fade3 = fade2 * q
        failed = 1.0 if n * fade[lane] > a[lane] + spare * y[lane] else 0.0
        failed += 1.0 if (n + 1.0) * fade1 > a[lane] + (spare + 1.0) * y1 else 0.0
        failed += 1.0 if (n + 2.0) * fade2 > a[lane] + (spare + 2.0) * y2 else 0.0
        last = (n + 3.0) * fade3 > a[lane] + (spare + 3.0) * y3
        found[lane] += failed + (1.0 if last else 0.0)
        waiting += 1 if last else 0
        y[lane] = 1.0 + y3 * ((n + 4.0) * p)
        fade[lane] = fade3 * q
    return waiting > 0
