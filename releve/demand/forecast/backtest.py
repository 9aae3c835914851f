"""Rolling back-test and calibration: forecasts from past origins against the calls that came.

Calibration is split-conformal in its idea (Vovk, Gammerman & Shafer 2005; Romano, Patterson &
Candes 2019): squared variations are multiplied so that the 10 % to 90 % interval holds 80 % on
weeks held out, first on totals of days by horizon, then on half hours, quiet and busy. So the days
keep the factor they share, and a staffing quantile and an interval come from one law.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from releve.demand.cleaning import CleanHistory, clean_history
from releve.demand.forecast.factors import count_quantile, interval_share
from releve.demand.forecast.model import DEFAULT_MODEL, MODELS, Model, ModelPrediction
from releve.demand.localtime import (
    SLOTS,
    add_observed_holidays,
    day_to_number,
    local_slots,
    number_to_day,
    open_slots,
    open_week,
)
from releve.demand.requirement import History
from releve.kernels.arrays import Floats, Ints
from releve.network import Programme

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
    days_ahead: Ints


@dataclass(frozen=True)
class Calibration:
    """Factors on squared variations: ``day[band]`` by horizon, ``inside`` for quiet and busy half
    hours; ``busy_from`` calls a half hour is busy."""

    day: tuple[float, ...]
    inside: tuple[float, ...]
    busy_from: float


AS_TOLD = Calibration((1.0, 1.0, 1.0), (1.0, 1.0), 0.0)
"""The law as the model tells it."""


def apply(calibration: Calibration, said: ModelPrediction, days_ahead: Ints) -> ModelPrediction:
    """Return the prediction with calibrated variations; the mean stays."""
    day = np.array(calibration.day)[_bands(days_ahead)] * said.day_variance
    quiet, busy = calibration.inside
    inside = np.where(said.mean >= calibration.busy_from, busy, quiet)
    own = np.maximum(said.spread - said.day_variance[:, None], 0.0)
    return ModelPrediction(said.mean, day, day[:, None] + inside * own)


def calibrate(folds: Sequence[Fold]) -> Calibration:
    """Return the factors that make the 80 % interval hold 80 % of ``folds``.

    Each is drawn to 1 as far as the folds carry little information: few days, or counts so small
    that the variation of their rate hardly shows. A horizon that no fold reaches takes the factor
    of the one before where that widens the law, and is never narrowed.
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
    inside = find_factors(came[known], mean[known], own[known], rest[known], busy, _HALF_HOURS_WORTH, 2)
    return Calibration(tuple(factor.tolist()), tuple(inside.tolist()), busy_from)


def _bands(days_ahead: Ints) -> Ints:
    return np.searchsorted(HORIZON_ENDS, days_ahead).astype(np.int64)


def _days(came: Floats, mean: Floats, day: Floats, own: Floats, band: Ints) -> Floats:
    """Return the factor on the variation of whole days by band of the horizon.

    ``mean`` is 0 where the count is not known. A day's total strays by its own factor and by what
    is left of its half hours' variation in the sum.
    """
    bands = len(HORIZON_ENDS) + 1
    total = mean.sum(axis=1)
    where = total > 0
    left = (own * mean**2).sum(axis=1)[where] / total[where] ** 2
    seen = np.where(mean > 0, came, 0.0).sum(axis=1)
    factor = find_factors(seen[where], total[where], day[where], left, band[where], _DAYS_WORTH, bands)
    for i in np.flatnonzero(np.bincount(band[where], minlength=bands) == 0).tolist():
        factor[i] = max(float(factor[i - 1]), 1.0) if i else 1.0
    return factor


