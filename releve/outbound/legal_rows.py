"""The law as dated rows: what a row is, and which rows bind on a day.

A row says *what* binds, from when to when and with which parameters; the code knows only *kinds*
of rules (:mod:`releve.outbound.rule_kinds`). Days are legal days, which run in Europe/Paris;
``first`` and ``last`` are inclusive.
"""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_right
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from releve.network.clock import UTC, zone
from releve.outbound.numbers import NumberTable

__all__ = [
    "ANY",
    "LEGAL_ZONE",
    "LegalRow",
    "LegalRules",
    "RowScope",
    "RowsInForce",
    "Territory",
    "Words",
    "find_legal_midnight",
    "to_legal_day",
    "typeset_french",
]

LEGAL_ZONE = "Europe/Paris"
ANY = "ANY"
"""The jurisdiction of the rows that stand in for a country's own."""


class Words(NamedTuple):
    """A text in French and in English, written with plain spaces and apostrophes."""

    fr: str
    en: str

    def of(self, language: str) -> str:
        """Return the text in ``language``: ``fr`` or ``en``."""
        return typeset_french(self.fr) if language == "fr" else self.en


@lru_cache(maxsize=4096)
def typeset_french(text: str) -> str:
    """Return French with curved apostrophes and narrow no-break spaces beside ``;:!?%«»``."""
    text = re.sub(" ([;:!?%»])", "\u202f\\1", text.replace("'", "’"))
    return text.replace("« ", "«\u202f")


@dataclass(frozen=True, slots=True)
class RowScope:
    """Which calls a row binds; None is any.

    Without callees and purposes of its own a row binds *regulated* calls: those that a scope row
    of its jurisdiction names on that day. ``places`` are codes of territories: it binds where the
    callee may be in one of them, and not where they can only be in ``except_places``. Clients are
    named by rows of policy alone: the text binds them all.
    """

    callees: frozenset[str] | None = None
    purposes: frozenset[str] | None = None
    modes: frozenset[str] | None = None
    objects: frozenset[str] | None = None
    channels: frozenset[str] = frozenset({"voice"})
    places: frozenset[str] | None = None
    except_places: frozenset[str] = frozenset()
    clients: frozenset[str] | None = None
    except_clients: frozenset[str] = frozenset()

    @property
    def regulated(self) -> bool:
        """Return whether it binds the regulated calls, and no others."""
        return self.callees is None and self.purposes is None


@dataclass(frozen=True, slots=True, eq=False)
class LegalRow:
    """One dated rule. ``gate``: H text, P our policy, I duty during the call, N note."""

    id: str
    jurisdiction: str
    gate: str
    kind: str
    first: date | None
    last: date | None
    parameters: Mapping[str, Any]
    exceptions: tuple[str, ...]
    applies: RowScope
    rule: Words
    refuses: Words | None
    sanction: tuple[str, ...]
    reference: str
    source: str
    sure: tuple[str, ...]
    doubt: Words | None
    file: str = ""
    remedy: Words | None = None
    """What would make a call lawful that it refuses: which fact, in which table and column."""

    @property
    def version(self) -> str:
        """Return the id with the day it starts, as evidence quotes it."""
        return f"{self.id}@{self.first.isoformat() if self.first else 'always'}"

    @property
    def unsure(self) -> bool:
        """Return whether a lawyer must read it: a doubt, or a weak source."""
        return self.doubt is not None or bool({"S", "M", "I"}.intersection(self.sure))

    def binds_on(self, day: date) -> bool:
        """Return whether the row is in force on a legal day."""
        after = self.first is None or self.first <= day
        return after and (self.last is None or day <= self.last)


@dataclass(frozen=True, slots=True)
class Territory:
    """Where a person may be: its clock, and the jurisdiction whose rows bind there."""

    code: str
    jurisdiction: str
    zone: str
    name: Words
    postcodes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class RowsInForce:
    """The rows of one jurisdiction between two changes of the law, or those for one kind of call.

    They are found by id and by kind: a call that is allowed looks at few of them.
    """

    rows: tuple[LegalRow, ...]
    by_id: Mapping[str, tuple[LegalRow, ...]]
    by_kind: Mapping[str, tuple[LegalRow, ...]]
    binding: dict[Hashable, RowsInForce] = field(default_factory=dict)
    """Rows found to bind calls of one kind, kept from one call to the next."""

    @classmethod
    def of(cls, rows: Iterable[LegalRow]) -> RowsInForce:
        """Return rows, in their order."""
        all_ = tuple(rows)
        return cls(
            all_, _group_rows(all_, lambda row: row.id), _group_rows(all_, lambda row: row.kind)
        )

    def of_kind(self, kind: str) -> tuple[LegalRow, ...]:
        """Return the rows of one kind."""
        return self.by_kind.get(kind, ())


