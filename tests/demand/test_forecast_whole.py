"""The forecast of an operator's days: zones, unknowns, imported tables, back-test and choice of a model."""

from __future__ import annotations

import importlib.util
from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from releve import demand
from releve.demand.cleaning import CleanHistory
from releve.demand.forecast import MODELS, Model, ModelPrediction, assemble, history_before, observe_outcome
from releve.demand.forecast.backtest import ErrorTally
from releve.demand.forecast.model import DEFAULT_MODEL
from releve.demand.localtime import day_to_number
from releve.kernels.arrays import Ints
from releve.network import UTC, HistoryRow, Operator, OperatorRow, Programme, day_bounds, find_open_instants
from tests.demand.series import FIRST, history, poisson, programme, truth

ROW = programme()
MONDAY = date(2026, 8, 10)


def past() -> demand.History:
    return poisson(ROW, truth(ROW, 70), 1)


def test_every_half_hour_of_the_days_is_there_and_the_clock_change_too() -> None:
    made = past()
    normal = demand.build_forecast({"p": made}, [ROW], [MONDAY, MONDAY + timedelta(days=1)], "Europe/Paris")
    long = demand.build_forecast({"p": made}, [ROW], [date(2026, 10, 25)], "Europe/Paris")
    short = demand.build_forecast({"p": made}, [ROW], [date(2027, 3, 28)], "Europe/Paris")
    assert [len(found.starts) for found in (normal, long, short)] == [96, 50, 46]
    assert normal.starts[0] == day_bounds(MONDAY, "Europe/Paris")[0]
    assert normal.starts[0].tzinfo is UTC
    assert normal.mean.shape == normal.open.shape == normal.aht_s.shape == (96, 1)


def test_a_programme_of_another_zone_is_open_by_its_own_clock() -> None:
    row = programme(time_zone="Indian/Antananarivo", holidays="")
    made = poisson(row, truth(row, 70), 1)
    found = demand.build_forecast({"p": made}, [row], [MONDAY], "Europe/Paris")
    np.testing.assert_array_equal(found.open[:, 0], find_open_instants(row, found.starts))
    first = found.starts[int(np.argmax(found.open[:, 0]))]
    assert first == datetime(2026, 8, 10, 5, tzinfo=UTC)
    assert (found.mean[found.open[:, 0], 0] > 0).all()
    assert (found.mean[~found.open[:, 0], 0] == 0).all()


def test_no_history_is_unknown_and_never_zero() -> None:
    none = np.empty(0)
    empty = demand.History("e", np.empty(0, dtype=np.int64), none, none, none)
    rows = [programme("a"), programme("e")]
    found = demand.build_forecast({"e": empty}, rows, [MONDAY], "Europe/Paris")
    assert found.unknown == {"a": "no history", "e": "no history"}
    assert np.isnan(found.mean[found.open]).all()
    assert (found.mean[~found.open] == 0).all()
    assert np.isnan(found.quantiles[0.9][found.open]).all()
    assert np.isnan(found.day_factor_cv).all()


@pytest.mark.parametrize(("days", "known"), [(10, False), (13, True), (14, True)])
def test_less_than_two_weeks_of_open_days_is_unknown(days: int, known: bool) -> None:
    """Friday of the second week makes ten open days."""
    row = programme(holidays="")
    made = poisson(row, truth(row, days), 1)
    found = demand.build_forecast({"p": made}, [row], [FIRST + timedelta(days=14)], "Europe/Paris")
    assert (not found.unknown) is known
    if not known:
        assert found.unknown["p"].startswith("only 8 usual open days of history up to 2026-06-14")


def test_only_history_before_the_first_day_is_used() -> None:
    row = programme()
    made = truth(row, 84, factor=lambda day: 5.0 if day >= MONDAY else 1.0)
    whole = poisson(row, made, 2)
    found = demand.build_forecast({"p": whole}, [row], [MONDAY], "Europe/Paris")
    assert found.mean.sum() == pytest.approx(1300, rel=0.1)


def test_quantiles_rise_with_their_level_and_the_mean_lies_between() -> None:
    made = past()
    found = demand.build_forecast({"p": made}, [ROW], [MONDAY], "Europe/Paris", levels=(0.05, 0.5, 0.95))
    low, middle, high = (found.quantiles[level] for level in (0.05, 0.5, 0.95))
    assert (low <= middle).all()
    assert (middle <= high).all()
    assert ((low <= found.mean) & (found.mean <= high)).all()
    with pytest.raises(ValueError, match="a level must be between 0 and 1, got 1"):
        demand.build_forecast({"p": made}, [ROW], [MONDAY], "Europe/Paris", levels=(1,))


