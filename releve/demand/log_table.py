"""Exports as tables: CSV, Parquet and workbooks, with the header found below titles, or without one.

Files are read as the operator folder's are, with row numbers as a user sees them. A table with days across is turned
to one row a day; columns of a file without a header have the letters of a spreadsheet. Of a workbook with several
sheets that hold data none is chosen in silence.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from releve.demand.import_report import FIRST_ROW, ImportFault
from releve.demand.report_times import find_shape
from releve.demand.report_words import TOTALS, count_known, find_count_word
from releve.errors import Phrase
from releve.kernels.arrays import Ints
from releve.network.csv_reader import read_csv
from releve.network.history_grid import RawGrid, Unreadable
from releve.network.size_limits import read_parquet, read_sheets
from releve.network.table_words import fold

_HEAD = 15
"""Rows among which the header is looked for: reports have a title and filters above it."""
_FEWEST_ACROSS = 4
"""Days or times of day beside each other from which a table is one with days, or hours, across."""
_NO_HEADER = 0.5
"""A first row in which so many cells are numbers, days or times is no header."""
_QUEUE_FILE = (
    "interval", "date_from", "time", "queue", "queue_name", "offd_direct_call_cnt", "overflow_in_call_cnt",
    "aband_call_cnt", "overflow_out_call_cnt", "answ_call_cnt", "queued_and_answ_call_dur",
    "queued_and_aband_call_dur", "talking_call_dur", "wrap_up_dur", "queued_answ_longest_que_dur",
    "queued_aband_longest_que_dur", "avg_avail_member_cnt", "ans_servicelevel_cnt", "wait_dur", "aband_short_call_cnt",
    "aband_within_sl_cnt",
)  # fmt: skip
"""The queue file that Calabrio (Teleopti) imports, which has no header."""
_ASTERISK = frozenset(
    ("ENTERQUEUE", "CONNECT", "ABANDON", "COMPLETEAGENT", "COMPLETECALLER", "RINGNOANSWER", "ADDMEMBER", "CONFIGRELOAD",
     "QUEUESTART", "REMOVEMEMBER", "PAUSE", "UNPAUSE", "PAUSEALL", "UNPAUSEALL", "DID", "EXITWITHTIMEOUT", "TRANSFER",
     "EXITEMPTY", "EXITWITHKEY", "AGENTLOGIN", "AGENTLOGOFF", "AGENTCALLBACKLOGIN", "ATTENDEDTRANSFER",
     "BLINDTRANSFER")
)  # fmt: skip


@dataclass(frozen=True)
class LogTable:
    """A log as a table: ``rows[i]`` is the row of record i in the file; ``ragged`` are the rows
    whose number of cells is not the header's (they are not in ``frame``). ``sheet`` of a workbook; ``title``: what
    stands above the header.
    """

    frame: pl.DataFrame
    rows: Ints
    ragged: tuple[int, ...] = ()
    sheet: str = ""
    title: str = ""

    def whole_frame(self) -> pl.DataFrame:
        """Return the table; ValueError names the first row that has more cells than the header."""
        if self.ragged:
            raise ValueError(Phrase("row {0} has more cells than the header", self.ragged[0]))
        return self.frame


def read_log(name: str, data: bytes, sheet: str = "", *, report: bool = False) -> LogTable:
    """Read a CSV, Parquet or XLSX; ValueError says why it cannot be read, or that ``sheet`` has to be named.

    ``report``: the file is an export of calls or schedules, which may have days across or no header.
    """
    return choose_sheet(name, read_log_sheets(name, data, report=report), sheet)


def choose_sheet(name: str, sheets: Mapping[str, LogTable], sheet: str = "") -> LogTable:
    """Return one table of a file; ValueError where several hold data and none, or one that is not there, is named."""
    if len(sheets) == 1 and not sheet:
        return next(iter(sheets.values()))
    if sheet in sheets:
        return sheets[sheet]
    names = ", ".join(sheets)
    if sheet:
        raise ValueError(Phrase("{0} has no sheet {1!r} with data; it has {2}", name, sheet, names))
    raise ValueError(Phrase("{0} has several sheets with data ({1}): name the one to read", name, names))


def read_log_sheets(name: str, data: bytes, *, report: bool = False) -> dict[str, LogTable]:
    """Return the tables of a file: one without a name, or the sheets of a workbook that hold rows below a header.

    ``report`` as of :func:`read_log`. ValueError where there is none, or says why the file cannot be read.
    """
    suffix = name.lower().rpartition(".")[2]
    try:
        if suffix == "parquet":
            frame = read_parquet(data)
            return {"": LogTable(frame, np.arange(frame.height, dtype=np.int64) + FIRST_ROW)}
        if suffix in ("csv", "txt", "tsv"):
            return {"": _read_table(name, read_csv(data), report)}
        if suffix == "xlsx":
            return _read_workbook(name, data, report)
    except Unreadable as error:
        place = Phrase("{0}, row {1}", name, error.row) if error.row else name
        raise ValueError(Phrase("{0}: {1}; {2}", place, error.reason, error.fix)) from error
    raise ValueError(Phrase("{0} is neither CSV nor Parquet nor XLSX; export it as CSV", name))


def _read_workbook(name: str, data: bytes, report: bool) -> dict[str, LogTable]:
    grids = {sheet: read() for sheet, read in read_sheets(data).items()}
    held = {sheet: grid for sheet, grid in grids.items() if _holds_table(grid)}
    if not held:
        held = dict(list(grids.items())[:1])
    return {sheet: replace(_read_table(name, grid, report), sheet=sheet) for sheet, grid in held.items()}


def _holds_table(grid: RawGrid) -> bool:
    """Return whether a sheet has two columns that are filled in two rows: a cover or a note has not."""
    if grid.cells.height < 2:
        return False
    filled = [grid.cells.height - column.null_count() for column in grid.cells.iter_columns()]
    return sum(count >= 2 for count in filled) >= 2


def _read_table(name: str, grid: RawGrid, report: bool) -> LogTable:
    if not grid.cells.height:
        raise ValueError(Phrase("{0} is empty: it has no header", name))
    head = [[cell or "" for cell in row] for row in grid.cells.head(_HEAD).rows()]
    if report:
        _refuse_queue_log(name, head[0])
    across = next((row for row, cells in enumerate(head) if report and _find_across(cells)), None)
    known = [count_known(row) for row in head]
    top = max(range(len(head)), key=lambda row: (known[row], -row)) if known[0] < 2 else 0
    if across is not None and known[top] < 3:
        return _turn_across(grid, head, across)
    names, first = head[top], top + 1
    if report and not known[top] and _is_data(head[0]):
        names, first = _name_columns(head[0]), 0
    while names and not names[-1]:
        names.pop()
    twice = sorted({cell for cell in names if cell and names.count(cell) > 1})
    if twice:
        raise ValueError(Phrase("{0}: the columns {1} stand twice; name each once", name, ", ".join(twice)))
    whole = np.ones(grid.cells.height - first, dtype=np.bool_)
    if grid.widths is not None:
        whole = np.asarray(grid.widths[first:] <= len(names), dtype=np.bool_)
    columns = {cell: grid.cells.columns[i] for i, cell in enumerate(names) if cell}
    frame = grid.cells[first:].select(pl.col(key).alias(cell) for cell, key in columns.items())
    rows = grid.rows[first:]
    title = " ".join(cell for row in head[:top] for cell in row if cell) if first else ""
    return LogTable(frame.filter(pl.Series(whole)), rows[whole], tuple(int(row) for row in rows[~whole]), title=title)


def _refuse_queue_log(name: str, cells: Sequence[str]) -> None:
    """Raise ValueError for Asterisk's own log, whose rows are events: a call has several."""
    if len(cells) >= 5 and re.fullmatch(r"\d{10}(\.\d+)?", cells[0]) and cells[4].upper() in _ASTERISK:
        raise ValueError(
            Phrase(
                "{0} is the queue_log of Asterisk: a row is an event, and a call has several of them; export a row a"
                " call (the CDR table, or a report of the queues)",
                name,
            )
        )


