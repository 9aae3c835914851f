"""Proofs of facts: what was known of consents, mandates and the rest, under roots in the ledger.

A fact is known from the closing of its load on, and never changes. So the rows of each table, in
the order in which they became known, are the leaves of Merkle trees, some thousands a tree; one
entry ``outbound.facts`` of the ledger holds each root. The text of a fact, its path to that root
and the ledger's own proof of the entry prove that the fact was recorded on a day, without any other
fact.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import date, datetime
from itertools import chain
from typing import Any

from django.db import models as db
from django.db import transaction

from releve.gate import models
from releve.gate.errors import NotAvailable
from releve.gate.models import FactBatch, FactRow, Load
from releve.gate.row_tree import MAX_BATCH_ROWS, RowTree, hash_row_text
from releve.ledger.chain import append, lock_head
from releve.ledger.digests import canonical_json
from releve.ledger.errors import ProofError
from releve.ledger.proofs import prove_entry
from releve.ledger.roots import SignedRoot
from releve.network.clock import UTC

__all__ = ["KIND", "PROVED_MODELS", "FactProver", "seal_facts", "serialize_fact", "to_json_value"]

KIND = "outbound.facts"
"""The kind of the ledger's entry: ``table``, ``rows`` (a count), ``root``."""

PROVED_MODELS: tuple[type[FactRow], ...] = (
    models.ConsentRow, models.WithdrawalRow, models.ContractRow, models.CallbackRow,
    models.RefusalRow, models.MandateRow, models.AbandonedRow, models.ScrubRow,
    models.CampaignRow, models.UnplacedRow,
)  # fmt: skip
"""The tables whose rows are proved here; attempts are proved with the decisions."""

_LEFT_OUT = {"load", "digest", "erase_on", "known_from"}
_Position = tuple[datetime, int]
"""When a row became known, and its key: the order of the leaves."""


def seal_facts(now: datetime) -> int:
    """Put every fact that is not proved yet under new roots in the ledger; return how many."""
    count = 0
    for model in PROVED_MODELS:
        while found := _seal_table(model, now):
            count += found
    return count


def _seal_table(model: type[FactRow], now: datetime) -> int:
    """Put the next rows of a table under one root; return how many.

    They are read and hashed before the transaction: on SQLite it keeps the gate waiting.
    """
    table, end = model._meta.db_table, _proved_end(model)
    rows = _next_rows(model, end)
    if not rows:
        return 0
    tree = RowTree.from_texts(map(serialize_fact, rows))
    root = tree.root
    known_at, last = _row_position(rows[-1])
    with transaction.atomic():
        lock_head()  # one process closes at a time
        if _proved_end(model) != end:  # another process has proved them meanwhile
            return len(rows)
        body = {"table": table, "rows": len(rows), "root": root}
        entry = append(KIND, body, recorded_at=now, stream="outbound")
        FactBatch.objects.create(
            table=table, sealed_at=now, rows=len(rows), known_at=known_at, last=last,
            root=root, leaves=tree.leaves, seq=entry.seq,
        )  # fmt: skip
    return len(rows)


def _proved_end(model: type[FactRow]) -> _Position | None:
    """Return where the proved rows of a table end."""
    done = FactBatch.objects.filter(table=model._meta.db_table).order_by("-known_at", "-last")
    return done.values_list("known_at", "last").first()


def _next_rows(model: type[FactRow], end: _Position | None) -> list[FactRow]:
    """Return the first rows that are not proved yet, in the order in which they became known."""
    rows = model._default_manager.select_related("load").order_by("pk")
    loads = Load.objects.filter(known_at__isnull=False).order_by("known_at")
    later = loads.filter(db.Exists(model._default_manager.filter(load=db.OuterRef("pk"))))
    parts = []
    if end is not None:
        parts = [rows.filter(load__known_at=end[0], pk__gt=end[1])]
        later = later.filter(known_at__gt=end[0])
    found: list[FactRow] = []
    for part in chain(parts, (rows.filter(load=load) for load in later.iterator())):
        found += part[: MAX_BATCH_ROWS - len(found)]
        if len(found) == MAX_BATCH_ROWS:
            break
    return found


def _row_position(row: FactRow) -> _Position:
    if row.load is None or row.load.known_at is None:
        raise NotAvailable(f"{row} is not known yet: its import was not finished")
    return row.load.known_at, row.pk


def serialize_fact(row: FactRow) -> str:
    """Return the canonical JSON of a fact: its table, its columns, when it was known."""
    content: dict[str, Any] = {"table": row._meta.db_table}
    for field in row._meta.concrete_fields:
        if field.name not in _LEFT_OUT:
            content[field.name] = to_json_value(getattr(row, field.attname))
    recorded, _ = _row_position(row)
    content["recorded_at"] = to_json_value(recorded)
    content["known_at"] = to_json_value(row.known_from or recorded)
    return canonical_json(content)


def to_json_value(value: Any) -> Any:
    """Return an instant (in UTC) or a day as ISO 8601, and any other value as it is."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value.isoformat() if isinstance(value, date) else value


class FactProver:
    """Proves facts against one signed root of the ledger; reads each batch once."""

    def __init__(self, root: SignedRoot) -> None:
        self._root = root
        self._batches: dict[int, tuple[RowTree, Mapping[str, Any] | None]] = {}

    def proof(self, row: FactRow) -> Mapping[str, Any] | None:
        """Return the proof of a fact (``RowTree.prove``), None while no signed root covers it."""
        known_at, pk = _row_position(row)
        later = db.Q(known_at__gt=known_at) | db.Q(known_at=known_at, last__gte=pk)
        batches = FactBatch.objects.filter(later, table=row._meta.db_table)
        batch = batches.order_by("known_at", "last").defer("leaves").first()
        if batch is None:
            return None
        tree, entry = self._read(batch)
        text = serialize_fact(row)
        place = tree.places.get(hash_row_text(text))
        return None if entry is None or place is None else tree.prove(place, text, entry)

    def _read(self, batch: FactBatch) -> tuple[RowTree, Mapping[str, Any] | None]:
        if batch.pk not in self._batches:
            self._batches.clear()  # rows come in the order of their batches
            entry: Mapping[str, Any] | None = None
            with suppress(ProofError):  # the batch was closed after the root
                entry = prove_entry(batch.seq, self._root)
            self._batches[batch.pk] = RowTree(bytes(batch.leaves)), entry
        return self._batches[batch.pk]
