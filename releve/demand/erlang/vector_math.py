"""Arithmetic on lanes: many cases side by side, in loops the compiler turns into vector code.

A lane is one case; arrays are float64 and of one length. They are filled in loops: to assign a
slice costs more than the arithmetic of its cases.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from releve.kernels.decorators import fused_finite_kernel, fused_kernel

__all__ = ["LANES", "ROUNDING", "SMALLEST_LOAD", "exp", "inverse_b", "load_lanes"]

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

Array = NDArray[Any]


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
