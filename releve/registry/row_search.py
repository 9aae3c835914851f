"""The rows of a table that hold a text, page by page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from releve.network import Operator, TableRow, list_columns
from releve.network.columns import bare_type
from releve.registry.row_text import find_zone
from releve.registry.tables import build_key, get_row_class, get_rows

__all__ = ["FIRST_ROW", "ROWS", "NumberedRow", "TableSlice", "select_rows"]

ROWS = 50
"""Rows on a page."""
FIRST_ROW = 2
"""The number of the first row of a table as a file: its header is row 1."""


@dataclass(frozen=True, slots=True)
class NumberedRow:
    """A row of a table; ``row`` is the number it has in the table as a file."""

    row: int
    key: str
    time_zone: str
    values: Any


@dataclass(frozen=True, slots=True)
class TableSlice:
    """A page of the rows of a table that were ``found``, of ``total`` in all."""

    total: int
    found: int
    page: int
    pages: int
    rows: tuple[NumberedRow, ...]


def select_rows(operator: Operator, table: str, query: str, page: int) -> TableSlice:
    """Return the rows whose key or texts hold the query; a page beyond the last is the last."""
    kind = get_row_class(table)
    rows = get_rows(operator, table)
    positions: Sequence[int] = range(len(rows))
    if query:
        names = [c.name for c in list_columns(kind) if bare_type(c) is not float]
        needle = query.casefold()
        positions = [at for at, row in enumerate(rows) if _holds(row, names, needle)]
    pages = max(1, -(-len(positions) // ROWS))
    number, find = min(max(page, 1), pages), find_zone(operator, table)
    return TableSlice(
        total=len(rows),
        found=len(positions),
        page=number,
        pages=pages,
        rows=tuple(
            NumberedRow(at + FIRST_ROW, build_key(rows[at]), find(rows[at]), rows[at])
            for at in positions[(number - 1) * ROWS : number * ROWS]
        ),
    )


def _holds(row: TableRow, names: list[str], needle: str) -> bool:
    if needle in build_key(row).casefold():
        return True
    for name in names:
        value = getattr(row, name)
        texts = value if isinstance(value, tuple) else (value,) if isinstance(value, str) else ()
        if any(needle in text.casefold() for text in texts):
            return True
    return False
