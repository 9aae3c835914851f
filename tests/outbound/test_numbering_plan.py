"""Prefixes against Arcep's blocks, territories of a law's files, and the hours rule."""

from __future__ import annotations

import csv
import gzip
import os
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import holidays as library
import numpy as np
import polars as pl
import pytest

from releve.network.moments import UTC, zone
from releve.plugins.outbound.engine.facts import Facts, Mandate, Watermark
from releve.plugins.outbound.engine.hours import (
    HolidayRules,
    WeekHours,
    add_working_days,
    compute_easter,
    find_closing,
    find_opening,
    list_windows,
    parse_windows,
)
from releve.plugins.outbound.engine.judged_call import Call
from releve.plugins.outbound.engine.numbers import (
    NumberTable,
    Prefix,
    mark_miswritten_numbers,
    normalize_shown_numbers,
    parse_number_column,
)
from releve.plugins.outbound.engine.rule_files import (
    built_in_rules,
    built_in_texts,
    load_rules,
    read_day,
    read_numbers,
    read_territories,
)
from releve.plugins.outbound.engine.verdict import find_next_allowed

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


GOOD = {"code": "FR", "zone": "Europe/Paris", "jurisdiction": "FR", "fr": "France"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"zone": "Europe/Pariss"}, ["territory FR: no time zone 'Europe/Pariss'; write one of IANA's"]),
        ({"zone": None}, ["territory FR: no time zone None; write one of IANA's"]),
        ({"jurisdiction": ""}, ["territory FR: no jurisdiction; write jurisdiction:"]),
        ({"jurisdiction": None}, ["territory FR: no jurisdiction; write jurisdiction:"]),
        ({"jurisdiction": "ANY"}, ["territory FR: no jurisdiction; write jurisdiction:"]),
        ({}, []),
    ],
)
def test_a_territory_without_a_zone_or_a_jurisdiction_is_left_out(change: dict[str, Any], said: list[str]) -> None:
    faults: list[str] = []
    other = {**GOOD, "code": "MA", "postcodes": [20000]}
    found = read_territories([{**GOOD, **change}, other], lambda *one: faults.append("; ".join(one)))
    assert faults == said
    assert [one.code for one in found] == (["MA"] if said else ["FR", "MA"])
    assert (found[-1].postcodes, found[-1].name.fr, found[-1].name.en) == (("20000",), "France", "MA")


@pytest.mark.parametrize("prefix", ["33162", "+33 162", "+", "+33a", None])
def test_a_prefix_that_is_none_is_left_out(prefix: str | None) -> None:
    faults: list[str] = []
    entries = [{"prefix": one, "class": "geographic"} for one in (prefix, "+33162")]
    table = read_numbers({"prefixes": entries}, lambda *one: faults.append("; ".join(one)))
    assert faults == [f"prefix {str(prefix)!r} is not + and digits; write it like +33162"]
    assert [(one.prefix, one.callee, one.length) for one in table.prefixes] == [("+33162", True, None)]


def test_a_prefix_is_read_with_all_that_is_said_of_it() -> None:
    first, last = date(2026, 1, 1), date(2027, 6, 30)
    entry = {"prefix": "+33162", "class": "business", "territories": ["FR", "RE"],
             "callee": False, "length": 9, "from": first, "to": last, "sure": ["FR"]}  # fmt: skip
    rewrites = [{"national": ["0262", "0263"], "country": "+262"}]
    short = [{"pattern": "3[0-9]{3}", "class": "short"}]
    document = {"prefixes": [entry], "rewrites": rewrites, "short": short}
    table = read_numbers(document, pytest.fail)
    assert table.prefixes == (Prefix("+33162", "business", ("FR", "RE"), False, 9, first, last, ("FR",)),)
    assert table.rewrites == (("0262", "+262"), ("0263", "+262"))
    assert table.shown("3631", first).number_class == "short"
    assert [table.number("+33162000001", day).number_class for day in (first, last)] == ["business"] * 2


def test_a_day_that_is_none_is_said() -> None:
    faults: list[str] = []
    days = (None, date(2026, 8, 11), "2026-08-11")
    found = [read_day(day, "from", lambda *said: faults.append("; ".join(said))) for day in days]
    assert found == [None, date(2026, 8, 11), None]
    assert faults == ["from '2026-08-11' is not a day; write from: 2026-08-11"]


