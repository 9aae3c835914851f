"""The report of an import: every source row accounted for, every fault with its row and fix."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl

from releve.demand.requirement import History
from releve.errors import NumberPhrase, Phrase, say
from releve.kernels.arrays import Floats, Ints, Truths

FIRST_ROW = 2
"""The row of the first record as a user sees it: row 1 is the header."""


@dataclass(frozen=True, slots=True)
class ImportFault:
    """One fault of a source table, or one that ``count`` rows share.

    ``kind`` is one of: ragged, time, other_zone, clock_change, value, unmapped, duplicate,
    misaligned, incomplete, gap, half_open, hole. ``row`` is the first row concerned as a user
    sees it (1 is the header); 0 when the fault is about something that is not there. ``effect``
    says what the import did about it.
    """

    kind: str
    row: int
    column: str
    value: str
    reason: str
    effect: str
    fix: str
    count: int = 1

    def __str__(self) -> str:
        return describe_import_fault(self, str, "en")


def describe_import_fault(fault: ImportFault, gettext: Callable[[str], str], language: str) -> str:
    """Return where a fault stands, what is wrong, what was done about it, and the mend."""

    def speak(text: str) -> str:
        return say(text, gettext, language)

    count = NumberPhrase(fault.count)
    if not fault.row:
        where = f"{speak(fault.column)}, {speak(fault.value)}"
        if fault.count > 1:
            where = speak(Phrase("{0} ({1} times)", where, count))
    else:
        many = fault.count > 1
        rows = Phrase("row {0}", fault.row)
        if many:
            rows = Phrase("{0} rows (for example row {1})", count, fault.row)
        where = ", ".join(speak(text) for text in (rows, fault.column) if text)
        if fault.value:
            where = speak(Phrase("{0} “{1}”", where, speak(fault.value)))
    texts = (where, fault.reason, fault.effect, fault.fix)
    return speak(Phrase("{0}: {1}; {2}; {3}.", *map(speak, texts)))


_MOST_APART = 3
"""Up to this many faults of one cause are listed one by one."""


def group_import_faults(faults: Iterable[ImportFault]) -> tuple[ImportFault, ...]:
    """Return the faults with those of one cause as the first of them, counted."""
    causes: dict[tuple[str, ...], list[ImportFault]] = {}
    for fault in faults:
        reason = fault.reason.template if isinstance(fault.reason, Phrase) else fault.reason
        key = (fault.kind, fault.column, reason, fault.effect, fault.fix)
        causes.setdefault(key, []).append(fault)
    found: list[ImportFault] = []
    for same in causes.values():
        if len(same) <= _MOST_APART:
            found += same
        else:
            found.append(replace(same[0], count=sum(fault.count for fault in same)))
    return tuple(found)


@dataclass(frozen=True)
class RowCount:
    """Where every row of the source went: ``read`` is the sum of the other counts."""

    read: int
    used: int
    dropped: Mapping[str, int]
    set_aside: Mapping[str, int]

    def __post_init__(self) -> None:
        total = self.used + sum(self.dropped.values()) + sum(self.set_aside.values())
        if total != self.read:
            raise ValueError(f"rows in and out differ: read {self.read}, accounted for {total}")

    def __str__(self) -> str:
        return ", ".join(self.phrases())

    def phrases(self) -> tuple[Phrase, ...]:
        """Return the counts that are not 0, a phrase each."""
        dropped = {name: count for name, count in self.dropped.items() if count}
        aside = {kind: count for kind, count in self.set_aside.items() if count}
        return (
            Phrase("{0} rows read", NumberPhrase(self.read)),
            Phrase("{0} used", NumberPhrase(self.used)),
            *(Phrase("{0} dropped ({1})", NumberPhrase(n), _RULE_NAMES.get(name, name)) for name, n in dropped.items()),
            *(Phrase("{0} set aside ({1})", NumberPhrase(n), _KIND_NAMES.get(kind, kind)) for kind, n in aside.items()),
        )


_RULE_NAMES: Mapping[str, Phrase] = {
    "total": Phrase("totals"),
    "outbound": Phrase("outgoing calls"),
    "not by telephone": Phrase("not by telephone"),
}
"""Of the rules that :mod:`releve.demand.report_recognition` writes itself; others have the name that a person gave."""
_KIND_NAMES: Mapping[str, Phrase] = {
    "ragged": Phrase("too many cells"),
    "time": Phrase("time not read"),
    "clock_change": Phrase("change of clocks"),
    "value": Phrase("value not read"),
    "unmapped": Phrase("queue without a programme"),
    "duplicate": Phrase("duplicate"),
    "misaligned": Phrase("not on the interval"),
}


@dataclass(frozen=True)
class ImportReport:
    """The histories of an import and all that was wrong or remarkable on the way.

    Faults stand in the order of their rows, those of no row last.

    ``patience_s`` is, per programme, the mean patience estimated from waits and hang-ups (only
    from a call log that holds both); ``served_20_s`` the share of offered calls answered within
    20 seconds there.
    """

    histories: tuple[History, ...]
    faults: tuple[ImportFault, ...]
    notes: tuple[str, ...]
    rows: RowCount
    patience_s: Mapping[str, float] = field(default_factory=dict)
    served_20_s: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        ordered = sorted(self.faults, key=lambda fault: (fault.row == 0, fault.row))
        object.__setattr__(self, "faults", tuple(ordered))


NOT_KNOWN = Phrase("the value is not known, the call still counts")


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
            None if cell is None else str(int(cell)) if cell == int(cell) else str(cell) for cell in column.to_list()
        ]
        return pl.Series(column.name, whole, dtype=pl.String)
    cells = column.cast(pl.String).str.strip_chars()
    return cells.set(cells == "", None)


def index_programmes(
    frame: pl.DataFrame, column: str, programmes: Mapping[str, str], ledger: RowAccounting
) -> tuple[Ints, tuple[str, ...]]:
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
                fix=Phrase("name a programme for {0!r} in `programmes`, or drop it by a rule", value),
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
    effect: str = NOT_KNOWN,
    *,
    unit: str = "",
    whole: bool = False,
) -> Floats:
    """Return a column as float64, NaN where empty, unread or outside ``least``..``most``.

    Each refused cell of a row still kept is a fault; an empty cell is simply not known. ``unit`` of
    :data:`DURATION_UNITS`: of seconds that are written otherwise. ``whole``: of counts, in which 1,234 is one thousand.
    """
    if not column:
        return np.full(frame.height, np.nan)
    cells = frame[column]
    values = read_durations(cells, unit) if unit else _read_cells(cells, whole)
    kept = ledger.kept()
    empty = read_texts(cells).str.to_lowercase().is_in(UNKNOWN).fill_null(True).to_numpy().astype(np.bool_)
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


def read_sum(
    frame: pl.DataFrame, columns: Sequence[str], ledger: RowAccounting, most: float, effect: str, *, unit: str = "s"
) -> Floats:
    """Return the sum of columns of durations in seconds, NaN where the first is not known; what is not known of the
    others adds nothing."""
    first, *others = (read_numbers(frame, column, ledger, 0.0, most, effect, unit=unit) for column in columns)
    return np.asarray(first + sum(np.nan_to_num(other) for other in others))


UNKNOWN = ("-", "--", "n/a", "none", "null")
"""What exports write where a value is not known; never zero."""
DURATION_UNITS: Mapping[str, float] = {"s": 1.0, "ms": 0.001, "min": 60.0, "day": 86_400.0, "m:s": 1.0, "h:m": 60.0}
"""Seconds of one of each unit that a duration may be written in; ``h:mm:ss`` is read with any of them."""


def read_durations(cells: pl.Series, unit: str) -> Floats:
    """Return a column of durations in seconds, NaN where there is none."""
    if unit in ("m:s", "h:m") and not cells.dtype.is_numeric():
        parts = cells.cast(pl.String).str.strip_chars().str.extract_groups(r"^(\d+):([0-5]\d)$")
        large, small = (parts.struct.field(name).cast(pl.Float64) for name in "12")
        read = (large * 60 + small) * DURATION_UNITS[unit]
        return read.fill_null(np.nan).to_numpy().astype(np.float64).copy()
    clocked = np.zeros(len(cells), dtype=np.bool_)
    if not cells.dtype.is_numeric():
        clocked = (
            cells.cast(pl.String)
            .str.contains(r":|\d\s*(?:[hm]|min|mn|s)\b")
            .fill_null(False)
            .to_numpy()
            .astype(np.bool_)
        )
    return np.where(clocked, 1.0, DURATION_UNITS[unit]) * _read_cells(cells)


def _read_cells(cells: pl.Series, whole: bool = False) -> Floats:
    read = cells.cast(pl.Float64, strict=False) if cells.dtype.is_numeric() else parse_numbers(cells, whole=whole)
    return read.fill_null(np.nan).to_numpy().astype(np.float64).copy()


_LETTERED = r"^(\d+\s*h(?:ours?)?)?\s*(\d+\s*(?:min|mn|m))?\s*(\d+\s*s(?:ec)?)?$"
"""A duration with the letters of its units: ``1h 02m 03s``."""


def _read_lettered(cells: pl.Series) -> pl.Series:
    """Return durations with letters as seconds; what is none stays."""
    parts = cells.str.to_lowercase().str.extract_groups(_LETTERED)
    seconds = pl.Series(np.zeros(len(cells)))
    for name, factor in zip("123", (3600, 60, 1), strict=True):
        seconds += factor * parts.struct.field(name).str.extract(r"(\d+)").cast(pl.Float64).fill_null(0.0)
    return seconds.cast(pl.String)


def parse_numbers(cells: pl.Series, *, whole: bool = False) -> pl.Series:
    """Return texts as numbers: ``1 234,5`` and ``1.234,5`` and ``1,234.5`` alike, ``h:mm:ss`` as seconds (also with
    the day 0 that a spreadsheet writes before it).

    A comma alone is a decimal one, unless the column is of ``whole`` numbers: there it parts thousands.
    """
    stripped = cells.cast(pl.String).str.strip_chars().str.strip_prefix("1899-12-31").str.strip_prefix("1899-12-30")
    stripped = stripped.str.strip_chars("T ").str.replace_all(r"(\d)[ \u00a0\u202f](\d{3})", "${1}${2}")
    parts = stripped.str.extract_groups(r"^(\d+):([0-5]\d):([0-5]\d)$")
    hours, minutes, seconds = (parts.struct.field(name).cast(pl.Int64) for name in "123")
    clock = (hours * 3600 + minutes * 60 + seconds).cast(pl.String)
    stripped = stripped.zip_with(clock.is_null(), clock)
    stripped = stripped.zip_with(~stripped.str.contains(_LETTERED).fill_null(False), _read_lettered(stripped))
    english = stripped.str.contains(r"^-?\d{1,3}(,\d{3})+(\.\d+)?$").fill_null(False)
    if not whole:
        english &= stripped.str.contains(".", literal=True).fill_null(False)
    german = stripped.str.contains(r"^-?\d{1,3}(\.\d{3})+,\d+$").fill_null(False)
    stripped = stripped.str.replace_all(",", "", literal=True).zip_with(english, stripped)
    stripped = stripped.str.replace_all(".", "", literal=True).zip_with(german, stripped)
    point = stripped.str.contains(".", literal=True)
    comma = stripped.str.replace(",", ".", literal=True)
    return stripped.zip_with(point.fill_null(True), comma).cast(pl.Float64, strict=False)
