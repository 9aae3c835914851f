"""Values as the texts of a file: read again, they are the same values.

In English numbers have a point, dates are ISO and values of closed vocabularies are their ids. In
French numbers have a comma, dates are ``30/11/2026`` and values are called by their labels.
"""

from __future__ import annotations

import re
from datetime import date, datetime

from releve.network.clock import UTC, to_utc, zone
from releve.network.columns import TableColumn
from releve.network.opening_text import translate_opening
from releve.network.table_words import name_value

__all__ = ["format_cell", "format_value", "is_plain_time", "join_items"]

_SEPARATORS = re.compile(r"[,;|\n]")


def format_value(value: object, zone_name: str) -> str:
    """Return a value in English: empty for None, ``|`` between items, a time with its offset."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, tuple):
        return join_items(value, "|")
    if isinstance(value, datetime):
        local = value.astimezone(zone(zone_name))
        precise = local.second or local.microsecond
        return local.isoformat() if precise else local.isoformat(timespec="minutes")
    return value.isoformat() if isinstance(value, date) else str(value)


def join_items(items: tuple[str, ...], between: str) -> str:
    """Return the items of a list in one cell; those that hold a separator stand between bars."""
    if not any(_SEPARATORS.search(item) for item in items):
        return between.join(items)
    return "|".join(items) + ("|" if len(items) == 1 else "")


def is_plain_time(value: datetime, zone_name: str) -> bool:
    """Return whether a time is known by its local clock alone, to the second."""
    local = value.astimezone(zone(zone_name))
    if local.microsecond or local.utcoffset() != local.replace(fold=1).utcoffset():
        return False
    try:
        return to_utc(local.replace(tzinfo=None), zone_name) == value.astimezone(UTC)
    except ValueError:
        return False


def format_cell(
    table: str, column: TableColumn, value: object, zone_name: str, language: str, plain: bool
) -> str:
    """Return a value of a column in a language; ``plain`` = its time needs no offset."""
    if language != "fr":
        return format_value(value, zone_name)
    if isinstance(value, bool):
        return name_value(table, column.name, format_value(value, ""), language)
    if isinstance(value, tuple):
        return join_items(tuple(name_value(table, column.name, v, language) for v in value), ", ")
    if isinstance(value, float):
        return format_value(value, "").replace(".", ",")
    if isinstance(value, datetime):
        local = value.astimezone(zone(zone_name))
        if not plain:
            return format_value(value, zone_name)
        return f"{local:%d/%m/%Y %H:%M:%S}" if local.second else f"{local:%d/%m/%Y %H:%M}"
    if isinstance(value, date):
        return f"{value:%d/%m/%Y}"
    if column.name == "opening":
        return translate_opening(str(value), language)
    return name_value(table, column.name, format_value(value, ""), language)
