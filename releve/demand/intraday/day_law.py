"""How a day strays from its morning's forecast, and what some half hours say of the others.

A half hour's rate over its forecast is 1 + a deviation that the day shares, one that fades with
the distance of two half hours, and one of its own, sized by the forecast's calibrated law. Their
covariance is drawn to that of past weeks as far as those are many and not counting noise (compare
Shen & Huang 2008, Manufacturing & Service Operations Management 10:391). The rest of a day given
its beginning is the best linear estimate (credibility, Buehlmann & Straub 1970).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import numpy as np

from releve.demand.cleaning import clean_history
from releve.demand.forecast.backtest import HoldoutModel, find_factors, find_usual_days, history_before
from releve.demand.forecast.model import DEFAULT_MODEL, MODELS, ModelPrediction
from releve.demand.localtime import SLOTS, add_observed_holidays, day_to_number
from releve.demand.requirement import History
from releve.kernels.arrays import Floats, Ints
from releve.network import Programme
from releve.network.history_grid import FINE_DECIMALS, round_to_grid

_LEAST_FACTOR = 0.05
_LEAST_CALLS = 1e-9
_LEAST_EIGENVALUE = 1e-7
_CUTS = (0.15, 0.3, 0.45, 0.6)
"""Given parts of a past day's open half hours, when the law is calibrated on the rest."""
_GROUPS = 4
_DAYS_WORTH, _HALF_HOURS_WORTH = 40.0, 400.0


