"""What differs between two operators, row by row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from releve.errors import Phrase
from releve.network import TableRow, list_columns
from releve.registry.blocks import CutSheet
from releve.registry.tables import NothingChanged, build_key, get_row_class


@dataclass(frozen=True, slots=True)
class FieldChange:
    column: str
    before: object
    after: object


@dataclass(frozen=True, slots=True)
class RowChange:
    """A row that came (no ``before``), went (no ``after``) or has other values."""

    table: str
    key: str
    before: TableRow | None
    after: TableRow | None

    @property
    def kind(self) -> str:
        if self.before is None:
            return "added"
        return "removed" if self.after is None else "changed"

    def fields(self) -> tuple[FieldChange, ...]:
        """Return the values that differ; those of the whole row where it came or went."""
        pairs = (
            FieldChange(column.name, getattr(self.before, column.name, None), getattr(self.after, column.name, None))
            for column in list_columns(get_row_class(self.table))
        )
        whole = self.kind != "changed"
        return tuple(pair for pair in pairs if whole or pair.before != pair.after)


@dataclass(frozen=True, slots=True)
class TableChanges:
    """The changes of one table. ``moved``: the rows are the same, in another order."""

    table: str
    added: tuple[TableRow, ...] = ()
    removed: tuple[TableRow, ...] = ()
    changed: tuple[tuple[TableRow, TableRow], ...] = ()
    moved: bool = False

    def counts(self) -> dict[str, int]:
        """Return how many rows came, went and changed, and 1 under ``moved`` for a new order."""
        counts = {
            "added": len(self.added),
            "removed": len(self.removed),
            "changed": len(self.changed),
            "moved": int(self.moved),
        }
        return {kind: count for kind, count in counts.items() if count}

    def rows(self) -> Iterator[RowChange]:
        """Yield the changes: what changed, then what came, then what went."""
        for before, after in self.changed:
            yield RowChange(self.table, build_key(after), before, after)
        for row in self.added:
            yield RowChange(self.table, build_key(row), None, row)
        for row in self.removed:
            yield RowChange(self.table, build_key(row), row, None)


@dataclass(frozen=True)
class Changes:
    """What an operator would change, against the version ``base`` (None: there is none yet).

    Only tables with a change are in ``tables``. ``sheets`` is the operator as it will be stored.
    """

    base: int | None
    digest: str
    tables: Mapping[str, TableChanges]
    sheets: tuple[CutSheet, ...]

    def __bool__(self) -> bool:
        return bool(self.tables)

    def require_any(self) -> None:
        """Raise NothingChanged where nothing changes."""
        if not self:
            raise NothingChanged(Phrase("nothing would change: the operator is the current one already"))

    def counts(self) -> dict[str, dict[str, int]]:
        """Return the counts by table, of tables with a change alone."""
        return {table: changes.counts() for table, changes in self.tables.items()}


def compare_rows(table: str, before: tuple[TableRow, ...], after: tuple[TableRow, ...]) -> TableChanges:
    """Return the changes between rows of a table that differ; a row is known by its key.

    ``before`` and ``after`` may be the parts of the table that differ alone, none at all where
    whole blocks changed places.
    """
    old = {build_key(row): row for row in before}
    new = {build_key(row): row for row in after}
    added = tuple(row for key, row in new.items() if key not in old)
    removed = tuple(row for key, row in old.items() if key not in new)
    changed = tuple((old[key], row) for key, row in new.items() if key in old and old[key] != row)
    moved = not (added or removed or changed)
    return TableChanges(table, added, removed, changed, moved)
