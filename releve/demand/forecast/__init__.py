"""Forecast of volume and handling time per programme and half hour, with its uncertainty.

The default model is profile x level x calendar (:mod:`releve.demand.forecast.model`); a rolling
back-test says, programme by programme, whether another does better. The law of any model is set
right on weeks held out from it (:mod:`releve.demand.forecast.holdout`).
"""

from releve.demand.forecast.assemble import forecast, rate_at
from releve.demand.forecast.backtest import Choice, Score, backtest, choose_model
from releve.demand.forecast.count_distribution import count_quantile, coverage, rate_quantile
from releve.demand.forecast.external_forecast import imported_forecast
from releve.demand.forecast.holdout import HeldOut, before, outcome
from releve.demand.forecast.model import Fit, Prediction, fit, predict
from releve.demand.forecast.models import DEFAULT_MODEL, MODELS, Model, library_models
from releve.demand.forecast.settings import ModelSettings

__all__ = [
    "DEFAULT_MODEL",
    "MODELS",
    "Choice",
    "Fit",
    "HeldOut",
    "Model",
    "ModelSettings",
    "Prediction",
    "Score",
    "backtest",
    "before",
    "choose_model",
    "count_quantile",
    "coverage",
    "fit",
    "forecast",
    "imported_forecast",
    "library_models",
    "outcome",
    "predict",
    "rate_at",
    "rate_quantile",
]
