"""A day of a real bank's log as the interval statistics of an ACD, dropped file by file."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl

from bench.validate.rest_of_day import QUEUES_1999, ZONE_1999
from releve.network import zone

__all__ = ["COUNTED", "DAY", "count", "list_files", "read_day", "read_instant", "write_source"]

DAY = datetime(1999, 2, 7)  # noqa: DTZ001 (as in the log, in local time)
STEP = timedelta(minutes=15)
COUNTED = DAY + timedelta(hours=23, minutes=30)
"""At 23:50 and at 23:59 the last half hour is not over."""
MAPPING = f"""
time_zone = "{ZONE_1999}"
start = "start"
programme = "type"
offered = "offered"
answered = "answered"
abandoned = "abandoned"
in_time = "in_time"
short = "short"
aht_s = "aht"
wait_s = "wait"
minutes = 15
missing_is_zero = true
[programmes]
"""


def read_day(folder: Path) -> pl.DataFrame:
    """Return the day's calls to an agent's queue, one row a call."""
    calls = pl.read_parquet(folder / "anonymousbank_1999" / "calls_1999_jan_feb.parquet")
    hang, queued = pl.col("outcome") == "HANG", pl.col("q_time") > 0
    return calls.filter((pl.col("date") == DAY) & ((pl.col("outcome") == "AGENT") | (hang & queued))).with_columns(
        start=pl.col("vru_entry").dt.truncate("15m")
    )


def count(calls: pl.DataFrame, *by: str) -> pl.DataFrame:
    answered = pl.col("outcome") == "AGENT"
    soon = pl.col("q_time") <= 20
    return calls.group_by(*by).agg(
        offered=pl.len(),
        answered=answered.sum(),
        abandoned=(~answered).sum(),
        in_time=(answered & soon).sum(),
        short=(~answered & soon).sum(),
        aht=pl.col("ser_time").filter(answered).mean(),
        wait=pl.col("q_time").filter(answered).mean(),
    )


def read_instant(local: datetime) -> float:
    """Return seconds since 1970 of a local time of the log."""
    return local.replace(tzinfo=zone(ZONE_1999)).timestamp()


def list_files(table: pl.DataFrame) -> Iterator[tuple[float, str, pl.DataFrame, float]]:
    """Yield when an ACD writes which file, its rows, and the time of writing that it bears."""
    nothing = {"offered": 0, "answered": 0, "abandoned": 0, "in_time": 0, "short": 0}
    for number in range(timedelta(days=1) // STEP):
        start = DAY + number * STEP
        end, rows = read_instant(start + STEP), table.filter(pl.col("start") == start)
        if not rows.height:  # an ACD writes a row of no calls
            rows = table[:1].with_columns(
                start=start, type=pl.lit("PS"), aht=None, wait=None,
                **{name: pl.lit(value) for name, value in nothing.items()},
            )  # fmt: skip
        name = f"{start:%H%M}"
        if number % 7 == 3:  # a quarter late
            yield end + STEP.total_seconds(), name, rows, end
        elif number % 7 == 5:  # a part too early, then whole, then again
            half = rows.with_columns(pl.col("offered") // 2, answered=0, in_time=0, abandoned=0)
            yield end - 300, name + "part", half, end - 300
            yield end, name, rows, end
            yield end + 120, name + "again", rows, end + 120
        elif number % 7 == 6:  # wrong, then corrected
            yield end, name, rows.with_columns(pl.col("offered") + 5), end
            yield end + 180, name + "mended", rows, end + 180
        else:
            yield end, name, rows, end


def write_source(folder: Path) -> Path:
    """Make the folder of the ACD's files, with its mapping."""
    source = folder / "acd"
    source.mkdir(parents=True)
    queues = "".join(f'{key} = "{name}"\n' for key, name in QUEUES_1999.items())
    (source / "mapping.toml").write_text(MAPPING + queues)
    return source
