"""The tables of a folder or workbook as text, header checked, and an operator as such files.

The layout says which tables there may be: those of an operator, or another :class:`FolderLayout`.
Values are parsed in :mod:`releve.network.parsing`; what :func:`write_operator` writes is read back
as the same.
"""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, cached_property, partial
from io import BytesIO, StringIO
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from releve.errors import BilingualPhrase, Phrase
from releve.network.cell_text import format_cell, is_plain_time
from releve.network.columns import TableRow, list_columns
from releve.network.csv_reader import Header, find_header, join_column_names, read_csv, skip_title
from releve.network.faults import Correction, Fault, find_closest
from releve.network.history_grid import RawGrid, Unreadable
from releve.network.model import TABLES
from releve.network.moments import zone
from releve.network.operator import Operator
from releve.network.size_limits import read_parquet, read_sheets
from releve.network.table_words import (
    DATE_COLUMN,
    TableForm,
    build_form,
    build_index,
    fold,
    get_table_naming,
    label_header,
)

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

    form: TableForm
    cells: pl.DataFrame
    rows: NDArray[np.int64]
    broken: frozenset[int]
    comma_decimals: bool
    from_sheet: bool = False
    language: str = "en"
    silent: Mapping[str, frozenset[int]] = field(default_factory=dict)


@dataclass(frozen=True)
class FolderLayout:
    """The tables that are read together, and what is said of a file that is none of them.

    ``explain`` takes the tables' names, joined. ``read_parquet`` may leave the cells typed.
    """

    forms: Mapping[str, TableForm]
    needed: frozenset[str]
    stranger: Phrase
    explain: Callable[[str], Phrase]
    missing: Callable[[TableForm], Phrase]
    read_parquet: Callable[[bytes], RawGrid]

    def find_table(self, text: str) -> str | None:
        """Return the table that a sheet or file name means, or None."""
        return self._index.get(fold(text))

    @cached_property
    def _index(self) -> Mapping[str, str]:
        return build_index((name, form.naming) for name, form in self.forms.items())


@dataclass
class RawTables:
    """Every table that could be read, and the names of those that could not."""

    layout: FolderLayout
    tables: dict[str, RawTable] = field(default_factory=dict)
    unreadable: set[str] = field(default_factory=set)
    faults: list[Fault] = field(default_factory=list)
    french: bool = False
    sources: dict[str, str] = field(default_factory=dict)
    twice: dict[str, list[str]] = field(default_factory=dict)
    strangers: list[tuple[str, Callable[[], RawGrid]]] = field(default_factory=list)
    """The file of each table, tables by the file that gives them again, names of no table."""
    corrections: Sequence[Correction] = ()
    """What headers mean, and where they stand."""

    @property
    def language(self) -> str:
        """Return the language of the files: French where a name or header is French alone."""
        return "fr" if self.french else "en"


def read_tables(
    files: Mapping[str, bytes], layout: FolderLayout | None = None, corrections: Sequence[Correction] = ()
) -> RawTables:
    """Read files named after tables (``sites.csv``, ``Téléconseillers.csv``) and workbooks.

    Workbooks and files may stand together; a table that is given twice is a fault. The layout is
    that of an operator where none is given. Of ``corrections`` those of headers are made.
    """
    out = RawTables(layout or OPERATOR, corrections=[one for one in corrections if not one.column])
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
    readers = {"csv": read_csv, "parquet": out.layout.read_parquet}
    if suffix.lower() not in readers:
        reason = Phrase("is neither CSV nor Parquet nor a workbook (XLSX)")
        out.faults.append(Fault(name, 0, "", "", reason, Phrase("save it as CSV UTF-8")))
        out.unreadable.add(stem or name)
        return
    table = out.layout.find_table(stem)
    load = partial(readers[suffix.lower()], data)
    if table is None:
        out.strangers.append((name, load))
    else:
        _take_table(table, stem, name, load, out)


def _read_workbook(data: bytes, name: str, out: RawTables) -> None:
    try:
        sheets = read_sheets(data)
    except Unreadable as error:
        out.faults.append(Fault(name, 0, "", "", error.reason, error.fix))
        out.unreadable |= set(out.layout.forms)
        return
    for sheet, read in sheets.items():
        table, load = out.layout.find_table(sheet), cache(read)
        if fold(sheet) in _NOTES:
            continue
        if table is None:
            out.strangers.append((sheet, load))
        elif table in out.layout.needed or not _is_blank_form(load):
            _take_table(table, sheet, name, load, out)


