"""Erlang A: M/M/n + M, callers hang up after an exponential patience.

With c = n patience / AHT, x = the calls that come in a mean patience, and the positive series

    A(c, x) = 1 + x / (c + 1) + x^2 / ((c + 1)(c + 2)) + ...

the virtual wait V has an atom at 0 and beyond it the density of the M/M/n + G queue (Baccelli and
Hebuterne 1981; Zeltyn and Mandelbaum 2005), proportional to exp(x (1 - exp(-v / patience)) - n v /
AHT). Its integral from T on is A at x exp(-T / patience), by u = x exp(-v / patience); with y =
1 / B(n - 1) (Erlang B) the mass of the atom in the same unit, everything is closed:

    D           = y + (a / n) A(c, x)
    P(wait)     = (a / n) A(c, x) / D
    P(answered) = (y + A(c, x) - 1) / D
    P(V > T)    = (a / n) E A(c, x exp(-T / patience)) / D      E = the exponential above at v = T
    P(answered after T) = E (A(c, x exp(-T / patience)) - 1) / D

A(c, x) may be beyond the range of a double, its inverse is not: numerators and denominators below
are divided by it.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from releve.demand.erlang.vector_math import exp, inverse_b
from releve.kernels.decorators import fused_kernel

__all__ = ["Queues", "evaluate", "measure_a", "prepare_queues"]

Array = NDArray[Any]

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
    """Return room for ``lanes`` queues."""
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
def _conclude(
    q: Queues, y: Array, inverse: Array, rest: Array, rest_t: Array, ratio: Array
) -> None:
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
