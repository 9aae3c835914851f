"""A forecast made elsewhere, taken as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl

from releve.demand.call_import import IntervalMapping, import_intervals
from releve.demand.forecast.assemble import (
    ForecastColumn,
    assemble_forecast,
    build_unknown_column,
    check_levels,
    list_half_hours,
)
from releve.demand.forecast.count_distribution import count_quantile
from releve.demand.holidays import add_observed_holidays
from releve.demand.import_report import FIRST_ROW
from releve.demand.localtime import Int64s, to_datetimes
from releve.demand.tables import Forecast, History, Truths
from releve.network import Programme
from releve.network.opening_hours import find_open_instants

__all__ = ["read_forecast"]

_REFUSED = ("time", "clock_change", "value", "duplicate", "misaligned")


def read_forecast(
    frame: pl.DataFrame,
    programmes: Sequence[Programme],
    days: Sequence[date],
    time_zone: str,
    *,
    day_factor_cv: float = 0.1,
    levels: Sequence[float] = (0.1, 0.5, 0.8, 0.9),
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
    seconds = list_half_hours(days, time_zone)
    starts = to_datetimes(seconds)
    columns = []
    for programme in programmes:
        stated = found.get(programme.id)
        known = add_observed_holidays(programme, stated)
        opened = find_open_instants(known, starts)
        columns.append(_column(stated, known, seconds, opened, day_factor_cv, levels))
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


def _column(
    history: History | None,
    programme: Programme,
    seconds: Int64s,
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
        quantiles={
            level: np.where(np.isnan(mean), np.nan, count_quantile(level, known, spread))
            for level in levels
        },
        aht_s=np.where(np.isnan(aht_s), programme.aht_s, aht_s),
        day_factor_cv=day_factor_cv,
        reason=reason,
    )
