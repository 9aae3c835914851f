"""The JSON Schema of what a program sends for an event, read from the event's own fields."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import is_dataclass
from datetime import date, datetime
from types import NoneType
from typing import Any, cast, get_args, get_origin

from releve.situation.catalogue import KINDS
from releve.situation.field_values import LONGEST_LIST, LONGEST_TEXT
from releve.situation.fields import EventField, list_fields

__all__ = ["build_event_schema"]

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
