"""Rows as texts of a file or form: values, a row found by its key, a search, measured telework."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from releve.demand.call_log_file import LogTable
from releve.errors import Phrase
from releve.network import Operator, TableRow, list_columns
from releve.network.cell_text import format_value
from releve.network.columns import bare_type
from releve.network.folder_reader import map_zones
from releve.plugins.telework.engine import (
    apply_effects,
    build_document,
    estimate_effects,
    list_unknown_programmes,
    parse_draw,
    parse_work_records,
)
from releve.plugins.telework.engine.verdicts import FORMAT
from releve.registry.models import TeleworkEstimate, Version
from releve.registry.service import apply_changes, get_current_version, load_operator, preview_changes
from releve.registry.tables import Conflict, NotAnUpload, NotThere, build_key, get_row_class, get_rows


def format_row(row: TableRow, operator: Operator) -> dict[str, str]:
    """Return the values of a row as texts by column: read again, they give the same row.

    Times are of the row's place, with their offset.
    """
    name = find_zone(operator, row.table)(row)
    return {column.name: format_value(getattr(row, column.name), name) for column in list_columns(type(row))}


def find_zone(operator: Operator, table: str) -> Callable[[Any], str]:
    return map_zones(operator, get_row_class(table))


def find_position(operator: Operator, table: str, key: str) -> int | None:
    """Return where a row stands in its table (from 0); None when there is no such row."""
    get_row_class(table)
    rows = enumerate(get_rows(operator, table))
    return next((position for position, row in rows if build_key(row) == key), None)


def get_position(operator: Operator, table: str, key: str) -> int:
    """Return where a row stands in its table (from 0); NotThere when there is no such row."""
    position = find_position(operator, table, key)
    if position is None:
        raise NotThere(Phrase("there is no row {0!r} in the table {1}", key, table))
    return position


def complete_texts(table: str, values: Mapping[str, str], before: Mapping[str, str]) -> dict[str, str]:
    """Return the texts of a whole row: ``values``, and those it had where none is given.

    NotThere for a column that the table does not have.
    """
    names = [column.name for column in list_columns(get_row_class(table))]
    strange = [name for name in values if name not in names]
    if strange:
        raise NotThere(
            Phrase("the table {0} has no column {1!r}; its columns are {2}", table, strange[0], ", ".join(names))
        )
    return {name: values.get(name, before.get(name, "")).strip() for name in names}


def measure_telework(
    name: str, data: bytes, log: LogTable, by: str, operator: Operator, draw: bytes | None = None
) -> TeleworkEstimate:
    """Measure what telework does from a file of work records, and store it without them.

    ``log``: what was read of the file. ``draw``: the rota drawn by lot that the records are of,
    where there was one. RecordFaults names every faulty row; NotAnUpload programmes that the
    operator does not have; RotaError a draw that cannot be drawn again.
    """
    drawn = None if draw is None else parse_draw(draw)
    try:
        records = parse_work_records(log)
    except ValueError as error:
        if error.args and isinstance(error.args[0], Phrase):
            raise NotAnUpload(error.args[0]) from error
        raise
    content = build_document(estimate_effects(records, drawn))
    if unknown := list_unknown_programmes(operator, content):
        raise NotAnUpload(
            Phrase("the operator has no programme {0}: name programmes by their id", ", ".join(unknown[:5]))
        )
    return TeleworkEstimate.objects.create(
        made_at=timezone.now(), made_by=by, source=name[:200], digest=hashlib.sha256(data).hexdigest(), content=content
    )


def find_estimate() -> TeleworkEstimate | None:
    """Return the newest estimate, None where nothing was measured yet, or in an older form."""
    found = TeleworkEstimate.objects.order_by("-pk").first()
    return found if found is not None and found.content.get("format") == FORMAT else None


def apply_estimate(number: int, seen: int, by: str) -> Version:
    """Make a version with the home efficiency of an estimate.

    Conflict where another version or estimate came since both were ``seen``, NothingChanged where
    the operator has these values already.
    """
    found, version = find_estimate(), get_current_version()
    if found is None or version is None:
        raise NotThere(Phrase("nothing was measured yet: import work records first"))
    if (found.pk, version.number) != (number, seen):
        raise Conflict(
            Phrase("the reference data or the estimate changed meanwhile; nothing was stored: look at it again")
        )
    operator, _ = apply_effects(load_operator(version), found.content)
    return apply_changes(preview_changes(operator), by, source=found.source)


ROWS = 50
"""Rows on a page."""
FIRST_ROW = 2
"""The number of the first row of a table as a file: its header is row 1."""


@dataclass(frozen=True, slots=True)
class NumberedRow:
    """A row of a table; ``row`` is the number it has in the table as a file."""

    row: int
    key: str
    time_zone: str
    values: Any


@dataclass(frozen=True, slots=True)
class TableSlice:
    """A page of the rows of a table that were ``found``, of ``total`` in all."""

    total: int
    found: int
    page: int
    pages: int
    rows: tuple[NumberedRow, ...]


def select_rows(operator: Operator, table: str, query: str, page: int) -> TableSlice:
    """Return the rows whose key or texts hold the query; a page beyond the last is the last."""
    kind = get_row_class(table)
    rows = get_rows(operator, table)
    positions: Sequence[int] = range(len(rows))
    if query:
        names = [c.name for c in list_columns(kind) if bare_type(c) is not float]
        needle = query.casefold()
        positions = [at for at, row in enumerate(rows) if _holds(row, names, needle)]
    pages = max(1, -(-len(positions) // ROWS))
    number, find = min(max(page, 1), pages), find_zone(operator, table)
    return TableSlice(
        total=len(rows),
        found=len(positions),
        page=number,
        pages=pages,
        rows=tuple(
            NumberedRow(at + FIRST_ROW, build_key(rows[at]), find(rows[at]), rows[at])
            for at in positions[(number - 1) * ROWS : number * ROWS]
        ),
    )


def _holds(row: TableRow, names: list[str], needle: str) -> bool:
    if needle in build_key(row).casefold():
        return True
    for name in names:
        value = getattr(row, name)
        texts = value if isinstance(value, tuple) else (value,) if isinstance(value, str) else ()
        if any(needle in text.casefold() for text in texts):
            return True
    return False