def _is_data(cells: Sequence[str]) -> bool:
    """Return whether a first row holds values: numbers, days and times rather than names."""
    filled = [cell for cell in cells if cell]
    values = sum(bool(find_shape([cell]) or re.fullmatch(r"-?[\d\s.,:]+%?", cell)) for cell in filled)
    return len(filled) >= 3 and values >= _NO_HEADER * len(filled)


def _name_columns(cells: Sequence[str]) -> list[str]:
    """Return the names of columns without a header: those of a known layout, else a spreadsheet's letters."""
    queues = len(cells) == len(_QUEUE_FILE) and cells[0].isdigit() and find_shape([cells[1]]) == "day"
    if queues and find_shape([cells[2]]) == "clock":
        return list(_QUEUE_FILE)
    return [f"{chr(64 + at // 26) if at >= 26 else ''}{chr(65 + at % 26)}" for at in range(len(cells))]


def _find_across(cells: Sequence[str]) -> str:
    """Return what stands beside each other in a row of a header: ``day`` or ``clock``, empty where neither does."""
    shapes = [find_shape([cell]) for cell in cells if cell]
    for shape in ("day", "clock"):
        # A number alone (800, 45321) may be a time or a day, and may be a count.
        plain = sum(cell.replace(" ", "").isdigit() for cell in cells)
        if shapes.count(shape) - plain >= max(_FEWEST_ACROSS, len(shapes) - 4):
            return shape
    return ""


