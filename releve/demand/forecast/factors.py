"""The factors of the model (level, weekdays, calendar, shares) and the law of a half hour's calls.

With mean m and squared variation v of the rate, calls are negative binomial with shape 1 / v:
variance m + v m^2. Coverage is measured on the randomised probability transform, which is exact for
counts (Czado, Gneiting & Held 2009, Biometrics 65:1254).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from releve.demand.cleaning import CleanHistory
from releve.demand.forecast.level import (
    FEATURES,
    MONTH_FEATURES,
    ModelSettings,
    calendar_features,
    smooth_two_sided,
    weekly_shares,
)
from releve.demand.localtime import SLOTS, open_week
from releve.extras import LazyModule
from releve.kernels.arrays import Floats, Ints, Truths
from releve.network import Programme

_ROUNDS = 4
_HELD = 0.3
"""A day counts for the level when at least this share of a usual day is known."""


@dataclass(frozen=True)
class DayTable:
    """A cleaned history as the fit needs it, ``[day]`` and ``[day, slot]``.

    ``guide`` days make level, weekdays, shares and the factors of the month; the factors of
    holidays come from every ``counted`` day, also from those that cleaning found far from usual.
    ``opened[weekday, slot]`` are the opening hours of a week without holidays.
    """

    numbers: Ints
    weekday: Ints
    counts: Floats
    known: Truths
    guide: Truths
    counted: Truths
    features: Truths
    age_weight: Floats
    opened: Truths

    @classmethod
    def of(cls, history: CleanHistory, programme: Programme, settings: ModelSettings) -> DayTable:
        numbers = history.numbers
        known = np.isfinite(history.offered)
        features = calendar_features(programme, numbers)
        if len(numbers) < settings.month_after_days:
            for name in MONTH_FEATURES:
                features[:, FEATURES.index(name)] = False
        guide = history.is_kind("normal", "half_open") & known.any(axis=1)
        return cls(
            numbers=numbers,
            weekday=(numbers + 3) % 7,
            counts=np.nan_to_num(history.offered),
            known=known,
            guide=guide,
            counted=np.asarray(known.any(axis=1), dtype=np.bool_),
            features=features,
            age_weight=0.5 ** ((numbers[-1] - numbers) / settings.profile_days),
            opened=open_week(programme),
        )

    @property
    def calls(self) -> Floats:
        """Calls of each day in its known half hours."""
        return np.asarray(self.counts.sum(axis=1), dtype=np.float64)

    def held(self, share: Floats) -> Floats:
        """Return the share of each day's calls that lies in its known half hours."""
        return np.asarray((share[self.weekday] * self.known).sum(axis=1), dtype=np.float64)

    def usable(self, share: Floats) -> Truths:
        """Return the days that say something about the level."""
        return np.asarray(self.guide & (self.held(share) > _HELD), dtype=np.bool_)


@dataclass(frozen=True)
class Factors:
    """``share[weekday, slot]``, ``weekday[7]``, ``calendar[feature]``, ``level[day]`` in calls.

    ``variance`` is the squared coefficient of variation of a day about its expectation.
    """

    share: Floats
    weekday: Floats
    calendar: Floats
    level: Floats
    variance: float

    def calendar_of(self, features: Truths) -> Floats:
        """Return each day's calendar factor."""
        return np.asarray(np.where(features, self.calendar, 1.0).prod(axis=1), dtype=np.float64)

    def unit(self, days: DayTable) -> Floats:
        """Return the calls expected in each day's known half hours at level 1."""
        weekday = self.weekday[days.weekday]
        return days.held(self.share) * weekday * self.calendar_of(days.features)


