"""What can be done with the registry: preview, apply, undo, go back to a version."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from itertools import chain

from django.db import IntegrityError, transaction
from django.utils import timezone

from releve.errors import Phrase
from releve.network import Operator, Progress, TableRow
from releve.registry.blocks import CutSheet, cut_sheet, operator_digest
from releve.registry.changes import Changes, TableChanges, compare_rows
from releve.registry.models import Sheet, Version
from releve.registry.storage import (
    BlockPosition,
    find_cached_operator,
    get_current_version,
    get_version,
    hold_version,
    load_block_positions,
    load_operator,
    load_rows,
    load_sheets,
    store_version,
)
from releve.registry.tables import KINDS, Conflict, NothingBefore, NothingChanged, build_key, get_rows

__all__ = [
    "apply_changes",
    "compare_versions",
    "current_time_zone",
    "get_before",
    "get_current_version",
    "get_version",
    "hold_version",
    "list_current_ids",
    "load_changes",
    "load_operator",
    "preview_changes",
    "restore_version",
    "undo_version",
]


def _ignore_progress(what: str, share: float) -> None:
    """Report no progress."""


def current_time_zone() -> str:
    """Return the operator's time zone; UTC before there are reference data."""
    version = get_current_version()
    return "UTC" if version is None else load_operator(version).row.time_zone


def list_current_ids(table: str) -> frozenset[str] | None:
    """Return the ids of a table's rows now; None before there are reference data.

    For small tables: only that table is read.
    """
    version = get_current_version()
    if version is None:
        return None
    sheets = [sheet for name, sheet in load_sheets(version).items() if name == table]
    digests = [row.digest for rows in load_block_positions(sheets).values() for row in rows]
    blocks = load_rows(sheets, digests).values()
    return frozenset(build_key(row) for block in blocks for row in block)


def preview_changes(operator: Operator, progress: Progress = _ignore_progress) -> Changes:
    """Return what an operator would change in the registry; nothing is stored.

    Only the blocks that differ are read back, so that a preview costs what changes.
    """
    base = get_current_version()
    sheets = {} if base is None else load_sheets(base)
    blocks = load_block_positions(sheets.values())
    before = None if base is None else find_cached_operator(base)
    made: list[CutSheet] = []
    tables: dict[str, TableChanges] = {}
    for done, table in enumerate(KINDS):
        progress(f"comparing {table}", done / len(KINDS))
        rows, sheet = get_rows(operator, table), sheets.get(table)
        if sheet is not None and before is not None and rows == get_rows(before, table):
            made.append(CutSheet(table, sheet.digest, sheet.count, ()))
            continue
        placed = [] if sheet is None else blocks[sheet.pk]
        new = cut_sheet(KINDS[table], rows, frozenset(block.digest for block in placed))
        made.append(new)
        if rows if sheet is None else new.digest != sheet.digest:
            tables[table] = _difference(table, sheet, placed, rows, new)
    digest = operator_digest({sheet.table: sheet.digest for sheet in made})
    return Changes(None if base is None else base.number, digest, tables, tuple(made))


def _difference(
    table: str, sheet: Sheet | None, placed: Iterable[BlockPosition], rows: tuple[TableRow, ...], new: CutSheet
) -> TableChanges:
    """Compare the blocks that one side has and the other lacks."""
    held = dict.fromkeys(block.digest for block in placed)
    made = {block.digest for block in new.blocks}
    gone = [digest for digest in held if digest not in made]
    before = {} if sheet is None else load_rows([sheet], gone)
    after = (rows[block.start : block.start + block.count] for block in new.blocks if block.digest not in held)
    return compare_rows(
        table, tuple(chain.from_iterable(before[digest] for digest in gone)), tuple(chain.from_iterable(after))
    )


def apply_changes(changes: Changes, by: str, comment: str = "", source: str = "") -> Version:
    """Make the previewed operator the current version; all of it or nothing.

    Conflict when another version became current since the preview, NothingChanged when there is
    nothing to do.
    """
    changes.require_any()
    made = Version(made_by=by, comment=comment, source=source, digest=changes.digest, summary=changes.counts())
    return _add(made, changes.sheets, changes.base)


