"""A list screened in columns, over read and scanned registers, gets the verdicts of the plain engine."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from releve.plugins.outbound.commands.facts import read_facts, scan_facts
from releve.plugins.outbound.engine import screening
from releve.plugins.outbound.engine.errors import FactFaults
from releve.plugins.outbound.engine.fact_files import TABLES, list_columns
from releve.plugins.outbound.engine.fact_tables import build_facts, build_facts_on, read_tables
from releve.plugins.outbound.engine.facts import ITEMS
from releve.plugins.outbound.engine.judged_call import Call
from releve.plugins.outbound.engine.legal_rows import LegalRules, to_legal_day
from releve.plugins.outbound.engine.list_rows import SCANNED, scan_table, tidy_table
from releve.plugins.outbound.engine.numbers import normalize_shown_numbers
from releve.plugins.outbound.engine.rule_files import built_in_rules, built_in_texts, load_rules
from releve.plugins.outbound.engine.screening import COLUMNS, Screener
from releve.plugins.outbound.engine.verdict import CallVerdict, judge_call
from releve.plugins.outbound.engine.vocabulary import find_sector
from tests.gate.test_numbers import book
from tests.outbound.people import NUMBERS, frame_of, people_of
from tests.outbound.table import CALLER, CLIENT, instant
from tests.outbound.test_fact_cells import NEEDED

CALLS = {
    "open hours": {"at": "2026-11-24 11:00"},
    "lunch": {"at": "2026-11-24 13:30"},
    "Friday evening": {"at": "2026-11-27 20:30"},
    "the last day of the opposition list": {"at": "2026-08-10 10:30"},
    "the first day of consent": {"at": "2026-08-11 10:30"},
    "predictive": {"at": "2026-11-24 15:30", "mode": "predictive"},
    "a robot": {"at": "2026-11-24 15:30", "mode": "robot"},
    "press": {"at": "2026-11-24 15:30", "object": "press"},
    "hidden": {"at": "2026-11-24 15:30", "caller": ""},
    "insurance": {"at": "2026-11-24 15:30", "object": "insurance"},
    "a heat pump": {"at": "2026-11-24 15:30", "object": "pompe à chaleur"},
    "no word": {"at": "2026-11-24 15:30", "object": "xyzzy"},
    "no sector": {"at": "2026-11-24 15:30", "sector": ""},
    "energy works": {"at": "2026-11-24 15:30", "object": "energy-works"},
    "nothing said": {"at": "2026-11-24 15:30", "object": ""},
    "a holiday": {"at": "2026-12-25 11:00"},
    "a survey": {"at": "2026-11-24 15:30", "purpose": "survey"},
    "before the law": {"at": "2015-01-05 11:00"},
}

LONGEST = 50
FEW = 20
"""People a call of the fast comparison: each call draws other ones."""
LONG_LISTS = ("open hours", "the last day of the opposition list", "predictive")
PEOPLE = int(os.environ.get("RELEVE_TEST_PEOPLE", "0"))
"""So many people in a long list of every call, where it is set."""
EIGHTHS = range(8)
"""A list is cut into parts that are smaller by so many eighths of it."""


def _call(**given: str) -> Call:
    base = {"object": "electricity", "caller": CALLER, "campaign": "autumn", **given}
    base.setdefault("sector", find_sector(base["object"]) or "energy-supply")
    return Call(client=CLIENT, number="", **{**base, "at": instant(given["at"])})


def _plain(
    call: Call, rows: pl.DataFrame, frames: dict[str, pl.DataFrame], rules: LegalRules | None = None
) -> list[tuple]:
    table = rules or built_in_rules()
    facts, found = build_facts_on(frames, table.numbers, to_legal_day(call.at)), []
    for row in rows.iter_rows(named=True):
        one = judge_call(replace(call, **row), facts, table, call.at)
        ids = "|".join(one.rules)
        given = (one.number, one.person, one.legal, one.allowed, ids, one.basis, one.next_allowed)
        found.append(given)
    return found


def _compare(
    call: Call, count: int, seed: int, chunks: int = 2, rules: LegalRules | None = None, size: int = 0
) -> None:
    rows, frames = people_of(count, call.at, seed)
    screener = Screener(call, frames, rules or built_in_rules(), call.at)
    size = size or -(-count // chunks)
    parts = [screener.screen(part) for part in rows.iter_slices(size)]
    for row, got, want in zip(
        rows.iter_rows(named=True),
        pl.concat(parts).select(COLUMNS).iter_rows(),
        _plain(call, rows, frames, rules),
        strict=True,
    ):
        assert got == want, row


def _law(rows: str) -> LegalRules:
    return load_rules({**built_in_texts(), "law/ahead.yaml": f"jurisdiction: FR\nrows:\n{rows}"})


@pytest.mark.parametrize(("seed", "given"), list(enumerate(CALLS.values())), ids=CALLS.keys())
def test_columns_and_the_plain_engine_agree_on_a_few_people(given: dict[str, str], seed: int) -> None:
    _compare(_call(**given), FEW, seed, chunks=1)


def test_a_few_people_are_judged_without_planning_a_query(monkeypatch: pytest.MonkeyPatch) -> None:
    call, planned = _call(**CALLS["open hours"]), list[str]()
    rows, frames = people_of(FEW, call.at, 0)
    screener = Screener(call, frames, built_in_rules(), call.at)
    collect, collect_all = pl.LazyFrame.collect, pl.collect_all
    monkeypatch.setattr(pl.LazyFrame, "collect", lambda *a, **k: planned.append("one") or collect(*a, **k))
    monkeypatch.setattr(pl, "collect_all", lambda *a, **k: planned.append("several") or collect_all(*a, **k))
    assert screener.screen(rows).height == FEW
    assert len(planned) < 5


TWELVE = dict(zip((1, 2, 3, 4, 7, 12, 18, 24, 31, 37, 49, 50), (*EIGHTHS, 7, 5, 3, 1), strict=True))
"""The lengths of twelve lists and by how many eighths the parts of each are smaller."""


def _lengths(eighth: int, every: bool) -> list[int]:
    """Return the lengths of the lists that are cut so."""
    lengths = range(1, LONGEST + 1)
    return [count for count in lengths if every or TWELVE.get(count) == eighth]


def _name_of_call(count: int, eighth: int) -> str:
    return [*CALLS][(count + eighth) % len(CALLS)]


@pytest.mark.slow
@pytest.mark.parametrize("eighth", EIGHTHS)
def test_lists_in_parts_of_every_size_have_the_plain_verdicts(eighth: int) -> None:
    """Twelve lists; on request every length of 1 to 50 in each size of part: 10,200 people."""
    for count in _lengths(eighth, every=bool(os.environ.get("RELEVE_ALL_DRAWS"))):
        call = _call(**CALLS[_name_of_call(count, eighth)])
        _compare(call, count, 1000 * eighth + count, size=max(1, count - eighth * count // 8))


def test_no_cut_is_left_out_of_the_twelve_lists_and_no_length_or_call_of_all() -> None:
    """Each call also has a list of twenty people, in one part."""
    few, every = (
        [(count, eighth) for eighth in EIGHTHS for count in _lengths(eighth, every=asked)] for asked in (False, True)
    )
    assert (len(few), len(every)) == (12, 8 * LONGEST)
    assert {eighth for _, eighth in few} == set(EIGHTHS)
    assert len({_name_of_call(*pair) for pair in few}) >= 10
    assert {_name_of_call(*pair) for pair in every} == set(CALLS)


@pytest.mark.parametrize("table", ["consents", "contracts", "listings"])
@pytest.mark.parametrize("same", [False, True])
def test_two_facts_of_one_instant_in_a_part_are_judged(table: str, same: bool) -> None:
    call = _call(at="2026-08-10 10:30" if table == "listings" else "2026-11-24 11:00")
    rows, frames = people_of(2, call.at, 5)
    at = call.at - timedelta(days=10)
    whose = [{"client": CLIENT, "person": "P0" if same else f"P{k}"} for k in range(2)]
    given = {
        "consents": {"collected_at": at, "known_at": at, "objects": ["electricity"],
                     "items": list(ITEMS), "proof": "x", "act": "signature"},
        "contracts": {"first": at.date(), "last": call.at.date(), "objects": ["electricity"]},
        "listings": {"list": "bloctel", "at": at, "known_at": at, "until": call.at},
    }  # fmt: skip
    empty = {name: frame.clear() for name, frame in frames.items() if name not in ("feeds", "mandates")}
    numbers = [f"+3314455{k:04d}" for k in range(2)]
    people = [{"person": f"P{k}", "number": numbers[k]} for k in range(2)]
    facts = [{"id": f"F{k}", **one, **given[table], "number": numbers[0 if same else k]} for k, one in enumerate(whose)]
    frames |= empty | {"people": frame_of("people", people), table: frame_of(table, facts)}
    rows = pl.DataFrame({"number": numbers})
    got = Screener(call, frames, built_in_rules(), call.at).screen(rows).select(COLUMNS)
    assert got.rows() == _plain(call, rows, frames)


def test_the_few_people_of_all_calls_hold_every_kind_of_fact() -> None:
    drawn = [people_of(FEW, _call(**given).at, seed) for seed, given in enumerate(CALLS.values())]
    rows = pl.concat([rows for rows, _ in drawn])
    held = {name: pl.concat([frames[name] for _, frames in drawn]) for name in drawn[0][1]}
    assert not [name for name, frame in held.items() if name != "abandoned" and not frame.height]
    prefixes = {number.partition("{")[0] for number in NUMBERS}
    assert {prefix for prefix in prefixes if rows["number"].str.starts_with(prefix).any()} == (prefixes)
    consents = held["consents"]
    assert consents["collected_at"].null_count()
    assert consents["slot_from"].drop_nulls().len()
    assert (consents["proof"] == "").any()
    kinds = {"refusal", "not-interested", "not-now", "objection"}
    assert kinds <= set(held["refusals"]["kind"])
    assert {"", CLIENT} <= set(held["withdrawals"]["client"])
    assert held["withdrawals"]["person"].str.starts_with("+").any()
    assert {"bloctel", "robinson", "ne-mappelez-plus", "rpo"} <= set(held["listings"]["list"])
    assert held["people"]["number"].is_duplicated().any()
    assert {"", "consumer", "business"} <= set(rows["callee"])


CHANGES = {
    "no consent any more": "- {closes: FR-OPTIN-1, from: 2027-03-01}\n",
    "no cap any more, soon": "- {closes: FR-FREQ-1, from: 2026-12-02}\n",
    "no refusal any more, and consent ends later": (
        "- {closes: FR-REFUS-STOP, from: 2026-12-20}\n- {closes: FR-OPTIN-1, from: 2027-03-01}\n"
    ),
    "other hours tomorrow": "- {closes: FR-HOURS-1, from: 2026-11-25}\n",
    "no law any more": "- {closes: FR-SCOPE-1, from: 2027-03-01}\n",
}
"""Rows that change the law after the call."""


@pytest.mark.slow
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
@pytest.mark.parametrize("given", [CALLS["open hours"], CALLS["lunch"]], ids=["open", "lunch"])
def test_columns_and_the_plain_engine_agree_where_the_law_will_change(change: str, given: dict[str, str]) -> None:
    _compare(_call(**given), 2 * FEW, 11, chunks=1, rules=_law(change))


@pytest.mark.slow
def test_a_change_of_the_law_leaves_people_whom_it_does_not_free_in_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def counted(call: Call, *rest: Any) -> CallVerdict:
        asked.append(call)
        return judge_call(call, *rest)

    monkeypatch.setattr(screening, "judge_call", counted)
    call = _call(at="2026-11-24 11:00")
    rows, frames = people_of(4 * FEW, call.at, 5)
    plainly = []
    for rules in (built_in_rules(), _law("- {closes: FR-BAN-CPF, from: 2027-03-01}\n")):
        asked.clear()
        Screener(call, frames, rules, call.at).screen(rows)
        plainly.append(len(asked))
    assert plainly[0] == plainly[1] < 2 * FEW


@pytest.mark.slow
@pytest.mark.parametrize("name", CALLS if PEOPLE else LONG_LISTS)
def test_columns_and_the_plain_engine_agree_on_long_lists(name: str) -> None:
    _compare(_call(**CALLS[name]), PEOPLE or 150, seed=7)


def test_an_empty_list_is_screened_to_an_empty_list() -> None:
    call = _call(at="2026-11-24 11:00")
    rows, frames = people_of(3, call.at, 1)
    screened = Screener(call, frames, built_in_rules(), call.at).screen(rows.clear())
    assert screened.columns == [*rows.columns, *COLUMNS]
    assert not screened.height


def test_a_fact_learnt_later_changes_nothing_on_the_list() -> None:
    call = _call(at="2026-11-24 11:00")
    rows, frames = people_of(20, call.at, 3)
    before = Screener(call, frames, built_in_rules(), call.at).screen(rows)
    later = call.at + timedelta(hours=1)
    gone = rows.filter(pl.col("person") != "").select("person")
    withdrawals = gone.select(
        client=pl.lit(CLIENT),
        person="person",
        at=pl.lit(later).dt.convert_time_zone("UTC"),
        known_at=pl.lit(later).dt.convert_time_zone("UTC"),
        consent=pl.lit(""),
        channel=pl.lit("spoken"),
    )
    frames["withdrawals"] = pl.concat([frames["withdrawals"], withdrawals])
    after = Screener(call, frames, built_in_rules(), call.at).screen(rows)
    assert after.equals(before)


def test_attempts_of_two_providers_under_the_same_ids_are_all_counted() -> None:
    call = _call(at="2026-11-24 11:00")
    rows, frames = people_of(FEW, call.at, 3)
    one = frames["attempts"]
    frames["attempts"] = pl.concat([one, one.with_columns(provider=pl.lit("another"))])
    screened = Screener(call, frames, built_in_rules(), call.at).screen(rows)
    assert list(screened.select(COLUMNS).iter_rows()) == _plain(call, rows, frames)
    alone, both = build_facts({**frames, "attempts": one}), build_facts(frames)
    people = set(one.filter(pl.col("client") == CLIENT)["person"])
    assert people
    for person in people:
        counts = [len(facts.select_known(CLIENT, person, "", "", call.at).attempts) for facts in (alone, both)]
        assert counts[1] == 2 * counts[0]


AT = datetime.fromisoformat("2026-11-24T11:00:00+01:00")
CALL = Call(CLIENT, "", AT, "electricity", CALLER, sector="energy-supply")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Facts about thirty random people, as Parquet."""
    _, frames = people_of(30, AT, 5, slips=False)
    for name, frame in frames.items():
        given = frame.drop("unreadable", strict=False)
        given.write_parquet(tmp_path / f"{name}.parquet")
    return tmp_path


