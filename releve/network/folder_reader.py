"""Bytes -> raw tables: files or a workbook become tables of text, header checked.

Nothing is interpreted here beyond the shape: encoding, separator, header and the number of cells
in a row. Values are parsed in :mod:`releve.network.parsing`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from io import BytesIO

import numpy as np
import polars as pl
from numpy.typing import NDArray

from releve.errors import Phrase
from releve.network.columns import TableRow, list_columns
from releve.network.csv_reader import read_csv
from releve.network.faults import Fault, find_closest
from releve.network.model import TABLES
from releve.network.raw_grid import RawGrid, Unreadable
from releve.network.xlsx_reader import read_sheets

__all__ = ["OPTIONAL_TABLES", "RawTable", "RawTables", "read_tables"]

KINDS: dict[str, type[TableRow]] = {kind.table: kind for kind in TABLES}
OPTIONAL_TABLES = frozenset(
    ("stops", "shuttles", "shifts", "history", "authorisations", "measures", "contingencies")
)
_HEADER_SEARCHED = 12
"""How many rows are looked at for a header that is not in the first one."""


@dataclass(frozen=True)
class RawTable:
    """A table of text whose columns are known: an empty cell is null, text is stripped.

    ``rows[i]`` is the row of record i in the file. ``broken`` are the records whose number of
    cells differs from the header's: their cells cannot be trusted.
    """

    kind: type[TableRow]
    cells: pl.DataFrame
    rows: NDArray[np.int64]
    broken: frozenset[int]
    comma_decimals: bool


@dataclass
class RawTables:
    """Every table that could be read, and the names of those that could not."""

    tables: dict[str, RawTable] = field(default_factory=dict)
    unreadable: set[str] = field(default_factory=set)
    faults: list[Fault] = field(default_factory=list)


def read_tables(files: Mapping[str, bytes]) -> RawTables:
    """Read files named after tables (``sites.csv``, ``agents.parquet``) or one ``*.xlsx``."""
    out = RawTables()
    workbooks = sorted(name for name in files if name.lower().endswith(".xlsx"))
    if workbooks and len(files) > 1:
        reason = Phrase("a workbook stands beside other files, so it is not clear which one counts")
        fix = Phrase("keep either one workbook or one file a table")
        out.faults.append(Fault(workbooks[0], 0, "", "", reason, fix))
        out.unreadable |= set(KINDS)
        return out
    if workbooks:
        _read_workbook(files[workbooks[0]], workbooks[0], out)
    else:
        for name in sorted(files):
            _read_file(name, files[name], out)
    _report_missing(out)
    return out


def _read_file(name: str, data: bytes, out: RawTables) -> None:
    stem, _, suffix = name.rpartition(".")
    readers: dict[str, Callable[[bytes], RawGrid]] = {"csv": read_csv, "parquet": _read_parquet}
    if suffix.lower() not in readers:
        reason = Phrase("is neither CSV nor Parquet nor a workbook (XLSX)")
        out.faults.append(Fault(name, 0, "", "", reason, Phrase("save it as CSV UTF-8")))
        out.unreadable.add(stem or name)
        return
    if stem in out.tables or stem in out.unreadable:
        out.faults.append(
            Fault(
                stem,
                0,
                "",
                name,
                Phrase("the table is given twice"),
                Phrase("keep one file"),
            )
        )
        return
    if stem in KINDS:
        _take_table(stem, lambda: readers[suffix.lower()](data), out)
    else:
        _refuse_name(stem, out)


def _read_workbook(data: bytes, name: str, out: RawTables) -> None:
    try:
        sheets = read_sheets(data)
    except Unreadable as error:
        out.faults.append(Fault(name, 0, "", "", error.reason, error.fix))
        out.unreadable |= set(KINDS)
        return
    for sheet, load in sheets.items():
        if sheet in KINDS:
            _take_table(sheet, load, out)
        elif load().cells.height:
            _refuse_name(sheet, out)


def _refuse_name(name: str, out: RawTables) -> None:
    meant = find_closest(name, KINDS)
    fix = (
        Phrase("name it {0}", meant)
        if meant
        else Phrase("remove it; the tables are {0}", ", ".join(KINDS))
    )
    out.faults.append(Fault(name, 0, "", "", Phrase("is not a table of an operator"), fix))
    if meant:
        out.unreadable.add(meant)


def _take_table(name: str, load: Callable[[], RawGrid], out: RawTables) -> None:
    try:
        raw, faults = _split_header(KINDS[name], load())
    except Unreadable as error:
        out.faults.append(
            Fault(name, error.row, error.column, error.value, error.reason, error.fix)
        )
        out.unreadable.add(name)
        return
    out.tables[name] = raw
    out.faults += faults


def _report_missing(out: RawTables) -> None:
    for name in KINDS:
        if name not in out.tables and name not in out.unreadable and name not in OPTIONAL_TABLES:
            needed = ", ".join(c.name for c in list_columns(KINDS[name]) if c.required)
            fix = Phrase("add it; its required columns are {0}", needed)
            out.faults.append(Fault(name, 0, "", "", Phrase("the table is missing"), fix))
            out.unreadable.add(name)


def _read_parquet(data: bytes) -> RawGrid:
    try:
        frame = pl.read_parquet(BytesIO(data))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise Unreadable(
            Phrase("is not a Parquet file that can be read"), Phrase("export it again")
        ) from error
    columns = [_convert_to_text(frame[name]).alias(str(i)) for i, name in enumerate(frame.columns)]
    header = pl.DataFrame({str(i): [name] for i, name in enumerate(frame.columns)})
    cells = pl.concat([header, pl.DataFrame(columns)]) if frame.height else header
    return RawGrid(cells, np.arange(1, cells.height + 1, dtype=np.int64), frame.width)


def _convert_to_text(series: pl.Series) -> pl.Series:
    """Return a typed column as the text a CSV would hold."""
    kind = series.dtype
    if isinstance(kind, pl.List):
        return series.cast(pl.List(pl.String)).list.join("|")
    if isinstance(kind, pl.Datetime) and kind.time_zone is not None:
        return series.dt.convert_time_zone("UTC").dt.strftime("%Y-%m-%dT%H:%M:%S%.fZ")
    if isinstance(kind, pl.Datetime):
        return series.dt.strftime("%Y-%m-%dT%H:%M:%S%.f")
    text = series.cast(pl.String)
    return text.str.strip_suffix(".0") if kind.is_float() else text


def _split_header(kind: type[TableRow], grid: RawGrid) -> tuple[RawTable, list[Fault]]:
    """Split a grid into the columns of a table; a header that cannot be used is Unreadable."""
    if not grid.cells.height:
        reason = Phrase("is empty: it has no header")
        raise Unreadable(
            reason, Phrase("write the columns {0} in its first row", _join_column_names(kind))
        )
    names = _find_header(kind, grid)
    faults = [*_find_header_faults(kind, grid, names)]
    first = {name: i for i, name in reversed(list(enumerate(names))) if name}
    body = grid.cells[1:]
    rows = grid.rows[1:]
    filled = body.select(
        pl.any_horizontal(pl.all().is_not_null()).alias("filled") if body.width else pl.lit(False)
    )["filled"].to_numpy()
    keep = np.flatnonzero(filled)
    body, rows = body[keep], rows[keep]
    broken: frozenset[int] = frozenset()
    if grid.widths is not None:
        broken, found = _find_ragged_rows(kind, body, rows, grid.widths[1:][keep], names)
        faults += found
    cells = body.select(
        pl.col(body.columns[first[column.name]]).alias(column.name)
        for column in list_columns(kind)
        if column.name in first
    )
    return RawTable(kind, cells, rows, broken, grid.comma_decimals), faults


def _find_header(kind: type[TableRow], grid: RawGrid) -> list[str]:
    known = {column.name for column in list_columns(kind)}
    head = grid.cells.head(_HEADER_SEARCHED).rows()
    found = [{(cell or "").casefold() for cell in row} & known for row in head]
    best = max(range(len(found)), key=lambda i: (len(found[i]), -i))
    if best > 0 and len(found[0]) < 2 <= len(found[best]):
        row = int(grid.rows[best])
        if any(low <= grid.rows[0] <= high or low <= row <= high for low, high in grid.merged):
            reason = Phrase("merged cells at the top; the header stands in row {0}", row)
            fix = Phrase("unmerge them and delete the rows above the header")
        else:
            reason = Phrase("the header stands in row {0}, not in the first one", row)
            fix = Phrase("delete the rows above the header")
        raise Unreadable(reason, fix, row=int(grid.rows[0]))
    if not found[best]:
        reason = Phrase("the first row is not a header: no cell is the name of a column")
        raise Unreadable(
            reason,
            Phrase("write the columns {0} there", _join_column_names(kind)),
            row=int(grid.rows[0]),
        )
    if grid.rows[0] > 1 and grid.from_sheet:
        reason = Phrase("the header is not in the first row: empty rows stand above it")
        raise Unreadable(reason, Phrase("delete the rows above the header"), row=int(grid.rows[0]))
    if any(low <= grid.rows[0] <= high for low, high in grid.merged):
        reason = Phrase("the header has merged cells")
        raise Unreadable(reason, Phrase("unmerge them; each column has its own name"), row=1)
    return [(cell or "").casefold() for cell in head[0][: grid.header]]


def _find_header_faults(kind: type[TableRow], grid: RawGrid, names: list[str]) -> list[Fault]:
    """Return the unknown, repeated, unnamed and missing columns, each cause once."""
    columns = {column.name: column for column in list_columns(kind)}
    row = int(grid.rows[0])
    faults: list[Fault] = []
    absent = [name for name in columns if name not in names]
    excused: set[str] = set()
    unnamed = 0
    for i, name in enumerate(names):
        if not name:
            if grid.cells[1:].get_column(grid.cells.columns[i]).null_count() < len(grid.rows) - 1:
                unnamed += 1
                reason = Phrase("the header of column {0} is empty but the column is not", i + 1)
                faults.append(
                    Fault(
                        kind.table,
                        row,
                        "",
                        "",
                        reason,
                        Phrase("name the column or delete it"),
                    )
                )
        elif name not in columns:
            meant = find_closest(name, absent)
            excused |= {meant} if meant else set()
            fix = (
                Phrase("name it {0}", meant)
                if meant
                else Phrase("delete it; the columns are {0}", _join_column_names(kind))
            )
            faults.append(
                Fault(kind.table, row, name, "", Phrase("is not a column of the table"), fix)
            )
        elif name in names[:i]:
            faults.append(
                Fault(
                    kind.table,
                    row,
                    name,
                    "",
                    Phrase("the column stands twice"),
                    Phrase("keep one"),
                )
            )
    missing = [name for name in absent if columns[name].required and name not in excused]
    for name in missing[unnamed:]:
        fix = Phrase("add it ({0}), like {1}", columns[name].doc, columns[name].example)
        faults.append(
            Fault(kind.table, row, name, "", Phrase("the required column is missing"), fix)
        )
    return faults


def _find_ragged_rows(
    kind: type[TableRow],
    body: pl.DataFrame,
    rows: NDArray[np.int64],
    widths: NDArray[np.int64],
    names: list[str],
) -> tuple[frozenset[int], list[Fault]]:
    """Return the records with too few or too many cells; a run of many is one fault."""
    bad = np.flatnonzero(widths != len(names))
    faults: list[Fault] = []
    for width in np.unique(widths[bad]).tolist():
        same = bad[widths[bad] == width]
        for i in same.tolist() if len(same) <= 10 else same[:1].tolist():
            reason = Phrase("has {0} cells where the header has {1}", width, len(names))
            if len(same) > 10:
                reason = Phrase(
                    "has {0} cells where the header has {1} (so do {2} more rows)",
                    *reason.params,
                    len(same) - 1,
                )
            value = " | ".join(cell or "" for cell in body.row(i))[:60]
            fix = Phrase("give every column a cell; quote a cell that holds the separator")
            faults.append(Fault(kind.table, int(rows[i]), "", value, reason, fix))
    return frozenset(bad.tolist()), faults


def _join_column_names(kind: type[TableRow]) -> str:
    return ", ".join(column.name for column in list_columns(kind))