def fit_factors(days: DayTable, settings: ModelSettings) -> Factors:
    """Fit by turns; a few rounds settle them to well below their own uncertainty."""
    guide = days.calls[days.guide]
    factors = Factors(
        share=days.opened / np.maximum(days.opened.sum(axis=1, keepdims=True), 1),
        weekday=np.ones(7),
        calendar=np.ones(len(FEATURES)),
        level=np.full(len(days.numbers), max(float(guide.mean()), 0.01) if len(guide) else 1.0),
        variance=0.01,
    )
    for _ in range(_ROUNDS):
        unit = factors.unit(days)
        usable = days.usable(factors.share) & (unit > 0)
        ratio = np.divide(days.calls, unit, out=np.zeros_like(unit), where=usable)
        weight = np.where(usable, 1 / ratio_noise(unit * factors.level, factors), 0.0)
        level = smooth_two_sided(ratio, weight, settings.slow_days / 2)
        factors = replace(factors, level=np.maximum(level, 1e-6))
        factors = _with_weekdays(days, factors, settings)
        factors = _with_calendar(days, factors, settings)
        factors = _with_shares(days, factors, settings)
    return factors


def ratio_noise(expected: Floats, factors: Factors) -> Floats:
    """Return the variance of calls / expected of a day: counting, and the day's own factor."""
    return np.asarray(1 / np.maximum(expected, 1e-9) + factors.variance, dtype=np.float64)


def _with_weekdays(days: DayTable, factors: Factors, settings: ModelSettings) -> Factors:
    """Weekday factors: seen over expected, drawn to the weekdays that are open as long.

    The prior is worth noise / spread^2 days, so that weekdays of a large programme stand for
    themselves and those of a small one are pooled. Factors are scaled so that their mean over the
    days seen is 1; the level takes up the scale.
    """
    usable = days.usable(factors.share)
    if not usable.any():
        return factors
    weight = days.age_weight * usable
    base = factors.level * factors.unit(days) / factors.weekday[days.weekday]
    seen = np.bincount(days.weekday, weight * days.calls, 7)
    expected = np.bincount(days.weekday, weight * base, 7)
    number = np.bincount(days.weekday, weight, 7)
    typical = np.divide(expected, number, out=np.ones(7), where=number > 0)
    length = days.opened.sum(axis=1)
    alike = length[:, None] == length[None, :]
    pool = (alike @ seen + 1e-9) / (alike @ expected + 1e-9)
    noise = ratio_noise(typical * pool, factors)
    prior = typical * noise / settings.weekday_spread**2
    weekday = np.maximum((prior * pool + seen) / (prior + expected), 1e-6)
    scale = float(np.average(weekday[days.weekday[usable]]))
    return replace(factors, weekday=weekday / scale, level=factors.level * scale)


def _with_calendar(days: DayTable, factors: Factors, settings: ModelSettings) -> Factors:
    """The factor of each feature: mean of seen over expected, drawn to 1 by a prior of days."""
    calendar = factors.calendar.copy()
    expected = factors.level * factors.unit(days)
    for j in range(len(FEATURES)):
        able = days.guide if FEATURES[j] in MONTH_FEATURES else days.counted
        where = days.features[:, j] & able & (expected > 0)
        if where.any():
            ratio = days.calls[where] / expected[where] * calendar[j]
            prior = settings.calendar_prior_days[j]
            calendar[j] = (prior + ratio.sum()) / (prior + np.count_nonzero(where))
    return replace(factors, calendar=calendar)


def _with_shares(days: DayTable, factors: Factors, settings: ModelSettings) -> Factors:
    """Shares from capped counts over the days' means, and the variance of a day."""
    usable = days.usable(factors.share)
    weekday = factors.weekday[days.weekday]
    day_mean = factors.level * weekday * factors.calendar_of(days.features)
    expected = day_mean[:, None] * factors.share[days.weekday]
    weight = days.age_weight[:, None] * (days.known & usable[:, None])
    counts, exposure = np.zeros((7, SLOTS)), np.zeros((7, SLOTS))
    np.add.at(counts, days.weekday, weight * np.minimum(days.counts, _cap(expected, factors)))
    np.add.at(exposure, days.weekday, weight * day_mean[:, None])
    share = weekly_shares(counts, exposure, days.opened, settings.stiffness)
    factors = replace(factors, share=share)
    total = day_mean * days.held(share)
    where = usable & (total > 0)
    if not where.any():
        return factors
    error = (days.calls[where] / total[where] - 1) ** 2 - 1 / total[where]
    return replace(factors, variance=max(float(error.mean()), 1e-4))


