"""The page of the rules: the whole table of a day, and what a change of it would do."""

from __future__ import annotations

import html
import io
import re
import zipfile
from collections.abc import Mapping
from datetime import date
from typing import Any

import polars as pl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from releve.accounts.permissions import Role
from releve.plugins.outbound.campaign import rule_trial
from releve.plugins.outbound.engine import built_in_rules
from releve.plugins.outbound.engine.fact_files import NEEDED, list_columns
from releve.plugins.outbound.engine.legal_rows import SOURCES, list_source_numbers
from tests.accounts.people import signed_in
from tests.outbound.test_flips import CALLS, SHORTER

pytestmark = [pytest.mark.database, pytest.mark.django_db]

FEEDS = "feed,read_at\n" + "".join(
    f"{feed},2026-11-24T13:59:00Z\n" for feed in ("consents", "withdrawals", "refusals", "attempts")
)
CONTRACTS = "id,client,person,first,objects\nK1,CLIENT-A,P1,2024-01-10,electricity\n"
MANDATES = "id,client,number,first\nM1,CLIENT-A,3001,2020-01-01\n"


@pytest.fixture
def manager() -> Client:
    return signed_in(Role.OUTBOUND)


@pytest.mark.parametrize(
    ("language", "rule"), [("fr", "Pas d’appel sans consentement"), ("en", "No call without prior")]
)
def test_every_row_of_the_day_is_shown_with_its_text_and_doubt(manager: Client, language: str, rule: str) -> None:
    table = built_in_rules()
    answered = manager.get("/outbound/rules?on=2026-08-11", headers={"accept-language": language})
    page = html.unescape(answered.content.decode())
    assert rule in page
    rows = [row for row in table.rows if row.binds_on(date(2026, 8, 11))]
    assert page.count('class="rule gate-') == len(rows)
    plain = " ".join(page.split())
    for row in rows:
        assert row.reference in page
        assert " ".join(row.rule.of(language).split()) in plain
        assert row.doubt is None or " ".join(row.doubt.of(language).split()) in plain
        for number in list_source_numbers(row.source):
            assert f'id="source-{number}"' in page
        for words in filter(None, (row.refuses, row.remedy)):
            said = re.sub(r"\{\w+\}", "…", words.of(language))
            assert " ".join(said.split()) in plain
    assert not re.search(r"\{\w+\}", plain), "a gap is shown as one"
    assert "Bloctel before every" not in page
    assert page.count('aria-current="page"') == 1, "the nearest entry of the menu, not two"


def test_the_twin_holds_the_rows_of_the_country_and_day(manager: Client) -> None:
    given = manager.get("/outbound/rules?on=2026-08-10&jurisdiction=FR&format=json").json()
    ids = {row["id"] for row in given["rows"]}
    assert {"FR-BLOCTEL-1", "FR-HOURS-2A"} <= ids
    assert not {"FR-OPTIN-1", "BE-1"} & ids
    assert given["version"] == built_in_rules().version
    (hours,) = [row for row in given["rows"] if row["id"] == "FR-HOURS-1"]
    assert hours["parameters"]["windows"]["friday"] == ["10:00-13:00", "14:00-20:00"]
    assert hours["parameters"]["windows"]["saturday"] == []
    assert set(hours["sources"]) <= set(given["sources"])


def test_a_day_that_is_none_is_said_and_todays_rules_are_shown(manager: Client) -> None:
    page = manager.get("/outbound/rules?on=someday").content.decode()
    assert "someday" in page
    assert "FR-OPTIN-1" in page


def test_a_day_before_the_law_says_that_no_call_may_be_placed(manager: Client) -> None:
    page = manager.get("/outbound/rules?on=2010-01-01&jurisdiction=IT").content.decode()
    assert "aucun appel ne peut être passé" in page


def test_every_source_that_a_row_names_can_be_looked_up() -> None:
    named = {number for row in built_in_rules().rows for number in list_source_numbers(row.source)}
    assert named <= set(SOURCES)


def test_a_lawyer_from_outside_reads_and_does_not_try(manager: Client) -> None:
    auditor = signed_in(Role.AUDITOR)
    page = auditor.get("/outbound/rules").content.decode()
    assert "/outbound/rules/flips" not in page
    assert "/outbound/rules/flips" in manager.get("/outbound/rules").content.decode()
    assert auditor.get("/outbound/rules/flips").status_code == 404


def sent(
    web: Client, rows: str = SHORTER, calls: bytes = CALLS, facts: bool = True, more: Mapping[str, bytes] | None = None
) -> Any:
    files = {"calls": SimpleUploadedFile("calls.csv", calls), "rows": SimpleUploadedFile("rows.yaml", rows.encode())}
    if facts:
        given = io.BytesIO()
        with zipfile.ZipFile(given, "w") as archive:
            archive.writestr("facts/feeds.csv", FEEDS)
            archive.writestr("facts/contracts.csv", CONTRACTS)
            archive.writestr("facts/mandates.csv", MANDATES)
            for table in NEEDED:
                archive.writestr(f"facts/{table}.csv", ",".join(list_columns(table)))
            for name, data in (more or {}).items():
                archive.writestr(name, data, zipfile.ZIP_DEFLATED)
        files["facts"] = SimpleUploadedFile("facts.zip", given.getvalue())
    return web.post("/outbound/rules/flips?format=json", files)


def test_a_change_shows_which_calls_would_flip_and_loads_nothing(manager: Client) -> None:
    version = built_in_rules().version
    answered = sent(manager)
    assert answered.status_code == 200
    given = {flip["id"]: flip for flip in answered.json()["flips"]}
    assert (given["Q1"]["becomes"], given["Q1"]["before"]) == ("refused", [])
    assert given["Q1"]["after"] == ["FR-HOURS-1@2026-11-23"]
    assert "Q2" not in given or given["Q2"]["becomes"] == "moved"
    assert built_in_rules().version == version


def test_faulty_files_are_named_and_nothing_is_judged(manager: Client) -> None:
    wrong = SHORTER.replace("FR-HOURS-1", "FR-HUORS-1")
    answered = sent(manager, rows=wrong)
    assert (answered.status_code, answered.json()["flips"]) == (422, None)
    assert "FR-HUORS-1" in " ".join(answered.json()["faults"])
    assert sent(manager, calls=CALLS.replace(b"number", b"nomber", 1)).status_code == 422
    assert sent(manager, calls=CALLS.split(b"\n")[0] + b"\n").status_code == 422
    assert manager.post("/outbound/rules/flips?format=json", {}).status_code == 422


def test_a_zip_of_facts_that_unpacks_to_too_much_is_refused(manager: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    table = io.BytesIO()
    pl.select(id=pl.repeat("K1", 300_000), person=pl.lit("P1")).write_parquet(table)
    assert len(table.getvalue()) < 20_000
    monkeypatch.setattr(rule_trial, "_MOST_CELLS", 500_000)
    for name in ("contracts.parquet", "Contracts.PARQUET"):
        faults = sent(manager, more={name: table.getvalue()}).json()["faults"]
        assert faults == [f"{name} holds more than 500000 cells; use the command"]
    (fault,) = sent(manager, more={"facts.XLSX": b"PK"}).json()["faults"]
    assert fault == "facts.XLSX is a workbook; save its tables as CSV or use the command"
    monkeypatch.setattr(rule_trial, "_MOST_UNPACKED", 900_000)
    (fault,) = sent(manager, more={"notes.csv": b"0" * 900_000}).json()["faults"]
    assert "unpacks to more than" in fault
