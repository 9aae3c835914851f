"""Rows of any table as JSON values, the same for every database: what backups and journals hold.

Instants, days and identifiers are ISO texts, durations whole microseconds, bytes base64; JSON and
everything else stands for itself. Instants keep their microseconds.
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db.models import Field

__all__ = ["decode_value", "encode_value"]

_MICROSECOND = timedelta(microseconds=1)
_DECODERS: Mapping[str, Callable[[Any], Any]] = {
    "BinaryField": base64.b64decode,
    "DateField": date.fromisoformat,
    "DateTimeField": datetime.fromisoformat,
    "DurationField": lambda value: timedelta(microseconds=value),
    "TimeField": time.fromisoformat,
    "UUIDField": uuid.UUID,
}


def encode_value(value: Any) -> Any:
    """Return a column's value as JSON."""
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value // _MICROSECOND
    if isinstance(value, bytes | memoryview):
        return base64.b64encode(bytes(value)).decode()
    return str(value) if isinstance(value, uuid.UUID) else value


def decode_value(field: Field[Any, Any], value: Any) -> Any:
    """Return the value of a column, or of the one that it refers to, from its JSON."""
    while field.remote_field is not None:
        field = field.remote_field.model._meta.pk
    decode = _DECODERS.get(field.get_internal_type())
    return value if value is None or decode is None else decode(value)
