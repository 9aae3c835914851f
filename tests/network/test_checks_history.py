"""The history: whole days, its own intervals, and the clock of its programme."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from releve.network import Fault, Programme, find_faults, find_open_instants, zone
from releve.network.history_grid import IntervalFault, ProgrammeHours, find_interval, lay_out_history
from tests.network.clean_tables import Tables, as_csv, clean_tables


def faults_with(rows: list[tuple[datetime, float]], *, write: str = "local", **programme: str) -> tuple[Fault, ...]:
    """Return the faults of the clean operator whose first programme has this history alone."""
    tables: Tables = clean_tables()
    tables["programmes"][0] |= programme
    tz = zone(tables["programmes"][0].get("time_zone", "Europe/Paris"))
    clock = {
        "local": lambda t: t.astimezone(tz).replace(tzinfo=None),
        "utc": lambda t: t.replace(tzinfo=None),
        "offset": lambda t: t.astimezone(tz),
    }[write]
    tables["history"] = [
        {"programme": "prog-00", "start": clock(start).isoformat(timespec="minutes")} | {"offered": f"{volume:g}"}
        for start, volume in rows
    ]
    return find_faults(as_csv(tables))[1]


def days(
    first: date, count: int, hours: tuple[float, float], *, step: int = 30, zone_name: str = "Europe/Paris"
) -> list[tuple[datetime, float]]:
    """Return a row an interval of the working days, from an hour to an hour of the local clock."""
    rows = []
    for day in (first + timedelta(days=n) for n in range(count)):
        if day.weekday() < 5:
            at = datetime(day.year, day.month, day.day, tzinfo=zone(zone_name))
            n = int((hours[1] - hours[0]) * 60 / step)
            rows += [((at + timedelta(hours=hours[0], minutes=i * step)).astimezone(UTC), 5.0 + i) for i in range(n)]
    return rows


MONDAY = date(2026, 11, 16)


@pytest.mark.parametrize("step", [30, 15, 10, 5])
def test_any_divisor_of_the_half_hour_is_an_interval(step: int) -> None:
    assert faults_with(days(MONDAY, 5, (9, 12), step=step)) == ()


@pytest.mark.parametrize("step", [20, 45, 60, 120])
def test_other_intervals_are_one_fault(step: int) -> None:
    faults = faults_with(days(MONDAY, 5, (9, 15), step=step))
    assert len(faults) == 1
    assert f"{step} minutes apart" in faults[0].reason


def test_a_missing_quarter_is_a_gap() -> None:
    rows = days(MONDAY, 5, (9, 12), step=15)
    del rows[13]
    (fault,) = faults_with(rows)
    assert (fault.row, "2026-11-17 lacks 1 of 12, the first at 09:15" in fault.reason) == (14, True)


def test_gaps_of_several_days_are_one_fault_with_examples_and_a_count() -> None:
    rows = [row for n, row in enumerate(days(MONDAY, 12, (9, 12))) if n % 6 != 2]
    (fault,) = faults_with(rows)
    assert "2026-11-16 lacks 1 of 6, the first at 10:00" in fault.reason
    assert "and 7 more days" in fault.reason


def test_rows_outside_the_opening_hours_are_no_fault_when_few() -> None:
    rows = [*days(MONDAY, 5, (9, 12)), *days(MONDAY, 5, (20, 21))]
    assert faults_with([(start, 50.0 if n < 30 else 1.0) for n, (start, _) in enumerate(rows)]) == ()


def test_a_programme_with_most_calls_at_night_has_the_wrong_hours() -> None:
    rows = [*days(MONDAY, 5, (9, 12)), *days(MONDAY, 5, (20, 23))]
    (fault,) = faults_with(rows)
    assert fault.reason == "50% of the calls lie outside the opening hours"
    assert "mend the opening hours" in fault.fix


def test_items_of_back_office_come_at_any_hour() -> None:
    rows = [*days(MONDAY, 5, (9, 12)), *days(MONDAY, 5, (20, 23))]
    assert faults_with(rows, kind="back_office") == ()


@pytest.mark.parametrize(("first", "hours"), [(date(2026, 11, 16), 1), (date(2026, 6, 15), 2)])
def test_times_in_utc_are_named_with_the_hours_they_are_off(first: date, hours: int) -> None:
    (fault,) = faults_with(days(first, 12, (8, 18)), write="utc", opening="Mon-Fri 08:00-18:00")
    assert f"the times are {hours} h too early for Europe/Paris, as if written in UTC" in fault.reason
    assert fault.fix == "write the offset with each time, like +00:00"


def test_times_in_utc_around_the_clock_are_told_by_the_calls_at_night() -> None:
    """Rows of zero calls fill the night, so nothing is missing: only the volume is moved."""
    rows = days(date(2026, 6, 15), 12, (8, 18))
    busy = dict(rows)
    start = rows[0][0] - timedelta(hours=12)
    full = [(start + timedelta(minutes=30 * n)) for n in range(12 * 48)]
    faults = faults_with([(t, busy.get(t, 0.0)) for t in full], write="utc", opening="Mon-Fri 08:00-18:00")
    assert len(faults) == 1
    assert "2 h too early" in faults[0].reason


def test_times_with_offsets_are_right_through_a_change_of_the_clocks() -> None:
    rows = days(date(2026, 10, 19), 14, (9, 12))
    assert faults_with(rows, write="offset") == ()
    assert faults_with(rows) == ()


def test_the_repeated_hour_needs_offsets_and_is_no_gap() -> None:
    """A programme open all night writes 02:00 and 02:30 twice when the clocks go back."""
    rows = [(datetime(2026, 10, 24, 22, tzinfo=UTC) + timedelta(minutes=30 * n), 9.0) for n in range(50)]
    opening = "Mon-Sun 00:00-24:00"
    assert faults_with(rows, write="offset", opening=opening, holidays="") == ()
    faults = faults_with(rows, opening=opening, holidays="")
    assert [fault.row for fault in faults] == [6, 7, 8, 9]
    assert all("exists twice in Europe/Paris" in fault.reason for fault in faults)


def test_a_day_left_out_and_a_holiday_are_not_known_rather_than_a_gap() -> None:
    rows = [row for row in days(MONDAY, 12, (9, 12)) if row[0].day != 18]
    assert faults_with(rows) == ()
    assert faults_with(days(date(2026, 5, 11), 5, (9, 12))[:18], holidays="FR") == ()


def test_more_than_four_open_days_without_a_row_are_a_hole() -> None:
    rows = [row for row in days(MONDAY, 19, (9, 12)) if not 18 <= row[0].day <= 24]
    (fault,) = faults_with(rows)
    assert "no rows from 2026-11-18 to 2026-11-24 (5 open days)" in fault.reason


def test_a_row_of_a_mad_year_is_a_hole_and_takes_no_time() -> None:
    rows = [*days(MONDAY, 5, (9, 12)), (datetime(2062, 11, 16, 8, tzinfo=UTC), 1.0)]
    (fault,) = faults_with(rows[:-1] + [(rows[-1][0] + timedelta(minutes=30 * n), 1.0) for n in range(6)])
    assert "no rows from 2026-11-23" in fault.reason


def test_the_interval_is_the_commonest_step_and_sparse_rows_are_half_hours() -> None:
    assert find_interval(np.array([0, 900, 1800, 2700, 7200])) == 900
    assert find_interval(np.array([0])) == 1800
    assert find_interval(np.array([0, 5400, 9000, 16200])) == 1800
    with pytest.raises(IntervalFault, match="20 minutes"):
        find_interval(np.arange(10) * 1200)


def test_the_grid_agrees_with_the_opening_hours_slot_by_slot() -> None:
    """The vectorised local clock against the plain one, over changes of the clocks in two zones."""
    for name in ("Europe/Paris", "Africa/Casablanca", "Asia/Kolkata"):
        hours = ProgrammeHours("Mon-Fri 08:30-20:00; Sun 00:00-03:00", name, "FR")
        first = int(datetime(2026, 3, 1, tzinfo=UTC).timestamp())
        starts = np.array([first, first + 250 * 86400])
        grid = lay_out_history(starts, np.ones(2), hours, 1800)
        moments = [datetime.fromtimestamp(s, UTC) for s in grid.starts.tolist()]
        row = Programme("p", "c", "p", "inbound", hours.opening, 300.0, time_zone=name, holidays="FR")
        np.testing.assert_array_equal(grid.open, find_open_instants(row, moments))
        local = [moment.astimezone(zone(name)) for moment in moments]
        np.testing.assert_array_equal(grid.minute, [t.hour * 60 + t.minute for t in local])
        assert grid.volume.sum() == 2


def test_intervals_that_all_start_late_are_one_fault() -> None:
    rows = [(start + timedelta(minutes=7), volume) for start, volume in days(MONDAY, 5, (9, 12))]
    (fault,) = faults_with(rows)
    assert fault.reason == "its intervals of 30 minutes do not start at the half hour"


@pytest.mark.parametrize("order", [1, -1])
def test_a_start_that_cannot_be_read_is_no_gap_as_well_whatever_the_order(order: int) -> None:
    tables = clean_tables()
    rows = [row for row in tables["history"] if row["programme"] == "prog-00"][::order]
    rows[20]["start"] = "?"
    tables["history"] = rows
    faults = find_faults(as_csv(tables))[1]
    assert [(fault.row, fault.column) for fault in faults] == [(22, "start")]
