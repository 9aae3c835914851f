"""Rolling back-test and the choice of a model."""

from __future__ import annotations

import importlib.util
from datetime import date, timedelta

import numpy as np
import pytest

from releve.demand import History, backtest, choose_model, clean_history, library_models
from releve.demand.cleaning import CleanHistory
from releve.demand.forecast import MODELS, Model, ModelPrediction, history_before, observe_outcome
from releve.demand.forecast.backtest import ErrorTally
from releve.demand.localtime import day_to_number
from releve.kernels.arrays import Ints
from releve.network import Programme
from tests.demand.series import FIRST, history, poisson, programme, truth

ROW = programme(holidays="")
MADE = truth(ROW, 98)
PAST = poisson(ROW, MADE, 1, cv=0.1)


def test_the_past_before_a_day_knows_nothing_of_it() -> None:
    day = FIRST + timedelta(days=35)
    cut = history_before(PAST, ROW, day)
    assert cut.starts.max() < PAST.starts.max()
    assert np.isnan(observe_outcome(cut, ROW, np.array([day_to_number(day)]))).all()
    assert np.isfinite(observe_outcome(PAST, ROW, np.array([day_to_number(day)]))).sum() == 20


def test_a_model_sees_only_the_days_before_its_origin() -> None:
    seen = []

    def spy(past: CleanHistory, row: Programme, numbers: Ints) -> ModelPrediction:
        seen.append((past.days[-1], int(numbers[0])))
        return MODELS["profile"](past, row, numbers)

    origins = [FIRST + timedelta(days=7 * i) for i in (6, 7)]
    backtest(PAST, ROW, origins, 7, {"spy": spy})
    assert all(first == day_to_number(last) + 1 for last, first in seen)
    firsts = [first for _, first in seen]
    assert {day_to_number(origin) for origin in origins} <= set(firsts)
    weeks = [day_to_number(FIRST) + 7 * i for i in (2, 3, 4, 5)]
    assert sorted(firsts) == sorted(weeks + [weeks[-1] + 7] * 2 + [weeks[-1] + 14])


def test_scores_are_the_sums_they_say() -> None:
    """A model that always says 10, against the plain formula."""

    def ten(past: CleanHistory, row: Programme, numbers: Ints) -> ModelPrediction:
        mean = np.full((len(numbers), 48), 10.0)
        return ModelPrediction(mean, np.zeros(len(numbers)), np.full_like(mean, 0.01))

    (score,) = backtest(PAST, ROW, [FIRST + timedelta(days=42)], 7, {"ten": ten})
    week = observe_outcome(PAST, ROW, np.arange(7, dtype=np.int64) + day_to_number(FIRST) + 42)
    came = week[np.isfinite(week)]
    assert score.half_hours == 100
    assert score.calls == came.sum()
    assert score.wape == pytest.approx(np.abs(came - 10).sum() / came.sum())
    assert score.bias == pytest.approx(1000 / came.sum() - 1)
    days = np.nansum(week, axis=1)[:5]
    assert score.day_wape == pytest.approx(np.abs(days - 200).sum() / came.sum())


def test_the_default_beats_seasonal_naive_on_a_steady_series_and_is_chosen() -> None:
    choice = choose_model(PAST, ROW)
    scores = {score.model: score for score in choice.scores}
    assert choice.model == "profile"
    assert scores["profile"].wape < 0.9 * scores["seasonal_naive"].wape
    assert "seasonal_naive" in choice.reason


