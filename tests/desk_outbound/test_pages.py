"""The pages of campaigns, of their sheets and of the rules: figures as recorded, a change tried."""

from __future__ import annotations

import csv
import html
import io
import json
import re
import zipfile
from collections import Counter
from collections.abc import Mapping
from datetime import date, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from releve.accounts.permissions import Role
from releve.cli import main
from releve.ledger.models import LedgerEntry, PersonalValue
from releve.ledger.roots import sign_root
from releve.live.clock import read_clock
from releve.network.moments import zone
from releve.plugins.outbound.campaign import rule_trial
from releve.plugins.outbound.campaign.packs import ContractDetails, record_contract_details
from releve.plugins.outbound.engine.fact_files import NEEDED, list_columns
from releve.plugins.outbound.engine.facts import Abandoned
from releve.plugins.outbound.engine.legal_rows import SOURCES, list_source_numbers, to_legal_day
from releve.plugins.outbound.engine.rule_files import built_in_rules
from releve.plugins.outbound.gate.fact_import import load_facts
from releve.plugins.outbound.gate.models import Decision
from releve.plugins.outbound.gate.proofs import close_batches, seal_facts
from releve.plugins.outbound.gate.pseudonyms import number_pseudonym
from tests.accounts.people import signed_in
from tests.gate.sample_campaign import CALLER, CAMPAIGN, CLIENT, build_consent, phone
from tests.outbound.test_loading import CALLS, SHORTER

pytestmark = [pytest.mark.database, pytest.mark.django_db]

ADDRESS = f"/outbound/campaigns/{CAMPAIGN}"


@pytest.fixture
def manager(called: list[str]) -> Client:
    return signed_in(Role.OUTBOUND)


def test_the_figures_are_those_of_the_decisions(manager: Client, called: list[str]) -> None:
    shown = manager.get(f"{ADDRESS}?format=json").json()
    allowed = sum(text.startswith("allow") for text in called)
    assert (shown["allowed"], shown["refused"]) == (allowed, len(called) - allowed)
    reasons = Counter(rule for d in Decision.objects.all() for rule in set(filter(None, d.rules.split("|"))))
    assert shown["by_rule"] == dict(reasons)
    hours = Counter(d.at.astimezone(zone("Europe/Paris")).hour for d in Decision.objects.filter(allowed=True))
    assert {h: n for h, n in enumerate(shown["by_hour"]) if n} == dict(hours)
    assert shown["several_clocks"] == 0


def test_the_list_counts_today_s_refusals_and_says_when_registers_were_read(manager: Client, called: list[str]) -> None:
    refused = sum(not text.startswith("allow") for text in called)
    (row,) = manager.get("/outbound/?format=json").json()["campaigns"]
    assert row["refused_today"] == refused
    page = html.unescape(manager.get("/outbound/").content.decode())
    assert re.search(rf"{refused} appels? refusés? aujourd’hui", page)
    assert "lu il y a" in page
    other = html.unescape(signed_in(Role.CONTINUITY).get("/outbound/").content.decode())
    assert "lu il y a" not in other


def test_the_object_of_a_campaign_is_a_word_and_no_code(manager: Client) -> None:
    page = re.sub(r"<[^>]+>", " ", html.unescape(manager.get("/outbound/").content.decode()))
    assert "électricité" in page
    assert "electricity" not in page


def test_a_refusal_is_explained_by_the_row_that_refused_it(manager: Client) -> None:
    """The law and our policy share the id FR-AUTO-1; thirty calls were refused by the law."""
    text, policy = (row.rule.of("fr") for row in built_in_rules().rows if row.id == "FR-AUTO-1")
    Decision.objects.update(allowed=False, legal=False, rules="FR-AUTO-1")
    page = html.unescape(manager.get(ADDRESS).content.decode())
    assert text in page
    assert policy not in page
    Decision.objects.update(legal=True)
    page = html.unescape(manager.get(ADDRESS).content.decode())
    assert text not in page
    assert policy in page