def _cap(expected: Floats, factors: Factors) -> Floats:
    """Return the count above which a half hour is taken as an accident, far out in the tail."""
    mean = np.maximum(expected, 0.2)
    deviation = np.sqrt(mean + (factors.variance + 0.02) * mean**2)
    return np.asarray(1.5 * mean + 5 * deviation, dtype=np.float64)


if TYPE_CHECKING:
    from scipy import special
else:
    special = LazyModule("scipy.special")

_LEAST_SPREAD = 1e-6
_LEAST_MEAN = 1e-9
_DOUBLINGS = 60


def _shape(mean: Floats, spread: Floats) -> tuple[Floats, Floats]:
    shape = 1 / np.maximum(spread, _LEAST_SPREAD)
    known = np.where(mean > _LEAST_MEAN, mean, _LEAST_MEAN)  # NaN too
    return shape, shape / (shape + known)


def count_quantile(level: float, mean: Floats, spread: Floats) -> Floats:
    """Return the least whole number of calls that is not exceeded with probability ``level``."""
    shape, chance = _shape(mean, spread)
    return np.asarray(np.where(mean > 0, _least(level, shape, chance), 0.0), dtype=np.float64)


def _least(level: float, shape: Floats, chance: Floats) -> Floats:
    """Return the least whole number that is not exceeded with probability ``level``, by halving.

    As ``scipy.stats.nbinom.ppf``, whose import would take half of the start of every command.
    """
    mean = np.nan_to_num(shape * (1 - chance) / chance)
    high = np.ceil(mean + 8 * np.sqrt(mean / chance)) + 1
    for _ in range(_DOUBLINGS):
        short = _below(high, shape, chance) < level
        if not short.any():
            break
        high = np.where(short, 2 * high, high)
    low = np.full_like(high, -1.0)
    while (high - low > 1).any():
        middle = np.floor((low + high) / 2)
        enough = _below(middle, shape, chance) >= level
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return np.asarray(high, dtype=np.float64)


def rate_quantile(level: float, mean: Floats, variance: Floats) -> Floats:
    """Return the quantile of the uncertain rate itself: mean times a gamma factor of mean 1.

    This is the uncertainty a staffing formula does not already hold: Erlang formulas take Poisson
    noise inside the half hour into account by themselves.
    """
    shape = 1 / np.maximum(variance, _LEAST_SPREAD)
    return np.asarray(mean * (special.gammaincinv(shape, level) / shape), dtype=np.float64)


def interval_share(counts: Floats, mean: Floats, spread: Floats, low: float = 0.1, high: float = 0.9) -> Floats:
    """Return, per outcome, the part (0..1) of its probability that lies between two levels.

    Its mean is ``high - low`` for a perfect forecast, whatever the counts.
    """
    shape, chance = _shape(mean, spread)
    upper, lower = _below(counts, shape, chance), _below(counts - 1, shape, chance)
    inside = np.clip(np.minimum(upper, high) - np.maximum(lower, low), 0.0, None)
    width = upper - lower
    share = np.divide(inside, width, out=np.zeros_like(width), where=width > 0)
    return np.asarray(share, dtype=np.float64)


def _below(counts: Floats, shape: Floats, chance: Floats) -> Floats:
    found = special.betainc(shape, np.maximum(np.floor(counts), 0.0) + 1, chance)
    return np.asarray(np.where(counts >= 0, found, 0.0), dtype=np.float64)


def coverage(
    counts: Floats, mean: Floats, spread: Floats, low: float = 0.1, high: float = 0.9
) -> tuple[Floats, Floats]:
    """Return, per outcome, its share between two levels, and whether it lies in the whole numbers.

    The first (0..1) is the part of the outcome's probability that lies between the levels: its
    mean is ``high - low`` for a perfect forecast, whatever the counts. The second counts both ends
    of the interval of quantiles and is larger for small counts.
    """
    shape, chance = _shape(mean, spread)
    share = interval_share(counts, mean, spread, low, high)
    first, last = _least(low, shape, chance), _least(high, shape, chance)
    within = np.where(mean > 0, (counts >= first) & (counts <= last), counts == 0)
    return share, within.astype(np.float64)
