"""Proofs of what the gate did: decisions and attempts under one Merkle root a batch.

An entry of the ledger for each call would make every call wait for the ledger's lock. Instead the
rows that are not proved yet go under Merkle trees once a day (or whenever ``close_batches`` is
called), some thousands a tree, and one entry holds each root. A row is proved by its text, its path
to that root, and the ledger's own proof of the entry.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db import models as db

from releve.gate.errors import NotAvailable
from releve.gate.models import AttemptRow, Batch, Decision
from releve.gate.row_tree import MAX_BATCH_ROWS, RowTree
from releve.ledger.chain import append, lock_head
from releve.ledger.digests import canonical_json
from releve.ledger.proofs import prove_entry
from releve.ledger.roots import load_root

__all__ = ["KIND", "close_batch", "close_batches", "prove_row", "serialize_row"]

KIND = "outbound.batch"
"""The kind of the ledger's entry: ``batch``, ``decisions``, ``attempts`` (counts), ``root``."""

_LEFT_OUT = {
    "gate_decision": {"batch", "place", "erase_on"},
    "gate_attempt": {"batch", "place", "erase_on", "load", "digest"},
}

ProvableRow = Decision | AttemptRow


def close_batches(now: datetime) -> list[Batch]:
    """Put every row that is not proved yet under new roots in the ledger; return the batches.

    The transactions are short, so that the gate never waits long. Decisions made meanwhile go
    into the next batch.
    """
    found: list[Batch] = []
    while batch := close_batch(now):
        found.append(batch)
    return found


def close_batch(now: datetime) -> Batch | None:
    """Put the next rows under one new root; None where every row is proved."""
    decisions = list(Decision.objects.filter(batch=None).order_by("pk")[:MAX_BATCH_ROWS])
    counting = db.Q(load=None) | db.Q(load__known_at__isnull=False)
    waiting = AttemptRow.objects.filter(counting, batch=None).select_related("load").order_by("pk")
    attempts = list(waiting[: MAX_BATCH_ROWS - len(decisions)])
    rows: list[ProvableRow] = [*decisions, *attempts]
    if not rows:
        return None
    tree = RowTree.from_texts(map(serialize_row, rows))
    root = tree.root
    with transaction.atomic():
        lock_head()  # one process closes at a time
        if _any_proved(Decision, decisions) or _any_proved(AttemptRow, attempts):
            return close_batch(now)
        batch = Batch.objects.create(
            sealed_at=now, decisions=len(decisions), attempts=len(attempts), root=root,
            leaves=tree.leaves, seq=0,
        )  # fmt: skip
        body = {"batch": batch.pk, "decisions": batch.decisions, "attempts": batch.attempts,
                "root": root}  # fmt: skip
        batch.seq = append(KIND, body, recorded_at=now, stream="outbound").seq
        batch.save(update_fields=["seq"])
        _record_places(Decision, decisions, batch, 0)
        _record_places(AttemptRow, attempts, batch, len(decisions))
    return batch


def _any_proved(model: type[Decision] | type[AttemptRow], rows: Sequence[Any]) -> bool:
    """Return whether another process has proved one of the rows meanwhile."""
    if not rows:
        return False
    between = {"pk__gte": rows[0].pk, "pk__lte": rows[-1].pk}
    waiting = model._default_manager.filter(batch=None, **between).values_list("pk", flat=True)
    return not {row.pk for row in rows} <= set(waiting)


def _record_places(
    model: type[Decision] | type[AttemptRow], rows: Sequence[Any], batch: Batch, first: int
) -> None:
    """Record the batch of each row and its place in it."""
    update = f"UPDATE {model._meta.db_table} SET batch_id = %s, place = %s WHERE id = %s"
    with connection.cursor() as cursor:
        cursor.executemany(update, [(batch.pk, first + n, row.pk) for n, row in enumerate(rows)])


def serialize_row(row: ProvableRow) -> str:
    """Return the canonical JSON of a row: its table and its columns, without its place of proof."""
    table = row._meta.db_table
    content: dict[str, Any] = {"table": table}
    for field in row._meta.concrete_fields:
        value = getattr(row, field.attname)
        unnamed = field.name == "began" and not value  # proved before there was such a column
        if field.name not in _LEFT_OUT[table] and not unnamed:
            content[field.name] = value.isoformat() if isinstance(value, datetime) else value
    if isinstance(row, AttemptRow) and row.load is not None:
        content["known_from"] = content["known_from"] or _iso(row.load.known_at)
    return canonical_json(content)


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def prove_row(row: ProvableRow, root_number: int) -> Mapping[str, Any]:
    """Return the proof of a row against a signed root of the ledger (``RowTree.prove``).

    NotAvailable when the row is in no batch yet; ProofError when its batch was closed after that
    root.
    """
    batch = row.batch
    if batch is None or row.place is None:
        raise NotAvailable(f"{row} is in no batch yet: releve outbound close")
    entry = prove_entry(batch.seq, load_root(root_number))
    return RowTree(bytes(batch.leaves)).prove(row.place, serialize_row(row), entry)