def test_a_better_model_is_chosen_over_the_default() -> None:
    wild = truth(ROW, 98, factor=lambda day: 1.0 + 0.5 * (day.toordinal() // 7 % 2))
    made = poisson(ROW, wild, 3)

    def tempting(past: CleanHistory, row: Programme, numbers: Ints) -> ModelPrediction:
        rate = wild.rate[np.clip(numbers - wild.numbers[0], 0, 97)]
        return ModelPrediction(rate, np.full(len(numbers), 0.01), np.full_like(rate, 0.01))

    assert choose_model(made, ROW, models={**MODELS, "tempting": tempting}).model == "tempting"


def test_a_short_history_keeps_the_default_and_says_so() -> None:
    short = poisson(ROW, truth(ROW, 25), 1)
    choice = choose_model(short, ROW)
    assert (choice.model, choice.scores) == ("profile", ())
    assert choice.reason == "the history is too short to compare"


def test_seasonal_naive_goes_back_to_the_last_week_that_has_the_half_hour() -> None:
    counts = np.round(MADE.rate)
    counts[91:98, 20] = np.nan
    made = history(ROW, counts, MADE.numbers)
    numbers = np.arange(MADE.numbers[-1] + 1, MADE.numbers[-1] + 15, dtype=np.int64)
    mean = MODELS["seasonal_naive"](clean_history(made, ROW), ROW, numbers).mean
    np.testing.assert_array_equal(mean[:5, 21], counts[91:96, 21])
    np.testing.assert_array_equal(mean[:5, 20], counts[84:89, 20])
    np.testing.assert_array_equal(mean[7:12], mean[:5])


def test_no_origin_with_history_is_an_error() -> None:
    none = np.empty(0)
    empty = History("p", np.empty(0, dtype=np.int64), none, none, none)
    with pytest.raises(ValueError, match="p: no origin with history"):
        backtest(empty, ROW, [date(2026, 7, 1)], 7)


@pytest.mark.skipif(importlib.util.find_spec("statsforecast") is None, reason="statsforecast is not installed")
@pytest.mark.slow
def test_the_library_forecasts_the_same_half_hours() -> None:
    scores = backtest(PAST, ROW, [FIRST + timedelta(days=84)], 7, library_models())
    assert all(score.wape < 0.3 for score in scores)


def test_a_queue_of_a_few_calls_is_judged_by_its_median_and_its_whole_law() -> None:
    """Four calls a day: saying zero has the least error, yet the law of the model has less loss."""
    made = poisson(ROW, truth(ROW, 98, volume=4.0), 5)
    origins = [FIRST + timedelta(days=7 * i) for i in (10, 12)]
    scores = {score.model: score for score in backtest(made, ROW, origins, 14)}
    own, naive = scores["profile"], scores["seasonal_naive"]
    assert own.median_wape < own.wape
    assert own.median_wape < naive.wape
    assert own.loss < naive.loss
    assert choose_model(made, ROW).model == "profile"


def test_the_loss_is_least_for_the_law_that_is_true() -> None:
    """Against the same mean with half and double the standard deviation, and another mean."""
    made = truth(ROW, 98, volume=2000.0)
    past = poisson(ROW, made, 6, cv=0.2)

    def law(scale: float, variance: float) -> Model:
        def model(history: CleanHistory, row: Programme, numbers: Ints) -> ModelPrediction:
            rate = scale * made.rate[numbers - made.numbers[0]]
            return ModelPrediction(rate, np.full(len(numbers), variance), np.full_like(rate, variance))

        return model

    models = {"true": law(1, 0.04), "sure": law(1, 0.01), "wide": law(1, 0.16)}
    models["low"] = law(0.8, 0.04)
    origins = [FIRST + timedelta(days=7 * i) for i in range(2, 14)]
    found = [_loss(past, origins, model) for model in models.values()]
    assert found[0] == min(found)


def _loss(past: History, origins: list[date], model: Model) -> float:
    """Return the loss of a law as the model tells it, not set right."""
    tally = ErrorTally()
    for origin in origins:
        numbers = np.arange(7, dtype=np.int64) + day_to_number(origin)
        known = clean_history(history_before(past, ROW, origin), ROW)
        tally.add(observe_outcome(past, ROW, numbers), model(known, ROW, numbers))
    return tally.score("").loss
