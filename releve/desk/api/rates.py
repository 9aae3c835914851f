"""How often somebody may ask, counted by minute in this process."""

from __future__ import annotations

import math
from collections import OrderedDict
from threading import Lock

__all__ = ["forget", "seconds_to_wait"]

_WINDOW_SECONDS = 60.0
_MOST_KEPT = 10_000
_lock = Lock()
_counted: OrderedDict[str, tuple[float, int]] = OrderedDict()


def seconds_to_wait(who: str, most: int, now: float) -> int:
    """Count a request of somebody at ``now`` (s); return how long to wait, 0 while it is allowed.

    ``most`` requests are allowed in a minute that starts with the first of them.
    """
    with _lock:
        began, count = _counted.get(who, (now, 0))
        if now - began >= _WINDOW_SECONDS:
            began, count = now, 0
        if count >= most:
            return max(1, math.ceil(began + _WINDOW_SECONDS - now))
        _counted[who] = (began, count + 1)
        _counted.move_to_end(who)
        while len(_counted) > _MOST_KEPT:
            _counted.popitem(last=False)
    return 0


def forget() -> None:
    """Forget what was counted."""
    with _lock:
        _counted.clear()
