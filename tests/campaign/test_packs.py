"""Consents, requests, sheet and proof of a campaign for its client: the file alone gives the same answers."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner, Result
from django.conf import settings
from django.utils import timezone

from releve.cli import main
from releve.ledger.keys import public_key
from releve.ledger.models import LedgerEntry
from releve.ledger.roots import sign_root
from releve.live.clock import read_clock
from releve.plugins.outbound.campaign.packs import iter_consents, iter_proved_calls
from releve.plugins.outbound.campaign.reports import build_report
from releve.plugins.outbound.engine.errors import ProofFault
from releve.plugins.outbound.engine.facts import Abandoned, Person, SpokenRefusal
from releve.plugins.outbound.engine.legal_rows import to_legal_day
from releve.plugins.outbound.engine.rule_files import built_in_texts
from releve.plugins.outbound.engine.rule_impact import reverify_evidence
from releve.plugins.outbound.gate import campaign_cache, decision
from releve.plugins.outbound.gate.campaign_cache import load_rules_version, store_current_rules
from releve.plugins.outbound.gate.campaigns import load_campaigns
from releve.plugins.outbound.gate.current_rules import load_current_rules
from releve.plugins.outbound.gate.errors import NotAvailable
from releve.plugins.outbound.gate.fact_import import load_facts, load_frames
from releve.plugins.outbound.gate.models import AttemptRow, CampaignRow, Decision, Load, RuleTable
from releve.plugins.outbound.gate.person_requests import PhoneRequest, record_request
from releve.plugins.outbound.gate.proofs import close_batches, seal_facts
from releve.plugins.outbound.gate.pseudonyms import person_pseudonym
from tests.gate.sample_campaign import CALLER, CAMPAIGN, CLIENT, build_consent, phone, question, record_people, run
from tests.gate.sync_decisions import DjangoStore, decide
from tests.outbound.people import frame_of
from tests.outbound.table import FEEDS

pytestmark = [pytest.mark.database, pytest.mark.django_db]


COLLECTED = datetime(2026, 9, 15, 9, 30, tzinfo=UTC)


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


def withdrawn(person: str) -> str:
    """When the pack says that a person's consent was taken back."""
    (one,) = iter_consents(CLIENT, load_current_rules(), None, person=person_pseudonym(person))
    return str(one.columns["withdrawn_at"])


def test_a_request_counts_once_on_the_sheet_and_comes_with_the_consent(called: list[str]) -> None:
    assert not withdrawn("P1")
    record_request(PhoneRequest("k", phone(1), "stop", ""), by="ines")
    today, now = to_legal_day(read_clock()), read_clock()
    found = build_report(load_campaigns()[CAMPAIGN], today, today, load_current_rules(), now, None)
    assert found.content["withdrawals"] == {"oral": 1, "spoken": 1}
    assert found.content["refusals_said"] == {"objection": 1}
    assert withdrawn("P1")


def test_a_request_by_number_before_a_person_was_known_comes_with_their_consent(called: list[str]) -> None:
    load_facts([build_consent(77, read_clock())], source="tests", by="tests")
    record_request(PhoneRequest("k", phone(77), "stop", CLIENT), by="ines")
    assert not withdrawn("P77")
    load_facts([Person("P77", phone(77), read_clock())], source="tests", by="tests")
    assert withdrawn("P77")


@pytest.mark.parametrize("client", [CLIENT, ""])
def test_a_withdrawal_on_the_day_of_a_call_stands_beside_it(called: list[str], client: str) -> None:
    record_request(PhoneRequest("k", phone(1), "stop", client), by="ines")
    record_request(PhoneRequest("k2", phone(77), "stop", client), by="ines")  # of whom no one is known
    today = to_legal_day(read_clock())
    calls = [one.columns for one in iter_proved_calls(CAMPAIGN, today, today, None)]
    by_name = {columns["call"]: columns for columns in calls}
    assert by_name["call-1/1"]["withdrawal_channel"] == "oral"
    assert by_name["call-10/1"]["withdrawal_channel"] == "oral"


