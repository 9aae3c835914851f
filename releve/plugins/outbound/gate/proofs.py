"""Proofs of facts, decisions and attempts under Merkle roots in the ledger; decisions judged again.

A row is proved by its text, its path to the root of its tree, and the ledger's proof of the entry
that holds the root (``outbound.facts`` for facts), without any other row. A fact is known from the
closing of its load on and never changes. Decisions would wait for the ledger's lock with an entry
each: rows that are not proved yet go under trees of some thousands once a day, or when
``close_batches`` is called.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain
from typing import Any

from django.db import connection, transaction
from django.db import models as db

from releve.ledger.chain import append, lock_head
from releve.ledger.digests import canonical_json
from releve.ledger.disclosure import prove_entry
from releve.ledger.guards import ProofError
from releve.ledger.roots import SignedRoot, load_root
from releve.network.moments import UTC
from releve.plugins.outbound.engine.legal_rows import LegalRules
from releve.plugins.outbound.engine.verdict import CallVerdict
from releve.plugins.outbound.gate import models
from releve.plugins.outbound.gate.campaign_cache import MAX_BATCH_ROWS, RowTree, hash_row_text
from releve.plugins.outbound.gate.decision import build_call, judge_for_holders
from releve.plugins.outbound.gate.errors import NotAvailable
from releve.plugins.outbound.gate.fact_reader import CampaignTerms, KnownFacts, hash_facts, read_facts_by_pseudonym
from releve.plugins.outbound.gate.models import AttemptRow, Batch, Decision, FactBatch, FactRow, Load

FACTS_KIND = "outbound.facts"
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
        entry = append(FACTS_KIND, body, recorded_at=now, stream="outbound")
        FactBatch.objects.create(
            table=table, sealed_at=now, rows=len(rows), known_at=known_at, last=last,
            root=root, leaves=tree.leaves, seq=entry.seq,
        )  # fmt: skip
    return len(rows)


def _proved_end(model: type[FactRow]) -> _Position | None:
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


BATCH_KIND = "outbound.batch"
"""The kind of the ledger's entry: ``batch``, ``decisions``, ``attempts`` (counts), ``root``."""

_BATCH_LEFT_OUT = {
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
            sealed_at=now, decisions=len(decisions), attempts=len(attempts), root=root, leaves=tree.leaves, seq=0
        )
        body = {"batch": batch.pk, "decisions": batch.decisions, "attempts": batch.attempts, "root": root}
        batch.seq = append(BATCH_KIND, body, recorded_at=now, stream="outbound").seq
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


def _record_places(model: type[Decision] | type[AttemptRow], rows: Sequence[Any], batch: Batch, first: int) -> None:
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
        if field.name not in _BATCH_LEFT_OUT[table] and not unnamed:
            content[field.name] = value.isoformat() if isinstance(value, datetime) else value
    if isinstance(row, AttemptRow) and row.load is not None:
        content["known_from"] = content["known_from"] or (
            None if row.load.known_at is None else row.load.known_at.isoformat()
        )
    return canonical_json(content)


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


@dataclass(frozen=True, slots=True)
class Replay:
    """The verdicts of a decision, one for each who answers the number, and the facts judged."""

    verdicts: tuple[CallVerdict, ...]
    answer: KnownFacts
    evidence: str

    def agrees(self, decision: Decision) -> bool:
        """Return whether facts and verdict are those of the decision."""
        rules = "|".join(dict.fromkeys(rule for one in self.verdicts for rule in one.rules))
        found = (all(one.allowed for one in self.verdicts), rules, hash_facts(self.evidence))
        return found == (decision.allowed, decision.rules, decision.facts)


def replay_decision(decision: Decision, rules: LegalRules) -> Replay:
    """Judge a decision again; NoSuch where it was judged by another version of the rules."""
    if decision.rules_version != rules.version:
        raise NotAvailable(
            f"{decision} was judged by the rules {decision.rules_version[:12]}, these are "
            f"{rules.version[:12]}: give those of its day"
        )
    pseudonyms = (decision.number, decision.named)
    known = read_facts_by_pseudonym(decision.client, pseudonyms, decision.campaign, decision.at, decision.stand_in)
    answer = _remove_attempt(known, str(decision))
    call = build_call(decision.campaign, CampaignTerms(**decision.call), decision.stand_in,
                   decision.caller, decision.named, decision.at, str(decision))  # fmt: skip
    found = judge_for_holders(call, answer, rules)
    return Replay(tuple(found), answer, answer.serialize())


def _remove_attempt(answer: KnownFacts, ref: str) -> KnownFacts:
    """Return what was known without the attempt that the decision itself became."""
    kept = [row for row in answer.own["attempts"] if row[1]["id"] != ref]
    return dataclasses.replace(answer, own={**answer.own, "attempts": kept})
