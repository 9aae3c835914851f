"""The forecast models, all called alike; the default is weekly profile x level x calendar.

``mean[day, slot] = level(day) * weekday(day) * calendar(day) * share[weekday, slot]``.

* The level is exponentially weighted: near the last day the recent level holds, further ahead it
  goes back to a slower one.
* Weekday factors, shares and calendar factors are weighted ratios of seen to expected, each drawn
  to a prior as far as the data are few; no working week is assumed.
* A whole day strays from its expectation by a gamma factor (busyness; Jongbloed & Koole 2001,
  Avramidis, Deslauriers & L'Ecuyer 2004) whose variance grows with the horizon; inside the day
  the counts are gamma-Poisson about the day's level.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from releve.demand.cleaning import CleanHistory
from releve.demand.forecast.factors import DayTable, Factors, fit_factors, ratio_noise
from releve.demand.forecast.level import (
    DayVariance,
    Level,
    ModelSettings,
    SmoothingRule,
    calendar_features,
    choose_smoothing,
    extrapolate_level,
    find_levels,
    fit_day_variance,
)
from releve.demand.localtime import SLOTS, open_slots, open_week
from releve.kernels.arrays import Floats, Ints, Truths
from releve.network import Programme

WARM_DAYS = 6
"""First days of a history, whose level no error is measured against."""
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


def fit_model(history: CleanHistory, programme: Programme, settings: ModelSettings | None = None) -> ModelFit:
    """Fit the model to a cleaned history; ValueError when no day of it is a guide."""
    settings = settings or ModelSettings()
    measured = measure_levels(history, programme, settings)
    days, factors, usable = measured.days, measured.factors, measured.usable
    variance = fit_day_variance(
        measured.ratio,
        measured.noise,
        measured.weight,
        days.age_weight,
        measured.level,
        settings=settings,
        warm_days=WARM_DAYS,
        lost=float(np.count_nonzero(days.opened.any(axis=1))),
    )
    return ModelFit(
        programme=programme,
        last_day=int(days.numbers[-1]),
        factors=factors,
        weekday_days=np.bincount(days.weekday, days.age_weight * usable, 7).astype(np.float64),
        level=measured.level,
        day_variance=variance,
        slot_variance=_inside(days, factors, usable),
    )


@dataclass(frozen=True)
class MeasuredLevels:
    """Days of a history with their factors, and float64 ``[day]``: ``ratio`` of calls to those
    expected at level 1, ``noise`` its counting variance, ``weight`` 0 where the day is no guide."""

    days: DayTable
    factors: Factors
    usable: Truths
    ratio: Floats
    noise: Floats
    weight: Floats
    level: Level


def measure_levels(
    history: CleanHistory, programme: Programme, settings: ModelSettings | None = None
) -> MeasuredLevels:
    """Return each day's level in a cleaned history; ValueError when no day of it is a guide."""
    settings = settings or ModelSettings()
    if not len(history.numbers) or not history.is_kind("normal", "half_open").any():
        raise ValueError(f"{programme.id}: no usual day in the history")
    days = DayTable.of(history, programme, settings)
    factors = fit_factors(days, settings)
    usable = days.usable(factors.share)
    unit = factors.unit(days)
    ratio = np.divide(days.calls, unit, out=np.zeros_like(unit), where=unit > 0)
    noise = np.divide(1.0, unit, out=np.zeros_like(unit), where=unit > 0)
    weight = np.where(usable, 1 / ratio_noise(unit * factors.level, factors), 0.0)
    return MeasuredLevels(days, factors, usable, ratio, noise, weight, _level(days, unit, ratio, weight, settings))


