"""The default model against series whose truth is known, its parts in plain form, and its law set right."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats
from scipy.optimize import minimize
from scipy.signal import lfilter
from scipy.stats import nbinom

from releve.demand import History, build_forecast, clean_history, forecast
from releve.demand.cleaning import CleanHistory
from releve.demand.forecast.backtest import AS_TOLD, Calibration, Fold, apply, calibrate
from releve.demand.forecast.factors import interval_share
from releve.demand.forecast.level import (
    FEATURES,
    SmoothingRule,
    calendar_features,
    discount,
    find_levels,
    forecast_aht,
    smooth_rates,
    smooth_two_sided,
    weekly_shares,
)
from releve.demand.forecast.level import extrapolate_level as ahead_of
from releve.demand.forecast.model import MODELS, Model
from releve.demand.localtime import calendar_country, country_of_zone, day_to_number, open_slots
from releve.kernels.arrays import Ints
from releve.network import Programme
from tests.demand.series import FIRST, history, poisson, programme, truth, wape

ROW = programme()


def ahead(
    row: Programme, counts: NDArray[np.float64], numbers: NDArray[np.int64], days: int
) -> forecast.ModelPrediction:
    found = forecast.fit_model(clean_history(history(row, counts, numbers), row), row)
    return forecast.predict_calls(found, np.arange(numbers[-1] + 1, numbers[-1] + 1 + days, dtype=np.int64))


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
    kept = forecast.fit_model(past, ROW, forecast.ModelSettings(way_margin=1.0))
    found = forecast.fit_model(past, ROW)
    assert found.level.way.name == way
    error, usual = (
        abs(forecast.predict_calls(model, made.numbers[84:]).mean.sum() / made.rate[84:].sum() - 1)
        for model in (found, kept)
    )
    assert error < 0.15
    assert error <= usual if growth == 0 else error < 0.5 * usual


def test_a_short_history_keeps_the_usual_way_of_its_level() -> None:
    made = truth(ROW, 42, factor=lambda day: float(np.exp(0.02 * (day - FIRST).days)))
    found = forecast.fit_model(clean_history(history(ROW, np.round(made.rate), made.numbers), ROW), ROW)
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
    left = forecast.predict_calls(forecast.fit_model(clean_history(one, ROW), ROW), days)
    right = forecast.predict_calls(forecast.fit_model(clean_history(other, ROW), ROW), days)
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
        forecast.fit_model(clean_history(poisson(ROW, made, seed, cv), ROW), ROW).day_variance.at(np.array([1.0]))[0]
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
        share, _ = forecast.coverage(counts[84:][opened], prediction.mean[opened], prediction.spread[opened])
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
        forecast.ModelSettings(reversion=2)
    with pytest.raises(ValueError, match="fast_days must be more than 0, got 0"):
        forecast.ModelSettings(fast_days=0)
    with pytest.raises(ValueError, match="stiffness must be at least 0, got -1"):
        forecast.ModelSettings(stiffness=-1)
    with pytest.raises(ValueError, match=r"way_margin must be between 0 and 1, got 1\.5"):
        forecast.ModelSettings(way_margin=1.5)


OPEN = np.zeros((7, 48), dtype=np.bool_)
OPEN[:5, 16:36] = True
OPEN[5, 18:24] = True


def test_the_smoothed_profile_is_the_maximum_of_its_penalised_likelihood() -> None:
    """Against a general optimiser on the formula of the docstring."""
    rng = np.random.default_rng(0)
    exposure = np.where(OPEN, 8.0, 0.0)
    counts = rng.poisson(exposure * 3.0).astype(np.float64)
    found = smooth_rates(counts, exposure, OPEN, 20.0)
    slots = slice(16, 36)

    def loss(log_rate: NDArray[np.float64]) -> float:
        likelihood = exposure[0, slots] * np.exp(log_rate) - counts[0, slots] * log_rate
        return float(likelihood.sum() + 10.0 * (np.diff(log_rate, 2) ** 2).sum())

    best = minimize(loss, np.full(20, 1.0), method="BFGS", options={"gtol": 1e-8})
    np.testing.assert_allclose(np.log(found[0, slots]), best.x, atol=1e-4)


def test_shares_of_an_open_weekday_sum_to_one_and_closed_slots_have_none() -> None:
    rng = np.random.default_rng(1)
    exposure = np.where(OPEN, 100.0, 0.0)
    counts = rng.poisson(exposure / 20).astype(np.float64)
    share = weekly_shares(counts, exposure, OPEN, 20.0)
    np.testing.assert_allclose(share.sum(axis=1), [1, 1, 1, 1, 1, 1, 0])
    assert (share[~OPEN] == 0).all()


def test_a_weekday_never_seen_is_as_the_others() -> None:
    exposure = np.where(OPEN, 100.0, 0.0)
    exposure[2] = 0.0
    counts = exposure * np.linspace(0.02, 0.08, 48)
    share = weekly_shares(counts, exposure, OPEN, 20.0)
    np.testing.assert_allclose(share[2], share[1], rtol=0.02)


def test_discounting_is_the_sum_it_says() -> None:
    values = np.arange(12.0)
    plain = [sum(values[j] * 0.5 ** ((i - j) / 3.0) for j in range(i + 1)) for i in range(len(values))]
    np.testing.assert_allclose(discount(values, 3.0), plain)
    weight = np.ones(12)
    both = [
        sum(values[j] * 0.5 ** (abs(i - j) / 3.0) for j in range(12))
        / sum(0.5 ** (abs(i - j) / 3.0) for j in range(12))
        for i in range(12)
    ]
    np.testing.assert_allclose(smooth_two_sided(values, weight, 3.0), both)


@given(st.floats(0.01, 500), st.floats(0.0, 1.0), st.sampled_from([0.1, 0.5, 0.8, 0.9]))
@settings(max_examples=50)
def test_a_quantile_is_the_least_count_not_exceeded(mean: float, spread: float, level: float) -> None:
    """Against draws: at least ``level`` of them are at or below it, fewer are below."""
    rng = np.random.default_rng(7)
    found = forecast.count_quantile(level, np.array([mean]), np.array([spread]))[0]
    draws = rng.poisson(mean * (rng.gamma(1 / spread, spread, 20000) if spread > 1e-6 else np.ones(20000)))
    assert (draws <= found).mean() >= level - 0.015
    assert (draws < found).mean() <= level + 0.015


def test_a_closed_half_hour_has_quantile_zero() -> None:
    assert forecast.count_quantile(0.9, np.zeros(3), np.full(3, 0.1)).tolist() == [0, 0, 0]


def test_the_rate_quantile_has_no_poisson_noise() -> None:
    mean = np.array([0.5, 50.0])
    np.testing.assert_allclose(forecast.rate_quantile(0.8, mean, np.zeros(2)), mean, rtol=0.01)
    high = forecast.rate_quantile(0.8, mean, np.full(2, 0.04))
    np.testing.assert_allclose(high / mean, [high[1] / 50.0] * 2)
    assert 1.1 < high[1] / 50.0 < 1.2


def test_coverage_of_the_true_distribution_is_its_level_whatever_the_counts() -> None:
    rng = np.random.default_rng(3)
    for mean in (0.2, 3.0, 300.0):
        counts = rng.poisson(mean * rng.gamma(1 / 0.05, 0.05, 20000)).astype(np.float64)
        share, within = forecast.coverage(counts, np.full(20000, mean), np.full(20000, 0.05))
        assert share.mean() == pytest.approx(0.8, abs=0.01)
        assert within.mean() >= 0.79


def test_handling_time_follows_the_day_and_calm_half_hours_follow_the_mean() -> None:
    made = truth(ROW, 56, volume=4000.0)
    counts = np.round(made.rate)
    aht = np.where(np.arange(48) < 26, 200.0, 300.0)
    flat = history(ROW, counts, made.numbers)
    table = np.broadcast_to(aht, counts.shape)
    mixed = History("p", flat.starts, flat.offered, flat.answered, _row(flat, table, made.numbers))
    found = forecast_aht(clean_history(mixed, ROW), ROW, made.numbers[-7:])
    assert found[0, 20] == pytest.approx(200, abs=4)
    assert found[0, 31] == pytest.approx(300, abs=4)
    assert 200 < found[0, 2] < 300


def _row(flat: History, table: NDArray[np.float64], numbers: NDArray[np.int64]) -> NDArray[np.float64]:
    return history(ROW, table, numbers).offered


def test_handling_time_without_any_is_the_programmes_own() -> None:
    made = truth(ROW, 28)
    plain = history(ROW, np.round(made.rate), made.numbers, aht_s=np.nan)
    found = forecast_aht(clean_history(plain, ROW), ROW, made.numbers[-2:])
    assert (found == ROW.aht_s).all()


def test_the_calendar_is_the_holidays_country_or_that_of_the_zone() -> None:
    assert calendar_country(programme(holidays="MA", time_zone="Europe/Paris")) == "MA"
    assert calendar_country(programme(holidays="", time_zone="Europe/Paris")) == "FR"
    assert country_of_zone("UTC") == ""


def test_quantiles_of_counts_are_those_of_the_negative_binomial() -> None:
    rng = np.random.default_rng(3)
    mean = np.exp(rng.uniform(-7, 9, 500))
    spread = np.exp(rng.uniform(-16, 2, 500))
    shape = 1 / np.maximum(spread, 1e-6)
    for level in (0.001, 0.1, 0.5, 0.8, 0.9, 0.9999):
        expected = stats.nbinom.ppf(level, shape, shape / (shape + mean))
        np.testing.assert_array_equal(forecast.count_quantile(level, mean, spread), expected)
        gamma = mean * stats.gamma.ppf(level, shape, scale=1 / shape)
        np.testing.assert_allclose(forecast.rate_quantile(level, mean, spread), gamma, rtol=1e-12)
    assert np.array_equal(forecast.count_quantile(0.9, np.array([0.0, np.nan]), np.ones(2)), [0.0, 0.0])


def test_discounted_sums_are_those_of_a_filter_to_the_last_bit() -> None:
    values = np.random.default_rng(4).uniform(0, 1000, 400)
    expected = lfilter([1.0], [1.0, -(0.5 ** (1 / 28))], values)
    assert discount(values, 28).tobytes() == expected.tobytes()


def test_what_every_command_starts_with_imports_no_library_of_statistics_or_signals() -> None:
    """They took half of the start of every command."""
    code = "import releve.cli.plan, sys; print({'scipy.stats', 'scipy.signal'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


FORECAST_CALIBRATE_ROW = programme(holidays="")
DAYS = 28


def made_up(seed: int, cv: float, told_cv: float, volume: float = 30.0, days: int = DAYS) -> Fold:
    """Return 28 days whose days stray by ``cv`` where the model says ``told_cv``; 20 half hours."""
    rng = np.random.default_rng(seed)
    mean = np.zeros((days, 48))
    mean[:, 16:36] = volume
    busy = rng.gamma(1 / cv**2, cv**2, days)
    came = np.where(mean > 0, rng.poisson(mean * busy[:, None]).astype(np.float64), np.nan)
    day = np.full(days, told_cv**2)
    said = forecast.ModelPrediction(mean, day, np.broadcast_to(day[:, None] + 1e-4, mean.shape))
    return Fold(came, said, np.arange(1, days + 1, dtype=np.int64))


def folds(cv: float, told_cv: float, number: int = 40) -> list[Fold]:
    return [made_up(seed, cv, told_cv) for seed in range(number)]


@pytest.mark.parametrize("told_cv", [0.1, 0.2, 0.4])
def test_what_the_days_really_stray_by_is_found_whatever_the_model_said(told_cv: float) -> None:
    """With a thousand days of folds the prior hardly counts."""
    found = calibrate(folds(0.2, told_cv))
    np.testing.assert_allclose(np.sqrt(found.day) * told_cv, 0.2, rtol=0.15)


def test_the_set_right_interval_holds_80_percent_of_days_it_has_not_seen() -> None:
    found = calibrate(folds(0.2, 0.12))
    shares = {"stated": [], "set right": []}
    for seed in range(100, 140):
        fold = made_up(seed, 0.2, 0.12)
        known = np.isfinite(fold.came)
        right = apply(found, fold.said, fold.days_ahead)
        for name, law in (("stated", fold.said), ("set right", right)):
            share, _ = forecast.coverage(fold.came[known], law.mean[known], law.spread[known])
            shares[name].append(share.mean())
    assert np.mean(shares["stated"]) < 0.75
    assert np.mean(shares["set right"]) == pytest.approx(0.8, abs=0.03)


def test_few_days_draw_the_factor_to_one() -> None:
    few, many = (calibrate(folds(0.2, 0.1, number)).day[0] for number in (1, 40))
    assert 1.0 < few < many
    assert calibrate([]) == AS_TOLD


def test_counts_that_say_nothing_of_their_rate_change_nothing() -> None:
    """A call in twenty half hours: the interval is all counting noise."""
    found = calibrate([made_up(seed, 0.2, 0.1, volume=0.05) for seed in range(6)])
    np.testing.assert_allclose(found.day, 1.0, atol=0.12)
    np.testing.assert_allclose(found.inside, 1.0, atol=0.12)


def test_quiet_and_busy_half_hours_have_factors_of_their_own() -> None:
    """Quiet ones stray by 50 % more than their day, busy ones by nothing; 20 % is stated."""
    rng = np.random.default_rng(5)
    out = []
    for _ in range(6):
        mean = np.zeros((DAYS, 48))
        mean[:, 16:26], mean[:, 26:36] = 20.0, 200.0
        own = np.where(mean == 20.0, rng.gamma(4, 1 / 4, mean.shape), 1.0)
        came = np.where(mean > 0, rng.poisson(mean * own).astype(np.float64), np.nan)
        day = np.full(DAYS, 1e-4)
        said = forecast.ModelPrediction(mean, day, np.full(mean.shape, 0.04 + 1e-4))
        out.append(Fold(came, said, np.arange(1, DAYS + 1, dtype=np.int64)))
    quiet, busy = calibrate(out).inside
    assert 0.15 < quiet * 0.04 < 0.3
    assert busy < 0.3


def test_a_horizon_no_fold_reaches_is_widened_with_the_one_before_and_never_narrowed() -> None:
    wide = calibrate([made_up(seed, 0.3, 0.1, days=14) for seed in range(20)])
    tight = calibrate([made_up(seed, 0.1, 0.3, days=14) for seed in range(20)])
    assert wide.day[2] == wide.day[1] > 1.0
    assert tight.day[1] < 1.0 == tight.day[2]


def test_the_mean_and_what_is_not_known_stay_as_they_are() -> None:
    fold = made_up(1, 0.2, 0.1)
    found = Calibration((2.0, 3.0, 4.0), (0.5, 0.25), busy_from=10.0)
    right = apply(found, fold.said, fold.days_ahead)
    np.testing.assert_array_equal(right.mean, fold.said.mean)
    np.testing.assert_allclose(right.day_variance[[0, 7, 14]], [0.02, 0.03, 0.04])
    np.testing.assert_allclose(right.spread[0, [0, 20]], [0.02 + 5e-5, 0.02 + 2.5e-5])
    assert (right.spread >= right.day_variance[:, None]).all()


def test_the_share_inside_two_levels_is_that_of_the_plain_formula() -> None:
    counts = np.arange(12.0)
    share = interval_share(counts, np.full(12, 4.0), np.full(12, 0.3))
    n, p = 1 / 0.3, 1 / (1 + 0.3 * 4.0)
    for k in range(12):
        low, high = nbinom.cdf(k - 1, n, p), nbinom.cdf(k, n, p)
        plain = max(0.0, min(high, 0.9) - max(low, 0.1)) / (high - low)
        assert share[k] == pytest.approx(plain, abs=1e-9)


def sure_of_itself(past: CleanHistory, row: Programme, numbers: Ints) -> forecast.ModelPrediction:
    """The default model with a ninth of its variations: a third of the deviations."""
    own = MODELS["profile"](past, row, numbers)
    return forecast.ModelPrediction(own.mean, own.day_variance / 9, own.spread / 9)


def said(made: History, model: Model, days: int = 14) -> forecast.ModelPrediction:
    origin = FIRST + timedelta(days=84)
    past = clean_history(forecast.history_before(made, FORECAST_CALIBRATE_ROW, origin), FORECAST_CALIBRATE_ROW)
    numbers = np.arange(day_to_number(origin), day_to_number(origin) + days, dtype=np.int64)
    return forecast.HoldoutModel(made, FORECAST_CALIBRATE_ROW, model).predict(past, numbers)


def test_a_model_too_sure_of_itself_is_set_right_by_the_weeks_before() -> None:
    made = poisson(FORECAST_CALIBRATE_ROW, truth(FORECAST_CALIBRATE_ROW, 98), 1, cv=0.2)
    origin = FIRST + timedelta(days=84)
    raw = sure_of_itself(
        clean_history(forecast.history_before(made, FORECAST_CALIBRATE_ROW, origin), FORECAST_CALIBRATE_ROW),
        FORECAST_CALIBRATE_ROW,
        np.array([day_to_number(origin)]),
    )
    right = said(made, sure_of_itself)
    assert right.day_variance[0] > 1.5 * raw.day_variance[0]


def test_no_day_from_the_origin_on_is_looked_at() -> None:
    """Another future, the same law."""
    calm = truth(FORECAST_CALIBRATE_ROW, 98)
    wild = truth(FORECAST_CALIBRATE_ROW, 98, factor=lambda day: 4.0 if day >= FIRST + timedelta(days=84) else 1.0)
    rng = np.random.default_rng(2)
    counts = rng.poisson(calm.rate).astype(np.float64)
    other = np.where(wild.rate > 2 * calm.rate, wild.rate, counts)
    one = said(history(FORECAST_CALIBRATE_ROW, counts, calm.numbers), MODELS["profile"])
    two = said(history(FORECAST_CALIBRATE_ROW, other, calm.numbers), MODELS["profile"])
    np.testing.assert_array_equal(one.mean, two.mean)
    np.testing.assert_array_equal(one.spread, two.spread)


def test_the_forecast_and_its_staffing_quantile_are_of_the_law_set_right() -> None:
    made = poisson(FORECAST_CALIBRATE_ROW, truth(FORECAST_CALIBRATE_ROW, 84), 3, cv=0.15)
    origin = FIRST + timedelta(days=84)
    found = build_forecast({"p": made}, [FORECAST_CALIBRATE_ROW], [origin], "Europe/Paris")
    right = said(made, MODELS["profile"], days=1)
    assert found.day_factor_cv[0] == pytest.approx(np.sqrt(right.day_variance[0]))
