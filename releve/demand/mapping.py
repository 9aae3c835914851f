"""The mapping of a foreign table's columns to ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

__all__ = ["CallMapping", "Drop", "IntervalMapping", "parse_mapping"]

_TRUE = ("true", "1", "yes", "y", "oui", "o", "vrai")


@dataclass(frozen=True)
class Drop:
    """Rows that are no offered call: every column of ``where`` holds one of its values.

    Values are compared as text, so ``0`` matches a number 0 and a text ``0``.
    """

    name: str
    where: Mapping[str, Sequence[object]]

    def __post_init__(self) -> None:
        if not self.name or not self.where:
            raise ValueError("a drop rule needs a name and at least one column in `where`")


@dataclass(frozen=True)
class CallMapping:
    """A table with one row a call.

    ``start`` is the column of the instant a call came in; times without offset are local times of
    the time zone given to the import. ``programme`` is the column of the queue and ``programmes``
    says which programme each of its values is; with ``programme`` empty every row belongs to the
    only programme of ``programmes``. ``outcome`` is the column that says whether the call was
    answered, ``answered`` the values that mean yes. ``wait_s`` and ``service_s`` are columns of
    seconds; ``key`` the columns that together name a call (empty = the whole row).
    ``time_format`` is a strptime format where times are not ISO 8601.
    """

    start: str
    programmes: Mapping[str, str]
    programme: str = ""
    outcome: str = ""
    answered: tuple[str, ...] = _TRUE
    wait_s: str = ""
    service_s: str = ""
    key: tuple[str, ...] = ()
    drop: tuple[Drop, ...] = ()
    time_format: str = ""

    def __post_init__(self) -> None:
        _check_programmes(self.programme, self.programmes)

    def columns(self) -> tuple[str, ...]:
        """Return every source column the mapping names."""
        named = (self.start, self.programme, self.outcome, self.wait_s, self.service_s)
        dropped = [column for rule in self.drop for column in rule.where]
        return tuple(dict.fromkeys(name for name in (*named, *self.key, *dropped) if name))


@dataclass(frozen=True)
class IntervalMapping:
    """A table with one row a programme and interval of 30 minutes or a divisor of it.

    ``minutes`` is the interval length (0 = the most frequent distance of the rows).
    ``missing_is_zero`` says that the source writes no row where there was no call: between the
    first and the last row of a local day an interval without a row then counts as zero. Without
    it a missing interval is not known.
    """

    start: str
    offered: str
    programmes: Mapping[str, str]
    programme: str = ""
    answered: str = ""
    aht_s: str = ""
    minutes: int = 0
    missing_is_zero: bool = False
    time_format: str = ""

    def __post_init__(self) -> None:
        _check_programmes(self.programme, self.programmes)
        if self.minutes and (self.minutes < 0 or 30 % self.minutes):
            raise ValueError(f"minutes must divide 30, got {self.minutes}")

    def columns(self) -> tuple[str, ...]:
        """Return every source column the mapping names."""
        named = (self.start, self.programme, self.offered, self.answered, self.aht_s)
        return tuple(dict.fromkeys(name for name in named if name))


def _check_programmes(column: str, programmes: Mapping[str, str]) -> None:
    if not programmes:
        raise ValueError("`programmes` is empty: say which programme each source value is")
    if not column and len(set(programmes.values())) != 1:
        raise ValueError(
            "without a `programme` column `programmes` must name exactly one programme"
        )


def parse_mapping(table: Mapping[str, Any]) -> CallMapping | IntervalMapping:
    """Return the mapping a TOML or JSON document describes; ValueError names what is wrong.

    A document with ``offered`` maps intervals, any other maps calls.
    """
    kind: type[CallMapping] | type[IntervalMapping]
    kind = IntervalMapping if "offered" in table else CallMapping
    known = {item.name for item in fields(kind)}
    unknown = sorted(set(table) - known)
    if unknown:
        raise ValueError(
            f"unknown keys {', '.join(unknown)}; {kind.__name__} knows {', '.join(sorted(known))}"
        )
    missing = sorted(item for item in ("start", "programmes") if item not in table)
    if missing:
        raise ValueError(f"the mapping lacks {', '.join(missing)}")
    values = dict(table)
    values["programmes"] = {str(key): str(value) for key, value in table["programmes"].items()}
    for name in ("answered", "key"):
        if kind is CallMapping and name in values:
            values[name] = tuple(str(value) for value in values[name])
    if "drop" in values:
        values["drop"] = tuple(_parse_drop(rule) for rule in values["drop"])
    return kind(**values)


def _parse_drop(rule: Mapping[str, Any]) -> Drop:
    if set(rule) != {"name", "where"}:
        raise ValueError("a drop rule has exactly the keys name and where")
    where = {
        str(column): tuple(values) if isinstance(values, list | tuple) else (values,)
        for column, values in rule["where"].items()
    }
    return Drop(name=str(rule["name"]), where=where)
