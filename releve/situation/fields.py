"""Fields of events, declared once: meaning, permitted values, and whether they concern a person.

The codec, the refusals, the ledger's commitments, the tests and the documentation all read the
same declarations, so that no page can show as harmless what the ledger keeps as personal.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import date
from typing import Any, get_type_hints

from releve.network import Condition

__all__ = ["EventField", "event_field", "find_date_fault", "list_fields"]


@dataclass(frozen=True, slots=True)
class EventField:
    """One documented field of an event.

    ``personal``: concerns a person, is kept beside the ledger and may be erased; it is then read
    back as its default. ``health``: concerns a person's health, or counts people by it;
    shown to the health officer alone.
    """

    name: str
    type: Any
    doc: str
    example: str
    required: bool
    default: Any
    condition: Condition
    personal: bool
    health: bool


def event_field(
    doc: str,
    *,
    example: str = "",
    default: Any = dataclasses.MISSING,
    personal: bool = False,
    health: bool = False,
    at_least: float | None = None,
    at_most: float | None = None,
    one_of: tuple[str, ...] = (),
) -> Any:
    """Declare a field; without ``default`` a value is required.

    A personal field has a default, read back once its value is erased.
    """
    if personal and default is dataclasses.MISSING:
        raise ValueError(f"a personal field has a default, got none for {doc!r}")
    metadata = {
        "doc": doc,
        "example": example,
        "condition": Condition(at_least=at_least, at_most=at_most, one_of=one_of),
        "personal": personal,
        "health": health,
    }
    return dataclasses.field(default=default, metadata=metadata)


def find_date_fault(value: object) -> str | None:
    """Return why a day or a time is refused, or None: it lies in 2000 to 2199.

    A mistyped year may not lead to dates beyond those of the calendar.
    """
    if isinstance(value, date) and not 2000 <= value.year < 2200:
        return "must lie between the years 2000 and 2199"
    return None


_KNOWN: dict[type, tuple[EventField, ...]] = {}


def list_fields(row: type) -> tuple[EventField, ...]:
    """Return the declared fields of an event class, or of a part of one, in order."""
    if row not in _KNOWN:
        _KNOWN[row] = _read_declarations(row)
    return _KNOWN[row]


def _read_declarations(row: type) -> tuple[EventField, ...]:
    hints = get_type_hints(row)
    return tuple(
        EventField(
            name=field.name,
            type=hints[field.name],
            required=field.default is dataclasses.MISSING,
            default=None if field.default is dataclasses.MISSING else field.default,
            **field.metadata,
        )
        for field in dataclasses.fields(row)
    )