def _turn_across(grid: RawGrid, head: Sequence[Sequence[str]], top: int) -> LogTable:
    """Return a table with days (or times of day) across as one row a cell.

    The column is named ``value``, or after the counts that the title or the corner names.
    """
    across = _find_across(head[top])
    names = [cell or "" for cell in grid.cells.row(top)]
    sides = [at for at, cell in enumerate(names) if find_shape([cell]) != across and fold(cell) not in TOTALS]
    sides = [at for at in sides if grid.cells[top + 1 :].to_series(at).null_count() < grid.cells.height - top - 1]
    down = "time" if across == "day" else "date"
    clocked = [
        at for at in sides
        if find_shape(grid.cells[top + 1 :].to_series(at).drop_nulls().to_list()) in ("clock", "day")
    ]  # fmt: skip
    labels = {at: down if at in clocked[:1] else names[at] or f"column {at + 1}" for at in sides}
    titles = [cell for row in head[:top] for cell in row if cell] + [names[at] for at in sides]
    counted = next((word for word in map(find_count_word, titles) if word), "value")
    columns: dict[str, list[Any]] = {label: [] for label in (*labels.values(), "date" if down == "time" else "time")}
    values: list[Any] = []
    rows: list[int] = []
    for number, row in zip(grid.rows[top + 1 :].tolist(), grid.cells[top + 1 :].iter_rows(), strict=True):
        for at, cell in enumerate(row):
            if find_shape([names[at]]) != across:
                continue
            for side, label in labels.items():
                columns[label].append(row[side])
            columns["date" if down == "time" else "time"].append(names[at])
            values.append(cell)
            rows.append(number)
    frame = pl.DataFrame({**columns, counted: values}, dict.fromkeys((*columns, counted), pl.String))
    return LogTable(frame, np.array(rows, dtype=np.int64), title=" ".join(titles))


def describe_ragged(table: LogTable) -> ImportFault:
    """Return the fault of the rows that have more cells than the header."""
    return ImportFault(
        kind="ragged",
        row=table.ragged[0],
        column="",
        value="",
        reason=Phrase("it has more cells than the header"),
        effect=Phrase("the row is set aside"),
        fix=Phrase("quote a cell that holds the separator"),
        count=len(table.ragged),
    )
