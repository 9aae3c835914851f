"""The proof of a campaign for its client: the file alone gives the same answers."""

from __future__ import annotations

import csv
import json
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner, Result
from django.utils import timezone

from releve.cli import main
from releve.ledger.keys import public_key
from releve.ledger.roots import sign_root
from releve.plugins.outbound.engine.errors import ProofFault
from releve.plugins.outbound.engine.rule_impact import reverify_evidence
from releve.plugins.outbound.gate.current_rules import load_current_rules
from releve.plugins.outbound.gate.models import AttemptRow, Decision
from releve.plugins.outbound.gate.proofs import close_batches
from tests.gate.django_store import DjangoStore
from tests.gate.sample_campaign import CAMPAIGN, phone, question, record_people
from tests.gate.sync_decisions import decide

pytestmark = [pytest.mark.database, pytest.mark.django_db]


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


def read_rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "calls.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_each_call_comes_with_what_its_client_may_ask_for(folder: Path, called: list[str]) -> None:
    rows = read_rows(folder)
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
    assert found.allowed == sum(row["allowed"] == "True" for row in read_rows(folder))


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
    assert read_rows(tmp_path / "out")[0]["outcome"] == "conversation"


@pytest.mark.parametrize("call_id", ["=HYPERLINK(1)", "+1+cmd|' /C calc'!A0", "-2", "@SUM(1)"])
def test_no_call_id_becomes_a_formula_of_a_spreadsheet(db: None, tmp_path: Path, call_id: str) -> None:
    record_people(range(1))
    asked = question(0, call_id, agent="=1+1")
    decide(DjangoStore(), asked, load_current_rules(), time.monotonic() + 5)
    assert write_proof(tmp_path / "out").exit_code == 0
    (row,) = read_rows(tmp_path / "out")
    assert (row["call"], row["agent"]) == (f"'{call_id}/1", "'=1+1")
    assert row["caller"] == "+33162000001"
