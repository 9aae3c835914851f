"""Effective staffing, fitted on some days of the log.

The log says who answered, not who was free to. Two numbers of each half hour are fitted together to
reproduce those days: the *effort*, by which handling times are multiplied (abandonment), and the
*reserve*, the part of those present who do other work until the line has grown to ``least`` callers
(calls answered within the threshold). Without a reserve callers wait less often at once, and long
more often, than they did. A factor of each day on the effort makes each day's abandonment come out;
``least`` is chosen by the waits. Half hours of one day differ more than by chance (a colleague
late, a meeting): their effort is spread by a normal deviation of its logarithm, so that the squared
errors of single half hours are as large as they were.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.validate.bank_centre import Callers, build_day_centre, compute_measures, fit_callers, simulate_day
from bench.validate.bank_log import HALF_HOURS, BankDay
from releve.demand.queue import Centre
from releve.kernels.arrays import Floats

LINES = (2, 3, 4)
"""The lines from which a reserve answers that are tried."""
SPREADS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
"""Spreads of the effort of single half hours that are tried."""
ROUNDS, LAST_ROUNDS, RUNS = 18, 8, 6
"""Steps of the fit, those of which the mean is taken, and twice so many runs of a day in a step."""
GAIN = 1.5
"""Relative step for a difference of 1 in a share of calls."""
FEWEST = 5
"""Calls of a half hour whose errors count."""
EFFORT = (0.3, 2.0)
RESERVE_MOST = 0.8

Tick = Callable[[], None]


@dataclass(frozen=True)
class Staffing:
    """``effort[half hour]``, times ``factors[day]`` on the days it was fitted on; ``reserve[half
    hour]`` from a line of ``least``; ``spread`` of single half hours. ``found`` and ``seen``: the
    measures ``[half hour, 3]``; ``month_found`` and ``month_seen`` of all calls ``[3]``.
    ``scatter[3]``: squared errors of single half hours over those the spread makes."""

    callers: Callers
    effort: Floats
    reserve: Floats
    least: int
    spread: float
    factors: Floats
    found: Floats
    seen: Floats
    month_found: Floats
    month_seen: Floats
    scatter: Floats

    @property
    def misfit(self) -> float:
        """The root mean square error of the waits over half hours, in seconds."""
        return float(np.sqrt(np.nanmean((self.found - self.seen)[:, 2] ** 2)))


def fit_staffing(days: Sequence[BankDay], least: int, spread: float = 0.0) -> Staffing:
    """Return the staffing of some days, whose reserve answers from a line of ``least`` and whose
    half hours are spread."""
    callers = fit_callers(days)
    counts = np.stack([day.counts() for day in days])
    effort, factors, reserve = np.zeros(HALF_HOURS), np.zeros(len(days)), np.full(HALF_HOURS, 0.2)
    seen, kept, runs = counts.sum(axis=0), [], []
    draw = np.random.default_rng(len(days))
    for turn in range(ROUNDS):
        drawn = np.stack([
            simulate_spread(
                build_day_centre(day, callers, reserve, least),
                np.exp(effort + factor), spread, RUNS, day.date.toordinal(), 2 * turn * RUNS, draw,
            )
            for day, factor in zip(days, factors, strict=True)
        ])  # fmt: skip
        mean = drawn.mean(axis=1)
        if turn >= ROUNDS - LAST_ROUNDS:  # the mean of the last: each step is left to chance
            kept.append((effort, factors, reserve, mean.sum(axis=0)))
            runs.append(drawn)
        too_many = _compute_shares(mean.sum(axis=0)) - _compute_shares(seen)
        by_day = _compute_shares(mean.sum(axis=1)) - _compute_shares(counts.sum(axis=1))
        effort = np.clip(effort - GAIN * too_many[:, 0], *np.log(EFFORT))
        reserve = np.clip(reserve + GAIN * too_many[:, 1], 0.0, RESERVE_MOST)
        factors = factors - GAIN * by_day[:, 0]
        factors = factors - factors.mean()
    logs, of_days, shares, found = (np.mean([row[i] for row in kept], axis=0) for i in range(4))
    return Staffing(
        callers, np.exp(logs), shares, least, spread, np.exp(of_days),
        compute_measures(found), compute_measures(seen),
        compute_measures(found.sum(axis=0)), compute_measures(seen.sum(axis=0)),
        _measure_scatter(counts, np.concatenate(runs, axis=1)),
    )  # fmt: skip


def simulate_spread(
    centre: Centre, effort: Floats, spread: float, runs: int, seed: int, first: int, draw: np.random.Generator
) -> Floats:
    """Return ``2 * runs`` simulated days, float64[run, half hour, 4]: half of them with a spread of
    the effort, half with the opposite one."""
    off = np.exp(spread * draw.standard_normal(HALF_HOURS))
    both = (
        simulate_day(centre, effort * off, runs, seed, first),
        simulate_day(centre, effort / off, runs, seed, first + runs),
    )
    return np.concatenate(both)


def _measure_scatter(counts: Floats, runs: Floats) -> Floats:
    """Return the squared errors of single half hours over their variance when simulated, summed
    over ``counts[day, half hour, 4]``; ``runs[day, run, half hour, 4]``."""
    busy: NDArray[np.bool_] = (counts[..., 0] >= FEWEST) & (runs[..., 0].mean(axis=1) >= FEWEST)
    seen, drawn = compute_measures(counts[busy]), compute_measures(runs.transpose(0, 2, 1, 3)[busy])
    off = seen - np.nanmean(drawn, axis=1)
    made = np.nanvar(drawn, axis=1)
    freedom = (len(counts) - 1.0) / len(counts)
    return np.asarray((off**2).sum(axis=0) / freedom / made.sum(axis=0))


def fit_spread(
    days: Sequence[BankDay], least: int, spreads: Sequence[float] = SPREADS, tick: Tick = lambda: None
) -> Staffing:
    """Return the staffing with the least spread that explains the scatter of half hours (the mean
    of the three measures), else the widest."""
    for spread in spreads:
        found = fit_staffing(days, least, spread)
        tick()
        if found.scatter.mean() <= 1.0:
            break
    return found


def _compute_shares(counts: Floats) -> Floats:
    """Return the shares abandoned and answered within, on the last axis."""
    return np.asarray(counts[..., 1:3] / np.maximum(counts[..., :1], 1.0))


def fit_lines(days: Sequence[BankDay], lines: Sequence[int] = LINES, tick: Tick = lambda: None) -> tuple[Staffing, ...]:
    """Return the staffing with each line from which the reserve answers, the best first."""
    found = []
    for least in lines:
        found.append(fit_staffing(days, least))
        tick()
    return tuple(sorted(found, key=lambda one: one.misfit))
