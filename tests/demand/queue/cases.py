"""Centres whose answer is known, and how far an estimate is from it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from releve.demand.queue import Centre, CentreSpec, QueueEstimate

WARM_S = 7200.0
"""The first interval of a long run fills the centre, and is not counted."""

FAMILY = 3.3
"""No |z| of a family of tests may be larger."""


def long_run(rate: ArrayLike, seconds: float, **more: Any) -> Centre:
    """Return a stationary centre of programmes a, b, ...: a warm-up, then one long interval."""
    per_s = np.atleast_1d(np.asarray(rate, dtype=np.float64))
    edges = np.array([0.0, WARM_S, WARM_S + seconds])
    names = [chr(ord("a") + i) for i in range(per_s.size)]
    return CentreSpec(names, edges, np.diff(edges)[:, None] * per_s, **more).build()


def z(found: QueueEstimate, exact: ArrayLike, replications: int) -> NDArray[np.float64]:
    """Return how many standard errors the long interval is off, by column."""
    half = (found.high - found.low)[1] / 2.0
    error = half / stdtrit(replications - 1, 0.975)
    return np.asarray((found.value[1] - np.asarray(exact)) / error)


def three_skills(calls: int, replications: int) -> Centre:
    """Return the case of three programmes and three groups of which one is for all."""
    rate = np.array([20 / 240, 20 / 300, 10 / 360])
    return long_run(
        rate,
        calls / replications / float(rate.sum()),
        aht_s=[240.0, 300.0, 360.0],
        patience_s=[120.0, 90.0, 180.0],
        agents=[18, 18, 16],
        groups=["first", "second", "all"],
        call_rank=[[0, -1, 0], [-1, 0, 0], [-1, -1, 0]],
        agent_rank=[[0, -1, 1], [-1, 0, 1], [-1, -1, 0]],
    )
