"""Parts of the forecast model: daily level, shape of the day, handling time, calendar, settings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np

from releve.demand.cleaning import CleanHistory
from releve.demand.localtime import SLOTS, calendar_country, number_to_day, open_slots, open_week
from releve.extras import LazyModule
from releve.kernels.arrays import Floats, Ints, Truths
from releve.network import Programme
from releve.network.opening_hours import is_holiday

if TYPE_CHECKING:
    from scipy import linalg
else:
    linalg = LazyModule("scipy.linalg")

_LEAST = 1e-9
_RIDGE = 1e-6


def weekly_shares(counts: Floats, exposure: Floats, opened: Truths, stiffness: float) -> Floats:
    """Return the share of a day's calls in each ``[weekday, slot]``; each open weekday sums to 1.

    ``counts`` are weighted calls seen, ``exposure`` the weighted day means they were seen under,
    both ``[7, 48]``; their ratio is the share. A weekday is drawn towards the pool of all weekdays
    as far as their difference may be chance (empirical Bayes with a gamma prior whose spread is
    estimated by weekday), then smoothed over the half hours of an opening. A weekday never seen
    is as the pool.
    """
    unseen = exposure.sum(axis=1) <= 0
    counts = np.where(unseen[:, None], counts.mean(axis=0), counts)
    exposure = np.where(unseen[:, None], exposure.mean(axis=0), exposure)
    rate = _pooled(counts, exposure, opened)
    effective = rate * exposure
    smooth = smooth_rates(effective, exposure, opened, stiffness)
    total = smooth.sum(axis=1, keepdims=True)
    return np.asarray(smooth / np.where(total > 0, total, 1.0), dtype=np.float64)


def _pooled(counts: Floats, exposure: Floats, opened: Truths) -> Floats:
    """Return the posterior mean rate of each weekday's slot given the pool of all weekdays."""
    pool_counts = (counts * opened).sum(axis=0)
    pool_exposure = (exposure * opened).sum(axis=0)
    pool = np.divide(pool_counts, pool_exposure, out=np.zeros(SLOTS), where=pool_exposure > 0)
    out = np.zeros_like(counts)
    for day in range(7):
        where = opened[day] & (pool > 0)
        if not where.any():
            continue
        seen, prior = counts[day, where], pool[where]
        under = exposure[day, where]
        # by how much open slots exceed the pool (they are fewer: shares grow)
        scale = (float(seen.sum()) + 1.0) / (float((prior * under).sum()) + 1.0)
        expected = scale * prior * under
        spread = _spread(seen, expected)
        shape = 1 / max(spread, 1e-6)
        out[day, where] = (shape + seen) / (shape / (scale * prior) + under)
    return out


def _spread(seen: Floats, expected: Floats) -> float:
    """Return the variance of the ratio seen / expected beyond counting noise."""
    total = float(expected.sum())
    if total <= 0:
        return 0.0
    squares = float(((seen - expected) ** 2 / np.maximum(expected, _LEAST)).sum())
    return max(squares - len(seen), 0.0) / total


def smooth_rates(counts: Floats, exposure: Floats, opened: Truths, stiffness: float) -> Floats:
    """Return rates ``[7, 48]``: Poisson likelihood with a penalty on bends of the log rate.

    Minimises sum(exposure rate - counts log rate) + stiffness / 2 sum(second
    differences of log rate)^2 over each run of open slots (Whittaker 1923; Eilers & Marx 1996),
    by Newton steps. ``stiffness`` is the prior precision of a bend; where calls are many they
    decide, where they are few the curve is smooth.
    """
    penalty = _penalty(opened) * stiffness
    start = (counts.sum(axis=1) + 0.5) / (exposure.sum(axis=1) + _LEAST)
    raw = (counts + 0.5) / (exposure + 0.5 / np.maximum(start, _LEAST)[:, None])
    log_rate = np.log(np.maximum(raw, _LEAST)).ravel()
    seen, under = counts.ravel(), exposure.ravel()
    for _ in range(4):
        mean = under * np.exp(log_rate)
        hessian = penalty.copy()
        hessian[2] += mean + _RIDGE
        score = mean * log_rate + seen - mean + _RIDGE * log_rate
        log_rate = np.clip(linalg.solveh_banded(hessian, score, check_finite=False), -30, 30)
    seen_at_all = opened & (exposure.sum(axis=1) > 0)[:, None]
    return np.where(seen_at_all, np.exp(log_rate).reshape(counts.shape), 0.0)


