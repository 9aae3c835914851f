"""Interval statistics: five minutes to half an hour."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

from releve.demand import IntervalMapping, import_intervals, parse_mapping
from releve.demand.localtime import to_datetimes

MAPPING = IntervalMapping(start="start", offered="calls", programmes={"": "alpha"})


def table(days: int = 14, minutes: int = 5, calls: int = 2) -> pl.DataFrame:
    """Rows from 08:00 to 18:00, every day from Monday 1 June 2026."""
    first = datetime(2026, 6, 1, 8)  # noqa: DTZ001 (local)
    starts = [first + timedelta(days=day, minutes=minutes * i) for day in range(days) for i in range(600 // minutes)]
    return pl.DataFrame({"start": starts, "calls": [calls] * len(starts)})


@pytest.mark.parametrize("minutes", [1, 2, 3, 5, 6, 10, 15, 30])
def test_intervals_that_divide_half_an_hour_are_added_up(minutes: int) -> None:
    report = import_intervals(table(minutes=minutes), MAPPING, "Europe/Paris")
    history = report.histories[0]
    assert set(history.offered.tolist()) == {2 * 30 / minutes}
    assert len(history.starts) == 14 * 20
    assert not report.faults


def test_intervals_that_do_not_divide_half_an_hour_are_refused() -> None:
    with pytest.raises(ValueError, match="intervals of 7 minutes do not divide 30 minutes"):
        import_intervals(table(minutes=7), MAPPING, "Europe/Paris")
    with pytest.raises(ValueError, match="minutes must divide 30, got 20"):
        IntervalMapping(start="s", offered="o", programmes={"": "p"}, minutes=20)


def test_a_half_hour_with_a_part_missing_is_not_known() -> None:
    frame = table()
    report = import_intervals(frame[[i for i in range(frame.height) if i != 7]], MAPPING, "UTC")
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
    report = import_intervals(pl.DataFrame(rows, frame.schema, orient="row"), MAPPING, "UTC")
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
    report = import_intervals(frame, MAPPING, "Europe/Paris")
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
