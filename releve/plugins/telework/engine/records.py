"""Work records: what a person did for a programme on a day or in a week, on site or at home.

A file (CSV, Parquet or XLSX) has the columns of :data:`COLUMNS`. One faulty row refuses the whole
file, with every fault named: a dropped row would bias the measurement.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from releve.demand.log_table import LogTable, read_log
from releve.errors import Phrase, ReleveError
from releve.kernels.arrays import Floats, Ints, Truths
from releve.network.faults import Fault, find_nearest, suggest_fix

TABLE = "work_records"
REQUIRED = ("agent", "day", "programme", "place", "paid_min", "available_min", "handled", "handle_s")
OPTIONAL = ("quality", "repeats")
COLUMNS = (*REQUIRED, *OPTIONAL)
"""``day``: a date, of a week its Monday; ``place``: ``site`` or ``home``; ``paid_min`` and
``available_min``: minutes paid, and of them ready for or in contact; ``handled``: contacts;
``handle_s``: seconds they took; ``quality``: a score, higher is better; ``repeats``: share of the
contacts that came again."""
_PLACES = ("site", "home")
_SHOWN = 20


class RecordFaults(ReleveError, ValueError):  # noqa: N818 (it is the faults, all of them)
    """Work records that cannot be used; nothing was measured."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__(faults)
        self.faults = faults

    def __str__(self) -> str:
        lines = [f"{len(self.faults)} fault{'s'[: len(self.faults) != 1]} in the work records"]
        lines += [str(fault) for fault in self.faults[:_SHOWN]]
        if len(self.faults) > _SHOWN:
            lines.append(f"... and {len(self.faults) - _SHOWN} more")
        return "\n".join(lines)


@dataclass(frozen=True, eq=False)
class WorkRecords:
    """Records as columns of one length: ``agent`` and ``programme`` are indices of the names,
    ``day`` is days since 1970; ``quality`` and ``repeats`` are NaN where they are not known."""

    agents: tuple[str, ...]
    programmes: tuple[str, ...]
    agent: Ints
    programme: Ints
    day: Ints
    at_home: Truths
    paid_min: Floats
    available_min: Floats
    handled: Floats
    handle_s: Floats
    quality: Floats
    repeats: Floats

    @property
    def efficiency(self) -> Floats:
        """Return the logarithm of the contacts done in a paid second, were there always one."""
        aht = self.handle_s / self.handled
        return np.log(self.available_min / self.paid_min) - np.log(aht)


def read_work_records(name: str, data: bytes) -> WorkRecords:
    """Read a file of records; RecordFaults names every faulty row, ValueError an unusable file."""
    return parse_work_records(read_log(name, data))


def parse_work_records(table: LogTable) -> WorkRecords:
    """Return the records of a table; RecordFaults names every faulty row."""
    frame = table.whole_frame().with_columns(pl.all().cast(pl.String).str.strip_chars())
    faults = list(_find_column_faults(frame))
    if faults:
        raise RecordFaults(tuple(faults))
    rows = np.asarray(table.rows)
    values = {column: _read_numbers(frame, column) for column in COLUMNS[4:]}
    days = frame["day"].str.to_date("%Y-%m-%d", strict=False)
    faults += _find_cell_faults(frame, days, values, rows)
    if not faults:
        faults += _find_sense_faults(frame, values, rows)
    if faults:
        raise RecordFaults(tuple(sorted(faults, key=lambda fault: fault.row)))
    agents, programmes = frame["agent"].unique().sort(), frame["programme"].unique().sort()
    return WorkRecords(
        agents=tuple(agents),
        programmes=tuple(programmes),
        agent=_index(frame["agent"], agents),
        programme=_index(frame["programme"], programmes),
        day=days.cast(pl.Int32).to_numpy().astype(np.int64),
        at_home=(frame["place"] == "home").to_numpy(),
        **values,
    )


def _index(column: pl.Series, names: pl.Series) -> Ints:
    return np.searchsorted(names.to_numpy(), column.to_numpy()).astype(np.int64)


