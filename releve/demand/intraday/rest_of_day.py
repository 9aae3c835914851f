"""The rest of the day, forecast again from what has come of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from releve.demand.forecast.count_distribution import count_quantile
from releve.demand.intraday.day_law import DayLaw, assume_day_law, condition
from releve.demand.localtime import Int64s, local_slots
from releve.demand.tables import INTERVAL, Floats, Forecast, Truths
from releve.network import Programme
from releve.network.decimal_grid import FINE_DECIMALS, round_to_grid

__all__ = ["DayUpdate", "RestOfDay", "reforecast", "update_day"]


@dataclass(frozen=True)
class RestOfDay:
    """The day's forecast as it stands at ``now``.

    ``forecast`` holds what came where ``known[interval, programme]``, the mean and every quantile
    alike, and the updated forecast elsewhere: in half hours to come, and in those gone by of which
    no report came. ``factor[programme]`` is what is still expected over what the morning expected
    of the same half hours; NaN where nothing is left, or nothing was expected.
    """

    now: datetime
    forecast: Forecast
    known: Truths
    factor: Floats


def reforecast(
    morning: Forecast,
    programmes: Sequence[Programme],
    came: Floats,
    now: datetime,
    laws: Mapping[str, DayLaw] | None = None,
) -> RestOfDay:
    """Return the ``morning`` forecast updated by the calls that came until ``now``.

    ``came[interval, programme]`` are the calls offered in the forecast's half hours and programmes,
    NaN = not known (:func:`releve.demand.intraday.fold_figures`). Half hours not over at ``now``
    are not taken for known. Each local day of a programme is updated from its own half hours.
    ``laws`` come from :func:`releve.demand.intraday.fit_day_law`; a programme without one is
    updated by the ``day_factor_cv`` of its forecast. Where no report came the morning's forecast
    stays to the last bit; where the morning knew nothing the rest of the day is not known. Calls of
    a half hour in which the programme is closed have no part in it.

    ``day_factor_cv`` becomes that of what is left. Results are on the decimal grid of
    :func:`releve.demand.build_forecast`. ValueError for another shape, a count below 0, a
    programme that the forecast has and ``programmes`` lacks.
    """
    counts = _check_counts(morning, came)
    over = np.array([start + INTERVAL <= now for start in morning.starts], dtype=np.bool_)
    known = np.isfinite(counts) & over[:, None] & morning.open
    zones = {row.id: row.time_zone for row in programmes}
    seconds = np.array([round(start.timestamp()) for start in morning.starts], dtype=np.int64)
    mean = morning.mean.copy()
    quantiles = {level: values.copy() for level, values in morning.quantiles.items()}
    day_cv = morning.day_factor_cv.copy()
    for column in np.flatnonzero(known.any(axis=0)).tolist():
        name = morning.programmes[column]
        if name not in zones:
            raise ValueError(f"the forecast has programme {name}, which `programmes` lacks")
        law = (laws or {}).get(name) or assume_day_law(float(day_cv[column]) ** 2, np.nan)
        day, slots = local_slots(seconds, zones[name])
        left = []
        for number in np.unique(day[known[:, column]]).tolist():
            rows = np.flatnonzero((day == number) & morning.open[:, column])
            here = np.where(known[rows, column], counts[rows, column], np.nan)
            updated = update_day(law, slots[rows], morning.mean[rows, column], here)
            mean[rows, column] = updated.mean
            for level, values in quantiles.items():
                drawn = count_quantile(level, np.nan_to_num(updated.mean), updated.spread)
                drawn = np.where(np.isnan(updated.mean), np.nan, drawn)
                values[rows, column] = np.where(np.isfinite(here), here, drawn)
            left.append(updated.day_cv)
        if np.isfinite(left).any():
            day_cv[column] = np.nanmax(left)
    forecast = replace(morning, mean=mean, quantiles=quantiles, day_factor_cv=day_cv)
    return RestOfDay(now, forecast, known, _compare(morning.mean, mean, known))


def _check_counts(morning: Forecast, came: Floats) -> Floats:
    counts = np.asarray(came, dtype=np.float64)
    if counts.shape != morning.mean.shape:
        raise ValueError(
            f"came must have the forecast's shape {morning.mean.shape}, got {counts.shape}"
        )
    bad = (counts < 0) | np.isinf(counts)
    if bad.any():
        raise ValueError(f"came must be counts of at least 0, got {float(counts[bad][0])!r}")
    return counts


@dataclass(frozen=True)
class DayUpdate:
    """One local day's half hours: ``mean`` calls, gamma-Poisson with the squared variation
    ``spread``; ``day_cv`` of the factor that what is left of the day shares."""

    mean: Floats
    spread: Floats
    day_cv: float


def update_day(law: DayLaw, slots: Int64s, morning: Floats, here: Floats) -> DayUpdate:
    """Return half hours of one local day, of which ``here`` came (NaN = not known).

    ``slots`` 0 to 47, ``morning`` the calls that were expected of each.
    """
    expected = np.nan_to_num(morning)
    factor, covariance = condition(law, slots, expected, here)
    factor = round_to_grid(factor, FINE_DECIMALS)
    known = np.isfinite(here)
    mean = round_to_grid(np.where(known, here, morning * factor))
    shared = law.day_width * np.maximum(np.diag(covariance), 0.0) / factor**2
    spread = round_to_grid(shared + law.own_width * law.own, FINE_DECIMALS)
    rest = np.where(known, 0.0, expected)
    total = float(rest @ factor)
    if total <= 0:
        return DayUpdate(mean, spread, float("nan"))
    variance = law.day_width * max(float(rest @ covariance @ rest), 0.0) / total**2
    return DayUpdate(mean, spread, float(round_to_grid(np.sqrt(variance), FINE_DECIMALS)))


def _compare(morning: Floats, mean: Floats, known: Truths) -> Floats:
    """Return the calls still expected over those the morning expected, by programme."""
    before = np.where(known, 0.0, np.nan_to_num(morning)).sum(axis=0)
    after = np.where(known, 0.0, np.nan_to_num(mean)).sum(axis=0)
    out = np.full(before.shape, np.nan)
    np.divide(after, before, out=out, where=before > 0)
    return round_to_grid(out)
