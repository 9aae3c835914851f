"""The rest of the day: laws, an oracle, and a day whose truth is known."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from releve.demand import Forecast, build_forecast, compute_requirement
from releve.demand.forecast.factors import count_quantile
from releve.demand.intraday import DayLaw, IntradaySettings, assume_day_law, fit_day_law, reforecast
from releve.demand.intraday.day_law import condition
from releve.demand.localtime import SLOTS, day_to_number
from releve.kernels.arrays import Floats
from tests.demand import series

DAY = series.FIRST + timedelta(days=56)
ROW = series.programme()
ZONE = "Europe/Paris"
LEVELS = (0.1, 0.5, 0.9)
FIRST, OPEN = 16, 20
"""The first open half hour of the local day, and how many are open."""


def made_forecast(names: tuple[str, ...] = ("p",), calls: float = 40.0, cv: float = 0.2) -> Forecast:
    start = datetime(2026, 7, 26, 22, tzinfo=UTC)
    opened = np.zeros((SLOTS, len(names)), dtype=np.bool_)
    opened[FIRST : FIRST + OPEN] = True
    mean = np.where(opened, calls + np.arange(SLOTS)[:, None], 0.0)
    return Forecast(
        programmes=names,
        starts=tuple(start + timedelta(minutes=30 * i) for i in range(SLOTS)),
        open=opened,
        mean=mean,
        quantiles={level: count_quantile(level, mean, np.full(mean.shape, cv**2)) for level in LEVELS},
        aht_s=np.full(mean.shape, 300.0),
        day_factor_cv=np.full(len(names), cv),
        unknown={},
    )


def rows(*names: str) -> list[series.Programme]:
    return [series.programme(name) for name in names or ("p",)]


def clock(forecast: Forecast, slot: int) -> datetime:
    return forecast.starts[0] + timedelta(minutes=30 * slot)


def came_until(forecast: Forecast, slot: int, ratio: float) -> Floats:
    came = np.full(forecast.mean.shape, np.nan)
    came[FIRST:slot] = np.round(ratio * forecast.mean[FIRST:slot])
    return came


def test_where_nothing_came_the_mornings_forecast_stays_to_the_last_bit() -> None:
    morning = made_forecast()
    found = reforecast(morning, rows(), np.full(morning.mean.shape, np.nan), clock(morning, 30))
    np.testing.assert_array_equal(found.forecast.mean, morning.mean)
    for level in LEVELS:
        np.testing.assert_array_equal(found.forecast.quantiles[level], morning.quantiles[level])
    np.testing.assert_array_equal(found.forecast.day_factor_cv, morning.day_factor_cv)
    assert found.factor.tolist() == [1.0]
    assert not found.known.any()


def test_where_everything_came_the_forecast_is_the_figures() -> None:
    morning = made_forecast()
    came = came_until(morning, FIRST + OPEN, 1.3)
    found = reforecast(morning, rows(), came, clock(morning, SLOTS))
    expected = np.nan_to_num(came)
    np.testing.assert_array_equal(found.forecast.mean, expected)
    for level in LEVELS:
        np.testing.assert_array_equal(found.forecast.quantiles[level], expected)
    assert np.isnan(found.factor).all()
    np.testing.assert_array_equal(found.known, morning.open)


def test_half_hours_not_over_are_not_taken_for_known() -> None:
    morning = made_forecast()
    came = came_until(morning, FIRST + OPEN, 2.0)
    until = reforecast(morning, rows(), came, clock(morning, 20) + timedelta(minutes=29))
    same = reforecast(morning, rows(), came_until(morning, 20, 2.0), clock(morning, 20))
    np.testing.assert_array_equal(until.forecast.mean, same.forecast.mean)


def test_as_expected_changes_nothing_but_the_certainty() -> None:
    morning = made_forecast()
    found = reforecast(morning, rows(), came_until(morning, 24, 1.0), clock(morning, 24))
    np.testing.assert_allclose(found.forecast.mean, morning.mean, rtol=1e-6)
    assert found.forecast.day_factor_cv[0] < 0.7 * morning.day_factor_cv[0]
    width = found.forecast.quantiles[0.9] - found.forecast.quantiles[0.1]
    before = morning.quantiles[0.9] - morning.quantiles[0.1]
    assert (width[24 : FIRST + OPEN] < before[24 : FIRST + OPEN]).all()


def test_the_factor_lies_between_the_morning_and_what_came_and_grows_with_the_hours() -> None:
    morning = made_forecast()
    factors = []
    for slot in (18, 22, 28):
        came = came_until(morning, slot, 1.5)
        factors.append(reforecast(morning, rows(), came, clock(morning, slot)).factor[0])
    assert 1.1 < factors[0] < factors[1] < factors[2] < 1.5


def test_a_missing_half_hour_is_not_a_half_hour_of_no_calls() -> None:
    morning = made_forecast()
    full = came_until(morning, 24, 1.0)
    missing, zero = full.copy(), full.copy()
    missing[20], zero[20] = np.nan, 0.0
    now = clock(morning, 24)
    unknown = reforecast(morning, rows(), missing, now)
    assert unknown.factor[0] == pytest.approx(1.0, abs=1e-3)
    assert unknown.forecast.mean[20, 0] == pytest.approx(morning.mean[20, 0], rel=1e-3)
    assert not unknown.known[20, 0]
    assert reforecast(morning, rows(), zero, now).factor[0] < 0.95


def test_a_volume_a_hundred_times_as_large_is_followed_more_closely() -> None:
    """Counting noise is less there; without it the update would be of ratios alone."""
    small, large = made_forecast(calls=1.0), made_forecast(calls=1.0)
    large = replace(large, mean=100 * large.mean)
    found = [reforecast(one, rows(), came_until(one, 20, 1.5), clock(one, 20)).factor[0] for one in (small, large)]
    assert found[0] < found[1]


def test_ratios_scale_where_counting_noise_is_nothing() -> None:
    many, more = made_forecast(calls=1e7), made_forecast(calls=1e7)
    more = replace(more, mean=10 * more.mean)
    first = reforecast(many, rows(), came_until(many, 20, 1.5), clock(many, 20))
    second = reforecast(more, rows(), came_until(more, 20, 1.5), clock(more, 20))
    np.testing.assert_allclose(second.forecast.mean, 10 * first.forecast.mean, rtol=1e-5)


def test_programmes_are_updated_each_by_itself_and_in_any_order() -> None:
    names = ("a", "b", "c")
    morning = made_forecast(names)
    came = np.full(morning.mean.shape, np.nan)
    for column, ratio in enumerate((0.6, 1.0, 1.4)):
        came[FIRST:22, column] = np.round(ratio * morning.mean[FIRST:22, column])
    laws = {"b": assume_day_law(0.1, 0.05)}
    found = reforecast(morning, rows(*names), came, clock(morning, 22), laws)
    order = [2, 0, 1]
    turned = replace(morning, programmes=tuple(names[i] for i in order))
    other = reforecast(turned, rows(*names), came[:, order], clock(morning, 22), laws)
    np.testing.assert_array_equal(other.forecast.mean, found.forecast.mean[:, order])
    np.testing.assert_array_equal(other.factor, found.factor[order])
    alone = reforecast(made_forecast(("a",)), rows("a"), came[:, :1], clock(morning, 22))
    np.testing.assert_array_equal(alone.forecast.mean[:, 0], found.forecast.mean[:, 0])


def test_the_update_is_the_conditional_normal_law_found_by_elimination() -> None:
    """The oracle eliminates one known half hour after the other from the joint covariance."""
    rng = np.random.default_rng(3)
    root = rng.normal(size=(SLOTS, SLOTS)) * 0.02
    law = DayLaw(root @ root.T + 0.02 + 1e-6 * np.eye(SLOTS), 0.004)
    slots = np.arange(16, 28)
    mean = rng.uniform(5, 50, 12)
    came = np.where(np.arange(12) % 3 == 2, np.nan, np.round(mean * 1.2))
    came[8:] = np.nan
    factor, left = condition(law, slots, mean, came)
    known = np.isfinite(came)
    joint = law.covariance[np.ix_(slots, slots)].copy()
    value, mu = joint.copy(), np.ones(12)
    for i in np.flatnonzero(known):
        gain = value[:, i] / (value[i, i] + 1 / mean[i] + law.own)
        mu = mu + gain * (came[i] / mean[i] - mu[i])
        value = value - np.outer(gain, value[i])
    np.testing.assert_allclose(factor, mu, rtol=1e-9)
    np.testing.assert_allclose(left, value, atol=1e-12)


def test_a_programme_of_which_the_morning_knew_nothing_stays_unknown() -> None:
    morning = made_forecast()
    morning = replace(
        morning, mean=np.where(morning.open, np.nan, 0.0), day_factor_cv=np.array([np.nan]), unknown={"p": "no history"}
    )
    came = came_until(made_forecast(), 20, 1.0)
    found = reforecast(morning, rows(), came, clock(morning, 20))
    np.testing.assert_array_equal(found.forecast.mean[FIRST:20], came[FIRST:20])
    assert np.isnan(found.forecast.mean[20 : FIRST + OPEN]).all()
    assert np.isnan(found.forecast.quantiles[0.9][20 : FIRST + OPEN]).all()
    assert found.forecast.unknown == {"p": "no history"}


def test_the_requirement_follows_the_rest_of_the_day() -> None:
    morning = made_forecast()
    found = reforecast(morning, rows(), came_until(morning, 24, 1.4), clock(morning, 24))
    day = date(2026, 7, 27)
    before = compute_requirement(morning, rows(), day, ZONE)
    after = compute_requirement(found.forecast, rows(), day, ZONE)
    assert (after.agents[24 : FIRST + OPEN] > before.agents[24 : FIRST + OPEN]).all()


def test_each_local_day_is_updated_from_its_own_half_hours() -> None:
    """The evening before, in the programme's own zone, says nothing of its next day."""
    morning = made_forecast()
    away = [series.programme(time_zone="Asia/Tokyo")]
    came = came_until(morning, 18, 2.0)
    local_midnight = 34
    found = reforecast(morning, away, came, clock(morning, 18))
    np.testing.assert_array_equal(found.forecast.mean[local_midnight:], morning.mean[local_midnight:])
    assert (found.forecast.mean[18:local_midnight] > morning.mean[18:local_midnight]).all()


