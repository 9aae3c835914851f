"""Registers that are only scanned say the same as registers that are read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from io import BytesIO
from pathlib import Path

import polars as pl
import pytest

from releve.plugins.outbound.commands.facts import read_facts, scan_facts
from releve.plugins.outbound.engine import Call, FactFaults, built_in_rules
from releve.plugins.outbound.engine.fact_files import TABLES, list_columns
from releve.plugins.outbound.engine.fact_tables import read_tables
from releve.plugins.outbound.engine.list_rows import SCANNED, scan_table, tidy_table
from releve.plugins.outbound.engine.numbers import normalize_shown_numbers
from releve.plugins.outbound.engine.screening import Screener
from tests.gate.test_french_folder import book
from tests.outbound.people import people_of
from tests.outbound.table import CALLER, CLIENT
from tests.outbound.test_fact_cells import NEEDED

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
