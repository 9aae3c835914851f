"""Facts that were recorded here: written to the journal outside, and restored from it.

What a person said on the phone is in no register that could be read again, so a restored backup
takes it from the journal, where facts stand as in their rows, under pseudonyms. Each gate also
compares the database with the newest published root: a database that was rolled back may lack a
withdrawal, and would allow the call.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import Error, connection, transaction

from releve.ledger.digests import decode_value, encode_value
from releve.ledger.export import note_act
from releve.ledger.rollback import require_complete
from releve.live.clock import read_clock
from releve.plugins.outbound.gate.connections import next_known_at
from releve.plugins.outbound.gate.errors import DatabaseUnavailable
from releve.plugins.outbound.gate.models import Load
from releve.plugins.outbound.gate.sql import TABLES

FACTS = "facts"
"""The act of the journal: ``rows``, by table."""
_NOT_COPIED = ("id", "load", "batch", "place")


def note_load(load: Load) -> None:
    """Note the facts of a load, inside the transaction that writes it."""
    rows = {
        name: [
            {
                field.name: encode_value(getattr(row, field.attname))
                for field in table.model._meta.concrete_fields
                if field.name not in _NOT_COPIED
            }
            for row in table.model._default_manager.filter(load=load).order_by("pk")
        ]
        for name, table in TABLES.items()
    }
    note_act(FACTS, rows={name: found for name, found in rows.items() if found})


@transaction.atomic
def replay_facts(act: Mapping[str, Any]) -> int:
    """Write facts of the journal that are not there yet, known from now on; return how many."""
    load = Load.objects.create(source="journal", by="restore", opened_at=read_clock())
    for name, found in act["rows"].items():
        model = TABLES[name].model
        fields = {field.name: field for field in model._meta.concrete_fields}
        for row in found:
            values = {key: decode_value(fields[key], value) for key, value in row.items()}
            if not model._default_manager.filter(**values, load__known_at__isnull=False).exists():
                model._default_manager.create(**values, load=load)
                load.rows += 1
    load.known_at = next_known_at()
    load.save(update_fields=["known_at", "rows"])
    if not load.rows:
        load.delete()
    return load.rows


def check_ledger() -> None:
    """Refuse to decide on a database that is behind its ledger (LedgerBehind); in a thread.

    It uses Django's connection of its thread, and closes it. DatabaseUnavailable where that does
    not answer; it has no time limit of its own.
    """
    try:
        require_complete()
    except Error as error:
        raise DatabaseUnavailable(str(error)) from error
    finally:
        connection.close()
