"""What the stationary formula says of a day that was simulated, with the same agents and calls."""

from __future__ import annotations

import math

import numpy as np

from releve.demand.erlang import metrics
from releve.demand.queue.verify import INTERVAL_S, Verification
from releve.demand.tables import Floats

__all__ = ["predict_by_erlang"]


def predict_by_erlang(found: Verification) -> Floats:
    """Return Erlang's service level: float64[interval, programme], each half hour by itself.

    By each programme's own definition, of the whole agents on the phone; 1 where there are no
    calls, 0 where there are calls and no agents; NaN where the volume is not known, or where
    groups answer several programmes.
    """
    columns = [_programme(found, p) for p in range(len(found.programmes))]
    level = np.stack(columns, axis=1)
    level[np.isnan(found.service.value) | np.isnan(found.on_phone)] = np.nan
    return level


def _programme(found: Verification, p: int) -> Floats:
    row, agents = found.programmes[p], np.nan_to_num(found.on_phone[:, p])
    level = np.where(found.calls[:, p] > 0.0, 0.0, 1.0)
    asked = (found.calls[:, p] > 0.0) & (agents > 0.0)
    if asked.any():
        queue = metrics(
            found.calls[asked, p],
            INTERVAL_S,
            found.aht_s[asked, p],
            math.inf if row.patience_s is None else row.patience_s,
            agents[asked],
            row.service_threshold_s,
        )
        level[asked] = queue.service_level(row.service_definition)
    return level
