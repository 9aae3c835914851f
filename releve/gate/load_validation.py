"""Validation of a load: rows that cannot be stored are refused before anything is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import polars as pl
from django.db.models import CharField

from releve.errors import Phrase
from releve.gate.db_clock import MAX_CLOCK_SKEW
from releve.gate.schema import TABLES, FactColumn, FactTable
from releve.network.faults import Fault
from releve.outbound.word_frames import find_word_faults

__all__ = ["find_row_faults"]

_VOUCH = Phrase("leave the row out, and run `releve outbound facts read` after the import")
_HAPPENED = {"feeds": "read_at", "withdrawals": "at", "refusals": "at", "attempts": "at"}
"""The date of events that are past when loaded; a later one would forbid nothing yet."""


def find_row_faults(frames: Mapping[str, pl.DataFrame], now: datetime) -> list[Fault]:
    """Return a fault for every cell that cannot be stored; the first row of a table is 2."""
    return [
        fault for name, frame in frames.items() for fault in _check_table(TABLES[name], frame, now)
    ]


def _check_table(table: FactTable, frame: pl.DataFrame, now: datetime) -> Iterator[Fault]:
    yield from find_word_faults(table.name, frame)
    for column in table.columns:
        if column.field not in frame.columns or column.kind not in ("text", "words"):
            continue
        cells = frame[column.field]
        if column.kind == "words":
            cells = cells.list.sort().list.join("|")
        yield from _report_faults(table, column, cells, cells.str.contains("\0", literal=True),
                       Phrase("holds a zero character"), Phrase("leave it out"))  # fmt: skip
        most = _max_length(table, column)
        if most is not None:
            reason = Phrase("longer than {0} characters", most)
            long = cells.str.len_chars() > most
            yield from _report_faults(table, column, cells, long, reason, Phrase("shorten it"))
    field = _HAPPENED.get(table.name, "")
    if field in frame.columns:
        column = next(column for column in table.columns if column.field == field)
        late = frame[field] > now + MAX_CLOCK_SKEW
        fix = _VOUCH if table.name == "feeds" else Phrase("give the instant at which it was")
        yield from _report_faults(table, column, frame[field].cast(pl.String), late,
                       Phrase("lies in the future"), fix)  # fmt: skip


def _report_faults(
    table: FactTable,
    column: FactColumn,
    cells: pl.Series,
    wrong: pl.Series,
    reason: Phrase,
    fix: Phrase,
) -> Iterator[Fault]:
    for row in wrong.arg_true().to_list():
        shown = "" if column.hides else str(cells[row])[:40]
        yield Fault(table.name, row + 2, column.field, shown, reason, fix)


def _max_length(table: FactTable, column: FactColumn) -> int | None:
    """Return the longest text that a column holds; None: any, or only its pseudonym is stored."""
    field: Any = table.model._meta.get_field(column.name)
    return field.max_length if isinstance(field, CharField) and not column.hides else None