def test_consents_that_end_soon_are_counted_on_their_last_day(manager: Client) -> None:
    now = read_clock()
    today = to_legal_day(now)
    soon = today + timedelta(days=5)
    load_facts(
        [
            build_consent(10, now - timedelta(days=2), until=soon),
            build_consent(11, now - timedelta(days=355)),
            build_consent(12, now - timedelta(days=2), until=soon, objects=frozenset({"gas"})),
            build_consent(13, now - timedelta(days=400)),
            build_consent(14, now - timedelta(days=2), until=today + timedelta(days=31)),
        ],
        source="tests", by="tests",
    )  # fmt: skip
    shown = manager.get(f"{ADDRESS}?format=json").json()["expiring"]
    ends = to_legal_day(now - timedelta(days=355)) + timedelta(days=364)
    assert shown == {soon.isoformat(): 1, ends.isoformat(): 1}


def test_the_dialler_is_held_to_its_formula(manager: Client) -> None:
    today, now = to_legal_day(read_clock()), read_clock()
    load_facts([Abandoned(CAMPAIGN, today, 4, 96, now)], source="dialler", by="tests")
    (day,) = manager.get(f"{ADDRESS}?format=json").json()["pacing"]
    assert day == {"day": today.isoformat(), "abandoned": 4.0, "handled": 96.0, "share": 0.04}
    page = manager.get(ADDRESS).content.decode()
    assert "Abandonnés ÷ (abandonnés + appels remis à un téléconseiller)" in page
    assert "au-dessus" in page


def test_a_period_that_is_none_is_said(manager: Client) -> None:
    assert "les trente derniers" in manager.get(f"{ADDRESS}?from=x").content.decode()
    page = manager.get(f"{ADDRESS}?from=2026-11-24&to=2026-11-01").content.decode()
    assert "précède le dernier" in page
    early = manager.get(f"{ADDRESS}?from=2020-01-01&to=2020-01-31&format=json").json()
    assert (early["allowed"], early["refused"], early["by_rule"]) == (0, 0, {})


def test_a_campaign_takes_few_queries_whatever_its_size(manager: Client) -> None:
    manager.get(ADDRESS)
    with CaptureQueriesContext(connection) as seen:
        manager.get(ADDRESS)
    assert len(seen) <= 15


def test_a_client_sees_its_own_campaigns_and_no_others(called: list[str]) -> None:
    own, other = signed_in(Role.CLIENT, clients=[CLIENT]), signed_in(Role.CLIENT, clients=["B"])
    assert CAMPAIGN in own.get("/outbound/").content.decode()
    assert own.get(ADDRESS).status_code == 200
    assert CAMPAIGN not in other.get("/outbound/").content.decode()
    assert other.get(ADDRESS).status_code == 404
    assert own.get("/outbound/person").status_code == 404


def test_a_number_is_found_however_it_is_written(manager: Client) -> None:
    written = "0" + " ".join(phone(0).removeprefix("+33"))
    shown, whole = looked(manager, number=written).json(), looked(manager).json()
    assert shown["history"]["findings"] == whole["history"]["findings"]
    assert not any("DATA-PERSON" in row for row in shown["history"]["findings"])


def looked(web: Client, **shown: str) -> object:
    form = {"number": phone(0), "campaign": CAMPAIGN, "caller": CALLER, "reason": "she asks why we called", **shown}
    return web.post("/outbound/person?format=json", form)


def test_a_look_shows_the_verdict_and_the_history_and_is_recorded_with_its_reason(manager: Client) -> None:
    answered = looked(manager)
    assert answered["Cache-Control"] == "private, no-store"
    shown = answered.json()["history"]
    assert shown["number"] == number_pseudonym(phone(0))
    assert not shown["allowed"]
    assert any(row.startswith("FR-OPTIN-6@") for row in shown["findings"])
    tables = Counter(event["table"] for event in shown["events"])
    assert (tables["consents"], tables["withdrawals"]) == (1, 1)
    assert tables["attempts"] == Decision.objects.filter(allowed=True, number=number_pseudonym(phone(0))).count()
    entry = LedgerEntry.objects.get(kind="outbound.looked")
    assert phone(0) not in entry.body
    kept = {row.path: row.value for row in PersonalValue.objects.filter(entry=entry)}
    assert "she asks why we called" in " ".join(map(str, kept.values()))
    page = manager.post(
        "/outbound/person", {"number": phone(0), "campaign": CAMPAIGN, "caller": CALLER, "reason": "for a complaint"}
    ).content.decode()
    assert "Le consentement C0 a été retiré" in page
    known = " ".join(page.split("<h2>Ce qui est connu</h2>")[1].split("</dl>")[0].split())
    for said in ("référence C0", "donneur d’ordre CLIENT-A", "objet électricité"):
        assert said in known
    assert not re.search(r"\b(objects|electricity|outcome|act|items|table:)\b", known)
    assert re.search(r"métropole, \d+\u00a0h", page)
    assert LedgerEntry.objects.filter(kind="outbound.looked").count() == 2


