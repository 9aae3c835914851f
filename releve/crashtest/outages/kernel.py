"""The events of all streams and replications, by the gaps between them."""

from __future__ import annotations

import math
from typing import Any

from releve.crashtest.outbreak.rng import derive_key, derive_replication_key, draw_unit, pick
from releve.kernels.decorators import allocating_kernel

__all__ = ["DRAWS", "DURATION", "LATITUDE", "LONGITUDE", "RATE", "draw_opening_days", "events"]

DRAWS = 4
"""The uniform numbers of an event beside its gap: country, latitude, longitude, duration."""
RATE, LATITUDE, LONGITUDE, DURATION = range(DRAWS)


@allocating_kernel
def events(
    seed: Any,
    first: int,
    replications: int,
    hours: float,
    key: Any,
    hazard: Any,
    per_hour: Any,
    hazard_key: Any,
    factors: Any,
    replication: Any,
    stream: Any,
    begin: Any,
    draws: Any,
) -> int:
    """Fill the replication, stream, begin (hours) and draws of each event; return their number.

    ``factors[hazard, bin]`` of a replication, each bin alike. Events come by replication, stream
    and begin. Those beyond the room given are counted, not written.
    """
    n = 0
    room = begin.size
    factor = factors[:, 0].copy()
    for r in range(replications):
        rep = derive_replication_key(seed, first + r)
        for h in range(hazard_key.size):
            factor[h] = factors[
                h, pick(draw_unit(derive_key(rep, hazard_key[h]), 0), factors.shape[1])
            ]
        for s in range(key.size):
            rate = per_hour[s] * factor[hazard[s]]
            if rate <= 0.0:
                continue
            who = derive_key(rep, key[s])
            slot = 0
            t = -math.log(draw_unit(who, 0)) / rate
            while t < hours:
                if n < room:
                    replication[n], stream[n], begin[n] = r, s, t
                    for d in range(DRAWS):
                        draws[n, d] = draw_unit(who, slot + 1 + d)
                n += 1
                slot += 1 + DRAWS
                t -= math.log(draw_unit(who, slot)) / rate
    return n


@allocating_kernel
def draw_opening_days(seed: Any, first: int, key: Any, day: Any) -> None:
    """Fill ``day[replication]`` with the day of the year, 0 to 364, on which each begins."""
    for r in range(day.size):
        day[r] = pick(draw_unit(derive_key(derive_replication_key(seed, first + r), key), 0), 365)
