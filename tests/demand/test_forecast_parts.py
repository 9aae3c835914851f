"""Profile, level, spread and handling time, each against its plain form."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats
from scipy.optimize import minimize
from scipy.signal import lfilter

from releve.demand import History, clean_history
from releve.demand.forecast import count_quantile, coverage, rate_quantile
from releve.demand.forecast.level import discount, forecast_aht, smooth_rates, smooth_two_sided, weekly_shares
from releve.demand.localtime import calendar_country, country_of_zone
from tests.demand.series import history, programme, truth

ROW = programme()
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
    found = count_quantile(level, np.array([mean]), np.array([spread]))[0]
    draws = rng.poisson(mean * (rng.gamma(1 / spread, spread, 20000) if spread > 1e-6 else np.ones(20000)))
    assert (draws <= found).mean() >= level - 0.015
    assert (draws < found).mean() <= level + 0.015


def test_a_closed_half_hour_has_quantile_zero() -> None:
    assert count_quantile(0.9, np.zeros(3), np.full(3, 0.1)).tolist() == [0, 0, 0]


def test_the_rate_quantile_has_no_poisson_noise() -> None:
    mean = np.array([0.5, 50.0])
    np.testing.assert_allclose(rate_quantile(0.8, mean, np.zeros(2)), mean, rtol=0.01)
    high = rate_quantile(0.8, mean, np.full(2, 0.04))
    np.testing.assert_allclose(high / mean, [high[1] / 50.0] * 2)
    assert 1.1 < high[1] / 50.0 < 1.2


def test_coverage_of_the_true_distribution_is_its_level_whatever_the_counts() -> None:
    rng = np.random.default_rng(3)
    for mean in (0.2, 3.0, 300.0):
        counts = rng.poisson(mean * rng.gamma(1 / 0.05, 0.05, 20000)).astype(np.float64)
        share, within = coverage(counts, np.full(20000, mean), np.full(20000, 0.05))
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
        np.testing.assert_array_equal(count_quantile(level, mean, spread), expected)
        gamma = mean * stats.gamma.ppf(level, shape, scale=1 / shape)
        np.testing.assert_allclose(rate_quantile(level, mean, spread), gamma, rtol=1e-12)
    assert np.array_equal(count_quantile(0.9, np.array([0.0, np.nan]), np.ones(2)), [0.0, 0.0])


def test_discounted_sums_are_those_of_a_filter_to_the_last_bit() -> None:
    values = np.random.default_rng(4).uniform(0, 1000, 400)
    expected = lfilter([1.0], [1.0, -(0.5 ** (1 / 28))], values)
    assert discount(values, 28).tobytes() == expected.tobytes()


def test_what_every_command_starts_with_imports_no_library_of_statistics_or_signals() -> None:
    """They took half of the start of every command."""
    code = "import releve.cli.plan, sys; print({'scipy.stats', 'scipy.signal'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
