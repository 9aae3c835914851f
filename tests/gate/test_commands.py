"""The commands of the gate, on the test's database."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from releve.live.clock import read_clock
from releve.plugins.outbound.engine.fact_tables import read_tables
from releve.plugins.outbound.gate.models import ConsentRow, Decision, Load, PseudonymValue, WatermarkRow, WithdrawalRow
from tests.gate.sample_campaign import CAMPAIGN, CLIENT, phone, record_people, run

pytestmark = [pytest.mark.database, pytest.mark.django_db]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of facts as a French spreadsheet writes it."""
    found = tmp_path / "facts"
    found.mkdir()
    people = f"person;number\nP1;{phone(1)}\nP2;01 44 50 00 02\n"
    (found / "people.csv").write_text(people, encoding="cp1252")
    consents = "id;client;person;collected_at;objects;wording\n"
    consents += f"C1;{CLIENT};P1;2026-09-15T11:00:00+02:00;electricity;Je coche la case dédiée\n"
    (found / "consents.csv").write_text(consents, encoding="cp1252")
    (found / "notes.txt").write_text("for us", encoding="utf-8")
    return found


def test_a_folder_is_imported_once(folder: Path) -> None:
    refused = run("facts", "import", str(folder), "--by", "ines", code=1)
    assert "notes.txt: is neither CSV nor Parquet nor a workbook" in refused.output
    first = run("facts", "import", str(folder), "--no-strict", "--by", "ines")
    assert "notes.txt: not named like a table of facts, left out" in first.output
    assert "facts taken: people 2, consents 1" in first.output
    (folder / "notes.txt").unlink()
    assert "people: 2 written, 0 there already" in first.output
    again = run("facts", "import", str(folder), "--by", "ines")
    assert "consents: 0 written, 1 there already" in again.output
    assert Load.objects.get().by == "ines"
    assert ConsentRow.objects.get().wording == "Je coche la case dédiée"
    assert PseudonymValue.objects.filter(value=phone(2)).exists()


def test_a_folder_without_a_table_of_facts_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "operator"
    folder.mkdir()
    (folder / "agents.csv").write_text("id\n1\n", encoding="utf-8")
    found = run("facts", "import", str(folder), "--by", "ines", code=1)
    assert "agents.csv: not named like a table of facts" in found.output
    found = run("facts", "import", str(folder), "--no-strict", "--by", "ines", code=2)
    assert "holds no row of facts; its files are people.csv, consents.csv" in found.output


def test_a_faulty_row_is_named_and_nothing_is_loaded(folder: Path) -> None:
    with (folder / "people.csv").open("a", encoding="cp1252") as stream:
        stream.write("P3;\n")
    (folder / "notes.txt").unlink()
    found = run("facts", "import", str(folder), "--by", "ines", code=1)
    assert "people.csv, people, row 4" in found.output
    assert not Load.objects.exists()


def test_a_withdrawal_is_recorded_and_the_registers_are_noted_as_read() -> None:
    record_people(range(2))
    printed = run("facts", "withdraw", "client_a", "P1", "--lang", "en", "--by", "ines").output
    assert f"matched: P1, client {CLIENT}\nconsents taken back: C1\n" in printed
    assert f"{CAMPAIGN}, {phone(1)}: the gate now answers refuse" in printed
    assert "FR-OPTIN-6 Consent C1 was withdrawn" in printed
    assert WithdrawalRow.objects.get().channel == "oral"
    WatermarkRow.objects.all().delete()
    printed = run("facts", "read", "Consentements", "refusals", "--by", "ines").output
    assert "consents: rows 2, last event 20" in printed
    assert "refusals: rows 0, last event none" in printed
    assert set(WatermarkRow.objects.values_list("feed", flat=True)) == {"consents", "refusals"}


def test_a_campaign_is_recorded_and_changed() -> None:
    words = ("campaign", "spring", "--client", CLIENT, "--object", "gas", "--sector", "energy-supply", "--by", "ines")
    assert run(*words).output == "recorded\n"
    assert run(*words).output == "as it was\n"
    assert run(*words, "--last", "2026-12-31").output == "recorded\n"
    assert "needs a name" in run("campaign", "", *words[2:], code=1).output
    for name in ("-", " x", "=1"):  # the gate asks itself about the campaign "-"
        printed = run("campaign", *words[2:], "--", name, code=1).output
        assert "does not begin with a letter or a digit" in printed


def test_outcomes_closing_and_forgetting_tell_how_much_they_did(tmp_path: Path) -> None:
    record_people(range(1))
    lines = "INVITE|f|t|elsewhere|200|OK|now|1\nINVITE|f||refused|603|Declined|now|1\n"
    acc = tmp_path / "acc"
    acc.mkdir()
    (acc / "acc_1.log").write_text(lines, encoding="utf-8")
    printed = run("outcomes", str(acc), "--unknown-after", "5").output
    assert printed == "0 filed, 1 refused, 0 withdrawn, 1 without an attempt, 0 broken lines, 0 unknown\n"
    assert "columns lack sip_code" in run("outcomes", str(acc), "--columns", "callid,cseq", code=1).output
    assert run("close").output == "0 rows in 0 batches; 3 facts; 0 erased\n"
    assert not Decision.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_person_is_forgotten_and_the_files_are_cleaned() -> None:
    record_people(range(1))
    assert "2 values erased" in run("forget", "P0").output
    assert "0 values erased" in run("forget", "P0").output


def test_vouching_for_a_folder_writes_its_feeds_and_says_what_was_read(tmp_path: Path) -> None:
    folder = tmp_path / "facts"
    run("start", str(folder), "--at", "2026-11-24T10:30:00+01:00")
    printed = run("facts", "read", "consentements", "attempts", "--folder", str(folder), "--by", "ines")
    assert "consents: rows 1, last event 2026-10-25T09:30:00+00:00" in printed.output
    assert "attempts: rows 0, last event none" in printed.output
    assert not WatermarkRow.objects.exists()
    marks = read_tables({"feeds.csv": (folder / "feeds.csv").read_bytes()})["feeds"]
    read_at = dict(marks.select("feed", "read_at").iter_rows())
    assert set(read_at) == {"consents", "attempts", "withdrawals", "refusals"}
    assert read_clock() - read_at["consents"] < timedelta(minutes=1)
    assert read_at["refusals"] == datetime.fromisoformat("2026-11-24T10:29:00+01:00")