def test_a_scanned_folder_holds_what_a_read_one_holds(folder: Path) -> None:
    (lazy, mark), (read, _) = scan_facts(folder), read_facts(folder)
    assert {name for name, table in lazy.items() if isinstance(table, pl.LazyFrame)} == set(SCANNED)
    assert set(lazy) == set(TABLES)
    for name, table in lazy.items():
        found = table.lazy().collect().drop("unreadable", strict=False)
        assert found.equals(read[name].select(found.columns)), name
    assert mark == scan_facts(folder)[1]


def test_a_list_gets_the_same_verdicts_from_scanned_registers(folder: Path) -> None:
    rows, _ = people_of(30, AT, 5, slips=False)
    rules = built_in_rules()
    lazy = Screener(CALL, scan_facts(folder)[0], rules, AT).screen(rows)
    assert lazy.equals(Screener(CALL, read_facts(folder)[0], rules, AT).screen(rows))


def test_a_list_without_next_instants_has_the_same_verdicts(folder: Path) -> None:
    rows, frames = people_of(30, AT, 5, slips=False)
    call = replace(CALL, at=datetime.fromisoformat("2026-08-10T13:30:00+02:00"))
    whole = Screener(call, frames, built_in_rules(), AT).screen(rows)
    short = Screener(call, frames, built_in_rules(), AT, following=False).screen(rows)
    assert short.drop("next_allowed").equals(whole.drop("next_allowed"))


