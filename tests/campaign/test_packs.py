"""Consents and the sheet of a campaign for its client: stated, provable, under pseudonyms."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from django.utils import timezone

from releve.cli import main
from releve.ledger.keys import public_key
from releve.ledger.models import LedgerEntry
from releve.ledger.roots import sign_root
from releve.live.clock import read_clock
from releve.plugins.outbound.engine import Abandoned, SpokenRefusal
from releve.plugins.outbound.engine.legal_rows import to_legal_day
from releve.plugins.outbound.gate.fact_import import load_facts
from releve.plugins.outbound.gate.proofs import close_batches, seal_facts
from tests.gate.sample_campaign import CALLER, CAMPAIGN, CLIENT, build_consent, phone

pytestmark = [pytest.mark.database, pytest.mark.django_db]
COLLECTED = datetime(2026, 9, 15, 9, 30, tzinfo=UTC)


def run(*words: str, code: int = 0) -> Result:
    found = CliRunner().invoke(main, ["outbound", *words])
    assert found.exit_code == code, found.output
    return found


@pytest.fixture
def recorded_requests(called: list[str]) -> None:
    """Besides the calls: a consent with all that it may say, counts of a day, a refusal."""
    now = read_clock()
    load_facts(
        [
            build_consent(
                5, COLLECTED, items=frozenset({"identity", "choice", "period"}),
                act="pre-ticked-box", until=datetime(2027, 1, 10, tzinfo=UTC).date(),
                slot_from=COLLECTED + timedelta(days=90), wording="=1+1 I agree to be called",
                wording_version="v3", collector="us", channel="web", proof="the form itself",
            ),
            Abandoned(CAMPAIGN, to_legal_day(now), 4, 96, now),
            SpokenRefusal(CLIENT, "P1", now, now, "not-now"),
        ],
        source="tests", by="tests",
    )  # fmt: skip
    run("papers", CAMPAIGN, "--contract", "K-2026-7", "--audit", "--list-origin",
        "the client's own customers", "--by", "ines")  # fmt: skip
    run("copy", CLIENT, "P5", "--out", str(Path.cwd() / "never"), "--by", "ines", code=0)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def sealed(recorded_requests: None) -> None:
    close_batches(timezone.now())
    seal_facts(timezone.now())
    sign_root(timezone.now())


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.usefixtures("sealed")
def test_each_consent_comes_with_its_wording_items_act_and_end(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run("consents", CLIENT, "--out", str(out)).output == ("4 consents, 4 proved against the ledger\n")
    rows = read_rows(out / "consents.csv")
    assert [row["ref"] for row in rows] == ["C0", "C1", "C2", "C5"]
    consent = rows[-1]
    assert consent["collected_local"] == "2026-09-15T11:30:00+02:00"
    assert (consent["last_day"], consent["kept_until"]) == ("2027-01-10", "2029-09-15")
    assert (consent["missing_items"], consent["positive_act"]) == ("withdrawal|proof_access", "False")
    assert (consent["wording"], consent["wording_version"]) == ("'=1+1 I agree to be called", "v3")
    assert (consent["channel"], consent["collector"], consent["named"]) == ("web", "us", CLIENT)
    assert consent["proof"].startswith("salted:")
    assert consent["slot_from"] == "2026-12-14T09:30:00+00:00"
    assert len(consent["copies"].split("|")) == 1
    plain = rows[1]
    assert (plain["missing_items"], plain["positive_act"], plain["copies"]) == ("", "True", "")
    day = to_legal_day(datetime.fromisoformat(plain["collected_at"]))
    year_later = day.replace(year=day.year + 1, day=28 if (day.month, day.day) == (2, 29) else day.day)
    assert date.fromisoformat(plain["last_day"]) == year_later - timedelta(days=1)
    assert rows[0]["withdrawal_channel"] == "spoken"
    assert rows[0]["withdrawn_at"] > rows[0]["collected_at"]
    assert {row["withdrawn_at"] for row in rows[1:]} == {""}


@pytest.mark.usefixtures("sealed")
def test_one_person_and_one_object_may_be_asked_for(tmp_path: Path) -> None:
    assert "1 consents" in run("consents", CLIENT, "--person", "P5", "--out", "a").output
    assert "0 consents" in run("consents", CLIENT, "--object", "gas", "--out", "b").output
    assert "0 consents" in run("consents", "CLIENT-B", "--out", "c").output
    assert "not empty" in run("consents", CLIENT, "--out", "a", code=2).output


@pytest.mark.usefixtures("sealed")
def test_no_person_no_number_and_no_proof_leaves_the_house(tmp_path: Path) -> None:
    run("consents", CLIENT, "--out", "a")
    days = ["--from", "2026-01-01", "--to", "2099-12-31"]
    run("sheet", CAMPAIGN, *days, "--out", "b")
    whole = "".join(path.read_text("utf-8") for path in tmp_path.glob("[ab]/*"))
    assert "the form itself" not in whole
    for person in range(6):
        assert phone(person) not in whole
        assert f'"P{person}"' not in whole
        assert f",P{person}," not in whole


@pytest.mark.usefixtures("sealed")
def test_a_stranger_verifies_the_consents_from_the_file_alone() -> None:
    run("consents", CLIENT, "--out", "a")
    printed = run("reprove", "a/consents.jsonl", "--key", public_key()).output
    assert printed == "4 facts, 4 in agreement with their sealed text\n4 proved under a root of the ledger\n"


Change = Callable[[dict[str, Any]], None]


def another_date(row: dict[str, Any]) -> None:
    row["stated"]["collected_at"] = "2026-01-01T00:00:00+00:00"


def another_text(row: dict[str, Any]) -> None:
    row["text"] = row["text"].replace("ticked-box", "signature")
    row["stated"]["act"], row["proof"]["text"] = "signature", row["text"]


@pytest.mark.usefixtures("sealed")
@pytest.mark.parametrize(
    ("change", "says"),
    [(another_date, "collected_at differs from the sealed text"), (another_text, "not under the root")],
)
def test_a_consent_that_was_changed_is_found_out(change: Change, says: str) -> None:
    run("consents", CLIENT, "--out", "a")
    path = Path("a/consents.jsonl")
    lines = path.read_text("utf-8").splitlines()
    row = json.loads(lines[2])
    change(row)
    path.write_text("\n".join([lines[0], lines[1], json.dumps(row)]), "utf-8")
    assert says in run("reprove", str(path), code=1).output


@pytest.mark.usefixtures("recorded_requests")
def test_without_a_root_facts_come_without_proof() -> None:
    assert "4 consents, 0 proved" in run("consents", CLIENT, "--out", "a").output
    assert "0 proved" in run("reprove", "a/consents.jsonl").output


@pytest.mark.usefixtures("sealed")
def test_the_sheet_tells_papers_refusals_pace_mandates_and_retention(tmp_path: Path) -> None:
    today = to_legal_day(read_clock())
    days = ["--from", str(today), "--to", str(today)]
    assert "3 facts, 3 proved against the ledger\n" in run("sheet", CAMPAIGN, *days, "--out", "a").output
    sheet = json.loads(Path("a/sheet.json").read_text("utf-8"))
    assert sheet["papers"]["contract"] == "K-2026-7"
    assert sheet["papers"]["audit_clause"] is True
    assert sheet["roles"] == {"controller": CLIENT, "processor": "us"}
    assert sheet["calls"]["decided"] == sheet["calls"]["proved"] == 11
    assert sum(version["calls"] for version in sheet["rules"]) == 11
    assert sheet["refused_by_row"]["FR-FREQ-1"] >= 1
    assert (sheet["refusals_said"], sheet["withdrawals"]) == ({"not-now": 1}, {"spoken": 1})
    (day,) = sheet["abandoned"]
    assert (day["abandoned"], day["handled"], day["share"]) == (4.0, 96.0, 0.04)
    assert sheet["abandoned_most_percent"] == 3.0
    assert [one["number"] for one in sheet["mandates"]] == [CALLER]
    assert sheet["retention"]["years"] == 3
    assert sheet["retention"]["first"] == sheet["retention"]["last"]
    rows = {row["what"]: row["value"] for row in read_rows(Path("a/sheet.csv"))}
    assert rows["papers.list_origin"] == "the client's own customers"
    assert rows["abandoned.1.share"] == "0.04"
    assert rows["mandates.1.number"] == CALLER
    assert "3 in agreement with their sealed text" in run("reprove", "a/facts.jsonl").output


def test_a_sheet_says_that_its_papers_are_missing(called: list[str]) -> None:
    days = ["--from", "2026-01-01", "--to", "2026-01-31"]
    assert "its papers are not recorded" in run("sheet", CAMPAIGN, *days, "--out", "a").output
    sheet = json.loads(Path("a/sheet.json").read_text("utf-8"))
    assert (sheet["papers"], sheet["calls"]["decided"], sheet["abandoned"]) == (None, 0, [])
    assert "no campaign 'none'" in run("sheet", "none", *days, "--out", "b", code=2).output


def test_the_last_papers_count_and_nonsense_is_refused(called: list[str]) -> None:
    words = ["--audit", "--list-origin", "fair", "--by", "ines"]
    run("papers", CAMPAIGN, "--contract", "K1", *words)
    run("papers", CAMPAIGN, "--contract", "K2", *words)
    run("sheet", CAMPAIGN, "--from", "2026-01-01", "--to", "2026-01-31", "--out", "a")
    assert json.loads(Path("a/sheet.json").read_text("utf-8"))["papers"]["contract"] == "K2"
    assert "no campaign" in run("papers", "none", "--contract", "K", *words, code=1).output
    assert "name the contract" in run("papers", CAMPAIGN, "--contract", " ", *words, code=1).output


@pytest.mark.usefixtures("recorded_requests")
def test_a_copy_is_given_once_to_a_file_and_its_giving_is_in_the_ledger(tmp_path: Path) -> None:
    (copy,) = json.loads((tmp_path / "never").read_text("utf-8"))
    assert copy["wording"] == "=1+1 I agree to be called"
    assert len(copy["copies"].split("|")) == 1
    entry = LedgerEntry.objects.get(kind="outbound.copied")
    assert json.loads(entry.body)["consents"] == ["C5"]
    assert "P5" not in entry.body
    assert "is there already" in run("copy", CLIENT, "P5", "--out", "never", "--by", "i", code=2).output
    assert "no consent of this person" in run("copy", CLIENT, "P77", "--out", "x", "--by", "i", code=1).output
    assert LedgerEntry.objects.filter(kind="outbound.copied").count() == 1
