"""Fitting the factors of the model by turns: level, weekdays, calendar, shares."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from releve.demand.cleaning import CleanHistory
from releve.demand.forecast.calendar import FEATURES, MONTH_FEATURES, calendar_features
from releve.demand.forecast.level import smooth_two_sided
from releve.demand.forecast.profile import weekly_shares
from releve.demand.forecast.settings import ModelSettings
from releve.demand.localtime import SLOTS, Int64s, open_week
from releve.demand.tables import Floats, Truths
from releve.network import Programme

__all__ = ["DayTable", "Factors", "fit_factors", "ratio_noise"]

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

    numbers: Int64s
    weekday: Int64s
    counts: Floats
    known: Truths
    guide: Truths
    counted: Truths
    features: Truths
    age_weight: Floats
    opened: Truths

    @classmethod
    def of(cls, history: CleanHistory, programme: Programme, settings: ModelSettings) -> DayTable:
        """Return the days of a cleaned history."""
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
        factors = _with_level(days, factors, settings)
        factors = _with_weekdays(days, factors, settings)
        factors = _with_calendar(days, factors, settings)
        factors = _with_shares(days, factors, settings)
    return factors


def ratio_noise(expected: Floats, factors: Factors) -> Floats:
    """Return the variance of calls / expected of a day: counting, and the day's own factor."""
    return np.asarray(1 / np.maximum(expected, 1e-9) + factors.variance, dtype=np.float64)


def _with_level(days: DayTable, factors: Factors, settings: ModelSettings) -> Factors:
    """The level of each day from the days on both sides, precise days counting more."""
    unit = factors.unit(days)
    usable = days.usable(factors.share) & (unit > 0)
    ratio = np.divide(days.calls, unit, out=np.zeros_like(unit), where=usable)
    weight = np.where(usable, 1 / ratio_noise(unit * factors.level, factors), 0.0)
    level = smooth_two_sided(ratio, weight, settings.slow_days / 2)
    return replace(factors, level=np.maximum(level, 1e-6))


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