PLACES = (
    "Europe/Paris", "America/Guadeloupe", "America/Cayenne", "Indian/Reunion", "Indian/Mayotte",
    "America/Miquelon", "Pacific/Noumea", "Pacific/Tahiti",
)  # fmt: skip
EVERY = int(os.environ.get("RELEVE_TEST_GRID", "7"))
"""Of the five minutes of four years, every so many are asked for their next opening: 1 is all."""
ADDRESSES = ("FR", "GP", "GF", "RE", "YT", "PM", "NC", "PF")
WITHOUT_REGISTERS = "\n".join(
    ["jurisdiction: FR", "rows:"]
    + [f"- {{closes: {name}, from: 2023-12-01}}" for name in ("FR-BLOCTEL-1", "FR-BLOCTEL-2")]
)
"""What is not the clock's is out of the way."""
FIRST, LAST = datetime(2024, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)


def french() -> WeekHours:
    rows = {row.kind: row for row in built_in_rules().of("FR") if row.kind in ("hours", "holidays")}
    return WeekHours(rows["hours"].parameters["windows"], rows["holidays"].parameters["days"])


def plainly_open(moment: datetime, zone_name: str, off: set[date]) -> bool:
    """The rule as the decree writes it, on the wall clock of one place."""
    local = moment.astimezone(zone(zone_name))
    if local.weekday() > 4 or local.date() in off:
        return False
    return local.hour in (10, 11, 12) or 14 <= local.hour < 20


def grid(first: datetime, last: datetime, minutes: int = 5) -> np.ndarray:
    start, end = int(first.timestamp()), int(last.timestamp())
    return np.arange(start, end, 60 * minutes, dtype=np.int64)


def mark_open(zone_name: str, seconds: np.ndarray) -> np.ndarray:
    """Return ``open[instant]`` of the French hours, from the windows of every day."""
    first, last = (datetime.fromtimestamp(int(end), UTC).date() for end in seconds[[0, -1]])
    days = [first + timedelta(days=number) for number in range(-1, (last - first).days + 2)]
    spans = [span for day in days for span in list_windows(french(), zone_name, day)]
    edges = np.array([edge.timestamp() for span in spans for edge in span])
    return np.searchsorted(edges, seconds, side="right") % 2 == 1


def official(years: range) -> set[date]:
    return set(library.country_holidays("FR", years=years))


@pytest.mark.parametrize("zone_name", PLACES)
def test_the_fast_rule_is_the_plain_one_around_the_changes_of_the_clocks(zone_name: str) -> None:
    off = official(range(2026, 2028))
    for month, day in ((3, 28), (10, 24), (10, 31)):
        start = datetime(2026, month, day, tzinfo=UTC)
        seconds = grid(start, start + timedelta(days=4))
        fast = mark_open(zone_name, seconds)
        plain = [plainly_open(datetime.fromtimestamp(s, UTC), zone_name, off) for s in seconds]
        assert fast.tolist() == plain


@pytest.mark.slow
@pytest.mark.parametrize("zone_name", PLACES)
def test_the_fast_rule_is_the_plain_one_on_every_five_minutes_of_four_years(zone_name: str) -> None:
    off = official(range(2023, 2029))
    seconds = grid(FIRST, LAST)
    fast = mark_open(zone_name, seconds)
    plain = [plainly_open(datetime.fromtimestamp(s, UTC), zone_name, off) for s in seconds.tolist()]
    assert fast.tolist() == plain


@pytest.mark.slow
@pytest.mark.parametrize("zone_name", PLACES)
def test_the_next_opening_is_the_first_open_instant_of_four_years(zone_name: str) -> None:
    seconds = grid(FIRST, LAST)
    opened = mark_open(zone_name, seconds)
    following = np.where(opened, seconds, np.iinfo(np.int64).max)
    following = np.minimum.accumulate(following[::-1])[::-1]
    for i in range(0, len(seconds) - 2000, EVERY):
        moment = datetime.fromtimestamp(int(seconds[i]), UTC)
        found = find_opening(french(), (zone_name,), moment)
        assert found is not None
        assert int(found.timestamp()) == following[i]


