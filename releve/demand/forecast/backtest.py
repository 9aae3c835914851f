"""Rolling back-test: what each model would have said at past origins, against what came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from releve.demand.cleaning import clean
from releve.demand.forecast.models import DEFAULT_MODEL, MODELS, Model
from releve.demand.forecast.spread import coverage
from releve.demand.localtime import SLOTS, Int64s, day_number, day_of, local_slots, open_slots
from releve.demand.tables import Floats, History
from releve.network import Programme

__all__ = ["Choice", "Score", "backtest", "before", "choose_model", "outcome"]

_LEAST_ORIGIN_DAYS = 21
_MARGIN = 0.02


@dataclass(frozen=True)
class Score:
    """How one model did over all origins.

    ``wape`` is the sum of absolute errors over the sum of calls, half hour by half hour;
    ``day_wape`` the same on the day's totals; ``bias`` forecast over calls, less 1. ``coverage_80``
    is the share of outcomes between the 10 % and 90 % levels, exact for counts;
    ``within_80`` the share inside the whole-number quantiles, both ends included.
    """

    model: str
    origins: int
    half_hours: int
    calls: float
    wape: float
    day_wape: float
    bias: float
    coverage_80: float
    within_80: float


@dataclass(frozen=True)
class Choice:
    """The model chosen for a programme, why, and what the back-test found."""

    programme: str
    model: str
    reason: str
    scores: tuple[Score, ...]


def before(history: History, programme: Programme, day: date) -> History:
    """Return the history of the local days before ``day``."""
    local, _ = local_slots(history.starts, programme.time_zone)
    keep = local < day_number(day)
    return History(
        history.programme,
        history.starts[keep],
        history.offered[keep],
        history.answered[keep],
        history.aht_s[keep],
    )


def outcome(history: History, programme: Programme, numbers: Int64s) -> Floats:
    """Return what came as ``[day, slot]``: every open half hour the source holds, else NaN.

    Nothing is cleaned away: exceptional days count against a forecast.
    """
    table = np.full((len(numbers), SLOTS), np.nan)
    local, slot = local_slots(history.starts, programme.time_zone)
    place = np.searchsorted(numbers, local)
    inside = (place < len(numbers)) & (numbers[np.minimum(place, len(numbers) - 1)] == local)
    table[place[inside], slot[inside]] = history.offered[inside]
    opened, _ = open_slots(programme, numbers)
    table[~opened] = np.nan
    return table


def backtest(
    history: History,
    programme: Programme,
    origins: Sequence[date],
    horizon: int,
    models: Mapping[str, Model] | None = None,
) -> tuple[Score, ...]:
    """Score models at past origins, each knowing only the days before, best WAPE first.

    ``horizon`` is in days from the origin on, the origin included. An origin with no usual day
    before it is left out. ValueError when none is left or nothing is held after them.
    """
    models = MODELS if models is None else models
    tallies = {name: _Tally() for name in models}
    for origin in origins:
        past = clean(before(history, programme, origin), programme)
        if not past.is_kind("normal", "half_open").any():
            continue
        first = day_number(origin)
        numbers = np.arange(first, first + horizon, dtype=np.int64)
        came = outcome(history, programme, numbers)
        if not np.isfinite(came).any():
            continue
        for name, model in models.items():
            prediction = model(past, programme, numbers)
            tallies[name].add(came, prediction.mean, prediction.spread)
    if any(not tally.origins for tally in tallies.values()):
        raise ValueError(f"{programme.id}: no origin with history before and after it")
    scores = [tally.score(name) for name, tally in tallies.items()]
    return tuple(sorted(scores, key=lambda score: score.wape))


class _Tally:
    """Sums over origins."""

    def __init__(self) -> None:
        self.origins = 0
        self._sums = np.zeros(7)

    def add(self, came: Floats, mean: Floats, spread: Floats) -> None:
        known = np.isfinite(came)
        calls, expected = came[known], mean[known]
        share, within = coverage(calls, expected, spread[known])
        day_error = np.where(known, came - mean, 0.0).sum(axis=1)
        self.origins += 1
        self._sums += (
            np.abs(calls - expected).sum(),
            calls.sum(),
            np.abs(day_error).sum(),
            expected.sum(),
            share.sum(),
            within.sum(),
            len(calls),
        )

    def score(self, model: str) -> Score:
        error, calls, day_error, expected, share, within, number = self._sums.tolist()
        base = calls if calls > 0 else np.nan
        return Score(
            model=model,
            origins=self.origins,
            half_hours=int(number),
            calls=calls,
            wape=error / base,
            day_wape=day_error / base,
            bias=expected / base - 1,
            coverage_80=share / number,
            within_80=within / number,
        )


def choose_model(
    history: History,
    programme: Programme,
    *,
    horizon: int = 14,
    most_origins: int = 8,
    models: Mapping[str, Model] | None = None,
) -> Choice:
    """Choose a programme's model by rolling back-test over its last weeks.

    The default model stays unless another's WAPE is lower by more than 2 % of it: less is chance.
    A history too short for two origins keeps the default.
    """
    models = MODELS if models is None else models
    local, _ = local_slots(history.starts, programme.time_zone)
    origins: list[date] = []
    if len(local):
        last = int(local.max()) + 1
        number = last - 7
        while number - int(local.min()) >= _LEAST_ORIGIN_DAYS and len(origins) < most_origins:
            origins.append(day_of(number))
            number -= 7
    if len(origins) < 2:
        return Choice(programme.id, DEFAULT_MODEL, "the history is too short to compare", ())
    scores = backtest(history, programme, sorted(origins), horizon, models)
    by_name = {score.model: score for score in scores}
    best, own = scores[0], by_name.get(DEFAULT_MODEL)
    if own is not None and not best.wape < own.wape * (1 - _MARGIN):
        best = own
    until = max(origins) + timedelta(days=horizon)
    reason = f"WAPE {best.wape:.3f} over {best.origins} weekly origins to {until}; " + ", ".join(
        f"{s.model} {s.wape:.3f}" for s in scores if s is not best
    )
    return Choice(programme.id, best.model, reason, scores)