def _is_blank_form(load: Callable[[], RawGrid]) -> bool:
    """Return whether a sheet is empty below its header, as in a template."""
    try:
        return load().cells.height < 2
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
    forms = out.layout.forms
    spellings = [fold(text) for key, form in forms.items() for text in (key, *form.naming.spellings())]
    meant = find_closest(fold(name.rpartition(".")[0] or name), spellings)
    meant = out.layout.find_table(meant or "") or (_recognise_header(grid, forms) if grid else None)
    if meant in out.tables:
        meant = None
    if meant:
        fix = Phrase("name it {0}", BilingualPhrase(meant, forms[meant].naming.fr))
    else:
        names = (form.naming.label(out.language) for form in forms.values())
        fix = out.layout.explain(", ".join(forms if out.language == "en" else names))
    out.faults.append(Fault(name, 0, "", "", out.layout.stranger, fix))
    if meant:
        out.unreadable.add(meant)


def _recognise_header(grid: RawGrid, forms: Mapping[str, TableForm]) -> str | None:
    """Return the table that most cells of the first row are columns of, None below two."""
    header = [cell for cell in grid.cells.row(0) if cell]
    found = {name: {form.find_column(cell) for cell in header} - {None} for name, form in forms.items()}
    best = max(forms, key=lambda name: len(found[name]))
    required = {column.name for column in forms[best].columns if column.required}
    return best if len(found[best]) > 1 and required <= found[best] else None


def _take_table(name: str, given: str, file: str, load: Callable[[], RawGrid], out: RawTables) -> None:
    if name in out.sources:
        out.twice.setdefault(file, []).append(name)
        return
    out.sources[name] = file
    out.french |= out.layout.forms[name].naming.is_french(given)
    try:
        raw, faults = _split_header(out.layout.forms[name], load(), out.corrections)
    except Unreadable as error:
        out.faults.append(Fault(name, error.row, error.column, error.value, error.reason, error.fix, error.correction))
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
            reason = Phrase("holds {0} tables that stand in {1} too", len(names), out.sources[names[0]])
        out.faults.append(Fault(table, 0, "", value, reason, fix))


def _report_missing(out: RawTables) -> None:
    for name, form in out.layout.forms.items():
        if name in out.layout.needed and name not in out.tables and name not in out.unreadable:
            fix = out.layout.missing(form)
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


def _split_header(
    form: TableForm, grid: RawGrid, corrections: Sequence[Correction] = ()
) -> tuple[RawTable, list[Fault]]:
    """Split a grid into the columns of a table; a header that cannot be used is Unreadable."""
    if not grid.cells.height:
        reason = Phrase("is empty: it has no header")
        raise Unreadable(reason, Phrase("write the columns {0} in its first row", join_column_names(form)))
    mended = {one.found: one.written for one in corrections if one.table == form.table}
    row = mended.pop("", "")
    if row:
        grid = skip_title(grid, int(row))
    header = Header(form, find_header(form, grid, titled=bool(row)), mended)
    faults = header.list_faults(grid)
    first = {name: i for i, name in reversed(list(enumerate(header.columns))) if name}
    body = grid.cells[1:] if grid.typed is None else grid.typed
    rows = grid.rows[1:] if grid.typed is None else np.arange(2, body.height + 2)
    widths = None if grid.widths is None else grid.widths[1:]
    if all(column.null_count() for column in body):  # else no row is blank
        filled = body.select(pl.any_horizontal(pl.all().is_not_null())).to_series()
        body, rows = body.filter(filled), rows[filled.to_numpy()]
        widths = None if widths is None else widths[filled.to_numpy()]
    broken: frozenset[int] = frozenset()
    if widths is not None:
        broken, found = _find_ragged_rows(form, body, rows, widths, len(header.cells))
        faults += found
    cells = pl.DataFrame(
        [
            body.to_series(first[name]).alias(name)
            for name in (DATE_COLUMN, *(column.name for column in form.columns))
            if name in first
        ]
    )
    return RawTable(form, cells, rows, broken, grid.comma_decimals, grid.from_sheet, header.language), faults


def _find_ragged_rows(
    form: TableForm, body: pl.DataFrame, rows: NDArray[np.int64], widths: NDArray[np.int64], named: int
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
                    "has {0} cells where the header has {1} (so do {2} more rows)", *reason.params, len(same) - 1
                )
            value = " | ".join(cell or "" for cell in body.row(i))[:60]
            fix = Phrase("give every column a cell; quote a cell that holds the separator")
            faults.append(Fault(form.table, int(rows[i]), "", value, reason, fix))
    return frozenset(bad.tolist()), faults


def _explain_stranger(tables: str) -> Phrase:
    return Phrase(
        "remove it, or if it is a call log make history of it with releve demand import; the tables are {0}", tables
    )


