"""Limits on what a file unpacks to, checked before it is unpacked: bytes, rows and cells.

A few kilobytes of a zip, a workbook or a Parquet file can stand for gigabytes: a zip in a zip, a
sheet with a cell in its last corner, a column that repeats one value. The sizes that a zip declares
are verified by unpacking it in small pieces.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterable
from io import BytesIO

import polars as pl

from releve.errors import Phrase
from releve.network.raw_grid import Unreadable

__all__ = [
    "MAX_CELLS",
    "MAX_FILES",
    "MAX_SHEET_CELLS",
    "MAX_UNPACKED_BYTES",
    "count_parquet_cells",
    "count_sheet_cells",
    "measure_unpacked",
    "read_parquet",
    "require_small_workbook",
]

MAX_UNPACKED_BYTES = 512 * 1024 * 1024
"""Of all files of a zip together, those of the workbooks in it included."""
MAX_FILES = 100
"""Files of a zip, or parts of a workbook."""
MAX_CELLS = 100_000_000
"""Rows times columns of a table."""
MAX_SHEET_CELLS = 20_000_000
"""Rows times columns up to the last cell of each sheet of a workbook, all sheets together: they are
laid out in memory whether filled or not."""

_PIECE = 1 << 20
# Attributes are taken possessively, and no "<" stands in a tag: the time is linear in the bytes.
_TAG = re.compile(rb"""<(?:\w+:)?(row|c)(?=[\s/>])((?>[^<>"']+|"[^"<]*"|'[^'<]*')*+)""")
_ROW = re.compile(rb"""\br\s*=\s*["'](\d{1,10})["']""")
_REFERENCE = re.compile(rb"""\br\s*=\s*["']([A-Za-z]{1,7})(\d{1,10})["']""")


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
    """Raise Unreadable where a workbook unpacks to more than the limits; BadZipFile: it is none."""
    with zipfile.ZipFile(BytesIO(data)) as archive:
        if len(archive.infolist()) > MAX_FILES or measure_unpacked(archive) > MAX_UNPACKED_BYTES:
            raise _too_large(
                Phrase(
                    "unpacks to more than {0} MB or {1} files",
                    MAX_UNPACKED_BYTES // 1024**2,
                    MAX_FILES,
                )
            )
        if count_sheet_cells(archive.read(item) for item in archive.infolist()) > MAX_SHEET_CELLS:
            raise _too_large(
                Phrase("has sheets of more than {0} cells up to their last one", MAX_SHEET_CELLS)
            )


def count_sheet_cells(parts: Iterable[bytes]) -> int:
    """Return rows times columns of the parts of a workbook, added up; more than the limit ends it.

    Whatever its name, a part with cells counts as a sheet.
    """
    total = 0
    for xml in parts:
        if xml[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\x00" in xml[:64]:
            return MAX_SHEET_CELLS + 1  # UTF-16, which no program writes: its cells go uncounted
        row = column = rows = columns = 0
        for tag in _TAG.finditer(xml):
            if tag[1] == b"row":
                named = [int(number) for number in _ROW.findall(tag[2])]
                row, column = max(named, default=row + 1), 0
            else:
                column += 1
                for letters, number in _REFERENCE.findall(tag[2]):
                    column, row = max(column, _read_column(letters)), max(row, int(number))
            if row > rows or column > columns:
                rows, columns = max(rows, row), max(columns, column)
                if total + rows * columns > MAX_SHEET_CELLS:
                    return total + rows * columns
        total += rows * columns
    return total


def _read_column(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number


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
        raise Unreadable(
            Phrase("is not a Parquet file that can be read"), Phrase("export it again")
        ) from error


def _too_large(reason: Phrase) -> Unreadable:
    return Unreadable(reason, Phrase("split it, or remove what is not a row of the table"))