def test_the_rate_at_a_level_scales_a_whole_day() -> None:
    made = past()
    found = demand.build_forecast({"p": made}, [ROW], [MONDAY], "Europe/Paris")
    high = demand.rate_at(found, 0.8)
    opened = found.open[:, 0]
    factor = high[opened, 0] / found.mean[opened, 0]
    assert np.ptp(factor) < 1e-9
    assert 1.0 < factor[0] < 1.0 + 2 * found.day_factor_cv[0]


def test_names_and_their_order_change_nothing_but_the_columns() -> None:
    rows = [programme("a"), programme("b")]
    made = {"a": poisson(rows[0], truth(rows[0], 70), 1), "b": poisson(rows[1], truth(rows[1], 70, volume=40.0), 2)}
    one = demand.build_forecast(made, rows, [MONDAY], "Europe/Paris")
    renamed = [programme("z"), programme("y")]
    other = demand.build_forecast({"y": made["a"], "z": made["b"]}, renamed, [MONDAY], "Europe/Paris")
    np.testing.assert_array_equal(one.mean[:, 0], other.mean[:, 1])
    np.testing.assert_array_equal(one.quantiles[0.8][:, 1], other.quantiles[0.8][:, 0])


def test_another_model_can_be_named_and_one_that_is_not_there_is_refused() -> None:
    made, names = past(), {"p": "seasonal_naive"}
    naive = demand.build_forecast({"p": made}, [ROW], [MONDAY], "Europe/Paris", models=names)
    place = np.searchsorted(made.starts, [start.timestamp() - 7 * 86400 for start in naive.starts])
    opened = naive.open[:, 0]
    np.testing.assert_array_equal(naive.mean[opened, 0], made.offered[place[opened]])
    with pytest.raises(ValueError, match="no model 'oracle' for p"):
        demand.build_forecast({"p": made}, [ROW], [MONDAY], "Europe/Paris", models={"p": "oracle"})


def test_history_of_an_operator_is_added_up_to_half_hours() -> None:
    rows = tuple(
        HistoryRow("p", datetime(2026, 6, 1, 6, 15 * i, tzinfo=UTC), 10.0 + i, 8.0, 100.0 + i) for i in range(3)
    )
    operator = Operator(
        OperatorRow("o"), sites=(), floors=(), zones=(), seats=(), clients=(), programmes=(ROW,),
        agents=(), history=rows[::-1],
    )  # fmt: skip
    found = demand.build_histories(operator)["p"]
    assert found.offered[0] == 21
    assert np.isnan(found.offered[1])
    assert found.aht_s[0] == pytest.approx(100.5)
    odd = tuple(HistoryRow("p", datetime(2026, 6, 1, 6, tzinfo=UTC) + timedelta(minutes=20 * i), 1.0) for i in range(4))
    wrong = Operator(
        OperatorRow("o"), sites=(), floors=(), zones=(), seats=(), clients=(), programmes=(ROW,), agents=(), history=odd
    )
    with pytest.raises(ValueError, match="history of p: intervals of 20 minutes"):
        demand.build_histories(wrong)


def table() -> pl.DataFrame:
    starts = [f"2026-08-10T{hour:02d}:{minute:02d}" for hour in range(8, 18) for minute in (0, 30)]
    return pl.DataFrame({"start": starts, "programme": ["p"] * 20, "calls": [12.5] * 20, "aht_s": [210.0] * 20})


def test_an_imported_forecast_is_taken_as_it_is() -> None:
    found = demand.read_forecast(table(), [ROW], [MONDAY], "Europe/Paris", day_factor_cv=0.2)
    opened = found.open[:, 0]
    assert (found.mean[opened, 0] == 12.5).all()
    assert (found.aht_s[opened, 0] == 210).all()
    assert found.mean[~opened].sum() == 0
    assert found.day_factor_cv.tolist() == [0.2]
    assert (found.quantiles[0.9][opened] > 12.5).all()
    assert not found.unknown


def test_a_half_hour_that_an_imported_forecast_lacks_is_unknown() -> None:
    rows = [ROW, programme("q")]
    found = demand.read_forecast(table()[1:], rows, [MONDAY], "Europe/Paris")
    assert found.unknown == {
        "p": "the imported forecast lacks 1 of 20 open half hours",
        "q": "not in the imported forecast",
    }
    assert np.isnan(found.mean[:, 0]).sum() == 1
    assert np.isnan(found.quantiles[0.5][:, 0]).sum() == 1


