"""Workbooks and Parquet files within limits on what they unpack to: bytes, rows, cells, elements.

A few kilobytes can stand for gigabytes (a zip in a zip, a cell in the last corner of a sheet), so
declared sizes are verified by unpacking in small pieces. fastexcel reads the cells; merged ranges
and formula errors, which it does not report, are read from the sheet's XML.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Callable
from functools import partial
from html import unescape
from io import BytesIO
from typing import IO, TYPE_CHECKING
from xml.parsers import expat

import numpy as np
import polars as pl

from releve.errors import Phrase
from releve.extras import LazyModule
from releve.network.history_grid import RawGrid, Unreadable, strip_cells

if TYPE_CHECKING:
    import fastexcel
else:
    fastexcel = LazyModule("fastexcel")

MAX_UNPACKED_BYTES = 256 * 1024 * 1024
"""Of all files of a zip together, those of the workbooks in it included."""
MAX_RATIO, FREE_BYTES = 100, 8 * 1024 * 1024
"""Largest ratio of unpacked to packed size of a workbook beyond FREE_BYTES; tables: a tenth."""
MAX_FILES = 100
"""Files of a zip, or parts of a workbook."""
MAX_CELLS = 100_000_000
"""Rows times columns of a table."""
MAX_SHEET_CELLS = 20_000_000
"""Rows times columns up to the last cell of each sheet of a workbook, all sheets together: they are
laid out in memory whether filled or not."""
MAX_ELEMENTS = 20_000_000
"""Elements of all parts of a workbook; a filled cell has two or three."""
MAX_DEPTH = 64
"""Elements within one another."""

_PIECE = 1 << 20
_XML = (".xml", ".rels", ".vml")
_REFERENCE = re.compile(r"([A-Za-z]{1,7})(\d{1,10})")


def measure_unpacked(archive: zipfile.ZipFile) -> int:
    """Return the bytes that a zip unpacks to; BadZipFile where it does not hold what it declares.

    Nothing is unpacked where it declares more than MAX_UNPACKED_BYTES.
    """
    items = archive.infolist()
    declared = sum(item.file_size for item in items)
    if declared > MAX_UNPACKED_BYTES:
        return declared
    try:
        for item in items:
            with archive.open(item) as stream:
                while stream.read(_PIECE):
                    pass
    except (zlib.error, RuntimeError, NotImplementedError, EOFError) as error:
        raise zipfile.BadZipFile(str(error)) from error
    return declared


def require_small_workbook(data: bytes) -> None:
    """Raise Unreadable where a workbook holds more than the limits; BadZipFile: it is none."""
    with zipfile.ZipFile(BytesIO(data)) as archive:
        size = sum(item.file_size for item in archive.infolist())
        if len(archive.infolist()) > MAX_FILES or size > MAX_UNPACKED_BYTES:
            raise _too_large(
                Phrase("unpacks to more than {0} MB or {1} files", MAX_UNPACKED_BYTES // 1024**2, MAX_FILES)
            )
        if size > max(FREE_BYTES, MAX_RATIO * len(data)):
            raise _too_large(Phrase("unpacks to more than {0} times its size", MAX_RATIO))
        measure_unpacked(archive)
        counter = _PartCounter()
        for item in archive.infolist():
            with archive.open(item) as part:
                counter.count(item.filename, part)


class _PartCounter:
    """Counts elements, their depth and the cells of the parts of a workbook, a piece at a time.

    The limits end it at once. Whatever its name, a part with cells counts as a sheet.
    """

    def __init__(self) -> None:
        self.elements = self.cells = 0

    def count(self, name: str, part: IO[bytes]) -> None:
        """Count a part; Unreadable beyond the limits, or where it is no XML and should be."""
        self._depth = self._row = self._column = self._rows = self._columns = 0
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartElementHandler, parser.EndElementHandler = self._begin, self._end
        parser.StartDoctypeDeclHandler = self._refuse_doctype
        tail = b""
        try:
            while piece := part.read(_PIECE):
                parser.Parse(piece, False)
                tail = piece[-16:]
            parser.Parse(b"", True)
        except expat.ExpatError as error:
            rest = part.read()  # as much as was measured
            held = (tail + piece + rest).replace(b"\0", b"")
            if name.lower().endswith(_XML) or b"sheetData" in held:
                raise _not_xml() from error
        self.cells += self._rows * self._columns

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        self.elements += 1
        self._depth += 1
        if self.elements > MAX_ELEMENTS:
            raise _too_large(Phrase("holds more than {0} elements", MAX_ELEMENTS))
        if self._depth > MAX_DEPTH:
            raise _too_large(Phrase("holds elements within one another, {0} deep", MAX_DEPTH))
        kind = name[-4:]
        if kind == " row" or name == "row":
            named = attributes.get("r", "")
            self._row = int(named) if named.isdecimal() and len(named) < 11 else self._row + 1
            self._column = 0
        elif kind[-2:] == " c" or name == "c":
            self._column += 1
            found = _REFERENCE.fullmatch(attributes.get("r", ""))
            if found:
                number = 0
                for letter in found[1].upper():
                    number = number * 26 + ord(letter) - 64
                self._column = max(self._column, number)
                self._row = max(self._row, int(found[2]))
        else:
            return
        if self._row > self._rows or self._column > self._columns:
            self._rows = max(self._rows, self._row, 1)
            self._columns = max(self._columns, self._column)
            if self.cells + self._rows * self._columns > MAX_SHEET_CELLS:
                raise _too_large(Phrase("has sheets of more than {0} cells up to their last one", MAX_SHEET_CELLS))

    def _end(self, name: str) -> None:
        self._depth -= 1

    def _refuse_doctype(self, *found: object) -> None:
        raise _not_xml()


def _not_xml() -> Unreadable:
    return Unreadable(Phrase("is not a workbook that can be read"), Phrase("save it again as XLSX, without a password"))


def count_parquet_cells(data: bytes) -> int:
    """Return rows times columns of a Parquet file, from its footer; PolarsError: it is none."""
    scan = pl.scan_parquet(BytesIO(data))
    rows = int(scan.select(pl.len()).collect().item())
    return rows * max(1, len(scan.collect_schema()))


def read_parquet(data: bytes) -> pl.DataFrame:
    """Return the table of a Parquet file; Unreadable where it is none or is too large."""
    try:
        if count_parquet_cells(data) > MAX_CELLS:
            raise _too_large(Phrase("holds more than {0} cells", MAX_CELLS))
        return pl.read_parquet(BytesIO(data))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise Unreadable(Phrase("is not a Parquet file that can be read"), Phrase("export it again")) from error


def _too_large(reason: Phrase) -> Unreadable:
    return Unreadable(reason, Phrase("split it, or remove what is not a row of the table"))


# No pattern looks beyond the next "<", so that the time is linear in the bytes of any file.
_MERGED = re.compile(rb'<(?:\w+:)?mergeCell\b[^<>]*?\bref="[A-Z]+(\d+):[A-Z]+(\d+)"')
_CELL = re.compile(rb'<(?:\w+:)?c\b[^<>]*?\br="([A-Z]+)\d+"')
_ERROR = re.compile(
    rb'<(?:\w+:)?c\b(?=[^<>]*\bt="e")[^<>]*?\br="([A-Z]+)(\d+)"[^<>]*>\s*'
    rb"(?:<(?:\w+:)?f\b[^<>]*>(?:[^<>]*</(?:\w+:)?f>)?\s*)?<(?:\w+:)?v>([^<]*)<"
)
_SHEET = re.compile(r'<(?:\w+:)?sheet\b(?=[^<>]*\bname="([^"]*)")(?=[^<>]*\b\w+:id="([^"]*)")')
_PART = re.compile(r'<Relationship\b(?=[^<>]*\bId="([^"]*)")(?=[^<>]*\bTarget="([^"]*)")')


def read_sheets(data: bytes) -> dict[str, Callable[[], RawGrid]]:
    """Return how to read each sheet of a workbook, by the sheet's name."""
    try:
        require_small_workbook(data)
        reader = fastexcel.read_excel(data)
        notes = _find_sheet_xml(data)
    except (fastexcel.FastExcelError, zipfile.BadZipFile, KeyError) as error:
        reason = Phrase("is not a workbook that can be read")
        raise Unreadable(reason, Phrase("save it again as XLSX, without a password")) from error
    return {name: partial(_read_sheet, reader, name, notes.get(name, b"")) for name in reader.sheet_names}


