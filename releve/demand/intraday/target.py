"""The day's service level so far and to come, and how long until its target is lost.

The level is the contract's: counts of the whole day, by the definition of the programme. Known
half hours count as they came; what is to come is what exact Erlang A (C without a patience) says
of the agents on the phone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from releve.demand.erlang import metrics
from releve.demand.intraday.figures import DayFigures
from releve.demand.intraday.rest_of_day import RestOfDay
from releve.demand.tables import INTERVAL, Floats, Forecast
from releve.network import Programme
from releve.network.decimal_grid import round_to_grid

__all__ = ["TargetOutlook", "count_service", "foresee_target"]

_MINUTES = INTERVAL.total_seconds() / 60


@dataclass(frozen=True)
class TargetOutlook:
    """float64 ``[programme]``; NaN = not known, and not an inbound programme.

    ``level_so_far`` over the known half hours, ``level_at_end`` of the whole day if the agents stay
    as given. ``below_minutes`` until the day's level falls below its target; ``lost_minutes`` until
    it could not come back even if every later call was answered within the threshold. Minutes are
    0 when it is so already, infinite when it is not to be today.
    """

    programmes: tuple[str, ...]
    level_so_far: Floats
    level_at_end: Floats
    below_minutes: Floats
    lost_minutes: Floats


def foresee_target(
    rest: RestOfDay,
    figures: DayFigures,
    programmes: Sequence[Programme],
    agents: Floats,
) -> TargetOutlook:
    """Return the outlook of ``programmes``, all of them in the forecast.

    ``agents[interval, programme]`` are those on the phone, in the forecast's intervals and the
    order of ``programmes``; fractions are rounded down, NaN = not known, and then what follows is
    not known either. A half hour gone by counts where all that its definition needs is known; one
    that is not over counts whole as expected; one gone by without figures counts for nothing.
    """
    gone = np.array([start + INTERVAL <= rest.now for start in rest.forecast.starts])
    found = []
    for place, programme in enumerate(programmes):
        column = rest.forecast.programmes.index(programme.id)
        if programme.kind != "inbound":
            found.append((np.nan,) * 4)
            continue
        good, counted = count_service(figures, programme, column)
        past = gone & np.isfinite(good) & np.isfinite(counted)
        so_far = float(good[past].sum()), float(counted[past].sum())
        coming = _expect(rest.forecast, programme, column, agents[:, place], ~gone)
        found.append(_foresee(programme.service_target, so_far, coming, rest, ~gone))
    table = round_to_grid(np.array(found, dtype=np.float64).reshape(-1, 4))
    return TargetOutlook(tuple(row.id for row in programmes), *table.T)


def count_service(figures: DayFigures, programme: Programme, column: int) -> tuple[Floats, Floats]:
    """Return, by interval, the calls that count as good and those they are counted against.

    Both by the definition of the programme's contract; NaN where what it needs is not known.
    """
    good, short = figures.in_time[:, column], figures.short[:, column]
    offered, answered = figures.offered[:, column], figures.answered[:, column]
    return {
        "offered": (good, offered),
        "answered": (good, answered),
        "without_short": (good, offered - short),
        "with_short": (good + short, offered),
    }[programme.service_definition]


def _expect(
    forecast: Forecast, programme: Programme, column: int, agents: Floats, coming: Floats
) -> Floats:
    """Return good, counted and offered calls expected, ``[interval to come, 3]``."""
    calls, aht_s = forecast.mean[coming, column], forecast.aht_s[coming, column]
    aht_s = np.where(np.isnan(aht_s), programme.aht_s, aht_s)
    there = np.floor(agents[coming] + 1e-9)
    patience_s = np.inf if programme.patience_s is None else programme.patience_s
    queue = metrics(
        calls,
        INTERVAL.total_seconds(),
        aht_s,
        patience_s,
        np.nan_to_num(there),
        programme.service_threshold_s,
    )
    short = queue.service_with_short - queue.service_offered
    share = {
        "offered": np.ones_like(calls),
        "answered": 1 - queue.p_abandon,
        "without_short": 1 - short,
        "with_short": np.ones_like(calls),
    }[programme.service_definition]
    counted = calls * share
    good = counted * queue.service_level(programme.service_definition)
    table = np.stack([good, counted, calls], axis=1)
    table[np.isnan(there) & (calls > 0)] = np.nan
    return np.asarray(np.where((calls == 0)[:, None], 0.0, table), dtype=np.float64)


def _foresee(
    target: float,
    so_far: tuple[float, float],
    coming: Floats,
    rest: RestOfDay,
    which: Floats,
) -> tuple[float, float, float, float]:
    good, counted = so_far
    level = good / counted if counted > 0 else np.nan
    total = counted + coming[:, 1].sum()
    end = (good + coming[:, 0].sum()) / total if total > 0 else np.nan
    starts = [start for start, take in zip(rest.forecast.starts, which, strict=True) if take]
    minutes = [(start - rest.now).total_seconds() / 60 for start in starts]
    margin = good - target * counted
    change = coming[:, 0] - target * coming[:, 1]
    below = _find_crossing(margin, change, minutes)
    saved = (1 - target) * coming[:, 2]
    lost = _find_crossing(margin + float(saved.sum()), change - saved, minutes)
    return level, float(end), below, lost


def _find_crossing(margin: float, change: Floats, minutes: Sequence[float]) -> float:
    """Return when the margin falls below 0, changing evenly within each half hour from now on.

    0 when it is below already, infinite when it stays; NaN when it is not known before.
    """
    if margin < 0 or np.isnan(margin):
        return 0.0 if margin < 0 else float("nan")
    for step, start in zip(change.tolist(), minutes, strict=True):
        if np.isnan(step):
            return float("nan")
        if margin + step < 0:
            return max(start + _MINUTES * margin / -float(step), 0.0)
        margin += step
    return float("inf")
