"""Forecast of volume and handling time per programme and half hour, with its uncertainty.

The default model is profile x level x calendar (:mod:`releve.demand.forecast.model`); a rolling
back-test says, programme by programme, whether another does better. The law of any model is set
right on weeks held out from it (:mod:`releve.demand.forecast.holdout`).
"""

from releve.demand.forecast.assemble import build_forecast, rate_at
from releve.demand.forecast.backtest import ModelChoice, Score, backtest, choose_model
from releve.demand.forecast.count_distribution import count_quantile, coverage, rate_quantile
from releve.demand.forecast.external_forecast import read_forecast
from releve.demand.forecast.holdout import HoldoutModel, history_before, observe_outcome
from releve.demand.forecast.model import ModelFit, ModelPrediction, fit_model, predict_calls
from releve.demand.forecast.models import DEFAULT_MODEL, MODELS, Model, library_models
from releve.demand.forecast.settings import ModelSettings

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
