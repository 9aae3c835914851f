"""Rolling back-test: what each model would have said at past origins, against what came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from releve.demand.cleaning import clean_history
from releve.demand.forecast.count_distribution import count_quantile, interval_share
from releve.demand.forecast.holdout import HoldoutModel, history_before, observe_outcome
from releve.demand.forecast.model import ModelPrediction
from releve.demand.forecast.models import DEFAULT_MODEL, MODELS, Model
from releve.demand.holidays import add_observed_holidays
from releve.demand.localtime import day_to_number, local_slots, number_to_day
from releve.demand.tables import Floats, History
from releve.network import Programme

__all__ = ["ModelChoice", "Score", "backtest", "choose_model"]

_LEAST_ORIGIN_DAYS = 21
_MARGIN = 0.02
_LEVELS = (0.1, 0.3, 0.5, 0.7, 0.9)


@dataclass(frozen=True)
class Score:
    """How one model did over all origins.

    ``wape`` is the sum of absolute errors of the mean over the sum of calls, half hour by half
    hour; ``median_wape`` that of the median, which an absolute error asks for (Kolassa 2020): in a
    queue of a few calls a day it is zero calls in most half hours, and so is its error ``wape`` 1.
    ``day_wape`` is ``wape`` on the day's totals; ``bias`` forecast over calls, less 1. ``loss``
    judges the whole distribution: twice the mean quantile loss at 10, 30, 50, 70 and 90 %, over the
    calls; a model gains nothing by stating another distribution than its own. ``coverage_80`` is
    the share of outcomes between the 10 % and 90 % levels, exact for counts; ``within_80`` the
    share inside the whole-number quantiles, both ends included.
    """

    model: str
    origins: int
    half_hours: int
    calls: float
    wape: float
    median_wape: float
    loss: float
    day_wape: float
    bias: float
    coverage_80: float
    within_80: float


@dataclass(frozen=True)
class ModelChoice:
    """The model chosen for a programme, why, and what the back-test found."""

    programme: str
    model: str
    reason: str
    scores: tuple[Score, ...]


def backtest(
    history: History,
    programme: Programme,
    origins: Sequence[date],
    horizon: int,
    models: Mapping[str, Model] | None = None,
) -> tuple[Score, ...]:
    """Score models at past origins, each knowing only the days before, least loss first.

    ``horizon`` is in days from the origin on, the origin included. The law that is judged is the
    calibrated one, set right at each origin on weeks before it, with the public holidays open that
    the history before it shows open; those on which calls came count all the same. An origin with
    no usual day before it is left out. ValueError when none is left or nothing is held after them.
    """
    models = MODELS if models is None else models
    tallies = {name: ErrorTally() for name in models}
    held_out: dict[tuple[str, Programme], HoldoutModel] = {}
    truth = add_observed_holidays(programme, history)
    for origin in origins:
        known = add_observed_holidays(programme, history_before(history, programme, origin))
        past = clean_history(history_before(history, known, origin), known)
        if not past.is_kind("normal", "half_open").any():
            continue
        first = day_to_number(origin)
        numbers = np.arange(first, first + horizon, dtype=np.int64)
        came = observe_outcome(history, truth, numbers)
        if not np.isfinite(came).any():
            continue
        for name, tally in tallies.items():
            if (name, known) not in held_out:
                held_out[name, known] = HoldoutModel(history, known, models[name])
            tally.add(came, held_out[name, known].predict(past, numbers))
    if any(not tally.origins for tally in tallies.values()):
        raise ValueError(f"{programme.id}: no origin with history before and after it")
    scores = [tally.score(name) for name, tally in tallies.items()]
    return tuple(sorted(scores, key=lambda score: score.loss))


class ErrorTally:
    """Sums over origins."""

    def __init__(self) -> None:
        self.origins = 0
        self._sums = np.zeros(9)

    def add(self, came: Floats, said: ModelPrediction) -> None:
        known = np.isfinite(came)
        calls, expected, spread = came[known], said.mean[known], said.spread[known]
        predicted = {level: count_quantile(level, expected, spread) for level in _LEVELS}
        loss = [
            np.where(calls > predicted[level], level, level - 1) * (calls - predicted[level])
            for level in _LEVELS
        ]
        self.origins += 1
        self._sums += (
            np.abs(calls - expected).sum(),
            np.abs(calls - predicted[0.5]).sum(),
            2 * np.mean(loss, axis=0).sum(),
            calls.sum(),
            np.abs(np.where(known, came - said.mean, 0.0).sum(axis=1)).sum(),
            expected.sum(),
            interval_share(calls, expected, spread).sum(),
            float(np.count_nonzero((calls >= predicted[0.1]) & (calls <= predicted[0.9]))),
            float(len(calls)),
        )

    def score(self, model: str) -> Score:
        error, median_error, loss, calls, *rest = self._sums.tolist()
        day_error, expected, share, within, number = rest
        base = calls if calls > 0 else np.nan
        return Score(
            model=model,
            origins=self.origins,
            half_hours=int(number),
            calls=calls,
            wape=error / base,
            median_wape=median_error / base,
            loss=loss / base,
            day_wape=day_error / base,
            bias=expected / base - 1,
            coverage_80=share / number,
            within_80=within / number,
        )


def choose_model(
    history: History,
    programme: Programme,
    *,
    horizon: int = 14,
    most_origins: int = 8,
    models: Mapping[str, Model] | None = None,
) -> ModelChoice:
    """Choose a programme's model by rolling back-test over its last weeks.

    The default model stays unless another's loss is lower by more than 2 % of it: less is chance.
    A history too short for two origins keeps the default.
    """
    models = MODELS if models is None else models
    local, _ = local_slots(history.starts, programme.time_zone)
    origins: list[date] = []
    if len(local):
        last = int(local.max()) + 1
        number = last - 7
        while number - int(local.min()) >= _LEAST_ORIGIN_DAYS and len(origins) < most_origins:
            origins.append(number_to_day(number))
            number -= 7
    if len(origins) < 2:
        return ModelChoice(programme.id, DEFAULT_MODEL, "the history is too short to compare", ())
    scores = backtest(history, programme, sorted(origins), horizon, models)
    by_name = {score.model: score for score in scores}
    best, own = scores[0], by_name.get(DEFAULT_MODEL)
    if own is not None and not best.loss < own.loss * (1 - _MARGIN):
        best = own
    until = max(origins) + timedelta(days=horizon)
    reason = f"loss {best.loss:.3f} over {best.origins} weekly origins to {until}; " + ", ".join(
        f"{s.model} {s.loss:.3f}" for s in scores if s is not best
    )
    return ModelChoice(programme.id, best.model, reason, scores)
