"""Events as JSON and back, with every fault named at once, and the JSON Schema of each kind.

ValueError
├── EventFaults          a mapping is not an event; ``faults`` holds every fault
└── SituationRuleFaults  a text is not a list of rules or a charter; ``faults`` holds every one
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import is_dataclass
from datetime import date, datetime
from types import NoneType
from typing import Any, cast, get_args, get_origin

from releve.errors import ReleveError
from releve.situation.catalogue import KINDS
from releve.situation.event import (
    LONGEST_LIST,
    LONGEST_TEXT,
    Event,
    EventField,
    FieldFault,
    fields_to_json,
    list_fields,
    read_fields,
)

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


def event_from_json(kind: str, mapping: Mapping[str, Any], own: Container[str] = ()) -> Event:
    """Return the event of a mapping; the inverse of :func:`event_to_json`.

    A personal field that is absent was erased: it takes its default. EventFaults names every
    fault: unknown kind or field, missing field, wrong type, condition that does not hold. It proposes
    no field of ``own``, which the caller sets.
    """
    if kind not in KINDS:
        fix = f"write one of {', '.join(sorted(KINDS))}"
        raise EventFaults(kind, (FieldFault("kind", repr(kind), "is no kind of event", fix),))
    faults: list[FieldFault] = []
    values = read_fields(KINDS[kind], mapping, "", faults, own)
    if faults:
        raise EventFaults(kind, tuple(faults))
    return KINDS[kind](**values)


_FORMATS: Mapping[type, dict[str, Any]] = {
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    datetime: {"type": "string", "format": "date-time"},
    date: {"type": "string", "format": "date"},
    str: {"type": "string", "maxLength": LONGEST_TEXT},
}


def build_event_schema(kind: str, without: Container[str] = ()) -> dict[str, Any]:
    """Return the JSON Schema of the fields of a kind of event, ``without`` some of them.

    ``happened_at`` may be left out: it is then now.
    """
    fields = [row for row in list_fields(KINDS[kind]) if row.name not in without]
    found = _describe_object(fields)
    found["required"] = [name for name in found["required"] if name != "happened_at"]
    return {"title": kind, "description": KINDS[kind].doc, **found}


def _describe_object(fields: Sequence[EventField]) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {row.name: _describe_field(row) for row in fields},
        "required": [row.name for row in fields if row.required],
    }


def _describe_field(row: EventField) -> dict[str, Any]:
    doc = f"{row.doc}; empty = now" if row.name == "happened_at" else row.doc
    if get_origin(row.type) is tuple:
        (item, *_rest) = get_args(row.type)
        rows = list_fields(cast(type, item)) if is_dataclass(item) else ()
        inner = _describe_object(rows) if rows else _FORMATS[item]
        return {"type": "array", "items": inner, "maxItems": LONGEST_LIST, "description": doc}
    types = get_args(row.type) or (row.type,)
    found = dict(_FORMATS[next(item for item in types if item is not NoneType)])
    if NoneType in types:
        found["type"] = [found["type"], "null"]
    condition = row.condition
    if condition.one_of:
        found["enum"] = list(condition.one_of)
    if condition.at_least is not None:
        found["minimum"] = condition.at_least
    if condition.at_most is not None:
        found["maximum"] = condition.at_most
    return {**found, "description": doc}
