"""The shape of a day: each half hour's share of its weekday, smoothed and pooled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from releve.demand.localtime import SLOTS
from releve.demand.tables import Floats, Truths
from releve.extras import OptionalModule

if TYPE_CHECKING:
    from scipy import linalg
else:
    linalg = OptionalModule("scipy.linalg")

__all__ = ["smooth_rates", "weekly_shares"]

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
        scale = _scale(seen, prior * under)
        expected = scale * prior * under
        spread = _spread(seen, expected)
        shape = 1 / max(spread, 1e-6)
        out[day, where] = (shape + seen) / (shape / (scale * prior) + under)
    return out


def _scale(seen: Floats, expected: Floats) -> float:
    """Return by how much a weekday's open slots exceed the pool (they are fewer: shares grow)."""
    return (float(seen.sum()) + 1.0) / (float(expected.sum()) + 1.0)


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
