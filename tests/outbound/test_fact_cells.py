"""Cells of a table of facts: every form of each kind that is read, and what is said of others."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from releve.plugins.outbound.engine.errors import FactFaults
from releve.plugins.outbound.engine.fact_files import TABLES, list_columns, must_be_filled
from releve.plugins.outbound.engine.fact_tables import read_tables

AT = "2026-11-20T11:00:00+01:00"
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
TEN = datetime(2026, 11, 20, 10, tzinfo=UTC)


def read(table: str, head: str, row: str) -> dict[str, Any]:
    """Return the only row of a table."""
    frame = read_tables({f"{table}.csv": f"{head}\n{row}\n".encode()})[table]
    (found,) = frame.iter_rows(named=True)
    return found


def fault(table: str, head: str, row: str) -> str:
    with pytest.raises(FactFaults) as raised:
        read(table, head, row)
    return str(raised.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", True), ("true", True), ("yes", True), ("oui", True), ("Oui", True), ("0", False),
     ("false", False), ("no", False), ("non", False), ("FALSE", False), ("", None)],
)  # fmt: skip
def test_a_flag_is_read_in_each_of_its_words(text: str, value: bool | None) -> None:
    row = read("mandates", "id,client,number,first,linked", f"M,A,+33162000001,2026-01-01,{text}")
    assert row["linked"] is value
    head = "id,client,person,requested_at,objects,named"
    assert read("callbacks", head, f"B,A,P1,{AT},gas,{text}")["named"] is bool(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2026-11-20T11:00:00+01:00", TEN),
        ("2026-11-20 11:00:00+01:00", TEN),
        ("2026-11-20T11:00+01:00", TEN),
        ("2026-11-20 10:00Z", TEN),
        ("2026-11-20T10:00:00Z", TEN),
        ("2026-11-20T11:00:00.250+01:00", TEN.replace(microsecond=250_000)),
    ],
)
def test_an_instant_is_read_with_its_offset_in_each_form(text: str, value: datetime) -> None:
    row = read("withdrawals", "client,person,at", f"A,P1,{text}")
    assert (row["at"], row["known_at"]) == (value, value)
    consent = read("consents", "id,client,person,collected_at,objects", f"C,A,P1,{text},gas")
    assert (consent["collected_at"], consent["unreadable"]) == (value, "")


@pytest.mark.parametrize(
    ("table", "head", "row", "said"),
    [
        ("withdrawals", "client,person,at", "A,P1,2026-11-20T11:00:00",
         "withdrawals row 2, at '2026-11-20T11:00:00': not an instant with its offset; "
         "write it like 2026-09-15T11:00:00+02:00"),
        ("contracts", "id,client,person,first", "K,A,P1,20/11",
         "contracts row 2, first '20/11': not a day; write it like 2026-09-15"),
        ("mandates", "id,client,number,first,linked", "M,A,+33162000001,2026-01-01,perhaps",
         "mandates row 2, linked 'perhaps': neither true nor false; write true or false"),
        ("abandoned", "campaign,day,abandoned,handled,known_at", f"K,2026-11-20,few,96,{AT}",
         "abandoned row 2, abandoned 'few': not a number; write it like 1234"),
        ("abandoned", "campaign,day,abandoned,handled", "K,2026-11-20,4,96",
         "abandoned row 2, known_at: empty; fill it"),
        ("refusals", "client,person,at,kind", f"A,P1,{AT},",
         "refusals row 2, kind: empty; fill it"),
        ("withdrawals", "client,person,at", f"A,,{AT}",
         "withdrawals row 2, person: empty; fill it"),
    ],
)  # fmt: skip
def test_a_cell_of_another_form_is_named_with_the_form_meant(table: str, head: str, row: str, said: str) -> None:
    assert fault(table, head, row) == said


def test_a_count_is_read_as_a_whole_number_and_a_day_as_one() -> None:
    head = "campaign,day,abandoned,handled,known_at"
    row = read("abandoned", head, f'K,2026-11-20,"12,0",1 234,{AT}')
    assert (row["abandoned"], row["handled"]) == (12, 1234)
    assert (row["day"], row["known_at"]) == (date(2026, 11, 20), TEN)


@pytest.mark.parametrize("text", ["1,234", "1.234", "1,000", "12.5", "0,5"])
def test_a_count_with_a_fraction_or_a_mark_between_its_thousands_is_a_fault(text: str) -> None:
    head = "campaign,day,abandoned,handled,known_at"
    said = fault("abandoned", head, f'K,2026-11-20,4,"{text}",{AT}')
    assert said.endswith(f"handled '{text}': must be a whole number; write it like 1234")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("462", "no-date"), ("4628", "spreadsheet-serial"), ("46280.5", "spreadsheet-serial"),
        ("46280,25", "spreadsheet-serial"), ("462801", "spreadsheet-serial"),
        ("4628012", "no-date"), ("46280.", "no-date"), ("x46280", "no-date"),
        ("2026-09-15", "no-offset"), ("2026-09-15 11:00", "no-offset"),
        ("2026-09-15T11:00:00", "no-offset"), ("2026-09-15T11", "no-date"),
        ("15/09/2026", "no-date"), ("", "no-date"),
    ],
)  # fmt: skip
def test_why_the_date_of_a_consent_cannot_be_trusted_is_kept(text: str, why: str) -> None:
    row = read("consents", "id;client;person;collected_at;objects", f"C;A;P1;{text};gas")
    assert (row["collected_at"], row["unreadable"], row["known_at"]) == (None, why, LONG_AGO)


def test_no_date_is_trusted_beside_one_that_can_only_have_its_month_first() -> None:
    head = "id,client,person,collected_at,objects"
    rows = [f"C1,A,P1,{AT},gas", "C2,A,P2,11/02/2026 11:00,gas", "C3,A,P3,09/15/2026 11:00,gas"]
    table = "\n".join((head, *rows)).encode()
    frame = read_tables({"consents.csv": table})["consents"]
    assert frame["unreadable"].to_list() == ["", "month-first", "month-first"]
    assert frame["collected_at"].to_list() == [TEN, None, None]
    day_first = table.replace(b"09/15", b"15/09")
    assert read_tables({"consents.csv": day_first})["consents"]["collected_at"].null_count() == 0


def test_a_date_with_its_month_first_makes_faults_of_all_such_dates_of_its_column() -> None:
    rows = "client,person,at\nA,P1,11/02/2026 11:00\nA,P2,9/15/2026 11:00\n"
    with pytest.raises(FactFaults) as raised:
        read_tables({"withdrawals.csv": rows.encode()})
    assert [one.row for one in raised.value.faults] == [2, 3]
    assert "has dates with the month first" in raised.value.faults[0].reason


@pytest.mark.parametrize(
    ("table", "head", "row", "known"),
    [
        ("people", "person,number", "P1,+33144556677", LONG_AGO),
        ("contracts", "id,client,person,first", "K,A,P1,2026-01-01", LONG_AGO),
        ("mandates", "id,client,number,first", "M,A,+33162000001,2026-01-01", LONG_AGO),
        ("consents", "id,client,person,collected_at,objects", f"C,A,P1,{AT},gas", TEN),
        ("callbacks", "id,client,person,requested_at,objects", f"B,A,P1,{AT},gas", TEN),
        ("refusals", "client,person,at", f"A,P1,{AT}", TEN),
        ("attempts", "id,client,person,at", f"1,A,P1,{AT}", TEN),
        ("listings", "list,number,at", f"bloctel,+33144556677,{AT}", TEN),
        ("scrubs", "list,client,at", f"bloctel,A,{AT}", TEN),
    ],
)
def test_a_fact_that_does_not_say_when_it_was_known_was_known_when_it_came_to_be(
    table: str, head: str, row: str, known: datetime
) -> None:
    assert read(table, head, row)["known_at"] == known
    later = "2026-11-25T11:00:00+01:00"
    stated = read(table, f"{head},known_at", f"{row},{later}")["known_at"]
    assert stated == datetime.fromisoformat(later)


def test_what_is_left_out_has_its_default() -> None:
    row = read("people", "person,number,address", "P1,+33144556677,")
    assert (row["kind"], row["address"]) == ("consumer", "")
    refusal = read("refusals", "client,person,at", f",P1,{AT}")
    assert (refusal["client"], refusal["kind"], refusal["basis"]) == ("", "refusal", "")
    consent = read("consents", "id,client,person,collected_at,objects", f"C,A,P1,{AT},gas|")
    assert (consent["objects"], consent["items"], consent["until"]) == (["gas"], [], None)
    assert (consent["proof"], consent["act"], consent["slot_from"]) == ("", "", None)


NEEDED = {"collected_at": AT, "requested_at": AT, "read_at": AT, "at": AT, "first": "2026-01-01",
          "day": "2026-11-20", "number": "+33144556677", "objects": "gas", "list": "rpo",
          "feed": "consents", "abandoned": "1", "handled": "2"}  # fmt: skip
DEFAULTS = {"text": "", "words": [], "flag": False, "instant": None, "day": None}
OTHERS = {("people", "kind"): "consumer", ("refusals", "kind"): "refusal", ("mandates", "linked"): None}


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("empty", [True, False])
def test_a_column_that_is_left_out_or_empty_says_nothing(table: str, empty: bool) -> None:
    columns = list_columns(table)
    cells = {name: NEEDED.get(name, "x") for name, (_, must) in columns.items() if must}
    known = {"known_at": AT} if "known_at" in columns else {}
    left = {name: kind for name, (kind, must) in columns.items() if not must and name not in known}
    if empty:
        known |= {name: "" for name in left if not must_be_filled(table, name)}
    given = cells | known
    row = read(table, ",".join(given), ",".join(given.values()))
    assert {name: row[name] for name in left} == {
        name: OTHERS.get((table, name), DEFAULTS[kind]) for name, kind in left.items()
    }
