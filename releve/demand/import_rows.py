"""What both imports do with a source table: account for rows, read numbers, name programmes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from releve.demand.import_report import FIRST_ROW, ImportFault, RowCount
from releve.demand.localtime import Int64s
from releve.demand.tables import Floats, Truths
from releve.errors import Phrase

__all__ = [
    "RowAccounting",
    "find_repeated",
    "index_programmes",
    "read_numbers",
    "read_texts",
    "require_columns",
]


_NOT_KNOWN = Phrase("the value is not known, the call still counts")


class RowAccounting:
    """Keeps account of the rows of one import: each leaves once, with its reason."""

    def __init__(self, rows: int) -> None:
        self._read = rows
        self._kept = np.ones(rows, dtype=np.bool_)
        self._dropped: dict[str, int] = {}
        self._aside: dict[str, int] = {}
        self.faults: list[ImportFault] = []

    def kept(self) -> Truths:
        """Return which rows are still in."""
        return self._kept.copy()

    def drop(self, rows: Truths, name: str) -> None:
        """Take out rows by a rule of the mapping."""
        self._dropped[name] = self._dropped.get(name, 0) + self._leave(rows)

    def set_aside(self, rows: Truths, kind: str) -> None:
        """Take out rows because of a fault of that kind."""
        self._aside[kind] = self._aside.get(kind, 0) + self._leave(rows)

    def _leave(self, rows: Truths) -> int:
        leaving = rows & self._kept
        self._kept &= ~rows
        return int(np.count_nonzero(leaving))

    def count(self) -> RowCount:
        """Return where every row went."""
        used = int(np.count_nonzero(self._kept))
        return RowCount(self._read, used, dict(self._dropped), dict(self._aside))


def require_columns(frame: pl.DataFrame, names: Sequence[str]) -> None:
    """Raise ValueError naming the columns a mapping names and the table lacks."""
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise ValueError(
            Phrase(
                "no column {0} in the table; it has {1}",
                ", ".join(map(repr, missing)),
                ", ".join(map(repr, frame.columns)),
            )
        )


def find_repeated(frame: pl.DataFrame) -> Truths:
    """Return which rows equal an earlier row."""
    first = frame.select(pl.struct(pl.all()).is_first_distinct()).to_series()
    return ~first.to_numpy().astype(np.bool_)


def read_texts(column: pl.Series) -> pl.Series:
    """Return the cells as stripped texts (a whole number without a fraction), null where empty."""
    if column.dtype.is_float():
        whole = [
            None if cell is None else str(int(cell)) if cell == int(cell) else str(cell)
            for cell in column.to_list()
        ]
        return pl.Series(column.name, whole, dtype=pl.String)
    cells = column.cast(pl.String).str.strip_chars()
    return cells.set(cells == "", None)


def index_programmes(
    frame: pl.DataFrame, column: str, programmes: Mapping[str, str], ledger: RowAccounting
) -> tuple[Int64s, tuple[str, ...]]:
    """Return per row the index of its programme, and the programme ids in order of the mapping.

    Rows whose value is in no entry are set aside, one fault a value.
    """
    ids = tuple(dict.fromkeys(programmes.values()))
    if not column:
        return np.zeros(frame.height, dtype=np.int64), ids
    place = {value: ids.index(programme) for value, programme in programmes.items()}
    cells = read_texts(frame[column])
    index = np.array([place.get(cell, -1) if cell else -1 for cell in cells], dtype=np.int64)
    unmapped = (index < 0) & ledger.kept()
    rows: dict[str, list[int]] = {}
    for row in np.flatnonzero(unmapped).tolist():
        rows.setdefault(cells[row] or "", []).append(row)
    for value, where in rows.items():
        ledger.faults.append(
            ImportFault(
                kind="unmapped",
                row=where[0] + FIRST_ROW,
                column=column,
                value=value,
                reason=Phrase("no programme is named for this value"),
                effect=Phrase("its rows are set aside"),
                fix=Phrase(
                    "name a programme for {0!r} in `programmes`, or drop it by a rule", value
                ),
                count=len(where),
            )
        )
    ledger.set_aside(unmapped, "unmapped")
    return index, ids


def read_numbers(
    frame: pl.DataFrame,
    column: str,
    ledger: RowAccounting,
    least: float,
    most: float,
    effect: str = _NOT_KNOWN,
) -> Floats:
    """Return a column as float64, NaN where empty, unread or outside ``least``..``most``.

    Each refused cell of a row still kept is a fault; an empty cell is simply not known.
    """
    if not column:
        return np.full(frame.height, np.nan)
    cells = frame[column]
    read = (
        cells.cast(pl.Float64, strict=False) if cells.dtype.is_numeric() else _parse_numbers(cells)
    )
    values = read.fill_null(np.nan).to_numpy().astype(np.float64).copy()
    kept = ledger.kept()
    empty = read_texts(cells).is_null().to_numpy().astype(np.bool_)
    unread = ~np.isfinite(values) & ~empty
    with np.errstate(invalid="ignore"):
        outside = (values < least) | (values > most)
    outside_reason = Phrase("it is not between {0} and {1}", f"{least:g}", f"{most:g}")
    for row in np.flatnonzero((unread | outside) & kept).tolist():
        reason = outside_reason if outside[row] else Phrase("it is not a number")
        ledger.faults.append(
            ImportFault(
                kind="value",
                row=row + FIRST_ROW,
                column=column,
                value=str(cells[row]),
                reason=reason,
                effect=effect,
                fix=Phrase("correct the cell, or leave it empty if it is not known"),
            )
        )
    values[unread | outside] = np.nan
    return values


def _parse_numbers(cells: pl.Series) -> pl.Series:
    """Return texts as numbers: a decimal comma without a point, ``h:mm:ss`` as seconds."""
    stripped = cells.cast(pl.String).str.strip_chars()
    parts = stripped.str.extract_groups(r"^(\d+):([0-5]\d):([0-5]\d)$")
    hours, minutes, seconds = (parts.struct.field(name).cast(pl.Int64) for name in "123")
    clock = (hours * 3600 + minutes * 60 + seconds).cast(pl.String)
    stripped = stripped.zip_with(clock.is_null(), clock)
    point = stripped.str.contains(".", literal=True)
    comma = stripped.str.replace(",", ".", literal=True)
    return stripped.zip_with(point.fill_null(True), comma).cast(pl.Float64, strict=False)
