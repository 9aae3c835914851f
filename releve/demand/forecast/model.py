"""The default model: weekly profile x level x calendar, with its uncertainty.

``mean[day, slot] = level(day) * weekday(day) * calendar(day) * share[weekday, slot]``.

* The level is exponentially weighted: near the last day the recent level holds, further ahead it
  goes back to a slower one.
* Weekday factors, shares and calendar factors are weighted ratios of what was seen to what was
  expected, each drawn to a prior as far as the data are few; no working week is assumed.
* A whole day strays from its expectation by a gamma factor (busyness; Jongbloed & Koole 2001,
  Avramidis, Deslauriers & L'Ecuyer 2004) whose variance grows with the horizon; inside the day
  the counts are gamma-Poisson about the day's level.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from releve.demand.cleaning import CleanHistory
from releve.demand.forecast.calendar import calendar_features
from releve.demand.forecast.factors import DayTable, Factors, fit_factors, ratio_noise
from releve.demand.forecast.level import (
    DayVariance,
    Level,
    SmoothingRule,
    choose_smoothing,
    extrapolate_level,
    find_levels,
    fit_day_variance,
)
from releve.demand.forecast.settings import ModelSettings
from releve.demand.localtime import Int64s, open_slots
from releve.demand.tables import Floats, Truths
from releve.network import Programme

__all__ = ["ModelFit", "ModelPrediction", "fit_model", "predict_calls"]

_WARM_DAYS = 6
_FURTHEST = 60.0


@dataclass(frozen=True)
class ModelFit:
    """A fitted model: the factors, and the variances measured on the history.

    ``weekday_days[7]`` is how many (aged) days stand behind each weekday; ``slot_variance`` the
    squared variation of a half hour about its day, beyond counting.
    """

    programme: Programme
    last_day: int
    factors: Factors
    weekday_days: Floats
    level: Level
    day_variance: DayVariance
    slot_variance: float


@dataclass(frozen=True)
class ModelPrediction:
    """Calls per ``[day, slot]``: mean, and gamma-Poisson variance mean + spread * mean^2.

    ``day_variance[day]`` is the squared coefficient of variation of the factor that the day
    shares; ``spread[day, slot]`` that and the variation between half hours together.
    """

    mean: Floats
    day_variance: Floats
    spread: Floats


def fit_model(
    history: CleanHistory, programme: Programme, settings: ModelSettings | None = None
) -> ModelFit:
    """Fit the model to a cleaned history; ValueError when no day of it is a guide."""
    settings = settings or ModelSettings()
    if not len(history.numbers) or not history.is_kind("normal", "half_open").any():
        raise ValueError(f"{programme.id}: no usual day in the history")
    days = DayTable.of(history, programme, settings)
    factors = fit_factors(days, settings)
    usable = days.usable(factors.share)
    unit = factors.unit(days)
    ratio = np.divide(days.calls, unit, out=np.zeros_like(unit), where=unit > 0)
    weight = np.where(usable, 1 / ratio_noise(unit * factors.level, factors), 0.0)
    level = _level(days, unit, ratio, weight, settings)
    variance = fit_day_variance(
        ratio,
        np.divide(1.0, unit, out=np.zeros_like(unit), where=unit > 0),
        weight,
        days.age_weight,
        level,
        settings=settings,
        warm_days=_WARM_DAYS,
        lost=float(np.count_nonzero(days.opened.any(axis=1))),
    )
    return ModelFit(
        programme=programme,
        last_day=int(days.numbers[-1]),
        factors=factors,
        weekday_days=np.bincount(days.weekday, days.age_weight * usable, 7).astype(np.float64),
        level=level,
        day_variance=variance,
        slot_variance=_inside(days, factors, usable),
    )


def _level(
    days: DayTable, unit: Floats, ratio: Floats, weight: Floats, settings: ModelSettings
) -> Level:
    """Return every day's level, continued by the smoothing rule that predicted the past best."""
    usual = SmoothingRule("reverting", settings.reversion)
    level = find_levels(ratio, weight, settings.fast_days, settings.slow_days, usual)
    way = choose_smoothing(
        level,
        days.calls,
        unit,
        weight > 0,
        warm_days=_WARM_DAYS,
        least_days=settings.way_after_days,
        margin=settings.way_margin,
    )
    return replace(level, way=way)


def _inside(days: DayTable, factors: Factors, usable: Truths) -> float:
    """Return the squared variation of the half hours about their day's own level.

    E(count - mean)^2 = mean + variation * mean^2, fitted by weighted least squares with the
    squares trimmed at ten times their fit, and corrected for what the profile has taken up.
    """
    where = days.known & usable[:, None] & days.opened[days.weekday]
    held = np.maximum(days.held(factors.share), 1e-9)
    own = (days.calls / held)[:, None] * factors.share[days.weekday]
    where &= own > 0
    mean = own[where]
    if len(mean) < 10:
        return 0.0
    number = np.bincount(days.weekday[usable], minlength=7)[days.weekday]
    left = np.broadcast_to(1 - 0.5 / np.maximum(number, 1)[:, None], where.shape)[where]
    square = (days.counts[where] - mean) ** 2 / left
    variation = 0.0
    for _ in range(3):
        variance = mean + variation * mean**2
        excess = np.minimum(square, 10 * variance) - mean
        weight = (mean / variance) ** 2
        variation = max(float((weight * excess).sum() / (weight * mean**2).sum()), 0.0)
    return variation


def predict_calls(model: ModelFit, numbers: Int64s) -> ModelPrediction:
    """Return the prediction for local day numbers after the history's last day."""
    weekday = (numbers + 3) % 7
    opened, _ = open_slots(model.programme, numbers)
    features = calendar_features(model.programme, numbers)
    days_ahead = np.maximum(numbers - model.last_day, 1).astype(np.float64)
    factors = model.factors
    day_mean = extrapolate_level(model.level, -1, days_ahead) * factors.weekday[weekday]
    day_mean = day_mean * factors.calendar_of(features)
    mean = np.where(opened, day_mean[:, None] * factors.share[weekday], 0.0)
    behind = np.maximum(model.weekday_days[weekday], 0.5)
    variance = model.day_variance.at(np.minimum(days_ahead, _FURTHEST))
    variance = variance + model.day_variance.base / behind
    spread = variance + model.slot_variance * (1 + variance) * (1 + 1 / behind)
    return ModelPrediction(mean, variance, np.broadcast_to(spread[:, None], mean.shape))
