"""What changed between versions, for people: counts of all, the first rows of each table."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from releve.network import Operator
from releve.registry import service
from releve.registry.changes import Changes, RowChange, TableChanges
from releve.registry.models import Version
from releve.registry.row_text import find_zone

__all__ = [
    "ChangedTable",
    "ListedChange",
    "list_differences",
    "list_proposed_changes",
    "list_version_changes",
]

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
    summary: Mapping[str, Mapping[str, int]],
    tables: Mapping[str, TableChanges],
    operators: Collection[Operator],
) -> tuple[ChangedTable, ...]:
    """Return the changes by table: all counts, the first rows of those in ``tables``.

    ``operators`` are the ones after and before, in which a row's time zone is found.
    """
    return tuple(
        _list_rows(tables[table], counts, operators)
        if table in tables
        else ChangedTable(table, counts, (), 0)
        for table, counts in summary.items()
    )


def _list_rows(
    changes: TableChanges, counts: Mapping[str, int], operators: Collection[Operator]
) -> ChangedTable:
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
