"""The prefixes against Arcep's blocks: every block of subscribers is understood and placed."""

from __future__ import annotations

import csv
import gzip
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from releve.plugins.outbound.engine import built_in_rules
from releve.plugins.outbound.engine.numbers import (
    NumberTable,
    Prefix,
    mark_miswritten_numbers,
    normalize_shown_numbers,
    parse_number_column,
)

DAY = date(2026, 11, 24)
ISLANDS = {
    "Guadeloupe St Martin et St Barthélemy": {"GP", "BL", "MF"},
    "Martinique": {"MQ"},
    "Guyane": {"GF"},
    "La Réunion": {"RE"},
    "La Réunion - Océan indien": {"RE", "YT"},
    "Mayotte": {"YT"},
    "Saint Pierre et Miquelon": {"PM"},
}
MAINLAND = {"FR", "FR-AM"}


def blocks(folder: Path) -> list[tuple[str, set[str]]]:
    """Return the first number of each block of nine digits, and where Arcep says it is."""
    with gzip.open(folder / "num_ranges.csv.gz", "rt", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    places = {**ISLANDS, "Métropole": MAINLAND}
    return [
        (f"0{row['num_debut']}", places[row["zone"]])
        for row in rows
        if len(row["num_debut"]) == 9 and row["zone"] in places
    ]


@pytest.mark.realdata
def test_every_block_of_the_plan_is_a_number_of_its_territory(shared_data: Path) -> None:
    numbers, strange = built_in_rules().numbers, []
    found = blocks(shared_data / "fr_numbering_arcep")
    for number, places in found:
        meant = numbers.number(number, DAY)
        if meant.fault or not places.intersection(meant.territories):
            strange.append((number, places, meant))
    assert len(found) > 15_000
    assert strange == []


@pytest.mark.parametrize(
    ("written", "number", "territories"),
    [
        ("0709 00 12 34", "+590709001234", ("GP", "BL", "MF")),
        ("+590 709 04 12 34", "+590709041234", ("GP", "BL", "MF")),
        ("0709 10 12 34", "+596709101234", ("MQ",)),
        ("0709 32 12 34", "+594709321234", ("GF",)),
        ("0709 36 12 34", "+262709361234", ("RE", "YT")),
        ("0709 20 12 34", "+262709201234", ("RE", "YT")),
        ("0708 56 12 34", "+508708561234", ("PM",)),
        ("0508 41 12 34", "+508508411234", ("PM",)),
        ("+508 41 12 34", "+508411234", ("PM",)),
        ("09 76 40 12 34", "+594976401234", ("GF",)),
        ("0939 97 12 34", "+262939971234", ("RE", "YT")),
    ],
)
def test_an_overseas_number_is_read_as_its_own(written: str, number: str, territories: tuple[str, ...]) -> None:
    meant = built_in_rules().numbers.number(written, DAY)
    assert (meant.text, meant.territories, meant.fault) == (number, territories, "")


@pytest.mark.parametrize(
    ("forms", "number"),
    [
        (("0144556677", "+33144556677", "0033144556677", "+330144556677", "00330144556677"),
         "+33144556677"),
        (("0262112233", "+33262112233", "0033262112233", "+330262112233", "00330262112233",
          "+262262112233", "00262262112233"), "+262262112233"),
        (("+212612345678", "00212612345678"), "+212612345678"),
    ],
)  # fmt: skip
def test_a_number_is_one_in_every_form_in_which_it_is_written(forms: tuple[str, ...], number: str) -> None:
    table = built_in_rules().numbers
    assert [table.number(form, DAY).text for form in forms] == [number] * len(forms)
    column = parse_number_column(pl.Series(forms), table, DAY)
    assert column["number"].to_list() == [number] * len(forms)
    assert not any(column["fault"])


@pytest.mark.parametrize(
    "number",
    ["+979123456789", "+449091234567", "+80012345678", "+80812345678", "+448001111111",
     "+870773111632", "+88213300655", "+491801234567"],
)  # fmt: skip
def test_a_number_of_no_person_abroad_is_no_subscriber(number: str) -> None:
    assert built_in_rules().numbers.number(number, DAY).fault == "not-a-subscriber"


@pytest.mark.parametrize("number", ["+447911123456", "+212612345678", "+4915112345678"])
def test_a_subscriber_abroad_is_a_number_of_another_country(number: str) -> None:
    meant = built_in_rules().numbers.number(number, DAY)
    assert (meant.number_class, meant.fault, meant.callee) == ("foreign", "", True)


def test_numbers_abroad_are_each_understood_by_all_their_digits() -> None:
    written = ["+994900200123", "+994900207509", "+305005000123", "+305005005063", "0144556677"]
    table = built_in_rules().numbers
    found = parse_number_column(pl.Series(written), table, DAY)
    meant = [table.number(number, DAY) for number in written]
    assert found["number"].to_list() == [number.text for number in meant]
    assert found["fault"].to_list() == [number.fault for number in meant]
    assert {number.fault for number in meant} == {"", "not-a-subscriber"}


@pytest.mark.parametrize("start", ["+", "00", "0", "+330", "00330"])
def test_numbers_of_a_column_are_read_like_each_by_itself(start: str) -> None:
    table = built_in_rules().numbers
    own = "+" if start in ("+", "00") else "+33"
    bodies = [one.prefix.removeprefix(own) for one in table.prefixes if one.prefix.startswith(own)]
    ends = [f"{body[:-1]}{last}" for body in bodies for last in range(10)]
    written = [f"{start}{end}{'0' * more}" for end in ends for more in (3, 4, 5, 6)]
    found = parse_number_column(pl.Series(written), table, DAY)
    meant = [table.number(number, DAY) for number in written]
    assert found["fault"].to_list() == [number.fault for number in meant]
    assert found["territories"].to_list() == ["|".join(number.territories) for number in meant]
    read = [number.text for number in meant if not number.fault]
    assert found.filter(pl.col("fault") == "")["number"].to_list() == read
    assert read


@pytest.mark.parametrize("start", ["+33", "0033", "0", "+330", "00330"])
def test_kinds_of_numbers_go_as_far_as_the_longest_prefix(start: str) -> None:
    """Of a table whose longest prefix is of France, written in the longest way as well."""
    rows = Prefix("+3316210", "npv", ("FR",)), Prefix("+3316211", "npv", ("MQ",))
    table = NumberTable(rows, (), ())
    written = [f"{start}162{last}0123" for last in ("10", "11")]
    found = parse_number_column(pl.Series(written), table, DAY)
    assert found["territories"].to_list() == ["FR", "MQ"]
    assert found["number"].to_list() == ["+33162100123", "+33162110123"]


@pytest.mark.parametrize("number", ["+33300000000", "+590300000000", "+594300000000", "+596300000000", "+262300000000"])
def test_a_number_of_france_that_no_block_holds_is_not_allocated(number: str) -> None:
    table = NumberTable((Prefix("+33162", "npv"),), (), ())
    meant = table.number(number.replace("3000", "6900", 1), DAY)
    assert (meant.fault, meant.number_class, meant.callee) == ("not-allocated", "", False)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "empty"),
        ("144556677", "leading-zero-lost"),
        ("1.44E+08", "spreadsheet-figure"),
        ("+33", "malformed"),
        ("+3314455667", "wrong-length"),
        ("0144556677", ""),
        ("3001", "malformed"),
    ],
)
def test_what_is_wrong_with_how_a_number_is_written_is_so_on_every_day(text: str, fault: str) -> None:
    table = built_in_rules().numbers
    assert table.find_form_fault(text) == fault
    assert table.find_form_fault(text, shown=True) == ("" if text == "3001" else fault)
    timeless = NumberTable((Prefix("+33144", "geographic", length=9),), (), ())
    assert timeless.find_form_fault(text) == fault
    assert mark_miswritten_numbers(pl.Series([text, None]), table).to_list() == [bool(fault), True]


def test_a_number_that_was_well_written_once_is_not_miswritten() -> None:
    end = date(2026, 6, 30)
    long = Prefix("+33162", "npv", length=9, last=end)
    short = Prefix("+33162", "npv", length=8, first=date(2026, 7, 1))
    table = NumberTable((long, short), (), ())
    assert table.find_form_fault("+33162000001") == table.find_form_fault("+3316200001") == ""
    assert table.find_form_fault("+331620000") == "wrong-length"


def test_an_empty_cell_is_no_number_and_a_short_number_is_shown_alone() -> None:
    table = built_in_rules().numbers
    found = parse_number_column(pl.Series([None, "0144556677"], dtype=pl.String), table, DAY)
    assert found.rows()[0] == ("", "empty", "")
    shown = normalize_shown_numbers(pl.Series([None, "3001"], dtype=pl.String), table, DAY)
    assert shown.to_list() == ["", "3001"]
    assert not table.shown("3001", DAY).callee
    assert not table.number("3001", DAY).callee
