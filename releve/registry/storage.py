"""Versions as they stand in the database: found, read back, written."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import islice
from threading import Lock

from releve.errors import Phrase
from releve.files.change_signal import announce_change
from releve.network import Operator, TableRow
from releve.registry.blocks import CutSheet, decode_block, parse_rows
from releve.registry.models import Block, Sheet, SheetBlock, Version, VersionSheet
from releve.registry.tables import KINDS, NotThere, build_operator

_KEPT = 2
"""Operators kept in memory: the current one and the one before."""
_FEW = 500
"""Up to so many blocks are asked for by name; more are read with their whole sheets."""


def get_current_version() -> Version | None:
    """Return the current version; None where nothing has been imported yet."""
    held = _held.get()
    if held is None:
        return Version.objects.first()
    if not held:
        held.append(Version.objects.first())
    return held[0]


@contextmanager
def hold_version() -> Iterator[None]:
    """Within, the current version is the one that was when it was first asked for.

    So an answer that reads it in many places is of one version, though an import ends meanwhile.
    """
    before = _held.set([])
    try:
        yield
    finally:
        _held.reset(before)


_held: ContextVar[list[Version | None] | None] = ContextVar("held", default=None)


def get_version(number: int) -> Version:
    """Return a version by its number; NotThere when there is none."""
    found = Version.objects.filter(number=number).first()
    if found is None:
        raise NotThere(Phrase("there is no version {0} of the registry", number))
    return found


def load_sheets(found: Version) -> dict[str, Sheet]:
    """Return the sheets of a version by table, in the order of the tables. One query."""
    by_table = {sheet.table: sheet for sheet in Sheet.objects.filter(version=found)}
    return {table: by_table[table] for table in KINDS if table in by_table}


@dataclass(frozen=True)
class _CachedOperator:
    """An operator in memory with its blocks, so that the next version builds on them."""

    operator: Operator
    blocks: Mapping[str, tuple[TableRow, ...]]


_kept: OrderedDict[str, _CachedOperator] = OrderedDict()
_lock = Lock()


def load_operator(found: Version) -> Operator:
    """Return the operator of a version, kept in memory by its digest.

    Blocks it has in common with the ones in memory are not read again. Three queries for a
    version that is not in memory, whatever its size.
    """
    with _lock:
        if found.digest not in _kept:
            _kept[found.digest] = _load(found)
            while len(_kept) > _KEPT:
                _kept.popitem(last=False)
        _kept.move_to_end(found.digest)
        return _kept[found.digest].operator


def clear_cache() -> None:
    """Let go of the operators in memory; the next ones are read from the database."""
    with _lock:
        _kept.clear()


def find_cached_operator(found: Version) -> Operator | None:
    kept = _kept.get(found.digest)
    return None if kept is None else kept.operator


def _load(found: Version) -> _CachedOperator:
    sheets = load_sheets(found)
    names = load_block_positions(sheets.values())
    held = {digest: rows for kept in _kept.values() for digest, rows in kept.blocks.items()}
    blocks = {block.digest: held.get(block.digest, ()) for sheet in names.values() for block in sheet}
    missing = [digest for digest in blocks if digest not in held]
    blocks |= load_rows(sheets.values(), missing)
    rows = {
        table: tuple(row for block in names[sheet.pk] for row in blocks[block.digest])
        for table, sheet in sheets.items()
    }
    return _CachedOperator(build_operator(rows), blocks)


@dataclass(frozen=True, slots=True)
class BlockPosition:
    """A block of a sheet by name: its rows ``start`` to ``start + count``."""

    digest: str
    start: int
    count: int


def load_block_positions(sheets: Iterable[Sheet]) -> dict[int, list[BlockPosition]]:
    """Return the blocks of sheets, in order, by the sheet's primary key. One query."""
    out: dict[int, list[BlockPosition]] = {sheet.pk: [] for sheet in sheets}
    found = SheetBlock.objects.filter(sheet__in=out).order_by("sheet", "start")
    for sheet, digest, start, count in found.values_list("sheet_id", "block__digest", "start", "count"):
        out[sheet].append(BlockPosition(digest, start, count))
    return out


def load_rows(sheets: Iterable[Sheet], digests: Collection[str]) -> dict[str, tuple[TableRow, ...]]:
    """Return the rows of blocks, all of them in ``sheets``, by digest. One query."""
    if not digests:
        return {}
    wanted = frozenset(digests)
    blocks = (
        Block.objects.filter(digest__in=wanted)
        if len(wanted) <= _FEW
        else Block.objects.filter(sheetblock__sheet__in=list(sheets))
    )
    return {
        digest: parse_rows(decode_block(digest, bytes(data)))
        for digest, data in blocks.values_list("digest", "data").iterator(chunk_size=100)
        if digest in wanted
    }


def store_version(made: Version, sheets: Iterable[CutSheet]) -> None:
    """Store a new version with its sheets, those parts that are not stored already.

    Inside the caller's transaction. The version comes first: of two at once, the second one
    waits there and fails on its number (IntegrityError).
    """
    made.save(force_insert=True)
    announce_change()
    wanted = {sheet.digest: sheet for sheet in sheets}
    stored = set(Sheet.objects.filter(digest__in=wanted).values_list("digest", flat=True))
    new = [sheet for digest, sheet in wanted.items() if digest not in stored]
    if new:
        _store_sheets(new)
    VersionSheet.objects.bulk_create(
        VersionSheet(version=made, sheet=sheet) for sheet in Sheet.objects.filter(digest__in=wanted)
    )


def _store_sheets(new: Sequence[CutSheet]) -> None:
    blocks = {block.digest: block for sheet in new for block in sheet.blocks}
    Block.objects.bulk_create(
        (Block(digest=name, data=blocks[name].data) for name in sorted(blocks) if blocks[name].data),
        ignore_conflicts=True,
        batch_size=_FEW,
    )
    Sheet.objects.bulk_create(Sheet(digest=sheet.digest, table=sheet.table, count=sheet.count) for sheet in new)
    keys = {digest: key for batch in batched(blocks, _FEW) for digest, key in _keys(batch)}
    rows = Sheet.objects.in_bulk([sheet.digest for sheet in new], field_name="digest")
    SheetBlock.objects.bulk_create(
        (
            SheetBlock(sheet=rows[sheet.digest], block_id=keys[block.digest], start=block.start, count=block.count)
            for sheet in new
            for block in sheet.blocks
        ),
        batch_size=_FEW,
    )


def _keys(digests: Sequence[str]) -> Iterable[tuple[str, int]]:
    return Block.objects.filter(digest__in=digests).values_list("digest", "pk")


def batched(items: Iterable[str], size: int) -> Iterator[list[str]]:
    """Yield items in lists of ``size``, the last one shorter."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
