"""Forecast of volume and handling time per programme and half hour, with its uncertainty.

The default model is profile x level x calendar; a rolling back-test says, programme by programme,
whether another does better, and calibrates the intervals on weeks held out.
"""

from releve.demand.forecast.assemble import build_forecast, rate_at, read_forecast
from releve.demand.forecast.backtest import (
    HoldoutModel,
    ModelChoice,
    Score,
    backtest,
    choose_model,
    history_before,
    observe_outcome,
)
from releve.demand.forecast.factors import count_quantile, coverage, rate_quantile
from releve.demand.forecast.level import ModelSettings
from releve.demand.forecast.model import (
    DEFAULT_MODEL,
    MODELS,
    Model,
    ModelFit,
    ModelPrediction,
    fit_model,
    library_models,
    predict_calls,
)

__all__ = [
    "DEFAULT_MODEL",
    "MODELS",
    "HoldoutModel",
    "Model",
    "ModelChoice",
    "ModelFit",
    "ModelPrediction",
    "ModelSettings",
    "Score",
    "backtest",
    "build_forecast",
    "choose_model",
    "count_quantile",
    "coverage",
    "fit_model",
    "history_before",
    "library_models",
    "observe_outcome",
    "predict_calls",
    "rate_at",
    "rate_quantile",
    "read_forecast",
]