def test_a_look_without_a_reason_shows_nothing_and_records_nothing(manager: Client) -> None:
    answered = looked(manager, reason="why")
    (fault,) = answered.json()["error"]["faults"]
    assert (answered.status_code, fault["field"]) == (422, "reason")
    assert "history" not in answered.json()
    assert looked(manager, campaign="none").status_code == 422
    assert not LedgerEntry.objects.filter(kind="outbound.looked").exists()


def test_somebody_unknown_is_said_to_be(manager: Client) -> None:
    shown = looked(manager, number="01 99 00 99 99").json()
    assert shown["history"]["persons"] == []
    assert "FR-DATA-PERSON@always" in shown["history"]["findings"]


SHEET_ADDRESS = f"/outbound/campaigns/{CAMPAIGN}/sheet"


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
    answered: Any = web.get(f"{SHEET_ADDRESS}/{name}")
    assert answered.status_code == 200
    assert answered["Content-Disposition"] == f'attachment; filename="{name}"'
    assert "no-store" in answered["Cache-Control"]
    return b"".join(answered.streaming_content).decode()


def test_a_client_reads_its_sheet_in_french_and_in_english(client_web: Client) -> None:
    page = client_web.get(SHEET_ADDRESS).content.decode()
    for words in ("Clause d’audit", "K-2026-7", "own customers", CALLER, "au-dessus",
                  "Faits de cette fiche\u202f: 3, dont 3 prouvés", "Refusés",
                  "Responsable du traitement"):  # fmt: skip
        assert words in page
    english = client_web.get(SHEET_ADDRESS, headers={"accept-language": "en"}).content.decode()
    assert "Audit clause" in english
    shown = client_web.get(f"{SHEET_ADDRESS}?format=json").json()
    assert shown["report"]["calls"]["decided"] == 11
    assert shown["report"]["papers"]["contract"] == "K-2026-7"


def test_papers_that_were_not_recorded_are_shown_as_missing(called: list[str]) -> None:
    page = signed_in(Role.OUTBOUND).get(SHEET_ADDRESS).content.decode()
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
    assert other.get(SHEET_ADDRESS).status_code == 404
    assert other.get(f"{SHEET_ADDRESS}/sheet.csv").status_code == 404
    assert client_web.get(f"{SHEET_ADDRESS}/secrets.csv").status_code == 404
    assert client_web.get(f"{SHEET_ADDRESS}/sheet.csv?from=x").status_code == 400


FEEDS = "feed,read_at\n" + "".join(
    f"{feed},2026-11-24T13:59:00Z\n" for feed in ("consents", "withdrawals", "refusals", "attempts")
)
CONTRACTS = "id,client,person,first,objects\nK1,CLIENT-A,P1,2024-01-10,electricity\n"
MANDATES = "id,client,number,first\nM1,CLIENT-A,3001,2020-01-01\n"


@pytest.fixture
def rules_manager() -> Client:
    return signed_in(Role.OUTBOUND)


@pytest.mark.parametrize(
    ("language", "rule"), [("fr", "Pas d’appel sans consentement"), ("en", "No call without prior")]
)
def test_every_row_of_the_day_is_shown_with_its_text_and_doubt(rules_manager: Client, language: str, rule: str) -> None:
    table = built_in_rules()
    answered = rules_manager.get("/outbound/rules?on=2026-08-11", headers={"accept-language": language})
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


