"""The Merkle tree of RFC 9162 (RFC 6962), section 2.1: roots, and what proves a part of one.

Leaves are numbered from 0. A function ``subtree(level, index)`` gives the hash of the complete
subtree over leaves ``index * 2**level`` up to ``(index + 1) * 2**level``; where it takes it from
is its own affair (``tree`` reads stored nodes). Every function here asks for O(log size) subtrees.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence

Subtree = Callable[[int, int], bytes]


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node over two others."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def fold_hashes(hashes: Sequence[bytes]) -> bytes:
    """Return the root of a complete tree over ``2**k`` neighbouring hashes."""
    while len(hashes) > 1:
        hashes = [node_hash(*pair) for pair in zip(hashes[::2], hashes[1::2], strict=True)]
    return hashes[0]


def tree_hash(size: int, subtree: Subtree) -> bytes:
    """Return the root hash over the first ``size`` leaves, at least one."""
    return _range_hash(0, size, subtree)


def inclusion_path(leaf: int, size: int, subtree: Subtree) -> list[bytes]:
    """Return the audit path of a leaf, lowest first: PATH(leaf, D[size]) of section 2.1.3.1."""
    return _inclusion(leaf, 0, size, subtree)


def consistency_path(first: int, second: int, subtree: Subtree) -> list[bytes]:
    """Return PROOF(first, D[second]) of section 2.1.4.1, for 0 < first <= second."""
    return _consistency(first, 0, second, True, subtree)


def _inclusion(leaf: int, start: int, end: int, subtree: Subtree) -> list[bytes]:
    if end - start == 1:
        return []
    middle = start + _split(end - start)
    if leaf < middle:
        return [*_inclusion(leaf, start, middle, subtree), _range_hash(middle, end, subtree)]
    return [*_inclusion(leaf, middle, end, subtree), _range_hash(start, middle, subtree)]


def _consistency(first: int, start: int, end: int, whole: bool, subtree: Subtree) -> list[bytes]:
    """SUBPROOF; ``first`` is the end of the older tree, ``whole`` the RFC's b."""
    if first == end:
        return [] if whole else [_range_hash(start, end, subtree)]
    middle = start + _split(end - start)
    if first <= middle:
        right = _range_hash(middle, end, subtree)
        return [*_consistency(first, start, middle, whole, subtree), right]
    left = _range_hash(start, middle, subtree)
    return [*_consistency(first, middle, end, False, subtree), left]


def _range_hash(start: int, end: int, subtree: Subtree) -> bytes:
    """Return the hash over leaves ``start`` to ``end``, where ``start`` begins a subtree.

    The range is cut into complete subtrees, largest first, which are joined from the right.
    """
    peaks = [subtree(level, index) for level, index in list_subtrees(start, end)]
    joined = peaks.pop()
    while peaks:
        joined = node_hash(peaks.pop(), joined)
    return joined


def list_subtrees(start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield level and index of the largest complete subtrees over leaves ``start`` to ``end``."""
    while start < end:
        level = (end - start).bit_length() - 1
        if start:  # no subtree reaches across a multiple of its own size
            level = min(level, (start & -start).bit_length() - 1)
        yield level, start >> level
        start += 1 << level


def _split(size: int) -> int:
    """Return the largest power of two below ``size``, which is at least 2."""
    return int(1 << ((size - 1).bit_length() - 1))
