"""The law of a model set right on weeks held out from it."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from scipy.stats import nbinom

from releve.demand import History, build_forecast, clean_history
from releve.demand.cleaning import CleanHistory
from releve.demand.forecast import HoldoutModel, ModelPrediction, coverage, history_before
from releve.demand.forecast.backtest import AS_TOLD, Calibration, Fold, apply, calibrate
from releve.demand.forecast.factors import interval_share
from releve.demand.forecast.model import MODELS, Model
from releve.demand.localtime import day_to_number
from releve.kernels.arrays import Ints
from releve.network import Programme
from tests.demand.series import FIRST, history, poisson, programme, truth

ROW = programme(holidays="")
DAYS = 28


def made_up(seed: int, cv: float, told_cv: float, volume: float = 30.0, days: int = DAYS) -> Fold:
    """Return 28 days whose days stray by ``cv`` where the model says ``told_cv``; 20 half hours."""
    rng = np.random.default_rng(seed)
    mean = np.zeros((days, 48))
    mean[:, 16:36] = volume
    busy = rng.gamma(1 / cv**2, cv**2, days)
    came = np.where(mean > 0, rng.poisson(mean * busy[:, None]).astype(np.float64), np.nan)
    day = np.full(days, told_cv**2)
    said = ModelPrediction(mean, day, np.broadcast_to(day[:, None] + 1e-4, mean.shape))
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
            share, _ = coverage(fold.came[known], law.mean[known], law.spread[known])
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
        said = ModelPrediction(mean, day, np.full(mean.shape, 0.04 + 1e-4))
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


def sure_of_itself(past: CleanHistory, row: Programme, numbers: Ints) -> ModelPrediction:
    """The default model with a ninth of its variations: a third of the deviations."""
    own = MODELS["profile"](past, row, numbers)
    return ModelPrediction(own.mean, own.day_variance / 9, own.spread / 9)


def said(made: History, model: Model, days: int = 14) -> ModelPrediction:
    origin = FIRST + timedelta(days=84)
    past = clean_history(history_before(made, ROW, origin), ROW)
    numbers = np.arange(day_to_number(origin), day_to_number(origin) + days, dtype=np.int64)
    return HoldoutModel(made, ROW, model).predict(past, numbers)


def test_a_model_too_sure_of_itself_is_set_right_by_the_weeks_before() -> None:
    made = poisson(ROW, truth(ROW, 98), 1, cv=0.2)
    origin = FIRST + timedelta(days=84)
    raw = sure_of_itself(clean_history(history_before(made, ROW, origin), ROW), ROW, np.array([day_to_number(origin)]))
    right = said(made, sure_of_itself)
    assert right.day_variance[0] > 1.5 * raw.day_variance[0]


def test_no_day_from_the_origin_on_is_looked_at() -> None:
    """Another future, the same law."""
    calm = truth(ROW, 98)
    wild = truth(ROW, 98, factor=lambda day: 4.0 if day >= FIRST + timedelta(days=84) else 1.0)
    rng = np.random.default_rng(2)
    counts = rng.poisson(calm.rate).astype(np.float64)
    other = np.where(wild.rate > 2 * calm.rate, wild.rate, counts)
    one = said(history(ROW, counts, calm.numbers), MODELS["profile"])
    two = said(history(ROW, other, calm.numbers), MODELS["profile"])
    np.testing.assert_array_equal(one.mean, two.mean)
    np.testing.assert_array_equal(one.spread, two.spread)


def test_the_forecast_and_its_staffing_quantile_are_of_the_law_set_right() -> None:
    made = poisson(ROW, truth(ROW, 84), 3, cv=0.15)
    origin = FIRST + timedelta(days=84)
    found = build_forecast({"p": made}, [ROW], [origin], "Europe/Paris")
    right = said(made, MODELS["profile"], days=1)
    assert found.day_factor_cv[0] == pytest.approx(np.sqrt(right.day_variance[0]))
