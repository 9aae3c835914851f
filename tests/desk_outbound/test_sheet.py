"""The sheet of a campaign on the desk: what is shown, in both languages, and the files."""

from __future__ import annotations

import csv
import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from django.test import Client
from django.utils import timezone

from releve.accounts.permissions import Role
from releve.cli import main
from releve.ledger.roots import sign_root
from releve.live.clock import read_clock
from releve.plugins.outbound.campaign.packs import ContractDetails, record_contract_details
from releve.plugins.outbound.engine import Abandoned
from releve.plugins.outbound.engine.legal_rows import to_legal_day
from releve.plugins.outbound.gate.fact_import import load_facts
from releve.plugins.outbound.gate.proofs import close_batches, seal_facts
from tests.accounts.people import signed_in
from tests.gate.sample_campaign import CALLER, CAMPAIGN, CLIENT, phone

pytestmark = [pytest.mark.database, pytest.mark.django_db]
ADDRESS = f"/outbound/campaigns/{CAMPAIGN}/sheet"


@pytest.fixture
def client_web(called: list[str]) -> Client:
    """The client itself, after a day on which everything was shown, proved and sealed."""
    now = read_clock()
    load_facts([Abandoned(CAMPAIGN, to_legal_day(now), 4, 96, now)], source="dialler", by="tests")
    record_contract_details(CAMPAIGN, ContractDetails("K-2026-7", True, "own customers"), by="ines", now=now)
    close_batches(timezone.now())
    seal_facts(timezone.now())
    sign_root(timezone.now())
    return signed_in(Role.CLIENT, clients=[CLIENT])


def sent(web: Client, name: str) -> str:
    answered: Any = web.get(f"{ADDRESS}/{name}")
    assert answered.status_code == 200
    assert answered["Content-Disposition"] == f'attachment; filename="{name}"'
    assert "no-store" in answered["Cache-Control"]
    return b"".join(answered.streaming_content).decode()


def test_a_client_reads_its_sheet_in_french_and_in_english(client_web: Client) -> None:
    page = client_web.get(ADDRESS).content.decode()
    for words in ("Clause d’audit", "K-2026-7", "own customers", CALLER, "au-dessus",
                  "Faits de cette fiche\u202f: 3, dont 3 prouvés", "Refusés",
                  "Responsable du traitement"):  # fmt: skip
        assert words in page
    english = client_web.get(ADDRESS, headers={"accept-language": "en"}).content.decode()
    assert "Audit clause" in english
    shown = client_web.get(f"{ADDRESS}?format=json").json()
    assert shown["report"]["calls"]["decided"] == 11
    assert shown["report"]["papers"]["contract"] == "K-2026-7"


def test_papers_that_were_not_recorded_are_shown_as_missing(called: list[str]) -> None:
    page = signed_in(Role.OUTBOUND).get(ADDRESS).content.decode()
    assert "non déclaré" in page
    assert "rien n’est connu" in page


def test_the_files_are_those_of_the_command_and_hold(client_web: Client, tmp_path: Path) -> None:
    for name in ("facts.jsonl", "consents.jsonl"):
        (tmp_path / name).write_text(sent(client_web, name), encoding="utf-8")
        shown = CliRunner().invoke(main, ["outbound", "reprove", str(tmp_path / name)])
        assert shown.exit_code == 0
        assert "3 proved under a root of the ledger" in shown.output
    rows = list(csv.DictReader(StringIO(sent(client_web, "consents.csv"))))
    assert [row["ref"] for row in rows] == ["C0", "C1", "C2"]
    assert phone(0) not in str(rows)
    figures = dict(csv.reader(StringIO(sent(client_web, "sheet.csv"))))
    assert figures["calls.decided"] == "11"
    assert json.loads(sent(client_web, "sheet.json"))["calls"]["decided"] == 11


def test_no_other_client_and_no_other_file_is_there(client_web: Client) -> None:
    other = signed_in(Role.CLIENT, clients=["B"])
    assert other.get(ADDRESS).status_code == 404
    assert other.get(f"{ADDRESS}/sheet.csv").status_code == 404
    assert client_web.get(f"{ADDRESS}/secrets.csv").status_code == 404
    assert client_web.get(f"{ADDRESS}/sheet.csv?from=x").status_code == 400