@pytest.mark.parametrize(
    "change",
    [
        pl.lit(" ").alias("client"),
        (pl.col("person") + " ").alias("person"),
        pl.lit(None, pl.String).alias("id"),
        pl.col("collected_at").cast(pl.String).alias("collected_at"),
        pl.lit("x").alias("colour"),
    ],
)
def test_a_register_with_a_doubt_is_not_scanned_but_read(folder: Path, change: pl.Expr) -> None:
    consents = pl.read_parquet(folder / "consents.parquet")
    assert scan_table("consents", consents.lazy()) is not None
    assert scan_table("consents", consents.with_columns(change).lazy()) is None
    assert scan_table("consents", consents.drop("person").lazy()) is None


def in_one_row(change: pl.Expr) -> pl.Expr:
    """The second row of a column changed, the others as they are."""
    name = change.meta.output_name()
    second = pl.int_range(pl.len()) == 1
    return pl.when(second).then(change).otherwise(pl.col(name)).alias(name)


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("consents", pl.lit(" ").alias("id")),
        ("consents", pl.lit("").alias("id")),
        ("consents", pl.lit(None, pl.String).alias("person")),
        ("consents", pl.col("client") + " "),
        ("withdrawals", (pl.lit(" ") + pl.col("person")).alias("person")),
        ("people", pl.col("number") + " "),
        ("refusals", pl.lit(" ").alias("kind")),
        ("refusals", pl.lit(None, pl.String).alias("kind")),
        ("refusals", pl.lit("reffus").alias("kind")),
        ("consents", pl.lit(pl.Series([["gas", "gass"]])).first().alias("objects")),
    ],
)
def test_one_row_with_a_doubt_is_enough_to_read_a_register(table: str, change: pl.Expr) -> None:
    _, frames = people_of(30, AT, 5, slips=False)
    frame = frames[table].drop("unreadable", strict=False)
    assert frame.height > 2
    assert scan_table(table, frame.lazy()) is not None
    assert scan_table(table, frame.with_columns(in_one_row(change)).lazy()) is None