@dataclass(frozen=True)
class IntradaySettings:
    """Constants of the update, chosen on January 1999 and March to July 2003 of two bank logs.

    ``fading_share`` is the part of a half hour's own variation that fades over ``half_life_slots``
    half hours instead of being its own alone; ``prior_days`` what the assumed covariance is worth
    against days of the past; ``weeks`` how many of them are looked at. ``day_variance`` and
    ``inside_variance`` stand where a forecast states none.
    """

    fading_share: float = 0.8
    half_life_slots: float = 16.0
    prior_days: float = 20.0
    weeks: int = 8
    day_variance: float = 0.02
    inside_variance: float = 0.01

    def __post_init__(self) -> None:
        if not 0 <= self.fading_share <= 1:
            raise ValueError(f"fading_share must be from 0 to 1, got {self.fading_share}")
        for name in ("half_life_slots", "prior_days", "day_variance"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be more than 0, got {getattr(self, name)}")
        for name in ("weeks", "inside_variance"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be at least 0, got {getattr(self, name)}")


@dataclass(frozen=True)
class DayLaw:
    """The law of a programme's day, in squared variations of the rate.

    ``covariance[slot, slot]`` between the 48 half hours of the local day, positive definite;
    ``own`` what each half hour adds by itself. ``day_width`` and ``own_width`` multiply what is
    left of them after the update, so that the 80 % interval holds 80 % of past days.
    """

    covariance: Floats
    own: float
    day_width: float = 1.0
    own_width: float = 1.0


def assume_day_law(day_variance: float, inside_variance: float, settings: IntradaySettings | None = None) -> DayLaw:
    """Return the law of a day without a history to learn from; NaN variances are the settings'."""
    settings = settings or IntradaySettings()
    day = settings.day_variance if np.isnan(day_variance) else day_variance
    inside = settings.inside_variance if np.isnan(inside_variance) else inside_variance
    return _assume(day, inside, settings)


@lru_cache(maxsize=1024)
def _assume(day: float, inside: float, settings: IntradaySettings) -> DayLaw:
    slots = np.arange(SLOTS)
    fading = 0.5 ** (np.abs(slots[:, None] - slots[None, :]) / settings.half_life_slots)
    covariance = day + settings.fading_share * inside * fading
    definite = _make_definite(covariance)
    definite.flags.writeable = False
    return DayLaw(definite, float((1 - settings.fading_share) * inside))


def fit_day_law(
    history: History, programme: Programme, day: date, settings: IntradaySettings | None = None
) -> DayLaw | None:
    """Return the law of the local ``day``, learnt from the days before it alone.

    None where the history is too short for a forecast (less than two weeks of usual open days).
    """
    settings = settings or IntradaySettings()
    known = add_observed_holidays(programme, history_before(history, programme, day))
    past = clean_history(history_before(history, known, day), known)
    usable, needed = find_usual_days(past, known)
    if not usable or usable < needed:
        return None
    holdout = HoldoutModel(history, known, MODELS[DEFAULT_MODEL])
    numbers = np.array([day_to_number(day)], dtype=np.int64)
    return learn_day_law(holdout.predict(past, numbers), *holdout.past_weeks(int(numbers[0]), settings.weeks), settings)


def learn_day_law(said: ModelPrediction, came: Floats, mean: Floats, settings: IntradaySettings) -> DayLaw:
    """Return the law of a day ``said``, given past days: ``came[day, slot]`` (NaN = not known) and
    the ``mean`` that was forecast of them."""
    opened = said.mean[0] > 0
    day_variance = float(said.day_variance[0])
    inside = float(np.maximum(said.spread[0] - day_variance, 0.0)[opened].mean()) if opened.any() else 0.0
    prior = assume_day_law(day_variance, inside, settings)
    known = np.isfinite(came) & (mean > _LEAST_CALLS)
    used = known.any(axis=1)
    came, mean = np.where(known, came, np.nan)[used], mean[used]
    if not len(came):
        return prior
    learnt = _learn(prior, came, mean, settings)
    group = np.arange(len(came)) * _GROUPS // len(came)
    held_out = [_learn(prior, came[group != number], mean[group != number], settings) for number in range(_GROUPS)]
    return _set_right(learnt, [held_out[number] for number in group], came, mean)


def _learn(prior: DayLaw, came: Floats, mean: Floats, settings: IntradaySettings) -> DayLaw:
    """Return the prior with its covariance drawn to that of the days.

    A pair of half hours weighs by the days that hold both, less where counting noise is large
    against the variation of the rate. A day beyond three standard deviations in its total counts as
    if at it.
    """
    known = np.isfinite(came)
    expected = np.maximum(mean, _LEAST_CALLS)
    number = known.sum(axis=0)
    noise = np.where(known, 1 / expected, 0.0).sum(axis=0) / np.maximum(number, 1)
    variance = np.diag(prior.covariance)
    total = np.where(known, mean, 0.0).sum(axis=1)
    off = np.abs(np.where(known, came - mean, 0.0).sum(axis=1)) / np.maximum(total, _LEAST_CALLS)
    limit = 3 * np.sqrt(float(variance.mean()) + 1 / np.maximum(total, _LEAST_CALLS))
    deviation = np.where(known, came / expected - 1, 0.0)
    deviation *= np.minimum(1.0, limit / np.maximum(off, _LEAST_CALLS))[:, None]
    pairs = known.T.astype(np.float64) @ known
    found = deviation.T @ deviation / np.maximum(pairs, 1.0)
    found[np.diag_indices(SLOTS)] -= noise + prior.own
    dilution = 1 + noise / variance
    weight = pairs / (pairs + settings.prior_days * np.outer(dilution, dilution))
    covariance = prior.covariance + weight * (found - prior.covariance)
    return DayLaw(_make_definite(covariance), prior.own)


def _make_definite(covariance: Floats) -> Floats:
    """Return the nearest positive definite matrix, on the decimal grid and symmetric."""
    values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
    nearest = (vectors * np.maximum(values, _LEAST_EIGENVALUE)) @ vectors.T
    return round_to_grid((nearest + nearest.T) / 2, FINE_DECIMALS)


def condition(law: DayLaw, slots: Ints, mean: Floats, came: Floats) -> tuple[Floats, Floats]:
    """Return each half hour's factor on its ``mean`` given what ``came``, and their covariance.

    ``slots`` of the half hours, ``came`` their calls (NaN = not known), all of one local day.
    The factors are 1 where nothing came; the covariance is that of the rates over ``mean``.
    """
    seen = np.isfinite(came) & (mean > _LEAST_CALLS)
    joint = law.covariance[np.ix_(slots, slots)]
    if not seen.any():
        return np.ones(len(slots)), joint
    beside = joint[seen]
    inner = beside[:, seen] + np.diag(1 / mean[seen] + law.own)
    gain = np.linalg.solve(inner, beside).T
    factor = np.maximum(1 + gain @ (came[seen] / mean[seen] - 1), _LEAST_FACTOR)
    left = joint - gain @ beside
    return np.asarray(factor, dtype=np.float64), np.asarray((left + left.T) / 2, dtype=np.float64)


def _set_right(law: DayLaw, held_out: Sequence[DayLaw], came: Floats, mean: Floats) -> DayLaw:
    """Return the law with its widths, found on days that had no part in the law that says them."""
    days: list[tuple[float, float, float, float]] = []
    cells: list[Floats] = []
    for row, one in enumerate(held_out):
        slots = np.flatnonzero(np.isfinite(came[row])).astype(np.int64)
        for cut in _CUTS:
            first = int(cut * len(slots))
            if first < 1 or first >= len(slots):
                continue
            given = np.where(np.arange(len(slots)) < first, came[row, slots], np.nan)
            factor, left = condition(one, slots, mean[row, slots], given)
            expected = (factor * mean[row, slots])[first:]
            base, seen = mean[row, slots][first:], came[row, slots][first:]
            square = max(float(expected.sum()), _LEAST_CALLS) ** 2
            shared = float(base @ left[first:, first:] @ base) / square
            own = one.own * float((expected**2).sum()) / square
            days.append((float(seen.sum()), float(expected.sum()), shared, own))
            cells.append(np.stack([seen, expected, np.diag(left)[first:] / factor[first:] ** 2]))
    if not days:
        return law
    seen, expected, shared, own = np.array(days).T
    day_width = _find_width(seen, expected, shared, own, _DAYS_WORTH)
    seen, expected, shared = np.concatenate(cells, axis=1)
    alone = np.full(len(seen), max(law.own, 1e-6))
    own_width = _find_width(seen, expected, alone, day_width * shared, _HALF_HOURS_WORTH)
    return DayLaw(law.covariance, law.own, day_width, own_width)


def _find_width(came: Floats, mean: Floats, variance: Floats, rest: Floats, worth: float) -> float:
    group = np.zeros(len(came), dtype=np.int64)
    found = find_factors(came, mean, np.maximum(variance, 0.0), rest, group, worth, 1)
    return float(round_to_grid(found[0]))
