"""Which parts of a forecast's errors are common to days, weeks and programmes, and draws with them.

A day strays from its forecast by a factor whose variance the calibration sets. Part of that variance
is common to all days forecast from one origin (the level was wrong), part to the days of one week,
and of each a part to the programmes of a client; the rest is the day's own. The parts are measured
on the level's errors 1 to 28 days ahead, out of sample, by products of the errors of two days of one
origin. A normal copula joins the gamma factors, so that each day's law stays as it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from releve.demand.cleaning import CleanHistory, clean_history
from releve.demand.forecast.backtest import history_before
from releve.demand.forecast.level import HORIZONS, extrapolate_level
from releve.demand.forecast.model import WARM_DAYS, ModelPrediction, measure_levels
from releve.demand.localtime import add_observed_holidays
from releve.demand.queue.draws import label_key
from releve.demand.requirement import History
from releve.extras import LazyModule
from releve.kernels.arrays import Floats, Ints
from releve.network import Programme
from releve.network.history_grid import FINE_DECIMALS, round_to_grid

if TYPE_CHECKING:
    from scipy import special
else:
    special = LazyModule("scipy.special")

WEEK_DAYS = 7
_STRETCHES_WORTH = 2.0
"""What the prior parts are worth, in stretches of 28 days: errors of one origin stray together."""
_LEAST_VARIANCE = 1e-6


@dataclass(frozen=True)
class DayParts:
    """Parts (0..1) of the variance of a programme's day factor; the rest is the day's own.

    ``span`` is common to all days forecast from one origin, ``week`` to each seven of them;
    ``client`` is the part of all three that is common to the programmes of the client. ``measured``
    is what the programme's own history weighs in ``span`` and ``week``; the rest is :data:`PRIOR`.
    """

    span: float = 0.0
    week: float = 0.0
    client: float = 0.0
    measured: float = 0.0

    def __post_init__(self) -> None:
        for name in ("span", "week", "client", "measured"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be from 0 to 1, got {getattr(self, name)}")
        if self.span + self.week > 1:
            raise ValueError(f"span + week must be at most 1, got {self.span + self.week}")

    @property
    def own(self) -> float:
        return max(1.0 - self.span - self.week, 0.0)

    @property
    def weights(self) -> tuple[float, ...]:
        """The weights of six standard normal numbers whose sum is a day's: of the span, the week and the day,
        each the client's and the programme's. Their squares sum to 1."""
        halves = (self.client, 1.0 - self.client)
        return tuple(float(np.sqrt(part * half)) for part in (self.span, self.week, self.own) for half in halves)


PRIOR = DayParts(0.25, 0.25, 0.25)
"""About what two banks' logs show before the months they are judged on."""


@dataclass(frozen=True)
class DayErrors:
    """Relative errors of the level, ``error[origin, horizon]`` of days 1 to 28 ahead (NaN = not
    known) and their counting variance; ``numbers`` the origins' day numbers, ``calls`` a usual day's."""

    numbers: Ints
    error: Floats
    noise: Floats
    calls: float


def find_day_errors(history: CleanHistory, programme: Programme) -> DayErrors:
    """Return by how much days strayed from the level known before them; ValueError without a usual day."""
    measured = measure_levels(history, programme)
    days = len(measured.ratio)
    error = np.full((days, HORIZONS), np.nan)
    noise = np.full((days, HORIZONS), np.nan)
    for h in range(1, HORIZONS + 1):
        origins = np.arange(WARM_DAYS, max(days - h, WARM_DAYS))
        expected = extrapolate_level(measured.level, slice(None), np.array(float(h)))[origins]
        known = measured.weight[origins + h] > 0
        error[origins, h - 1] = np.where(known, measured.ratio[origins + h] / expected - 1, np.nan)
        noise[origins, h - 1] = np.where(known, measured.noise[origins + h] / expected, np.nan)
    used = measured.weight > 0
    calls = float(measured.days.calls[used].mean()) if used.any() else 0.0
    return DayErrors(measured.days.numbers, error, noise, calls)


def measure_parts_before(
    histories: Mapping[str, History], programmes: Sequence[Programme], day: date
) -> dict[str, DayParts]:
    """Return the parts of every programme, measured client by client on the local days before ``day``.

    A programme without a usual day has those of :data:`PRIOR`, with its client's common part.
    """
    clients: dict[str, dict[str, DayErrors]] = {}
    for programme in programmes:
        errors = clients.setdefault(programme.client, {})
        if programme.id not in histories:
            continue
        before = history_before(histories[programme.id], programme, day)
        known = add_observed_holidays(programme, before)
        past = clean_history(before, known)
        if past.is_kind("normal", "half_open").any():
            errors[programme.id] = find_day_errors(past, known)
    found = {}
    for client, errors in clients.items():
        measured = measure_parts(errors)
        common = next((one.client for one in measured.values()), PRIOR.client)
        without = replace(PRIOR, client=common)
        found.update({row.id: measured.get(row.id, without) for row in programmes if row.client == client})
    return found


def measure_parts(errors: Mapping[str, DayErrors]) -> dict[str, DayParts]:
    """Return the parts by programme of one client, each drawn to :data:`PRIOR` as far as history is short.

    What programmes have in common is one part for the client: their products of errors over those
    that they would have as one, weighted by calls, so that it is right for their sum.
    """
    common = _measure_client(errors)
    return {name: _measure(one, common) for name, one in errors.items()}


