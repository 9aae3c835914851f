"""Rows as texts of a file or form: values, a row found by its key, a search."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from releve.errors import Phrase
from releve.network import Operator, TableRow, list_columns
from releve.network.cell_text import format_value
from releve.network.columns import bare_type
from releve.network.folder_reader import map_zones
from releve.registry.tables import NotThere, build_key, get_row_class, get_rows


def format_row(row: TableRow, operator: Operator) -> dict[str, str]:
    """Return the values of a row as texts by column: read again, they give the same row.

    Times are of the row's place, with their offset.
    """
    name = find_zone(operator, row.table)(row)
    return {column.name: format_value(getattr(row, column.name), name) for column in list_columns(type(row))}


def find_zone(operator: Operator, table: str) -> Callable[[Any], str]:
    return map_zones(operator, get_row_class(table))


def find_position(operator: Operator, table: str, key: str) -> int | None:
    """Return where a row stands in its table (from 0); None when there is no such row."""
    get_row_class(table)
    rows = enumerate(get_rows(operator, table))
    return next((position for position, row in rows if build_key(row) == key), None)


def get_position(operator: Operator, table: str, key: str) -> int:
    """Return where a row stands in its table (from 0); NotThere when there is no such row."""
    position = find_position(operator, table, key)
    if position is None:
        raise NotThere(Phrase("there is no row {0!r} in the table {1}", key, table))
    return position


def complete_texts(table: str, values: Mapping[str, str], before: Mapping[str, str]) -> dict[str, str]:
    """Return the texts of a whole row: ``values``, and those it had where none is given.

    NotThere for a column that the table does not have.
    """
    names = [column.name for column in list_columns(get_row_class(table))]
    strange = [name for name in values if name not in names]
    if strange:
        raise NotThere(
            Phrase("the table {0} has no column {1!r}; its columns are {2}", table, strange[0], ", ".join(names))
        )
    return {name: values.get(name, before.get(name, "")).strip() for name in names}


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