def _group_rows(
    rows: Iterable[LegalRow], key: Callable[[LegalRow], str]
) -> dict[str, tuple[LegalRow, ...]]:
    found: dict[str, list[LegalRow]] = {}
    for row in rows:
        found.setdefault(key(row), []).append(row)
    return {name: tuple(group) for name, group in found.items()}


class LegalRules:
    """The whole table: rows, territories, numbers; immutable once made."""

    def __init__(
        self,
        rows: Iterable[LegalRow],
        territories: Iterable[Territory],
        numbers: NumberTable,
        version: str,
    ) -> None:
        self.rows = tuple(rows)
        self.territories = {territory.code: territory for territory in territories}
        self.numbers = numbers
        self.version = version
        self._list_changes: dict[str, tuple[date, ...]] = {}
        self._in_force: dict[tuple[str, int], RowsInForce] = {}
        self._bearing: dict[Hashable, tuple[datetime, ...]] = {}

    def limit_to(self, clients: frozenset[str] | None) -> LegalRules:
        """Return the table as a reader of some clients may see it: it names no other; None: all.

        A row that binds the calls of other clients only is left out.
        """
        if clients is None:
            return self
        rows = (
            replace(
                row,
                applies=replace(
                    row.applies,
                    clients=None if row.applies.clients is None else row.applies.clients & clients,
                    except_clients=row.applies.except_clients & clients,
                ),
            )
            for row in self.rows
            if row.applies.clients is None or row.applies.clients & clients
        )
        return LegalRules(rows, self.territories.values(), self.numbers, self.version)

    def jurisdictions(self) -> frozenset[str]:
        """Return the countries that have rows."""
        return frozenset(row.jurisdiction for row in self.rows) - {ANY}

    def of(self, jurisdiction: str) -> tuple[LegalRow, ...]:
        """Return all rows of a jurisdiction, whatever their dates."""
        return tuple(row for row in self.rows if row.jurisdiction == jurisdiction)

    def changes(self, jurisdiction: str) -> tuple[date, ...]:
        """Return the legal days on which a row of the jurisdiction starts or has just ended."""
        if jurisdiction not in self._list_changes:
            self._list_changes[jurisdiction] = _list_changes(self.of(jurisdiction))
        return self._list_changes[jurisdiction]

    def changes_bearing(
        self, jurisdiction: str, key: Hashable, bears: Callable[[LegalRow], bool]
    ) -> tuple[datetime, ...]:
        """Return the instants at which one of the rows that ``bears`` picks starts or has ended.

        They are kept under the key, which says all that the choice depends on.
        """
        found = self._bearing.get((jurisdiction, key))
        if found is None:
            days = _list_changes(filter(bears, self.of(jurisdiction)))
            found = self._bearing[jurisdiction, key] = tuple(map(find_legal_midnight, days))
        return found

    def in_force(self, jurisdiction: str, day: date) -> RowsInForce:
        """Return the rows that bind in a jurisdiction on a legal day."""
        days = self.changes(jurisdiction)
        place = bisect_right(days, day)
        key = (jurisdiction, place)
        if key not in self._in_force:
            rows = (row for row in self.of(jurisdiction) if row.binds_on(day))
            self._in_force[key] = RowsInForce.of(rows)
        return self._in_force[key]


def _list_changes(rows: Iterable[LegalRow]) -> tuple[date, ...]:
    days = [(row.first, row.last and row.last + timedelta(days=1)) for row in rows]
    return tuple(sorted({day for pair in days for day in pair if day is not None}))


def to_legal_day(moment: datetime) -> date:
    """Return the legal day of an instant."""
    return moment.astimezone(zone(LEGAL_ZONE)).date()


def find_legal_midnight(day: date) -> datetime:
    """Return the first instant of a legal day, in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=zone(LEGAL_ZONE)).astimezone(UTC)


def compute_version(texts: Mapping[str, str]) -> str:
    """Return the version of a table: the SHA-256 of its files, in the order of their names."""
    digest = hashlib.sha256()
    for name in sorted(texts):
        digest.update(f"{name}\0{texts[name]}\0".encode())
    return digest.hexdigest()