def _read_numbers(frame: pl.DataFrame, column: str) -> Floats:
    """Return a column as numbers; NaN where a cell is empty or none."""
    if column not in frame.columns:
        return np.full(frame.height, np.nan)
    numbers = frame[column].str.replace(",", ".", literal=True).cast(pl.Float64, strict=False)
    found: Floats = numbers.fill_null(np.nan).to_numpy().astype(np.float64)
    return found


def _find_column_faults(frame: pl.DataFrame) -> Iterator[Fault]:
    for column in REQUIRED:
        if column not in frame.columns:
            yield Fault(TABLE, 0, column, "", Phrase("the column is missing"), Phrase("add it"))
    for column in frame.columns:
        if column not in COLUMNS:
            fix = suggest_fix(find_nearest(column, COLUMNS), Phrase("remove it"))
            yield Fault(TABLE, 1, column, "", Phrase("the column is not known"), fix)
    if not frame.height:
        yield Fault(TABLE, 0, "", "", Phrase("there is no row"), Phrase("add the records"))


def _find_cell_faults(frame: pl.DataFrame, days: pl.Series, values: dict[str, Floats], rows: Ints) -> Iterator[Fault]:
    for column in ("agent", "programme"):
        for at in _find_rows((frame[column].fill_null("") == "").to_numpy()):
            yield _fault(frame, rows, at, column, Phrase("it is empty"), Phrase("fill it in"))
    for at in _find_rows(days.is_null().to_numpy()):
        yield _fault(frame, rows, at, "day", Phrase("it is not a date"),
                     Phrase("write it like 2026-03-02; of a week, its Monday"))  # fmt: skip
    for at in _find_rows(~frame["place"].is_in(_PLACES).fill_null(False).to_numpy()):
        yield _fault(frame, rows, at, "place", Phrase("the place is not known"), Phrase("write site or home"))
    for column, numbers in values.items():
        empty = np.ones(frame.height, bool)
        if column in frame.columns:
            empty = (frame[column].fill_null("") == "").to_numpy()
        wrong = (np.isnan(numbers) & ~empty) | (numbers < 0)
        if column in REQUIRED:
            wrong |= empty
        for at in _find_rows(wrong):
            yield _fault(frame, rows, at, column, Phrase("it is not a number from 0 on"), Phrase("correct it"))


def _find_sense_faults(frame: pl.DataFrame, values: dict[str, Floats], rows: Ints) -> Iterator[Fault]:
    paid, ready = values["paid_min"], values["available_min"]
    handled, seconds = values["handled"], values["handle_s"]
    for at in _find_rows(ready > paid):
        yield _fault(frame, rows, at, "available_min", Phrase("more minutes available than paid"),
                     Phrase("correct one of the two"))  # fmt: skip
    for at in _find_rows((handled > 0) & (seconds <= 0)):
        yield _fault(frame, rows, at, "handle_s", Phrase("contacts were handled in no time"),
                     Phrase("give the seconds that they took"))  # fmt: skip
    for at in _find_rows(seconds > 60 * ready * 1.001):
        yield _fault(frame, rows, at, "handle_s", Phrase("longer than the minutes available"),
                     Phrase("give seconds here, and minutes there"))  # fmt: skip
    again = ~frame.select(pl.struct("agent", "day", "programme").is_first_distinct()).to_series().to_numpy()
    for at in _find_rows(again):
        yield _fault(
            frame, rows, at, "day", Phrase("a second record of this agent, day and programme"),
            Phrase("join the two, or remove one"),
        )  # fmt: skip


def _find_rows(wrong: Truths) -> Iterator[int]:
    yield from map(int, np.nonzero(wrong)[0])


def _fault(frame: pl.DataFrame, rows: Ints, at: int, column: str, reason: Phrase, fix: Phrase) -> Fault:
    value = frame[column][at] if column in frame.columns else ""
    return Fault(TABLE, int(rows[at]), column, value or "", reason, fix)
