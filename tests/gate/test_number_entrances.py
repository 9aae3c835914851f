"""Every entrance reads a number alike: tables, commands, requests, the gate, screening."""

from __future__ import annotations

from datetime import date
from urllib.parse import quote

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from releve.plugins.outbound.engine import FactFaults, built_in_rules
from releve.plugins.outbound.engine.fact_tables import read_tables
from releve.plugins.outbound.engine.numbers import mark_miswritten_numbers, normalize_shown_numbers, parse_number_column
from releve.plugins.outbound.gate.person_requests import PhoneRequest, RequestFaults, record_request
from releve.plugins.outbound.gate.protocol import parse_question
from releve.plugins.outbound.gate.pseudonyms import find_number_fault, number_text
from tests.gate.sample_campaign import record_people

DAY = date(2026, 11, 24)
PLAN = built_in_rules().numbers
INVISIBLE = "\u00ad\u200b\u200c\u200d\u200e\u200f\u202a\u202c\u2060\u2066\u2069\ufeff"
SPACES = "\x1c\u0085\u00a0\u1680\u2007\u2009\u202f\u205f\u3000\u2028"
DASHES = "\u2010\u2011\u2012\u2013\u2014\ufe63\uff0d"
FULL_WIDTH = {ord(one): chr(ord(one) + 0xFEE0) for one in "0123456789+().-/"}
OTHER_DIGITS = ("٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹", "०१२३४५६७८९", "⁰¹²³⁴⁵⁶⁷⁸⁹", "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗")
BLANK = "\u2800\u3164\ufe0f\u034f"
"""Characters that look like nothing and are none of the above: they are refused everywhere."""


def meaning(text: str) -> tuple[str, str]:
    """Return the number that the plain engine reads, and its fault."""
    found = PLAN.number(text, DAY)
    return found.text, found.fault


def assert_entrances_agree(text: str) -> None:
    number, fault = meaning(text)
    miswritten = PLAN.find_form_fault(text)
    column = pl.Series("number", [text, "0144556677"])
    assert parse_number_column(column, PLAN, DAY).row(0)[:2] == (number, fault)
    assert mark_miswritten_numbers(column, PLAN)[0] == bool(miswritten)
    assert normalize_shown_numbers(column, PLAN, date.max)[0] == number_text(text) == number
    assert find_number_fault(text) == find_number_fault(number_text(text)) == miswritten
    asked = parse_question(f"to={quote(text)}&cli={quote(text)}&camp=spring&ci=A&cs=1")
    if asked is not None:
        assert (number_text(asked.to), meaning(asked.cli)) == (number, (number, fault))
    elif len(number) <= 40:
        assert miswritten


def spell(draw: st.DrawFn) -> str:
    number = draw(st.sampled_from(["0144556677", "+33144556677", "0033612345678", "+262692123456",
                                   "0692123456", "+34911222333", "3639", "612345678"]))  # fmt: skip
    parts = list(number)
    for _ in range(draw(st.integers(0, 6))):
        place = draw(st.integers(0, len(parts) - 1))
        what = draw(st.sampled_from(["blank", "wide", "digit", "insert"]))
        if what == "insert":
            parts.insert(place, draw(st.sampled_from([*INVISIBLE, *SPACES, *DASHES, " ", "(0)"])))
        elif what == "blank":
            parts.insert(place, draw(st.sampled_from([*BLANK])))
        elif what == "wide":
            parts[place] = parts[place].translate(FULL_WIDTH)
        elif parts[place].isascii() and parts[place].isdecimal():
            parts[place] = draw(st.sampled_from(OTHER_DIGITS))[int(parts[place])]
    return "".join(parts)


@given(st.composite(spell)())
def test_all_entrances_agree_on_numbers_with_odd_characters(text: str) -> None:
    assert_entrances_agree(text)


@given(st.text(st.characters(blacklist_categories=("Cs",)), max_size=30))
def test_all_entrances_agree_on_any_text(text: str) -> None:
    assert_entrances_agree(text)


@pytest.mark.parametrize("character", [*INVISIBLE, *SPACES, *DASHES])
def test_a_number_with_an_invisible_character_space_or_dash_is_the_number(character: str) -> None:
    for text in (f"01{character}44556677", f"{character}0144556677", f"0144556677{character}"):
        assert meaning(text) == ("+33144556677", "")
        assert_entrances_agree(text)


def test_a_full_width_number_is_the_number() -> None:
    for text in ("0144556677", "+33144556677", "+33 (0)1.44-55/66 77"):
        wide = text.translate(FULL_WIDTH)
        assert meaning(wide) == ("+33144556677", "")
        assert_entrances_agree(wide)


@pytest.mark.parametrize("digits", OTHER_DIGITS)
def test_digits_of_another_script_are_refused_everywhere(digits: str) -> None:
    national = "".join(digits[int(one)] for one in "0144556677")
    for text in (national, f"01{national[2:]}", f"0144556{national[7:]}", f"+33{national[1:]}"):
        assert meaning(text)[1] == "foreign-digits"
        assert_entrances_agree(text)


@pytest.mark.parametrize("character", [*BLANK])
def test_a_blank_that_is_no_space_is_refused_everywhere(character: str) -> None:
    text = f"01{character}44556677"
    assert meaning(text)[1]
    assert_entrances_agree(text)


@pytest.mark.parametrize(
    ("table", "head", "cells"),
    [
        ("people", "person,number", "P1,{}"),
        ("listings", "list,number,at", "bloctel,{},2026-09-15T11:00:00+02:00"),
        ("withdrawals", "client,person,at", "A,{},2026-09-15T11:00:00+02:00"),
        ("mandates", "id,client,number,first", "M1,A,{},2026-01-01"),
    ],
)
def test_a_table_refuses_digits_of_another_script_and_names_the_number_meant(table: str, head: str, cells: str) -> None:
    people = {} if table == "people" else {"people.csv": b"person,number\nP1,0144500001\n"}
    files = people | {f"{table}.csv": f"{head}\n{cells.format('٠١44500001')}\n".encode()}
    with pytest.raises(FactFaults) as refused:
        read_tables(files, whole=True, strict=False)
    assert "digits of a script other than 0 to 9; write '0144500001'" in str(refused.value)


@pytest.mark.database
@pytest.mark.parametrize("number", ["٠١44500001", "01９９００００0", "+3314450000", "0144\u316400001"])
def test_a_request_refuses_a_number_that_tables_refuse(db: None, number: str) -> None:
    record_people([1])
    with pytest.raises(RequestFaults) as refused:
        record_request(PhoneRequest("K1", number, "stop"), by="dialler")
    assert [(fault.field, fault.code) for fault in refused.value.faults] == [("number", "number.unreadable")]


@pytest.mark.database
def test_a_request_by_a_full_width_number_binds_its_holder(db: None) -> None:
    record_people([1])
    number = "01\u200b\uff14\uff14\u00a0500001"
    assert record_request(PhoneRequest("K1", number, "stop"), by="dialler").persons == 1
