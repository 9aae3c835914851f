"""Bytes -> raw tables: files or a workbook become tables of text, header checked.

Nothing is interpreted here beyond the shape: encoding, separator, header and the number of cells
in a row. Values are parsed in :mod:`releve.network.parsing`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial

import numpy as np
import polars as pl
from numpy.typing import NDArray

from releve.errors import Phrase
from releve.network.columns import TableRow, list_columns
from releve.network.csv_reader import read_csv
from releve.network.faults import Fault, find_closest
from releve.network.headers import Header, find_header, join_column_names
from releve.network.model import TABLES
from releve.network.raw_grid import RawGrid, Unreadable
from releve.network.size_limits import read_parquet
from releve.network.spellings import fold
from releve.network.table_words import (
    DATE_COLUMN,
    find_column,
    find_table,
    get_table_naming,
    name_table,
)
from releve.network.xlsx_reader import read_sheets

__all__ = ["OPTIONAL_TABLES", "RawTable", "RawTables", "read_tables"]

KINDS: dict[str, type[TableRow]] = {kind.table: kind for kind in TABLES}
REQUIRED_TABLES = frozenset(("operator", "sites", "clients", "programmes", "agents"))
OPTIONAL_TABLES = frozenset(KINDS) - REQUIRED_TABLES
_NOTES = frozenset(("lisez-moi", "read-me", "listes", "lists"))
"""Sheets of a template that are for people."""


@dataclass(frozen=True)
class RawTable:
    """A table of text whose columns are known: an empty cell is null, text is stripped.

    ``rows[i]`` is the row of record i in the file. ``broken`` are the records whose number of
    cells differs from the header's: their cells cannot be trusted. ``silent[column]`` are records
    whose cell has a fault already. ``language`` is that of the header.
    """

    kind: type[TableRow]
    cells: pl.DataFrame
    rows: NDArray[np.int64]
    broken: frozenset[int]
    comma_decimals: bool
    from_sheet: bool = False
    language: str = "en"
    silent: Mapping[str, frozenset[int]] = field(default_factory=dict)


@dataclass
class RawTables:
    """Every table that could be read, and the names of those that could not."""

    tables: dict[str, RawTable] = field(default_factory=dict)
    unreadable: set[str] = field(default_factory=set)
    faults: list[Fault] = field(default_factory=list)
    french: bool = False
    sources: dict[str, str] = field(default_factory=dict)
    twice: dict[str, list[str]] = field(default_factory=dict)
    strangers: list[tuple[str, Callable[[], RawGrid]]] = field(default_factory=list)
    """The file of each table, tables by the file that gives them again, names of no table."""

    @property
    def language(self) -> str:
        """Return the language of the files: French where a name or header is French alone."""
        return "fr" if self.french else "en"


def read_tables(files: Mapping[str, bytes]) -> RawTables:
    """Read files named after tables (``sites.csv``, ``Téléconseillers.csv``) and workbooks.

    Workbooks and files may stand together; a table that is given twice is a fault.
    """
    out = RawTables()
    for name in sorted(files, key=lambda name: (name.lower().endswith(".xlsx"), name)):
        if name.lower().endswith(".xlsx"):
            _read_workbook(files[name], name, out)
        else:
            _read_file(name, files[name], out)
    out.unreadable -= set(out.tables)
    _report_repeated(out)
    for name, load in out.strangers:
        _refuse_name(name, load, out)
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
    table = find_table(stem)
    load = partial(readers[suffix.lower()], data)
    if table is None:
        out.strangers.append((stem, load))
    else:
        _take_table(table, stem, name, load, out)


def _read_workbook(data: bytes, name: str, out: RawTables) -> None:
    try:
        sheets = read_sheets(data)
    except Unreadable as error:
        out.faults.append(Fault(name, 0, "", "", error.reason, error.fix))
        out.unreadable |= set(KINDS)
        return
    for sheet, read in sheets.items():
        table, load = find_table(sheet), cache(read)
        if fold(sheet) in _NOTES:
            continue
        if table is None:
            out.strangers.append((sheet, load))
        elif not _is_blank_form(KINDS[table], load):
            _take_table(table, sheet, name, load, out)


def _is_blank_form(kind: type[TableRow], load: Callable[[], RawGrid]) -> bool:
    """Return whether a sheet of an optional table is empty below its header, as in a template."""
    try:
        return kind.table in OPTIONAL_TABLES and load().cells.height < 2
    except Unreadable:
        return False


def _refuse_name(name: str, load: Callable[[], RawGrid], out: RawTables) -> None:
    """Name a file or sheet of no table, unless it is empty; its header may say what it is."""
    try:
        grid = load()
    except Unreadable:
        grid = None
    if grid is not None and not grid.cells.height:
        return
    meant = find_closest(fold(name), [fold(kind) for kind in KINDS])
    meant = find_table(meant or "") or (_recognise_header(grid) if grid else None)
    if meant in out.tables:
        meant = None
    fix = Phrase("name it {0}", name_table(meant)) if meant else _suggest_tables(out)
    out.faults.append(Fault(name, 0, "", "", Phrase("is not a table of an operator"), fix))
    if meant:
        out.unreadable.add(meant)


def _suggest_tables(out: RawTables) -> Phrase:
    names = ", ".join(get_table_naming(kind).label(out.language) for kind in KINDS)
    return Phrase(
        "remove it, or if it is a call log make history of it with releve demand import;"
        " the tables are {0}",
        names if out.french else ", ".join(KINDS),
    )


def _recognise_header(grid: RawGrid) -> str | None:
    """Return the table that most cells of the first row are columns of, None below two."""
    header = [cell for cell in grid.cells.row(0) if cell]
    found = {kind: {find_column(kind, cell) for cell in header} - {None} for kind in KINDS}
    best = max(KINDS, key=lambda kind: len(found[kind]))
    required = {column.name for column in list_columns(KINDS[best]) if column.required}
    return best if len(found[best]) > 1 and required <= found[best] else None


def _take_table(
    name: str, given: str, file: str, load: Callable[[], RawGrid], out: RawTables
) -> None:
    if name in out.sources:
        out.twice.setdefault(file, []).append(name)
        return
    out.sources[name] = file
    out.french |= get_table_naming(name).is_french(given)
    try:
        raw, faults = _split_header(KINDS[name], load())
    except Unreadable as error:
        out.faults.append(
            Fault(name, error.row, error.column, error.value, error.reason, error.fix)
        )
        out.unreadable.add(name)
        return
    out.tables[name] = raw
    out.french |= raw.language == "fr"
    out.faults += faults


def _report_repeated(out: RawTables) -> None:
    """Name the tables that are given twice, once for each file."""
    for file, names in out.twice.items():
        reason = Phrase("the table is given twice")
        fix = Phrase("keep one file or sheet")
        table, value = names[0], file
        if len(names) > 1:
            table, value = file, ""
            reason = Phrase(
                "holds {0} tables that stand in {1} too", len(names), out.sources[names[0]]
            )
        out.faults.append(Fault(table, 0, "", value, reason, fix))


def _report_missing(out: RawTables) -> None:
    for name in KINDS:
        if name not in out.tables and name not in out.unreadable and name not in OPTIONAL_TABLES:
            needed = ", ".join(c.name for c in list_columns(KINDS[name]) if c.required)
            fix = Phrase("add it; its required columns are {0}", needed)
            out.faults.append(Fault(name, 0, "", "", Phrase("the table is missing"), fix))
            out.unreadable.add(name)


def _read_parquet(data: bytes) -> RawGrid:
    frame = read_parquet(data)
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
            reason, Phrase("write the columns {0} in its first row", join_column_names(kind))
        )
    header = Header(kind, find_header(kind, grid))
    faults = header.list_faults(grid)
    first = {name: i for i, name in reversed(list(enumerate(header.columns))) if name}
    body = grid.cells[1:]
    rows = grid.rows[1:]
    filled = body.select(
        pl.any_horizontal(pl.all().is_not_null()).alias("filled") if body.width else pl.lit(False)
    )["filled"].to_numpy()
    keep = np.flatnonzero(filled)
    body, rows = body[keep], rows[keep]
    broken: frozenset[int] = frozenset()
    if grid.widths is not None:
        broken, found = _find_ragged_rows(
            kind, body, rows, grid.widths[1:][keep], len(header.cells)
        )
        faults += found
    cells = body.select(
        pl.col(body.columns[first[name]]).alias(name)
        for name in (DATE_COLUMN, *(column.name for column in list_columns(kind)))
        if name in first
    )
    return RawTable(
        kind, cells, rows, broken, grid.comma_decimals, grid.from_sheet, header.language
    ), faults


def _find_ragged_rows(
    kind: type[TableRow],
    body: pl.DataFrame,
    rows: NDArray[np.int64],
    widths: NDArray[np.int64],
    named: int,
) -> tuple[frozenset[int], list[Fault]]:
    """Return the records with too few or too many cells; a run of many is one fault."""
    bad = np.flatnonzero(widths != named)
    faults: list[Fault] = []
    for width in np.unique(widths[bad]).tolist():
        same = bad[widths[bad] == width]
        for i in same.tolist() if len(same) <= 10 else same[:1].tolist():
            reason = Phrase("has {0} cells where the header has {1}", width, named)
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
