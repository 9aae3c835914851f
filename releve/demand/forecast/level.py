"""The level of a programme over the days, ahead of the last one, and how uncertain it becomes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from releve.demand.forecast.settings import ModelSettings
from releve.demand.tables import Floats

__all__ = ["DayVariance", "Level", "ahead", "day_variance", "discounted", "levels", "two_sided"]


def discounted(values: Floats, half_life: float) -> Floats:
    """Return the sum of each day's and all earlier values, halved every ``half_life`` days."""
    keep = 0.5 ** (1 / half_life)
    return np.asarray(lfilter([1.0], [1.0, -keep], values), dtype=np.float64)


def two_sided(ratio: Floats, weight: Floats, half_life: float) -> Floats:
    """Return the level of each day from the days before and after it; 1 where nothing is known."""
    top, bottom = ratio * weight, weight
    total = discounted(top, half_life) + discounted(top[::-1], half_life)[::-1] - top
    mass = discounted(bottom, half_life) + discounted(bottom[::-1], half_life)[::-1] - bottom
    return np.divide(total, mass, out=np.ones_like(total), where=mass > 0)


@dataclass(frozen=True)
class Level:
    """Level after each day, fast and slow, float64 ``[day]``; ``reversion`` per day ahead."""

    fast: Floats
    slow: Floats
    reversion: float


def levels(
    ratio: Floats, weight: Floats, fast_days: float, slow_days: float, reversion: float
) -> Level:
    """Return exponentially weighted levels of ``ratio`` (weight 0 = day not known)."""
    out = []
    for half_life in (fast_days, slow_days):
        mass = discounted(weight, half_life)
        total = discounted(ratio * weight, half_life)
        out.append(np.divide(total, mass, out=np.ones_like(total), where=mass > 1e-12))
    return Level(out[0], out[1], reversion)


def ahead(level: Level, day: int | slice, days_ahead: Floats) -> Floats:
    """Return the level ``days_ahead`` of ``day``: the fast one, going back to the slow one."""
    fast = np.maximum(level.fast[day], 1e-9)
    slow = np.maximum(level.slow[day], 1e-9)
    return np.asarray(slow * (fast / slow) ** (level.reversion**days_ahead), dtype=np.float64)


@dataclass(frozen=True)
class DayVariance:
    """Squared coefficient of variation of a whole day: ``base + growth * days ahead``."""

    base: float
    growth: float

    def at(self, days_ahead: Floats) -> Floats:
        """Return the squared coefficient of variation at each horizon in days."""
        return self.base + self.growth * days_ahead


def day_variance(
    ratio: Floats,
    noise: Floats,
    weight: Floats,
    age_weight: Floats,
    level: Level,
    *,
    settings: ModelSettings,
    warm_days: int,
    lost: float,
) -> DayVariance:
    """Estimate how far a day strays from the level seen ``h`` days before, for h = 1 to 28.

    ``ratio[day]`` calls over the expectation at level 1, ``noise[day]`` its counting variance,
    ``weight[day]`` 0 for days not known. Errors of the same horizon are averaged over all days of
    the history after the first ``warm_days``, recent ones counting more by ``age_weight``, so a
    correlation from day to day is in them. Priors keep a short history from being sure of itself;
    ``lost`` is the number of parameters that the errors inside the sample have to make up for.
    """
    known = np.flatnonzero(weight > 0)
    horizons, squares, counts = [], [], []
    for h in range(1, 29):
        days = known[known - h >= warm_days]
        if len(days) < 2:
            break
        expected = ahead(level, slice(None), np.array(float(h)))[days - h]
        error = (ratio[days] / expected - 1) ** 2 - noise[days] / expected
        horizons.append(float(h))
        squares.append(float(np.average(error, weights=age_weight[days])))
        counts.append(float(len(days)))
    if not horizons:
        return DayVariance(settings.day_variance, settings.day_growth)
    h_axis, square, count = np.array(horizons), np.array(squares), np.array(counts)
    inflation = len(known) / max(len(known) - lost, 0.25 * len(known))
    growth, base = _line(h_axis, square * inflation, count)
    trust = len(known) / (len(known) + settings.prior_days)
    stretches = len(known) / settings.growth_stretch_days
    growth_trust = stretches / (stretches + settings.prior_stretches)
    return DayVariance(
        base=trust * base + (1 - trust) * settings.day_variance,
        growth=growth_trust * growth + (1 - growth_trust) * settings.day_growth,
    )


def _line(x: Floats, y: Floats, weight: Floats) -> tuple[float, float]:
    """Return slope and value at 0 of the weighted line through (x, y), both at least 0."""
    total = weight.sum()
    x_mean, y_mean = float((weight * x).sum() / total), float((weight * y).sum() / total)
    spread = float((weight * (x - x_mean) ** 2).sum())
    slope = float((weight * (x - x_mean) * (y - y_mean)).sum()) / spread if spread > 0 else 0.0
    slope = max(slope, 0.0)
    base = y_mean - slope * x_mean
    if base < 0:
        slope = max(float((weight * x * y).sum() / (weight * x * x).sum()), 0.0)
        base = 0.0
    return slope, base
