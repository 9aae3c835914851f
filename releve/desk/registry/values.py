"""The values of a row as a reader sees them."""

from __future__ import annotations

from datetime import date, datetime

from releve.desk.registry.words import translate_option
from releve.desk.text import Text
from releve.network import TableColumn
from releve.network.clock import zone
from releve.registry.tables import bare_type

__all__ = ["format_for_reader"]


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


def is_number(column: TableColumn) -> bool:
    """Return whether a column is aligned as numbers are."""
    return bare_type(column) is float
