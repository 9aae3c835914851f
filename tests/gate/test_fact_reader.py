"""Facts about a call read from the database equal those of the engine's folder of facts."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from releve.plugins.outbound.engine import Call, CallVerdict, built_in_rules, judge_call
from releve.plugins.outbound.engine.fact_tables import build_facts
from releve.plugins.outbound.gate.fact_import import load_frames
from releve.plugins.outbound.gate.fact_reader import CampaignFacts, CampaignTerms, FactSet, read_facts, to_db_instant
from releve.plugins.outbound.gate.pseudonyms import person_pseudonym
from releve.plugins.outbound.gate.sql import TABLES, parse_day, parse_instant
from tests.outbound.people import people_of
from tests.outbound.table import CALLER, CLIENT

pytestmark = [pytest.mark.database, pytest.mark.django_db]

DAYS = ("2026-08-10T10:30:00+02:00", "2026-11-24T10:30:00+01:00")


def without_person(found: CallVerdict) -> Any:
    """Return what a verdict says, without the name of the person."""
    return (
        found.legal, found.allowed, found.rules, found.basis, found.attempts, found.jurisdiction,
        found.until, found.next_allowed, [(row.row.id, row.by.id) for row in found.lifted],
        [mark.read_at for mark in found.watermarks],
    )  # fmt: skip


@pytest.mark.parametrize("day", DAYS)
def test_the_verdict_from_the_database_is_that_of_the_folder_of_facts(day: str) -> None:
    now = datetime.fromisoformat(day)
    people, frames = people_of(150, now, seed=7, slips=False)
    load_frames(frames, source="tests", by="tests", as_known=True)
    rules, facts = built_in_rules(), build_facts(frames)
    reasons: set[str] = set()
    for place, row in enumerate(people.iter_rows(named=True)):
        for known_at in (now, now - timedelta(days=20))[: 1 + (place % 4 == 0)]:
            call = Call(CLIENT, row["number"], now, "electricity", CALLER, person=row["person"],
                        address=row["address"], callee=row["callee"], campaign="K",
                        sector="energy-supply")  # fmt: skip
            expected = judge_call(call, facts, rules, known_at)
            known = read_facts(CLIENT, row["number"], known_at, person=row["person"], campaign="K")
            named = dataclasses.replace(call, person=person_pseudonym(row["person"]))
            found = judge_call(named, _under(known, expected), rules, known_at)
            assert without_person(found) == without_person(expected), (call, found.rules, expected.rules)
            reasons |= set(expected.rules)
    assert len(reasons) >= 12


def _under(known: Any, expected: CallVerdict) -> Any:
    """The facts, the number written as the engine understands it."""
    for name in ("people", "listings"):
        for _, cells in known.tables[name]:
            if cells["number"] == known.number:
                cells["number"] = expected.number
    return known.facts()


def test_each_fact_is_read_once_whoever_is_named() -> None:
    now = datetime.fromisoformat(DAYS[1])
    people, frames = people_of(40, now, seed=7, slips=False)
    load_frames(frames, source="tests", by="tests", as_known=True)
    holders = 0
    for row in people.iter_rows(named=True):
        own = read_facts(CLIENT, row["number"], now, campaign="K")
        named = read_facts(CLIENT, row["number"], now, person=row["person"], campaign="K")
        if person_pseudonym(row["person"]) in own.persons():
            assert named.serialize() == own.serialize()
            holders += 1
        for table, facts in named.own.items():
            texts = list(map(str, facts))
            assert len(set(texts)) == len(texts), table
            assert set(map(str, own.own[table])) <= set(texts)
    assert holders


def test_attempts_of_one_instant_keep_the_order_in_which_they_were_counted() -> None:
    known = datetime.fromisoformat(DAYS[1])
    facts = FactSet([("holder", "N", person, "[]") for person in ("PA", "PB")])
    fields = [column.field for column in TABLES["attempts"].columns]
    order = ["PB", "PA", "PB", "PA"]
    for number, person in enumerate(order):
        named = {"id": str(number), "client": CLIENT, "person": person, "at": known}
        facts.add_attempt(dict.fromkeys(fields, "") | named, known)
    read = facts.known_facts("N", "", "", CampaignFacts([]), CLIENT).own["attempts"]
    assert [(cells["id"], cells["person"]) for _, cells in read] == [
        (str(number), person) for number, person in enumerate(order)
    ]


def test_the_same_tables_again_write_nothing() -> None:
    now = datetime.fromisoformat(DAYS[1])
    _, frames = people_of(30, now, seed=3, slips=False)
    first = load_frames(frames, source="tests", by="tests")
    again = load_frames(frames, source="tests", by="tests")
    assert sum(first.written.values()) > 50
    assert sum(again.written.values()) == 0
    assert again.there == {name: frames[name].height for name in again.there}


def test_a_table_given_in_part_is_loaded_in_part() -> None:
    frame = pl.DataFrame()
    assert load_frames({"refusals": frame}, source="tests", by="tests").done("refusals") == 0


@pytest.mark.parametrize("text", ["2026-11-24T10:30:00+01:00", "2026-11-24T09:30:00+00:00", "2026-11-24 09:30:00"])
def test_an_instant_of_a_database_is_in_utc_with_and_without_its_offset(text: str) -> None:
    found = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
    for given in (text, datetime.fromisoformat(text)):
        assert (parse_instant(given), parse_instant(given).tzinfo) == (found, UTC)
    assert to_db_instant("sqlite", found) == "2026-11-24 09:30:00"
    assert to_db_instant("postgresql", found) == found
    for day in ("2026-11-24", found.date()):
        assert parse_day(day) == found.date()


def head(load: str | None, decision: str | None, clock: str | None) -> tuple[str, ...]:
    return ("head", "", "", json.dumps([load, decision, clock]))


def test_the_newest_of_what_was_read_and_the_first_of_what_is_to_come() -> None:
    hours = [f"2026-11-24T{hour:02}:00:00+00:00" for hour in range(10)]
    instants = list(map(datetime.fromisoformat, hours))
    terms = [CLIENT, "electricity", "manual", "prospecting", "", None, 0, "2026-11-01", None,
             "us", "CASA", "energy-supply"]  # fmt: skip
    campaign = ("campaign", "", "", json.dumps([*terms, hours[1]]))
    feed = ("feeds", "", "", json.dumps([1, hours[0], "consents", hours[2], None]))
    others = [("later", "", "", json.dumps([hour])) for hour in (hours[9], None, hours[8])]
    rows = [campaign, *others, head(hours[5], hours[7], None)]
    found = CampaignFacts(rows)
    assert (found.newest, found.later, found.load) == (instants[1], instants[8], instants[5])
    assert CampaignFacts([*rows, feed]).newest == instants[2]
    empty = CampaignFacts([head(None, None, None)])
    assert (empty.newest, empty.later, empty.load, empty.campaign) == (None,) * 4
    assert found.campaign == CampaignTerms(
        CLIENT, "electricity", "manual", "prospecting", "", None, False, date(2026, 11, 1), None,
        "us", "CASA", "energy-supply",
    )  # fmt: skip
    for cell, meant in ((None, None), (0, False), (1, True)):
        flags = json.dumps([*terms[:5], cell, cell, *terms[7:], hours[1]])
        said = CampaignFacts([("campaign", "", "", flags)]).campaign
        assert said is not None
        assert (said.authenticated, said.mobile_terminal) == (meant, bool(meant))
    kept = CampaignTerms(**json.loads(found.call))
    assert kept == dataclasses.replace(found.campaign, first=None)
    before_sectors = {name: value for name, value in dataclasses.asdict(kept).items() if name != "sector"}
    assert CampaignTerms(**before_sectors) == dataclasses.replace(kept, sector="")
    withdrawal = json.dumps([1, hours[3], CLIENT, "P", hours[0], "", ""])
    own = FactSet([("withdrawals", CLIENT, "P", withdrawal), ("holder", "N", "P", "[]")])
    assert own.known_facts("N", "", "", found, CLIENT).newest == instants[3]
    assert own.known_facts("N", "", "", CampaignFacts([]), "CLIENT-B").newest is None
    for loaded, decided, last in ((5, 7, 7), (7, 5, 7), (5, None, 5), (None, 5, 5)):
        given = [None if one is None else hours[one] for one in (loaded, decided)]
        read = FactSet([head(given[0], given[1], hours[9])])
        assert (read.last, read.clock) == (instants[last], instants[9])
        assert read.load == (None if loaded is None else instants[loaded])
    nothing = FactSet([head(None, None, None)])
    assert (nothing.load, nothing.last, nothing.clock) == (None,) * 3
