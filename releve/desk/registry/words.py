"""What the tables, their columns and their values are called on a page; its template filters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime

from django.template import Library
from django.utils.translation import get_language, gettext, ngettext, pgettext, pgettext_lazy
from django.utils.translation import gettext_lazy as lazy

from releve.demand.import_report import ImportFault, RowCount, describe_import_fault
from releve.desk.filters import add_words
from releve.desk.registry.page import ChangedRow, TableRowPart
from releve.desk.text import text_now, translate_phrase
from releve.network import Fault, TableColumn, describe_faults, list_columns
from releve.network.cell_text import format_cell, format_value, join_items
from releve.network.clock import zone
from releve.network.columns import bare_type
from releve.network.table_words import get_column_naming, get_table_naming, name_value
from releve.registry.changes import RowChange
from releve.registry.tables import KINDS, get_row_class

register = Library()
add_words(
    register,
    "change_word",
    {
        "added": pgettext_lazy("row", "added"),
        "removed": pgettext_lazy("row", "removed"),
        "changed": pgettext_lazy("row", "changed"),
    },
)
add_words(
    register,
    "log_meaning",
    {
        "start": lazy("Date and time"),
        "programme": lazy("Queue"),
        "offered": lazy("Calls offered"),
        "answered": lazy("Calls answered"),
        "aht_s": lazy("Mean handling time"),
        "outcome": lazy("Outcome of the call"),
        "wait_s": lazy("Wait"),
        "service_s": lazy("Handling time"),
    },
    else_code=True,
)

UNITS = {
    "": "",
    "m": "m",
    "degrees": "°",
    "m3": "m³",
    "1/h": "1/h",
    "s": "s",
    "share": lazy("share from 0 to 1"),
    "EUR": "€",
    "ratio": lazy("ratio"),
    "h": "h",
    "days": lazy("days"),
    "km": "km",
    "min": "min",
    "Mbit/s": "Mbit/s",
}


def get_reader_language() -> str:
    """Return the language of this request."""
    return "fr" if (get_language() or "fr").startswith("fr") else "en"


@register.filter
def translate_table(table: str) -> str:
    """Return what a table is called; its own name for a table of an earlier release."""
    return get_table_naming(table).label(get_reader_language()) if table in KINDS else table


@register.filter
def table_about(table: str) -> str:
    """Return what is in a table."""
    return translate_doc(get_row_class(table).doc)


def translate_doc(doc: str) -> str:
    """Return a sentence of the tables' declarations in the reader's language."""
    return gettext(doc).replace("`", "")


def translate_column(table: str, column: TableColumn) -> str:
    """Return what a column is called."""
    return get_column_naming(table, column.name).label(get_reader_language())


def translate_unit(column: TableColumn) -> str:
    """Return the unit of a column's values; empty where there is none."""
    return str(UNITS[column.unit])


def translate_option(table: str, column: TableColumn, value: str) -> str:
    """Return what an allowed value is called."""
    return name_value(table, column.name, value, get_reader_language())


@register.filter
def describe_counts(counts: dict[str, int]) -> str:
    """Return what happened to a table in words: ``2 added, 1 changed``."""
    words = {
        "added": ngettext("{n} added", "{n} added", counts.get("added", 0)),
        "removed": ngettext("{n} removed", "{n} removed", counts.get("removed", 0)),
        "changed": ngettext("{n} changed", "{n} changed", counts.get("changed", 0)),
        "moved": pgettext("rows", "in another order"),
    }
    text = text_now("UTC")
    return ", ".join(
        word.format(n=text.number(counts[kind])) for kind, word in words.items() if kind in counts
    )


@register.filter
def headings(table: str) -> Iterator[tuple[str, str, bool]]:
    """Yield the name and the unit of each column, and whether it is aligned as numbers are."""
    for column in list_columns(get_row_class(table)):
        yield translate_column(table, column), translate_unit(column), _is_number(column)


@register.filter
def cells(row: TableRowPart, table: str) -> Iterator[tuple[str, bool]]:
    """Yield the values of a row, and whether each is aligned as numbers are."""
    for column in list_columns(get_row_class(table)):
        value = getattr(row.values, column.name)
        yield format_for_reader(table, column, value, row.time_zone), _is_number(column)


@register.filter
def changed_values(row: ChangedRow, table: str) -> Iterator[tuple[str, str, str]]:
    """Yield what each value that changed is called, was and is; none that was and is empty."""
    columns = {column.name: column for column in list_columns(get_row_class(table))}
    for field in RowChange(table, row.key, row.before, row.after).fields():
        column = columns[field.column]
        before, after = (
            format_for_reader(table, column, value, row.time_zone)
            for value in (field.before, field.after)
        )
        if before or after:
            yield translate_column(table, column), before, after


def format_for_reader(table: str, column: TableColumn, value: object, time_zone: str) -> str:
    """Return a value for a table or a sentence; times are of the row's own place."""
    language = get_reader_language()
    if value is None:
        return ""
    if isinstance(value, tuple):
        return ", ".join(translate_option(table, column, item) for item in value)
    if isinstance(value, datetime):
        pattern = "%d/%m/%Y %H:%M" if language == "fr" else "%Y-%m-%d %H:%M"
        return f"{value.astimezone(zone(time_zone)):{pattern}}"
    if language == "fr" or isinstance(value, float | date):
        return format_cell(table, column, value, time_zone, language, plain=True)
    return translate_option(table, column, format_value(value, time_zone))


def format_for_form(table: str, column: TableColumn, value: object, time_zone: str) -> str:
    """Return a value for a field: read again it is the same; of a closed vocabulary its id."""
    language = get_reader_language()
    if list_options(column):
        return format_value(value, time_zone)
    if language == "en" and isinstance(value, tuple):
        return join_items(value, ", ")
    return format_cell(table, column, value, time_zone, language, plain=False)


def list_options(column: TableColumn) -> tuple[str, ...]:
    """Return the ids of the values to choose from; empty where any text is one."""
    return ("true", "false") if bare_type(column) is bool else column.condition.one_of


def _is_number(column: TableColumn) -> bool:
    return bare_type(column) is float


@register.filter
def describe_causes(faults: Iterable[Fault]) -> tuple[str, ...]:
    """Return one sentence for each cause of faults, with its place."""
    return describe_faults(faults, gettext, get_reader_language())


@register.filter
def describe_fault(fault: Fault) -> str:
    """Return a fault with its place: ``Roster, row 12, agent “a00042”: …``."""
    return describe_causes((fault,))[0]


@register.filter
def log_fault(fault: ImportFault) -> str:
    """Return a fault of a call log with its place."""
    return describe_import_fault(fault, gettext, get_reader_language())


@register.filter
def row_counts(rows: RowCount) -> str:
    """Return where the rows of a call log went."""
    return ", ".join(map(translate_phrase, rows.phrases()))
