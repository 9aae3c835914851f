"""Callers estimated from some days of the log, and a day of the centre built from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bench.validate.bank_log import FIRST, HALF_HOURS, LAST, THRESHOLD_S, BankDay
from releve.demand.queue import AgentChange, Centre, CentreSpec, Distribution, simulate
from releve.kernels.arrays import Floats

STEPS = 1000
"""Equal steps of probability in which a law is kept."""
GOLDEN = 0.6180339887498949
_EDGES_S = 1800.0 * np.arange(FIRST, LAST + 1)
SMOOTH = 1.5
"""Half hours over which handling times by time of day are smoothed (standard deviation)."""


@dataclass(frozen=True)
class Callers:
    """``patience`` of mean ``patience_s``; ``service`` law of the handling time, its mean by kind
    of call ``aht_s`` [``other_s``] times ``by_half[half hour]``."""

    patience: Distribution
    patience_s: float
    service: Distribution
    aht_s: Mapping[str, float]
    other_s: float
    by_half: Floats


def fit_callers(days: Sequence[BankDay]) -> Callers:
    talk, kind, half, wait, lost = (
        np.concatenate([getattr(day, name) for day in days]) for name in ("talk_s", "kind", "half", "wait_s", "lost")
    )
    served = ~lost & (talk > 0)
    talk, kind, half = talk[served], kind[served], half[served]
    aht_s = {str(name): float(talk[kind == name].mean()) for name in np.unique(kind)}
    patience_s, values = _estimate_patience(wait, lost)
    return Callers(
        patience=Distribution.sample(values, patience_s),
        patience_s=patience_s,
        service=Distribution.sample(np.quantile(talk, _build_steps())),
        aht_s=aht_s,
        other_s=float(talk.mean()),
        by_half=_smooth_by_half(talk, np.array([aht_s[name] for name in kind]), half),
    )


def _build_steps() -> Floats:
    return np.asarray((np.arange(STEPS) + 0.5) / STEPS)


def _estimate_patience(wait_s: Floats, lost: NDArray[np.bool_]) -> tuple[float, Floats]:
    """Return the mean patience and its quantiles, by Kaplan and Meier: answered callers would have
    waited longer than they did. Beyond the longest wait those left hang up at the mean rate of the
    last tenth."""
    order = np.argsort(wait_s, kind="stable")
    times, gone = wait_s[order], lost[order]
    stay = np.cumprod(1.0 - gone / np.arange(times.size, 0, -1))
    u = _build_steps()
    place = np.searchsorted(1.0 - stay, u)
    known = place < times.size
    values = np.where(known, times[np.minimum(place, times.size - 1)], 0.0)
    end, start = int(known.sum()), int(0.9 * known.sum())
    span = max(values[end - 1] - values[start], 1.0)
    rate = np.log((1 - u[start]) / (1 - u[end - 1])) / span
    values[~known] = values[end - 1] + np.log((1 - u[end - 1]) / (1 - u[~known])) / rate
    values = np.maximum(values, 0.5)  # the log has whole seconds
    return float(values.mean()), values


def _smooth_by_half(talk: Floats, expected: Floats, half: NDArray[np.int64]) -> Floats:
    """Return by how much calls of the same kind last longer at a time of day: float64[half hour],
    neighbours weighted by their calls and a bell curve."""
    inside = (half >= 0) & (half < HALF_HOURS)
    seen = np.bincount(half[inside], talk[inside], HALF_HOURS)
    usual = np.bincount(half[inside], expected[inside], HALF_HOURS)
    apart = np.subtract.outer(np.arange(HALF_HOURS), np.arange(HALF_HOURS))
    weight = np.exp(-0.5 * (apart / SMOOTH) ** 2)
    return np.asarray((weight @ seen) / np.maximum(weight @ usual, 1e-9))


def build_day_centre(day: BankDay, callers: Callers, reserve: Floats, least: int) -> Centre:
    """Return a day with its own volumes, kinds of call and agents present, and such callers; the
    share ``reserve[half hour]`` of those present answers only when ``least`` callers wait."""
    need = np.array([callers.aht_s.get(str(kind), callers.other_s) for kind in day.kind])
    half = day.half
    inside = (half >= 0) & (half < HALF_HOURS)
    offered = np.bincount(half[inside], minlength=HALF_HOURS)
    work = np.bincount(half[inside], need[inside], HALF_HOURS)
    aht = np.where(offered > 0, work / np.maximum(offered, 1), callers.other_s) * callers.by_half
    agents, changes = _split_agents(day, reserve)
    return CentreSpec(
        ["bank"],
        _EDGES_S,
        offered[:, None],
        aht[:, None],
        agents,
        groups=["line", "reserve"],
        call_rank=[[0, 1]],
        least_waiting=[[1, least]],
        patience_s=callers.patience_s,
        threshold_s=THRESHOLD_S,
        service=callers.service,
        patience=callers.patience,
        changes=changes,
    ).build()


def _split_agents(day: BankDay, reserve: Floats) -> tuple[NDArray[np.int64], list[AgentChange]]:
    """Return those who take every call and the reserve: int64[half hour, 2], and their changes
    within the half hours. Parts of a person are made whole by a number of the day and half hour,
    so that over days their share comes out."""
    inner = (day.there_s > _EDGES_S[0]) & (day.there_s < _EDGES_S[-1]) & (day.there_s % 1800 > 0)
    seconds = np.concatenate([_EDGES_S[:-1], day.there_s[inner]])
    present = np.concatenate([[0], day.there])[np.searchsorted(day.there_s, seconds, side="right")]
    half = (seconds // 1800).astype(np.int64) - FIRST
    part = (GOLDEN * (day.date.toordinal() * HALF_HOURS + half)) % 1.0
    held = np.floor(present * reserve[half] + part).astype(np.int64)
    held = np.minimum(held, present)
    both = np.stack([present - held, held], axis=1)
    changes = [
        AgentChange(float(second), group, int(heads))
        for second, row in zip(seconds[HALF_HOURS:], both[HALF_HOURS:], strict=True)
        for group, heads in zip(("line", "reserve"), row, strict=True)
    ]
    return both[:HALF_HOURS], changes


def simulate_day(centre: Centre, effort: Floats, runs: int, seed: int, first: int = 0) -> Floats:
    """Return what :meth:`BankDay.counts` counts, float64[run, half hour, 4], with handling times
    times ``effort[half hour]``."""
    found = simulate(replace(centre, aht_s=centre.aht_s * effort[:, None]), runs, seed, first=first)
    waited = found.wait_answered_s + found.wait_abandoned_s
    parts = (found.offered, found.abandoned + found.left, found.within, waited)
    return np.stack([part[:, :, 0] for part in parts], axis=2).astype(np.float64)


def compute_measures(counts: Floats) -> Floats:
    """Return abandoned / offered, within / offered and the mean wait of the offered, where the last
    axis of ``counts`` is four; NaN without calls."""
    offered = np.where(counts[..., 0] > 0, counts[..., 0], np.nan)
    return np.asarray(counts[..., 1:] / offered[..., None])