def find_factors(
    came: Floats, mean: Floats, variance: Floats, rest: Floats, group: Ints, worth: float, groups: int
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


_FOLDS = 4
_FOLD_DAYS = 28
_STEP_DAYS = 7
_WEEKS = 2


def history_before(history: History, programme: Programme, day: date) -> History:
    """Return the history of the local days before ``day``."""
    local, _ = local_slots(history.starts, programme.time_zone)
    keep = local < day_to_number(day)
    return History(
        history.programme, history.starts[keep], history.offered[keep], history.answered[keep], history.aht_s[keep]
    )


def observe_outcome(history: History, programme: Programme, numbers: Ints) -> Floats:
    """Return what came as ``[day, slot]``: every open half hour the source holds, else NaN.

    Nothing is cleaned away: exceptional days count against a forecast.
    """
    table = np.full((len(numbers), SLOTS), np.nan)
    local, slot = local_slots(history.starts, programme.time_zone)
    place = np.searchsorted(numbers, local)
    inside = (place < len(numbers)) & (numbers[np.minimum(place, len(numbers) - 1)] == local)
    table[place[inside], slot[inside]] = history.offered[inside]
    opened, _ = open_slots(programme, numbers)
    table[~opened] = np.nan
    return table


def find_usual_days(past: CleanHistory, programme: Programme) -> tuple[int, int]:
    """Return the usual open days of a history, and how many are needed: two weeks of them."""
    usable = int(np.count_nonzero(past.is_kind("normal", "half_open")))
    return usable, _WEEKS * int(np.count_nonzero(open_week(programme).any(axis=1)))


class HoldoutModel:
    """One model on one history: each past week is predicted once, from the days before it."""

    def __init__(self, history: History, programme: Programme, model: Model) -> None:
        self.history, self.programme, self.model = history, programme, model
        self._folds: dict[int, tuple[int, ModelPrediction] | None] = {}

    def predict(self, past: CleanHistory, numbers: Ints) -> ModelPrediction:
        """Return the model's prediction of ``numbers``, calibrated.

        ``past`` is the cleaned history before the first of them. Calibration uses up to four folds
        of 28 days, a week apart, that end with ``past``.
        """
        last = int(past.numbers[-1])
        said = self.model(past, self.programme, numbers)
        return apply(self.calibration(last + 1), said, np.maximum(numbers - last, 1))

    def calibration(self, origin: int) -> Calibration:
        """Return the factors found on the weeks before day number ``origin``."""
        folds = []
        for number in range(1, _FOLDS + 1):
            fold = self._fold(origin - number * _STEP_DAYS, origin)
            if fold is None:
                break
            folds.append(fold)
        return calibrate(folds)

    def past_weeks(self, origin: int, weeks: int) -> tuple[Floats, Floats]:
        """Return the calls of the weeks before day number ``origin``, and their forecasts.

        Both ``[day, slot]``, the latest week first, each forecast from the days before it.
        """
        came, said = [np.empty((0, SLOTS))], [np.empty((0, SLOTS))]
        for number in range(1, weeks + 1):
            fold = self._fold(origin - number * _STEP_DAYS, origin)
            if fold is None:
                break
            came.append(fold.came[:_STEP_DAYS])
            said.append(fold.said.mean[:_STEP_DAYS])
        return np.concatenate(came), np.concatenate(said)

    def _fold(self, first: int, origin: int) -> Fold | None:
        """Return the days from ``first`` to before ``origin``; None when too few lie before it."""
        if first not in self._folds:
            self._folds[first] = self._said(first)
        found = self._folds[first]
        if found is None:
            return None
        last, said = found
        days = min(_FOLD_DAYS, origin - first)
        numbers = np.arange(first, first + days, dtype=np.int64)
        return Fold(
            observe_outcome(self.history, self.programme, numbers),
            ModelPrediction(said.mean[:days], said.day_variance[:days], said.spread[:days]),
            numbers - last,
        )

    def _said(self, first: int) -> tuple[int, ModelPrediction] | None:
        """Return the last day known before day ``first``, and what the model says from it on."""
        past = clean_history(history_before(self.history, self.programme, number_to_day(first)), self.programme)
        usable, needed = find_usual_days(past, self.programme)
        if not usable or usable < needed:
            return None
        numbers = np.arange(first, first + _FOLD_DAYS, dtype=np.int64)
        return int(past.numbers[-1]), self.model(past, self.programme, numbers)


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

    ``horizon`` is in days from the origin on, the origin included. The law judged is calibrated at
    each origin on the weeks before it, with public holidays open as that history shows; holidays on
    which calls came count all the same. An origin with no usual day before it is left out.
    ValueError when none is left or nothing is held after them.
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
        loss = [np.where(calls > predicted[level], level, level - 1) * (calls - predicted[level]) for level in _LEVELS]
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
