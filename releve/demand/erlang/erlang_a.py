"""Erlang A (M/M/n + M): the measures of a queue, and its least number of agents.

With c = n patience / AHT, x = the calls that come in a mean patience, and the positive series

    A(c, x) = 1 + x / (c + 1) + x^2 / ((c + 1)(c + 2)) + ...

the virtual wait V has an atom at 0 and beyond it the density of the M/M/n + G queue (Baccelli and
Hebuterne 1981; Zeltyn and Mandelbaum 2005), proportional to exp(x (1 - exp(-v / patience)) - n v /
AHT). Its integral from T on is A at x exp(-T / patience); with y = 1 / B(n - 1) (Erlang B) the mass
of the atom in the same unit:

    D           = y + (a / n) A(c, x)
    P(wait)     = (a / n) A(c, x) / D
    P(answered) = (y + A(c, x) - 1) / D
    P(V > T)    = (a / n) E A(c, x exp(-T / patience)) / D      E = the exponential above at v = T
    P(answered after T) = E (A(c, x exp(-T / patience)) - 1) / D

A(c, x) may exceed the range of a double; its inverse does not, and divides all terms below.

From n to n + 1 the density of V is multiplied by exp(-v / AHT) and its atom by B(n - 1) / B(n) >= 1
(both up to a constant), so V falls in the likelihood ratio order. With e(v) = exp(-v / patience):

* P(abandon) = E[1 - e(V)] falls, and P(V > T) with it;
* (a) served within T / offered = E[e(V); V <= T] rises;
* (b) served within T / answered is P(V <= T) weighted by e(v), which keeps the order: it rises;
* (c) served within T / (offered - abandoned within T) has the odds E[e(V); V <= T] over
  e(T) P(V > T); the numerator gains at least, the denominator at most the factor at T: it rises;
* (d) (served + abandoned within T) / offered = 1 - e(T) P(V > T) rises.

The occupancy falls: for patience >= AHT by coupling, otherwise checked by scan in the tests. So
what holds at n holds above, and a bracket closed on neighbours is exact.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from releve.demand.erlang.erlang_c import ROUNDING, SMALLEST_LOAD, exp, inverse_b
from releve.kernels.arrays import Array
from releve.kernels.decorators import fused_kernel

DIGITS = 38.0
"""A series ends where what is left is below exp(-38) of it."""

SMALLEST_X = 1e-40
"""An x below this times c + 1 counts as this: A is 1 all the same."""

FAR = 1e-250
"""Below this 1 / A, far in overload, a closed form takes the place of the ratio of two series."""


class Queues(NamedTuple):
    """Queues side by side, one a lane: what they are, what they do, and room for the arithmetic.

    ``a`` load in Erlang (> 0); ``n`` agents (whole, >= 1); ``kappa`` = patience / AHT; ``t`` =
    T / AHT; ``hold`` = expm1(-T / patience). Probabilities: ``wait``; ``abandon``; ``late``,
    answered after T; ``beyond``, still waiting at T. ``work`` has 11 rows.
    """

    a: Array
    n: Array
    kappa: Array
    t: Array
    hold: Array
    wait: Array
    abandon: Array
    late: Array
    beyond: Array
    work: Array


def prepare_queues(lanes: int) -> Queues:
    a, n, kappa, t, hold, wait, abandon, late, beyond = np.ones((9, lanes))
    return Queues(a, n, kappa, t, hold, wait, abandon, late, beyond, np.ones((11, lanes)))


@fused_kernel
def measure_a(load: Array, agents: Array, kappa: Array, t: Array, q: Queues, out: Array) -> None:
    """Fill ``out[:, case]`` with P(wait), P(abandon), P(answered after T), P(waiting at T)."""
    for first in range(0, load.size, q.n.size):
        for lane in range(q.n.size):
            i = min(first + lane, load.size - 1)
            q.a[lane], q.n[lane], q.kappa[lane], q.t[lane] = load[i], agents[i], kappa[i], t[i]
            q.hold[lane] = math.expm1(-t[i] / kappa[i])
        evaluate(q)
        for lane in range(min(q.n.size, load.size - first)):
            i = first + lane
            out[0, i], out[1, i] = q.wait[lane], q.abandon[lane]
            out[2, i], out[3, i] = q.late[lane], q.beyond[lane]


@fused_kernel
def evaluate(q: Queues) -> None:
    """Set the four probabilities of every lane."""
    work = q.work
    per_load, before, y, c, x = work[0], work[1], work[2], work[3], work[4]
    inverse, rest, inverse_t, rest_t = work[5], work[6], work[7], work[8]
    exponent, ratio = work[9], work[10]
    for lane in range(q.n.size):
        per_load[lane] = 1.0 / q.a[lane]
        before[lane] = q.n[lane] - 1.0
    inverse_b(before, q.a, per_load, x, y)
    per_x, last = per_load, before
    for lane in range(q.n.size):
        c[lane] = q.n[lane] * q.kappa[lane]
        x[lane] = q.a[lane] * q.kappa[lane]
        exponent[lane] = -x[lane] * q.hold[lane] - q.n[lane] * q.t[lane]
    _series(c, x, per_x, last, inverse, rest)
    for lane in range(q.n.size):
        x[lane] *= 1.0 + q.hold[lane]
    _series(c, x, per_x, last, inverse_t, rest_t)
    exp(exponent, ratio)
    for lane in range(q.n.size):
        ratio[lane] *= inverse[lane] / inverse_t[lane]
    for lane in range(q.n.size):
        if inverse[lane] < FAR:
            ratio[lane] = _far_ratio(c[lane], x[lane], inverse_t[lane])
    _conclude(q, y, inverse, rest, rest_t, ratio)


@fused_kernel
def _conclude(q: Queues, y: Array, inverse: Array, rest: Array, rest_t: Array, ratio: Array) -> None:
    """Set the probabilities from the series; ``ratio`` = E A(T) / A."""
    for lane in range(q.n.size):
        rho = q.a[lane] / q.n[lane]
        per_d = 1.0 / (y[lane] * inverse[lane] + rho)
        q.wait[lane] = rho * per_d
        q.abandon[lane] = (rho - rest[lane]) * per_d
        q.late[lane] = ratio[lane] * rest_t[lane] * per_d
        q.beyond[lane] = rho * ratio[lane] * per_d * (1.0 + q.hold[lane])


@fused_kernel
def _series(c: Array, x: Array, per_x: Array, last: Array, inverse: Array, rest: Array) -> None:
    """Set ``inverse`` = 1 / A(c, x) and ``rest`` = 1 - 1 / A, neither by a difference.

    Summed from the ``last`` term to the first and without a division: a term is the one after it
    times (c + k) / x. Two terms a pass.
    """
    greatest = 0.0
    for lane in range(c.size):
        at = max(x[lane], SMALLEST_X * (c[lane] + 1.0))
        per_x[lane] = 1.0 / at
        last[lane] = _last_term(c[lane], at)
        greatest = max(greatest, last[lane])
        inverse[lane] = 0.0
        rest[lane] = 0.0
    for pair in range((int(greatest) + 1) // 2, 0, -1):
        k = 2.0 * pair
        for lane in range(c.size):
            term = inverse[lane] * ((c[lane] + (k + 1.0)) * per_x[lane])
            term = 1.0 if last[lane] == k else term
            before = term * ((c[lane] + k) * per_x[lane])
            before = 1.0 if last[lane] == k - 1.0 else before
            rest[lane] += term + before
            inverse[lane] = before
    for lane in range(c.size):
        first = inverse[lane] * ((c[lane] + 1.0) * per_x[lane])
        total = first + rest[lane]
        inverse[lane] = first / total
        rest[lane] = rest[lane] / total


@fused_kernel
def _last_term(c: float, x: float) -> float:
    """Return the index of the last term of A(c, x) that counts.

    With s = max(c + 1, x), the terms fall from the largest on at least like exp(-(u d + u^2 /
    (2 s + 2 u / 3))), d = ln(s / x) (Bernstein); u solves exponent = DIGITS. For d stands its
    lower bound 8 (q - 1) / (q + 1), q the fourth root of s / x.
    """
    s = max(c + 1.0, x)
    q = np.sqrt(np.sqrt(s / x))
    d = 8.0 * (q - 1.0) / (q + 1.0)
    half = s * d - DIGITS / 3.0
    square = 1.0 + d * (2.0 / 3.0)
    u = (np.sqrt(half * half + 2.0 * DIGITS * s * square) - half) / square
    return np.ceil(u + max(0.0, x - c - 1.0)) + 1.0  # type: ignore[no-any-return]


@fused_kernel
def _far_ratio(c: float, x_t: float, inverse_t: float) -> float:
    """Return E A(c, x_t) / A(c, x) far in overload, where it is the regularised incomplete gamma
    function P(c, x_t) = x_t^c exp(-x_t) A(c, x_t) / gamma(c + 1).
    """
    if inverse_t < FAR:
        return 1.0
    if c < 100.0:
        log_factor = c * math.log(x_t) - x_t - math.lgamma(c + 1.0)
    else:  # Stirling's series, with the large parts taken from each other exactly
        above = (x_t - c) / c
        log_factor = c * (math.log1p(above) - above) - 0.5 * math.log(2.0 * math.pi * c)
        log_factor -= (1.0 / 12.0 - (1.0 / 360.0 - 1.0 / (1260.0 * c * c)) / (c * c)) / c
    return min(1.0, math.exp(log_factor) / inverse_t)


SURE_ROUNDS = 8
"""After this many rounds a bracket is halved instead of interpolated."""


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
    """Narrow the brackets by the measurements; write each result and free its lane."""
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
