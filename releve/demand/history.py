"""Half-hourly history from interval statistics of 5, 6, 10, 15 or 30 minutes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby

import numpy as np
import polars as pl

from releve.demand.cleaning import expect_calls, find_gaps, list_gap_faults
from releve.demand.import_report import (
    FIRST_ROW,
    ImportFault,
    ImportReport,
    RowAccounting,
    find_repeated,
    index_programmes,
    read_numbers,
    read_sum,
)
from releve.demand.localtime import HALF_HOUR_S, SLOTS, local_slots, number_to_day, to_datetimes
from releve.demand.mapping import IntervalMapping, list_summed, open_rows
from releve.demand.requirement import History
from releve.errors import NumberPhrase, Phrase
from releve.kernels.arrays import Floats, Ints, Truths
from releve.network import HistoryRow, Operator

STEPS_MINUTES = (30, 15, 10, 6, 5, 3, 2, 1)
"""The interval lengths that divide half an hour."""


@dataclass(frozen=True)
class HistoryRows:
    """Interval rows of one programme: distinct ascending starts in UTC seconds; NaN not known."""

    starts: Ints
    offered: Floats
    answered: Floats
    aht_s: Floats


def step_minutes(starts: Ints) -> int:
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


def sum_half_hours(programme: str, rows: HistoryRows, step: int) -> tuple[History, Ints]:
    """Add intervals of ``step`` minutes up to half hours.

    Returns the history and how many of its 30 / step parts each half hour holds. A half hour with
    parts missing has unknown counts, never the sum of the others.
    """
    starts, index, held = np.unique(rows.starts // HALF_HOUR_S * HALF_HOUR_S, return_inverse=True, return_counts=True)
    size = len(starts)
    complete = held == 30 // step
    offered = np.where(complete, np.bincount(index, rows.offered, size), np.nan)
    answered = np.where(complete, np.bincount(index, rows.answered, size), np.nan)
    aht_s = _weighted_aht(rows, index, size)
    history = History(programme, starts.astype(np.int64), offered, answered, aht_s)
    return history, held.astype(np.int64)


def _weighted_aht(rows: HistoryRows, index: Ints, size: int) -> Floats:
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
            for start, offered, answered, aht_s in zip(starts, *(column.tolist() for column in columns), strict=True)
        ]
    return tuple(rows), tuple(left_out)


def _cell(value: float) -> float | None:
    return None if np.isnan(value) else value


MOST_CALLS = 1e7
"""More calls than any interval of a programme has."""
_ASIDE = Phrase("the row is set aside, its half hour is not known")
_NOT_ANSWERED = Phrase("answered is not known")
_NO_AHT = Phrase("the AHT is not known")


def import_intervals(frame: pl.DataFrame, mapping: IntervalMapping, time_zone: str) -> ImportReport:
    """Import a table with one row a programme and interval, added up to half hours.

    A half hour with a missing part is not known; it is never the sum of the rest.
    ValueError when a column is not there or the interval length does not divide 30 minutes.
    """
    read = read_interval_rows(frame, mapping, time_zone)
    ledger, programme, ids = read.ledger, read.programme, read.programmes
    step = mapping.minutes or _step(read.seconds, programme, ledger.kept())
    if mapping.from_end:
        read = replace(read, seconds=read.seconds - 60 * step)
    set_aside_misaligned(frame, mapping, read.seconds, step, ledger)
    histories: list[History] = []
    notes: list[str] = [str(ledger.count()), Phrase("intervals of {0} minutes", step)]
    for index, name in enumerate(ids):
        mine = ledger.kept() & (programme == index)
        if not mine.any():
            notes.append(Phrase("{0}: no row", name))
            continue
        order = np.argsort(read.seconds[mine], kind="stable")
        columns = (column[mine][order] for column in (read.seconds, read.offered, read.answered, read.aht_s))
        rows = HistoryRows(*columns)
        if mapping.missing_is_zero:
            rows, added = _fill_zeros(rows, step, time_zone)
            notes.append(Phrase("{0}: {1} intervals without a row counted as zero", name, NumberPhrase(added)))
        history, faults = _history(name, rows, step, time_zone)
        histories.append(history)
        ledger.faults.extend(faults)
        notes.append(Phrase("{0}: {1} calls", name, NumberPhrase(np.nansum(history.offered))))
    return ImportReport(tuple(histories), tuple(ledger.faults), tuple(notes), ledger.count())


@dataclass(frozen=True)
class IntervalRows:
    """Rows of interval statistics as they were read, NaN = not known; ``ledger`` says which count.

    ``programme`` is the index in ``programmes``, -1 for an unknown queue.
    """

    ledger: RowAccounting
    seconds: Ints
    good: Truths
    programme: Ints
    programmes: tuple[str, ...]
    offered: Floats
    answered: Floats
    aht_s: Floats


def read_interval_rows(frame: pl.DataFrame, mapping: IntervalMapping, time_zone: str) -> IntervalRows:
    """Read times, programmes and counts of a table; ValueError when a column is not there."""
    ledger, times = open_rows(frame, mapping, time_zone)
    programme, ids = index_programmes(frame, mapping.programme, mapping.programmes, ledger)
    _set_aside_duplicates(frame, mapping, times.seconds, programme, ledger)
    offered = _offered(frame, mapping, ledger)
    answered = read_numbers(frame, mapping.answered, ledger, 0.0, MOST_CALLS, _NOT_ANSWERED, whole=True)
    _drop_impossible_answered(frame, mapping, offered, answered, ledger)
    aht_s = read_sum(frame, list_summed(mapping.aht_s), ledger, 36_000.0, _NO_AHT, unit=mapping.aht_unit)
    if mapping.handle_s:
        most = 36_000.0 * MOST_CALLS
        total_s = read_sum(frame, list_summed(mapping.handle_s), ledger, most, _NO_AHT, unit=mapping.aht_unit)
        aht_s = mean_aht(total_s, np.nan_to_num(answered))
    aht_s[aht_s <= 0] = np.nan
    return IntervalRows(ledger, times.seconds, times.good, programme, ids, offered, answered, aht_s)


def _step(seconds: Ints, programme: Ints, kept: Truths) -> int:
    """Return the interval length of the programme with most rows."""
    if not kept.any():
        return 30
    largest = np.bincount(programme[kept]).argmax()
    return step_minutes(np.unique(seconds[kept & (programme == largest)]))


def _set_aside_duplicates(
    frame: pl.DataFrame, mapping: IntervalMapping, seconds: Ints, programme: Ints, ledger: RowAccounting
) -> None:
    """Set aside every row after the first of one programme and interval."""
    kept = ledger.kept()
    keys = pl.DataFrame({"second": seconds, "programme": programme, "kept": kept})
    again = find_repeated(keys) & kept
    for row in np.flatnonzero(again).tolist():
        ledger.faults.append(
            ImportFault(
                kind="duplicate",
                row=row + FIRST_ROW,
                column=mapping.start,
                value=str(frame[mapping.start][row]),
                reason=Phrase("an earlier row is of the same programme and interval"),
                effect=Phrase("the earlier row counts, this one is set aside"),
                fix=Phrase("keep one row an interval, or import each queue under its own name"),
            )
        )
    ledger.set_aside(again, "duplicate")


def _offered(frame: pl.DataFrame, mapping: IntervalMapping, ledger: RowAccounting) -> Floats:
    offered = np.zeros(frame.height)
    for column in list_summed(mapping.offered):
        offered += read_numbers(frame, column, ledger, 0.0, MOST_CALLS, _ASIDE, whole=True)
    empty = np.isnan(offered)
    ledger.set_aside(empty, "value")
    return offered


def _drop_impossible_answered(
    frame: pl.DataFrame, mapping: IntervalMapping, offered: Floats, answered: Floats, ledger: RowAccounting
) -> None:
    """Name the rows that answered more than was offered; what they answered is not known."""
    with np.errstate(invalid="ignore"):
        more = answered > offered
    for row in np.flatnonzero(more & ledger.kept()).tolist():
        ledger.faults.append(
            ImportFault(
                kind="value",
                row=row + FIRST_ROW,
                column=mapping.answered,
                value=f"{frame[mapping.answered][row]}",
                reason=Phrase("more calls are answered than offered ({0})", f"{offered[row]:g}"),
                effect=_NOT_ANSWERED,
                fix=Phrase("mend one of the two"),
            )
        )
    answered[more] = np.nan


def set_aside_misaligned(
    frame: pl.DataFrame, mapping: IntervalMapping, seconds: Ints, step: int, ledger: RowAccounting
) -> None:
    off = (seconds % (step * 60) != 0) & ledger.kept()
    for row in np.flatnonzero(off).tolist():
        ledger.faults.append(
            ImportFault(
                kind="misaligned",
                row=row + FIRST_ROW,
                column=mapping.start,
                value=str(frame[mapping.start][row]),
                reason=Phrase("the interval does not begin on a multiple of {0} minutes", step),
                effect=_ASIDE,
                fix=Phrase("correct the time, or set `minutes` to the interval length of the table"),
            )
        )
    ledger.set_aside(off, "misaligned")


def _fill_zeros(rows: HistoryRows, step: int, time_zone: str) -> tuple[HistoryRows, int]:
    """Add rows of zero calls between the first and the last row of each local day."""
    day, _ = local_slots(rows.starts, time_zone)
    first = np.flatnonzero(np.diff(day, prepend=day[0] - 1))
    last = np.append(first[1:], len(day)) - 1
    span = [
        np.arange(rows.starts[a], rows.starts[b] + 1, step * 60, dtype=np.int64)
        for a, b in zip(first, last, strict=True)
    ]
    starts = np.concatenate(span)
    place = np.searchsorted(starts, rows.starts)
    offered, answered = np.zeros(len(starts)), np.zeros(len(starts))
    aht_s = np.full(len(starts), np.nan)
    offered[place], answered[place], aht_s[place] = rows.offered, rows.answered, rows.aht_s
    if np.isnan(rows.answered).all():
        answered[:] = np.nan
    return HistoryRows(starts, offered, answered, aht_s), len(starts) - len(rows.starts)


def _history(name: str, rows: HistoryRows, step: int, time_zone: str) -> tuple[History, list[ImportFault]]:
    history, held = sum_half_hours(name, rows, step)
    day, slot = local_slots(history.starts, time_zone)
    days = np.arange(day[0], day[-1] + 1)
    present = np.zeros((len(days), SLOTS), dtype=np.bool_)
    present[day - day[0], slot] = True
    usual = expect_calls(present, days)
    found = list(find_gaps(~present, usual))
    return history, [
        *_find_incomplete(name, history.starts, slot, held, 30 // step),
        *list_gap_faults(found, days, name),
    ]


def _find_incomplete(name: str, starts: Ints, slot: Ints, held: Ints, parts: int) -> list[ImportFault]:
    """Return one fault for each time of day whose half hours lack the same number of parts."""
    faults = []
    short = np.flatnonzero(held != parts)
    groups: dict[tuple[int, int], list[int]] = {}
    for i in short.tolist():
        groups.setdefault((int(slot[i]), int(held[i])), []).append(i)
    for (_, number), where in groups.items():
        first = to_datetimes(starts[where[:1]])[0]
        faults.append(
            ImportFault(
                kind="incomplete",
                row=0,
                column=name,
                value=Phrase("half hour of {0}", f"{first:%Y-%m-%dT%H:%M}Z"),
                reason=Phrase("it holds {0} of {1} intervals", number, parts),
                effect=Phrase("the half hour is not known"),
                fix=Phrase(
                    "add the missing intervals, or set `missing_is_zero` if the source writes no row without calls"
                ),
                count=len(where),
            )
        )
    return faults
