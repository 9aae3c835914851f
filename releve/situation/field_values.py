"""Declared fields as JSON values and back, with every fault named at once."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from types import NoneType
from typing import Any, get_args, get_origin

from releve.network import UTC
from releve.situation.fields import EventField, find_date_fault, list_fields

__all__ = ["FieldFault", "fields_to_json", "read_fields"]

LONGEST_TEXT = 4000
"""Characters of one text; a longer one belongs in a document that is named by its digest."""
LONGEST_LIST = 100_000
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_SHOWN = 80


@dataclass(frozen=True, slots=True)
class FieldFault:
    """One fault of a mapping: the field (dotted inside lists), its value, what and how to mend."""

    field: str
    value: str
    reason: str
    fix: str

    def __str__(self) -> str:
        value = f" {self.value}" if self.value else ""
        return f"{self.field}{value}: {self.reason}; {self.fix}"


def fields_to_json(row: Any) -> dict[str, Any]:
    """Return the declared fields of a value: times in UTC with ``Z``, days ISO, missing null."""
    return {field.name: _to_json(getattr(row, field.name)) for field in list_fields(type(row))}


def _to_json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple):
        return [_to_json(item) for item in value]
    return fields_to_json(value) if dataclasses.is_dataclass(value) else value


def read_fields(row: type, mapping: Any, prefix: str, faults: list[FieldFault]) -> dict[str, Any]:
    """Return the declared fields of ``row`` from a mapping; faults are added to ``faults``.

    ``prefix`` is put before the names of the fields in the faults. Days and times may be texts or
    values already.
    """
    if not isinstance(mapping, Mapping):
        place = prefix.rstrip(".") or "all"
        faults.append(FieldFault(place, _shorten(mapping), "is not an object", "write an object"))
        return {}
    known = {field.name: field for field in list_fields(row)}
    for name in mapping:
        if name not in known:
            fix = f"leave it out or write one of {', '.join(known)}"
            faults.append(FieldFault(f"{prefix}{name}", "", "is no field of this kind", fix))
    values = {}
    for name, field in known.items():
        if name in mapping:
            values[name] = _read_field(field, mapping[name], f"{prefix}{name}", faults)
        elif field.required:
            fix = f"give it, such as {field.example}" if field.example else "give it"
            faults.append(FieldFault(f"{prefix}{name}", "", "is missing", fix))
    return values


def _read_field(field: EventField, value: Any, place: str, faults: list[FieldFault]) -> Any:
    types = get_args(field.type) or (field.type,)
    if get_origin(field.type) is tuple:
        return _read_list(types[0], value, place, faults)
    if value is None and NoneType in types:
        return None
    wanted = next(type_ for type_ in types if type_ is not NoneType)
    read, reason = _read_plain(wanted, value)
    if not reason and read != field.default:
        reason = field.condition.fault(read) or find_date_fault(read) or ""
    if reason:
        fix = f"write it such as {field.example}" if field.example else "mend it"
        faults.append(FieldFault(place, _shorten(value), reason, fix))
    return read


def _read_list(item: type, value: Any, place: str, faults: list[FieldFault]) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple) or len(value) > LONGEST_LIST:
        reason = f"is not a list of at most {LONGEST_LIST} items"
        faults.append(FieldFault(place, _shorten(value), reason, "write a list"))
        return ()
    read = []
    for number, one in enumerate(value):
        if dataclasses.is_dataclass(item):
            before = len(faults)
            values = read_fields(item, one, f"{place}.{number}.", faults)
            read += [item(**values)] if len(faults) == before else []
            continue
        text, reason = _read_plain(item, one)
        if reason:
            faults.append(FieldFault(f"{place}.{number}", _shorten(one), reason, "write a text"))
        read.append(text)
    return tuple(read)


def _read_plain(wanted: type, value: Any) -> tuple[Any, str]:
    """Return a JSON value as ``wanted`` and an empty text, or why it is not one."""
    if wanted is datetime:
        return _read_time(value)
    if wanted is date:
        return _read_day(value)
    if wanted is bool:
        return value, "" if isinstance(value, bool) else "is neither true nor false"
    if wanted is int:
        whole = isinstance(value, int) and not isinstance(value, bool)
        return value, "" if whole else "is not a whole number"
    if wanted is float:
        return _read_number(value)
    return value, _text_fault(value)


def _read_number(value: Any) -> tuple[Any, str]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value, "is not a number"
    try:
        return float(value), ""
    except OverflowError:
        return value, "is too large a number"


def _text_fault(value: Any) -> str:
    if not isinstance(value, str):
        return "is not a text"
    if len(value) > LONGEST_TEXT:
        return f"has {len(value)} characters, more than {LONGEST_TEXT}"
    return "holds control characters" if _CONTROL.search(value) else ""


def _read_time(value: Any) -> tuple[Any, str]:
    try:
        time = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        if time.tzinfo is None:
            return value, "has no offset from UTC"
        return time.astimezone(UTC), ""
    except (TypeError, ValueError, OverflowError):
        return value, "is not an ISO 8601 time"


def _read_day(value: Any) -> tuple[Any, str]:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value, ""
    try:
        return date.fromisoformat(value), ""
    except (TypeError, ValueError):
        return value, "is not an ISO 8601 day"


def _shorten(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
