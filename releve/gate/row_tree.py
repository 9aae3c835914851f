"""Rows under a Merkle root: the leaves of a batch, its root, and the proof of one of its rows.

Decisions with their attempts (``batch_proofs``) and facts (``fact_proofs``) are proved alike: the
canonical JSON of a row is hashed to a leaf, and an entry of the ledger holds the root.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from functools import cache, cached_property
from typing import Any

from releve.ledger.merkle import fold_hashes, inclusion_path, leaf_hash, tree_hash

__all__ = ["MAX_BATCH_ROWS", "RowTree", "hash_row_text"]

MAX_BATCH_ROWS = 5000
"""Rows of one tree at most."""

_TAG = b"releve gate row 1\n"
_HASH_BYTES = 32


def hash_row_text(text: str) -> bytes:
    """Return the leaf of a row's text; a verifier computes the same."""
    return leaf_hash(hashlib.sha256(_TAG + text.encode()).digest())


class RowTree:
    """The tree over the rows of a batch; ``leaves`` holds their hashes, 32 bytes each."""

    def __init__(self, leaves: bytes) -> None:
        self.leaves = leaves
        self.size = len(leaves) // _HASH_BYTES
        self._subtree = cache(self._hash_subtree)

    @classmethod
    def from_texts(cls, texts: Iterable[str]) -> RowTree:
        """Return the tree over rows given by their text."""
        return cls(b"".join(map(hash_row_text, texts)))

    @property
    def root(self) -> str:
        """Return the root hash in hex."""
        return tree_hash(self.size, self._subtree).hex()

    @cached_property
    def places(self) -> Mapping[bytes, int]:
        """Return the place of each leaf."""
        starts = range(0, len(self.leaves), _HASH_BYTES)
        return {self.leaves[at : at + _HASH_BYTES]: n for n, at in enumerate(starts)}

    def prove(self, place: int, text: str, entry: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the proof of the row at a place, showing no other row.

        ``text`` is the row, ``path`` the audit path (RFC 9162) from its leaf to the root that the
        ledger's ``entry`` holds, given as the ledger's own proof of that entry.
        """
        return {
            "format": "releve outbound row 1",
            "text": text,
            "place": place,
            "size": self.size,
            "path": [node.hex() for node in inclusion_path(place, self.size, self._subtree)],
            "entry": entry,
        }

    def _hash_subtree(self, level: int, index: int) -> bytes:
        """Return the hash of a complete subtree over ``2**level`` leaves."""
        width = _HASH_BYTES << level
        part = self.leaves[index * width : (index + 1) * width]
        return fold_hashes([part[at : at + _HASH_BYTES] for at in range(0, width, _HASH_BYTES)])
