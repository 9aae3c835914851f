"""Events as JSON and back, with every fault named at once.

The error tree of this package::

    ValueError
    ├── EventFaults          a mapping is not an event; ``faults`` holds every fault
    └── SituationRuleFaults  a text is not a list of rules or a charter; ``faults`` holds every one
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from releve.errors import ReleveError
from releve.situation.catalogue import KINDS
from releve.situation.event import Event
from releve.situation.field_values import FieldFault, fields_to_json, read_fields

__all__ = ["EventFaults", "drop_retired_fields", "event_from_json", "event_to_json"]

RETIRED_FIELDS: Mapping[str, frozenset[str]] = {
    "draw.planned": frozenset(("commission_anchor",)),
    "draw.drawn": frozenset(("closed",)),
}
"""Fields that entries of earlier versions have, by kind; new events may not."""


class EventFaults(ReleveError, ValueError):  # noqa: N818 (it is the faults, all of them)
    """A mapping is not an event of its kind."""

    def __init__(self, kind: str, faults: tuple[FieldFault, ...]) -> None:
        super().__init__(kind, faults)
        self.kind = kind
        self.faults = faults

    def __str__(self) -> str:
        return f"{self.kind}: " + "\n".join(str(fault) for fault in self.faults)


def event_to_json(event: Event) -> dict[str, Any]:
    """Return every field of an event as JSON values; the kind is ``event.kind``.

    Times are ISO 8601 in UTC with ``Z``, days ISO 8601, missing values null.
    """
    return fields_to_json(event)


def drop_retired_fields(kind: str, mapping: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a ledger's entry without those that its kind no longer has."""
    retired = RETIRED_FIELDS.get(kind, frozenset())
    return {name: value for name, value in mapping.items() if name not in retired}


def event_from_json(kind: str, mapping: Mapping[str, Any]) -> Event:
    """Return the event of a mapping; the inverse of :func:`event_to_json`.

    A personal field that is absent was erased: it takes its default. EventFaults names every
    fault: unknown kind or field, missing field, wrong type, condition that does not hold.
    """
    if kind not in KINDS:
        fix = f"write one of {', '.join(sorted(KINDS))}"
        raise EventFaults(kind, (FieldFault("kind", repr(kind), "is no kind of event", fix),))
    faults: list[FieldFault] = []
    values = read_fields(KINDS[kind], mapping, "", faults)
    if faults:
        raise EventFaults(kind, tuple(faults))
    return KINDS[kind](**values)
