"""A day of a real bank's log, replayed as the interval statistics of an ACD.

The clock of the test runs as fast as the machine: a file is dropped at the end of each quarter of
an hour and read a minute later, some of them late, twice or corrected, as the worker would.
"""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import datetime, time, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from releve.live import service_day
from releve.live.service_day import compute_service_day
from releve.network import UTC, Operator, zone
from releve.registry.service import apply_changes, preview_changes
from releve.service_record import statistics_folder
from releve.service_record.statistics_folder import read_statistics_folder
from releve.validation.call_logs import QUEUES_1999, ZONE_1999, load_1999
from tests.plan.tiny_operators import operator_of, site

pytestmark = [pytest.mark.slow, pytest.mark.realdata, pytest.mark.database, pytest.mark.django_db]

DAY = datetime(1999, 2, 7)  # noqa: DTZ001 (as in the log, in local time)
STEP = timedelta(minutes=15)
COUNTED = DAY + timedelta(hours=23, minutes=30)
"""At 23:59 the last half hour is not over."""
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
    return calls.filter(
        (pl.col("date") == DAY) & ((pl.col("outcome") == "AGENT") | (hang & queued))
    ).with_columns(start=pl.col("vru_entry").dt.truncate("15m"))


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


@pytest.fixture
def operator(shared_data: Path) -> Operator:
    rows = tuple(load_1999(shared_data).programmes.values())
    found = operator_of([site("casa-1")], {"casa-1": (4, 2.0)}, rows, [], [])
    found = replace(found, row=replace(found.row, time_zone=ZONE_1999))
    apply_changes(preview_changes(found), "tests")
    return found


def test_a_real_day_replayed_file_by_file_ends_at_the_figures_of_its_log(
    operator: Operator, shared_data: Path, tmp_path: Path
) -> None:
    statistics_folder._known.clear()
    service_day._known._rows.clear()
    source = tmp_path / "acd"
    source.mkdir()
    (source / "mapping.toml").write_text(
        MAPPING + "".join(f'{key} = "{name}"\n' for key, name in QUEUES_1999.items())
    )
    calls = read_day(shared_data)
    table = count(calls, "start", "type")

    def drop(start: datetime, name: str, rows: pl.DataFrame, at: datetime) -> None:
        path = source / f"{start:%H%M}{name}.csv"
        rows.write_csv(path, datetime_format="%Y-%m-%dT%H:%M")
        stamp = at.replace(tzinfo=zone(ZONE_1999)).timestamp()
        os.utime(path, (stamp, stamp))

    late = None
    for number in range(4 * 24):
        start = DAY + number * STEP
        end, rows = start + STEP, table.filter(pl.col("start") == start)
        if late is not None:
            drop(*late)
            late = None
        if not rows.height:  # an ACD writes a row of no calls
            rows = table[:1].with_columns(
                start=start, type=pl.lit("PS"), offered=0, answered=0, abandoned=0, in_time=0,
                short=0, aht=None, wait=None,
            )  # fmt: skip
        if number % 7 == 3:
            late = (start, "", rows, end)
        elif number % 7 == 5:  # twice, and a part of it too early
            half = rows.with_columns(pl.col("offered") // 2, answered=0, in_time=0, abandoned=0)
            drop(start, "part", half, end - timedelta(minutes=5))
            drop(start, "", rows, end)
            drop(start, "again", rows, end + timedelta(seconds=20))
        elif number % 7 == 6:  # wrong at first, then corrected
            drop(start, "", rows.with_columns(pl.col("offered") + 5), end)
            drop(start, "mended", rows, end + timedelta(seconds=30))
        else:
            drop(start, "", rows, end)
        read = (end + timedelta(minutes=1)).replace(tzinfo=zone(ZONE_1999))
        read_statistics_folder(tmp_path, operator, read.astimezone(UTC))
    found = compute_service_day(
        datetime.combine(DAY, time(23, 59), zone(ZONE_1999)).astimezone(UTC), None
    )
    assert found is not None
    wanted = {
        row["type"]: row for row in count(
            calls.filter(pl.col("start") < COUNTED), "type").iter_rows(named=True)
    }  # fmt: skip
    assert len(wanted) == len(QUEUES_1999)
    shown = {row.programme: row for row in found.programmes}
    for key, name in QUEUES_1999.items():
        row, own = shown[name], wanted[key]
        assert (row.offered, row.answered, row.abandoned) == (
            own["offered"], own["answered"], own["abandoned"]
        ), name  # fmt: skip
        assert row.level == pytest.approx(own["in_time"] / own["offered"], abs=1e-6)
        assert np.isnan(row.expected), "no forecast was made of 1999"
