"""Erlang C: M/M/n, nobody hangs up.

P(wait) = n / (a + (n - a) y(n)) with y = 1 / B, and P(W > T) = P(wait) exp(-(n - a) T / AHT), for
n > a. For n <= a the queue grows without bound.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from releve.demand.erlang.jit import kernel
from releve.demand.erlang.lanes import LANES, ROUNDING, SMALLEST_LOAD, exp, inverse_b, take

__all__ = ["measure_c", "require_c"]

Array = NDArray[Any]


@kernel
def measure_c(load: Array, agents: Array, t: Array, out: Array) -> None:
    """Fill ``out[:, case]`` with P(wait) and P(W > T), ``t`` = T / AHT; both 1 in overload."""
    rows = np.empty((3, LANES))
    for first in range(0, load.size, LANES):
        last = min(first + LANES, load.size)
        per_load, y, fade = (
            rows[0, : last - first],
            rows[1, : last - first],
            rows[2, : last - first],
        )
        a, n = load[first:last], agents[first:last]
        for lane in range(a.size):
            per_load[lane] = 1.0 / a[lane]
            y[lane] = -t[first + lane] * max(n[lane] - a[lane], 0.0)
        exp(y, fade)
        inverse_b(n, a, per_load, y)
        for lane in range(a.size):
            spare = max(n[lane] - a[lane], 0.0)
            wait = n[lane] / (a[lane] + spare * y[lane]) if spare > 0.0 else 1.0
            out[0, first + lane] = wait
            out[1, first + lane] = wait * fade[lane]


@kernel
def require_c(
    calls_per_s: Array,
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
    rows = np.empty((12, LANES))
    for first in range(0, out.size, LANES):
        count = min(LANES, out.size - first)
        calls, aht, t, late = rows[0, :count], rows[1, :count], rows[2, :count], rows[3, :count]
        a, per_load, n, y = rows[4, :count], rows[5, :count], rows[6, :count], rows[7, :count]
        fade, step, cap = rows[8, :count], rows[9, :count], rows[10, :count]
        work = rows[11, :count]
        take(calls_per_s, first, calls)
        take(aht_s, first, aht)
        take(threshold_s, first, t)
        take(target, first, late)
        take(max_occupancy, first, cap)
        _begin(calls, aht, t, late, cap, a, per_load, n, fade, step)
        work[:] = fade
        exp(work, fade)
        work[:] = step
        exp(work, step)
        inverse_b(n, a, per_load, y)
        found = out[first : first + count]
        found[:] = n
        while _advance(a, per_load, late, n, y, fade, step, found):
            pass
        for lane in range(count):
            found[lane] = found[lane] if calls[lane] > 0.0 else calls[lane]


@kernel
def _begin(
    calls: Array,
    aht: Array,
    t: Array,
    late: Array,
    cap: Array,
    a: Array,
    per_load: Array,
    n: Array,
    fade: Array,
    step: Array,
) -> None:
    """Set the load, the least n that can do, the allowed late share and the exponents."""
    for lane in range(calls.size):
        load = calls[lane] * aht[lane]
        known = load > SMALLEST_LOAD
        calls[lane] = np.nan if calls[lane] > 0.0 and np.isnan(load) else calls[lane]
        load = load if known else SMALLEST_LOAD
        a[lane] = load
        per_load[lane] = 1.0 / load
        n[lane] = max(np.floor(load) + 1.0, np.ceil(load / (cap[lane] * (1.0 + ROUNDING))))
        late[lane] = (1.0 - late[lane]) * (1.0 + ROUNDING)
        step[lane] = -t[lane] / aht[lane] if known else 0.0
        fade[lane] = step[lane] * (n[lane] - load)


@kernel
def _advance(
    a: Array,
    per_load: Array,
    late: Array,
    n: Array,
    y: Array,
    fade: Array,
    step: Array,
    found: Array,
) -> bool:
    """Test every lane at n and n + 1, add one to ``found`` for each that fails, and go on to n + 2.

    The service level rises with n, so the first n that holds is the first n plus the failures.
    Return False when no lane failed at n + 1.
    """
    waiting = 0.0
    for lane in range(n.size):
        spare = n[lane] - a[lane]
        now = n[lane] * fade[lane] > late[lane] * (a[lane] + spare * y[lane])
        y_next = 1.0 + y[lane] * ((n[lane] + 1.0) * per_load[lane])
        fade_next = fade[lane] * step[lane]
        then = (n[lane] + 1.0) * fade_next > late[lane] * (a[lane] + (spare + 1.0) * y_next)
        found[lane] += (1.0 if now else 0.0) + (1.0 if then else 0.0)
        waiting += 1.0 if then else 0.0
        n[lane] += 2.0
        y[lane] = 1.0 + y_next * (n[lane] * per_load[lane])
        fade[lane] = fade_next * step[lane]
    return waiting > 0.0
