"""The models a forecast can come from, all called alike."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from releve.demand.cleaning import CleanHistory
from releve.demand.forecast.model import ModelPrediction, fit_model, predict_calls
from releve.demand.localtime import SLOTS, Int64s, open_slots, open_week
from releve.demand.tables import Floats, Truths
from releve.network import Programme

__all__ = ["DEFAULT_MODEL", "MODELS", "Model", "fill_gaps", "library_models"]

Model = Callable[[CleanHistory, Programme, Int64s], ModelPrediction]
"""Predicts local day numbers after the history's last day."""

DEFAULT_MODEL = "profile"


def _profile(history: CleanHistory, programme: Programme, numbers: Int64s) -> ModelPrediction:
    return predict_calls(fit_model(history, programme), numbers)


def _seasonal_naive(
    history: CleanHistory, programme: Programme, numbers: Int64s
) -> ModelPrediction:
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
    def model(history: CleanHistory, programme: Programme, numbers: Int64s) -> ModelPrediction:
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