@pytest.mark.slow
@pytest.mark.parametrize(("zone_name", "address"), list(zip(PLACES, ADDRESSES, strict=True)))
def test_the_next_allowed_instant_is_the_first_open_one_of_four_years(zone_name: str, address: str) -> None:
    """The whole engine on a call that nothing but the clock refuses, hours of the text and ours."""
    rules, whole = built_in_rules(), grid(FIRST, LAST)
    call = Call("A", "+33144556677", FIRST, "press", "3001", person="P", address=address, sector="press")
    mandate = Mandate("M", "A", "3001", date(2000, 1, 1), None, FIRST)
    marks = [Watermark(feed, LAST) for feed in ("attempts", "consents", "refusals", "withdrawals")]
    facts = Facts(mandates=[mandate], watermarks=marks)
    local = next((r.parameters["days"] for r in rules.rows if r.kind == "local_holidays"), {})
    opened = mark_open(zone_name, whole)
    days = [datetime.fromtimestamp(int(s), zone(zone_name)).date() for s in whole[::12]]
    off = np.array([address in local and local[address].is_holiday(day) for day in days])
    opened &= ~np.repeat(off, 12)
    following = np.where(opened, whole, np.iinfo(np.int64).max)
    following = np.minimum.accumulate(following[::-1])[::-1]
    closed = load_rules({**built_in_texts(), "~.yaml": WITHOUT_REGISTERS})
    for i in range(0, len(whole) - 2000, EVERY * 571):
        moved = call.moved_to(datetime.fromtimestamp(int(whole[i]), UTC))
        found = find_next_allowed(moved, facts, closed, LAST)
        assert found is not None
        assert int(found.timestamp()) == following[i]


def test_two_places_are_open_only_together() -> None:
    both = ("Indian/Reunion", "America/Guadeloupe")
    moment = datetime(2026, 11, 24, 6, tzinfo=UTC)
    found = find_opening(french(), both, moment)
    assert found == datetime(2026, 11, 24, 14, tzinfo=UTC)
    # In summer time Paris opens at 19:00 in Nouméa: the two first meet after the clocks change.
    summer = datetime(2027, 3, 30, 8, tzinfo=UTC)
    assert find_opening(french(), ("Europe/Paris", "Pacific/Noumea"), moment) == summer
    assert find_opening(french(), ("Indian/Reunion", "Pacific/Tahiti"), moment) is None


def test_a_week_that_never_opens_has_no_next_opening() -> None:
    never = WeekHours(((),) * 7)
    assert find_opening(never, ("Europe/Paris",), datetime(2026, 1, 1, tzinfo=UTC)) is None


def test_the_eleven_holidays_are_those_of_an_independent_library() -> None:
    rules = french().holidays
    for year in range(2016, 2041):
        days = [date(year, 1, 1) + timedelta(days=n) for n in range(366)]
        ours = {day for day in days if day.year == year and rules.is_holiday(day)}
        assert ours == official(range(year, year + 1))


def test_easter_is_the_one_of_the_almanac() -> None:
    known = {1999: (4, 4), 2100: (3, 28), 2024: (3, 31), 2025: (4, 20), 2026: (4, 5), 2027: (3, 28), 2038: (4, 25)}
    assert {year: (compute_easter(year).month, compute_easter(year).day) for year in known} == known


def test_working_days_count_saturdays_and_neither_sundays_nor_holidays() -> None:
    eleven = HolidayRules(((11, 11),), ())
    assert add_working_days(date(2026, 11, 5), 5, eleven) == date(2026, 11, 12)
    assert add_working_days(date(2026, 11, 6), 1, eleven) == date(2026, 11, 7)
    assert add_working_days(date(2026, 11, 7), 1, eleven) == date(2026, 11, 9)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"someday": ["10:00-13:00"]}, "not a weekday"),
        ({"friday-monday": ["10:00-13:00"]}, "backwards"),
        ({"monday": ["10-13"]}, "HH:MM"),
        ({"monday": ["13:00-10:00"]}, "before it starts"),
        ({"monday": ["10:00-13:00", "12:00-14:00"]}, "overlaps"),
    ],
)
def test_windows_that_are_none_are_refused(table: dict[str, list[str]], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_windows(table)


def test_a_window_may_begin_and_end_a_minute_before_the_hour() -> None:
    hours = WeekHours(parse_windows({"tuesday": ["08:59-19:59"]}))
    paris = ("Europe/Paris",)
    night = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
    assert find_opening(hours, paris, night) == datetime(2026, 11, 24, 7, 59, tzinfo=UTC)
    noon = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
    assert find_closing(hours, paris, noon) == datetime(2026, 11, 24, 18, 59, tzinfo=UTC)
