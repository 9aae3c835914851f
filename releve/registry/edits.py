"""One row added, changed or removed: the operator that results passes every check, or nothing.

What changed between versions, for people: counts of all, the first rows of each table.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from io import StringIO
from itertools import islice
from typing import Any

from releve.errors import Phrase
from releve.network import Fault, Operator, OperatorFaults, list_columns, read_operator, write_operator
from releve.registry import service
from releve.registry.changes import Changes, RowChange, TableChanges
from releve.registry.models import Version
from releve.registry.row_text import complete_texts, find_position, find_zone, format_row, get_position
from releve.registry.service import apply_changes, get_current_version, get_version, load_operator, preview_changes
from releve.registry.tables import Conflict, NotThere, get_row_class, get_rows

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
    table: str, key: str, values: Mapping[str, str], by: str, comment: str = "", *, seen: int | None = None
) -> Version:
    """Change a row; OperatorFaults names what would be wrong, and nothing is stored."""
    return apply_changes(prepare_edit(Edit(table, key, values, seen)), by, comment)


def remove_row(table: str, key: str, by: str, comment: str = "", *, seen: int | None = None) -> Version:
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
        raise Conflict(Phrase("the registry changed while this was checked; nothing was stored: try again"))
    return changes


def prepare_leaving(agent: str) -> Changes:
    """Return the changes that a leaver makes: the agent goes, with the roster and the absences of this agent.

    OperatorFaults names the rows that still need the agent, such as a team that is led; NotThere without such an agent.
    """
    base = get_current_version()
    if base is None:
        raise NotThere(Phrase("the registry is empty: import an operator first"))
    operator = load_operator(base)
    at = get_position(operator, "agents", agent)
    stay = frozenset(row.id for row in operator.agents) - {agent}
    return preview_changes(_checked(drop_leavers(operator, stay), "agents", at, None))


def drop_leavers(operator: Operator, stay: Collection[str]) -> Operator:
    """Return an operator without the shifts and absences of agents that do not stay; these stay the very same else."""
    shifts = tuple(row for row in operator.shifts if row.agent in stay)
    absences = tuple(row for row in operator.absences if row.agent in stay)
    return replace(
        operator,
        shifts=shifts if len(shifts) < len(operator.shifts) else operator.shifts,
        absences=absences if len(absences) < len(operator.absences) else operator.absences,
    )


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

    Row ``len(rows)`` is a new one.
    """

    def put(files: dict[str, bytes]) -> None:
        name = f"{table}.csv"
        lines = _lines(files.get(name), table)
        lines[at + 1 : at + 2] = [] if row is None else [row]
        out = StringIO()
        csv.writer(out, lineterminator="\n").writerows(lines)
        files[name] = out.getvalue().encode()

    return check_table(operator, table, put)


def check_table(
    operator: Operator,
    table: str,
    change: Callable[[dict[str, bytes]], None] = lambda files: None,
    read: Callable[[Mapping[str, bytes]], Operator] = read_operator,
) -> Operator:
    """Return an operator of which one table was edited, after every check; OperatorFaults names what is wrong.

    The large tables that the edit cannot touch are not checked again, since they passed when they
    came in, and stay the very same. ``change`` may edit the tables as files, which ``read`` reads.
    """
    kept = {name: getattr(operator, name) for name, touched in _OF_INTEREST.items() if table not in touched}
    none: dict[str, Any] = dict.fromkeys(kept, ())
    files = dict(write_operator(replace(operator, **none)))
    change(files)
    return replace(read(files), **kept)


def _lines(data: bytes | None, table: str) -> list[list[str]]:
    if data is None:
        return [[column.name for column in list_columns(get_row_class(table))]]
    return list(csv.reader(StringIO(data.decode(), newline="")))


def _empty(table: str, at: int) -> tuple[Fault, ...]:
    """Return the faults of a row without any text, which a file would not show."""
    return tuple(
        Fault(table, at + 2, column.name, "", Phrase("is empty"), Phrase("write a value like {0}", column.example))
        for column in list_columns(get_row_class(table))
        if column.required
    )


_MOST_ROWS = 100
"""Rows of a table that are listed; the counts are of all."""
_MOST_READ = 5000
"""A table with more changes than this has its counts alone."""


@dataclass(frozen=True, slots=True)
class ListedChange:
    """A row ``added``, ``removed`` or ``changed``; None where it was not, or is not.

    ``before`` and ``after`` are rows of the table; its times are read in ``time_zone``.
    """

    key: str
    kind: str
    time_zone: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class ChangedTable:
    """The changes of a table; ``more`` of them are not listed."""

    table: str
    counts: Mapping[str, int]
    rows: tuple[ListedChange, ...]
    more: int


def list_version_changes(version: Version) -> tuple[ChangedTable, ...]:
    """Return what a version changed, by table; of the first one, and of long tables, the counts."""
    few = [name for name, rows in version.summary.items() if sum(rows.values()) <= _MOST_READ]
    if version.number == 1 or not few:
        return _list_tables(version.summary, {}, ())
    operators = [service.load_operator(one) for one in (version, service.get_before(version))]
    return _list_tables(version.summary, service.load_changes(version, few), operators)


def list_differences(before: Version, after: Version) -> tuple[ChangedTable, ...]:
    """Return what differs between two versions, by table."""
    tables = service.compare_versions(before, after)
    summary = {table: changes.counts() for table, changes in tables.items()}
    operators = [service.load_operator(one) for one in (after, before)]
    return _list_tables(summary, tables, operators)


def list_proposed_changes(changes: Changes, operator: Operator) -> tuple[ChangedTable, ...]:
    """Return what an operator would change, by table; of a first one, where all is new, the counts.

    ``changes`` are those of :func:`releve.registry.service.preview_changes`.
    """
    if changes.base is None:
        return _list_tables(changes.counts(), {}, ())
    now = service.load_operator(service.get_version(changes.base))
    return _list_tables(changes.counts(), changes.tables, (operator, now))


def _list_tables(
    summary: Mapping[str, Mapping[str, int]], tables: Mapping[str, TableChanges], operators: Collection[Operator]
) -> tuple[ChangedTable, ...]:
    """Return the changes by table: all counts, the first rows of those in ``tables``.

    ``operators`` are the ones after and before, in which a row's time zone is found.
    """
    return tuple(
        _list_rows(tables[table], counts, operators) if table in tables else ChangedTable(table, counts, (), 0)
        for table, counts in summary.items()
    )


def _list_rows(changes: TableChanges, counts: Mapping[str, int], operators: Collection[Operator]) -> ChangedTable:
    rows = tuple(
        ListedChange(row.key, row.kind, next(_find_zones(row, operators)), row.before, row.after)
        for row in islice(changes.rows(), _MOST_ROWS)
    )
    total = sum(count for kind, count in counts.items() if kind != "moved")
    return ChangedTable(changes.table, counts, rows, total - len(rows) if rows else 0)


def _find_zones(change: RowChange, operators: Collection[Operator]) -> Iterator[str]:
    """Yield the time zone of a row by each operator that knows its place, or its own."""
    for operator in operators:
        try:
            yield find_zone(operator, change.table)(change.after or change.before)
        except KeyError:
            continue
    yield from (operator.row.time_zone for operator in operators)
