"""Statistics that come during the day, by the column mapping of the history: nothing is guessed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from releve.demand.history import MOST_CALLS, IntervalRows, read_interval_rows, set_aside_misaligned
from releve.demand.import_report import (
    FIRST_ROW,
    ImportFault,
    RowAccounting,
    RowCount,
    find_repeated,
    index_programmes,
    read_numbers,
    read_texts,
)
from releve.demand.intraday.rest_of_day import IntervalFigures
from releve.demand.localtime import to_datetimes
from releve.demand.mapping import ASIDE, IntervalMapping, PresenceMapping, open_rows
from releve.errors import Phrase
from releve.kernels.arrays import Floats, Ints, Truths

_SKEW = timedelta(minutes=2)
"""How far the clock of a source may be ahead of ours."""
_MOST_WAIT_S = 36_000.0
_NOT_KNOWN = Phrase("the value is not known, the row still counts")


@dataclass(frozen=True)
class PresenceFigures:
    """Agents signed in for a programme at a place (``home``: at home), at one instant."""

    programme: str
    place: str
    at: datetime
    agents: float
    recorded_at: datetime


@dataclass(frozen=True)
class ReportImport:
    """What a table of statistics holds, and every row that was set aside."""

    figures: tuple[IntervalFigures, ...]
    presence: tuple[PresenceFigures, ...]
    faults: tuple[ImportFault, ...]
    rows: RowCount


def import_reports(
    frame: pl.DataFrame, mapping: IntervalMapping | PresenceMapping, time_zone: str, recorded_at: datetime
) -> ReportImport:
    """Read statistics that a source wrote at ``recorded_at``; times without offset are local.

    A row of an interval not over by then, or of an instant after it, is set aside. With
    ``missing_is_zero`` a programme without a row has no calls in an interval for which the table
    has a row of another programme. ValueError when a column is not there.
    """
    if isinstance(mapping, PresenceMapping):
        return _import_presence(frame, mapping, time_zone, recorded_at)
    read = read_interval_rows(frame, mapping, time_zone)
    set_aside_misaligned(frame, mapping, read.seconds, mapping.minutes, read.ledger)
    ends = read.seconds + 60 * mapping.minutes
    _set_aside_early(frame[mapping.start], ends, recorded_at, read.ledger)
    counts = {
        name: read_numbers(frame, column, read.ledger, 0.0, MOST_CALLS, _NOT_KNOWN)
        for name, column in (("abandoned", mapping.abandoned), ("in_time", mapping.in_time), ("short", mapping.short))
    }
    _drop_impossible(frame, mapping, read, counts)
    wait_s = read_numbers(frame, mapping.wait_s, read.ledger, 0.0, _MOST_WAIT_S, _NOT_KNOWN)
    table = {
        "offered": read.offered,
        "answered": read.answered,
        **counts,
        "handled_s": _total(read.aht_s, read.answered),
        "waited_s": _total(wait_s, read.answered),
    }
    rows = np.flatnonzero(read.ledger.kept())
    figures = [
        IntervalFigures(
            read.programmes[read.programme[row]], start, recorded_at,
            **{name: _known(column[row]) for name, column in table.items()},
            minutes=mapping.minutes,
        )
        for row, start in zip(rows.tolist(), to_datetimes(read.seconds[rows]), strict=True)
    ]  # fmt: skip
    if mapping.missing_is_zero:
        figures += _list_zeros(read, mapping, recorded_at)
    return ReportImport(tuple(figures), (), tuple(read.ledger.faults), read.ledger.count())


def _total(mean: Floats, number: Floats) -> Floats:
    """Return a mean of the answered times their number; 0 where none was answered."""
    return np.where(number == 0, 0.0, mean * number)


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _set_aside_early(column: pl.Series, ends: Ints, recorded_at: datetime, ledger: RowAccounting) -> None:
    limit = round((recorded_at + _SKEW).timestamp())
    early = (ends > limit) & ledger.kept()
    rows = np.flatnonzero(early)
    if len(rows):
        ledger.faults.append(
            ImportFault(
                kind="early",
                row=int(rows[0]) + FIRST_ROW,
                column=column.name,
                value=str(column[int(rows[0])]),
                reason=Phrase("it was not over when the source wrote it"),
                effect=ASIDE,
                fix=Phrase("send it again once it is over; if it is, set the clock of the source"),
                count=len(rows),
            )
        )
    ledger.set_aside(early, "early")


def _drop_impossible(
    frame: pl.DataFrame, mapping: IntervalMapping, read: IntervalRows, counts: dict[str, Floats]
) -> None:
    """Make a count unknown that is larger than the one it is a part of."""
    whole = {"abandoned": read.offered, "in_time": read.answered, "short": counts["abandoned"]}
    for name, of in whole.items():
        with np.errstate(invalid="ignore"):
            more = (counts[name] > of) & read.ledger.kept()
        for row in np.flatnonzero(more).tolist():
            column = getattr(mapping, name)
            read.ledger.faults.append(
                ImportFault(
                    kind="value",
                    row=row + FIRST_ROW,
                    column=column,
                    value=str(frame[column][row]),
                    reason=Phrase("it is more than the {0} calls it is a part of", f"{of[row]:g}"),
                    effect=_NOT_KNOWN,
                    fix=Phrase("mend one of the two"),
                )
            )
        counts[name][more] = np.nan


def _list_zeros(read: IntervalRows, mapping: IntervalMapping, recorded_at: datetime) -> list[IntervalFigures]:
    """Return reports of no calls for programmes without any row, counted or not, in an interval."""
    kept = read.ledger.kept()
    there = {
        (int(second), int(index))
        for second, index in zip(read.seconds[read.good], read.programme[read.good], strict=True)
    }
    reported = sorted(set(read.seconds[kept].tolist()))
    missing = [
        (second, name)
        for second in reported
        for index, name in enumerate(read.programmes)
        if (second, index) not in there
    ]
    none = dict.fromkeys(("offered", "answered", "abandoned", "in_time", "short"), 0.0)
    starts = to_datetimes(np.array([second for second, _ in missing], dtype=np.int64))
    return [
        IntervalFigures(name, start, recorded_at, **none, handled_s=0.0, waited_s=0.0, minutes=mapping.minutes)
        for start, (_, name) in zip(starts, missing, strict=True)
    ]


def _import_presence(
    frame: pl.DataFrame, mapping: PresenceMapping, time_zone: str, recorded_at: datetime
) -> ReportImport:
    ledger, times = open_rows(frame, mapping, time_zone)
    programme, ids = index_programmes(frame, mapping.programme, mapping.programmes, ledger)
    places = _read_places(frame, mapping, ledger)
    ledger.set_aside(find_repeated(frame), "duplicate")
    agents = read_numbers(frame, mapping.agents, ledger, 0.0, MOST_CALLS, ASIDE)
    ledger.set_aside(np.isnan(agents), "value")
    _set_aside_early(frame[mapping.start], times.seconds, recorded_at, ledger)
    rows = np.flatnonzero(ledger.kept())
    totals: dict[tuple[str, str, datetime], float] = {}
    for row, at in zip(rows.tolist(), to_datetimes(times.seconds[rows]), strict=True):
        key = ids[programme[row]], places[row], at
        totals[key] = totals.get(key, 0.0) + float(agents[row])
    presence = tuple(
        PresenceFigures(name, place, at, number, recorded_at) for (name, place, at), number in totals.items()
    )
    return ReportImport((), presence, tuple(ledger.faults), ledger.count())


def _read_places(frame: pl.DataFrame, mapping: PresenceMapping, ledger: RowAccounting) -> Sequence[str]:
    cells = read_texts(frame[mapping.place]).fill_null("").to_list()
    unknown: Truths = np.array([cell not in mapping.places for cell in cells], dtype=np.bool_)
    for value in dict.fromkeys(cells[row] for row in np.flatnonzero(unknown & ledger.kept())):
        rows = [row for row, cell in enumerate(cells) if cell == value]
        ledger.faults.append(
            ImportFault(
                kind="unmapped",
                row=rows[0] + FIRST_ROW,
                column=mapping.place,
                value=value,
                reason=Phrase("no site is named for this value"),
                effect=Phrase("its rows are set aside"),
                fix=Phrase("name a site, or `home`, for {0!r} in `places`", value),
                count=len(rows),
            )
        )
    ledger.set_aside(unknown, "unmapped")
    return [mapping.places.get(cell, "") for cell in cells]
