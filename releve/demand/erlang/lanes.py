"""Arithmetic on lanes: many cases side by side, in loops the compiler turns into vector code.

A lane is one case; arrays are float64 and of one length. All sums below have positive terms only,
so no digits are lost.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from releve.demand.erlang.jit import kernel

__all__ = ["LANES", "ROUNDING", "SMALLEST_LOAD", "exp", "inverse_b", "take"]

LANES = 64
"""Cases worked on side by side."""

ROUNDING = 1e-12
"""A condition missed by less than this share of itself is held: rounding adds no agent."""

SMALLEST_LOAD = 1e-100
"""A smaller load than this (Erlang) counts as this; one agent answers it all the same."""

Array = NDArray[Any]


@kernel
def take(source: Array, first: int, into: Array) -> None:
    """Copy the next cases of a parameter; a parameter of length 1 holds for every case."""
    if source.size == 1:
        into[:] = source[0]
    else:
        into[:] = source[first : first + into.size]


@kernel
def exp(x: Array, out: Array) -> None:
    """Set ``out`` = exp(``x``): a Taylor polynomial of x / 2^k, squared k times.

    k is that of the lane farthest from 0, at most 12; the relative error is below 2^k 1e-16. Below
    exp(-64) the result is exp(-64), beyond exp(700) that. ``out`` is not ``x``.
    """
    farthest = 0.0
    for lane in range(x.size):
        farthest = max(farthest, abs(min(max(x[lane], -64.0), 700.0)))
    scale, squarings = 1.0, 0
    while farthest * scale > 0.25:
        scale *= 0.5
        squarings += 1
    for lane in range(x.size):
        z = min(max(x[lane], -64.0), 700.0) * scale
        p = 1 / 3628800 + z * (1 / 39916800)
        p = 1 / 40320 + z * (1 / 362880 + z * p)
        p = 1 / 720 + z * (1 / 5040 + z * p)
        p = 1 / 24 + z * (1 / 120 + z * p)
        p = 1 / 2 + z * (1 / 6 + z * p)
        out[lane] = 1.0 + z * (1.0 + z * p)
    for _ in range(squarings):
        for lane in range(x.size):
            out[lane] *= out[lane]


@kernel
def inverse_b(n: Array, load: Array, per_load: Array, share: Array, y: Array) -> None:
    """Set ``y`` = 1 / B(n, a), the inverse of the Erlang B formula; infinite above 1e308.

    y(0) = 1 and y(n) = 1 + y(n - 1) n / a. An error made at m < n shrinks by the product of j / a
    over j = m+1..n, about exp(-((a - m)^2 - (a - n)^2) / 2a) for n <= a, so the recursion starts
    where that is exp(-36). A step before agent 1 keeps y at 1. ``per_load`` = 1 / ``load``;
    ``share`` is room, for n / a.
    """
    steps, least = 0.0, np.inf
    for lane in range(n.size):
        below = max(0.0, load[lane] - n[lane])
        start = load[lane] - np.sqrt(72.0 * load[lane] + below * below)
        steps = max(steps, n[lane] - max(0.0, start))
        least = min(least, n[lane])
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
