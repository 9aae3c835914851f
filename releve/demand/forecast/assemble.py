"""From histories to the forecast of the operator's days.

A forecast made elsewhere, taken as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from releve.demand.cleaning import CleanHistory, clean_history
from releve.demand.forecast.backtest import HoldoutModel, find_usual_days, history_before
from releve.demand.forecast.factors import count_quantile, rate_quantile
from releve.demand.forecast.level import forecast_aht
from releve.demand.forecast.model import DEFAULT_MODEL, MODELS, Model, ModelPrediction, library_models
from releve.demand.history import import_intervals
from releve.demand.import_report import FIRST_ROW
from releve.demand.localtime import (
    HALF_HOUR_S,
    add_observed_holidays,
    describe_assumed_holidays,
    local_slots,
    to_datetimes,
)
from releve.demand.mapping import IntervalMapping
from releve.demand.requirement import Forecast, History
from releve.kernels.arrays import Floats, Ints, Truths
from releve.network import Programme, Uplift
from releve.network.history_grid import EPOCH, FINE_DECIMALS, round_to_grid
from releve.network.moments import MIDNIGHT, day_bounds
from releve.network.opening_hours import find_open_instants


def list_half_hours(days: Sequence[date], time_zone: str, day_start: time = MIDNIGHT) -> Ints:
    """Return the half hours of local days in UTC seconds, in order; ValueError without a day."""
    if not days:
        raise ValueError("at least one day is needed")
    spans = []
    for day in sorted(set(days)):
        start, end = (round(bound.timestamp()) for bound in day_bounds(day, time_zone, day_start))
        first = -(-start // HALF_HOUR_S) * HALF_HOUR_S
        spans.append(np.arange(first, end, HALF_HOUR_S, dtype=np.int64))
    return np.unique(np.concatenate(spans))


def build_forecast(
    histories: Mapping[str, History],
    programmes: Sequence[Programme],
    days: Sequence[date],
    time_zone: str,
    *,
    levels: Sequence[float] = (0.1, 0.5, 0.8, 0.9),
    models: Mapping[str, str] | None = None,
    day_start: time = MIDNIGHT,
    uplifts: Sequence[Uplift] = (),
) -> Forecast:
    """Forecast every half hour of local days of the operator's zone, programme by programme.

    ``day_start``: the local time at which planning days begin.

    Only history before the first of the days is used, so a day of the past is forecast as it would
    have been. Quantiles and ``day_factor_cv`` are calibrated
    (:mod:`releve.demand.forecast.backtest`). A programme without a history, or with less than two
    weeks of usual open days, is unknown with its reason. ``models`` names another model than the
    default for some programmes (see :func:`choose_model`). ``uplifts`` raise or lower the calls of their days,
    with the same uncertainty in relation to them. Public holidays are open or closed as
    the history shows (:mod:`releve.demand.localtime`), else assumed, which ``assumed`` says.
    ValueError for a level outside (0, 1) or an unknown model.

    Calls and seconds are rounded to six decimals, ``day_factor_cv`` to nine, so that floating-point
    noise does not reach the requirement.
    """
    check_levels(levels)
    _check_models(models or {})
    seconds = list_half_hours(days, time_zone, day_start)
    starts = to_datetimes(seconds)
    columns = []
    assumed: dict[str, tuple[str, ...]] = {}
    for programme in programmes:
        model = (models or {}).get(programme.id, DEFAULT_MODEL)
        history = histories.get(programme.id)
        past = None if history is None else history_before(history, programme, min(days))
        known = add_observed_holidays(programme, past)
        opened = find_open_instants(known, starts)
        factor = compute_uplift_factors(uplifts, programme, seconds)
        columns.append(_column(history, known, min(days), seconds, opened, levels, model, factor))
        assumed[programme.id] = describe_assumed_holidays(programme, past, days)
    found = assemble_forecast(programmes, starts, columns, levels)
    return replace(found, assumed={name: lines for name, lines in assumed.items() if lines})


def compute_uplift_factors(uplifts: Sequence[Uplift], programme: Programme, seconds: Ints) -> Floats:
    """Return by how much the calls of a programme are multiplied at each instant; 1 where no uplift is."""
    local, _ = local_slots(seconds, programme.time_zone)
    factor = np.ones(len(seconds))
    for row in uplifts:
        if row.programme == programme.id:
            first, last = ((day - EPOCH).days for day in (row.valid_from, row.valid_to))
            factor[(local >= first) & (local <= last)] *= 1.0 + row.change
    return factor


def rate_at(forecast: Forecast, level: float) -> Floats:
    """Return the ``level`` quantile of each uncertain arrival rate, ``[interval, programme]``.

    The whole day is high or low together by the gamma factor of ``day_factor_cv``; unlike
    ``quantiles`` it holds no Poisson noise, which Erlang formulas bring in by themselves.
    """
    check_levels((level,))
    return rate_quantile(level, forecast.mean, forecast.day_factor_cv[None, :] ** 2)


def check_levels(levels: Sequence[float]) -> None:
    """Raise ValueError for a level of probability that is none."""
    for level in levels:
        if not 0 < level < 1:
            raise ValueError(f"a level must be between 0 and 1, got {level}")


def _check_models(models: Mapping[str, str]) -> None:
    known = [*MODELS, *library_models()] if models else []
    for programme, model in models.items():
        if model not in known:
            raise ValueError(f"no model {model!r} for {programme}; there are {', '.join(known)}")


@dataclass(frozen=True)
class ForecastColumn:
    """The forecast of one programme: ``[interval]`` arrays."""

    open: Truths
    mean: Floats
    quantiles: dict[float, Floats]
    aht_s: Floats
    day_factor_cv: float
    reason: str = ""


def assemble_forecast(
    programmes: Sequence[Programme],
    starts: tuple[datetime, ...],
    columns: Sequence[ForecastColumn],
    levels: Sequence[float],
) -> Forecast:
    """Return the forecast made of one column a programme, on the decimal grid.

    The mean is rounded by the caller too, before quantiles, which are whole calls, come of it.
    """
    size = len(starts)

    def stack(parts: list[NDArray[Any]]) -> NDArray[Any]:
        return np.stack(parts, axis=1) if parts else np.empty((size, 0))

    return Forecast(
        programmes=tuple(programme.id for programme in programmes),
        starts=starts,
        open=stack([column.open for column in columns]).astype(np.bool_),
        mean=round_to_grid(stack([column.mean for column in columns])),
        quantiles={level: stack([c.quantiles[level] for c in columns]) for level in levels},
        aht_s=round_to_grid(stack([column.aht_s for column in columns])),
        day_factor_cv=round_to_grid([column.day_factor_cv for column in columns], FINE_DECIMALS),
        unknown={
            programme.id: column.reason for programme, column in zip(programmes, columns, strict=True) if column.reason
        },
    )


def build_unknown_column(programme: Programme, opened: Truths, levels: Sequence[float], reason: str) -> ForecastColumn:
    """Return the column of an unknown programme: NaN where it is open."""
    mean = np.where(opened, np.nan, 0.0)
    return ForecastColumn(
        open=opened,
        mean=mean,
        quantiles=dict.fromkeys(levels, mean),
        aht_s=np.full(len(opened), programme.aht_s),
        day_factor_cv=float("nan"),
        reason=reason,
    )


def _column(
    history: History | None,
    programme: Programme,
    first_day: date,
    seconds: Ints,
    opened: Truths,
    levels: Sequence[float],
    model: str,
    factor: Floats,
) -> ForecastColumn:
    if history is None or not len(history.starts):
        return build_unknown_column(programme, opened, levels, "no history")
    local, slot = local_slots(seconds, programme.time_zone)
    past = clean_history(history_before(history, programme, first_day), programme)
    reason = _too_short(past, programme, first_day)
    if reason:
        return build_unknown_column(programme, opened, levels, reason)
    numbers = np.unique(local)
    place = np.searchsorted(numbers, local)
    prediction = HoldoutModel(history, programme, _model(model)).predict(past, numbers)
    mean = round_to_grid(np.where(opened, prediction.mean[place, slot] * factor, 0.0))
    spread = round_to_grid(prediction.spread[place, slot], FINE_DECIMALS)
    return ForecastColumn(
        open=opened,
        mean=mean,
        quantiles={level: count_quantile(level, mean, spread) for level in levels},
        aht_s=forecast_aht(past, programme, numbers)[place, slot],
        day_factor_cv=_day_cv(prediction),
    )


def _model(name: str) -> Model:
    return MODELS[name] if name in MODELS else library_models()[name]


def _day_cv(prediction: ModelPrediction) -> float:
    """Return the coefficient of variation of a whole day, over the days that have calls."""
    calls = prediction.mean.sum(axis=1)
    if calls.sum() <= 0:
        return float(np.sqrt(prediction.day_variance.mean()))
    return float(np.sqrt(np.average(prediction.day_variance, weights=calls)))


def _too_short(past: CleanHistory, programme: Programme, first_day: date) -> str:
    """Return why the history does not do, empty when it does."""
    usable, needed = find_usual_days(past, programme)
    if usable >= needed:
        return ""
    until = first_day - timedelta(days=1)
    return f"only {usable} usual open days of history up to {until}; {needed} are needed (two weeks)"


_REFUSED = ("time", "clock_change", "value", "duplicate", "misaligned")


def read_forecast(
    frame: pl.DataFrame,
    programmes: Sequence[Programme],
    days: Sequence[date],
    time_zone: str,
    *,
    day_factor_cv: float = 0.1,
    levels: Sequence[float] = (0.1, 0.5, 0.8, 0.9),
    day_start: time = MIDNIGHT,
) -> Forecast:
    """Return the forecast a table states: ``start``, ``programme``, ``calls`` and ``aht_s``.

    One row a programme and interval of 30 minutes or a divisor of it. A start without offset is
    local to the programme's time zone; ``aht_s`` may be left out (the programme's own holds then).
    A table says how many calls, not how sure it is: ``day_factor_cv`` is the coefficient of
    variation of a whole day, with Poisson noise inside it. A programme of which an open half hour
    is missing is unknown there, with the reason; calls on a public holiday open it. ValueError
    lists rows that cannot be read, and programmes the operator does not have.
    """
    check_levels(levels)
    if not day_factor_cv >= 0:
        raise ValueError(f"day_factor_cv must be at least 0, got {day_factor_cv}")
    found = _read(frame, programmes)
    seconds = list_half_hours(days, time_zone, day_start)
    starts = to_datetimes(seconds)
    columns = []
    for programme in programmes:
        stated = found.get(programme.id)
        known = add_observed_holidays(programme, stated)
        opened = find_open_instants(known, starts)
        columns.append(_external_column(stated, known, seconds, opened, day_factor_cv, levels))
    return assemble_forecast(programmes, starts, columns, levels)


def _read(frame: pl.DataFrame, programmes: Sequence[Programme]) -> dict[str, History]:
    missing = [name for name in ("start", "programme", "calls") if name not in frame.columns]
    if missing:
        raise ValueError(f"the forecast lacks the columns {', '.join(missing)}")
    named = frame["programme"].cast(pl.String).str.strip_chars()
    strangers = sorted(set(named.drop_nulls().to_list()) - {p.id for p in programmes})
    if strangers:
        raise ValueError(f"the forecast names programmes not known: {', '.join(strangers)}")
    out: dict[str, History] = {}
    wrong: list[str] = []
    for programme in programmes:
        rows = frame.with_row_index("row").filter(named == programme.id)
        if rows.is_empty():
            continue
        mapping = IntervalMapping(
            start="start",
            offered="calls",
            programmes={programme.id: programme.id},
            programme="programme",
            aht_s="aht_s" if "aht_s" in frame.columns else "",
        )
        report = import_intervals(rows, mapping, programme.time_zone)
        wrong.extend(
            str(replace(fault, row=rows["row"][fault.row - FIRST_ROW] + FIRST_ROW))
            for fault in report.faults
            if fault.kind in _REFUSED
        )
        out.update({history.programme: history for history in report.histories})
    if wrong:
        raise ValueError("the forecast has rows that cannot be read:\n" + "\n".join(wrong))
    return out


def _external_column(
    history: History | None,
    programme: Programme,
    seconds: Ints,
    opened: Truths,
    day_factor_cv: float,
    levels: Sequence[float],
) -> ForecastColumn:
    if history is None:
        return build_unknown_column(programme, opened, levels, "not in the imported forecast")
    place = np.minimum(np.searchsorted(history.starts, seconds), len(history.starts) - 1)
    held = history.starts[place] == seconds
    mean = np.where(opened, np.where(held, history.offered[place], np.nan), 0.0)
    lacking = int(np.count_nonzero(np.isnan(mean)))
    reason = ""
    if lacking:
        number = int(np.count_nonzero(opened))
        reason = f"the imported forecast lacks {lacking} of {number} open half hours"
    spread = np.full(len(mean), day_factor_cv**2)
    known = np.nan_to_num(mean)
    aht_s = np.where(held, history.aht_s[place], np.nan)
    return ForecastColumn(
        open=opened,
        mean=mean,
        quantiles={level: np.where(np.isnan(mean), np.nan, count_quantile(level, known, spread)) for level in levels},
        aht_s=np.where(np.isnan(aht_s), programme.aht_s, aht_s),
        day_factor_cv=day_factor_cv,
        reason=reason,
    )
