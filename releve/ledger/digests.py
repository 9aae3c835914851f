"""Hashes of the ledger, byte for byte; ``docs/ledger.md`` describes them in words.

Every hash is SHA-256 and starts with a tag of its own, so that the bytes of one kind can never
pass for another. Hashes are lower-case hex at the border and in the database.

Rows of any table as JSON values, the same for every database: what backups and journals hold.

Instants, days and identifiers are ISO texts, durations whole microseconds, bytes base64; JSON and
everything else stands for itself. Instants keep their microseconds.
"""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import rfc8785
from django.db.models import Field

NO_HASH = "0" * 64
"""The hash before the first entry, and before the first root."""

_LARGEST_INTEGER = 2**53 - 1
ENTRY_TAG = b"releve ledger entry 1\n"
VALUE_TAG = b"releve ledger value 1\n"
ROOT_TAG = b"releve ledger root 1\n"
ROTATION_TAG = b"releve ledger rotation 1\n"
BACKUP_TAG = b"releve backup 1\n"


def canonical_json(value: Any) -> str:
    """Return the canonical JSON (RFC 8785) of a value; ValueError when it has none."""
    return rfc8785.dumps(value).decode()


def parse_canonical(text: str) -> Any:
    """Return the value of canonical JSON, whose canonical JSON is the text again.

    Canonical JSON writes 1e20 with all its digits: what no double holds exactly was a float.
    """
    return json.loads(text, parse_int=_parse_number)


def _parse_number(digits: str) -> int | float:
    number = int(digits)
    return number if abs(number) <= _LARGEST_INTEGER else float(digits)


def format_instant(when: datetime) -> str:
    """Return an aware instant as the ledger writes it: UTC, microseconds, ``Z``; 27 characters."""
    if when.tzinfo is None:
        raise ValueError(f"{when} has no time zone: give an aware datetime")
    return when.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def format_entry(*, seq: int, stream: str, kind: str, recorded_at: str, nonce: str, prev: str, body: str) -> str:
    """Return the canonical JSON of an entry around its canonical ``body``.

    The other fields hold no character that JSON escapes (``models.py`` sees to it), so the text
    is put together as it stands.
    """
    return (
        f'{{"body":{body},"kind":"{kind}","nonce":"{nonce}","prev":"{prev}",'
        f'"recorded_at":"{recorded_at}","seq":{seq},"stream":"{stream}"}}'
    )


def hash_entry(text: str) -> str:
    """Return the hash of an entry's canonical JSON."""
    return hashlib.sha256(ENTRY_TAG + text.encode()).hexdigest()


def hash_commitment(value: str, salt: str) -> str:
    """Return what stands in an entry for a value (canonical JSON) under a salt (hex, 32 bytes)."""
    return hashlib.sha256(VALUE_TAG + bytes.fromhex(salt) + value.encode()).hexdigest()


def hash_root(statement: Mapping[str, Any]) -> str:
    """Return the hash of a root's statement, which the next root names."""
    return hashlib.sha256(ROOT_TAG + rfc8785.dumps(dict(statement))).hexdigest()


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
