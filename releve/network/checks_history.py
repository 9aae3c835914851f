"""Checks of the call history: intervals, duplicates, gaps, and times of another zone."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np

from releve.errors import Phrase
from releve.kernels.arrays import Floats, Ints, Truths
from releve.network.checks_time import set_utc
from releve.network.faults import Fault
from releve.network.history_grid import (
    DIVISORS,
    EPOCH,
    HistorySlots,
    IntervalFault,
    ProgrammeHours,
    find_interval,
    find_offset,
    lay_out_history,
)
from releve.network.moments import UTC
from releve.network.parsed_tables import ParsedTables
from releve.network.parsing import BAD, ParsedTable

LONGEST_HOLE_DAYS = 4
"""Open days in a row that may be without history: not known. More of them are a lost export."""
OUTSIDE_SHARE = 0.3
"""A larger share of the volume outside the opening hours shows times of another zone."""
SHIFT_FITS = 0.4
"""A move of all times that leaves at most this share of the misfits explains them."""
_MOST_LOST = 200
"""With more unusable rows than this, gaps of a programme are not judged."""
_EXAMPLES = 3


@dataclass
class HistorySeries:
    """The usable rows of one programme, ascending and distinct by start.

    ``lost`` are the records that may be the programme's but have no usable start or programme,
    with their start where they have one (naive: the programme's local time).
    """

    hours: ProgrammeHours
    kind: str
    records: Ints
    starts: Ints
    offered: Floats
    lost: list[tuple[int, datetime | None]]


def check_history(book: ParsedTables) -> Iterator[Fault]:
    """A history has one row an interval, whole days, and the hours of its programme."""
    table = book.tables.get("history")
    if table is None:
        return
    written = list(table.values["start"])
    programmes = {
        name: (ProgrammeHours(opening, tz, holidays, open_holidays), kind)
        for _, name, opening, tz, holidays, open_holidays, kind in book.usable(
            "programmes", "id", "opening", "time_zone", "holidays", "open_holidays", "kind"
        )
    }
    zones = {name: tz for _, name, tz in book.usable("programmes", "id", "time_zone")}
    owners = table.values["programme"]
    yield from set_utc(table, "start", [None if p is BAD else zones.get(p) for p in owners])
    yield from _check_answered(table)
    records, codes, starts, names = _build_arrays(table)
    repeated = _find_repeats(codes, starts)
    for at in np.flatnonzero(repeated >= 0).tolist():
        row = table.rows[int(records[repeated[at]])]
        reason = Phrase("the same programme and interval stand in row {0}", row)
        fix = Phrase("keep one row an interval; where the clocks go back, write offsets")
        yield table.fault(int(records[at]), "start", reason, fix)
    keep = repeated < 0
    records, codes, starts = records[keep], codes[keep], starts[keep]
    offered = _convert_to_floats(table.values["offered"])[records]
    lost = _find_lost_records(book, table, written)
    edges = np.searchsorted(codes, np.arange(len(names) + 1))
    for (low, high), name in zip(pairwise(edges.tolist()), names, strict=True):
        if high > low and name in programmes:
            part = slice(low, high)
            yield from _check_series(
                book,
                table,
                HistorySeries(
                    *programmes[name], records[part], starts[part], np.nan_to_num(offered[part]), lost.get(name, [])
                ),
            )


def _convert_to_floats(values: list[Any]) -> Floats:
    return np.array([math.nan if value is BAD or value is None else value for value in values], dtype=np.float64)


def _check_answered(table: ParsedTable) -> Iterator[Fault]:
    offered, answered = (_convert_to_floats(table.values[name]) for name in ("offered", "answered"))
    for i in np.flatnonzero(answered > offered).tolist():
        reason = Phrase("more calls are answered than offered ({0})", f"{offered[i]:g}")
        yield table.fault(i, "answered", reason, Phrase("mend one of the two; empty = not known"))


def _build_arrays(table: ParsedTable) -> tuple[Ints, Ints, Ints, list[str]]:
    """Return record, programme number and start of the usable rows, ordered by the last two."""
    owners, moments = table.values["programme"], table.values["start"]
    names = list(dict.fromkeys(name for name in owners if name is not BAD))
    number = {name: n for n, name in enumerate(names)}
    seconds = {moment: int(moment.timestamp()) for moment in set(moments) - {BAD}}
    usable = [
        i
        for i, (owner, moment) in enumerate(zip(owners, moments, strict=True))
        if owner is not BAD and moment is not BAD
    ]
    records = np.array(usable, dtype=np.int64)
    codes = np.array([number[owners[i]] for i in usable], dtype=np.int64)
    starts = np.array([seconds[moments[i]] for i in usable], dtype=np.int64)
    order = np.lexsort((records, starts, codes))
    return records[order], codes[order], starts[order], names


def _find_repeats(codes: Ints, starts: Ints) -> Ints:
    """Return, for each row, the position of the first row it repeats, or -1."""
    out = np.full(len(codes), -1, dtype=np.int64)
    same = np.flatnonzero((np.diff(codes) == 0) & (np.diff(starts) == 0)) + 1
    for at in same.tolist():
        out[at] = out[at - 1] if out[at - 1] >= 0 else at - 1
    return out


def _find_lost_records(
    book: ParsedTables, table: ParsedTable, written: list[Any]
) -> dict[str, list[tuple[int, datetime | None]]]:
    """Return, per programme, the records that may be its own but cannot be placed."""
    owners, moments = table.values["programme"], table.values["start"]
    meant = book.meant.get(("history", "programme"), {})
    known = book.find_ids("programmes") or frozenset()
    lost: dict[str, list[tuple[int, datetime | None]]] = {}
    for i, (owner, moment) in enumerate(zip(owners, moments, strict=True)):
        if owner is not BAD and moment is not BAD:
            continue
        text = table.text("programme", i)
        candidates = {text}
        if owner is BAD and text not in known:
            around = {owners[j] for j in (i - 1, i + 1) if 0 <= j < len(owners)}
            candidates = (around - {BAD}) | set(meant.get(i, ()))
        for name in candidates:
            lost.setdefault(name, []).append((i, None if written[i] is BAD else written[i]))
    return lost


def _check_series(book: ParsedTables, table: ParsedTable, series: HistorySeries) -> Iterator[Fault]:
    first = int(series.records.min())
    try:
        seconds = find_interval(series.starts)
    except IntervalFault as error:
        allowed = ", ".join(str(minutes) for minutes in DIVISORS)
        yield table.fault(first, "start", error.args[0], Phrase("export intervals of {0} minutes", allowed))
        return
    off = series.starts % seconds != 0
    if off.mean() > 0.5:
        reason = Phrase("its intervals of {0} minutes do not start at the half hour", seconds // 60)
        yield table.fault(first, "start", reason, Phrase("write the start of each interval"))
        return
    for at in np.flatnonzero(off).tolist():
        reason = Phrase("is not the start of an interval of {0} minutes", seconds // 60)
        fix = Phrase("write the start of the interval that the calls came in")
        yield table.fault(int(series.records[at]), "start", reason, fix)
    grid = lay_out_history(series.starts, series.offered, series.hours, seconds)
    moved = _check_zone(book, table, series, grid)
    if moved is not None:
        yield moved
    elif len(series.lost) <= _MOST_LOST:
        yield from _check_gaps(table, series, grid)
        yield from _find_holes(table, series, grid)


def _check_zone(book: ParsedTables, table: ParsedTable, series: HistorySeries, grid: HistorySlots) -> Fault | None:
    """Return the fault of times that fit the opening hours only when all are moved."""
    if series.kind == "back_office":  # items come at any hour
        return None
    outside, misfits = grid.compute_outside_share(), grid.count_misfits(0)
    days = len(np.unique(grid.day[grid.present]))
    if outside <= OUTSIDE_SHARE and (misfits < 2 * days or days < 2):
        return None
    shift = grid.find_best_shift()
    fits = grid.count_misfits(shift) <= SHIFT_FITS * misfits
    if outside <= OUTSIDE_SHARE and (not fits or shift == 0):
        return None
    record = int(series.records.min())
    meant: list[str] = []
    reason = Phrase("{0}% of the calls lie outside the opening hours", f"{outside * 100:.0f}")
    fix = Phrase("mend the opening hours or the time zone of the programme, or write offsets")
    if fits and shift:
        moved = f"{abs(shift) / 3600:g}"
        early = Phrase("{0}: the times are {1} h too early for {2}", reason, moved, series.hours.zone)
        late = Phrase("{0}: the times are {1} h too late for {2}", reason, moved, series.hours.zone)
        reason = early if shift > 0 else late
        offset = find_offset(series.hours.zone, int(series.starts[0])) - shift
        source = _zones_at(book, offset, int(series.starts[0]))
        reason = Phrase("{0}, as if written in {1}", reason, " or ".join(source)) if source else reason
        hours, minutes = divmod(abs(offset) // 60, 60)
        sign = "-" if offset < 0 else "+"
        example = f"{sign}{hours:02}:{minutes:02}"
        fix = Phrase("write the offset with each time, like {0}", example)
        meant = source[:1] or [example]
    return table.fault(record, "start", reason, fix, table.values["programme"][record], meant)


def _zones_at(book: ParsedTables, offset: int, instant: int) -> list[str]:
    """Return the operator's zones, UTC first, whose clock has an offset at an instant."""
    zones = {name: None for _, name in book.usable("operator", "time_zone")}
    zones |= {name: None for _, name in book.usable("sites", "time_zone")}
    found = ["UTC"] if offset == 0 else []
    found += [name for name in zones if find_offset(name, instant) == offset]
    return list(dict.fromkeys(found))[:2]


def _check_gaps(table: ParsedTable, series: HistorySeries, grid: HistorySlots) -> Iterator[Fault]:
    """Name, once a programme, the days with rows for some of their open intervals only."""
    missing = grid.covered & grid.open & ~grid.present & ~_excused(series, grid)
    if not missing.any():
        return
    days = np.unique(grid.day[missing])
    examples = []
    for day in days[:_EXAMPLES].tolist():
        slots = np.flatnonzero(missing & (grid.day == day))
        minute = int(grid.minute[slots[0]])
        of = int((grid.open & (grid.day == day)).sum())
        clock = f"{minute // 60:02}:{minute % 60:02}"
        examples.append(f"{_format_date(day)} lacks {len(slots)} of {of}, the first at {clock}")
    more = f", and {len(days) - _EXAMPLES} more days" if len(days) > _EXAMPLES else ""
    reason = Phrase("days of the history lack open intervals: {0}", "; ".join(examples) + more)
    fix = Phrase("export these days again (0 where there was no call), or delete their rows")
    yield table.fault(_find_record_before(series, int(grid.starts[missing][0])), "start", reason, fix)


def _find_holes(table: ParsedTable, series: HistorySeries, grid: HistorySlots) -> Iterator[Fault]:
    """Name, once a programme, runs of open days without any row."""
    held = np.unique(grid.day[grid.present])
    opened = np.unique(grid.day[grid.open])
    holes = []
    for before, after in pairwise(held.tolist()):
        days = opened[(opened > before) & (opened < after)]
        if len(days) > LONGEST_HOLE_DAYS:
            holes.append(days)
    if not holes or series.lost:
        return
    first = holes[0]
    begin, end = _format_date(int(first[0])), _format_date(int(first[-1]))
    reason = Phrase("no rows from {0} to {1} ({2} open days)", begin, end, len(first))
    if len(holes) > 1:
        reason = Phrase(
            "no rows from {0} to {1} ({2} open days), and {3} more such holes", *reason.params, len(holes) - 1
        )
    at = int(grid.starts[grid.day == first[0]][0])
    fix = Phrase("export these days as well, or keep only the rows after the hole")
    yield table.fault(_find_record_before(series, at), "start", reason, fix)


def _find_record_before(series: HistorySeries, instant: int) -> int:
    at = int(np.searchsorted(series.starts, instant)) - 1
    return int(series.records[max(at, 0)])


def _excused(series: HistorySeries, grid: HistorySlots) -> Truths:
    """Return the slots that a row which could not be placed may stand for."""
    out = np.zeros(len(grid.starts), dtype=np.bool_)
    by_record = np.argsort(series.records)
    records, starts = series.records[by_record], series.starts[by_record]
    local = grid.day * 86400 + grid.minute * 60
    for record, moment in series.lost:
        if moment is not None:
            instants = local if moment.tzinfo is None else grid.starts
            second = int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp())
            out |= (instants <= second) & (second < instants + grid.seconds)
            continue
        at = int(np.searchsorted(records, record))
        low = starts[at - 1] if at > 0 else grid.starts[0]
        high = starts[at] if at < len(starts) else grid.starts[-1]
        if low < high:
            out |= (grid.starts >= low) & (grid.starts <= high)
        else:
            days = grid.day[np.isin(grid.starts // grid.seconds, [low // grid.seconds, high // grid.seconds])]
            out |= np.isin(grid.day, days)
    return out


def _format_date(day: int) -> str:
    return (EPOCH + timedelta(days=day)).isoformat()
