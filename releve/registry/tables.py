"""The tables of an operator as the registry sees them, and the errors of the registry.

RegistryError           the sentence says what to do
├── Conflict            another user changed the registry, or the row, meanwhile
├── Damaged             what is stored is not what was stored
├── NotThere            no such version, table or row
├── NothingChanged      the operator is the one that is current already
├── NothingBefore       the first version has none before it
└── NotAnUpload         a file that is neither a workbook nor a zip of tables
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, get_args

from releve.errors import Phrase, ReleveError
from releve.network import TABLES, Operator, TableColumn, TableRow, list_columns
from releve.network.columns import bare_type


class RegistryError(ReleveError, ValueError):
    """The registry refuses; nothing was stored."""

    def __init__(self, message: Phrase) -> None:
        super().__init__(message)


class Conflict(RegistryError):  # noqa: N818 (the name says what it is)
    """Another change came first."""


class Damaged(RegistryError):  # noqa: N818
    """A stored block differs from its digest."""


class NotThere(RegistryError):  # noqa: N818
    """A version, a table or a row that the registry does not hold."""


class NothingChanged(RegistryError):  # noqa: N818
    """The change would leave the operator as it is."""


class NothingBefore(RegistryError):  # noqa: N818
    """The first version cannot be undone."""


class NotAnUpload(RegistryError):  # noqa: N818
    """A file that holds no operator's tables, or too much."""


KINDS: Mapping[str, type[TableRow]] = {kind.table: kind for kind in TABLES}
"""The class of a row by the name of its table, in the order of the operator folder."""

_KEYS: Mapping[str, tuple[str, ...]] = {
    "operator": (),
    "shuttles": ("stop", "site"),
    "travel": ("origin", "target", "from_hour"),
    "shifts": ("agent", "start"),
    "absences": ("agent", "start"),
    "history": ("programme", "start"),
}


def get_row_class(table: str) -> type[TableRow]:
    """Return the class of a table's rows; NotThere for another name."""
    try:
        return KINDS[table]
    except KeyError:
        raise NotThere(Phrase("there is no table {0!r}; the tables are {1}", table, ", ".join(KINDS))) from None


def key_columns(table: str) -> tuple[str, ...]:
    """Return the columns that together name a row of a table; none where there is one row."""
    return _KEYS.get(table, ("id",))


def build_key(row: TableRow) -> str:
    """Return the key of a row: ``casa-1``, ``a00042|2026-11-30T07:00Z``; ``operator`` for its one.

    No two rows of a table have the same: the checks of an operator hold that.
    """
    names = key_columns(row.table)
    return "|".join(_key_text(getattr(row, name)) for name in names) if names else row.table


def _key_text(value: object) -> str:
    """Return a part of a key; an instant is in UTC, to the minute where that is all of it."""
    if not isinstance(value, datetime):
        return str(value)
    precise = value.second or value.microsecond
    text = value.isoformat() if precise else value.isoformat(timespec="minutes")
    return text.replace("+00:00", "Z")


def get_rows(operator: Operator, table: str) -> tuple[TableRow, ...]:
    if table == "operator":
        return (operator.row,)
    rows: tuple[TableRow, ...] = getattr(operator, table)
    return rows


def list_referenced_rows(operator: Operator, table: str, most: int) -> dict[str, list[tuple[str, str]]]:
    """Return the ids that columns of a table may name, each with what its row is called, by the table referred to.

    A table of more than ``most`` rows is left out. A programme is called with its client; of rows of one name each is
    called with its id.
    """
    wanted = {column.references for column in list_columns(get_row_class(table))}
    lists = {name: get_rows(operator, name) for name in sorted(wanted) if name}
    clients = {row.id: row.name for row in operator.clients}
    found = {}
    for name, rows in lists.items():
        if len(rows) > most:
            continue
        called = [(build_key(row), getattr(row, "name", "") or build_key(row), row) for row in rows]
        if name == "programmes":
            called = [(key, f"{label} ({clients[row.client]})", row) for key, label, row in called]  # type: ignore[attr-defined]
        often = Counter(label for _key, label, _row in called)
        found[name] = [(key, f"{label} · {key}" if often[label] > 1 else label) for key, label, _row in called]
    return found


def build_operator(rows: Mapping[str, tuple[Any, ...]]) -> Operator:
    """Return the operator of tables by name; every table is there, the operator's has one row."""
    others = {table: found for table, found in rows.items() if table != "operator"}
    (row,) = rows["operator"]
    return Operator(row=row, **others)


Convert = Callable[[Any], Any]


def json_encoder(column: TableColumn) -> Convert | None:
    """Return how a column's values become JSON; None where they stand for themselves."""
    kind = bare_type(column)
    if kind is float:
        return float
    if kind in (date, datetime):
        return _memo(kind.isoformat)
    return list if get_args(kind) else None


def json_decoder(column: TableColumn) -> Convert | None:
    """Return how JSON becomes a column's values again; None where they stand for themselves."""
    kind = bare_type(column)
    if kind in (date, datetime):
        return _memo(kind.fromisoformat)
    return tuple if get_args(kind) else None


def _memo(convert: Convert) -> Convert:
    """Convert equal values once: a roster and a history hold the same times over and over."""
    known: dict[Any, Any] = {}

    def remembered(value: Any) -> Any:
        if value not in known:
            known[value] = convert(value)
        return known[value]

    return remembered
