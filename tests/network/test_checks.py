"""Every planted fault is named where it is, once, and nothing else is."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from releve.network import Fault, find_faults
from tests.network.clean_tables import as_csv, as_french_csv, as_workbook, clean_tables
from tests.network.planted_faults import PLANTS, THIRTY, planted


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
