"""The hours rule for millions of instants at once: openings and closings, searched in order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from releve.outbound.hours import WeekHours, list_windows

__all__ = ["mark_open"]

_EPOCH = date(1970, 1, 1)


def mark_open(
    hours: WeekHours, zones: Sequence[str], seconds: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Return ``open[instant]``: permitted in every zone; instants are seconds since 1970 UTC."""
    found = np.ones(seconds.shape, dtype=np.bool_)
    if not seconds.size:
        return found
    first = _EPOCH + timedelta(days=int(seconds.min()) // 86400 - 1)
    last = _EPOCH + timedelta(days=int(seconds.max()) // 86400 + 1)
    for name in zones:
        edges = np.array(_list_edges(hours, name, first, last), dtype=np.int64)
        found &= np.searchsorted(edges, seconds, side="right") % 2 == 1
    return found


@lru_cache(maxsize=256)
def _list_edges(hours: WeekHours, zone_name: str, first: date, last: date) -> tuple[int, ...]:
    """Return the openings and closings of local days, in turn, as seconds since 1970."""
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    spans = [span for day in days for span in list_windows(hours, zone_name, day)]
    return tuple(int(edge.timestamp()) for span in spans for edge in span)
