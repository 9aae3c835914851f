"""Columns declared on row classes with their unit, example and condition.

The reader, the checks, the reference and the sample writer all read these declarations.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from types import NoneType
from typing import Any, ClassVar, get_args, get_type_hints

from releve.errors import Phrase


@dataclass(frozen=True, slots=True)
class Condition:
    """A range or a set of allowed values; ``fault`` says in words what is wrong with a value."""

    at_least: float | None = None
    more_than: float | None = None
    at_most: float | None = None
    one_of: tuple[str, ...] = ()

    def fault(self, value: object) -> Phrase | None:
        """Return the reason ``value`` is refused, or None when it is accepted."""
        if self.one_of and value not in self.one_of:
            return Phrase("must be one of {0}", ", ".join(self.one_of))
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        if not math.isfinite(value):
            return Phrase("must be a finite number")
        if self.at_least is not None and value < self.at_least:
            return Phrase("must be at least {0}", f"{self.at_least:g}")
        if self.more_than is not None and value <= self.more_than:
            return Phrase("must be more than {0}", f"{self.more_than:g}")
        if self.at_most is not None and value > self.at_most:
            return Phrase("must be at most {0}", f"{self.at_most:g}")
        return None


@dataclass(frozen=True, slots=True)
class TableColumn:
    """One documented column of a table.

    ``type`` is the Python type of a cell: str, int, float, bool, date, datetime (UTC in memory,
    ISO 8601 with or without offset in files) or ``tuple[str, ...]`` (``|`` between items in files).
    """

    name: str
    type: Any
    doc: str
    unit: str
    example: str
    required: bool
    default: Any
    condition: Condition
    references: str


def bare_type(column: TableColumn) -> Any:
    """Return the type of a column's values, without ``None``."""
    kinds = [kind for kind in get_args(column.type) if kind is not NoneType]
    return kinds[0] if NoneType in get_args(column.type) else column.type


def list_options(column: TableColumn) -> tuple[str, ...]:
    """Return the ids of the values to choose from; empty where any text is one."""
    return ("true", "false") if bare_type(column) is bool else column.condition.one_of


def column(
    doc: str,
    *,
    example: str,
    unit: str = "",
    default: Any = dataclasses.MISSING,
    at_least: float | None = None,
    more_than: float | None = None,
    at_most: float | None = None,
    one_of: tuple[str, ...] = (),
    references: str = "",
) -> Any:
    """Declare a column; without ``default`` a value is required.

    ``references`` names the table whose ids the cell (or each item of the cell) must be one of.
    """
    metadata = {
        "doc": doc,
        "unit": unit,
        "example": example,
        "condition": Condition(at_least, more_than, at_most, one_of),
        "references": references,
    }
    return dataclasses.field(default=default, metadata=metadata)


class TableRow:
    """Base of the row classes: an instance that exists satisfies the conditions of its columns."""

    __slots__ = ()
    table: ClassVar[str]
    doc: ClassVar[str]

    def __post_init__(self) -> None:
        for name, condition in _list_conditions(type(self)):
            value = getattr(self, name)
            if value is None:
                continue
            reason = condition.fault(value)
            if reason is not None:
                raise ValueError(f"{self.table}.{name} {reason}, got {value!r}")


_CONDITIONS: dict[type, tuple[tuple[str, Condition], ...]] = {}


def _list_conditions(row: type) -> tuple[tuple[str, Condition], ...]:
    if row not in _CONDITIONS:
        empty = Condition()
        _CONDITIONS[row] = tuple(
            (field.name, field.metadata["condition"])
            for field in dataclasses.fields(row)
            if field.metadata["condition"] != empty
        )
    return _CONDITIONS[row]


_COLUMNS: dict[type, tuple[TableColumn, ...]] = {}


def list_columns(row: type[TableRow]) -> tuple[TableColumn, ...]:
    """Return the columns of a row class in file order."""
    if row not in _COLUMNS:
        _COLUMNS[row] = _build_columns(row)
    return _COLUMNS[row]


def _build_columns(row: type[TableRow]) -> tuple[TableColumn, ...]:
    hints = get_type_hints(row)
    return tuple(
        TableColumn(
            name=field.name,
            type=hints[field.name],
            doc=field.metadata["doc"],
            unit=field.metadata["unit"],
            example=field.metadata["example"],
            required=field.default is dataclasses.MISSING,
            default=None if field.default is dataclasses.MISSING else field.default,
            condition=field.metadata["condition"],
            references=field.metadata["references"],
        )
        for field in dataclasses.fields(row)  # type: ignore[arg-type]
    )
