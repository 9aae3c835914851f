"""Call logs and interval statistics as they come: recognised, mapped, in local time, into an operator folder."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from io import BytesIO
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from releve.cli import main
from releve.cli.main import load_gettext
from releve.demand import (
    CallMapping,
    Drop,
    History,
    IntervalMapping,
    import_calls,
    import_intervals,
    import_log,
    list_history_rows,
    parse_mapping,
)
from releve.demand.import_report import describe_import_fault, group_import_faults
from releve.demand.localtime import find_offsets, local_slots, local_to_utc, to_datetimes
from releve.demand.log_table import read_log
from releve.demand.report_recognition import recognize_report
from releve.network import UTC, zone
from tests.demand.series import history, programme, truth

MAPPING = CallMapping(
    start="start",
    programme="queue",
    programmes={"A": "alpha", "B": "beta"},
    outcome="outcome",
    answered=("yes",),
    wait_s="wait",
    service_s="service",
)


def calls(*rows: tuple[object, ...]) -> pl.DataFrame:
    names = ("start", "queue", "outcome", "wait", "service")
    return pl.DataFrame([pl.Series(name, [row[i] for row in rows]) for i, name in enumerate(names)], strict=False)


def at(found: History, text: str) -> int:
    return to_datetimes(found.starts).index(datetime.fromisoformat(text))


def test_calls_are_counted_in_the_half_hour_they_came_in() -> None:
    frame = calls(
        ("2026-10-05T08:29:59", "A", "yes", 5, 100),
        ("2026-10-05T08:30:00", "A", "no", 30, None),
        ("2026-10-05T08:44:00", "A", "yes", 10, 300),
        ("2026-10-05T08:50:00", "B", "yes", 0, 60),
    )
    report = import_calls(frame, MAPPING, "Europe/Paris")
    alpha, beta = report.histories
    early, late = at(alpha, "2026-10-05T06:00+00:00"), at(alpha, "2026-10-05T06:30+00:00")
    assert (alpha.programme, beta.programme) == ("alpha", "beta")
    assert alpha.offered[[early, late]].tolist() == [1, 2]
    assert alpha.answered[[early, late]].tolist() == [1, 1]
    assert alpha.aht_s[[early, late]].tolist() == [100, 300]
    assert beta.offered[[early, late]].tolist() == [0, 1]
    assert not report.faults


def test_patience_is_all_waiting_over_hang_ups() -> None:
    frame = calls(
        ("2026-10-05T08:00:00", "A", "yes", 10, 100),
        ("2026-10-05T08:01:00", "A", "no", 50, None),
        ("2026-10-05T08:02:00", "A", "no", 30, None),
    )
    report = import_calls(frame, MAPPING, "Europe/Paris")
    assert report.patience_s == {"alpha": 45.0}
    assert report.served_20_s["alpha"] == pytest.approx(1 / 3)


def test_a_drop_rule_takes_rows_whose_cells_all_match() -> None:
    mapping = CallMapping(
        start="start",
        programme="queue",
        programmes={"A": "alpha"},
        outcome="outcome",
        answered=("yes",),
        drop=(Drop("hung up in the menu", {"outcome": ("no",), "wait": (0,)}),),
    )
    frame = calls(
        ("2026-10-05T08:00:00", "A", "no", 0, None),
        ("2026-10-05T08:01:00", "A", "no", 12, None),
        ("2026-10-05T08:02:00", "A", "yes", 0, 5),
    )
    report = import_calls(frame, mapping, "Europe/Paris")
    assert report.rows.dropped == {"hung up in the menu": 1}
    assert report.histories[0].offered.sum() == 2


def test_every_kind_of_bad_row_is_named_with_its_row_and_fix() -> None:
    frame = calls(
        ("2026-10-05T08:00:00", "A", "yes", 5, 100),
        ("not a time", "A", "yes", 5, 100),
        ("2026-10-05", "A", "yes", 5, 100),
        ("2026-03-29T02:30:00", "A", "yes", 5, 100),
        ("2026-10-25T02:30:00", "A", "yes", 5, 100),
        ("2026-10-05T08:10:00", "Z", "yes", 5, 100),
        ("2026-10-05T08:00:00", "A", "yes", 5, 100),
        ("2026-10-05T08:20:00", "A", "yes", -5, 100),
        ("2026-10-05T08:21:00", "A", "yes", 5, 99999),
        ("2026-10-05T08:22:00+05:00", "A", "yes", 5, 100),
    )
    report = import_calls(frame, MAPPING, "Europe/Paris")
    found = {(fault.kind, fault.row) for fault in report.faults if fault.row}
    assert found == {
        ("time", 3),
        ("time", 4),
        ("clock_change", 5),
        ("clock_change", 6),
        ("unmapped", 7),
        ("duplicate", 8),
        ("value", 9),
        ("value", 10),
        ("other_zone", 11),
    }
    assert all(fault.fix and fault.effect and fault.reason for fault in report.faults)
    assert report.rows.read == 10
    assert report.rows.used == 4
    assert report.rows.set_aside == {"time": 2, "clock_change": 2, "duplicate": 1, "unmapped": 1}


def test_a_time_with_offset_is_taken_as_written() -> None:
    frame = calls(("2026-10-25T02:30:00+02:00", "A", "yes", 1, 1))
    report = import_calls(frame, MAPPING, "Europe/Paris")
    assert to_datetimes(report.histories[0].starts) == (datetime.fromisoformat("2026-10-25T00:30+00:00"),)
    assert not report.faults


def test_a_strptime_format_reads_french_times() -> None:
    mapping = CallMapping(start="start", programme="", programmes={"all": "alpha"}, time_format="%d/%m/%Y %H:%M")
    frame = calls(("05/10/2026 08:10", "A", "yes", 1, 1))
    report = import_calls(frame, mapping, "UTC")
    assert to_datetimes(report.histories[0].starts)[0].isoformat() == "2026-10-05T08:00:00+00:00"
    assert np.isnan(report.histories[0].answered).all()


def test_duplicates_are_told_by_the_key_when_there_is_one() -> None:
    mapping = CallMapping(start="start", programmes={"A": "alpha"}, key=("queue", "wait"))
    frame = calls(("2026-10-05T08:00:00", "A", "yes", 7, 100), ("2026-10-05T09:00:00", "A", "no", 7, 100))
    assert import_calls(frame, mapping, "UTC").rows.set_aside["duplicate"] == 1


def test_a_column_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(ValueError, match="no column 'service' in the table; it has 'start'"):
        import_calls(pl.DataFrame({"start": [], "queue": []}), MAPPING_NO_OUTCOME, "UTC")


MAPPING_NO_OUTCOME = CallMapping(start="start", programme="queue", programmes={"A": "alpha"}, service_s="service")


def steady(days: int) -> list[tuple[object, ...]]:
    """Twelve calls an hour from 08:00 to 18:00, every day."""
    first = datetime(2026, 6, 1, 8)  # noqa: DTZ001 (local)
    return [
        ((first + timedelta(days=d, minutes=5 * i)).isoformat(), "A", "yes", 1, 60)
        for d in range(days)
        for i in range(120)
    ]


def test_a_day_without_any_row_is_a_gap_and_not_zero_calls() -> None:
    rows = [row for row in steady(28) if not str(row[0]).startswith("2026-06-11")]
    report = import_calls(calls(*rows), MAPPING, "Europe/Paris")
    assert [(fault.kind, fault.value) for fault in report.faults] == [("gap", "2026-06-11")]
    starts = to_datetimes(report.histories[0].starts)
    assert datetime.fromisoformat("2026-06-11T08:00+00:00") not in starts
    assert datetime.fromisoformat("2026-06-12T08:00+00:00") in starts


def test_a_half_open_day_and_a_hole_are_named_and_not_known() -> None:
    def kept(text: str) -> bool:
        late = text >= "2026-06-09T13:00" and text.startswith("2026-06-09")
        hole = "2026-06-17T10:00" <= text < "2026-06-17T12:00"
        return not late and not hole

    rows = [row for row in steady(28) if kept(str(row[0]))]
    report = import_calls(calls(*rows), MAPPING, "Europe/Paris")
    assert [(fault.kind, fault.value) for fault in report.faults] == [
        ("half_open", "2026-06-09 13:00-18:00"),
        ("hole", "2026-06-17 10:00-12:00"),
    ]
    starts = to_datetimes(report.histories[0].starts)
    assert datetime.fromisoformat("2026-06-09T12:00+00:00") not in starts
    assert datetime.fromisoformat("2026-06-17T08:30+00:00") not in starts
    assert datetime.fromisoformat("2026-06-17T10:00+00:00") in starts


def test_a_quiet_programme_has_zeros_where_the_log_is_alive() -> None:
    rows = [*steady(14), ("2026-06-03T09:00:30", "B", "yes", 1, 1)]
    report = import_calls(calls(*rows), MAPPING, "Europe/Paris")
    beta = report.histories[1]
    assert beta.offered.sum() == 1
    assert (beta.offered == 0).sum() == len(beta.offered) - 1


@given(st.permutations(range(12)), st.integers(0, 5))
def test_no_row_is_lost_and_their_order_changes_nothing(order: list[int], bad: int) -> None:
    rows: list[tuple[object, ...]] = [
        (f"2026-10-0{1 + i % 3}T08:{10 + i}:00", "AB"[i % 2], "yes", i, 60) for i in range(12)
    ]
    for i in range(bad):
        rows[i] = ("?", "A", "yes", i, 60)
    plain = import_calls(calls(*rows), MAPPING, "Europe/Paris")
    shuffled = import_calls(calls(*(rows[i] for i in order)), MAPPING, "Europe/Paris")
    rows_of = shuffled.rows
    assert rows_of.read == rows_of.used + sum(rows_of.set_aside.values()) == 12
    for one, other in zip(plain.histories, shuffled.histories, strict=True):
        np.testing.assert_array_equal(one.offered, other.offered)
        np.testing.assert_array_equal(one.starts, other.starts)


def test_renaming_the_programmes_changes_nothing_but_the_names() -> None:
    renamed = CallMapping(start="start", programme="queue", programmes={"A": "zulu", "B": "alpha"}, service_s="wait")
    plain = CallMapping(start="start", programme="queue", programmes={"A": "alpha", "B": "beta"}, service_s="wait")
    frame = calls(*steady(3), ("2026-06-03T09:00:30", "B", "yes", 1, 1))
    one, other = import_calls(frame, plain, "UTC"), import_calls(frame, renamed, "UTC")
    assert [history.programme for history in other.histories] == ["zulu", "alpha"]
    for left, right in zip(one.histories, other.histories, strict=True):
        np.testing.assert_array_equal(left.offered, right.offered)


IMPORT_INTERVALS_MAPPING = IntervalMapping(start="start", offered="calls", programmes={"": "alpha"})


def table(days: int = 14, minutes: int = 5, calls: int = 2) -> pl.DataFrame:
    """Rows from 08:00 to 18:00, every day from Monday 1 June 2026."""
    first = datetime(2026, 6, 1, 8)  # noqa: DTZ001 (local)
    starts = [first + timedelta(days=day, minutes=minutes * i) for day in range(days) for i in range(600 // minutes)]
    return pl.DataFrame({"start": starts, "calls": [calls] * len(starts)})


@pytest.mark.parametrize("minutes", [1, 2, 3, 5, 6, 10, 15, 30])
def test_intervals_that_divide_half_an_hour_are_added_up(minutes: int) -> None:
    report = import_intervals(table(minutes=minutes), IMPORT_INTERVALS_MAPPING, "Europe/Paris")
    history = report.histories[0]
    assert set(history.offered.tolist()) == {2 * 30 / minutes}
    assert len(history.starts) == 14 * 20
    assert not report.faults


def test_intervals_that_do_not_divide_half_an_hour_are_refused() -> None:
    with pytest.raises(ValueError, match="intervals of 7 minutes do not divide 30 minutes"):
        import_intervals(table(minutes=7), IMPORT_INTERVALS_MAPPING, "Europe/Paris")
    with pytest.raises(ValueError, match="minutes must divide 30, got 20"):
        IntervalMapping(start="s", offered="o", programmes={"": "p"}, minutes=20)


def test_a_half_hour_with_a_part_missing_is_not_known() -> None:
    frame = table()
    report = import_intervals(frame[[i for i in range(frame.height) if i != 7]], IMPORT_INTERVALS_MAPPING, "UTC")
    history = report.histories[0]
    assert np.isnan(history.offered).sum() == 1
    assert np.isnan(history.offered[1])
    (fault,) = report.faults
    assert (fault.kind, fault.count, fault.reason) == ("incomplete", 1, "it holds 5 of 6 intervals")


def test_a_source_that_writes_no_zeros_can_say_so() -> None:
    frame = table()
    mapping = IntervalMapping(start="start", offered="calls", programmes={"": "alpha"}, missing_is_zero=True)
    report = import_intervals(frame[[i for i in range(frame.height) if i != 7]], mapping, "UTC")
    assert report.histories[0].offered[1] == 10
    assert "alpha: 1 intervals without a row counted as zero" in report.notes
    assert not report.faults


def test_bad_rows_are_named_and_their_half_hours_not_known() -> None:
    frame = table().with_columns(pl.col("calls").cast(pl.String))
    rows = frame.rows()
    rows[0] = (rows[0][0], "-3")
    rows[6] = (rows[6][0], "many")
    rows[12] = (rows[12][0] + timedelta(seconds=90), "2")
    rows.append(rows[20])
    report = import_intervals(pl.DataFrame(rows, frame.schema, orient="row"), IMPORT_INTERVALS_MAPPING, "UTC")
    named = [(fault.kind, fault.row) for fault in report.faults if fault.row]
    assert named == [("value", 2), ("value", 8), ("misaligned", 14), ("duplicate", len(rows) + 1)]
    assert np.flatnonzero(np.isnan(report.histories[0].offered)).tolist() == [0, 1, 2]
    assert report.rows.set_aside == {"time": 0, "clock_change": 0, "duplicate": 1, "value": 2, "misaligned": 1}


def test_missing_days_hours_and_ends_are_named() -> None:
    def kept(moment: datetime) -> bool:
        text = moment.isoformat()
        gap = text.startswith(("2026-06-10", "2026-06-11"))
        late = text.startswith("2026-06-16") and text < "2026-06-16T10:00"
        hole = "2026-06-19T12:00" <= text < "2026-06-19T13:00"
        return not (gap or late or hole)

    frame = table(days=28, minutes=30)
    frame = frame.filter(pl.Series([kept(moment) for moment in frame["start"]]))
    report = import_intervals(frame, IMPORT_INTERVALS_MAPPING, "Europe/Paris")
    assert [(fault.kind, fault.value, fault.count) for fault in report.faults] == [
        ("gap", "2026-06-10 to 2026-06-11", 2),
        ("half_open", "2026-06-16 08:00-10:00", 1),
        ("hole", "2026-06-19 12:00-13:00", 1),
    ]


def test_times_and_handling_time_are_those_of_the_programme() -> None:
    frame = pl.DataFrame(
        {
            "start": ["2026-06-01T08:00", "2026-06-01T08:15"],
            "queue": ["x", "x"],
            "calls": ["10", "30"],
            "answered": ["8", "24"],
            "aht": ["100,5", "200"],
        }
    )
    mapping = IntervalMapping(
        start="start", offered="calls", programme="queue", programmes={"x": "alpha"}, answered="answered", aht_s="aht"
    )
    history = import_intervals(frame, mapping, "Africa/Tunis").histories[0]
    assert to_datetimes(history.starts)[0].isoformat() == "2026-06-01T07:00:00+00:00"
    assert history.offered.tolist() == [40]
    assert history.answered.tolist() == [32]
    assert history.aht_s.tolist() == pytest.approx([(8 * 100.5 + 24 * 200) / 32])


def test_a_mapping_document_is_checked_key_by_key() -> None:
    with pytest.raises(ValueError, match="unknown keys colour"):
        parse_mapping({"start": "s", "offered": "o", "programmes": {"a": "b"}, "colour": 1})
    with pytest.raises(ValueError, match="the mapping lacks programmes"):
        parse_mapping({"start": "s"})
    with pytest.raises(ValueError, match="must name exactly one programme"):
        parse_mapping({"start": "s", "programmes": {"a": "b", "c": "d"}})
    found = parse_mapping({"start": "s", "offered": "o", "programmes": {"a": "b"}, "minutes": 5})
    assert found == IntervalMapping(start="s", offered="o", programmes={"a": "b"}, minutes=5)


def test_more_answered_than_offered_is_named_and_the_answered_are_not_known() -> None:
    frame = table(minutes=15).with_columns(answered=pl.lit(2))
    rows = frame.rows()
    rows[2] = (rows[2][0], 2, 3)
    mapping = IntervalMapping(start="start", offered="calls", answered="answered", programmes={"": "alpha"})
    report = import_intervals(pl.DataFrame(rows, frame.schema, orient="row"), mapping, "UTC")
    (fault,) = report.faults
    assert (fault.row, fault.column, fault.value) == (4, "answered", "3")
    assert "more calls are answered than offered (2)" in str(fault)
    history = report.histories[0]
    assert np.flatnonzero(np.isnan(history.answered)).tolist() == [1]
    assert set(history.offered.tolist()) == {4}, "the calls that came are known all the same"


IMPORT_FILES_MAPPING = IntervalMapping(
    start="Début", offered="Appels", aht_s="DMT", programme="File", programmes={"é": "alpha"}
)
FRENCH = "Début;File;Appels;DMT\n2026-10-05T08:00;é;10;100,5\n\n2026-10-05T08:30;é;20;200\n"


def test_french_csv_is_read_with_its_rows() -> None:
    report = import_log("log.csv", FRENCH.encode("cp1252"), IMPORT_FILES_MAPPING, "Europe/Paris")
    assert report.histories[0].offered.tolist() == [10, 20]
    assert report.histories[0].aht_s.tolist() == [100.5, 200]
    broken = FRENCH.replace(";20;200", ";vingt;200")
    (fault,) = import_log("log.csv", broken.encode(), IMPORT_FILES_MAPPING, "Europe/Paris").faults
    assert (fault.row, fault.column, fault.value) == (4, "Appels", "vingt")


def test_a_row_with_too_many_cells_is_set_aside_and_counted() -> None:
    data = (FRENCH + "2026-10-05T09:00;é;5;5;5;5\n").encode()
    report = import_log("log.csv", data, IMPORT_FILES_MAPPING, "Europe/Paris")
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
        ("log.doc", b"a", "neither CSV nor Parquet nor XLSX"),
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


CALLS = (
    "Date;Heure;File d'attente;Statut;Temps d'attente;Durée\n"
    "14/09/2026;08:15;Sinistres;Répondu;00:00:04;00:05:10\n"
    "14/09/2026;08h20;Sinistres;Abandonné;00:01:02;\n"
    "14/09/2026;09:05;Accueil;Répondu;00:00:00;00:01:35\n"
)


def test_a_start_in_two_columns_and_durations_in_clock_form_are_read() -> None:
    mapping = recognize_report(read_log("calls.csv", CALLS.encode(), report=True).frame).mapping
    assert mapping["start"] == ["Date", "Heure"]
    assert mapping["answered"] == ["Répondu"]
    assert mapping["programmes"] == {"Sinistres": "sinistres", "Accueil": "accueil"}
    zone = mapping.pop("time_zone")
    report = import_log("calls.csv", CALLS.encode(), parse_mapping(mapping), zone)
    assert report.faults == ()
    assert report.rows.used == 3
    assert [history.offered.sum() for history in report.histories] == [2, 1]
    assert report.histories[0].aht_s[0] == 310
    assert report.patience_s == {"sinistres": 66}


@pytest.mark.parametrize("text", ["14/09/2026 08:15", "14/09/2026 8h15", "2026-09-14 08:15:00"])
def test_a_call_log_reads_the_dates_that_an_operator_folder_reads(text: str) -> None:
    data = f"came in;queue\n{text};a\n".encode()
    mapping = parse_mapping({"start": "came in", "programme": "queue", "programmes": {"a": "a"}})
    report = import_log("calls.csv", data, mapping, "Europe/Paris")
    assert report.faults == ()
    assert report.rows.used == 1


def test_a_format_that_is_wrong_in_every_row_is_one_fault_that_counts_them() -> None:
    rows = "".join(f"le {n % 28 + 1} septembre;a;{n}\n" for n in range(400))
    mapping = parse_mapping({"start": "came in", "programme": "queue", "programmes": {"a": "a"}})
    report = import_log("c.csv", f"came in;queue;n\n{rows}".encode(), mapping, "Europe/Paris")
    (fault,) = group_import_faults(report.faults)
    assert (fault.row, fault.count) == (2, 400)
    where = "400 rows (for example row 2), came in “le 1 septembre”: no time of day can be read"
    assert str(fault).startswith(where)
    french = describe_import_fault(fault, load_gettext("fr"), "fr")
    assert french.startswith("400 lignes (par exemple ligne 2), came in «")


def test_a_start_that_is_neither_one_nor_two_columns_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="`start` is one column, or two"):
        parse_mapping({"start": ["a", "b", "c"], "programmes": {"x": "x"}})


def test_the_command_shows_the_mapping_and_imports_on_a_yes(tmp_path: Path) -> None:
    file, out = tmp_path / "export.csv", tmp_path / "history.csv"
    file.write_text(CALLS, encoding="cp1252")
    command = ["demand", "import", str(file), "--out", str(out)]
    no = CliRunner().invoke(main, command, input="n\n")
    assert no.exit_code == 1
    assert not out.exists()
    yes = CliRunner().invoke(main, [*command, "--yes"])
    assert yes.exit_code == 0, yes.output
    assert 'start = ["Date", "Heure"]' in yes.stderr
    assert "sinistres" in yes.stdout
    strange = tmp_path / "strange.csv"
    strange.write_text("a;b\n1;2\n", encoding="utf-8")
    refused = CliRunner().invoke(main, ["demand", "import", str(strange)])
    assert refused.exit_code == 2
    assert "give --mapping" in refused.stderr


def test_a_french_log_is_reported_in_french_and_gives_a_french_history(tmp_path: Path) -> None:
    file, out = tmp_path / "export.csv", tmp_path / "historique.csv"
    broken = CALLS + "demain;08:15;Accueil;Répondu;00:00:04;00:05:10\n"
    file.write_text(broken, encoding="cp1252")
    command = ["demand", "import", str(file), "--yes", "--out", str(out), "--force"]
    french = CliRunner().invoke(main, command).stdout.replace("\u202f", " ")
    for line in (
        "erreur : ligne 5, Date + Heure « demain 08:15 » : aucune heure ne peut y être lue ;"
        " la ligne est mise de côté ; écrivez-la comme 05/10/2026 08:00",
        "lignes lues : 4, retenues : 3, mises de côté (heure illisible) : 1",
        "accueil : aucun appelant n’a raccroché : patience inconnue, 100,0 % servis en 20 s",
    ):
        assert line in french, french
    head, first, *_ = out.read_text(encoding="utf-8-sig").splitlines()
    assert head == "Opération;Début;Reçus;Décrochés;DMT (s)"
    assert first == "sinistres;2026-09-14T06:00+00:00;2;1;310"
    english = CliRunner().invoke(main, [*command, "--lang", "en"]).stdout
    assert "4 rows read, 3 used, 1 set aside (time not read)" in english
