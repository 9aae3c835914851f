"""Territories and prefixes of a law's files: what is none is said with its fix and left out."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from releve.plugins.outbound.engine.numbers import Prefix
from releve.plugins.outbound.engine.rule_files import read_day, read_numbers, read_territories

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