def test_a_fitted_law_follows_a_day_that_strays_and_keeps_to_the_grid() -> None:
    made = series.truth(ROW, 57)
    past = series.poisson(ROW, made, 5, cv=0.15)
    morning = build_forecast({"p": past}, [ROW], [DAY], ZONE)
    law = fit_day_law(past, ROW, DAY)
    assert law is not None
    here = made.rate[np.flatnonzero(made.numbers == day_to_number(DAY))[0]]
    came = np.round(1.4 * here)[:, None]
    found = reforecast(morning, [ROW], came, clock(morning, 22), {"p": law})
    rest = slice(22, 36)
    truth = 1.4 * here[rest].sum()
    off = abs(found.forecast.mean[rest, 0].sum() - truth)
    assert off < 0.4 * abs(morning.mean[rest, 0].sum() - truth)
    np.testing.assert_array_equal(found.forecast.mean, np.round(found.forecast.mean, 6))
    again = reforecast(morning, [ROW], came, clock(morning, 22), {"p": law})
    np.testing.assert_array_equal(again.forecast.mean, found.forecast.mean)


def test_a_law_needs_two_weeks_of_history() -> None:
    made = series.truth(ROW, 9)
    assert fit_day_law(series.poisson(ROW, made, 5), ROW, series.FIRST + timedelta(days=9)) is None


@pytest.mark.parametrize(
    ("came", "message"),
    [
        (np.zeros((3, 1)), r"came must have the forecast's shape \(48, 1\), got \(3, 1\)"),
        (np.full((SLOTS, 1), -1.0), "came must be counts of at least 0, got -1.0"),
    ],
)
def test_counts_that_cannot_be_are_refused(came: Floats, message: str) -> None:
    morning = made_forecast()
    with pytest.raises(ValueError, match=message):
        reforecast(morning, rows(), came, clock(morning, 20))


def test_a_forecast_of_an_unnamed_programme_is_refused() -> None:
    morning = made_forecast()
    with pytest.raises(ValueError, match="the forecast has programme p, which `programmes` lacks"):
        reforecast(morning, rows("q"), came_until(morning, 20, 1.0), clock(morning, 20))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fading_share": 1.5}, "fading_share must be from 0 to 1, got 1.5"),
        ({"prior_days": 0.0}, "prior_days must be more than 0, got 0"),
        ({"weeks": -1}, "weeks must be at least 0, got -1"),
    ],
)
def test_settings_that_cannot_be_are_refused(changes: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        IntradaySettings(**changes)  # type: ignore[arg-type]