def _read_sheet(reader: fastexcel.ExcelReader, name: str, xml: bytes) -> RawGrid:
    sheet = reader.load_sheet(name, header_row=None, skip_rows=0, dtypes="string")
    cells = sheet.to_polars()
    cells = strip_cells(cells.select(pl.all().cast(pl.String)))
    if not cells.width:
        return RawGrid(pl.DataFrame(), np.zeros(0, dtype=np.int64), 0)
    cells = _with_errors(cells, xml) if b't="e"' in xml else cells
    filled = cells.select(pl.any_horizontal(pl.all().is_not_null()).alias("filled"))["filled"]
    kept = np.flatnonzero(filled.to_numpy())
    merged = tuple((int(low), int(high)) for low, high in _MERGED.findall(xml))
    rows = kept.astype(np.int64) + 1
    return RawGrid(cells[kept], rows, cells.width, merged=merged, from_sheet=True)


def _with_errors(cells: pl.DataFrame, xml: bytes) -> pl.DataFrame:
    """Put the text of formula errors (#REF!) where fastexcel leaves the cell empty."""
    first = min(_column(letters) for letters in _CELL.findall(xml))
    columns = cells.to_dict(as_series=False)
    names = cells.columns
    for letters, row, text in _ERROR.findall(xml):
        columns[names[_column(letters) - first]][int(row) - 1] = text.decode("utf-8", "replace")
    return pl.DataFrame(columns, schema=cells.schema)


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _find_sheet_xml(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(BytesIO(data)) as archive:
        book = archive.read("xl/workbook.xml").decode("utf-8")
        links = archive.read("xl/_rels/workbook.xml.rels").decode("utf-8")
        parts = dict(_PART.findall(links))
        paths = {
            unescape(name): "xl/" + parts[key].removeprefix("/xl/")
            for name, key in _SHEET.findall(book)
            if key in parts
        }
        held = set(archive.namelist())
        return {name: archive.read(path) for name, path in paths.items() if path in held}