def test_what_may_be_empty_in_a_register_is_no_doubt() -> None:
    _, frames = people_of(30, AT, 5, slips=False)
    undated = pl.lit(None, frames["consents"].schema["collected_at"]).alias("collected_at")
    every = pl.lit("").alias("client")
    spelt = pl.lit(" Refusé ").alias("kind")
    for table, change in (("consents", undated), ("withdrawals", every), ("refusals", spelt)):
        frame = frames[table].drop("unreadable", strict=False)
        assert scan_table(table, frame.with_columns(in_one_row(change)).lazy()) is not None


@pytest.mark.parametrize("table", SCANNED)
@pytest.mark.parametrize("null", [True, False])
def test_a_scanned_register_says_of_what_it_leaves_out_what_a_read_one_says(table: str, null: bool) -> None:
    columns = list_columns(table)
    cells = {name: NEEDED.get(name, "x") for name, (_, must) in columns.items() if must}
    text = "\n".join((",".join(cells), ",".join(cells.values()), ",".join(cells.values())))
    typed = read_tables({f"{table}.csv": text.encode()})[table]
    left = [name for name in columns if name not in cells] if null else []
    left = [name for name in left if (table, name) != ("refusals", "kind")]
    frame = typed.select(*cells, *(pl.lit(None, typed.schema[name]).alias(name) for name in left))
    scanned, data = scan_table(table, frame.lazy()), BytesIO()
    assert scanned is not None
    frame.write_parquet(data)
    read = read_tables({f"{table}.parquet": data.getvalue()})[table]
    tidy = tidy_table(table, scanned.collect())
    assert tidy.equals(read.select(tidy.columns))
    assert set(tidy.columns) >= set(columns)