def test_an_imported_forecast_with_bad_rows_is_refused_with_their_rows() -> None:
    bad = table().with_columns(pl.col("calls").cast(pl.String))
    rows = bad.rows()
    rows[3] = (*rows[3][:2], "-1", rows[3][3])
    with pytest.raises(ValueError, match=r"row 5, calls “-1”: it is not between 0"):
        demand.read_forecast(pl.DataFrame(rows, bad.schema, orient="row"), [ROW], [MONDAY], "Europe/Paris")
    with pytest.raises(ValueError, match="programmes not known: p"):
        demand.read_forecast(table(), [programme("q")], [MONDAY], "Europe/Paris")
    with pytest.raises(ValueError, match="lacks the columns calls"):
        demand.read_forecast(table().drop("calls"), [ROW], [MONDAY], "Europe/Paris")


def test_a_history_that_never_rings_is_forecast_as_zero_because_it_is_known() -> None:
    made = truth(ROW, 42)
    silent = history(ROW, np.zeros_like(made.rate), made.numbers)
    found = demand.build_forecast({"p": silent}, [ROW], [date(2026, 7, 13)], "Europe/Paris")
    assert not found.unknown
    assert (found.quantiles[0.9] == 0).all()
    assert found.mean.max() < 0.01


def test_noise_of_another_processor_does_not_leave_the_forecast_or_the_requirement(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Other BLAS kernels give the model's shares and levels other last bits."""
    usual = DEFAULT_MODEL

    def shaken(seed: int) -> Model:
        def model(history: CleanHistory, row: Programme, numbers: Ints) -> ModelPrediction:
            said = MODELS[usual](history, row, numbers)
            noise = 1 + np.random.default_rng(seed).uniform(-1e-14, 1e-14, said.mean.shape)
            return ModelPrediction(said.mean * noise, said.day_variance * noise[:, 0], said.spread * noise)

        return model

    row, made = programme(patience_s=120.0, shrinkage=0.1), past()
    found = []
    for seed in range(3):
        with monkeypatch.context() as patch:
            patch.setattr(assemble, "MODELS", {usual: shaken(seed)})
            said = demand.build_forecast({"p": made}, [row], [MONDAY], "Europe/Paris")
        need = demand.compute_requirement(said, [row], MONDAY, "Europe/Paris", quantile=0.8)
        values = (said.mean, *said.quantiles.values(), said.aht_s, said.day_factor_cv)
        found.append([*(value.tobytes() for value in values), need.agents.tobytes()])
    assert found[0] == found[1] == found[2]


FORECAST_BACKTEST_ROW = programme(holidays="")
MADE = truth(FORECAST_BACKTEST_ROW, 98)
PAST = poisson(FORECAST_BACKTEST_ROW, MADE, 1, cv=0.1)


def test_the_past_before_a_day_knows_nothing_of_it() -> None:
    day = FIRST + timedelta(days=35)
    cut = history_before(PAST, FORECAST_BACKTEST_ROW, day)
    assert cut.starts.max() < PAST.starts.max()
    assert np.isnan(observe_outcome(cut, FORECAST_BACKTEST_ROW, np.array([day_to_number(day)]))).all()
    assert np.isfinite(observe_outcome(PAST, FORECAST_BACKTEST_ROW, np.array([day_to_number(day)]))).sum() == 20


def test_a_model_sees_only_the_days_before_its_origin() -> None:
    seen = []

    def spy(past: CleanHistory, row: Programme, numbers: Ints) -> ModelPrediction:
        seen.append((past.days[-1], int(numbers[0])))
        return MODELS["profile"](past, row, numbers)

    origins = [FIRST + timedelta(days=7 * i) for i in (6, 7)]
    demand.backtest(PAST, FORECAST_BACKTEST_ROW, origins, 7, {"spy": spy})
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

    (score,) = demand.backtest(PAST, FORECAST_BACKTEST_ROW, [FIRST + timedelta(days=42)], 7, {"ten": ten})
    week = observe_outcome(PAST, FORECAST_BACKTEST_ROW, np.arange(7, dtype=np.int64) + day_to_number(FIRST) + 42)
    came = week[np.isfinite(week)]
    assert score.half_hours == 100
    assert score.calls == came.sum()
    assert score.wape == pytest.approx(np.abs(came - 10).sum() / came.sum())
    assert score.bias == pytest.approx(1000 / came.sum() - 1)
    days = np.nansum(week, axis=1)[:5]
    assert score.day_wape == pytest.approx(np.abs(days - 200).sum() / came.sum())


def test_the_default_beats_seasonal_naive_on_a_steady_series_and_is_chosen() -> None:
    choice = demand.choose_model(PAST, FORECAST_BACKTEST_ROW)
    scores = {score.model: score for score in choice.scores}
    assert choice.model == "profile"
    assert scores["profile"].wape < 0.9 * scores["seasonal_naive"].wape
    assert "seasonal_naive" in choice.reason


def test_a_better_model_is_chosen_over_the_default() -> None:
    wild = truth(FORECAST_BACKTEST_ROW, 98, factor=lambda day: 1.0 + 0.5 * (day.toordinal() // 7 % 2))
    made = poisson(FORECAST_BACKTEST_ROW, wild, 3)

    def tempting(past: CleanHistory, row: Programme, numbers: Ints) -> ModelPrediction:
        rate = wild.rate[np.clip(numbers - wild.numbers[0], 0, 97)]
        return ModelPrediction(rate, np.full(len(numbers), 0.01), np.full_like(rate, 0.01))

    assert demand.choose_model(made, FORECAST_BACKTEST_ROW, models={**MODELS, "tempting": tempting}).model == "tempting"


def test_a_short_history_keeps_the_default_and_says_so() -> None:
    short = poisson(FORECAST_BACKTEST_ROW, truth(FORECAST_BACKTEST_ROW, 25), 1)
    choice = demand.choose_model(short, FORECAST_BACKTEST_ROW)
    assert (choice.model, choice.scores) == ("profile", ())
    assert choice.reason == "the history is too short to compare"


def test_seasonal_naive_goes_back_to_the_last_week_that_has_the_half_hour() -> None:
    counts = np.round(MADE.rate)
    counts[91:98, 20] = np.nan
    made = history(FORECAST_BACKTEST_ROW, counts, MADE.numbers)
    numbers = np.arange(MADE.numbers[-1] + 1, MADE.numbers[-1] + 15, dtype=np.int64)
    mean = MODELS["seasonal_naive"](
        demand.clean_history(made, FORECAST_BACKTEST_ROW), FORECAST_BACKTEST_ROW, numbers
    ).mean
    np.testing.assert_array_equal(mean[:5, 21], counts[91:96, 21])
    np.testing.assert_array_equal(mean[:5, 20], counts[84:89, 20])
    np.testing.assert_array_equal(mean[7:12], mean[:5])


def test_no_origin_with_history_is_an_error() -> None:
    none = np.empty(0)
    empty = demand.History("p", np.empty(0, dtype=np.int64), none, none, none)
    with pytest.raises(ValueError, match="p: no origin with history"):
        demand.backtest(empty, FORECAST_BACKTEST_ROW, [date(2026, 7, 1)], 7)


@pytest.mark.skipif(importlib.util.find_spec("statsforecast") is None, reason="statsforecast is not installed")
@pytest.mark.slow
def test_the_library_forecasts_the_same_half_hours() -> None:
    scores = demand.backtest(PAST, FORECAST_BACKTEST_ROW, [FIRST + timedelta(days=84)], 7, demand.library_models())
    assert all(score.wape < 0.3 for score in scores)


def test_a_queue_of_a_few_calls_is_judged_by_its_median_and_its_whole_law() -> None:
    """Four calls a day: saying zero has the least error, yet the law of the model has less loss."""
    made = poisson(FORECAST_BACKTEST_ROW, truth(FORECAST_BACKTEST_ROW, 98, volume=4.0), 5)
    origins = [FIRST + timedelta(days=7 * i) for i in (10, 12)]
    scores = {score.model: score for score in demand.backtest(made, FORECAST_BACKTEST_ROW, origins, 14)}
    own, naive = scores["profile"], scores["seasonal_naive"]
    assert own.median_wape < own.wape
    assert own.median_wape < naive.wape
    assert own.loss < naive.loss
    assert demand.choose_model(made, FORECAST_BACKTEST_ROW).model == "profile"


def test_the_loss_is_least_for_the_law_that_is_true() -> None:
    """Against the same mean with half and double the standard deviation, and another mean."""
    made = truth(FORECAST_BACKTEST_ROW, 98, volume=2000.0)
    past = poisson(FORECAST_BACKTEST_ROW, made, 6, cv=0.2)

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


def _loss(past: demand.History, origins: list[date], model: Model) -> float:
    """Return the loss of a law as the model tells it, not set right."""
    tally = ErrorTally()
    for origin in origins:
        numbers = np.arange(7, dtype=np.int64) + day_to_number(origin)
        known = demand.clean_history(history_before(past, FORECAST_BACKTEST_ROW, origin), FORECAST_BACKTEST_ROW)
        tally.add(observe_outcome(past, FORECAST_BACKTEST_ROW, numbers), model(known, FORECAST_BACKTEST_ROW, numbers))
    return tally.score("").loss
