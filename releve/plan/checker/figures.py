"""Figures of a plan counted from its people: missing work and its weight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from releve.demand.requirement import INTERVAL
from releve.kernels.arrays import Floats
from releve.network import Operator
from releve.plan.coverage import measure_coverage


def compute_weights(operator: Operator, required: Floats, calls: Floats, aht_s: Floats) -> Floats:
    """Return the weight of a missing agent-interval of each programme.

    In proportion to what its unanswered calls cost, penalty x 1800 s / AHT, where AHT is the mean
    over the calls of the day (the programme's own where there are none); scaled so that the
    requirement weighs as many agent-intervals as it has. 1 each where nothing required costs.
    """
    raw = np.zeros(len(operator.programmes))
    for p, row in enumerate(operator.programmes):
        known = np.isfinite(calls[:, p]) & np.isfinite(aht_s[:, p]) & (calls[:, p] > 0)
        mass = float(calls[known, p].sum())
        aht = float((calls[known, p] * aht_s[known, p]).sum()) / mass if mass > 0 else row.aht_s
        raw[p] = row.penalty_per_missed_call * INTERVAL.total_seconds() / aht
    need = np.nansum(required, axis=0)
    weighed = float((raw * need).sum())
    if weighed <= 0:
        return np.ones(len(raw))
    return raw * (float(need.sum()) / weighed)


@dataclass(frozen=True)
class ScenarioTally:
    """Missing and covered work of one scenario; an unknown requirement (NaN) counts as covered.

    ``covered`` and ``missing`` are agent-intervals ``[interval, programme]``.
    """

    required: Floats
    placed: Floats

    @property
    def missing(self) -> Floats:
        return np.nan_to_num(np.maximum(0.0, self.required - self.placed), nan=0.0)

    @property
    def covered(self) -> Floats:
        return np.nan_to_num(np.minimum(self.required, self.placed), nan=0.0)

    def penalty(self, weights: Floats) -> float:
        """Return the weighted missing agent-intervals."""
        return float((self.missing * weights).sum())

    def shortfall(self, columns: Sequence[int]) -> float:
        """Return the share of a client's day that is missing (of one agent-interval at least)."""
        need = float(np.nansum(self.required[:, columns]))
        return float(self.missing[:, columns].sum()) / max(1.0, need)

    def coverage(self, columns: Sequence[int]) -> Floats:
        """Return a client's coverage of each interval, NaN where nothing is required."""
        return measure_coverage(self.required[:, columns], self.covered[:, columns])