def _level(days: DayTable, unit: Floats, ratio: Floats, weight: Floats, settings: ModelSettings) -> Level:
    """Return every day's level, continued by the smoothing rule that predicted the past best."""
    usual = SmoothingRule("reverting", settings.reversion)
    level = find_levels(ratio, weight, settings.fast_days, settings.slow_days, usual)
    way = choose_smoothing(
        level,
        days.calls,
        unit,
        weight > 0,
        warm_days=WARM_DAYS,
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


def predict_calls(model: ModelFit, numbers: Ints) -> ModelPrediction:
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


Model = Callable[[CleanHistory, Programme, Ints], ModelPrediction]
"""Predicts local day numbers after the history's last day."""

DEFAULT_MODEL = "profile"


def _profile(history: CleanHistory, programme: Programme, numbers: Ints) -> ModelPrediction:
    return predict_calls(fit_model(history, programme), numbers)


def _seasonal_naive(history: CleanHistory, programme: Programme, numbers: Ints) -> ModelPrediction:
    """The same half hour of the last week that has it; its own noise adds to the spread."""
    own = _profile(history, programme, numbers)
    last = int(history.numbers[-1])
    mean = np.full((len(numbers), SLOTS), np.nan)
    for back in range(1, len(history.numbers) // 7 + 2):
        weeks = (numbers - last - 1) // 7 + back
        place = numbers - 7 * weeks - int(history.numbers[0])
        inside = (place >= 0) & (place < len(history.numbers))
        values = history.offered[np.clip(place, 0, len(history.numbers) - 1)]
        mean = np.where(np.isnan(mean) & inside[:, None], values, mean)
    opened, _ = open_slots(programme, numbers)
    mean = np.where(opened, np.where(np.isnan(mean), own.mean, mean), 0.0)
    counting = np.divide(1.0, own.mean, out=np.zeros_like(mean), where=own.mean > 0)
    return ModelPrediction(mean, 2 * own.day_variance, 2 * own.spread + counting)


MODELS: Mapping[str, Model] = {DEFAULT_MODEL: _profile, "seasonal_naive": _seasonal_naive}
"""The models that are always there."""


def library_models() -> Mapping[str, Model]:
    """Return the models of statsforecast, empty where it is not installed.

    It is given the open half hours as one series whose season is the week; gaps hold the mean of
    their weekday's half hour. The spread is that of the default model.
    """
    if importlib.util.find_spec("statsforecast") is None:
        return {}
    library = importlib.import_module("statsforecast.models")

    def mstl(week: int) -> Any:
        return library.MSTL(season_length=week, trend_forecaster=library.AutoETS(model="ZZN"))

    def window(week: int) -> Any:
        return library.SeasonalWindowAverage(season_length=week, window_size=4)

    return {"statsforecast MSTL": _library(mstl), "statsforecast window": _library(window)}


def _library(make: Callable[[int], Any]) -> Model:
    def model(history: CleanHistory, programme: Programme, numbers: Ints) -> ModelPrediction:
        own = _profile(history, programme, numbers)
        opened = open_week(programme)
        series = fill_gaps(history)[opened[(history.numbers + 3) % 7]]
        week = int(opened.sum())
        if len(series) < 2 * week:
            return own
        coming = np.arange(history.numbers[-1] + 1, numbers.max() + 1, dtype=np.int64)
        mask: Truths = opened[(coming + 3) % 7]
        future = make(week).forecast(y=series, h=int(mask.sum()))["mean"]
        table = np.zeros(mask.shape)
        table[mask] = np.maximum(np.asarray(future, dtype=np.float64), 0.0)
        mean = np.where(own.mean > 0, table[numbers - coming[0]], 0.0)
        return ModelPrediction(mean, own.day_variance, own.spread)

    return model


def fill_gaps(history: CleanHistory) -> Floats:
    """Return the counts with every gap filled by the mean of its weekday's half hour."""
    out = history.offered.copy()
    weekday = (history.numbers + 3) % 7
    for day in range(7):
        rows = out[weekday == day]
        held = np.isfinite(rows).sum(axis=0)
        mean = np.nansum(rows, axis=0) / np.maximum(held, 1)
        out[weekday == day] = np.where(np.isnan(rows), mean, rows)
    return out
