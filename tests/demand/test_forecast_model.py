"""The default model against series whose truth is known."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from numpy.typing import NDArray

from releve.demand import clean_history
from releve.demand.forecast import ModelPrediction, ModelSettings, coverage, fit_model, predict_calls
from releve.demand.forecast.level import FEATURES, SmoothingRule, calendar_features, find_levels
from releve.demand.forecast.level import extrapolate_level as ahead_of
from releve.demand.localtime import day_to_number, open_slots
from releve.network import Programme
from tests.demand.series import FIRST, history, poisson, programme, truth, wape

ROW = programme()


def ahead(row: Programme, counts: NDArray[np.float64], numbers: NDArray[np.int64], days: int) -> ModelPrediction:
    found = fit_model(clean_history(history(row, counts, numbers), row), row)
    return predict_calls(found, np.arange(numbers[-1] + 1, numbers[-1] + 1 + days, dtype=np.int64))


@pytest.mark.parametrize(("volume", "excess"), [(2000.0, 1.08), (200.0, 1.08), (20.0, 1.08)])
def test_the_error_is_near_the_floor_that_poisson_noise_sets(volume: float, excess: float) -> None:
    """Over five seeds the error is within 8 % of the error of the true rate itself."""
    made = truth(ROW, 98, volume=volume)
    past, future = slice(0, 70), slice(70, 98)
    own, floor = [], []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        counts = rng.poisson(made.rate).astype(np.float64)
        prediction = ahead(ROW, counts[past], made.numbers[past], 28)
        came = np.where(made.rate[future] > 0, counts[future], np.nan)
        own.append(wape(came, prediction.mean))
        floor.append(wape(came, made.rate[future]))
    assert np.mean(own) < excess * np.mean(floor)


def test_a_change_of_level_is_followed_within_two_weeks() -> None:
    start = FIRST + timedelta(days=56)
    made = truth(ROW, 98, factor=lambda day: 1.5 if day >= start else 1.0)
    counts = np.random.default_rng(1).poisson(made.rate).astype(np.float64)
    prediction = ahead(ROW, counts[:70], made.numbers[:70], 7)
    share = prediction.mean.sum() / made.rate[70:77].sum()
    assert share == pytest.approx(1.0, abs=0.12)


@pytest.mark.parametrize(("growth", "way"), [(0.015, "trending"), (0.0, "reverting")])
def test_a_launch_goes_on_growing_and_a_steady_programme_does_not(growth: float, way: str) -> None:
    """1.5 % more calls each day for twelve weeks, forecast four weeks ahead."""
    made = truth(ROW, 112, factor=lambda day: float(np.exp(growth * (day - FIRST).days)))
    counts = np.random.default_rng(4).poisson(made.rate).astype(np.float64)
    past = clean_history(history(ROW, counts[:84], made.numbers[:84]), ROW)
    kept = fit_model(past, ROW, ModelSettings(way_margin=1.0))
    found = fit_model(past, ROW)
    assert found.level.way.name == way
    error, usual = (
        abs(predict_calls(model, made.numbers[84:]).mean.sum() / made.rate[84:].sum() - 1) for model in (found, kept)
    )
    assert error < 0.15
    assert error <= usual if growth == 0 else error < 0.5 * usual


def test_a_short_history_keeps_the_usual_way_of_its_level() -> None:
    made = truth(ROW, 42, factor=lambda day: float(np.exp(0.02 * (day - FIRST).days)))
    found = fit_model(clean_history(history(ROW, np.round(made.rate), made.numbers), ROW), ROW)
    assert found.level.way.name == "reverting"


def test_a_trend_is_the_slope_between_the_two_levels_and_dies_away() -> None:
    """On an endless exponential growth, against its plain continuation."""
    days = np.arange(400.0)
    level = find_levels(np.exp(0.001 * days), np.ones(400), 7.0, 28.0, SmoothingRule("trending", 1.0, 0.9))
    run = (1 - 0.9 ** np.array([1.0, 20.0])) / (1 - 0.9) * 0.9
    found = ahead_of(level, -1, np.array([1.0, 20.0]))
    np.testing.assert_allclose(found, np.exp(0.001 * (399 + run)), rtol=2e-3)


def test_a_holiday_closes_the_day_and_the_day_after_is_learnt() -> None:
    """Calls are 40 % up on the day after each closed holiday of a year."""
    numbers = np.arange(day_to_number(date(2025, 6, 2)), day_to_number(date(2026, 7, 20)), dtype=np.int64)
    after = calendar_features(ROW, numbers)[:, FEATURES.index("after_holiday")]
    busy = {date(2025, 6, 2) + timedelta(days=int(i)) for i in np.flatnonzero(after)}
    assert date(2025, 7, 15) in busy
    assert date(2025, 8, 18) in busy  # Friday 15 August is closed, Monday is the day after
    made = truth(ROW, len(numbers), first=date(2025, 6, 2), factor=lambda day: 1.4 if day in busy else 1.0)
    counts = np.random.default_rng(2).poisson(made.rate).astype(np.float64)
    until = len(numbers) - 7
    prediction = ahead(ROW, counts[:until], numbers[:until], 7)
    days = [date(2025, 6, 2) + timedelta(days=until + i) for i in range(7)]
    bastille = days.index(date(2026, 7, 14))
    assert prediction.mean[bastille].sum() == 0
    ratio = prediction.mean[bastille + 1].sum() / made.rate[until + bastille + 1].sum()
    assert ratio == pytest.approx(1.0, abs=0.08)


def test_any_week_is_learnt_from_the_data() -> None:
    """Sunday to Thursday, half a Friday, a Saturday evening."""
    row = programme(
        opening="Mon-Thu 07:00-24:00; Fri 07:00-14:00; Sat 19:00-24:00; Sun 07:00-24:00",
        time_zone="Asia/Jerusalem",
        holidays="",
    )
    made = truth(row, 84, volume=2000.0)
    counts = np.random.default_rng(3).poisson(made.rate).astype(np.float64)
    prediction = ahead(row, counts[:77], made.numbers[:77], 7)
    day = made.rate[77:].sum(axis=1)
    np.testing.assert_allclose(prediction.mean.sum(axis=1), day, rtol=0.12)


def test_closed_half_hours_are_zero_and_no_open_one_is_unknown() -> None:
    made = truth(ROW, 70)
    prediction = ahead(ROW, np.round(made.rate), made.numbers, 21)
    opened, _ = open_slots(ROW, np.arange(made.numbers[-1] + 1, made.numbers[-1] + 22))
    assert (prediction.mean[~opened] == 0).all()
    assert (prediction.mean[opened] > 0).all()
    assert np.isfinite(prediction.spread).all()


def test_doubling_all_counts_doubles_the_mean() -> None:
    """The model is scale-free but for counting noise, which is small against 2000 calls a day."""
    made = truth(ROW, 70, volume=2000.0)
    counts = np.random.default_rng(4).poisson(made.rate).astype(np.float64)
    once = ahead(ROW, counts, made.numbers, 14).mean
    twice = ahead(ROW, 2 * counts, made.numbers, 14).mean
    assert twice.sum() == pytest.approx(2 * once.sum(), rel=0.005)
    strong = once > 20
    np.testing.assert_allclose(twice[strong], 2 * once[strong], rtol=0.05)


def test_the_order_of_rows_changes_nothing() -> None:
    made = truth(ROW, 42)
    one = poisson(ROW, made, 6)
    order = np.random.default_rng(0).permutation(len(one.starts))
    other = type(one)(one.programme, one.starts[order], one.offered[order], one.answered[order], one.aht_s[order])
    days = np.arange(made.numbers[-1] + 1, made.numbers[-1] + 8, dtype=np.int64)
    left = predict_calls(fit_model(clean_history(one, ROW), ROW), days)
    right = predict_calls(fit_model(clean_history(other, ROW), ROW), days)
    np.testing.assert_array_equal(left.mean, right.mean)


def test_an_exceptional_day_leaves_the_forecast_as_it_was() -> None:
    calm = truth(ROW, 70)
    wild = truth(ROW, 70, factor=lambda day: 3.0 if day == date(2026, 7, 1) else 1.0)
    one = ahead(ROW, np.round(calm.rate), calm.numbers, 7).mean
    other = ahead(ROW, np.round(wild.rate), wild.numbers, 7).mean
    np.testing.assert_allclose(other, one, rtol=0.02, atol=0.05)


@pytest.mark.parametrize("cv", [0.0, 0.1, 0.25])
def test_the_variation_of_whole_days_is_found(cv: float) -> None:
    made = truth(ROW, 182, volume=3000.0)
    found = [
        fit_model(clean_history(poisson(ROW, made, seed, cv), ROW), ROW).day_variance.at(np.array([1.0]))[0]
        for seed in range(6)
    ]
    assert np.sqrt(np.mean(found)) == pytest.approx(cv, abs=0.03)


@pytest.mark.parametrize("volume", [4000.0, 300.0, 15.0])
def test_the_80_percent_interval_holds_80_percent(volume: float) -> None:
    """Busy days by a gamma factor of 12 %, a horizon of two weeks, eight seeds."""
    shares = []
    for seed in range(8):
        made = truth(ROW, 98, volume=volume)
        rng = np.random.default_rng(seed)
        factor = rng.gamma(1 / 0.12**2, 0.12**2, 98)
        counts = rng.poisson(made.rate * factor[:, None]).astype(np.float64)
        prediction = ahead(ROW, counts[:84], made.numbers[:84], 14)
        opened = made.rate[84:] > 0
        share, _ = coverage(counts[84:][opened], prediction.mean[opened], prediction.spread[opened])
        shares.append(share.mean())
    assert np.mean(shares) == pytest.approx(0.8, abs=0.06)


def test_uncertainty_grows_with_the_horizon() -> None:
    made = truth(ROW, 84)
    prediction = ahead(ROW, np.round(made.rate), made.numbers, 28)
    week = prediction.day_variance[:5]
    month = prediction.day_variance[21:26]
    assert (month > week).all()


def test_settings_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="reversion must be between 0 and 1, got 2"):
        ModelSettings(reversion=2)
    with pytest.raises(ValueError, match="fast_days must be more than 0, got 0"):
        ModelSettings(fast_days=0)
    with pytest.raises(ValueError, match="stiffness must be at least 0, got -1"):
        ModelSettings(stiffness=-1)
    with pytest.raises(ValueError, match=r"way_margin must be between 0 and 1, got 1\.5"):
        ModelSettings(way_margin=1.5)
