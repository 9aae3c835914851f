"""Proofs of an entry and of growth, and the tree as tiles (https://c2sp.org/tlog-tiles).

A proof is a small JSON document. It reveals nothing of other entries: their hashes cover a random
number each, so their content cannot be found by trial. For the same reason the tiles, whose bundles
hold the 32 bytes of each entry's hash, may be public.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from releve.files.atomic import write_file
from releve.ledger import roots
from releve.ledger.chain import serialize_entry
from releve.ledger.digests import parse_canonical
from releve.ledger.guards import ProofError
from releve.ledger.merkle import Subtree, consistency_path, inclusion_path, list_subtrees
from releve.ledger.models import LedgerEntry, LedgerRoot, PersonalValue
from releve.ledger.roots import SignedRoot, build_checkpoint
from releve.ledger.witnesses import list_cosignatures


def prove_entry(seq: int, root: SignedRoot, *, disclose: Iterable[str] = ()) -> dict[str, Any]:
    """Return the proof that an entry is under a root, showing the entry and no other.

    ``disclose`` names the fields whose personal values are shown with it; the others stay
    commitments. Raises ProofError.
    """
    row = LedgerEntry.objects.filter(seq=seq).first()
    if row is None or seq > root.size:
        there = "there is no such entry" if row is None else "it was added later: seal first"
        raise ProofError(f"entry {seq} is not under root {root.number}: {there}")
    return {
        "entry": parse_canonical(serialize_entry(row)),
        "format": "releve ledger proof 1",
        "hash": row.hash,
        "path": [node.hex() for node in inclusion_path(seq - 1, root.size, roots.hash_subtree)],
        "values": _disclose_chosen(seq, set(disclose)),
        **parse_canonical(root.text),
    }


def prove_growth(first: SignedRoot, second: SignedRoot) -> dict[str, Any]:
    """Return the proof that a root's entries are the beginning of a later root's.

    Raises ProofError where the second is not the later one.
    """
    if first.size > second.size:
        raise ProofError(f"root {first.number} covers more entries than root {second.number}")
    path = consistency_path(first.size, second.size, roots.hash_subtree)
    return {
        "first": parse_canonical(first.text),
        "format": "releve ledger growth 1",
        "path": [node.hex() for node in path],
        "second": parse_canonical(second.text),
    }


def prove_history(last: SignedRoot, subtree: Subtree) -> list[dict[str, Any]]:
    """Return what shows that every root before one is the beginning of it, the first root first.

    Each has its size and the largest complete subtrees over the entries since the root before it:
    joined in order, they give the tree of every root in turn. An interval of n entries takes about
    log2(n) hashes, where a proof of growth from each root would take twice the tree's height.
    """
    found, start = [], 0
    sizes = LedgerRoot.objects.filter(number__lte=last.number).order_by("number")
    for size in sizes.values_list("size", flat=True):
        nodes = [subtree(level, index).hex() for level, index in list_subtrees(start, size)]
        found.append({"nodes": nodes, "size": size})
        start = size
    return found


def disclose_values(values: Iterable[PersonalValue]) -> list[dict[str, Any]]:
    return [
        {"path": row.path, "salt": row.salt, "value": parse_canonical(row.value)}
        for row in sorted(values, key=lambda row: row.path)
    ]


def _disclose_chosen(seq: int, wanted: set[str]) -> list[dict[str, Any]]:
    rows = list(PersonalValue.objects.filter(entry=seq, path__in=wanted))
    if missing := wanted - {row.path for row in rows}:
        raise ProofError(f"entry {seq} has no value to show for: {', '.join(sorted(missing))}")
    return disclose_values(rows)


_HEIGHT = roots.STRIDE
_WIDTH = 1 << _HEIGHT


def write_tiles(folder: Path, root: SignedRoot) -> int:
    """Write the tiles and the entries of a root into a folder, and the checkpoint last.

    Files that are there stay: a tile never changes. Returns how many were written.
    """
    written = 0
    for name, level, number, width in _list_tiles(root.size):
        path = folder / "tile" / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_file(path, _read_tile(level, number, width), durable=False)
            written += 1
    write_file(folder / "checkpoint", build_checkpoint(root) + list_cosignatures(root))
    return written


def _list_tiles(size: int) -> Iterator[tuple[str, int, int, int]]:
    """Yield the tiles of a tree: path, level (-1 for entries), number, and width."""
    for level in (-1, *range(size.bit_length() // _HEIGHT + 1)):
        count = size >> _HEIGHT * max(level, 0)
        for number in range(-(-count // _WIDTH)):
            width = min(_WIDTH, count - number * _WIDTH)
            part = f".p/{width}" if width < _WIDTH else ""
            name = "entries" if level < 0 else str(level)
            yield f"{name}/{_format_number(number)}{part}", level, number, width


def _format_number(number: int) -> str:
    """Return the number of a tile in groups of three digits: 1234067 is x001/x234/067."""
    groups = [f"{number % 1000:03}"]
    while number := number // 1000:
        groups.append(f"x{number % 1000:03}")
    return "/".join(reversed(groups))


def _read_tile(level: int, number: int, width: int) -> bytes:
    first = number * _WIDTH
    if level < 0:
        rows = LedgerEntry.objects.filter(seq__gt=first, seq__lte=first + width).order_by("seq")
        found = map(bytes.fromhex, rows.values_list("hash", flat=True))
        return b"".join(len(one).to_bytes(2, "big") + one for one in found)
    return b"".join(roots.read_stored(level * _HEIGHT, first, width))
