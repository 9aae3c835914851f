"""Erlang A for every programme as a small table, so that an interval is a look-up.

Near its load a, a queue with n agents behaves alike for every a when n is written as
a + beta sqrt(a) (Halfin and Whitt 1981; Garnett, Mandelbaum and Reiman 2002). So what callers do
is tabulated over ln a and beta, exactly (:mod:`releve.demand.erlang`) at each node, agents between
whole numbers by the line between them, and read off between nodes by lines. Below the table the
lost load grows by what the agents lack, as in a fluid; above it no caller waits.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from releve.demand import metrics

__all__ = ["BETA_FIRST", "BETA_STEP", "LOG_FIRST", "LOG_STEP", "build_queue_table"]

Floats = NDArray[np.float64]

LOG_FIRST, LOG_STEP, LOG_LAST = float(np.log(0.02)), 0.2, float(np.log(2000.0))
BETA_FIRST, BETA_STEP, BETA_LAST = -14.0, 0.2, 8.0


def build_queue_table(aht_s: float, patience_s: float, threshold_s: float) -> Floats:
    """Return float64[log load, beta, measure] for a queue.

    Measures: load lost / sqrt(load); share of the offered that is served within the threshold;
    share that hangs up within it. ``patience_s`` infinite: no call is lost.
    """
    logs = np.arange(LOG_FIRST, LOG_LAST, LOG_STEP)
    betas = np.arange(BETA_FIRST, BETA_LAST + BETA_STEP / 2, BETA_STEP)
    load = np.broadcast_to(np.exp(logs)[:, None], (len(logs), len(betas)))
    agents = np.maximum(0.0, load + betas * np.sqrt(load))
    low = np.floor(agents)
    share = (agents - low)[..., None]
    fewer, more = (
        _measure_nodes(load, n, aht_s, patience_s, threshold_s) for n in (low, low + 1.0)
    )
    return np.ascontiguousarray(fewer * (1.0 - share) + more * share)


def _measure_nodes(
    load: Floats, agents: Floats, aht_s: float, patience_s: float, threshold_s: float
) -> Floats:
    found = metrics(load, aht_s, aht_s, patience_s, agents, threshold_s)
    lost = found.p_abandon * np.sqrt(load)
    short = np.maximum(0.0, found.service_with_short - found.service_offered)
    return np.stack([lost, found.service_offered, short], axis=2)
