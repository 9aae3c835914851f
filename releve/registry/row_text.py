"""The values of a row as the texts of a file or a form, and a row of an operator found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from releve.errors import Phrase
from releve.network import Operator, TableRow, list_columns
from releve.network.cell_text import format_value
from releve.network.folder_writer import map_zones
from releve.registry.errors import NotThere
from releve.registry.tables import build_key, get_row_class, get_rows

__all__ = [
    "complete_texts",
    "find_position",
    "find_zone",
    "format_row",
    "get_position",
]


def format_row(row: TableRow, operator: Operator) -> dict[str, str]:
    """Return the values of a row as texts by column: read again, they give the same row.

    Times are of the row's place, with their offset.
    """
    name = find_zone(operator, row.table)(row)
    return {
        column.name: format_value(getattr(row, column.name), name)
        for column in list_columns(type(row))
    }


def find_zone(operator: Operator, table: str) -> Callable[[Any], str]:
    """Return how to find the time zone of a row of a table."""
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


def complete_texts(
    table: str, values: Mapping[str, str], before: Mapping[str, str]
) -> dict[str, str]:
    """Return the texts of a whole row: ``values``, and those it had where none is given.

    NotThere for a column that the table does not have.
    """
    names = [column.name for column in list_columns(get_row_class(table))]
    strange = [name for name in values if name not in names]
    if strange:
        raise NotThere(
            Phrase(
                "the table {0} has no column {1!r}; its columns are {2}",
                table,
                strange[0],
                ", ".join(names),
            )
        )
    return {name: values.get(name, before.get(name, "")).strip() for name in names}
