"""Lists as an Excel file: a sheet each, with a header that stays in sight and filters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO

import xlsxwriter

__all__ = ["Cell", "ListSheet", "write_sheets"]

Cell = str | int | datetime | None
"""A cell; times have no zone, as in Excel, and None is an empty cell."""
_WIDTH = 18


@dataclass(frozen=True, slots=True)
class ListSheet:
    """A list: the title of each column, and rows of as many cells."""

    name: str
    titles: Sequence[str]
    rows: Sequence[Sequence[Cell]]


def write_sheets(sheets: Iterable[ListSheet], created: datetime) -> bytes:
    """Return a workbook; ``created`` is in its properties, so that its bytes are the same again."""
    out = BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False})
    book.set_properties({"created": created.replace(tzinfo=None)})
    for sheet in sheets:
        _write_sheet(book, sheet)
    book.close()
    return out.getvalue()


def _write_sheet(book: xlsxwriter.Workbook, sheet: ListSheet) -> None:
    page = book.add_worksheet(sheet.name)
    bold = book.add_format({"bold": True, "bottom": 1})
    moment = book.add_format({"num_format": "dd/mm/yyyy hh:mm"})
    page.write_row(0, 0, sheet.titles, bold)
    page.freeze_panes(1, 1)
    page.set_column(0, len(sheet.titles) - 1, _WIDTH)
    for number, row in enumerate(sheet.rows, 1):
        for column, value in enumerate(row):
            if isinstance(value, datetime):
                page.write_datetime(number, column, value, moment)
            elif isinstance(value, int):
                page.write_number(number, column, value)
            elif value:
                page.write_string(number, column, value)
    page.autofilter(0, 0, max(1, len(sheet.rows)), len(sheet.titles) - 1)
