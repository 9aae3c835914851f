"""A change of the rules tried on what is recorded: on the desk and by the command."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from releve.accounts.permissions import Role
from releve.cli import main
from releve.ledger.models import LedgerEntry
from releve.live.clock import read_clock
from tests.accounts.people import signed_in
from tests.desk_outbound.test_rules import sent
from tests.gate.sample_campaign import CALLER, CAMPAIGN, CLIENT, phone

pytestmark = [pytest.mark.database, pytest.mark.django_db]

NO_DAYS = """jurisdiction: FR
rows:
- {amends: FR-OPTIN-3, gate: P, from: 2026-09-01, parameters: {days: 0}}
"""


def test_without_tables_a_change_is_tried_on_what_is_recorded_and_that_is_recorded(called: list[str]) -> None:
    later = read_clock() + timedelta(minutes=1)
    head = "id,client,number,at,object,sector,caller,campaign,person\n"
    rows = [f"Q{n},{CLIENT},{phone(n)},{later.isoformat()},electricity,energy-supply,{CALLER},"
            f"{CAMPAIGN}," for n in (2, 77)]  # fmt: skip
    calls = (head + "\n".join([*rows, rows[0].replace("Q2", "Q3") + "P2"]) + "\n").encode()
    answered = sent(signed_in(Role.OUTBOUND), NO_DAYS, calls, facts=False).json()
    shown = {flip["id"]: flip for flip in answered["flips"]}
    assert {name: flip["becomes"] for name, flip in shown.items()} == {"Q2": "refused", "Q3": "refused"}
    assert shown["Q2"]["before"] == []
    assert shown["Q2"]["after"] == ["FR-OPTIN-3@2026-09-01"]
    entry = LedgerEntry.objects.get(kind="outbound.tried")
    assert json.loads(entry.body)["calls"] == 3
    assert phone(2) not in entry.body


def test_the_command_tries_a_change_on_what_is_recorded_too(called: list[str], tmp_path: Path) -> None:
    later = read_clock() + timedelta(minutes=1)
    calls = "id,client,number,at,object,sector,caller\n"
    calls += f"Q2,{CLIENT},{phone(2)},{later.isoformat()},electricity,energy-supply,"
    calls += f"{CALLER}\n"
    (tmp_path / "calls.csv").write_text(calls, encoding="utf-8")
    (tmp_path / "rows.yaml").write_text(NO_DAYS, encoding="utf-8")
    command = ["outbound", "flips", str(tmp_path / "calls.csv"), str(tmp_path / "rows.yaml")]
    shown = CliRunner().invoke(main, [*command, "--recorded-by", "ines", "--lang", "en"])
    assert shown.exit_code == 1, shown.output
    assert "becomes refused +FR-OPTIN-3@2026-09-01" in shown.output
    both = CliRunner().invoke(main, [*command, "--recorded-by", "i", "--facts", str(tmp_path)])
    assert (both.exit_code, "drop them" in both.output) == (2, True)


def test_a_check_reads_the_database_and_is_recorded(called: list[str]) -> None:
    words = ["outbound", "check", phone(2), "--client", "client a", "--object", "Électricité",
             "--sector", "energy supply", "--caller", CALLER, "--campaign", CAMPAIGN,
             "--person", "P2", "--recorded-by", "ines", "--json"]  # fmt: skip
    found = json.loads(CliRunner().invoke(main, words).stdout)
    rules = {finding["row"].partition("@")[0] for finding in found["findings"]}
    assert rules <= {"FR-HOURS-1"}, "the register is read, and only the clock may refuse"
    assert found["basis"] == "consent:C2"
    assert LedgerEntry.objects.filter(kind="outbound.tried").count() == 1
    both = CliRunner().invoke(main, [*words, "--known-at", "2026-11-24T10:30:00+01:00"])
    assert (both.exit_code, "drop them" in both.output) == (2, True)
