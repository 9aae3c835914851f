"""The rows of a table that hold a text, page by page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from releve.network import Operator, TableRow, list_columns
from releve.network.columns import bare_type
from releve.registry.tables import build_key, get_row_class, get_rows

__all__ = ["ROWS", "TableSlice", "select_rows"]

ROWS = 50
"""Rows on a page."""


@dataclass(frozen=True, slots=True)
class TableSlice:
    """The rows of a table that were asked for: their positions, those of the page in hand."""

    rows: tuple[TableRow, ...]
    positions: Sequence[int]
    page: int
    pages: int

    @property
    def here(self) -> Sequence[int]:
        return self.positions[(self.page - 1) * ROWS : self.page * ROWS]


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
    return TableSlice(rows, positions, min(max(page, 1), pages), pages)


def _holds(row: TableRow, names: list[str], needle: str) -> bool:
    if needle in build_key(row).casefold():
        return True
    for name in names:
        value = getattr(row, name)
        texts = value if isinstance(value, tuple) else (value,) if isinstance(value, str) else ()
        if any(needle in text.casefold() for text in texts):
            return True
    return False
