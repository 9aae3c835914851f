"""The parsed tables of an operator while they are checked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from releve.errors import Phrase
from releve.network.columns import TableColumn, list_columns
from releve.network.faults import Fault
from releve.network.model import TABLES
from releve.network.parsing import BAD, ParsedTable


@dataclass
class ParsedTables:
    """Tables by name; those named in ``unreadable`` were given but have no usable content.

    A check yields faults and looks only at cells that are not BAD, so that one mistake is named
    once. ``repeated[table]`` are the records whose id stands in an earlier record; ``meant``
    holds, for a reference to no known id, the ids it may be a slip of.
    """

    tables: dict[str, ParsedTable]
    unreadable: set[str]
    repeated: dict[str, frozenset[int]] = field(default_factory=dict)
    meant: dict[tuple[str, str], dict[int, list[str]]] = field(default_factory=dict)

    def column(self, table: str, name: str) -> list[Any]:
        """Return the values of a column; empty when the table is not there."""
        return self.tables[table].values[name] if table in self.tables else []

    def usable(self, table: str, *names: str) -> Iterator[tuple[Any, ...]]:
        """Yield ``(record, value, ...)`` of the records where every named cell has a value.

        Records that repeat an id are left out: the first one speaks for them.
        """
        if table not in self.tables:
            return
        repeated = self.repeated.get(table, frozenset())
        columns = [self.tables[table].values[name] for name in names]
        for i, values in enumerate(zip(*columns, strict=True)):
            if i not in repeated and not any(value is BAD for value in values):
                yield (i, *values)

    def find_ids(self, table: str) -> frozenset[str] | None:
        """Return the ids of a table, those of broken records among them.

        None when they cannot be known, so that references to them are not reported.
        """
        if table not in self._ids:
            self._ids[table] = self._find_ids(table)
        return self._ids[table]

    def count_without_id(self, table: str) -> int:
        """Return how many records lack an id: as many unknown ids may be theirs."""
        if table not in self.tables or "id" not in self._list_columns(table):
            return 0
        return self.tables[table].cells["id"].null_count()

    def _find_ids(self, table: str) -> frozenset[str] | None:
        if table in self.unreadable:
            return None
        if table not in self.tables:
            return frozenset()
        found = self.tables[table]
        if "id" not in found.cells.columns:
            return None
        return frozenset(found.cells["id"].drop_nulls().to_list())

    @cached_property
    def _ids(self) -> dict[str, frozenset[str] | None]:
        return {}

    def list_likely_ids(self, table: str, name: str) -> list[list[str]] | None:
        """Return, per record, the ids that a reference may stand for.

        For "nothing refers to it": a slip stands for every id it resembles most, one that
        resembles none for itself. None when a cell could stand for any id.
        """
        if table in self.unreadable or name not in self._list_columns(table):
            return None
        meant = self.meant.get((table, name), {})
        out: list[list[str]] = []
        for i, value in enumerate(self.column(table, name)):
            if value is not BAD:
                out.append([value])
            elif i not in meant:
                return None
            else:
                out.append(meant[i] or [self.tables[table].text(name, i)])
        return out

    def _list_columns(self, table: str) -> list[str]:
        return self.tables[table].cells.columns if table in self.tables else []


def list_referring_columns() -> list[tuple[str, TableColumn]]:
    """Return every column that refers to another table, with its table."""
    return [(kind.table, column) for kind in TABLES for column in list_columns(kind) if column.references]


def build_table_fault(table: str, reason: Phrase, fix: Phrase) -> Fault:
    """Return a fault of a table as a whole."""
    return Fault(table, 0, "", "", reason, fix)
