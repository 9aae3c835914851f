"""Entries of the ledger as packs hold them: what each says, and the proof that it is under a root.

Personal values stay commitments. Values of health that concern no particular person are shown
where a pack asks for them, with their salts.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from releve.ledger import tree
from releve.ledger.chain import serialize_entry
from releve.ledger.digests import parse_canonical
from releve.ledger.merkle import Subtree, fold_hashes, inclusion_path, leaf_hash
from releve.ledger.models import LedgerEntry, PersonalValue
from releve.ledger.proofs import disclose_values
from releve.ledger.roots import SignedRoot
from releve.live.api import LIVE
from releve.situation import KINDS, health_fields, personal_fields

__all__ = ["EvidenceRecord", "load_records", "prove_records", "share_reads"]

_BLOCK_LEVEL = 8


@dataclass(frozen=True, slots=True)
class EvidenceRecord:
    """An entry: its number, kind, instant, body, and what is disclosed of its committed values."""

    seq: int
    kind: str
    at: datetime
    """When it happened; when it was recorded where the entry says nothing else."""
    body: dict[str, Any]
    row: LedgerEntry
    values: tuple[dict[str, Any], ...] = ()

    @property
    def id(self) -> str:
        return str(self.body.get("id", ""))

    @property
    def site(self) -> str:
        found = self.body.get("site")
        return found if isinstance(found, str) else ""

    @property
    def content(self) -> dict[str, Any]:
        """The entry as an object of JSON."""
        found: dict[str, Any] = parse_canonical(serialize_entry(self.row))
        return found

    def as_json(self, path: Sequence[str] = ()) -> dict[str, Any]:
        """Return the entry as a pack holds it, with the path of its proof."""
        return {
            "entry": self.content,
            "hash": self.row.hash,
            "path": list(path),
            "values": list(self.values),
        }


def load_records(
    kinds: Collection[str],
    root: SignedRoot,
    keep: Callable[[EvidenceRecord], bool],
    *,
    disclose_health: bool = False,
    streams: Collection[str] = (LIVE,),
) -> list[EvidenceRecord]:
    """Return the entries of some kinds under a root, in order, that are to be kept.

    Corrections of kept entries come with them, since what was corrected no longer counts.
    """
    rows = LedgerEntry.objects.filter(
        stream__in=streams, kind__in={*kinds, "event.corrected"}, seq__lte=root.size
    )
    found = [_read_record(row) for row in rows.order_by("seq").iterator()]
    kept = [one for one in found if one.kind != "event.corrected" and keep(one)]
    names = {one.id for one in kept if one.id}
    kept += [
        one for one in found if one.kind == "event.corrected" and one.body.get("corrects") in names
    ]
    kept.sort(key=lambda one: one.seq)
    return _disclose_health(kept) if disclose_health else kept


def _read_record(row: LedgerEntry) -> EvidenceRecord:
    body = parse_canonical(row.body)
    said = body.get("happened_at") or row.recorded_at
    return EvidenceRecord(
        row.seq, row.kind, datetime.fromisoformat(said).astimezone(UTC), body, row
    )


def _disclose_health(records: Sequence[EvidenceRecord]) -> list[EvidenceRecord]:
    """Return entries with the counts of health that they commit to; of no person is any shown."""
    wanted = {
        one.seq: set(health_fields(one.kind)) - set(personal_fields(one.kind))
        for one in records
        if one.kind in KINDS
    }
    shown: dict[int, list[PersonalValue]] = {}
    for value in PersonalValue.objects.filter(entry__in=[seq for seq, w in wanted.items() if w]):
        if value.path in wanted[value.entry_id]:
            shown.setdefault(value.entry_id, []).append(value)
    return [
        EvidenceRecord(
            one.seq, one.kind, one.at, one.body, one.row,
            tuple(disclose_values(shown.get(one.seq, ()))),
        )
        for one in records
    ]  # fmt: skip


def prove_records(
    records: Iterable[EvidenceRecord], root: SignedRoot, subtree: Subtree
) -> list[dict[str, Any]]:
    """Return entries with the paths that lead to a root."""
    return [
        one.as_json([node.hex() for node in inclusion_path(one.seq - 1, root.size, subtree)])
        for one in records
    ]


def share_reads() -> Subtree:
    """Return subtree hashes that are read once: leaves by blocks of 256, nodes by themselves."""

    @lru_cache(maxsize=64)
    def read_block(block: int) -> list[bytes]:
        first = block << _BLOCK_LEVEL
        rows = LedgerEntry.objects.filter(seq__gt=first, seq__lte=first + (1 << _BLOCK_LEVEL))
        hashes = rows.order_by("seq").values_list("hash", flat=True)
        return [leaf_hash(bytes.fromhex(text)) for text in hashes]

    @lru_cache(maxsize=100_000)
    def subtree(level: int, index: int) -> bytes:
        if level >= _BLOCK_LEVEL:
            return tree.hash_subtree(level, index)
        first = (index << level) & ((1 << _BLOCK_LEVEL) - 1)
        leaves = read_block((index << level) >> _BLOCK_LEVEL)
        return fold_hashes(leaves[first : first + (1 << level)])

    return subtree
