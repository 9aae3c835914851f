"""The values of a row as the texts of a file or a form, and a row of an operator found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from releve.errors import Phrase
from releve.network import Operator, TableRow, list_columns, zone
from releve.registry.errors import NotThere
from releve.registry.tables import build_key, get_row_class, get_rows

__all__ = [
    "complete_texts",
    "find_position",
    "find_zone",
    "format_row",
    "format_value",
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


def format_value(value: object, zone_name: str) -> str:
    """Return a value as a text: empty for None, ``|`` between items, a time in a zone."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, tuple):
        return "|".join(value)
    if isinstance(value, datetime):
        local = value.astimezone(zone(zone_name))
        precise = local.second or local.microsecond
        return local.isoformat() if precise else local.isoformat(timespec="minutes")
    return value.isoformat() if isinstance(value, date) else str(value)


def find_zone(operator: Operator, table: str) -> Callable[[Any], str]:
    """Return how to find the time zone of a row: of the agent's home site, of the programme.

    A row of another table has no times; it gets the operator's zone.
    """
    if table == "shifts":
        return lambda row: operator.site[operator.agent[row.agent].home_site].time_zone
    if table == "history":
        return lambda row: operator.programme[row.programme].time_zone
    return lambda row: operator.row.time_zone


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
