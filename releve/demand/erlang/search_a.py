"""The least number of agents of an Erlang A queue.

The virtual wait falls in the likelihood ratio order as n rises: from n to n + 1 its density is
multiplied by exp(-v / AHT), and its atom by B(n - 1) / B(n) >= 1 (both up to a constant). Hence,
with X the patience and e(v) = exp(-v / patience),

* P(abandon) = E[1 - e(V)] falls, and P(V > T) with it;
* (a) served within T / offered = E[e(V); V <= T] rises;
* (b) served within T / answered is P(V <= T) under the law weighted by e(v), which keeps the
  order: it rises;
* (c) served within T / (offered - abandoned within T): its odds are E[e(V); V <= T] over
  e(T) P(V > T); the numerator gains at least, the denominator at most the factor at T: it rises;
* (d) (served + abandoned within T) / offered = 1 - e(T) P(V > T) rises.

The occupancy falls: for patience >= AHT by coupling, otherwise checked by scan in the tests. So
what holds at n holds above, and a bracket closed on neighbours is exact.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from releve.demand.erlang.erlang_a import Queues, evaluate
from releve.demand.erlang.vector_math import ROUNDING, SMALLEST_LOAD
from releve.kernels.decorators import fused_kernel

__all__ = ["Cases", "Search", "require_a", "search"]

Array = NDArray[Any]

SURE_ROUNDS = 8
"""After so many rounds a bracket is halved instead of interpolated."""


class Cases(NamedTuple):
    """What is asked, one entry a case or one entry for all; ``definition`` 0..3 = (a)..(d)."""

    calls: Array
    interval_s: Array
    aht_s: Array
    patience_s: Array
    threshold_s: Array
    definition: Array
    target: Array
    answer_rate: Array
    max_occupancy: Array


class Search(NamedTuple):
    """Where each lane is: its case (-1 = none left), what it may miss, the bracket ``low`` (fails)
    .. ``high`` (holds; 0 = not found yet), and the last measurement.

    ``strain`` is the largest odds ratio of missed against allowed over the conditions; its
    logarithm is nearly straight in n, ``slope`` is how much it falls per agent.
    """

    case: Array
    definition: Array
    may_miss: Array
    may_lose: Array
    cap: Array
    low: Array
    high: Array
    rounds: Array
    slope: Array
    strain: Array
    last_n: Array
    last_log: Array


def search(lanes: int) -> Search:
    """Return room for ``lanes`` searches."""
    case, definition = np.full(lanes, -1), np.zeros(lanes, dtype=np.int64)
    return Search(case, definition, *(np.zeros(lanes) for _ in range(10)))


@fused_kernel
def require_a(cases: Cases, q: Queues, s: Search, out: Array) -> None:
    """Fill ``out[case]`` with the least n that holds every condition; no calls 0, unknown NaN.

    A lane holds one case; a round measures every lane at its n; a lane that is done takes the
    next case. ``q`` and ``s`` are new room for the same number of lanes.
    """
    coming = _refill(cases, q, s, 0, out)
    while np.max(s.case) >= 0:
        evaluate(q)
        _measure_strain(q, s)
        _narrow(q, s, out)
        if np.min(s.case) < 0:
            coming = _refill(cases, q, s, coming, out)


@fused_kernel
def _refill(cases: Cases, q: Queues, s: Search, coming: int, out: Array) -> int:
    """Put the next cases into the free lanes; return the case after them.

    A search starts at the fluid answer and a share of the square root of the load above it.
    """
    for lane in range(s.case.size):
        while s.case[lane] < 0 and coming < out.size:
            i = coming
            coming += 1
            calls, aht = _at(cases.calls, i), _at(cases.aht_s, i)
            load = calls * aht / _at(cases.interval_s, i)
            if calls == 0.0 or np.isnan(load):
                out[i] = 0.0 if calls == 0.0 else np.nan
                continue
            load = max(load, SMALLEST_LOAD)
            patience, threshold = _at(cases.patience_s, i), _at(cases.threshold_s, i)
            hold = math.expm1(-threshold / patience)
            q.a[lane], q.kappa[lane] = load, patience / aht
            q.t[lane], q.hold[lane] = threshold / aht, hold
            target, answer_rate = _at(cases.target, i), _at(cases.answer_rate, i)
            cap = _at(cases.max_occupancy, i)
            s.case[lane], s.definition[lane] = i, _at(cases.definition, i)
            s.may_miss[lane], s.may_lose[lane], s.cap[lane] = 1.0 - target, 1.0 - answer_rate, cap
            s.low[lane], s.high[lane], s.rounds[lane], s.last_n[lane] = 0.0, 0.0, 0.0, 0.0
            root = math.sqrt(load)
            s.slope[lane] = 1.7 / root
            guess = load * max(target, 1.0 + hold) + 0.9 * root
            guess = max(guess, load * answer_rate + 0.5 * root)
            q.n[lane] = max(1.0, math.ceil(max(guess, load * max(answer_rate, 0.97) / cap)))
    return coming


@fused_kernel
def _at(values: Array, i: int) -> Any:
    return values[min(i, values.size - 1)]


@fused_kernel
def _measure_strain(q: Queues, s: Search) -> None:
    """Set the strain of every lane; at most 1 where every condition holds."""
    for lane in range(s.strain.size):
        abandon, late, beyond = q.abandon[lane], q.late[lane], q.beyond[lane]
        within = 1.0 - abandon - late
        definition = s.definition[lane]
        missed = late if definition < 2 else beyond
        missed += abandon if definition == 0 else 0.0
        kept = 1.0 - beyond if definition == 3 else within
        busy = q.a[lane] * (1.0 - abandon) / q.n[lane]
        strain = _odds(missed, kept, s.may_miss[lane])
        strain = max(strain, _odds(abandon, 1.0 - abandon, s.may_lose[lane]))
        s.strain[lane] = max(strain, _odds(busy, 1.0 - busy, s.cap[lane]))


@fused_kernel
def _odds(share: float, rest: float, allowed: float) -> float:
    """Return the odds of ``share`` against ``rest`` over those of ``allowed``."""
    return share * (1.0 - allowed) / (max(rest, 1e-300) * allowed)


@fused_kernel
def _narrow(q: Queues, s: Search, out: Array) -> None:
    """Narrow the brackets by what was measured; write what is found and free its lane."""
    for lane in range(s.case.size):
        if s.case[lane] < 0:
            continue
        n, strain = q.n[lane], s.strain[lane]
        if strain <= 1.0 + ROUNDING:
            s.high[lane] = n
        else:
            s.low[lane] = n
        if s.high[lane] == s.low[lane] + 1.0:
            out[s.case[lane]] = s.high[lane]
            s.case[lane] = -1
            continue
        log_strain = math.log(min(max(strain, 1e-300), 1e300))
        if s.last_n[lane] > 0.0:
            slope = (s.last_log[lane] - log_strain) / (n - s.last_n[lane])
            s.slope[lane] = slope if slope > 1e-9 else s.slope[lane]
        s.last_n[lane], s.last_log[lane] = n, log_strain
        s.rounds[lane] += 1.0
        crossing = n + log_strain / s.slope[lane]
        q.n[lane] = _next(crossing, s.low[lane], s.high[lane], s.rounds[lane])


@fused_kernel
def _next(crossing: float, low: float, high: float, rounds: float) -> float:
    """Return where to measure next, inside the bracket."""
    if high == 0.0:
        return min(max(math.ceil(crossing), low + 1.0), 2.0 * low + 1.0)
    if rounds > SURE_ROUNDS:
        return math.floor((low + high) / 2.0)
    return min(max(math.ceil(crossing), low + 1.0), high - 1.0)
