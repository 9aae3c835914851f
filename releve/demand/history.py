"""History in half hours from rows of any interval that divides them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from itertools import groupby

import numpy as np

from releve.demand.gaps import expect_calls
from releve.demand.localtime import (
    HALF_HOUR_S,
    SLOTS,
    Int64s,
    local_slots,
    number_to_day,
    to_datetimes,
)
from releve.demand.tables import Floats, History
from releve.network import HistoryRow, Operator

__all__ = [
    "STEPS_MINUTES",
    "HistoryRows",
    "build_histories",
    "list_history_rows",
    "mean_aht",
    "step_minutes",
    "sum_half_hours",
]

STEPS_MINUTES = (30, 15, 10, 6, 5, 3, 2, 1)
"""The interval lengths that divide half an hour."""


@dataclass(frozen=True)
class HistoryRows:
    """Interval rows of one programme: distinct ascending starts in UTC seconds; NaN not known."""

    starts: Int64s
    offered: Floats
    answered: Floats
    aht_s: Floats


def step_minutes(starts: Int64s) -> int:
    """Return the interval length of ascending starts: their most frequent distance, at most 30.

    A ValueError says when that distance does not divide half an hour.
    """
    if len(starts) < 2:
        return 30
    gaps, counts = np.unique(np.diff(starts), return_counts=True)
    step = int(gaps[np.argmax(counts)])
    if step >= HALF_HOUR_S and step % HALF_HOUR_S == 0:
        return 30
    if step % 60 or step // 60 not in STEPS_MINUTES:
        raise ValueError(f"intervals of {step / 60:g} minutes do not divide 30 minutes")
    return step // 60


def sum_half_hours(programme: str, rows: HistoryRows, step: int) -> tuple[History, Int64s]:
    """Add intervals of ``step`` minutes up to half hours.

    Returns the history and how many of its 30 / step parts each half hour holds. A half hour with
    parts missing has unknown counts: it is never the sum of what is there.
    """
    starts, index, held = np.unique(
        rows.starts // HALF_HOUR_S * HALF_HOUR_S, return_inverse=True, return_counts=True
    )
    size = len(starts)
    complete = held == 30 // step
    offered = np.where(complete, np.bincount(index, rows.offered, size), np.nan)
    answered = np.where(complete, np.bincount(index, rows.answered, size), np.nan)
    aht_s = _weighted_aht(rows, index, size)
    history = History(programme, starts.astype(np.int64), offered, answered, aht_s)
    return history, held.astype(np.int64)


def _weighted_aht(rows: HistoryRows, index: Int64s, size: int) -> Floats:
    """Return the mean handling time by answered calls (by offered where answered is unknown)."""
    weight = np.where(np.isnan(rows.answered), rows.offered, rows.answered)
    weight = np.where(np.isnan(rows.aht_s) | np.isnan(weight), 0.0, weight)
    seconds = np.bincount(index, weight * np.nan_to_num(rows.aht_s), size)
    total = np.bincount(index, weight, size)
    return mean_aht(seconds.astype(np.float64), total.astype(np.float64))


def mean_aht(total: Floats, number: Floats) -> Floats:
    """Return ``total / number``, NaN where the number is 0."""
    out = np.full(total.shape, np.nan)
    np.divide(total, number, out=out, where=number > 0)
    return out


def build_histories(operator: Operator) -> dict[str, History]:
    """Return the half-hourly history of every programme of an operator that has one.

    ValueError names the programme whose intervals do not divide half an hour.
    """
    ordered = sorted(operator.history, key=lambda row: row.programme)
    out: dict[str, History] = {}
    for programme, group in groupby(ordered, key=lambda row: row.programme):
        rows = _rows(group)
        try:
            step = step_minutes(rows.starts)
        except ValueError as error:
            raise ValueError(f"history of {programme}: {error}") from error
        out[programme], _ = sum_half_hours(programme, rows, step)
    return out


def _rows(group: Iterable[HistoryRow]) -> HistoryRows:
    cells = sorted(
        (
            round(row.start.timestamp()),
            row.offered,
            np.nan if row.answered is None else row.answered,
            np.nan if row.aht_s is None else row.aht_s,
        )
        for row in group
    )
    table = np.array(cells, dtype=np.float64).reshape(-1, 4)
    starts, first = np.unique(table[:, 0].astype(np.int64), return_index=True)
    kept = table[first]
    return HistoryRows(starts, kept[:, 1], kept[:, 2], kept[:, 3])


def list_history_rows(
    histories: Iterable[History], time_zone: str
) -> tuple[tuple[HistoryRow, ...], tuple[tuple[str, date], ...]]:
    """Return the rows of an operator folder's history, and the days left out of it.

    A day of ``time_zone`` that lacks a half hour its weekday usually holds is left out whole and
    named with its programme: an operator folder takes whole days only.
    """
    rows: list[HistoryRow] = []
    left_out: list[tuple[str, date]] = []
    for history in histories:
        known = np.isfinite(history.offered)
        if not known.any():
            continue
        day, slot = local_slots(history.starts, time_zone)
        days = np.arange(day[0], day[-1] + 1)
        held = np.zeros((len(days), SLOTS), dtype=np.bool_)
        held[day[known] - day[0], slot[known]] = True
        lacking = (expect_calls(held, days) & ~held).any(axis=1)
        broken = np.asarray(held.any(axis=1) & lacking, dtype=np.bool_)
        left_out += [(history.programme, number_to_day(number)) for number in days[broken].tolist()]
        keep = known & ~broken[day - day[0]]
        starts = to_datetimes(history.starts[keep])
        columns = (history.offered[keep], history.answered[keep], history.aht_s[keep])
        rows += [
            HistoryRow(history.programme, start, offered, _cell(answered), _cell(aht_s))
            for start, offered, answered, aht_s in zip(
                starts, *(column.tolist() for column in columns), strict=True
            )
        ]
    return tuple(rows), tuple(left_out)


def _cell(value: float) -> float | None:
    return None if np.isnan(value) else value
