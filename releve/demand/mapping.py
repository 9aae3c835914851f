"""The mapping of a foreign table's columns to ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from typing import Any, TypeVar

from releve.errors import Phrase

__all__ = [
    "CallMapping",
    "Drop",
    "IntervalMapping",
    "PresenceMapping",
    "parse_mapping",
    "parse_report_mapping",
]

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
            raise ValueError(Phrase("a drop rule needs a name and at least one column in `where`"))


@dataclass(frozen=True)
class CallMapping:
    """A table with one row a call.

    ``start`` is the column of the instant a call came in; times without offset are local times of
    the time zone given to the import. ``programme`` is the column of the queue and ``programmes``
    says which programme each of its values is; with ``programme`` empty every row belongs to the
    only programme of ``programmes``. ``outcome`` is the column that says whether the call was
    answered, ``answered`` the values that mean yes. ``wait_s`` and ``service_s`` are columns of
    seconds; ``key`` the columns that together name a call (empty = the whole row).
    ``start_time`` is the column of the time of day where ``start`` holds the day alone.
    ``time_format`` is a strptime format where times are neither ISO 8601 nor ``14/09/2026 08:15``.
    """

    start: str
    programmes: Mapping[str, str]
    programme: str = ""
    start_time: str = ""
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
        starts = (self.start, self.start_time)
        named = (*starts, self.programme, self.outcome, self.wait_s, self.service_s)
        dropped = [column for rule in self.drop for column in rule.where]
        return tuple(dict.fromkeys(name for name in (*named, *self.key, *dropped) if name))


@dataclass(frozen=True)
class IntervalMapping:
    """A table with one row a programme and interval of 30 minutes or a divisor of it.

    ``minutes`` is the interval length (0 = the most frequent distance of the rows).
    ``missing_is_zero`` says that the source writes no row where there was no call: between the
    first and the last row of a local day an interval without a row then counts as zero. Without
    it a missing interval is not known. ``abandoned``, ``in_time`` (answered within the threshold of
    the contract), ``short`` (abandoned within it) and ``wait_s`` (mean wait of the answered) are
    read where the day is followed; the history does without.
    """

    start: str
    offered: str
    programmes: Mapping[str, str]
    programme: str = ""
    start_time: str = ""
    answered: str = ""
    aht_s: str = ""
    abandoned: str = ""
    in_time: str = ""
    short: str = ""
    wait_s: str = ""
    minutes: int = 0
    missing_is_zero: bool = False
    time_format: str = ""

    def __post_init__(self) -> None:
        _check_programmes(self.programme, self.programmes)
        if self.minutes and (self.minutes < 0 or 30 % self.minutes):
            raise ValueError(Phrase("minutes must divide 30, got {0}", self.minutes))

    def columns(self) -> tuple[str, ...]:
        """Return every source column the mapping names."""
        starts = (self.start, self.start_time)
        counts = (self.offered, self.answered, self.abandoned, self.in_time, self.short)
        named = (*starts, self.programme, *counts, self.aht_s, self.wait_s)
        return tuple(dict.fromkeys(name for name in named if name))


@dataclass(frozen=True)
class PresenceMapping:
    """A table with one row a programme, place and instant: the ``agents`` signed in there.

    ``places`` says which site each value of the column ``place`` is (``home`` for work at home).
    """

    start: str
    agents: str
    programmes: Mapping[str, str]
    place: str
    places: Mapping[str, str]
    programme: str = ""
    start_time: str = ""
    time_format: str = ""

    def __post_init__(self) -> None:
        _check_programmes(self.programme, self.programmes)
        if not self.places:
            raise ValueError(Phrase("`places` is empty: say which site each source value is"))

    def columns(self) -> tuple[str, ...]:
        """Return every source column the mapping names."""
        named = (self.start, self.start_time, self.programme, self.place, self.agents)
        return tuple(dict.fromkeys(name for name in named if name))


_Mapping = TypeVar("_Mapping", CallMapping, IntervalMapping, PresenceMapping)


def _check_programmes(column: str, programmes: Mapping[str, str]) -> None:
    if not programmes:
        raise ValueError(Phrase("`programmes` is empty: say which programme each source value is"))
    if not column and len(set(programmes.values())) != 1:
        raise ValueError(
            Phrase("without a `programme` column `programmes` must name exactly one programme")
        )


def parse_mapping(table: Mapping[str, Any]) -> CallMapping | IntervalMapping:
    """Return the mapping a TOML or JSON document describes; ValueError names what is wrong.

    A document with ``offered`` maps intervals, any other maps calls.
    """
    return _parse(table, IntervalMapping) if "offered" in table else _parse(table, CallMapping)


def parse_report_mapping(table: Mapping[str, Any]) -> IntervalMapping | PresenceMapping:
    """Return the mapping of statistics that come during the day; ValueError names what is wrong.

    A document with ``agents`` maps who is signed in, any other intervals, whose ``minutes`` must be
    given: a file of one interval does not show how long it is.
    """
    if "agents" in table:
        return _parse(table, PresenceMapping)
    found = _parse(table, IntervalMapping)
    if not found.minutes:
        raise ValueError(Phrase("the mapping lacks {0}", "minutes"))
    return found


def _parse(table: Mapping[str, Any], kind: type[_Mapping]) -> _Mapping:
    known = {item.name for item in fields(kind)}
    unknown = sorted(set(table) - known)
    if unknown:
        raise ValueError(
            Phrase(
                "unknown keys {0}; {1} knows {2}",
                ", ".join(unknown),
                kind.__name__,
                ", ".join(sorted(known)),
            )
        )
    missing = sorted(
        item.name
        for item in fields(kind)
        if item.default is MISSING and item.default_factory is MISSING and item.name not in table
    )
    if missing:
        raise ValueError(Phrase("the mapping lacks {0}", ", ".join(missing)))
    values = dict(table)
    values |= _split_start(table["start"])
    for name in {"programmes", "places"} & set(values):
        values[name] = {str(key): str(value) for key, value in table[name].items()}
    for name in ("answered", "key"):
        if kind is CallMapping and name in values:
            values[name] = tuple(str(value) for value in values[name])
    if "drop" in values:
        values["drop"] = tuple(_parse_drop(rule) for rule in values["drop"])
    return kind(**values)


def _split_start(start: object) -> dict[str, str]:
    """Return the column of the start, or those of its day and time of day."""
    if isinstance(start, str):
        return {"start": start}
    if isinstance(start, list | tuple) and len(start) == 2:
        return {"start": str(start[0]), "start_time": str(start[1])}
    raise ValueError(
        Phrase("`start` is one column, or two: that of the day and that of the time of day")
    )


def _parse_drop(rule: Mapping[str, Any]) -> Drop:
    if set(rule) != {"name", "where"}:
        raise ValueError(Phrase("a drop rule has exactly the keys name and where"))
    where = {
        str(column): tuple(values) if isinstance(values, list | tuple) else (values,)
        for column, values in rule["where"].items()
    }
    return Drop(name=str(rule["name"]), where=where)
