"""What the pages of versions and of previews show: who, when, and what changed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from releve.desk.page import pick_fields
from releve.desk.registry.values import format_for_reader
from releve.desk.registry.words import describe_counts, translate_column, translate_table
from releve.desk.text import Text
from releve.network import Operator, list_columns
from releve.registry.changes import RowChange, TableChanges
from releve.registry.models import Version
from releve.registry.row_text import find_zone
from releve.registry.tables import get_row_class

_MOST_ROWS = 100
"""Rows of a table that a page of changes shows; the counts are of all."""
_MOST_READ = 5000
"""A table with more changes than this is shown by its counts alone."""


@dataclass(frozen=True, slots=True)
class FieldView:
    """A value that changed."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class ChangeView:
    """A row that came, went or changed; ``tone`` is the status it is coloured as."""

    key: str
    kind: str
    word: str
    fields: tuple[FieldView, ...]


@dataclass(frozen=True, slots=True)
class ChangeList:
    """The changes of one table; ``more`` says how many are not listed."""

    table: str
    name: str
    summary: str
    rows: tuple[ChangeView, ...]
    more: str


def build_version_twin(version: Version) -> dict[str, Any]:
    """Return a version as plain values."""
    names = ("number", "made_at", "made_by", "comment", "source", "undoes", "digest")
    return {**pick_fields(version, *names), "changes": version.summary}


def select_listed_tables(summary: Mapping[str, Mapping[str, int]]) -> frozenset[str]:
    """Return the tables whose changes are few enough to be read row by row."""
    return frozenset(
        table for table, counts in summary.items() if sum(counts.values()) <= _MOST_READ
    )


def build_change_lists(
    summary: Mapping[str, dict[str, int]],
    tables: Mapping[str, TableChanges],
    operators: Collection[Operator],
    text: Text,
) -> tuple[ChangeList, ...]:
    """Return the changes by table: counts of all of them, the first rows of those in ``tables``.

    ``operators`` are the ones before and after, in which a row's time zone is found.
    """
    return tuple(
        _list(table, counts, tables.get(table), operators, text)
        for table, counts in summary.items()
    )


def _list(
    table: str,
    counts: dict[str, int],
    changes: TableChanges | None,
    operators: Collection[Operator],
    text: Text,
) -> ChangeList:
    rows = [] if changes is None else list(islice(changes.rows(), _MOST_ROWS))
    total = sum(count for kind, count in counts.items() if kind != "moved")
    more = total - len(rows)
    return ChangeList(
        table,
        translate_table(table),
        describe_counts(counts, text),
        tuple(_view(change, operators, text) for change in rows),
        _("… and {count} more").format(count=text.number(more)) if rows and more > 0 else "",
    )


def _view(change: RowChange, operators: Collection[Operator], text: Text) -> ChangeView:
    words = {
        "added": pgettext("row", "added"),
        "removed": pgettext("row", "removed"),
        "changed": pgettext("row", "changed"),
    }
    columns = {column.name: column for column in list_columns(get_row_class(change.table))}
    zone_name = _zone(change, operators, text)
    fields = tuple(
        FieldView(
            translate_column(change.table, columns[field.column]),
            format_for_reader(change.table, columns[field.column], field.before, text, zone_name),
            format_for_reader(change.table, columns[field.column], field.after, text, zone_name),
        )
        for field in change.fields()
    )
    kept = tuple(field for field in fields if field.before or field.after)
    return ChangeView(change.key, change.kind, words[change.kind], kept)


def _zone(change: RowChange, operators: Collection[Operator], text: Text) -> str:
    """Return the time zone of a row in whichever operator knows its place."""
    row = change.after or change.before
    for operator in operators:
        try:
            return find_zone(operator, change.table)(row)
        except KeyError:
            continue
    return text.time_zone


def build_changes_twin(
    summary: Mapping[str, Mapping[str, int]], tables: Mapping[str, TableChanges]
) -> list[dict[str, Any]]:
    """Return the changes as plain values: the counts of all, the first rows of those listed."""
    return [
        {"table": table, "counts": counts, "rows": _rows_twin(tables.get(table))}
        for table, counts in summary.items()
    ]


def _rows_twin(changes: TableChanges | None) -> list[dict[str, Any]]:
    if changes is None:
        return []
    names = ("key", "kind", "before", "after")
    return [pick_fields(change, *names) for change in islice(changes.rows(), _MOST_ROWS)]
