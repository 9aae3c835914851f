"""Tiles: the tree as static files that tools of others read (https://c2sp.org/tlog-tiles).

Entries in the bundles are the 32 bytes of an entry's hash, so that the files may be public: a
hash covers a random number, and says nothing of its entry.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from releve.files.atomic import write_file
from releve.ledger import tree
from releve.ledger.checkpoints import build_checkpoint
from releve.ledger.models import LedgerEntry
from releve.ledger.roots import SignedRoot
from releve.ledger.witnesses import list_cosignatures

__all__ = ["write_tiles"]

_HEIGHT = tree.STRIDE
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
    return b"".join(tree.read_stored(level * _HEIGHT, first, width))