def test_the_twin_holds_the_rows_of_the_country_and_day(rules_manager: Client) -> None:
    given = rules_manager.get("/outbound/rules?on=2026-08-10&jurisdiction=FR&format=json").json()
    ids = {row["id"] for row in given["rows"]}
    assert {"FR-BLOCTEL-1", "FR-HOURS-2A"} <= ids
    assert not {"FR-OPTIN-1", "BE-1"} & ids
    assert given["version"] == built_in_rules().version
    (hours,) = [row for row in given["rows"] if row["id"] == "FR-HOURS-1"]
    assert hours["parameters"]["windows"]["friday"] == ["10:00-13:00", "14:00-20:00"]
    assert hours["parameters"]["windows"]["saturday"] == []
    assert set(hours["sources"]) <= set(given["sources"])


def test_a_day_that_is_none_is_said_and_todays_rules_are_shown(rules_manager: Client) -> None:
    page = rules_manager.get("/outbound/rules?on=someday").content.decode()
    assert "someday" in page
    assert "FR-OPTIN-1" in page


def test_a_day_before_the_law_says_that_no_call_may_be_placed(rules_manager: Client) -> None:
    page = rules_manager.get("/outbound/rules?on=2010-01-01&jurisdiction=IT").content.decode()
    assert "aucun appel ne peut être passé" in page


def test_every_source_that_a_row_names_can_be_looked_up() -> None:
    named = {number for row in built_in_rules().rows for number in list_source_numbers(row.source)}
    assert named <= set(SOURCES)


def test_a_lawyer_from_outside_reads_and_does_not_try(rules_manager: Client) -> None:
    auditor = signed_in(Role.AUDITOR)
    page = auditor.get("/outbound/rules").content.decode()
    assert "/outbound/rules/flips" not in page
    assert "/outbound/rules/flips" in rules_manager.get("/outbound/rules").content.decode()
    assert auditor.get("/outbound/rules/flips").status_code == 404


def rules_sent(
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


def test_a_change_shows_which_calls_would_flip_and_loads_nothing(rules_manager: Client) -> None:
    version = built_in_rules().version
    answered = rules_sent(rules_manager)
    assert answered.status_code == 200
    given = {flip["id"]: flip for flip in answered.json()["flips"]}
    assert (given["Q1"]["becomes"], given["Q1"]["before"]) == ("refused", [])
    assert given["Q1"]["after"] == ["FR-HOURS-1@2026-11-23"]
    assert "Q2" not in given or given["Q2"]["becomes"] == "moved"
    assert built_in_rules().version == version


def test_faulty_files_are_named_and_nothing_is_judged(rules_manager: Client) -> None:
    wrong = SHORTER.replace("FR-HOURS-1", "FR-HUORS-1")
    answered = rules_sent(rules_manager, rows=wrong)
    assert (answered.status_code, answered.json()["flips"]) == (422, None)
    assert "FR-HUORS-1" in " ".join(answered.json()["faults"])
    assert rules_sent(rules_manager, calls=CALLS.replace(b"number", b"nomber", 1)).status_code == 422
    assert rules_sent(rules_manager, calls=CALLS.split(b"\n")[0] + b"\n").status_code == 422
    assert rules_manager.post("/outbound/rules/flips?format=json", {}).status_code == 422


def test_a_zip_of_facts_that_unpacks_to_too_much_is_refused(
    rules_manager: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = io.BytesIO()
    pl.select(id=pl.repeat("K1", 300_000), person=pl.lit("P1")).write_parquet(table)
    assert len(table.getvalue()) < 20_000
    monkeypatch.setattr(rule_trial, "_MOST_CELLS", 500_000)
    for name in ("contracts.parquet", "Contracts.PARQUET"):
        faults = rules_sent(rules_manager, more={name: table.getvalue()}).json()["faults"]
        assert faults == [f"{name} holds more than 500000 cells; use the command"]
    (fault,) = rules_sent(rules_manager, more={"facts.XLSX": b"PK"}).json()["faults"]
    assert fault == "facts.XLSX is a workbook; save its tables as CSV or use the command"
    monkeypatch.setattr(rule_trial, "_MOST_UNPACKED", 900_000)
    (fault,) = rules_sent(rules_manager, more={"notes.csv": b"0" * 900_000}).json()["faults"]
    assert "unpacks to more than" in fault


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
    answered = rules_sent(signed_in(Role.OUTBOUND), NO_DAYS, calls, facts=False).json()
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
