"""What the tables, their columns and their values are called on a page."""

from __future__ import annotations

from django.template import Library
from django.utils.translation import get_language, gettext, ngettext, pgettext
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from releve.desk.text import Text, text_now
from releve.network import TableColumn
from releve.network.table_words import get_column_naming, get_table_naming, name_value
from releve.registry.models import Version
from releve.registry.tables import KINDS

register = Library()

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


def translate_table(table: str) -> str:
    """Return what a table is called; its own name for a table of an earlier release."""
    return get_table_naming(table).label(get_reader_language()) if table in KINDS else table


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


def describe_counts(counts: dict[str, int], text: Text) -> str:
    """Return what happened to a table in words: ``2 added, 1 changed``."""
    words = {
        "added": ngettext("{n} added", "{n} added", counts.get("added", 0)),
        "removed": ngettext("{n} removed", "{n} removed", counts.get("removed", 0)),
        "changed": ngettext("{n} changed", "{n} changed", counts.get("changed", 0)),
        "moved": pgettext("rows", "in another order"),
    }
    return ", ".join(
        word.format(n=text.number(counts[kind])) for kind, word in words.items() if kind in counts
    )


@register.filter
def version_changes(version: Version) -> list[str]:
    """Return what a version changed, a table each."""
    text = text_now("UTC")
    return [
        _("{table}: {counts}").format(
            table=translate_table(table), counts=describe_counts(counts, text)
        )
        for table, counts in version.summary.items()
    ]
