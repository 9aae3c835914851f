"""The nodes of the tree that are stored, and the rest made from them.

The leaves are the hashes of the entries; of the nodes above, every eighth level is kept: a subtree
of any size is then made from at most 128 rows by one query, a proof among a million entries from
some 20 such queries, and a thousand entries cost four rows.
"""

from __future__ import annotations

from releve.ledger.merkle import fold_hashes, leaf_hash
from releve.ledger.models import LedgerEntry, LedgerNode

__all__ = ["STRIDE", "extend_tree", "hash_subtree", "read_stored"]

STRIDE = 8


def hash_subtree(level: int, index: int) -> bytes:
    """Return the hash of a complete subtree, from the kept level at or below its own."""
    below = level % STRIDE
    kept, count = level - below, 1 << below
    found = read_stored(kept, index * count, count)
    if len(found) != count:
        raise LookupError(f"the tree has {len(found)} of {count} hashes at level {kept}")
    return fold_hashes(found)


def extend_tree(before: int, size: int) -> None:
    """Keep the nodes that are complete with ``size`` entries and were not with ``before``."""
    level = STRIDE
    while size >> level:
        added = range(before >> level, size >> level)
        LedgerNode.objects.bulk_create(
            [LedgerNode(level=level, index=i, hash=_join_level(level, i).hex()) for i in added]
        )
        level += STRIDE


def _join_level(level: int, index: int) -> bytes:
    """Return the hash of a subtree from the kept level below its own."""
    first, count = index << STRIDE, 1 << STRIDE
    return fold_hashes(read_stored(level - STRIDE, first, count))


def read_stored(level: int, first: int, count: int) -> list[bytes]:
    """Return the hashes of neighbours at a kept level, level 0 being the leaves from entry 1 on."""
    if level == 0:
        leaves = LedgerEntry.objects.filter(seq__gt=first, seq__lte=first + count).order_by("seq")
        return [leaf_hash(bytes.fromhex(text)) for text in leaves.values_list("hash", flat=True)]
    rows = LedgerNode.objects.filter(level=level, index__gte=first, index__lt=first + count)
    return [bytes.fromhex(text) for text in rows.order_by("index").values_list("hash", flat=True)]
