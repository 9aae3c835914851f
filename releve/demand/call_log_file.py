"""A call log's bytes (CSV, Parquet, XLSX) to the report of its import.

CSV and workbooks are read as the operator folder's are: French CSV included, row numbers as a
user sees them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from releve.demand.call_import import import_calls
from releve.demand.import_report import FIRST_ROW, ImportFault, ImportReport, RowCount
from releve.demand.intervals import import_intervals
from releve.demand.localtime import Int64s
from releve.demand.mapping import CallMapping, IntervalMapping
from releve.errors import Phrase
from releve.network.csv_reader import read_csv
from releve.network.raw_grid import RawGrid, Unreadable
from releve.network.size_limits import read_parquet
from releve.network.xlsx_reader import read_sheets

__all__ = ["LogTable", "describe_ragged", "import_log", "import_table", "read_log"]


@dataclass(frozen=True)
class LogTable:
    """A log as a table: ``rows[i]`` is the row of record i in the file; ``ragged`` are the rows
    whose number of cells is not the header's (they are not in ``frame``).
    """

    frame: pl.DataFrame
    rows: Int64s
    ragged: tuple[int, ...] = ()

    def whole_frame(self) -> pl.DataFrame:
        """Return the table; ValueError names the first row that has more cells than the header."""
        if self.ragged:
            raise ValueError(Phrase("row {0} has more cells than the header", self.ragged[0]))
        return self.frame


def import_log(
    name: str, data: bytes, mapping: CallMapping | IntervalMapping, time_zone: str
) -> ImportReport:
    """Import a file by its mapping; ValueError when it is not a table or lacks a mapped column."""
    return import_table(read_log(name, data), mapping, time_zone)


def import_table(
    table: LogTable, mapping: CallMapping | IntervalMapping, time_zone: str
) -> ImportReport:
    """Import a log that was read; ValueError when it lacks a mapped column."""
    if isinstance(mapping, CallMapping):
        report = import_calls(table.frame, mapping, time_zone)
    else:
        report = import_intervals(table.frame, mapping, time_zone)
    faults = tuple(
        replace(fault, row=int(table.rows[fault.row - FIRST_ROW])) if fault.row else fault
        for fault in report.faults
    )
    if not table.ragged:
        return replace(report, faults=faults)
    number = len(table.ragged)
    rows = RowCount(
        report.rows.read + number,
        report.rows.used,
        report.rows.dropped,
        {**report.rows.set_aside, "ragged": number},
    )
    return replace(report, faults=(describe_ragged(table), *faults), rows=rows)


def read_log(name: str, data: bytes) -> LogTable:
    """Read a CSV, Parquet or XLSX (first sheet); ValueError says why it cannot be read."""
    suffix = name.lower().rpartition(".")[2]
    try:
        if suffix == "parquet":
            frame = read_parquet(data)
            return LogTable(frame, np.arange(frame.height, dtype=np.int64) + FIRST_ROW)
        if suffix == "csv":
            return _table(name, read_csv(data))
        if suffix == "xlsx":
            sheets = read_sheets(data)
            return _table(name, next(iter(sheets.values()))())
    except Unreadable as error:
        place = Phrase("{0}, row {1}", name, error.row) if error.row else name
        raise ValueError(Phrase("{0}: {1}; {2}", place, error.reason, error.fix)) from error
    raise ValueError(Phrase("{0} is neither CSV nor Parquet nor XLSX; export it as CSV", name))


def _table(name: str, grid: RawGrid) -> LogTable:
    if not grid.cells.height:
        raise ValueError(Phrase("{0} is empty: it has no header", name))
    names = [cell or "" for cell in grid.cells.row(0)]
    while names and not names[-1]:
        names.pop()
    twice = sorted({cell for cell in names if cell and names.count(cell) > 1})
    if twice:
        raise ValueError(
            Phrase("{0}: the columns {1} stand twice; name each once", name, ", ".join(twice))
        )
    whole = np.ones(grid.cells.height - 1, dtype=np.bool_)
    if grid.widths is not None:
        whole = np.asarray(grid.widths[1:] <= len(names), dtype=np.bool_)
    columns = {cell: grid.cells.columns[i] for i, cell in enumerate(names) if cell}
    frame = grid.cells[1:].select(pl.col(key).alias(cell) for cell, key in columns.items())
    rows = grid.rows[1:]
    return LogTable(
        frame.filter(pl.Series(whole)), rows[whole], tuple(int(row) for row in rows[~whole])
    )


def describe_ragged(table: LogTable) -> ImportFault:
    """Return the fault of the rows that have more cells than the header."""
    return ImportFault(
        kind="ragged",
        row=table.ragged[0],
        column="",
        value="",
        reason=Phrase("it has more cells than the header"),
        effect=Phrase("the row is set aside"),
        fix=Phrase("quote a cell that holds the separator"),
        count=len(table.ragged),
    )
