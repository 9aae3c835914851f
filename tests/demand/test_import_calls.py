"""Call logs: one row a call."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from releve.demand import CallMapping, Drop, History, import_calls
from releve.demand.localtime import to_datetimes

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