def _penalty(opened: Truths) -> Floats:
    """Return D'D of second differences inside each run of open slots, the week in one line.

    Upper banded form of :func:`scipy.linalg.solveh_banded`, ``[3, 7 * 48]``.
    """
    inside = np.zeros(opened.shape, dtype=np.bool_)
    inside[:, :-2] = opened[:, :-2] & opened[:, 1:-1] & opened[:, 2:]
    bend = inside.ravel().astype(np.float64)
    one, two = np.roll(bend, 1), np.roll(bend, 2)
    return np.stack([two, -2 * one - 2 * two, bend + 4 * one + two])


@dataclass(frozen=True)
class ModelSettings:
    """Constants of the model, half-lives in days.

    Chosen by rolling back-test inside January 1999 and March to July 2003 of two bank logs, and
    on the daily totals of March to July 1999 of the first. Each value is the best on those months.
    The error is flat: half or twice a value moves it by 1 %. The coverage of the months the model
    is judged on (February 1999, August 2003) was seen between rounds, so they are not wholly blind.

    ``profile_days`` ages weekday factors and shares. ``fast_days`` and ``slow_days`` age the two
    levels; ``reversion`` is how much of their distance is left a day further ahead. A programme's
    level follows another rule where that predicted its past better by ``way_margin`` of the error,
    over ``way_after_days`` days. ``stiffness`` is the prior precision of a bend of the log profile,
    ``weekday_spread`` the prior standard deviation of the factors of weekdays with the same opening
    hours. ``calendar_prior_days`` are what the priors of the calendar's features are worth, in
    their order; those of the month wait for ``month_after_days`` of history. ``day_variance`` and
    ``day_growth`` are the prior squared variation of a whole day and its growth per day ahead,
    worth ``prior_days`` and ``prior_stretches``: growth is weighed by stretches of
    ``growth_stretch_days``, because days near each other say the same about it. ``prior_days`` was
    found as three days that err independently; days share what they err by
    (:data:`releve.demand.forecast.day_parts.PRIOR`: correlation .5 in a week, .25 in 28 days, of the
    squares .25 and .06), so that 28 of them say as much as seven, and three independent ones are eleven.
    """

    profile_days: float = 56.0
    fast_days: float = 7.0
    slow_days: float = 28.0
    reversion: float = 0.98
    way_after_days: int = 42
    way_margin: float = 0.2
    stiffness: float = 20.0
    weekday_spread: float = 0.1
    calendar_prior_days: tuple[float, ...] = (1.0, 1.0, 3.0, 3.0)
    month_after_days: int = 60
    day_variance: float = 0.005
    day_growth: float = 0.0002
    prior_days: float = 11.0
    growth_stretch_days: float = 14.0
    prior_stretches: float = 1.0

    def __post_init__(self) -> None:
        positive = ("profile_days", "fast_days", "slow_days", "weekday_spread", "growth_stretch_days")
        for name in positive:
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be more than 0, got {getattr(self, name)}")
        for name in ("reversion", "way_margin"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be between 0 and 1, got {getattr(self, name)}")
        least = ("stiffness", "day_variance", "day_growth", "prior_days", "way_after_days")
        for name in (*least, "prior_stretches"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be at least 0, got {getattr(self, name)}")


HORIZONS = 28
"""Days ahead over which errors of the level are measured."""


def discount(values: Floats, half_life: float) -> Floats:
    """Return the sum of each day's and all earlier values, halved every ``half_life`` days."""
    keep = 0.5 ** (1 / half_life)
    return np.array(list(accumulate(values.tolist(), lambda sum_, new: new + keep * sum_)))


def smooth_two_sided(ratio: Floats, weight: Floats, half_life: float) -> Floats:
    """Return the level of each day from the days before and after it; 1 where nothing is known."""
    top, bottom = ratio * weight, weight
    total = discount(top, half_life) + discount(top[::-1], half_life)[::-1] - top
    mass = discount(bottom, half_life) + discount(bottom[::-1], half_life)[::-1] - bottom
    return np.divide(total, mass, out=np.ones_like(total), where=mass > 0)


@dataclass(frozen=True)
class SmoothingRule:
    """How the level goes on: the share of fast over slow that is kept each day ahead, and a trend.

    The fast level is younger than the slow one, so their distance over that of their ages is a
    slope; it goes on, damped by ``damping`` a day. 0 is no trend.
    """

    name: str
    reversion: float
    damping: float = 0.0

    def follow(self, days_ahead: Floats, fast_age: Floats, slow_age: Floats) -> Floats:
        """Return the power of (fast / slow) that the level is above slow, at each horizon."""
        kept = np.asarray(self.reversion**days_ahead, dtype=np.float64)
        if not self.damping:
            return kept
        run = self.damping * (1 - self.damping**days_ahead) / (1 - self.damping)
        apart = np.maximum(slow_age - fast_age, 1.0)
        return np.asarray(kept + (fast_age + run) / apart, dtype=np.float64)


WAYS = (SmoothingRule("steady", 0.0), SmoothingRule("holding", 1.0), SmoothingRule("trending", 1.0, 0.95))
"""What the level may do beside going back from fast to slow: stay at the slow one, stay at the
fast one, or go on as it went (a launch, an opening, a programme that fades out)."""


@dataclass(frozen=True)
class Level:
    """Level after each day and the mean age of what it is made of, float64 ``[day]``; how it goes
    on."""

    fast: Floats
    slow: Floats
    fast_age: Floats
    slow_age: Floats
    way: SmoothingRule


def find_levels(ratio: Floats, weight: Floats, fast_days: float, slow_days: float, way: SmoothingRule) -> Level:
    """Return exponentially weighted levels of ``ratio`` (weight 0 = day not known)."""
    fast, fast_age = _weighted(ratio, weight, fast_days)
    slow, slow_age = _weighted(ratio, weight, slow_days)
    return Level(fast, slow, fast_age, slow_age, way)


def _weighted(ratio: Floats, weight: Floats, half_life: float) -> tuple[Floats, Floats]:
    """Return the weighted level after each day, and its mean age in days."""
    mass = discount(weight, half_life)
    known = mass > 1e-12
    total = discount(ratio * weight, half_life)
    older = np.concatenate([[0.0], 0.5 ** (1 / half_life) * mass[:-1]])
    age = discount(older, half_life)
    return (
        np.divide(total, mass, out=np.ones_like(total), where=known),
        np.divide(age, mass, out=np.zeros_like(total), where=known),
    )


def extrapolate_level(level: Level, day: int | slice | Ints, days_ahead: Floats) -> Floats:
    fast = np.maximum(level.fast[day], 1e-9)
    slow = np.maximum(level.slow[day], 1e-9)
    follow = level.way.follow(days_ahead, level.fast_age[day], level.slow_age[day])
    return np.asarray(slow * (fast / slow) ** follow, dtype=np.float64)


def choose_smoothing(
    level: Level, calls: Floats, unit: Floats, known: Truths, *, warm_days: int, least_days: int, margin: float
) -> SmoothingRule:
    """Return the smoothing rule that would have predicted the past best, 1 to 28 days ahead.

    ``calls[day]``, ``unit[day]`` the calls expected at level 1, ``known[day]`` the days that say
    something. The error is that of the day totals, over all horizons. The level's own way stays
    unless another's error is lower by more than ``margin`` of it over at least ``least_days``
    days after the first ``warm_days``: less than that is chance.
    """
    days = np.flatnonzero(known & (unit > 0))
    days = days[days >= warm_days + HORIZONS]
    if not len(days) or days[-1] - days[0] < least_days:
        return level.way
    horizons = np.arange(1, HORIZONS + 1)
    seen = days[:, None] - horizons
    errors = {}
    for way in (level.way, *WAYS):
        predicted = extrapolate_level(replace(level, way=way), seen, horizons.astype(np.float64))
        errors[way] = float(np.abs(calls[days] - predicted.T * unit[days]).sum())
    best = min(errors, key=lambda way: errors[way])
    return best if errors[best] < (1 - margin) * errors[level.way] else level.way


@dataclass(frozen=True)
class DayVariance:
    """Squared coefficient of variation of a whole day: ``base + growth * days ahead``."""

    base: float
    growth: float

    def at(self, days_ahead: Floats) -> Floats:
        """Return the squared coefficient of variation at each horizon in days."""
        return self.base + self.growth * days_ahead


def fit_day_variance(
    ratio: Floats,
    noise: Floats,
    weight: Floats,
    age_weight: Floats,
    level: Level,
    *,
    settings: ModelSettings,
    warm_days: int,
    lost: float,
) -> DayVariance:
    """Estimate how far a day strays from the level seen ``h`` days before, for h = 1 to 28.

    ``ratio[day]`` calls over the expectation at level 1, ``noise[day]`` its counting variance,
    ``weight[day]`` 0 for days not known. Errors of the same horizon are averaged over all days of
    the history after the first ``warm_days``, recent ones counting more by ``age_weight``, so a
    correlation from day to day is in them. Priors keep a short history from being sure of itself;
    ``lost`` is the number of parameters that the errors inside the sample have to make up for.
    """
    known = np.flatnonzero(weight > 0)
    horizons, squares, counts = [], [], []
    for h in range(1, HORIZONS + 1):
        days = known[known - h >= warm_days]
        if len(days) < 2:
            break
        expected = extrapolate_level(level, slice(None), np.array(float(h)))[days - h]
        error = (ratio[days] / expected - 1) ** 2 - noise[days] / expected
        horizons.append(float(h))
        squares.append(float(np.average(error, weights=age_weight[days])))
        counts.append(float(len(days)))
    if not horizons:
        return DayVariance(settings.day_variance, settings.day_growth)
    h_axis, square, count = np.array(horizons), np.array(squares), np.array(counts)
    inflation = len(known) / max(len(known) - lost, 0.25 * len(known))
    growth, base = _line(h_axis, square * inflation, count)
    trust = len(known) / (len(known) + settings.prior_days)
    stretches = len(known) / settings.growth_stretch_days
    growth_trust = stretches / (stretches + settings.prior_stretches)
    return DayVariance(
        base=trust * base + (1 - trust) * settings.day_variance,
        growth=growth_trust * growth + (1 - growth_trust) * settings.day_growth,
    )


def _line(x: Floats, y: Floats, weight: Floats) -> tuple[float, float]:
    """Return slope and value at 0 of the weighted line through (x, y), both at least 0."""
    total = weight.sum()
    x_mean, y_mean = float((weight * x).sum() / total), float((weight * y).sum() / total)
    spread = float((weight * (x - x_mean) ** 2).sum())
    slope = float((weight * (x - x_mean) * (y - y_mean)).sum()) / spread if spread > 0 else 0.0
    slope = max(slope, 0.0)
    base = y_mean - slope * x_mean
    if base < 0:
        slope = max(float((weight * x * y).sum() / (weight * x * x).sum()), 0.0)
        base = 0.0
    return slope, base


_HALF_LIFE_DAYS = 28.0
_LEVEL_PRIOR_CALLS = 20.0
_SLOT_PRIOR_CALLS = 100.0
_WEEKDAY_PRIOR_CALLS = 400.0


def forecast_aht(history: CleanHistory, programme: Programme, numbers: Ints) -> Floats:
    """Return seconds per ``[day, slot]`` for local day numbers; never unknown.

    Every mean is weighted by answered calls (offered where the source has no answered), recent
    days counting more. The level is drawn to the programme's own figure by 20 calls, each half
    hour to the level by 100, each weekday's half hour to that by 400: a service time varies about
    as much as its mean, so fewer calls say little about a half hour.
    """
    weekday = (history.numbers + 3) % 7
    seconds, calls = np.zeros((7, SLOTS)), np.zeros((7, SLOTS))
    if len(history.numbers):
        guide = history.is_kind("normal", "half_open")
        answered = np.where(np.isnan(history.answered), history.offered, history.answered)
        known = np.isfinite(history.aht_s) & np.isfinite(answered) & guide[:, None]
        age = 0.5 ** ((history.numbers[-1] - history.numbers) / _HALF_LIFE_DAYS)
        weight = np.where(known, age[:, None] * np.nan_to_num(answered), 0.0)
        np.add.at(seconds, weekday, weight * np.nan_to_num(history.aht_s))
        np.add.at(calls, weekday, weight)
    level = (_LEVEL_PRIOR_CALLS * programme.aht_s + seconds.sum()) / (_LEVEL_PRIOR_CALLS + calls.sum())
    seconds, calls = _neighbours(seconds), _neighbours(calls)
    slot = _shrink(seconds.sum(axis=0), calls.sum(axis=0), level, _SLOT_PRIOR_CALLS)
    week = _shrink(seconds, calls, slot, _WEEKDAY_PRIOR_CALLS)
    return np.asarray(week[(numbers + 3) % 7], dtype=np.float64)


def _shrink(seconds: Floats, calls: Floats, prior_s: Floats | float, worth: float) -> Floats:
    return np.asarray((seconds + worth * prior_s) / (calls + worth), dtype=np.float64)


def _neighbours(table: Floats) -> Floats:
    """Return each half hour's sum with half of each neighbour's."""
    padded = np.pad(table, ((0, 0), (1, 1)))
    return np.asarray(table + 0.5 * (padded[:, :-2] + padded[:, 2:]), dtype=np.float64)


FEATURES = ("holiday", "after_holiday", "month_start", "month_end")
"""The features a day may have; each has a factor learnt from the days that had it."""

MONTH_FEATURES = ("month_start", "month_end")

_EDGE_DAYS = 3


def calendar_features(programme: Programme, numbers: Ints) -> Truths:
    """Return ``[day, feature]`` in the order of :data:`FEATURES` for local day numbers.

    ``holiday`` is a public holiday on which the programme is open. ``after_holiday`` is the first
    open day after one that a holiday closed. ``month_start`` and ``month_end`` are the first and
    last three calendar days of a month.
    """
    out = np.zeros((len(numbers), len(FEATURES)), dtype=np.bool_)
    if not len(numbers):
        return out
    country = calendar_country(programme)
    wide = np.arange(numbers.min() - 10, numbers.max() + 1, dtype=np.int64)
    opened, closing = open_slots(programme, wide)
    working: Truths = np.asarray(opened.any(axis=1), dtype=np.bool_)
    weekly: Truths = np.asarray(open_week(programme).any(axis=1), dtype=np.bool_)
    lost = closing & weekly[(wide + 3) % 7]
    waiting, after = False, np.zeros(len(wide), dtype=np.bool_)
    for i in range(len(wide)):
        after[i] = waiting and working[i]
        waiting = bool(lost[i]) or (waiting and not working[i])
    place = numbers - wide[0]
    days = [number_to_day(number) for number in numbers.tolist()]
    out[:, 0] = [is_holiday(country, day) for day in days] & working[place]
    out[:, 1] = after[place]
    out[:, 2] = [day.day <= _EDGE_DAYS for day in days]
    later = [number_to_day(number + _EDGE_DAYS).month for number in numbers.tolist()]
    out[:, 3] = [month != day.month for month, day in zip(later, days, strict=True)]
    return out
