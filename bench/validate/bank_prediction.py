"""The next month, predicted; and how far predictions go wrong, learnt by leaving weeks out.

An interval states: the chance of calls; which days were busy or idle (each day draws the factor of
a fitted one); the spread of single half hours; and the *drift* of the effective staffing of a half
hour from one period to the next (a normal deviation of its logarithm, the same on every day of the
period). The drift is the least with which the weeks of the fitted month, each predicted from the
others, lie in their intervals as often as the intervals say. Of the predicted month only volumes,
kinds of calls and agents present are used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.validate.bank_centre import build_day_centre, compute_measures
from bench.validate.bank_fit import LINES, SPREADS, Staffing, Tick, fit_lines, fit_spread, fit_staffing, simulate_spread
from bench.validate.bank_log import HALF_HOURS, BankDay, BankLogError
from releve.kernels.arrays import Floats

MEASURES = ("abandoned", "within 20 s", "mean wait, s")
NOMINAL = 0.9
"""What the intervals are to cover."""
DRIFTS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4)
"""Standard deviations that are tried."""
DRAWS, RUNS = 60, 2
"""Draws of drift, factors and spread, and twice so many runs of each."""


@dataclass(frozen=True)
class Period:
    """Some days: what was ``seen[half hour, measure]``, ``drawn[run, half hour, measure]``, and
    both of the whole period."""

    seen: Floats
    drawn: Floats
    whole_seen: Floats
    whole_drawn: Floats

    def interval(self) -> tuple[Floats, Floats]:
        """Return the low and the high ends ``[half hour, measure]``."""
        low, high = np.nanquantile(self.drawn, _interval_ends(), axis=0)
        return low, high

    def whole_interval(self) -> tuple[Floats, Floats]:
        """Return the low and the high ends of the whole period ``[measure]``."""
        low, high = np.quantile(self.whole_drawn, _interval_ends(), axis=0)
        return low, high

    def inside(self) -> NDArray[np.bool_]:
        """Return where what was seen lies in its interval: bool[half hour, measure]."""
        low, high = self.interval()
        return np.asarray((self.seen >= low) & (self.seen <= high))

    def bias(self) -> Floats:
        """Return predicted less seen, the mean over half hours: float64[measure]."""
        return np.asarray(np.nanmean(np.nanmean(self.drawn, axis=0) - self.seen, axis=0))


WEEKS_MOST = 5
"""Weeks of a month, of three days at least."""
LATER = 10_000
"""Number of the first run of a prediction, beyond those of fits."""


def _interval_ends() -> list[float]:
    return [(1.0 - NOMINAL) / 2.0, (1.0 + NOMINAL) / 2.0]


@dataclass(frozen=True)
class Prediction:
    """The fits of the first month by the line of the reserve, best first; the ``staffing`` with
    its spread; ``coverage[drift, measure]`` of its weeks left out
    by each of ``DRIFTS`` up to the one taken, ``drift``; the ``month`` predicted."""

    fits: tuple[Staffing, ...]
    staffing: Staffing
    coverage: Floats
    drift: float
    month: Period


TICKS_MOST = len(LINES) + len(SPREADS) + WEEKS_MOST + len(DRIFTS) + 1
"""How often :func:`predict` ticks at most."""


def predict(
    first: Sequence[BankDay],
    then: Sequence[BankDay],
    *,
    seed: int = 1999,
    lines: Sequence[int] = LINES,
    spreads: Sequence[float] = SPREADS,
    drifts: Sequence[float] = DRIFTS,
    tick: Tick = lambda: None,
) -> Prediction:
    """Fit on the days of ``first``, predict those of ``then``; ``tick`` after each step.

    BankLogError when ``first`` has fewer than two weeks, or ``then`` no day.
    """
    weeks = _split_weeks(first)
    if len(weeks) < 2 or not then:
        raise BankLogError(
            f"two weeks to fit on and a day to predict are needed, got {len(weeks)} weeks and"
            f" {len(then)} days: give a longer log"
        )
    fits = fit_lines(first, lines, tick)
    staffing = fit_spread(first, fits[0].least, spreads, tick)
    others = []
    for week in weeks:
        rest = [day for day in first if day not in week]
        others.append(fit_staffing(rest, staffing.least, staffing.spread))
        tick()
    drift, coverage = 0.0, []
    for drift in drifts:
        left_out = [_simulate_period(one, week, drift, seed) for one, week in zip(others, weeks, strict=True)]
        coverage.append(np.mean([row.inside() for row in left_out], axis=(0, 1)))
        tick()
        if coverage[-1].mean() >= NOMINAL:
            break
    month = _simulate_period(staffing, then, drift, seed)
    tick()
    return Prediction(fits, staffing, np.array(coverage), drift, month)


def _split_weeks(days: Sequence[BankDay]) -> list[list[BankDay]]:
    """Return the days by week from Sunday; a week of one or two days goes with the one before."""
    found: dict[int, list[BankDay]] = {}
    for day in days:
        found.setdefault(day.date.toordinal() // 7, []).append(day)
    weeks: list[list[BankDay]] = []
    for _, week in sorted(found.items()):
        if weeks and len(week) < 3:
            weeks[-1] += week
        else:
            weeks.append(week)
    return weeks


def _simulate_period(staffing: Staffing, days: Sequence[BankDay], drift: float, seed: int) -> Period:
    """Simulate days with a staffing, drawing drift and the factors of days ``DRAWS`` times."""
    draw = np.random.default_rng(seed)
    total = np.zeros((DRAWS, 2 * RUNS, HALF_HOURS, 4))
    centres = [build_day_centre(day, staffing.callers, staffing.reserve, staffing.least) for day in days]
    for at in range(DRAWS):
        effort = staffing.effort * np.exp(drift * draw.standard_normal(HALF_HOURS))
        for day, centre in zip(days, centres, strict=True):
            factor, own = float(draw.choice(staffing.factors)), day.date.toordinal()
            first = LATER + 2 * at * RUNS
            total[at] += simulate_spread(centre, effort * factor, staffing.spread, RUNS, own, first, draw)
    counts = total.reshape(-1, HALF_HOURS, 4)
    seen = np.sum([day.counts() for day in days], axis=0)
    return Period(
        compute_measures(seen),
        compute_measures(counts),
        compute_measures(seen.sum(axis=0)),
        compute_measures(counts.sum(axis=1)),
    )
