"""The table of known absences: read like the others, its faults named with the row and the mend."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import fastexcel
import pytest

from releve.network import check_files, find_faults, write_operator
from releve.network.workbook import write_template, write_workbook
from tests.network.clean_tables import as_csv, clean_tables

WHOLE = {"agent": "a001", "start": "2026-12-07T00:00", "end": "2026-12-12T00:00", "kind": "leave"}


def with_absences(*rows: Mapping[str, str]) -> dict[str, bytes]:
    tables = clean_tables()
    tables["absences"] = [dict(row) for row in rows]
    return as_csv(tables)


def test_an_absence_is_read_in_the_time_of_the_home_site_and_written_back() -> None:
    training = {
        "agent": "a002",
        "start": "2026-12-02T10:00+01:00",
        "end": "2026-12-02T12:00+01:00",
        "kind": "formation",
    }
    operator = check_files(with_absences(WHOLE, training)).operator
    assert operator is not None
    leave, course = operator.absences
    zone = operator.site[operator.agent["a001"].home_site].time_zone
    assert leave.start.astimezone(UTC) == leave.start
    assert (zone, leave.start, leave.kind) == ("Africa/Casablanca", datetime(2026, 12, 7, tzinfo=UTC), "leave")
    assert (course.start, course.kind) == (datetime(2026, 12, 2, 9, tzinfo=UTC), "training")
    assert operator.away["a002"] == ((course.start, course.end),)
    for language in ("en", "fr"):
        again, faults = find_faults(write_operator(operator, language))
        assert not faults
        assert again is not None
        assert again.absences == operator.absences
    book = find_faults({"operator.xlsx": write_workbook(operator, "fr")})
    assert book[0] is not None
    assert book[0].absences == operator.absences


@pytest.mark.parametrize("word", ["sickness", "Arrêt maladie", "maladie"])
def test_sickness_is_stored_as_an_absence_without_a_reason(word: str) -> None:
    operator = check_files(with_absences(WHOLE | {"kind": word})).operator
    assert operator is not None
    assert [row.kind for row in operator.absences] == ["absent"]
    assert word.encode() not in b"".join(write_operator(operator).values())


@pytest.mark.parametrize(
    ("cells", "column", "reason", "fix"),
    [
        ({"end": "2026-12-07T00:00"}, "end", "does not end after it starts", "available again"),
        ({"end": "2028-12-07T00:00"}, "end", "731 days, more than 366", "mend its year"),
        ({"agent": "a999"}, "agent", "a999", ""),
        ({"kind": "strike"}, "kind", "strike", "leave"),
        ({"start": "2026-12-07"}, "start", "time of day", "2026"),
    ],
)
def test_a_faulty_absence_is_named_with_its_row_and_the_mend(
    cells: dict[str, str], column: str, reason: str, fix: str
) -> None:
    (fault,) = check_files(with_absences(WHOLE | {"agent": "a003"}, WHOLE | cells)).faults
    assert (fault.table, fault.row, fault.column) == ("absences", 3, column)
    assert reason in f"{fault.reason} {fault.value}"
    assert fix in str(fault.fix)


def test_two_absences_of_one_agent_from_one_time_on_are_a_fault_that_names_the_first() -> None:
    (fault,) = check_files(with_absences(WHOLE, WHOLE | {"end": "2026-12-10T00:00"})).faults
    assert (fault.row, fault.column) == (3, "start")
    assert "row 2" in fault.reason


def test_the_template_has_a_sheet_of_absences_with_days_and_times_in_one_cell() -> None:
    sheet = fastexcel.read_excel(write_template("en")).load_sheet("Absences", header_row=None, dtypes="string")
    assert sheet.to_polars().row(0) == ("Agent", "From", "Back from", "Kind")


def test_an_operator_without_absences_writes_no_such_table() -> None:
    operator = check_files(with_absences(WHOLE)).operator
    assert operator is not None
    assert "absences.csv" in write_operator(operator)
    assert "absences.csv" not in write_operator(replace(operator, absences=()))
