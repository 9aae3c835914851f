"""What a package that holds personal data of agents offers, and the list of these packages.

A package registers in the ``ready`` of its AppConfig, by name: every command runs that, and loading
the packages takes two seconds. An agent goes by the pseudonym of the reference data; people of
other kinds, such as those who are called, have acts of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from types import MappingProxyType
from typing import Any, Protocol, cast

from django.utils.module_loading import import_string


@dataclass(frozen=True, slots=True)
class Findings:
    """How much a room holds of an agent, by kind of record: what an erasure takes and leaves."""

    erased: Mapping[str, int] = field(default_factory=dict)
    kept: Mapping[str, int] = field(default_factory=dict)


class PersonalData(Protocol):
    """The personal data of one room.

    ``tables`` are the tables with columns that ``columns.AGENT_COLUMNS`` declares; they are
    rewritten after an erasure, since a database leaves the bytes of deleted rows in its files.
    """

    @property
    def name(self) -> str: ...

    @property
    def tables(self) -> Sequence[str]: ...

    def find(self, agent: str) -> Findings:
        """Count what is held of an agent; nothing is changed."""

    def export(self, agent: str) -> Mapping[str, list[Any]]:
        """Return what is held of an agent, as JSON by kind of record."""

    def erase(self, agent: str, token: str, now: datetime) -> Mapping[str, Any]:
        """Erase an agent inside the caller's transaction, under the ledger's lock.

        ``token`` takes the place of the pseudonym where a row has to stay. Returns what the entry
        about the erasure says; it must not identify the agent. Caches are cleared on commit.
        """

    def erase_due(self, now: datetime) -> int:
        """Erase what has reached its date, in transactions of its own; return how many."""


_rooms: dict[str, None] = {}
_value_tables: dict[str, str] = {}


def register(room: str, *, values: Mapping[str, str] = MappingProxyType({})) -> None:
    """Add a room by the dotted name of its class; a room registered twice counts once.

    ``values``: kind of the ledger's entry about erased values -> table that held them.
    """
    _rooms[room] = None
    _value_tables.update(values)


def list_value_tables() -> Mapping[str, str]:
    """Return the tables of values that are erased on their date, by the kind of the entry about it."""
    return _value_tables


def registered() -> tuple[PersonalData, ...]:
    """Return the rooms, the highest floor first; each is imported when first asked for.

    Applications are installed from the ground up. A higher room acts first, because it may still
    move the date of a value on a lower floor or need a row there to find its own.
    """
    return tuple(_load_room(name) for name in reversed(_rooms))


@cache
def _load_room(name: str) -> PersonalData:
    return cast(PersonalData, import_string(name)())


def erase_due(now: datetime) -> int:
    """Erase what has reached its date in every room; return how many rows, values and files."""
    return sum(room.erase_due(now) for room in registered())
