"""Heaps of (time, load, mark), earliest first, four children a node, in three arrays and a size.

``time[0]`` is infinite while a heap is empty, so that its next event never comes. A heap that needs
no mark passes its load twice.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from releve.demand.queue.jit import inlined

__all__ = ["drop_first", "lift", "lower", "remove"]

Array = NDArray[Any]


@inlined
def lift(time: Array, load: Array, mark: Array, size: int, t: float, what: int, how: int) -> None:
    """Add (``t``, ``what``, ``how``) to a heap of ``size``."""
    _rise(time, load, mark, size, t, what, how)


@inlined
def _rise(time: Array, load: Array, mark: Array, i: int, t: float, what: int, how: int) -> None:
    while i > 0:
        above = (i - 1) >> 2
        if time[above] <= t:
            break
        time[i], mark[i], load[i] = time[above], mark[above], load[above]
        i = above
    time[i], mark[i], load[i] = t, how, what


@inlined
def lower(
    time: Array, load: Array, mark: Array, size: int, i: int, t: float, what: int, how: int
) -> None:
    """Put (``t``, ``what``, ``how``) at ``i`` or below, in a heap of ``size``."""
    while True:
        child = 4 * i + 1
        if child >= size:
            break
        least, at = time[child], child
        for other in range(child + 1, min(child + 4, size)):
            if time[other] < least:
                least, at = time[other], other
        if least >= t:
            break
        time[i], mark[i], load[i] = least, mark[at], load[at]
        i = at
    time[i], mark[i], load[i] = t, how, what


@inlined
def drop_first(time: Array, load: Array, mark: Array, size: int) -> None:
    """Take the first out of a heap of ``size``; one fewer is left."""
    last = size - 1
    if last == 0:
        time[0] = np.inf
    else:
        lower(time, load, mark, last, 0, time[last], load[last], mark[last])


@inlined
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
        lower(time, load, mark, last, i, t, what, how)
