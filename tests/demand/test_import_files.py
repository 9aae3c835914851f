"""Files as they come, local time, and the way into an operator folder."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from io import BytesIO

import numpy as np
import polars as pl
import pytest

from releve.demand import CallMapping, IntervalMapping, import_log, list_history_rows
from releve.demand.localtime import find_offsets, local_slots, local_to_utc
from releve.network import UTC, zone
from tests.demand.series import history, programme, truth

MAPPING = IntervalMapping(start="Début", offered="Appels", aht_s="DMT", programme="File", programmes={"é": "alpha"})
FRENCH = "Début;File;Appels;DMT\n2026-10-05T08:00;é;10;100,5\n\n2026-10-05T08:30;é;20;200\n"


def test_french_csv_is_read_with_its_rows() -> None:
    report = import_log("log.csv", FRENCH.encode("cp1252"), MAPPING, "Europe/Paris")
    assert report.histories[0].offered.tolist() == [10, 20]
    assert report.histories[0].aht_s.tolist() == [100.5, 200]
    broken = FRENCH.replace(";20;200", ";vingt;200")
    (fault,) = import_log("log.csv", broken.encode(), MAPPING, "Europe/Paris").faults
    assert (fault.row, fault.column, fault.value) == (4, "Appels", "vingt")


def test_a_row_with_too_many_cells_is_set_aside_and_counted() -> None:
    data = (FRENCH + "2026-10-05T09:00;é;5;5;5;5\n").encode()
    report = import_log("log.csv", data, MAPPING, "Europe/Paris")
    assert [(fault.kind, fault.row) for fault in report.faults] == [("ragged", 5)]
    assert (report.rows.read, report.rows.used) == (3, 2)


def test_a_workbook_and_a_parquet_hold_the_same_history() -> None:
    frame = pl.DataFrame({"t": ["2026-10-05T08:00", "2026-10-05T08:30"], "n": [3, 4]})
    mapping = IntervalMapping(start="t", offered="n", programmes={"": "alpha"})
    sheet, parquet = BytesIO(), BytesIO()
    frame.write_excel(sheet)
    frame.write_parquet(parquet)
    one = import_log("log.xlsx", sheet.getvalue(), mapping, "UTC").histories[0]
    other = import_log("log.parquet", parquet.getvalue(), mapping, "UTC").histories[0]
    assert one.offered.tolist() == other.offered.tolist() == [3, 4]


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("log.txt", b"a", "neither CSV nor Parquet nor XLSX"),
        ("log.csv", b"", "is empty"),
        ("log.csv", b"a,a\n1,2\n", "the columns a stand twice"),
        ("log.csv", "d\u00e9but".encode("utf-16-le"), "wrong encoding"),
        ("log.parquet", b"no", "is not a Parquet file"),
        ("log.xlsx", b"no", "is not a workbook"),
        ("log.csv", b"a,b\n1,2\n", "no column 'start'"),
    ],
)
def test_a_file_that_is_no_log_says_why(name: str, data: bytes, words: str) -> None:
    mapping = CallMapping(start="start", programmes={"": "alpha"})
    with pytest.raises(ValueError, match=words):
        import_log(name, data, mapping, "UTC")


def test_half_open_days_are_left_out_of_an_operator_folder_and_named() -> None:
    row = programme()
    made = truth(row, 28)
    table = np.where(made.rate > 0, 5.0, np.nan)
    table[9, 20:] = np.nan
    rows, left_out = list_history_rows([history(row, table, made.numbers)], row.time_zone)
    assert left_out == (("p", date(2026, 6, 10)),)
    days = {entry.start.astimezone(zone(row.time_zone)).date() for entry in rows}
    assert date(2026, 6, 10) not in days
    assert len(days) == 19
    assert rows[0].aht_s == 300


@pytest.mark.parametrize("name", ["Europe/Paris", "Africa/Casablanca", "America/New_York", "Asia/Kolkata", "UTC"])
def test_local_time_agrees_with_the_zone_half_hour_by_half_hour(name: str) -> None:
    """Across two changes of the clocks, and Morocco's last one of all."""
    for first in (datetime(2026, 3, 7, tzinfo=UTC), datetime(2026, 9, 18, tzinfo=UTC)):
        moments = [first + timedelta(minutes=30 * i) for i in range(48 * 50)]
        seconds = np.array([int(moment.timestamp()) for moment in moments])
        local = [moment.astimezone(zone(name)) for moment in moments]
        expected = [int(moment.utcoffset().total_seconds()) for moment in local]  # type: ignore[union-attr]
        assert find_offsets(seconds, name).tolist() == expected
        day, slot = local_slots(seconds, name)
        assert slot.tolist() == [moment.hour * 2 + moment.minute // 30 for moment in local]
        assert np.diff(day).max() <= 1
        back, ways = local_to_utc(seconds + np.array(expected), name)
        certain = ways == 1
        assert (back[certain] == seconds[certain]).all()
        assert set(ways.tolist()) <= {1, 2}


def test_a_wall_clock_time_that_is_skipped_or_repeated_is_known_as_such() -> None:
    skipped = int(datetime(2026, 3, 29, 2, 30, tzinfo=UTC).timestamp())
    repeated = int(datetime(2026, 10, 25, 2, 30, tzinfo=UTC).timestamp())
    plain = int(datetime(2026, 10, 25, 4, 30, tzinfo=UTC).timestamp())
    _, ways = local_to_utc(np.array([skipped, repeated, plain]), "Europe/Paris")
    assert ways.tolist() == [0, 2, 1]
