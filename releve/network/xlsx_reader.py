"""A workbook's bytes -> a grid per sheet.

fastexcel reads the cells; what it does not tell (merged ranges, cells with a formula error) is
read from the sheet's own XML.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from functools import partial
from html import unescape
from io import BytesIO

import fastexcel
import numpy as np
import polars as pl

from releve.errors import Phrase
from releve.network.raw_grid import RawGrid, Unreadable, strip_cells
from releve.network.size_limits import require_small_workbook

__all__ = ["read_sheets"]

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
    return {
        name: partial(_read_sheet, reader, name, notes.get(name, b""))
        for name in reader.sheet_names
    }


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
    """Return the XML of each sheet by the sheet's name."""
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
