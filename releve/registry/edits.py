"""One row added, changed or removed: the operator that results passes every check, or nothing."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, replace
from io import StringIO
from typing import Any

from releve.errors import Phrase
from releve.network import (
    Fault,
    Operator,
    OperatorFaults,
    list_columns,
    read_operator,
    write_operator,
)
from releve.registry.changes import Changes
from releve.registry.errors import Conflict, NotThere
from releve.registry.models import Version
from releve.registry.row_text import complete_texts, find_position, format_row, get_position
from releve.registry.service import (
    apply_changes,
    get_current_version,
    get_version,
    load_operator,
    preview_changes,
)
from releve.registry.tables import get_row_class, get_rows

__all__ = ["Edit", "add_row", "edit_row", "prepare_edit", "remove_row"]

_OF_INTEREST: Mapping[str, frozenset[str]] = {
    "history": frozenset(("history", "programmes")),
    "shifts": frozenset(("agents", "shifts", "sites")),
}
"""The two large tables, and those whose change may make a fault in them: else they are left out."""


@dataclass(frozen=True, slots=True)
class Edit:
    """A row to add (``key`` empty), to change, or to remove (``values`` None).

    ``values`` are texts by column, as in a file; a column that is not there keeps its value.
    ``seen`` is the number of the version that was looked at, None for the current one.
    """

    table: str
    key: str
    values: Mapping[str, str] | None
    seen: int | None = None


def add_row(table: str, values: Mapping[str, str], by: str, comment: str = "") -> Version:
    """Add a row; OperatorFaults names what would be wrong, and nothing is stored."""
    return apply_changes(prepare_edit(Edit(table, "", values)), by, comment)


def edit_row(
    table: str,
    key: str,
    values: Mapping[str, str],
    by: str,
    comment: str = "",
    *,
    seen: int | None = None,
) -> Version:
    """Change a row; OperatorFaults names what would be wrong, and nothing is stored."""
    return apply_changes(prepare_edit(Edit(table, key, values, seen)), by, comment)


def remove_row(
    table: str, key: str, by: str, comment: str = "", *, seen: int | None = None
) -> Version:
    """Remove a row; OperatorFaults names the rows that still need it, and nothing is stored."""
    return apply_changes(prepare_edit(Edit(table, key, None, seen)), by, comment)


def prepare_edit(wanted: Edit) -> Changes:
    """Return the changes that an edit makes, after every check of the operator that results.

    OperatorFaults with all faults, NotThere without such a table, column or row, Conflict when
    the row is not as it was in the version that was ``seen``.
    """
    base = get_current_version()
    if base is None:
        raise NotThere(Phrase("the registry is empty: import an operator first"))
    operator = load_operator(base)
    kind = get_row_class(wanted.table)
    at = len(get_rows(operator, wanted.table))
    before: Mapping[str, str] = {}
    if wanted.key:
        at = _position(operator, wanted, base)
        before = format_row(get_rows(operator, wanted.table)[at], operator)
    texts = None if wanted.values is None else complete_texts(wanted.table, wanted.values, before)
    if texts is not None and not any(texts.values()):
        raise OperatorFaults(_empty(wanted.table, at))
    columns = [column.name for column in list_columns(kind)]
    row = None if texts is None else [texts[name] for name in columns]
    changes = preview_changes(_checked(operator, wanted.table, at, row))
    if changes.base != base.number:
        raise Conflict(
            Phrase("the registry changed while this was checked; nothing was stored: try again")
        )
    return changes


def _position(operator: Operator, wanted: Edit, base: Version) -> int:
    """Return where the row stands; Conflict when it is not the one that was seen."""
    if wanted.seen is None or wanted.seen == base.number:
        return get_position(operator, wanted.table, wanted.key)
    seen = load_operator(get_version(wanted.seen))
    then = get_rows(seen, wanted.table)[get_position(seen, wanted.table, wanted.key)]
    at = find_position(operator, wanted.table, wanted.key)
    if at is None or get_rows(operator, wanted.table)[at] != then:
        raise Conflict(
            Phrase(
                "{0} of {1} was changed after version {2}, which was looked at;"
                " the last change is by {3}; nothing was stored: look again",
                wanted.key,
                wanted.table,
                wanted.seen,
                base.made_by,
            )
        )
    return at


def _checked(operator: Operator, table: str, at: int, row: list[str] | None) -> Operator:
    """Return the operator with a row of texts put in place of the one at ``at`` (or removed).

    Row ``len(rows)`` is a new one. The large tables that the edit cannot touch are not checked
    again, since they passed when they came in, and stay the very same.
    """
    kept = {
        name: getattr(operator, name)
        for name, touched in _OF_INTEREST.items()
        if table not in touched
    }
    none: dict[str, Any] = dict.fromkeys(kept, ())
    files = write_operator(replace(operator, **none))
    name = f"{table}.csv"
    lines = _lines(files.get(name), table)
    lines[at + 1 : at + 2] = [] if row is None else [row]
    out = StringIO()
    csv.writer(out, lineterminator="\n").writerows(lines)
    files[name] = out.getvalue().encode()
    return replace(read_operator(files), **kept)


def _lines(data: bytes | None, table: str) -> list[list[str]]:
    if data is None:
        return [[column.name for column in list_columns(get_row_class(table))]]
    return list(csv.reader(StringIO(data.decode(), newline="")))


def _empty(table: str, at: int) -> tuple[Fault, ...]:
    """Return the faults of a row without any text, which a file would not show."""
    return tuple(
        Fault(
            table,
            at + 2,
            column.name,
            "",
            Phrase("is empty"),
            Phrase("write a value like {0}", column.example),
        )
        for column in list_columns(get_row_class(table))
        if column.required
    )
