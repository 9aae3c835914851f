"""CSV bytes to a grid of text, and the header of a table: where it stands and what it means.

Encoding and separator are found: UTF-8 (with or without byte order mark), French Excel's cp1252
(also where lines of both were put together), UTF-16 with its byte order mark; a first line
``sep=;`` names the separator.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from io import StringIO

import numpy as np
import polars as pl

from releve.errors import Phrase
from releve.network.faults import Correction, Fault, find_closest
from releve.network.history_grid import RawGrid, Unreadable, strip_cells
from releve.network.table_words import DATE_COLUMN, TableForm, find_header_unit, fold, strip_brackets

_SEPARATORS = (",", ";", "\t", "|")
_HEAD = 12
"""How many records decide how wide the grid is: room for a header that is not the first."""
_FIX = Phrase("save it again as CSV UTF-8")
# A character of UTF-8 read as cp1252 (é becomes Ã©, ’ becomes â€™), a likely one first.
_TWICE = re.compile("[\u00c2-\u00c5][\u0080-\u00ff\u0152-\u2122]|\u00e2[\u0080-\u2122]{2}")
# Accented letters of the DOS and Macintosh encodings read as cp1252, inside a word.
_OTHER_CODE = re.compile(
    "(?<=[A-Za-z])[\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u2039](?=[a-z])"
    "|(?<=[a-z])[\u0160\u0152\u017d](?=[a-z])"
)
_LOST = re.compile("\ufffd")
_STATED = re.compile(r'"?sep=(.)"?[,;\t ]*(?:\n|\Z)', re.IGNORECASE)
"""The first line in which Excel is given the separator."""


def read_csv(data: bytes) -> RawGrid:
    """Read a CSV file; Unreadable when its encoding or its quotes cannot be understood."""
    text = _decode(data).replace("\r\n", "\n").replace("\r", "\n")
    if stated := _STATED.match(text):
        text = "\n" + text[stated.end() :]  # an empty line: rows stay where people see them
    separator = stated[1] if stated else _find_separator(text)
    return _read_quoted(text, separator) if '"' in text else _read_plain(text, separator)


def _decode(data: bytes) -> str:
    text = _decode_utf16(data) if data.startswith((b"\xff\xfe", b"\xfe\xff")) else None
    if text is None and b"\x00" in data[:4000]:
        raise Unreadable(Phrase("the file is in the wrong encoding (UTF-16)"), _FIX)
    try:
        text = data.decode("utf-8-sig") if text is None else text
    except UnicodeDecodeError:
        lines = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
        text = "\n".join(_decode_line(line, row) for row, line in enumerate(lines, 1))
    if text.isascii():
        return text
    for twice in _TWICE.finditer(text):
        if _is_encoded_twice(twice[0]):
            raise _refuse_encoding(
                text, twice, Phrase("the file is in the wrong encoding: UTF-8 was read as Windows text and saved again")
            )
    if match := _LOST.search(text):
        raise _refuse_encoding(
            text, match, Phrase("the file is in the wrong encoding: letters were lost when it was saved")
        )
    return text


def _decode_utf16(data: bytes) -> str:
    try:
        return data.decode("utf-16")
    except UnicodeDecodeError:
        raise Unreadable(Phrase("the file is in the wrong encoding (UTF-16)"), _FIX) from None


def _decode_line(line: bytes, row: int) -> str:
    """Return a line of a file that is not UTF-8 as a whole: UTF-8 or Windows by itself."""
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        pass
    try:
        text = line.decode("cp1252")
    except UnicodeDecodeError:
        reason = Phrase("the file is in the wrong encoding: neither UTF-8 nor Windows (cp1252)")
        raise Unreadable(reason, _FIX, row=row) from None
    if match := _OTHER_CODE.search(text):
        reason = Phrase("the file is in the wrong encoding: it looks like DOS or Macintosh text")
        raise _refuse_encoding(text, match, reason, row)
    return text


def _is_encoded_twice(characters: str) -> bool:
    raw = b"".join(bytes([ord(c)]) if ord(c) < 256 else c.encode("cp1252", "ignore") for c in characters)
    try:
        return len(raw.decode("utf-8")) == 1
    except UnicodeDecodeError:
        return False


def _refuse_encoding(text: str, match: re.Match[str], reason: Phrase, first: int = 1) -> Unreadable:
    """Return the refusal of an encoding, with the row and the word that show it."""
    edges = re.compile('[,;\t\n\r"]')
    before = [m.end() for m in edges.finditer(text, max(0, match.start() - 40), match.start())]
    after = edges.search(text, match.end())
    start = before[-1] if before else max(0, match.start() - 40)
    end = min(after.start() if after else len(text), match.end() + 40)
    row = text.count("\n", 0, match.start()) + first
    return Unreadable(reason, _FIX, row=row, value=text[start:end])


def _find_separator(text: str) -> str:
    """Return the separator that parts most of the first lines into as many cells, of several into the most.

    Titles above a table have none, decimal commas are not in each line alike.
    """
    lines = [re.sub('"[^"]*"', "", line) for line in text.split("\n", _HEAD)[:_HEAD] if line.strip()]

    def rank(separator: str) -> tuple[int, int]:
        counts = Counter(found for line in lines if (found := line.count(separator)))
        alike = max(counts.values(), default=0)
        return alike, max((found for found, times in counts.items() if times == alike), default=0)

    return max(_SEPARATORS, key=rank)


def _read_plain(text: str, separator: str) -> RawGrid:
    """Read text without quotes: a line is a record."""
    lines = pl.Series("record", text.split("\n"), pl.String)
    kept = lines.str.strip_chars(separator + " ") != ""
    rows = np.flatnonzero(kept.to_numpy()).astype(np.int64) + 1
    records = lines.filter(kept).str.split(separator)
    widths = records.list.len().to_numpy().astype(np.int64)
    if not len(rows):
        return RawGrid(pl.DataFrame(), rows, 0)
    header = _count_header_cells(records[0].to_list(), records)
    for i in np.flatnonzero(widths > header).tolist():
        widths[i] = _count_cells(records[i].to_list(), header)
    columns = max(header, int(widths[:_HEAD].max()))
    cells = records.to_frame().select(
        pl.col("record").list.get(i, null_on_oob=True).alias(str(i)) for i in range(columns)
    )
    return RawGrid(strip_cells(cells), rows, header, widths, comma_decimals=separator != ",")


def _read_quoted(text: str, separator: str) -> RawGrid:
    """Read text with quotes: a record may span lines and is named by its first one."""
    reader = csv.reader(StringIO(text), delimiter=separator, strict=True)
    records: list[list[str]] = []
    rows: list[int] = []
    line = 1
    try:
        for record in reader:
            if any(cell.strip() for cell in record):
                records.append(record)
                rows.append(line)
            line = reader.line_num + 1
    except csv.Error as error:
        fix = Phrase('close every quote, and write a quote inside a cell as ""')
        raise Unreadable(Phrase("the quotes cannot be understood ({0})", str(error)), fix, row=line) from None
    header = _count_header_cells(records[0], records) if records else 0
    widths = [_count_cells(record, header) for record in records]
    columns = max([header, *widths[:_HEAD]])
    padding = [""] * columns
    padded = [(record + padding)[:columns] for record in records]
    cells = pl.DataFrame([pl.Series(str(i), column, pl.String) for i, column in enumerate(zip(*padded, strict=True))])
    return RawGrid(
        strip_cells(cells),
        np.array(rows, dtype=np.int64),
        header,
        np.array(widths, dtype=np.int64),
        comma_decimals=separator != ",",
    )


def _count_header_cells(header: list[str], records: Iterable[Sequence[str]]) -> int:
    """Return the cells of the header, not counting empty ones over an empty column."""
    named = _count_filled(header)
    if named == len(header):
        return named
    widest = max(_count_filled(record) for record in records if len(record) <= len(header))
    return max(named, widest)


def _count_cells(record: list[str], header: int) -> int:
    """Return the cells of a record, not counting empty ones beyond the header."""
    return max(header, _count_filled(record)) if len(record) > header else len(record)


def _count_filled(record: Sequence[str]) -> int:
    return max((i + 1 for i, cell in enumerate(record) if cell.strip()), default=0)


_ACTIVITIES = frozenset(("activite", "activity", "activity-code", "code-activite", "type-d-activite", "schedule-state"))
_A_SCHEDULE = Phrase("each row is an activity, also breaks, leave and training; here each row is a whole shift")
_IMPORT_SCHEDULE = Phrase("leave the sheet empty, and import the schedule by itself: Reference data, Import a schedule")
_HEADER_SEARCHED = 12
"""How many rows are looked at for a header that is not in the first one."""


def find_header(form: TableForm, grid: RawGrid, *, titled: bool = False) -> list[str]:
    """Return the cells of the header, empty where it has no name; Unreadable without one.

    ``titled``: it need not stand in the first row of the file.
    """
    head = grid.cells.head(_HEADER_SEARCHED).rows()
    found = [{form.find_column(cell or "") for cell in row} - {None} for row in head]
    best = max(range(len(found)), key=lambda i: (len(found[i]), -i))
    if best > 0 and len(found[0]) < 2 <= len(found[best]):
        row = int(grid.rows[best])
        if any(low <= grid.rows[0] <= high or low <= row <= high for low, high in grid.merged):
            reason = Phrase("merged cells at the top; the header stands in row {0}", row)
            fix = Phrase("unmerge them and delete the rows above the header")
        else:
            reason = Phrase("the header stands in row {0}, not in the first one", row)
            fix = Phrase("delete the rows above the header")
        raise Unreadable(reason, fix, row=int(grid.rows[0]), correction=Correction(form.table, "", "", str(row)))
    if not found[best]:
        reason = Phrase("the first row is not a header: no cell is the name of a column")
        raise Unreadable(reason, Phrase("write the columns {0} there", join_column_names(form)), row=int(grid.rows[0]))
    if grid.rows[0] > 1 and grid.from_sheet and not titled:
        reason, row = Phrase("the header is not in the first row: empty rows stand above it"), int(grid.rows[0])
        fix = Phrase("delete the rows above the header")
        raise Unreadable(reason, fix, row=row, correction=Correction(form.table, "", "", str(row)))
    if any(low <= grid.rows[0] <= high for low, high in grid.merged):
        reason = Phrase("the header has merged cells")
        raise Unreadable(reason, Phrase("unmerge them; each column has its own name"), row=1)
    return [cell or "" for cell in head[0][: grid.header]]


def skip_title(grid: RawGrid, row: int) -> RawGrid:
    """Return a grid from its header in ``row`` on; what is merged in the title above does not matter any more."""
    above = int(np.searchsorted(grid.rows, row))
    cells, widths = grid.cells[above:], None if grid.widths is None else grid.widths[above:]
    header = _count_filled([cell or "" for cell in cells.row(0)]) if cells.height else 0
    merged = tuple((low, high) for low, high in grid.merged if high >= row)
    return replace(grid, cells=cells, rows=grid.rows[above:], header=header, widths=widths, merged=merged)


@dataclass(frozen=True)
class Header:
    """The first row of a table, cell by cell; ``mended`` says what a cell means, empty for one that is left out."""

    form: TableForm
    cells: list[str]
    mended: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def columns(self) -> list[str | None]:
        """Return the column that each cell means, None where it is none.

        A date alone, beside no start, is the start.
        """
        found = [self.mended.get(cell) or self.form.find_column(cell) if cell else None for cell in self.cells]
        if DATE_COLUMN in found and "start" not in found:
            found[found.index(DATE_COLUMN)] = "start"
        return found

    @property
    def language(self) -> str:
        """Return ``fr`` where more cells are French alone than English alone."""
        french = english = 0
        for cell, name in zip(self.cells, self.columns, strict=True):
            if name is not None:
                naming = self.form.names[name]
                bare = strip_brackets(cell)
                french += naming.is_french(bare)
                english += naming.is_english(bare) or fold(bare) == fold(name) != fold(naming.fr)
        return "fr" if french > english else "en"

    def list_faults(self, grid: RawGrid) -> list[Fault]:
        """Return the unknown, repeated, unnamed and missing columns, each cause once."""
        table, row = self.form.table, int(grid.rows[0])
        columns = {column.name: column for column in self.form.columns}
        faults: list[Fault] = []
        absent = [name for name in columns if name not in self.columns]
        excused: set[str] = set()
        unnamed, listed = 0, False
        for i, (cell, name) in enumerate(zip(self.cells, self.columns, strict=True)):
            if not cell:
                if _is_filled(grid, i):
                    unnamed += 1
                    reason = Phrase("the header of column {0} is empty but the column is not", i + 1)
                    fix: Phrase = Phrase("name the column or delete it")
                    faults.append(Fault(table, row, "", "", reason, fix))
            elif name is None and cell not in self.mended:
                meant = self._find_meant(cell, absent)
                excused |= {meant} if meant else set()
                if meant:
                    fix = Phrase("name it {0}", self.form.name_column(meant))
                else:
                    fix = (
                        Phrase("delete it") if listed else Phrase("delete it; the columns are {0}", self._join_names())
                    )
                    listed = True
                reason = Phrase("is not a column of the table")
                correction: Correction | None = Correction(table, "", cell, meant or "")
                if table == "shifts" and fold(cell) in _ACTIVITIES:
                    reason, fix, correction = _A_SCHEDULE, _IMPORT_SCHEDULE, None
                faults.append(Fault(table, row, cell, "", reason, fix, correction))
            elif name is None:
                continue
            elif name in self.columns[:i]:
                reason = Phrase("the column stands twice")
                faults.append(Fault(table, row, name, "", reason, Phrase("keep one")))
            else:
                faults += self._find_unit_fault(row, cell, name)
        missing = [name for name in absent if columns[name].required and name not in excused]
        for name in missing[unnamed:]:
            column = columns[name]
            said = column.doc if isinstance(column.doc, Phrase) else Phrase(column.doc)
            fix = Phrase("add it ({0}), like {1}", said, column.example)
            reason = Phrase("the required column is missing")
            faults.append(Fault(table, row, name, "", reason, fix))
        return faults

    def _find_meant(self, cell: str, absent: list[str]) -> str | None:
        spellings = {fold(text): name for name in absent for text in (name, *self.form.names[name].spellings())}
        return spellings.get(find_closest(fold(cell), spellings) or "")

    def _find_unit_fault(self, row: int, cell: str, name: str) -> list[Fault]:
        stated = find_header_unit(cell)
        unit = next((c.unit for c in self.form.columns if c.name == name), "")
        if stated is None or not unit or stated == unit:
            return []
        reason = Phrase("the column is headed in {0}, but is read in {1}", stated, unit)
        fix = Phrase("convert its values to {0} and write {0} in the header", unit)
        return [Fault(self.form.table, row, name, cell, reason, fix)]

    def _join_names(self) -> str:
        if self.language == "en":
            return join_column_names(self.form)
        names = (column.name for column in self.form.columns)
        return ", ".join(self.form.names[n].label(self.language) for n in names)


def _is_filled(grid: RawGrid, i: int) -> bool:
    column = grid.cells[1:].get_column(grid.cells.columns[i])
    return column.null_count() < len(grid.rows) - 1


def join_column_names(form: TableForm) -> str:
    """Return the names of a table's columns in a row."""
    return ", ".join(column.name for column in form.columns)
