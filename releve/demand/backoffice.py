"""Back office: work with a deadline, spread so that the day's peak is as low as it can be.

The rule for what crosses midnight: **every opening day is like this one**. What came in yesterday
and is not yet due is taken over, and as much of today's work is handed on to tomorrow; nothing is
inherited for free and nothing is pushed to a day that never comes. So the opening intervals of the
day form a circle, and with a deadline of at least one opening day the load is the same all day.

Work that comes in during interval i may be done in the intervals i to i + d - 1, d the deadline:
an item that came at the start of i is still in time. With A(k) the work come in and S(k) the work
done by the end of interval k, that is A(k - d + 1) <= S(k) <= A(k): a band, in which the taut
string has the least peak, the least sum of squares and the least of every other convex cost.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["least_peak", "spread_work"]

Floats = NDArray[np.float64]


def least_peak(work: Floats, deadline: int) -> float:
    """Return the least capacity per interval that does all the work in time, day after day.

    ``work[interval]`` comes in over the opening intervals of a day that repeats; ``deadline`` in
    intervals, at least 1. It is the greatest of work / room over the runs of intervals: what
    comes in during a run of r intervals has the room of r + deadline - 1 intervals.
    """
    return _densest(work, deadline)[0]


def spread_work(work: Floats, deadline: int) -> Floats:
    """Return the work to be done in each interval: the taut string of the repeated day.

    Same arguments as :func:`least_peak`; the result has the same length, sum and unit, its
    maximum is the least peak. ValueError when the deadline is below 1 or work is negative.
    """
    if deadline < 1:
        raise ValueError(f"expected deadline >= 1, got {deadline!r}")
    if work.size and not np.min(work) >= 0:
        raise ValueError(f"expected work >= 0, got {float(np.min(work))!r}")
    size = work.size
    peak, first = _densest(work, deadline)
    if first < 0:
        return np.full(size, peak)
    # The densest run is done in its own intervals and by itself, so all that came before it is
    # done when it begins: the circle can be cut there.
    come = np.concatenate([[0.0], np.cumsum(np.roll(work, -first))])
    due = np.concatenate([np.zeros(deadline), come[1 : size - deadline + 1], come[-1:]])
    return np.roll(np.diff(_taut_string(due, come)), first)


def _densest(work: Floats, deadline: int) -> tuple[float, int]:
    """Return the greatest work / room of a run and where the run starts (-1 = the whole circle)."""
    size = work.size
    if size == 0:
        return 0.0, -1
    mean = float(np.mean(work))
    come = np.concatenate([[0.0], np.cumsum(np.concatenate([work, work]))])
    first, length = np.meshgrid(np.arange(size), np.arange(1, size), indexing="ij")
    density = (come[first + length] - come[first]) / (length + deadline - 1)
    if density.size == 0 or np.max(density) <= mean * (1.0 + 1e-12):
        return mean, -1
    best = int(np.argmax(density))
    return float(density.flat[best]), int(first.flat[best])


def _taut_string(low: Floats, high: Floats) -> Floats:
    """Return the shortest path from (0, low[0]) to the end between two curves that meet there.

    From a fixed point a straight line can go on as long as its slope is at most ``up`` and at
    least ``down``; where they cross, the string bends at the curve that held it.
    """
    path = np.zeros(low.size)
    at, end = 0, low.size - 1
    while at < end:
        up, up_at, down, down_at = np.inf, at, -np.inf, at
        bend, height = end, low[end]
        for k in range(at + 1, low.size):
            to_high, to_low = (high[k] - path[at]) / (k - at), (low[k] - path[at]) / (k - at)
            if to_low > up:
                bend, height = up_at, high[up_at]
                break
            if to_high < down:
                bend, height = down_at, low[down_at]
                break
            if to_high <= up:
                up, up_at = to_high, k
            if to_low >= down:
                down, down_at = to_low, k
        path[at : bend + 1] = np.linspace(path[at], height, bend - at + 1)
        at = bend
    return path
