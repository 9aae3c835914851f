"""What the gate did, provable: its rows under one tree a batch, the tree's root in the ledger.

An entry of the ledger for every call would put its lock into the way of each. Instead the rows that
are not proved yet become the leaves of Merkle trees once a day (or whenever ``close_batches`` is
called), some thousands a tree, and one entry holds each root. A row is proved by its text, its path
to that root, and the ledger's own proof of the entry.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db import models as db

from releve.gate.errors import NotAvailable
from releve.gate.models import AttemptRow, Batch, Decision
from releve.ledger.chain import append, lock_head
from releve.ledger.hashing import canonical_json
from releve.ledger.merkle import fold_hashes, inclusion_path, leaf_hash, tree_hash
from releve.ledger.proofs import prove_entry
from releve.ledger.roots import load_root

__all__ = [
    "KIND",
    "close_batch",
    "close_batches",
    "hash_row",
    "prove_row",
    "serialize_row",
    "text_leaf",
]

KIND = "outbound.batch"
"""The kind of the ledger's entry: ``batch``, ``decisions``, ``attempts`` (counts), ``root``."""

_TAG = b"releve gate row 1\n"
_HASH = 32
_MOST = 5000
_LEFT_OUT = {
    "gate_decision": {"batch", "place", "erase_on"},
    "gate_attempt": {"batch", "place", "erase_on", "load", "digest"},
}

Row = Decision | AttemptRow


def close_batches(now: datetime) -> list[Batch]:
    """Put every row that is not proved yet under new roots in the ledger; return the batches.

    Short transactions: the gate waits for none of them long. What is decided meanwhile comes into
    the next batch.
    """
    found: list[Batch] = []
    while batch := close_batch(now):
        found.append(batch)
    return found


def close_batch(now: datetime) -> Batch | None:
    """Put the next rows under one new root; None where there is none."""
    decisions = list(Decision.objects.filter(batch=None).order_by("pk")[:_MOST])
    counting = db.Q(load=None) | db.Q(load__known_at__isnull=False)
    waiting = AttemptRow.objects.filter(counting, batch=None).select_related("load").order_by("pk")
    attempts = list(waiting[: _MOST - len(decisions)])
    rows: list[Row] = [*decisions, *attempts]
    hashes = [hash_row(row) for row in rows]
    if not hashes:
        return None
    leaves = b"".join(hashes)
    root = tree_hash(len(hashes), _subtrees(leaves)).hex()
    with transaction.atomic():
        lock_head()  # one closes at a time
        if _taken(Decision, decisions) or _taken(AttemptRow, attempts):
            return close_batch(now)
        batch = Batch.objects.create(
            sealed_at=now, decisions=len(decisions), attempts=len(attempts), root=root,
            leaves=leaves, seq=0,
        )  # fmt: skip
        body = {"batch": batch.pk, "decisions": batch.decisions, "attempts": batch.attempts,
                "root": root}  # fmt: skip
        batch.seq = append(KIND, body, recorded_at=now, stream="outbound").seq
        batch.save(update_fields=["seq"])
        _place(Decision, decisions, batch, 0)
        _place(AttemptRow, attempts, batch, len(decisions))
    return batch


def _taken(model: type[Decision] | type[AttemptRow], rows: Sequence[Any]) -> bool:
    """Return whether another process has proved one of the rows meanwhile."""
    if not rows:
        return False
    between = {"pk__gte": rows[0].pk, "pk__lte": rows[-1].pk}
    waiting = model._default_manager.filter(batch=None, **between).values_list("pk", flat=True)
    return not {row.pk for row in rows} <= set(waiting)


def _place(
    model: type[Decision] | type[AttemptRow], rows: Sequence[Any], batch: Batch, first: int
) -> None:
    """Write where each row is proved."""
    update = f"UPDATE {model._meta.db_table} SET batch_id = %s, place = %s WHERE id = %s"
    with connection.cursor() as cursor:
        cursor.executemany(update, [(batch.pk, first + n, row.pk) for n, row in enumerate(rows)])


def serialize_row(row: Row) -> str:
    """Return the canonical JSON of a row: its table, and all it holds but where it is proved."""
    table = row._meta.db_table
    told: dict[str, Any] = {"table": table}
    for field in row._meta.concrete_fields:
        if field.name not in _LEFT_OUT[table]:
            value = getattr(row, field.attname)
            told[field.name] = value.isoformat() if isinstance(value, datetime) else value
    if isinstance(row, AttemptRow) and row.load is not None:
        told["known_from"] = told["known_from"] or _iso(row.load.known_at)
    return canonical_json(told)


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def hash_row(row: Row) -> bytes:
    """Return the hash of a row as a leaf."""
    return text_leaf(serialize_row(row))


def text_leaf(text: str) -> bytes:
    """Return the leaf of a row's text: what a verifier computes anew."""
    return leaf_hash(hashlib.sha256(_TAG + text.encode()).digest())


def prove_row(row: Row, root_number: int) -> Mapping[str, Any]:
    """Return the proof of a row against a signed root of the ledger, showing no other row.

    ``text`` is the row, ``path`` the audit path (RFC 9162) from its leaf to ``root`` of the entry,
    ``entry`` the ledger's own proof of that entry. NoSuch when the row is in no batch yet;
    ProofError when the batch was closed after that root.
    """
    batch = row.batch
    if batch is None or row.place is None:
        raise NotAvailable(f"{row} is in no batch yet: releve outbound close")
    leaves = bytes(batch.leaves)
    size = len(leaves) // _HASH
    path = inclusion_path(row.place, size, _subtrees(leaves))
    return {
        "format": "releve outbound row 1",
        "text": serialize_row(row),
        "place": row.place,
        "size": size,
        "path": [node.hex() for node in path],
        "entry": prove_entry(batch.seq, load_root(root_number)),
    }


def _subtrees(leaves: bytes) -> Any:
    """Return what gives the hash of a complete subtree over the leaves."""

    def subtree(level: int, index: int) -> bytes:
        width = _HASH << level
        part = leaves[index * width : (index + 1) * width]
        return fold_hashes([part[at : at + _HASH] for at in range(0, width, _HASH)])

    return subtree