def _explain_missing(form: TableForm) -> Phrase:
    needed = [column.name for column in form.columns if column.required]
    french = ", ".join(form.names[name].fr for name in needed)
    return Phrase("add it; its required columns are {0}", BilingualPhrase(", ".join(needed), french))


OPERATOR = FolderLayout(
    {name: build_form(kind) for name, kind in KINDS.items()},
    REQUIRED_TABLES,
    Phrase("is not a table of an operator"),
    _explain_stranger,
    _explain_missing,
    _read_parquet,
)


Zones = Callable[[Any], str]


def write_operator(operator: Operator, language: str = "en") -> dict[str, bytes]:
    """Return one CSV a table, the same bytes for the same operator; empty optional ones left out.

    In English UTF-8 with comma and decimal point, and times with the offset of their place
    (shifts and absences: the agent's home site, history: the programme). In French what Excel opens with a
    double click: byte order mark, ``;``, decimal comma, French names and words.
    """
    return {
        _name_file(kind, language): write_table(kind, rows, map_zones(operator, kind), language)
        for kind, rows in list_written_tables(operator)
    }


def zip_operator(operator: Operator, language: str, made_at: datetime) -> bytes:
    """Return the files of an operator as a zip, the same bytes for the same operator and time."""
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in write_operator(operator, language).items():
            item = zipfile.ZipInfo(name, made_at.timetuple()[:6])
            archive.writestr(item, data, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def list_written_tables(operator: Operator) -> list[tuple[type[TableRow], tuple[TableRow, ...]]]:
    """Return the tables that a file or sheet is written of, with their rows."""
    found: list[tuple[type[TableRow], tuple[TableRow, ...]]] = []
    for kind in TABLES:
        rows: tuple[TableRow, ...] = (operator.row,) if kind.table == "operator" else getattr(operator, kind.table)
        if rows or kind.table not in OPTIONAL_TABLES:
            found.append((kind, rows))
    return found


def _name_file(kind: type[TableRow], language: str) -> str:
    if language == "en":
        return f"{kind.table}.csv"
    return f"{get_table_naming(kind.table).label(language)}.csv"


def map_zones(operator: Operator, kind: type[TableRow]) -> Zones:
    """Return how to find the time zone of a row: of the agent's home site, of the programme.

    A row of another table has no times; it gets the operator's zone.
    """
    if kind.table in ("shifts", "absences"):
        return lambda row: operator.site[operator.agent[row.agent].home_site].time_zone
    if kind.table == "history":
        return lambda row: operator.programme[row.programme].time_zone
    return lambda row: operator.row.time_zone


def find_plain_rows(rows: Sequence[TableRow], names: list[str]) -> list[bool]:
    """Return, per row, whether all of its times are known by the local clock alone.

    A shift over a change of the clocks is not: its length would be in doubt.
    """
    if not rows:
        return []
    columns = [column.name for column in list_columns(type(rows[0])) if column.type is datetime]
    memo: dict[tuple[datetime, str], tuple[bool, Any]] = {}
    out = []
    for row, name in zip(rows, names, strict=True):
        known = []
        for column in columns:
            value = getattr(row, column)
            if (value, name) not in memo:
                offset = value.astimezone(zone(name)).utcoffset()
                memo[value, name] = is_plain_time(value, name), offset
            known.append(memo[value, name])
        out.append(all(plain for plain, _ in known) and len({offset for _, offset in known}) <= 1)
    return out


def write_table(
    kind: type[TableRow], rows: Sequence[TableRow], zone_of: Zones, language: str = "en", local: bool = True
) -> bytes:
    """Return one table as CSV, in the forms of :func:`write_operator`.

    Without ``local`` every time has its offset, in French too: the reader's zone is not known.
    """
    columns = list_columns(kind)
    out = StringIO()
    french = language == "fr"
    writer = csv.writer(out, delimiter=";" if french else ",", lineterminator="\n")
    header = [column.name for column in columns]
    if french:
        header = [label_header(kind.table, c.name, c.unit, language) for c in columns]
    writer.writerow(header)
    names = [zone_of(row) for row in rows]
    plain = find_plain_rows(rows, names) if french and local else [False] * len(rows)
    texts = []
    for column in columns:
        values = [getattr(row, column.name) for row in rows]
        memo: dict[tuple[Any, str, bool], str] = {}
        cells = []
        for value, name, bare in zip(values, names, plain, strict=True):
            key = (value, name, bare)
            if key not in memo:
                memo[key] = format_cell(kind.table, column, value, name, language, bare)
            cells.append(memo[key])
        texts.append(cells)
    writer.writerows(zip(*texts, strict=True))
    return out.getvalue().encode("utf-8-sig" if french else "utf-8")