def test_texts_of_a_scanned_register_are_read_as_those_of_a_table() -> None:
    names = {"person": ["P1", "P2"], "number": ["+33144556677", "+33144556678"]}
    texts = {"kind": [" ", " professionnel "], "address": [" 75001 ", ""]}
    people = pl.DataFrame(names | texts)
    scanned = scan_table("people", people.lazy())
    assert scanned is not None
    tidy, data = tidy_table("people", scanned.collect()), BytesIO()
    assert tidy["kind"].to_list() == ["consumer", "business"]
    assert tidy["address"].to_list() == ["75001", ""]
    people.write_parquet(data)
    read = read_tables({"people.parquet": data.getvalue()})["people"]
    assert tidy.equals(read.select(tidy.columns))


def test_a_faulty_row_of_a_parquet_register_is_named(folder: Path) -> None:
    consents = pl.read_parquet(folder / "consents.parquet")
    consents.with_columns(person=pl.lit(None, pl.String)).write_parquet(folder / "consents.parquet")
    with pytest.raises(FactFaults, match=r"consents.*2.*person"):
        scan_facts(folder)


def test_numbers_of_a_register_take_their_international_form_however_written() -> None:
    given = {
        "+33144556677": "+33144556677",
        "01 44 55 66 77": "+33144556677",
        "+33262112233": "+262262112233",
        "0639112233": "+262639112233",
        "+33 (0)1 44 55 66 77": "+33144556677",
        "0033947911223": "+262947911223",
        "3001": "3001",
        "": "",
    }
    day = AT.date()
    found = normalize_shown_numbers(pl.Series(list(given)), built_in_rules().numbers, day)
    assert found.to_list() == list(given.values())
    alone = [normalize_shown_numbers(pl.Series([one]), built_in_rules().numbers, day)[0] for one in given]
    assert alone == list(given.values())


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("refusals", pl.lit("reffus").alias("kind")),
        ("refusals", pl.lit("consnt:C1").alias("basis")),
        ("consents", pl.lit(pl.Series([["gass"]])).first().alias("objects")),
        ("listings", pl.lit("blocktel").alias("list")),
    ],
)
def test_a_register_with_a_word_that_is_none_is_read_whole_and_named(folder: Path, table: str, change: pl.Expr) -> None:
    frame = pl.read_parquet(folder / f"{table}.parquet")
    assert scan_table(table, frame.lazy()) is not None
    assert scan_table(table, frame.with_columns(change).lazy()) is None
    frame.with_columns(change).write_parquet(folder / f"{table}.parquet")
    with pytest.raises(FactFaults, match=f"{table} row 2, {change.meta.output_name()}"):
        scan_facts(folder)


