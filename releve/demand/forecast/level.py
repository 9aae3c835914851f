"""The level of a programme over the days, ahead of the last one, and how uncertain it becomes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import accumulate

import numpy as np

from releve.demand.forecast.settings import ModelSettings
from releve.demand.localtime import Int64s
from releve.demand.tables import Floats, Truths

__all__ = [
    "WAYS",
    "DayVariance",
    "Level",
    "SmoothingRule",
    "choose_smoothing",
    "discount",
    "extrapolate_level",
    "find_levels",
    "fit_day_variance",
    "smooth_two_sided",
]

_HORIZONS = 28


def discount(values: Floats, half_life: float) -> Floats:
    """Return the sum of each day's and all earlier values, halved every ``half_life`` days."""
    keep = 0.5 ** (1 / half_life)
    return np.array(list(accumulate(values.tolist(), lambda sum_, new: new + keep * sum_)))


def smooth_two_sided(ratio: Floats, weight: Floats, half_life: float) -> Floats:
    """Return the level of each day from the days before and after it; 1 where nothing is known."""
    top, bottom = ratio * weight, weight
    total = discount(top, half_life) + discount(top[::-1], half_life)[::-1] - top
    mass = discount(bottom, half_life) + discount(bottom[::-1], half_life)[::-1] - bottom
    return np.divide(total, mass, out=np.ones_like(total), where=mass > 0)


@dataclass(frozen=True)
class SmoothingRule:
    """How the level goes on: the share of fast over slow that is kept each day ahead, and a trend.

    The fast level is younger than the slow one, so their distance over that of their ages is a
    slope; it goes on, damped by ``damping`` a day. 0 is no trend.
    """

    name: str
    reversion: float
    damping: float = 0.0

    def follow(self, days_ahead: Floats, fast_age: Floats, slow_age: Floats) -> Floats:
        """Return the power of (fast / slow) that the level is above slow, at each horizon."""
        kept = np.asarray(self.reversion**days_ahead, dtype=np.float64)
        if not self.damping:
            return kept
        run = self.damping * (1 - self.damping**days_ahead) / (1 - self.damping)
        apart = np.maximum(slow_age - fast_age, 1.0)
        return np.asarray(kept + (fast_age + run) / apart, dtype=np.float64)


WAYS = (
    SmoothingRule("steady", 0.0),
    SmoothingRule("holding", 1.0),
    SmoothingRule("trending", 1.0, 0.95),
)
"""What the level may do beside going back from fast to slow: stay at the slow one, stay at the
fast one, or go on as it went (a launch, an opening, a programme that fades out)."""


@dataclass(frozen=True)
class Level:
    """Level after each day and the mean age of what it is made of, float64 ``[day]``; how it goes
    on."""

    fast: Floats
    slow: Floats
    fast_age: Floats
    slow_age: Floats
    way: SmoothingRule


def find_levels(
    ratio: Floats, weight: Floats, fast_days: float, slow_days: float, way: SmoothingRule
) -> Level:
    """Return exponentially weighted levels of ``ratio`` (weight 0 = day not known)."""
    fast, fast_age = _weighted(ratio, weight, fast_days)
    slow, slow_age = _weighted(ratio, weight, slow_days)
    return Level(fast, slow, fast_age, slow_age, way)


def _weighted(ratio: Floats, weight: Floats, half_life: float) -> tuple[Floats, Floats]:
    """Return the weighted level after each day, and its mean age in days."""
    mass = discount(weight, half_life)
    known = mass > 1e-12
    total = discount(ratio * weight, half_life)
    older = np.concatenate([[0.0], 0.5 ** (1 / half_life) * mass[:-1]])
    age = discount(older, half_life)
    return (
        np.divide(total, mass, out=np.ones_like(total), where=known),
        np.divide(age, mass, out=np.zeros_like(total), where=known),
    )


def extrapolate_level(level: Level, day: int | slice | Int64s, days_ahead: Floats) -> Floats:
    """Return the level ``days_ahead`` of ``day``."""
    fast = np.maximum(level.fast[day], 1e-9)
    slow = np.maximum(level.slow[day], 1e-9)
    follow = level.way.follow(days_ahead, level.fast_age[day], level.slow_age[day])
    return np.asarray(slow * (fast / slow) ** follow, dtype=np.float64)


def choose_smoothing(
    level: Level,
    calls: Floats,
    unit: Floats,
    known: Truths,
    *,
    warm_days: int,
    least_days: int,
    margin: float,
) -> SmoothingRule:
    """Return the smoothing rule that would have predicted the past best, 1 to 28 days ahead.

    ``calls[day]``, ``unit[day]`` the calls expected at level 1, ``known[day]`` the days that say
    something. The error is that of the day totals, over all horizons. The level's own way stays
    unless another's error is lower by more than ``margin`` of it over at least ``least_days``
    days after the first ``warm_days``: less than that is chance.
    """
    days = np.flatnonzero(known & (unit > 0))
    days = days[days >= warm_days + _HORIZONS]
    if not len(days) or days[-1] - days[0] < least_days:
        return level.way
    horizons = np.arange(1, _HORIZONS + 1)
    seen = days[:, None] - horizons
    errors = {}
    for way in (level.way, *WAYS):
        predicted = extrapolate_level(replace(level, way=way), seen, horizons.astype(np.float64))
        errors[way] = float(np.abs(calls[days] - predicted.T * unit[days]).sum())
    best = min(errors, key=lambda way: errors[way])
    return best if errors[best] < (1 - margin) * errors[level.way] else level.way


@dataclass(frozen=True)
class DayVariance:
    """Squared coefficient of variation of a whole day: ``base + growth * days ahead``."""

    base: float
    growth: float

    def at(self, days_ahead: Floats) -> Floats:
        """Return the squared coefficient of variation at each horizon in days."""
        return self.base + self.growth * days_ahead


def fit_day_variance(
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
    for h in range(1, _HORIZONS + 1):
        days = known[known - h >= warm_days]
        if len(days) < 2:
            break
        expected = extrapolate_level(level, slice(None), np.array(float(h)))[days - h]
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
