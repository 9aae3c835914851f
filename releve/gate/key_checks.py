"""The key of the pseudonyms held against the rows: by loads and commands, and by each gate.

Rows written under another key are not found again: a withdrawal would not forbid, an attempt would
not count. So no fact is loaded and no call allowed but under the key of the rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Model

from releve.gate.errors import KeyFault
from releve.gate.models import Decision, PseudonymValue
from releve.gate.pseudonyms import (
    forget_key,
    key_check,
    key_fault,
    make_key,
    number_pseudonym,
    person_pseudonym,
)
from releve.gate.schema import TABLES
from releve.ledger.key_files import ensure_key, stored_key_check

if TYPE_CHECKING:  # it loads psycopg: a tenth of the start of every command
    from releve.gate.connections import GateConnection

__all__ = ["NAME", "check_key", "ensure_gate_key"]

NAME = "gate"
"""Under which the check value stands in the database."""

_WRITERS = {"number": number_pseudonym, "person": person_pseudonym}


def ensure_gate_key() -> None:
    """Refuse a key that is not the one of the rows (KeyFault); make one where there is neither."""
    try:
        if stored_key_check(NAME) is None and key_check() is not None and not _fits_rows():
            raise key_fault("is not the one that the database was written with")
        ensure_key(NAME, key_check, make_key, _has_rows, key_fault)
    except KeyFault:
        forget_key()
        raise


async def check_key(store: GateConnection) -> None:
    """Refuse to decide under a key that is not the one of the rows (KeyFault)."""
    found, stored = key_check(), await store.key_check()
    if found is not None and found == stored:
        return
    forget_key()
    if found is None:
        raise key_fault("is missing")
    if stored is None:
        raise key_fault("has no check value in the database: start `releve outbound serve`, or")
    raise key_fault("is not the one that the database was written with")


def _has_rows() -> bool:
    """Return whether a row holds a pseudonym."""
    models: list[type[Model]] = [PseudonymValue, Decision]
    models += [
        table.model
        for table in TABLES.values()
        if any(column.hides in _WRITERS for column in table.columns)
    ]
    return any(model._default_manager.exists() for model in models)


def _fits_rows() -> bool:
    """Return whether a value that is kept beside its pseudonym has it under this key.

    True where none is kept: rows from before there were check values.
    """
    row = PseudonymValue.objects.filter(what__in=_WRITERS).first()
    return row is None or _WRITERS[row.what](row.value) == row.pseudonym