def test_a_scanned_register_binds_by_number_and_names_a_person_nothing_knows(folder: Path) -> None:
    withdrawals = pl.read_parquet(folder / "withdrawals.parquet").head(1)
    for person in ("01 44 55 00 00", "Mme Dupond", "P00"):
        withdrawals.with_columns(person=pl.lit(person), consent=pl.lit("")).write_parquet(
            folder / "withdrawals.parquet"
        )
        if person != "01 44 55 00 00":
            with pytest.raises(FactFaults, match=f"withdrawals row 2, person '{person}': no row of"):
                scan_facts(folder)
            continue
        found = scan_facts(folder)[0]["withdrawals"]
        assert isinstance(found, pl.LazyFrame)
        assert found.collect()["person"].to_list() == ["+33144550000"]


def test_a_fault_beside_a_scanned_register_has_its_file_row_and_language(folder: Path) -> None:
    (folder / "withdrawals.parquet").unlink()
    lines = ("client;personne;date", f"{CLIENT};0144556677;2026-09-01T10:00:00Z", "",
             f"{CLIENT};P-strange;2026-09-01T10:00:00Z")  # fmt: skip
    (folder / "Retraits.csv").write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(FactFaults) as refused:
        scan_facts(folder)
    (fault,) = refused.value.faults
    assert (fault.table, fault.row, fault.value) == ("withdrawals", 4, "P-strange")
    assert refused.value.sources["withdrawals"] == "Retraits.csv"
    assert refused.value.language == "fr"


def test_a_table_beside_its_scanned_register_is_given_twice(folder: Path) -> None:
    (folder / "Retraits.csv").write_text("client,personne,date\n", encoding="utf-8")
    with pytest.raises(FactFaults) as refused:
        scan_facts(folder)
    (fault,) = refused.value.faults
    assert (fault.table, fault.value) == ("withdrawals", "Retraits.csv")
    assert str(fault.reason) == "the table is given twice"


def test_the_digest_of_scanned_facts_is_another_on_another_clock(folder: Path) -> None:
    marks = {scan_facts(folder, zone=zone)[1] for zone in ("Europe/Paris", "Africa/Casablanca")}
    assert len(marks) == 2


@pytest.mark.parametrize("read", [read_facts, scan_facts])
def test_a_misnamed_sheet_that_is_left_out_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], read: Callable[..., object]
) -> None:
    file = tmp_path / "faits.xlsx"
    row = [CLIENT, "0144556677", "2026-09-01T10:00:00Z"]
    file.write_bytes(book({"Retraitss": [["client", "personne", "date"], row]}))
    read(file, strict=False)
    assert "Retraitss: not named like a table of facts, left out" in capsys.readouterr().err
