"""Intervals that hold what they say: the law of a model set right on weeks it was held out from.

Split-conformal in its idea (Vovk, Gammerman & Shafer 2005; Romano, Patterson & Candes 2019): the
model forecasts past weeks from the days before them, and its squared variations are multiplied by
what makes the 10 % to 90 % interval hold 80 % there. First that of whole days, by horizon, on the
totals of days; then that inside the day, for quiet and for busy half hours, on the half hours. So
the days keep the factor they share, a staffing quantile and an interval are of one law, and
counting noise stays what it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from releve.demand.forecast.count_distribution import interval_share
from releve.demand.forecast.model import ModelPrediction
from releve.demand.localtime import Int64s
from releve.demand.tables import Floats

__all__ = ["AS_TOLD", "Calibration", "Fold", "apply", "calibrate", "find_factors"]

HORIZON_ENDS = (7, 14)
"""Last days ahead of the first two bands of the horizon; the third is all beyond."""

_HELD = 0.8
_MOST = 8.0
"""No factor is above this or below its inverse: folds are few."""
_STEPS = 6
_DAYS_WORTH = 40.0
_HALF_HOURS_WORTH = 400.0
"""What a factor of 1 is worth beforehand, in days and in half hours that tell of it."""


@dataclass(frozen=True)
class Fold:
    """Weeks held out from a model: ``came[day, slot]`` (NaN = not known), what it had said, and
    ``days_ahead[day]``, 1 for the first day after those it knew."""

    came: Floats
    said: ModelPrediction
    days_ahead: Int64s


@dataclass(frozen=True)
class Calibration:
    """Factors on squared variations: ``day[band]`` by horizon, ``inside`` for quiet and busy half
    hours; ``busy_from`` calls a half hour is busy."""

    day: tuple[float, ...]
    inside: tuple[float, ...]
    busy_from: float


AS_TOLD = Calibration((1.0, 1.0, 1.0), (1.0, 1.0), 0.0)
"""The law as the model tells it."""


def apply(calibration: Calibration, said: ModelPrediction, days_ahead: Int64s) -> ModelPrediction:
    """Return the prediction with its law set right; the mean stays."""
    day = np.array(calibration.day)[_bands(days_ahead)] * said.day_variance
    quiet, busy = calibration.inside
    inside = np.where(said.mean >= calibration.busy_from, busy, quiet)
    own = np.maximum(said.spread - said.day_variance[:, None], 0.0)
    return ModelPrediction(said.mean, day, day[:, None] + inside * own)


def calibrate(folds: Sequence[Fold]) -> Calibration:
    """Return the factors that make the 80 % interval hold 80 % of ``folds``.

    Each is drawn to 1 as far as the folds tell little of it: few days, or counts so small that
    the variation of their rate hardly shows. A horizon that no fold reaches takes the factor of
    the one before where that widens the law, and is not narrowed unseen.
    """
    if not folds:
        return AS_TOLD
    came = np.concatenate([fold.came for fold in folds])
    mean = np.concatenate([fold.said.mean for fold in folds])
    day = np.concatenate([fold.said.day_variance for fold in folds])
    own = np.concatenate([fold.said.spread for fold in folds]) - day[:, None]
    band = _bands(np.concatenate([fold.days_ahead for fold in folds]))
    known = np.isfinite(came) & (mean > 0)
    if not known.any():
        return AS_TOLD
    factor = _days(came, np.where(known, mean, 0.0), day, own, band)
    busy_from = 0.5 * float(mean[known].mean())
    rest = np.broadcast_to((factor[band] * day)[:, None], mean.shape)
    busy = (mean[known] >= busy_from).astype(np.int64)
    inside = find_factors(
        came[known], mean[known], own[known], rest[known], busy, _HALF_HOURS_WORTH, 2
    )
    return Calibration(tuple(factor.tolist()), tuple(inside.tolist()), busy_from)


def _bands(days_ahead: Int64s) -> Int64s:
    return np.searchsorted(HORIZON_ENDS, days_ahead).astype(np.int64)


def _days(came: Floats, mean: Floats, day: Floats, own: Floats, band: Int64s) -> Floats:
    """Return the factor on the variation of whole days by band of the horizon.

    ``mean`` is 0 where the count is not known. A day's total strays by its own factor and by what
    is left of its half hours' variation in the sum.
    """
    bands = len(HORIZON_ENDS) + 1
    total = mean.sum(axis=1)
    where = total > 0
    left = (own * mean**2).sum(axis=1)[where] / total[where] ** 2
    seen = np.where(mean > 0, came, 0.0).sum(axis=1)
    factor = find_factors(
        seen[where], total[where], day[where], left, band[where], _DAYS_WORTH, bands
    )
    for i in np.flatnonzero(np.bincount(band[where], minlength=bands) == 0).tolist():
        factor[i] = max(float(factor[i - 1]), 1.0) if i else 1.0
    return factor


def find_factors(
    came: Floats,
    mean: Floats,
    variance: Floats,
    rest: Floats,
    group: Int64s,
    worth: float,
    groups: int,
) -> Floats:
    """Return by group the factor on ``variance`` (beside ``rest``) that makes the interval hold.

    Found by halving on the log scale; the share held grows with the factor but for small ripples.
    An outcome tells of it by the part of its variance that is not counting noise, half-way between
    what was predicted and what was found.
    """
    number = np.maximum(np.bincount(group, minlength=groups), 1)
    low, high = np.full(groups, -np.log(_MOST)), np.full(groups, np.log(_MOST))
    for _ in range(_STEPS):
        middle = (low + high) / 2
        spread = rest + np.exp(middle)[group] * variance
        held = np.bincount(group, interval_share(came, mean, spread), groups) / number
        low, high = np.where(held < _HELD, middle, low), np.where(held < _HELD, high, middle)
    found = (low + high) / 2
    rate = np.exp(found / 2)[group] * variance * mean
    predicted = rate / (1 + rest * mean + rate)
    weight = np.bincount(group, predicted, groups)
    return np.asarray(np.exp(found * weight / (weight + worth)), dtype=np.float64)