def undo_version(found: Version, by: str, comment: str = "") -> Version:
    """Make a version equal to the one before ``found``, which must be the current one.

    An undo is a version like any other: undoing it gives back what it undid. NothingBefore for
    the first version; Conflict when ``found`` is no longer current.
    """
    return _back_to(get_before(found), found.number, by, comment, undoes=found.number)


def get_before(found: Version) -> Version:
    """Return the version before another; NothingBefore for the first one."""
    if found.number == 1:
        raise NothingBefore(Phrase("version 1 is the first one: there is none before it to go back to"))
    return get_version(found.number - 1)


def restore_version(found: Version, by: str, comment: str = "") -> Version:
    """Make a version equal to an earlier one, whatever came in between."""
    now = get_current_version()
    base = None if now is None else now.number
    if now is not None and now.digest == found.digest:
        raise NothingChanged(Phrase("nothing would change: version {0} is equal to the current one", found.number))
    return _back_to(found, base, by, comment, undoes=None)


def _back_to(found: Version, base: int | None, by: str, comment: str, *, undoes: int | None) -> Version:
    sheets = [CutSheet(table, sheet.digest, sheet.count, ()) for table, sheet in load_sheets(found).items()]
    counts = {table: changes.counts() for table, changes in compare_versions(get_version(base or 0), found).items()}
    made = Version(
        made_by=by,
        comment=comment,
        source=f"version {found.number}",
        undoes=undoes,
        digest=found.digest,
        summary=counts,
    )
    return _add(made, sheets, base)


def _add(made: Version, sheets: Iterable[CutSheet], base: int | None) -> Version:
    made.number = (base or 0) + 1
    made.made_at = timezone.now()
    try:
        with transaction.atomic():
            now = get_current_version()
            if (None if now is None else now.number) != base:
                raise _conflict(base, now)
            store_version(made, sheets)
    except IntegrityError as error:
        raise _conflict(base, get_current_version()) from error
    return made


def _conflict(base: int | None, now: Version | None) -> Conflict:
    if now is None:
        return Conflict(
            Phrase(
                "version {0} was current when this was prepared, but nothing is now;"
                " nothing was stored: look at what changed and start again",
                base,
            )
        )
    if base is None:
        return Conflict(
            Phrase(
                "the registry was empty when this was prepared, but version {0} is now, made by"
                " {1}; nothing was stored: look at what changed and start again",
                now.number,
                now.made_by,
            )
        )
    return Conflict(
        Phrase(
            "version {0} was current when this was prepared, but version {1} is now, made by {2};"
            " nothing was stored: look at what changed and start again",
            base,
            now.number,
            now.made_by,
        )
    )


def load_changes(found: Version, tables: Collection[str] = tuple(KINDS)) -> dict[str, TableChanges]:
    before = None if found.number == 1 else get_before(found)
    return compare_versions(before, found, tables)


def compare_versions(
    before: Version | None, after: Version, tables: Collection[str] = tuple(KINDS)
) -> dict[str, TableChanges]:
    """Return what differs between two versions, by table; only blocks that differ are read."""
    old = {} if before is None else load_sheets(before)
    new = load_sheets(after)
    differ = [
        table
        for table in KINDS
        if table in tables
        and (old[table].digest if table in old else None) != new[table].digest
        and (table in old or new[table].count)
    ]
    blocks = load_block_positions([*old.values(), *new.values()])
    return {table: _stored_difference(table, old.get(table), new[table], blocks) for table in differ}


def _stored_difference(
    table: str, old: Sheet | None, new: Sheet, blocks: Mapping[int, list[BlockPosition]]
) -> TableChanges:
    had = dict.fromkeys([] if old is None else (block.digest for block in blocks[old.pk]))
    has = dict.fromkeys(block.digest for block in blocks[new.pk])
    gone = [digest for digest in had if digest not in has]
    came = [digest for digest in has if digest not in had]
    rows = load_rows([sheet for sheet in (old, new) if sheet], [*gone, *came])
    return compare_rows(
        table,
        tuple(chain.from_iterable(rows[digest] for digest in gone)),
        tuple(chain.from_iterable(rows[digest] for digest in came)),
    )
