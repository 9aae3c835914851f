"""Heaps of (time, load, mark), earliest first, four children a node, in three arrays and a size.

``time[0]`` is infinite while a heap is empty, so that its next event never comes. A heap that needs
no mark passes its load twice.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from releve.kernels.decorators import inlined_kernel, unsigned

__all__ = ["drop_first", "move_down", "move_up", "remove"]

Array = NDArray[Any]

ZERO, ONE, TWO, THREE, FOUR = (unsigned(k) for k in range(5))


@inlined_kernel
def move_up(
    time: Array, load: Array, mark: Array, size: int, t: float, what: int, how: int
) -> None:
    """Add (``t``, ``what``, ``how``) to a heap of ``size``."""
    _rise(time, load, mark, size, t, what, how)


@inlined_kernel
def _rise(time: Array, load: Array, mark: Array, i: int, t: float, what: int, how: int) -> None:
    at = unsigned(i)
    while at > ZERO:
        above = (at - ONE) >> TWO
        if time[above] <= t:
            break
        time[at], mark[at], load[at] = time[above], mark[above], load[above]
        at = above
    time[at], mark[at], load[at] = t, how, what


@inlined_kernel
def move_down(
    time: Array, load: Array, mark: Array, size: int, i: int, t: float, what: int, how: int
) -> None:
    """Put (``t``, ``what``, ``how``) at ``i`` or below, in a heap of ``size``."""
    n, at = unsigned(size), unsigned(i)
    while True:
        child = FOUR * at + ONE
        if child + THREE < n:  # two games and a final, without a branch
            second, third, fourth = child + ONE, child + TWO, child + THREE
            a, b, c, d = time[child], time[second], time[third], time[fourth]
            left, right = second if b < a else child, fourth if d < c else third
            low, high = min(a, b), min(c, d)
            best, least = right if high < low else left, min(low, high)
        elif child < n:
            best, least = child, time[child]
            other = child + ONE
            while other < n:
                if time[other] < least:
                    best, least = other, time[other]
                other += ONE
        else:
            break
        if least >= t:
            break
        time[at], mark[at], load[at] = least, mark[best], load[best]
        at = best
    time[at], mark[at], load[at] = t, how, what


@inlined_kernel
def drop_first(time: Array, load: Array, mark: Array, size: int) -> None:
    """Take the first out of a heap of ``size``; one fewer is left."""
    last = size - 1
    if last == 0:
        time[0] = np.inf
    else:
        move_down(time, load, mark, last, 0, time[last], load[last], mark[last])


@inlined_kernel
def remove(time: Array, load: Array, mark: Array, size: int, i: int) -> None:
    """Take entry ``i`` out of a heap of ``size``."""
    last = size - 1
    if i == last:
        time[i] = np.inf
        return
    t, what, how = time[last], load[last], mark[last]
    if i > 0 and time[(i - 1) >> 2] > t:
        _rise(time, load, mark, i, t, what, how)
    else:
        move_down(time, load, mark, last, i, t, what, how)