def write_proof(out: Path) -> Result:
    today = timezone.now().date()
    days = ["--from", str(today.replace(day=1)), "--to", "2099-12-31"]
    command = ["outbound", "proof", CAMPAIGN, *days, "--out", str(out)]
    return CliRunner().invoke(main, command, catch_exceptions=False)


@pytest.fixture
def folder(called: list[str], tmp_path: Path) -> Path:
    """The proof of the calls, closed and sealed."""
    close_batches(timezone.now())
    sign_root(timezone.now())
    done = write_proof(tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert "11 calls, 11 proved against the ledger, 11 with their evidence" in done.output
    return tmp_path / "out"


def test_each_call_comes_with_what_its_client_may_ask_for(folder: Path, called: list[str]) -> None:
    rows = read_rows(folder / "calls.csv")
    assert [row["call"] for row in rows] == [f"call-{n}/1" for n in range(11)]
    for row, said in zip(rows, called, strict=True):
        decision = Decision.objects.get(call_id=row["call"].removesuffix("/1"))
        assert (row["allowed"] == "True") is said.startswith("allow")
        assert datetime.fromisoformat(row["at"]) == decision.at
        assert (row["caller"], row["mandate"], row["provider"]) == ("+33162000001", "M1", "us")
        assert (row["mode"], row["site"]) == ("manual", "CASA")
        assert row["places"]
        assert datetime.fromisoformat(row["local_times"].split("|")[0]) == decision.at
        assert row["ledger_entry"]
    assert {row["agent"] for row in rows[:10]} == {"a-7"}
    assert rows[0]["basis"] == "consent:C0"
    capped = [row for row in rows if "FR-FREQ-1@2023-03-01" in row["rules"]]
    assert capped
    assert "D223-9" in capped[0]["says"]
    unknown = rows[-1]
    assert "FR-DATA-PERSON" in unknown["rules"]
    spoken = [row["withdrawal_channel"] for row in rows if row["person"] == rows[0]["person"]]
    assert set(spoken) == {"spoken"}
    parquet = pl.read_parquet(folder / "calls.parquet")
    assert parquet["call"].to_list() == [row["call"] for row in rows]


def test_no_number_and_no_person_leaves_the_house(folder: Path) -> None:
    whole = "".join((folder / name).read_text("utf-8") for name in ("calls.csv", "proof.jsonl"))
    for person in range(3):
        assert phone(person) not in whole
        assert f'"P{person}"' not in whole


def test_the_file_alone_gives_the_same_answers_and_its_rows_are_in_the_ledger(folder: Path) -> None:
    command = ["outbound", "reprove", str(folder / "proof.jsonl")]
    done = CliRunner().invoke(main, [*command, "--key", public_key()], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "11 judged again with the same answer, 0 not" in done.output
    assert "11 proved under a root of the ledger" in done.output
    with (folder / "proof.jsonl").open(encoding="utf-8") as lines:
        found = reverify_evidence(lines)
    assert (found.lines, found.same, found.differences) == (11, 11, ())
    assert found.allowed == sum(row["allowed"] == "True" for row in read_rows(folder / "calls.csv"))


def verify_changed(folder: Path, number: int, change: Any) -> Result:
    path = folder / "proof.jsonl"
    lines = path.read_text("utf-8").splitlines()
    line = json.loads(lines[number])
    change(line)
    lines[number] = json.dumps(line, ensure_ascii=False)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return CliRunner().invoke(main, ["outbound", "reprove", str(path)], catch_exceptions=False)


def test_an_answer_that_was_changed_is_found_out_twice(folder: Path) -> None:
    def refused_into_allowed(line: dict[str, Any]) -> None:
        line["text"] = line["text"].replace('"allowed":false', '"allowed":true')
        line["proof"]["text"] = line["text"]

    done = verify_changed(folder, 11, refused_into_allowed)
    assert done.exit_code == 1
    assert "allowed True, found False" in done.output
    assert "not under the root" in done.output


def test_a_fact_that_was_changed_is_found_out(folder: Path) -> None:
    def another_consent(line: dict[str, Any]) -> None:
        line["facts"] = [row for row in line["facts"] if row[0] != "consents"]

    done = verify_changed(folder, 1, another_consent)
    assert (done.exit_code, "not those that were sealed" in done.output) == (1, True)


def test_other_rules_than_those_named_are_refused(folder: Path) -> None:
    def other_rules(header: dict[str, Any]) -> None:
        (texts,) = header["rules"].values()
        texts["fr_calls.yaml"] = texts["fr_calls.yaml"].replace("most: 4", "most: 5")

    assert verify_changed(folder, 0, other_rules).exit_code == 2
    with pytest.raises(ProofFault, match="line 1"):
        reverify_evidence(["{}"])


def test_a_call_that_is_not_sealed_yet_comes_without_a_proof(called: list[str], tmp_path: Path) -> None:
    done = write_proof(tmp_path / "early")
    assert "11 calls, 0 proved against the ledger, 11 with their evidence" in done.output
    done = CliRunner().invoke(main, ["outbound", "reprove", str(tmp_path / "early/proof.jsonl")])
    assert (done.exit_code, "0 proved" in done.output) == (0, True)
    assert write_proof(tmp_path / "early").exit_code == 2


def test_the_outcome_filed_later_is_included(called: list[str], tmp_path: Path) -> None:
    attempt = AttemptRow.objects.get(ref="call-0/1")
    attempt.pk, attempt.outcome = None, "conversation"
    attempt.save()
    write_proof(tmp_path / "out")
    assert read_rows(tmp_path / "out" / "calls.csv")[0]["outcome"] == "conversation"


@pytest.mark.parametrize("call_id", ["=HYPERLINK(1)", "+1+cmd|' /C calc'!A0", "-2", "@SUM(1)"])
def test_no_call_id_becomes_a_formula_of_a_spreadsheet(db: None, tmp_path: Path, call_id: str) -> None:
    record_people(range(1))
    asked = question(0, call_id, agent="=1+1")
    decide(DjangoStore(), asked, load_current_rules(), time.monotonic() + 5)
    assert write_proof(tmp_path / "out").exit_code == 0
    (row,) = read_rows(tmp_path / "out" / "calls.csv")
    assert (row["call"], row["agent"]) == (f"'{call_id}/1", "'=1+1")
    assert row["caller"] == "+33162000001"


ADDED = """jurisdiction: FR
rows:
- id: HOUSE-LUNCH
  gate: P
  kind: hours
  from: 2026-08-12
  parameters: {windows: {monday-friday: ["14:00-20:00"]}}
  applies: {}
  rule: {fr: "L'après-midi seulement", en: "Afternoons only"}
  refuses: {fr: "Le matin, la maison n'appelle pas.", en: "In the morning the house does not call."}
  reference: house rule
  source: house
  sure: [P]
"""
"""A row that the operator adds between two days of the campaign."""
WEEK = [datetime(2026, 8, day, 8, 30, tzinfo=UTC) for day in (10, 11, 12)]
EARLY = datetime(2026, 7, 1, 10, 0, tzinfo=UTC)


class StoreAt(DjangoStore):
    """A store whose database has the clock of the day."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def _rows(self, statement: str, asked: Any) -> Sequence[Any]:
        head = json.dumps([None, None, self._now.isoformat()])
        return [(*row[:3], head) if row[0] == "head" else row for row in super()._rows(statement, asked)]


def history(people: range) -> None:
    """A history as it was known in July: who consents, the list scrubbed, the registers read."""
    consents = [
        {"id": f"C{n}", "client": CLIENT, "person": f"P{n}", "collected_at": EARLY,
         "known_at": EARLY, "objects": ["electricity"], "proof": "a" * 64,
         "items": ["identity", "choice", "period", "withdrawal", "proof_access"]}
        for n in people
    ]  # fmt: skip
    rows_by_table = {
        "people": [{"person": f"P{n}", "number": phone(n)} for n in range(9)],
        "consents": consents,
        "scrubs": [{"list": "bloctel", "client": CLIENT, "at": EARLY.replace(day=30)}],
        "mandates": [{"id": "M1", "client": CLIENT, "number": CALLER, "first": EARLY.date()}],
        "feeds": [{"feed": feed, "read_at": at} for feed in FEEDS for at in WEEK],
    }
    frames = {name: frame_of(name, rows) for name, rows in rows_by_table.items()}
    load_frames(frames, source="history", by="tests", as_known=True)
    load = Load.objects.create(source="campaign", by="tests", opened_at=EARLY, known_at=EARLY)
    CampaignRow.objects.create(
        load=load, ref=CAMPAIGN, client=CLIENT, object="electricity", sector="energy-supply", provider="us", digest=""
    )


@pytest.fixture
def week(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three people called on 10, 11 and 12 August 2026; the house adds a row before the 12th."""
    monkeypatch.setattr(campaign_cache._StoredVersions, "versions", frozenset())
    history(range(2))
    for at in WEEK:
        if at.day == 12:
            law = settings.HOME / "law"
            law.mkdir(exist_ok=True)
            (law / "house.yaml").write_text(ADDED, encoding="utf-8")
        with monkeypatch.context() as patch:
            patch.setattr(decision.timezone, "now", lambda at=at: at)
            for person in range(3):
                asked = question(person, f"{at.day}-{person}")
                store_current_rules()
                decide(StoreAt(at), asked, load_current_rules(), time.monotonic() + 9)


def versions_write_proof(out: Path, *, code: int = 0) -> str:
    command = ["outbound", "proof", CAMPAIGN, "--from", "2026-08-10", "--to", "2026-08-12"]
    found = CliRunner().invoke(main, [*command, "--out", str(out)])
    assert found.exit_code == code, found.output
    return found.output


@pytest.mark.usefixtures("week")
def test_a_proof_over_several_versions_gives_the_same_answers_from_the_file_alone(tmp_path: Path) -> None:
    decisions = Decision.objects.order_by("at", "pk").values_list("at__day", "rules", "rules_version")
    by_day = {day: [rules for on, rules, _ in decisions if on == day] for day in (10, 11, 12)}
    assert by_day == {
        10: ["", "", ""],
        11: ["", "", "FR-OPTIN-1"],
        12: ["HOUSE-LUNCH", "HOUSE-LUNCH", "FR-OPTIN-1|HOUSE-LUNCH"],
    }
    assert len({version for _, _, version in decisions}) == 2
    close_batches(timezone.now())
    sign_root(timezone.now())
    (settings.HOME / "law" / "house.yaml").unlink()  # neither table is that of today any more
    (settings.HOME / "law" / "later.yaml").write_text(
        "jurisdiction: FR\nrows:\n- {closes: FR-OPTIN-1, from: 2027-01-01}\n", encoding="utf-8"
    )
    assert "9 calls, 9 proved against the ledger, 9 with their evidence" in versions_write_proof(tmp_path / "out")
    file = tmp_path / "out" / "proof.jsonl"
    with file.open(encoding="utf-8") as lines:
        assert len(json.loads(next(lines))["rules"]) == 2
    again = CliRunner().invoke(main, ["outbound", "reprove", str(file), "--key", public_key()])
    assert again.exit_code == 0, again.output
    assert "9 judged again with the same answer, 0 not" in again.output
    assert "9 proved under a root of the ledger" in again.output


@pytest.mark.usefixtures("week")
def test_a_version_that_is_not_kept_is_named_with_what_to_put_back(tmp_path: Path) -> None:
    (settings.HOME / "law" / "house.yaml").unlink()
    RuleTable.objects.exclude(texts=built_in_texts()).delete()
    campaign_cache._load_version.cache_clear()
    assert "not kept here" in versions_write_proof(tmp_path / "out", code=1)


@pytest.mark.usefixtures("week")
def test_a_version_is_kept_once_and_is_read_back_as_it_was() -> None:
    assert RuleTable.objects.count() == 2
    store_current_rules()
    assert RuleTable.objects.count() == 2
    for table in RuleTable.objects.all():
        campaign_cache._load_version.cache_clear()
        assert load_rules_version(table.version).version == table.version
    with pytest.raises(NotAvailable, match="put back"):
        load_rules_version("0" * 64)
