"""Every planted fault is named where it is, once; so in French workbooks and in the history."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from releve.cli.main import load_gettext
from releve.network import Fault, Programme, check_files, describe_faults, find_faults, find_open_instants, zone
from releve.network.history_grid import IntervalFault, ProgrammeHours, find_interval, lay_out_history
from tests.network.clean_tables import Tables, as_csv, as_french_csv, as_workbook, clean_tables
from tests.network.french_faults import PLANTS as FRENCH_FAULTS_PLANTS
from tests.network.french_faults import planted_book
from tests.network.planted_faults import PLANTS, THIRTY, planted
from tests.network.test_cells import plain, workbook


def places(faults: tuple[Fault, ...]) -> Counter[tuple[str, int, str]]:
    return Counter((fault.table, fault.row, fault.column) for fault in faults)


def test_the_clean_operator_has_no_fault() -> None:
    operator, faults = find_faults(as_csv(clean_tables()))
    assert faults == ()
    assert operator is not None
    assert (len(operator.sites), len(operator.agents), len(operator.shifts)) == (10, 50, 150)


@pytest.mark.parametrize("name", PLANTS)
def test_a_fault_alone_is_named_once_and_nothing_follows_from_it(name: str) -> None:
    tables, expected = planted([name])
    operator, faults = find_faults(as_csv(tables))
    assert operator is None
    assert places(faults) == Counter(expected), [str(fault) for fault in faults]
    assert all(fault.reason and fault.fix for fault in faults)


@pytest.mark.parametrize("write", [as_csv, as_french_csv, as_workbook])
def test_thirty_faults_of_thirty_kinds_are_named_and_nothing_else(write) -> None:
    tables, expected = planted(THIRTY)
    _, faults = find_faults(write(tables))
    assert len(faults) == len(expected) == len(set(THIRTY)) == 30
    assert places(faults) == Counter(expected), [str(fault) for fault in faults]
    assert len({fault.reason for fault in faults}) > 20


def test_all_faults_together_are_named_and_nothing_else() -> None:
    tables, expected = planted(PLANTS)
    _, faults = find_faults(as_csv(tables))
    assert places(faults) == Counter(expected), [str(fault) for fault in faults]


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(st.sets(st.sampled_from(sorted(PLANTS)), min_size=2, max_size=12))
def test_any_faults_together_are_named_and_nothing_else(names: set[str]) -> None:
    tables, expected = planted(sorted(names))
    _, faults = find_faults(as_csv(tables))
    assert places(faults) == Counter(expected), [str(fault) for fault in faults]


def test_faults_are_in_the_order_of_tables_and_rows() -> None:
    tables, _ = planted(THIRTY)
    _, faults = find_faults(as_csv(tables))
    order = list(dict.fromkeys(fault.table for fault in faults))
    assert order.index("sites") < order.index("agents") < order.index("shifts")
    rows = [fault.row for fault in faults if fault.table == "agents"]
    assert rows == sorted(rows)


def test_the_same_unknown_id_in_many_rows_is_one_fault_that_counts_them() -> None:
    tables = clean_tables()
    for row in tables["history"][:60]:
        row["programme"] = "gone"
    _, faults = find_faults(as_csv(tables))
    assert places(faults) == Counter([("history", 2, "programme")])
    assert "so in 60 rows, to row 61" in faults[0].reason


def test_an_id_that_may_be_a_slip_of_several_leaves_the_choice() -> None:
    tables = clean_tables()
    tables["agents"][0]["home_site"] = "casa-7"
    _, faults = find_faults(as_csv(tables))
    assert faults[0].fix == "write the one meant, perhaps 'casa-2' or 'casa-1'"


@pytest.mark.parametrize(
    ("written", "fix"),
    [
        ("GMT+1", "write Africa/Casablanca"),
        ("UTC+01:00", "write Africa/Casablanca"),
        ("Africa/Casablanka", "write Africa/Casablanca"),
    ],
)
def test_an_offset_is_mended_to_the_zone_of_the_country_and_not_to_another_hour(written: str, fix: str) -> None:
    tables = clean_tables()
    tables["sites"][0] |= {"time_zone": written, "destination": "MA"}
    _, faults = find_faults(as_csv(tables))
    assert [str(fault.fix) for fault in faults if fault.column == "time_zone"] == [fix]


def test_a_misspelt_client_does_not_leave_its_own_without_programme() -> None:
    tables = clean_tables()
    for row in tables["programmes"]:
        row["client"] = row["client"].replace("client-3", "client-X")
    _, faults = find_faults(as_csv(tables))
    assert {(fault.table, fault.column) for fault in faults} == {("programmes", "client")}


def test_a_zone_of_a_misspelt_floor_does_not_leave_its_site_without_seat() -> None:
    tables = clean_tables()
    next(row for row in tables["zones"] if row["id"] == "tunis-1-z1")["floor"] = "tunis-1f1"
    _, faults = find_faults(as_csv(tables))
    assert [(fault.table, fault.fix) for fault in faults] == [("zones", "write 'tunis-1-f1'")]


def test_a_site_without_seats_is_no_fault_where_all_work_at_home_or_nobody_belongs() -> None:
    tables = clean_tables()
    tables["seats"] = [row for row in tables["seats"] if not row["zone"].startswith("tunis")]
    for row in tables["agents"]:
        if row["home_site"] == "tunis-1":
            row |= {"home_ready": "true", "line_type": "4g", "carrier": "Orange"}
    assert find_faults(as_csv(tables))[1] == ()


def test_two_sites_of_a_country_may_be_far_apart_but_not_one_of_three() -> None:
    tables = clean_tables()
    lyon = next(row for row in tables["sites"] if row["id"] == "lyon-1")
    lyon |= {"lat": "-20.9", "lon": "55.5"}
    tables["shuttles"] = [row for row in tables["shuttles"] if row["site"] != "lyon-1"]
    assert find_faults(as_csv(tables))[1] == ()
    lyon["destination"] = "MA"
    assert places(find_faults(as_csv(tables))[1]) == Counter([("sites", 11, "lat")])


def test_seats_on_different_floors_may_have_the_same_place() -> None:
    operator, faults = find_faults(as_csv(clean_tables()))
    assert faults == ()
    assert operator is not None
    assert len({(seat.x_m, seat.y_m) for seat in operator.seats}) < len(operator.seats)


def test_a_permit_of_a_vehicle_is_of_a_known_one_only_where_vehicles_are_given() -> None:
    tables = clean_tables()
    tables["authorisations"][0] |= {"kind": "vehicle", "subject": "12345-A-6"}
    tables["authorisations"][1] |= {"kind": "agent", "subject": "a001"}
    (fault,) = find_faults(as_csv(tables))[1]
    assert fault.reason == "is not an id of the table vehicles"
    del tables["vehicles"]
    assert find_faults(as_csv(tables))[1] == ()


def test_a_vehicle_without_a_permit_is_named_where_others_have_one() -> None:
    tables = clean_tables()
    permit = tables["authorisations"][0]
    for n in range(3):
        row = {"id": f"v-{n}", "kind": "vehicle", "subject": f"bus-{n}"}
        tables["authorisations"].append(permit | row)
    (fault,) = find_faults(as_csv(tables))[1]
    assert (fault.table, fault.row, fault.column) == ("vehicles", 5, "id")
    assert "add its permit" in fault.fix


def test_a_curfew_over_the_start_of_shifts_asks_for_permits_of_vehicles_and_riders() -> None:
    tables = clean_tables()
    tables["curfews"][0] |= {"from_time": "06:00", "to_time": "10:00"}
    (fault,) = find_faults(as_csv(tables))[1]
    assert (fault.table, fault.row, fault.column) == ("curfews", 2, "from_time")
    assert "no vehicle may run then" in fault.reason
    for agent in ("a000", "a010", "a020", "a030", "a040"):
        row = {"id": f"p-{agent}", "kind": "agent", "subject": agent}
        tables["authorisations"].append(tables["authorisations"][0] | row)
    for n in range(4):
        row = {"id": f"v-{n}", "kind": "vehicle", "subject": f"bus-{n}"}
        tables["authorisations"].append(tables["authorisations"][0] | row)
    assert find_faults(as_csv(tables))[1] == ()


def test_a_night_shift_and_two_shifts_that_touch_are_no_fault() -> None:
    tables = clean_tables()
    first, second, third = tables["shifts"][:3]
    first |= {"start": "2026-11-30T22:00", "end": "2026-12-01T06:00"}
    second |= {"start": "2026-12-01T06:00", "end": "2026-12-01T10:00"}
    third |= {"start": "2026-12-01T11:00", "end": "2026-12-01T15:00"}
    del tables["curfews"]
    assert find_faults(as_csv(tables))[1] == ()


def test_offsets_settle_a_shift_over_a_clock_change() -> None:
    tables = clean_tables()
    shift = next(row for row in tables["shifts"] if row["agent"] == "a008")
    shift |= {"start": "2026-10-24T22:00+02:00", "end": "2026-10-25T02:30+01:00"}
    operator, faults = find_faults(as_csv(tables))
    assert faults == ()
    assert operator is not None
    read = next(row for row in operator.shifts if row.agent == "a008")
    assert (read.end - read.start).total_seconds() == 5.5 * 3600


def test_a_long_shift_that_spans_others_overlaps_each_of_them() -> None:
    tables = clean_tables()
    rows = [row for row in tables["shifts"] if row["agent"] == "a000"]
    rows[0] |= {"start": "2026-11-30T06:00", "end": "2026-11-30T20:00"}
    rows[1] |= {"start": "2026-11-30T07:00", "end": "2026-11-30T08:00"}
    rows[2] |= {"start": "2026-11-30T09:00", "end": "2026-11-30T10:00"}
    _, faults = find_faults(as_csv(tables))
    assert places(faults) == Counter([("shifts", 3, "start"), ("shifts", 4, "start")])


@pytest.mark.parametrize(
    ("text", "value"), [("VRAI", True), ("oui", True), ("1", True), ("Yes", True), ("FAUX", False), ("non", False)]
)
def test_truth_is_written_in_several_ways(text: str, value: bool) -> None:
    tables = clean_tables()
    tables["agents"][1]["own_transport"] = text
    operator, _ = find_faults(as_csv(tables))
    assert operator is not None
    assert operator.agents[1].own_transport is value


@pytest.mark.parametrize("text", ["nan", "inf", "80 %", "1 000", "1e999", "0x10", "--1"])
def test_what_is_not_a_finite_number_is_refused(text: str) -> None:
    tables = clean_tables()
    tables["programmes"][0]["patience_s"] = text
    _, faults = find_faults(as_csv(tables))
    assert places(faults) == Counter([("programmes", 2, "patience_s")])
    assert faults[0].value == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("08:00", "is not a date and time"),
        ("1899-12-31 08:30:00", "is a time without a day"),
        ("0026-11-30T08:00", "has a year outside"),
        ("46356", "has no time of day"),
        ("12/31/2026 08:00", "does not exist"),
        ("30/11/26 08:00", "is not a date and time"),
        ("2026-11-30T24:00", "does not exist"),
    ],
)
def test_what_is_not_a_time_says_why(text: str, words: str) -> None:
    tables = clean_tables()
    tables["shifts"][0]["start"] = text
    _, faults = find_faults(as_csv(tables))
    assert places(faults) == Counter([("shifts", 2, "start")])
    assert words in faults[0].reason


def test_a_day_written_with_midnight_is_a_date_and_with_another_time_is_not() -> None:
    tables = clean_tables()
    tables["measures"][0]["valid_from"] = "2026-11-01 00:00:00"
    assert find_faults(as_csv(tables))[1] == ()
    tables["measures"][0]["valid_from"] = "2026-11-01 08:00"
    assert "has a time of day" in find_faults(as_csv(tables))[1][0].reason


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


ENGLISH = ("write ", " is not", " like ", "Mon-Fri", "degrees", "{", "day is")


@pytest.mark.parametrize("name", FRENCH_FAULTS_PLANTS)
def test_a_planted_fault_is_named_once_in_french_with_its_mend(name: str) -> None:
    checked = check_files({"plan.xlsx": workbook(planted_book(name))})
    sentences = describe_faults(checked.faults, load_gettext("fr"), "fr")
    assert (checked.operator, checked.language) == (None, "fr")
    assert len(sentences) == 1, sentences
    said = plain(sentences[0])
    for word in FRENCH_FAULTS_PLANTS[name][1]:
        assert word in said, said
    assert not [word for word in ENGLISH if word in said], said
    assert ";" in said


def test_there_are_thirty() -> None:
    assert len(FRENCH_FAULTS_PLANTS) == 30
