"""What the tables, their columns and their values are called on a page; its template filters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.template import Library
from django.utils.translation import get_language, gettext, ngettext, pgettext, pgettext_lazy
from django.utils.translation import gettext_lazy as lazy

from releve.demand.import_report import ImportFault, RowCount, describe_import_fault
from releve.desk.filters import add_words
from releve.desk.text import text_now, translate_phrase
from releve.network import Fault, TableColumn, describe_faults, list_columns
from releve.network.cell_text import format_for_reader
from releve.network.columns import bare_type
from releve.network.table_words import get_column_naming, get_table_naming, name_unit
from releve.registry.change_list import ListedChange
from releve.registry.changes import RowChange
from releve.registry.row_search import NumberedRow
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
    return translate_phrase(name_unit(column.unit))


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
def cells(row: NumberedRow, table: str) -> Iterator[tuple[str, bool]]:
    """Yield the values of a row, and whether each is aligned as numbers are."""
    language = get_reader_language()
    for column in list_columns(get_row_class(table)):
        value = getattr(row.values, column.name)
        text = format_for_reader(table, column, value, row.time_zone, language)
        yield text, _is_number(column)


@register.filter
def changed_values(row: ListedChange, table: str) -> Iterator[tuple[str, str, str]]:
    """Yield what each value that changed is called, was and is; none that was and is empty."""
    columns = {column.name: column for column in list_columns(get_row_class(table))}
    for field in RowChange(table, row.key, row.before, row.after).fields():
        column = columns[field.column]
        before, after = (
            format_for_reader(table, column, value, row.time_zone, get_reader_language())
            for value in (field.before, field.after)
        )
        if before or after:
            yield translate_column(table, column), before, after


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
