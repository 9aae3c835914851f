"""Erlang C (M/M/n without abandonment), and the arithmetic on lanes that Erlang A shares.

P(wait) = n / (a + (n - a) y(n)) with y = 1 / B, and P(W > T) = P(wait) exp(-(n - a) T / AHT), for
n > a. For n <= a the queue grows without bound. A lane is one case; arrays are float64 of one
length, filled in loops that the compiler vectorises.
"""

from __future__ import annotations

import math

import numpy as np

from releve.kernels.arrays import Array
from releve.kernels.decorators import fused_finite_kernel, fused_kernel

LANES = 64
"""Cases worked on side by side."""

ROUNDING = 1e-12
"""A condition missed by less than this share of itself is held: rounding adds no agent."""

SMALLEST_LOAD = 1e-100
"""A smaller load than this (Erlang) counts as this; one agent answers it all the same."""

_PER_LN_2 = 1 / math.log(2)
_LN_2, _LN_2_REST = 6.93147180369123816490e-01, 1.90821492927058770002e-10
"""ln 2 in two parts (as fdlibm has it); the first ends in zero bits, so that a small whole
number times it is exact."""
_WHOLE = 1.5 * 2.0**52
"""Added to a number, it leaves the nearest whole one."""


@fused_kernel
def load_lanes(source: Array, first: int, into: Array) -> None:
    """Copy the next cases of a parameter; a parameter of length 1 holds for every case."""
    if source.size == 1:
        for lane in range(into.size):
            into[lane] = source[0]
    else:
        part = source[first : first + into.size]
        for lane in range(into.size):
            into[lane] = part[lane]


@fused_kernel
def exp(x: Array, out: Array) -> None:
    """Set ``out`` = exp(``x``) to a relative error of 5e-16, of an x kept within -64 and 700.

    exp(x) = 2^k exp(r), with k whole and r below ln 2 / 2: a Taylor polynomial, and k written into
    the exponent's bits. Adding 1.5 2^52 leaves k in the last bits of the sum. NaN counts as -64.
    """
    for lane in range(x.size):
        z = x[lane] if x[lane] > -64.0 else -64.0
        z = z if z < 700.0 else 700.0
        whole = z * _PER_LN_2 + _WHOLE
        k = whole - _WHOLE
        r = (z - k * _LN_2) - k * _LN_2_REST
        p = 1 / 479001600 + r * (1 / 6227020800)
        p = 1 / 3628800 + r * (1 / 39916800 + r * p)
        p = 1 / 40320 + r * (1 / 362880 + r * p)
        p = 1 / 720 + r * (1 / 5040 + r * p)
        p = 1 / 24 + r * (1 / 120 + r * p)
        p = 1 / 2 + r * (1 / 6 + r * p)
        p = 1.0 + r * (1.0 + r * p)
        bits = (np.float64(whole).view(np.int64) + 1023) << 52
        out[lane] = p * np.int64(bits).view(np.float64)


@fused_finite_kernel
def _largest(x: Array) -> float:
    """Return the largest; none is NaN, or the compiler could not work on lanes side by side."""
    top: float = x[0]
    for lane in range(1, x.size):
        top = max(top, x[lane])
    return top


@fused_kernel
def inverse_b(n: Array, load: Array, per_load: Array, share: Array, y: Array) -> None:
    """Set ``y`` = 1 / B(n, a), the inverse of the Erlang B formula; infinite above 1e308.

    y(0) = 1 and y(n) = 1 + y(n - 1) n / a. An error made at m < n shrinks by the product of j / a
    over j = m+1..n, about exp(-((a - m)^2 - (a - n)^2) / 2a) for n <= a, so the recursion starts
    where that is exp(-36). A step before agent 1 keeps y at 1. ``per_load`` = 1 / ``load``;
    ``share`` is room, for n / a.
    """
    for lane in range(n.size):
        below = max(0.0, load[lane] - n[lane])
        start = load[lane] - np.sqrt(72.0 * load[lane] + below * below)
        y[lane] = n[lane] - max(0.0, start)
        share[lane] = -n[lane]
    steps, least = _largest(y), -_largest(share)
    for lane in range(n.size):
        share[lane] = n[lane] * per_load[lane]
        y[lane] = 1.0
    fours = int(min(least, steps)) // 4
    for left in range(int(steps), 4 * fours - 1, -1):
        for lane in range(n.size):
            y[lane] = 1.0 + y[lane] * (max(n[lane] - left, 0.0) * per_load[lane])
    for four in range(fours - 1, -1, -1):  # all lanes are past agent 1: four steps a pass
        back = 4.0 * four
        for lane in range(n.size):
            p = per_load[lane]
            z = 1.0 + y[lane] * (share[lane] - (back + 3.0) * p)
            z = 1.0 + z * (share[lane] - (back + 2.0) * p)
            z = 1.0 + z * (share[lane] - (back + 1.0) * p)
            y[lane] = 1.0 + z * (share[lane] - back * p)


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
    calls: Array, interval_s: Array, aht_s: Array, threshold_s: Array, target: Array, max_occupancy: Array, out: Array
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
def _begin(volume: Array, interval: Array, aht: Array, cap: Array, a: Array, per_load: Array, first: Array) -> None:
    """Set the load and the least n that can do; make calls of unknown handling time unknown."""
    for lane in range(volume.size):
        load = volume[lane] * aht[lane] / interval[lane]
        volume[lane] = np.nan if volume[lane] > 0.0 and np.isnan(load) else volume[lane]
        load = load if load > SMALLEST_LOAD else SMALLEST_LOAD
        a[lane] = load
        per_load[lane] = 1.0 / load
        first[lane] = max(np.floor(load) + 1.0, np.ceil(load / (cap[lane] * (1.0 + ROUNDING))))


@fused_kernel
def _fade(t: Array, aht: Array, goal: Array, a: Array, first: Array, work: Array, fade: Array, step: Array) -> None:
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
    tried: float, a: Array, per_load: Array, first: Array, y: Array, fade: Array, step: Array, found: Array
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
