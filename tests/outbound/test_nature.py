"""A basis covers goods of the same nature: coarse words, and the wider reading of a house."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import polars as pl
import pytest

from releve.plugins.outbound.engine import ITEMS, FactFaults, LegalRules, built_in_rules, built_in_texts, load_rules
from releve.plugins.outbound.engine.fact_tables import build_facts, read_tables
from releve.plugins.outbound.engine.screening import COLUMNS, Screener
from releve.plugins.outbound.engine.verdict import CallVerdict, judge_call
from releve.plugins.outbound.engine.vocabulary import find_covering, find_finer_words, find_sector, get_vocabulary
from tests.outbound.people import frame_of, people_of
from tests.outbound.table import CLIENT, case_of, cases_of, instant

AT = "2026-11-24 10:30"
OBJECTS = get_vocabulary("object")
WIDE = "- {amends: FR-OBJECT, from: 2026-11-01, parameters: {reach: family}, applies: {clients: [%s]}}\n"


def law(rows: str) -> LegalRules:
    return load_rules({**built_in_texts(), "house.yaml": f"jurisdiction: FR\nrows:\n{rows}"})


def judged(call: str, rules: LegalRules | None = None, at: str = AT, **basis: object) -> CallVerdict:
    case = case_of({"id": "n", "row": "FR-OBJECT", "at": at, "object": call, **basis})
    return judge_call(case.call, case.facts, rules or built_in_rules(), case.known_at)


def test_no_word_but_itself_covers_a_word_and_none_covers_a_coarse_one() -> None:
    for word in OBJECTS.words:
        assert find_covering(word.id) == (frozenset() if word.coarse else {word.id})
        assert bool(find_finer_words(word.id)) == word.coarse
        assert not any(OBJECTS.by_id[finer].coarse for finer in find_finer_words(word.id))


@pytest.mark.parametrize("basis", ["consents", "contracts"])
def test_a_house_row_reads_by_family_for_its_client_from_its_day(basis: str) -> None:
    first = instant("2025-01-10").date()
    given = {"consents": [{"at": "2026-09-15 11:00", "objects": ["gate"]}],
             "contracts": [{"first": first, "objects": ["gate"]}]}  # fmt: skip
    one = {basis: given[basis]}
    wide, other = law(WIDE % CLIENT), law(WIDE % "CLIENT-B")
    assert not judged("swimming-pool", **one).allowed
    assert judged("swimming-pool", wide, **one).allowed
    assert judged("swimming-pool", wide, **one).legal
    assert not judged("swimming-pool", other, **one).allowed
    assert not judged("swimming-pool", wide, at="2026-10-30 10:30", **one).allowed
    assert not judged("cosmetics", wide, **one).allowed
    assert not judged("home-works", wide, **one).allowed


def test_the_wider_reading_is_off_and_states_its_own_doubt() -> None:
    rows = [row for row in built_in_rules().rows if row.kind == "object_match"]
    assert {(row.gate, row.parameters["reach"]) for row in rows} == {("P", "nature")}
    for row in (*rows, *(r for r in law(WIDE % CLIENT).rows if r.kind == "object_match")):
        assert row.unsure
        assert row.doubt is not None
        assert "off by default" in row.doubt.en


def test_a_refusal_for_a_coarse_word_names_the_finer_ones() -> None:
    found = judged("books", contracts=[{"first": instant(AT).date(), "objects": ["goods"]}])
    (finding,) = found.findings
    assert "« autres biens » (table des contrats « contracts », colonne « objects »)" in (
        finding.says("fr").replace("\u202f", " ")
    )
    assert '"other goods" (table "contracts", column "objects") is too coarse: name book' in (finding.says("en"))
    found = judged("books", consents=[{"at": "2026-09-15 11:00", "objects": ["goods"]}])
    assert "other goods, too coarse a word: name book, cosmetics" in found.findings[0].says("en")
    found = judged("credit")
    assert 'The word "credit" (object of the call) is too coarse: name consumer loan' in (found.findings[0].says("en"))


@pytest.mark.parametrize("table", ["consents", "contracts", "callbacks"])
def test_a_table_with_a_coarse_word_is_refused_with_the_finer_words(table: str) -> None:
    heads = {"consents": "collected_at", "contracts": "first", "callbacks": "requested_at"}
    at = "2026-09-15" if table == "contracts" else "2026-09-15T11:00:00+02:00"
    text = f"id,client,person,{heads[table]},objects\nX1,A,P1,{at},electricity|Crédit\n"
    with pytest.raises(FactFaults) as refused:
        read_tables({f"{table}.csv": text.encode()})
    assert "too coarse: it does not say the nature of the goods" in str(refused.value)
    assert "one of loan, debt-consolidation, revolving-credit, mortgage" in str(refused.value)


@pytest.mark.parametrize("wide", [False, True])
def test_screening_matches_objects_as_the_plain_engine_does(wide: bool) -> None:
    words = ("life-insurance", "insurance", "funeral-insurance", "death-insurance", "goods", "book")
    pairs = list(product(("consents", "contracts"), words))
    at = instant("2026-11-24 11:00")
    _, frames = people_of(1, at, 1)
    kept = ("feeds", "mandates", "scrubs", "clients")
    frames = {name: frame if name in kept else frame.clear() for name, frame in frames.items()}
    numbers = [f"+3314455{place:04d}" for place in range(len(pairs))]
    people = [{"person": f"P{n}", "number": number} for n, number in enumerate(numbers)]
    frames["people"] = frame_of("people", people)
    for table in ("consents", "contracts"):
        common = {"client": CLIENT, "items": list(ITEMS), "proof": "x", "first": at.date(),
                  "collected_at": instant("2026-09-15 11:00"), "act": "signature",
                  "known_at": instant("2026-09-15 11:00")}  # fmt: skip
        entries = [
            {**common, "id": f"X{n}", "person": f"P{n}", "objects": [word]}
            for n, (kind, word) in enumerate(pairs)
            if kind == table
        ]
        frames[table] = frame_of(table, entries)
    rules = law(WIDE % CLIENT) if wide else built_in_rules()
    rows, facts, allowed = pl.DataFrame({"number": numbers}), build_facts(frames), 0
    for word in words:
        base = case_of({"id": "", "row": "", "at": "2026-11-24 11:00", "object": word}).call
        base = replace(base, sector=find_sector(word))
        found = Screener(base, frames, rules, at).screen(rows).select(COLUMNS)
        for number, got in zip(numbers, found.iter_rows(named=True), strict=True):
            one = judge_call(replace(base, number=number), facts, rules, at)
            assert (got["allowed"], got["rules"]) == (one.allowed, "|".join(one.rules))
            allowed += one.allowed
    assert allowed == (30 if wide else 10)


def test_the_pairs_are_the_eight_words_and_fifty_more() -> None:
    cases = [case.id.rpartition(".")[0] for case in cases_of("nature")]
    words = [name for name in cases if "eight-words" in name]
    assert len(cases) - len(words) >= 50
    assert len([name for name in words if "alone" in name]) == 8
