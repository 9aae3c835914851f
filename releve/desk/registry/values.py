"""The values of a row as a reader sees them."""

from __future__ import annotations

from datetime import date, datetime

from releve.desk.registry.words import translate_option
from releve.desk.text import Text
from releve.network import TableColumn
from releve.network.cell_text import format_cell, format_value, join_items
from releve.network.clock import zone
from releve.network.columns import bare_type
from releve.network.opening_text import translate_opening


def format_for_reader(
    table: str, column: TableColumn, value: object, text: Text, zone_name: str
) -> str:
    """Return a value for a table or a sentence; times are of the row's own place."""
    if value is None or value in ("", ()):
        return ""
    if isinstance(value, float):
        return _number(value, text)
    if isinstance(value, datetime):
        pattern = "%d/%m/%Y %H:%M" if text.french else "%Y-%m-%d %H:%M"
        return f"{value.astimezone(zone(zone_name)):{pattern}}"
    if isinstance(value, date):
        return f"{value:%d/%m/%Y}" if text.french else value.isoformat()
    if isinstance(value, tuple):
        return ", ".join(translate_option(table, column, item) for item in value)
    if column.name == "opening":
        return translate_opening(str(value), text.language)
    return translate_option(table, column, format_value(value, zone_name))


def format_for_form(
    table: str, column: TableColumn, value: object, text: Text, zone_name: str
) -> str:
    """Return a value for a field: read again it is the same; of a closed vocabulary its id."""
    if list_options(column):
        return format_value(value, zone_name)
    if not text.french and isinstance(value, tuple):
        return join_items(value, ", ")
    return format_cell(table, column, value, zone_name, text.language, plain=False)


def list_options(column: TableColumn) -> tuple[str, ...]:
    """Return the ids of the values to choose from; empty where any text is one."""
    return ("true", "false") if bare_type(column) is bool else column.condition.one_of


def _number(value: float, text: Text) -> str:
    """Return a number with all the digits it has."""
    written = repr(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return written.replace(".", ",") if text.french else written


def is_number(column: TableColumn) -> bool:
    """Return whether a column is aligned as numbers are."""
    return bare_type(column) is float
