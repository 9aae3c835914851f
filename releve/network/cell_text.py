"""Values as the texts of a file: read again, they are the same values.

In English numbers have a point, dates are ISO and values of closed vocabularies are their ids. In
French numbers have a comma, dates are ``30/11/2026`` and values are called by their labels.
A name between other text keeps its own direction.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime

from releve.network.columns import TableColumn, bare_type, list_options
from releve.network.moments import UTC, to_utc, zone
from releve.network.opening_hours import translate_opening
from releve.network.table_words import name_value

_SEPARATORS = re.compile(r"[,;|\n]")
_FRENCH_NUMBER = re.compile(r"[+-]?\d[\d \u00a0\u202f]*(?:,\d+)?")


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


def format_cell(table: str, column: TableColumn, value: object, zone_name: str, language: str, plain: bool) -> str:
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


def format_for_reader(table: str, column: TableColumn, value: object, zone_name: str, language: str) -> str:
    """Return a value for a table or a sentence: a list with its labels, a time to the minute."""
    if value is None:
        return ""
    if isinstance(value, tuple):
        return ", ".join(name_value(table, column.name, item, language) for item in value)
    if isinstance(value, datetime):
        pattern = "%d/%m/%Y %H:%M" if language == "fr" else "%Y-%m-%d %H:%M"
        return f"{value.astimezone(zone(zone_name)):{pattern}}"
    if language == "fr" or isinstance(value, float | date):
        return format_cell(table, column, value, zone_name, language, plain=True)
    return name_value(table, column.name, format_value(value, zone_name), language)


def format_for_form(table: str, column: TableColumn, value: object, zone_name: str, language: str) -> str:
    """Return a value for a field: read again it is the same; of a closed vocabulary its id."""
    if list_options(column):
        return format_value(value, zone_name)
    if language == "en" and isinstance(value, tuple):
        return join_items(value, ", ")
    return format_cell(table, column, value, zone_name, language, plain=False)


def read_form_value(column: TableColumn, text: str, language: str) -> str:
    """Return what a field was filled in with as the text of a file: a French number has a point."""
    number = language == "fr" and bare_type(column) is float
    if number and _FRENCH_NUMBER.fullmatch(text.strip()):
        return re.sub("[ \u00a0\u202f]", "", text).replace(",", ".")
    return text


_ISOLATE, _END_ISOLATE = "\u2068", "\u2069"


def isolate_name(name: str) -> str:
    """Return a name that keeps its own direction beside other text.

    A name with Arabic letters would else draw a number or a colon after it to its left, and put its
    own Latin letters last (Unicode Standard Annex 9, first strong isolate). Others are returned as
    they are.
    """
    if not any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in name):
        return name
    return f"{_ISOLATE}{name}{_END_ISOLATE}"
