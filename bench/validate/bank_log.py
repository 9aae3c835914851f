"""The log of the bank: the calls of a day that reached the line, and the agents present."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from releve.errors import ReleveError
from releve.kernels.arrays import Floats

FIRST, LAST = 14, 48
"""Half hours of the day: staffed from 07:00 to midnight."""
HALF_HOURS = LAST - FIRST
OPENS_S, CLOSES_S = 1800.0 * FIRST, 1800.0 * LAST
THRESHOLD_S = 20.0
GAP_S = 1800.0
"""An agent who has not answered for longer is not there."""
EDGE_S = 900.0
"""An agent who answers so soon after the opening, or so late before the closing, is present from
or until it."""
WEEKDAYS = (7, 1, 2, 3, 4)
"""Sunday to Thursday; the centre closes on Friday afternoon and Saturday."""

COLUMNS = ("date", "type", "q_start_s", "q_time", "outcome", "ser_start_s", "ser_exit_s", "ser_time", "agent")


class BankLogError(ReleveError, ValueError):
    """The log cannot be read; says what is missing and the fix."""


@dataclass(frozen=True)
class BankDay:
    """The calls of a day that reached the line or an agent, in the order they came.

    ``come_s`` second of the day, ``wait_s``; ``lost`` hung up while waiting; ``kind`` of service;
    ``talk_s`` (0 = not served); ``there_s`` ascending moments from which ``there`` agents were
    present. An agent is present from the start of a call to the end of her last one before a gap of
    more than ``GAP_S``, and to the opening and the closing where those are within ``EDGE_S``.
    """

    date: date
    come_s: Floats
    wait_s: Floats
    lost: NDArray[np.bool_]
    kind: NDArray[np.str_]
    talk_s: Floats
    there_s: Floats
    there: NDArray[np.int64]

    @property
    def half(self) -> NDArray[np.int64]:
        """The half hour in which each call came, 0 = the first of the staffed day."""
        return np.asarray(self.come_s // 1800 - FIRST, dtype=np.int64)

    def counts(self) -> Floats:
        """Return offered, abandoned, answered within the threshold, and seconds waited of the
        staffed half hours: float64[half hour, 4]."""
        columns = (np.ones(self.wait_s.size), self.lost, ~self.lost & (self.wait_s <= THRESHOLD_S), self.wait_s)
        half = self.half
        inside = (half >= 0) & (half < HALF_HOURS)
        found = [np.bincount(half[inside], one[inside], HALF_HOURS) for one in columns]
        return np.stack(found, axis=1).astype(np.float64)


def read_months(path: Path) -> tuple[list[BankDay], list[BankDay]]:
    """Return the days of the first month of a log (Parquet), and those of the next.

    BankLogError when the file cannot be read or is not such a log.
    """
    try:
        days = select_days(pl.read_parquet(path))
    except (OSError, pl.exceptions.PolarsError) as error:
        raise BankLogError(f"cannot be read: {error}") from None
    year, month = days[0].date.year, days[0].date.month
    following = (year + month // 12, month % 12 + 1)
    first = [day for day in days if (day.date.year, day.date.month) == (year, month)]
    return first, [day for day in days if (day.date.year, day.date.month) == following]


def select_days(log: pl.DataFrame) -> tuple[BankDay, ...]:
    """Return the days of a log from Sunday to Thursday, ascending.

    Left out: calls that ended in the voice menu (HANG without a wait), and those the source says to
    ignore (PHANTOM). BankLogError when a column is missing or nothing is left.
    """
    missing = [name for name in COLUMNS if name not in log.columns]
    if missing:
        raise BankLogError(
            f"the log has no column {', '.join(missing)}: give the log of calls with the columns {', '.join(COLUMNS)}"
        )
    reached = log.filter(
        pl.col("date").dt.weekday().is_in(WEEKDAYS)
        & ((pl.col("outcome") == "AGENT") | ((pl.col("outcome") == "HANG") & (pl.col("q_time") > 0)))
    ).with_columns(
        come=pl.when(pl.col("q_time") > 0).then("q_start_s").otherwise("ser_start_s"), day=pl.col("date").cast(pl.Date)
    )
    if reached.is_empty():
        raise BankLogError("no call of a Sunday to Thursday reached the line: give another log")
    return tuple(_build_day(part) for part in reached.sort("day", "come").partition_by("day", maintain_order=True))


def _build_day(calls: pl.DataFrame) -> BankDay:
    there_s, there = _find_presence(calls)
    return BankDay(
        date=calls["day"][0],
        come_s=calls["come"].to_numpy().astype(np.float64),
        wait_s=calls["q_time"].to_numpy().astype(np.float64),
        lost=(calls["outcome"] == "HANG").to_numpy(),
        kind=calls["type"].to_numpy().astype(np.str_),
        talk_s=calls["ser_time"].to_numpy().astype(np.float64),
        there_s=there_s,
        there=there,
    )


def _find_presence(calls: pl.DataFrame) -> tuple[Floats, NDArray[np.int64]]:
    """Return the moments at which the number of agents present changes, and the numbers."""
    served = calls.filter(
        (pl.col("outcome") == "AGENT") & (pl.col("agent") != "NONE") & (pl.col("ser_exit_s") > pl.col("ser_start_s"))
    ).sort("ser_start_s")
    change: dict[float, int] = {}
    for agent in served.partition_by("agent", maintain_order=True):
        rows = agent.select("ser_start_s", "ser_exit_s").to_numpy().astype(np.float64)
        until = np.maximum.accumulate(rows[:, 1])
        again = np.flatnonzero(rows[1:, 0] - until[:-1] > GAP_S) + 1
        for first, last in zip([0, *again], [*again, len(rows)], strict=True):
            begins, ends = rows[first, 0], until[last - 1]
            if OPENS_S < begins <= OPENS_S + EDGE_S:
                begins = OPENS_S
            if CLOSES_S - EDGE_S <= ends < CLOSES_S:
                ends = CLOSES_S
            change[begins] = change.get(begins, 0) + 1
            change[ends] = change.get(ends, 0) - 1
    moments = sorted(change)
    return np.array(moments), np.cumsum([change[at] for at in moments], dtype=np.int64)