def _variance(errors: DayErrors) -> float:
    known = np.isfinite(errors.error)
    if not known.any():
        return 0.0
    return max(float(np.mean(errors.error[known] ** 2 - errors.noise[known])), 0.0)


def _measure(errors: DayErrors, common: float) -> DayParts:
    known = np.isfinite(errors.error)
    filled = np.where(known, errors.error, 0.0)
    products, pairs = filled.T @ filled, known.T.astype(np.float64) @ known
    week = np.arange(HORIZONS) // WEEK_DAYS
    same = (week[:, None] == week) & ~np.eye(HORIZONS, dtype=bool)
    apart = week[:, None] != week
    variance = _variance(errors)
    if variance < _LEAST_VARIANCE or not pairs[same].any() or not pairs[apart].any():
        return DayParts(PRIOR.span, PRIOR.week, common)
    # counting noise that hides the rate makes a history worth less
    worth = variance / (variance + float(np.mean(errors.noise[known])))
    trust = _trust(errors) * worth
    span = float(np.clip(products[apart].sum() / pairs[apart].sum() / variance, 0.0, 1.0))
    both = float(np.clip(products[same].sum() / pairs[same].sum() / variance, span, 1.0))
    found = round_to_grid(
        [PRIOR.span + trust * (span - PRIOR.span), PRIOR.week + trust * (both - span - PRIOR.week), trust],
        FINE_DECIMALS,
    )
    return DayParts(float(found[0]), float(found[1]), common, float(found[2]))


def _trust(errors: DayErrors) -> float:
    stretches = len(errors.numbers) / HORIZONS
    return stretches / (stretches + _STRETCHES_WORTH)


def _measure_client(errors: Mapping[str, DayErrors]) -> float:
    names = sorted(errors)
    shared, whole = 0.0, 0.0
    for i, one in enumerate(names):
        for two in names[i + 1 :]:
            a, b = errors[one], errors[two]
            _, at_a, at_b = np.intersect1d(a.numbers, b.numbers, return_indices=True)
            product = a.error[at_a] * b.error[at_b]
            if np.isfinite(product).any():
                weight = a.calls * b.calls
                shared += weight * float(np.nanmean(product))
                whole += weight * float(np.sqrt(_variance(a) * _variance(b)))
    if whole <= 0:
        return PRIOR.client
    trust = min(_trust(one) for one in errors.values())
    found = float(np.clip(shared / whole, 0.0, 1.0))
    return float(round_to_grid(PRIOR.client + trust * (found - PRIOR.client), FINE_DECIMALS))


def draw_day_normals(
    parts: Mapping[str, DayParts], client: str, days: int, seed: int, replications: int
) -> dict[str, Floats]:
    """Return standard normal numbers ``[replication, day]`` by programme of one client, joined by their parts.

    Days count from the first one forecast. Streams are keyed by seed and name, so that a programme
    beside them changes no other's draws.
    """
    shared = _draw_components(seed, f"client {client}", days, replications)
    drawn = {}
    for name, one in parts.items():
        alone = _draw_components(seed, f"programme {name}", days, replications)
        numbers = (both[i] for i in range(3) for both in (shared, alone))
        drawn[name] = np.sum([weight * each for weight, each in zip(one.weights, numbers, strict=True)], axis=0)
    return drawn


def _draw_components(seed: int, name: str, days: int, replications: int) -> tuple[Floats, Floats, Floats]:
    generator = np.random.default_rng([seed, label_key(name)])
    weeks = -(-days // WEEK_DAYS)
    span = np.broadcast_to(generator.standard_normal((replications, 1)), (replications, days))
    week = generator.standard_normal((replications, weeks))[:, np.arange(days) // WEEK_DAYS]
    return span, week, generator.standard_normal((replications, days))


def draw_calls(
    predictions: Mapping[str, ModelPrediction],
    parts: Mapping[str, DayParts],
    client: str,
    *,
    seed: int = 0,
    replications: int = 400,
) -> dict[str, Floats]:
    """Return draws ``[replication, day, slot]`` of the calls of one client's programmes, in order of days.

    Each half hour has the mean and the variance of its prediction: the day's gamma factor, a gamma
    factor of its own and counting.
    """
    days = {len(said.mean) for said in predictions.values()}
    if len(days) != 1 or replications < 1:
        raise ValueError(f"expected predictions of as many days each and replications >= 1, got {days}, {replications}")
    normals = draw_day_normals({name: parts[name] for name in predictions}, client, days.pop(), seed, replications)
    drawn = {}
    for name, said in predictions.items():
        generator = np.random.default_rng([seed, label_key(f"half hours {name}")])
        shape = 1 / np.maximum(said.day_variance, _LEAST_VARIANCE)
        day = special.gammaincinv(shape, special.ndtr(normals[name])) / shape
        own = (said.spread - said.day_variance[:, None]) / (1 + said.day_variance[:, None])
        own_shape = 1 / np.maximum(own, _LEAST_VARIANCE)
        factor = generator.gamma(own_shape, size=(replications, *said.mean.shape)) / own_shape
        drawn[name] = generator.poisson(said.mean * day[:, :, None] * factor).astype(np.float64)
    return drawn
