"""The values of a row as a reader sees them, and as JSON."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from releve.desk.presenters.text import Text
from releve.desk.registry.words import translate_option
from releve.network import TableColumn, TableRow, list_columns
from releve.network.clock import zone
from releve.registry.tables import bare_type

__all__ = ["build_json_row", "build_json_value", "format_for_reader"]


def format_for_reader(column: TableColumn, value: object, text: Text, zone_name: str) -> str:
    """Return a value for a table or a sentence; times are of the row's own place."""
    if value is None or value in ("", ()):
        return ""
    if isinstance(value, bool):
        return translate_option("true" if value else "false")
    if isinstance(value, float):
        return _number(value, text)
    if isinstance(value, tuple):
        return ", ".join(value)
    if isinstance(value, datetime):
        pattern = "%d/%m/%Y %H:%M" if text.french else "%Y-%m-%d %H:%M"
        return f"{value.astimezone(zone(zone_name)):{pattern}}"
    if isinstance(value, date):
        return f"{value:%d/%m/%Y}" if text.french else value.isoformat()
    return translate_option(str(value)) if value in column.condition.one_of else str(value)


def _number(value: float, text: Text) -> str:
    """Return a number with all the digits it has."""
    written = repr(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return written.replace(".", ",") if text.french else written


def build_json_row(row: TableRow | None) -> dict[str, Any] | None:
    """Return a row as plain values by column; times in UTC."""
    if row is None:
        return None
    return {
        column.name: build_json_value(getattr(row, column.name))
        for column in list_columns(type(row))
    }


def build_json_value(value: object) -> object:
    """Return a value as JSON holds it."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else value


def is_number(column: TableColumn) -> bool:
    """Return whether a column is aligned as numbers are."""
    return bare_type(column) is float
