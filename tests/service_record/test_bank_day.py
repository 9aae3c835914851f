"""A day of a real bank's log, replayed as the interval statistics of an ACD.

The clock of the test runs as fast as the machine: a file is dropped at the end of each quarter of
an hour and read a minute later, some of them late, twice or corrected, as the worker would.
"""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import datetime, time
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from bench.validate.rest_of_day import QUEUES_1999, ZONE_1999, load_1999
from releve.live import service_day
from releve.live.service_day import compute_service_day
from releve.network import UTC, Operator, zone
from releve.registry.service import apply_changes, preview_changes
from releve.service_record import statistics
from releve.service_record.statistics import read_statistics_folder
from tests.plan.tiny_operators import operator_of, site
from tests.service_record.bank_day import COUNTED, DAY, count, list_files, read_day, write_source

pytestmark = [
    pytest.mark.slow,
    pytest.mark.realdata,
    pytest.mark.database,
    pytest.mark.postgresql,
    pytest.mark.django_db,
]


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
    statistics._known.clear()
    service_day._known._rows.clear()
    source, calls = write_source(tmp_path), read_day(shared_data)
    files = sorted(list_files(count(calls, "start", "type")), key=lambda row: row[0])
    for at, name, rows, stamp in files:
        path = source / f"{name}.csv"
        rows.write_csv(path, datetime_format="%Y-%m-%dT%H:%M")
        os.utime(path, (stamp, stamp))
        read_statistics_folder(tmp_path, operator, datetime.fromtimestamp(at + 60, UTC))
    found = compute_service_day(datetime.combine(DAY, time(23, 59), zone(ZONE_1999)).astimezone(UTC), None)
    assert found is not None
    wanted = {row["type"]: row for row in count(calls.filter(pl.col("start") < COUNTED), "type").iter_rows(named=True)}
    assert len(wanted) == len(QUEUES_1999)
    shown = {row.programme: row for row in found.programmes}
    for key, name in QUEUES_1999.items():
        row, own = shown[name], wanted[key]
        assert (row.offered, row.answered, row.abandoned) == (own["offered"], own["answered"], own["abandoned"]), name
        assert row.level == pytest.approx(own["in_time"] / own["offered"], abs=1e-6)
        assert np.isnan(row.expected), "no forecast was made of 1999"
