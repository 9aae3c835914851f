"""A French office's workbook: faults in one round, mended, imported, and a first lawful call."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from click.testing import CliRunner, Result

from releve.cli import main
from releve.live.clock import read_clock
from releve.network.moments import zone
from releve.plugins.outbound.commands.facts import read_fact_folder
from releve.plugins.outbound.engine.fact_tables import read_folder, read_tables
from releve.plugins.outbound.gate.campaigns import load_campaigns
from releve.plugins.outbound.gate.models import AbandonedRow, CampaignRow, Load, PersonRow
from releve.plugins.outbound.gate.protocol import Question
from tests.gate.sample_campaign import GateDatabase, brief
from tests.gate.sync_decisions import decide

Sheets = Mapping[str, Sequence[Sequence[Any]]]
NOW = datetime(2026, 11, 24, 11, 0)  # noqa: DTZ001 (Excel's own: the clock of the office)
ITEMS = "identité|choix|durée|retrait|accès à la preuve"


def office(now: datetime = NOW) -> dict[str, list[list[Any]]]:
    """Return the sheets of an office on the clock of Paris."""
    given, before = now - timedelta(days=30), now - timedelta(days=3)
    return {
        "Personnes": [
            ["Personne", "Téléphone", "Code postal", "Nature"],
            ["P1", "01 99 00 00 01", "75 001", "consommateur"],
            ["P2", "01 99 00 00 02", 1000, ""],
        ],
        "Consentements": [
            ["Référence", "Donneur d'ordre", "Personne", "Recueilli le", "Objets", "Mentions",
             "Preuve", "Acte positif", "Valable jusqu'au", "Canal"],
            ["C1", "Azur Énergie", "P1", given, "électricité", ITEMS, "form-1.pdf", "case cochée",
             (now + timedelta(days=120)).date(), "site internet"],
        ],
        "Retraits": [
            ["Donneur d'ordre", "Personne", "Date"],
            ["AZUR ENERGIE", "P2", before],
        ],
        "Mandats": [
            ["Référence", "Donneur d'ordre", "Numéro", "Début", "Lien avec le territoire"],
            ["M1", "Azur Énergie", "01 62 00 00 01", given.date(), True],
        ],
        "Abandons": [
            ["Campagne", "Jour", "Abandonnés", "Traités", "Connu le"],
            ["printemps", (before - timedelta(days=1)).date(), 2, 198, before],
        ],
        "Donneurs d'ordre": [["Donneur d'ordre", "Autre nom"], ["Azur Énergie", "Azur SA"]],
        "Campagnes": [
            ["Campagne", "Donneur d'ordre", "Objet", "Secteur", "Mode de numérotation"],
            ["printemps", "Azur Énergie", "électricité", "fourniture d'énergie", "manuel"],
        ],
    }  # fmt: skip


FAULTY: list[tuple[str, int, int, Any, str]] = [
    ("Personnes", 1, 1, 199000001, "0199000001"),
    ("Personnes", 2, 1, 3.36e10, "+33"),
    ("Consentements", 1, 4, "électricitée", "électricité"),
    ("Consentements", 1, 8, "31/13/2026", "existe pas"),
    ("Retraits", 1, 1, "P9", "P9"),
    ("Retraits", 1, 2, datetime(2026, 11, 15), "15/09/2026 11:00"),  # noqa: DTZ001
    ("Mandats", 1, 4, "peut-être", "oui ou non"),
    ("Abandons", 1, 2, -4, "0"),
    ("Campagnes", 1, 3, "assurance", "énergie"),
]
"""Sheet, row, column, what stands there, and a word of what is said."""


def book(sheets: Sheets) -> bytes:
    """Return a workbook with a sheet a table, its dates as Excel stores them."""
    out = BytesIO()
    written = xlsxwriter.Workbook(out, {"in_memory": True})
    moment = written.add_format({"num_format": "dd/mm/yyyy hh:mm"})
    day = written.add_format({"num_format": "dd/mm/yyyy"})
    for name, rows in sheets.items():
        sheet = written.add_worksheet(name)
        for at, row in enumerate(rows):
            for column, cell in enumerate(row):
                if isinstance(cell, datetime):
                    sheet.write_datetime(at, column, cell, moment)
                elif isinstance(cell, date):
                    sheet.write_datetime(at, column, cell, day)
                else:
                    sheet.write(at, column, cell)
    written.close()
    return out.getvalue()


def damaged(now: datetime) -> dict[str, list[list[Any]]]:
    """Return the office's sheets with every one of the faults."""
    sheets = office(now)
    for sheet, row, column, text, _ in FAULTY:
        sheets[sheet][row][column] = text
    return sheets


def run(*words: str, code: int = 0) -> Result:
    found = CliRunner().invoke(main, ["outbound", *words])
    assert found.exit_code == code, found.output
    return found


def test_the_tables_of_a_workbook_are_those_of_french_and_english_files() -> None:
    sheets = {name: rows for name, rows in office().items() if name != "Campagnes"}
    frames = read_tables({"faits.xlsx": book(sheets)})
    assert frames["people"]["address"].to_list() == ["75001", "01000"]
    paris = zone("Europe/Paris")
    assert frames["consents"]["collected_at"].to_list() == [(NOW - timedelta(days=30)).replace(tzinfo=paris)]
    assert frames["consents"]["unreadable"].to_list() == [""]
    assert frames["mandates"]["linked"].to_list() == [True]
    casablanca = read_tables({"faits.xlsx": book(sheets)}, zone="Africa/Casablanca")
    shift = casablanca["consents"]["collected_at"][0] - frames["consents"]["collected_at"][0]
    assert shift == timedelta(hours=1)


def test_an_iso_text_of_a_workbook_needs_its_offset_and_one_with_it_is_not_local() -> None:
    head = ["Donneur d'ordre", "Personne", "Date"]
    rows = [["A", "P1", NOW], ["A", "P2", "2026-11-24T11:00:00+0200"]]
    found = read_folder({"faits.xlsx": book({"Retraits": [head, *rows]})})
    assert (found.faults, found.local) == ([], 1)
    rows.append(["A", "P3", "2026-11-24T11:00:00"])
    (fault,) = read_folder({"faits.xlsx": book({"Retraits": [head, *rows]})}).faults
    assert (fault.row, str(fault.reason)) == (4, "not an instant with its offset")


def test_headers_may_lack_their_accents_and_a_file_be_utf16_with_its_separator() -> None:
    text = "sep=;\r\nPersonne;Telephone;Code postal\r\nP1;01 99 00 00 01;67\u202f000\r\n"
    for data in (text.encode("utf-16"), text.replace("\u202f", "\xa0").encode("cp1252")):
        frame = read_tables({"Personnes.csv": data})["people"]
        assert frame.row(0)[:2] == ("P1", "01 99 00 00 01")
        assert frame["address"].to_list() == ["67000"]


@pytest.mark.parametrize(
    ("number", "meant"),
    [
        ("612345678", "write '0612345678'"),
        ("6 12 34 56 78", "write '0612345678'"),
        ("33612345678", "write '+33612345678'"),
        ("330612345678", "write '+33612345678'"),
        ("3,36E+10", "format the column as text"),
        ("1.0E+10", "format the column as text"),
    ],
)
def test_a_number_is_mended_to_the_french_one_alone(number: str, meant: str) -> None:
    found = read_folder({"personnes.csv": f"personne;numéro\nP1;{number}\n".encode()})
    (fault,) = found.faults
    assert fault.fix.startswith(meant)
    assert "+6" not in fault.fix


@pytest.mark.parametrize(
    ("number", "postcode", "kept"),
    [("01 99 00 00 01", "1000", "01000"), ("01 99 00 00 01", "1 000", "01000"),
     ("01 99 00 00 01", "97 400", "97400"), ("01 99 00 00 01", "RE", "RE"),
     ("+32 2 555 12 12", "1000", None)],
)  # fmt: skip
def test_a_postcode_gets_its_zero_back_where_only_france_writes_it_so(
    number: str, postcode: str, kept: str | None
) -> None:
    text = f"personne;numéro;code postal\nP1;{number};{postcode}\n"
    found = read_folder({"personnes.csv": text.encode()})
    if kept is not None:
        assert (found.faults, found.frames["people"]["address"].to_list()) == ([], [kept])
        return
    (fault,) = found.faults
    assert (fault.row, fault.column, fault.value) == (2, "address", "1000")
    assert fault.fix == "write 01000 where its first zero is lost, else the territory, like BE"


def test_a_serial_date_of_a_text_file_is_a_date_but_no_proof_of_a_consent() -> None:
    contracts = "id;client;person;first\nK1;A;P1;46280\n"
    frame = read_tables({"contrats.csv": contracts.encode()})["contracts"]
    assert frame["first"].to_list() == [date(2026, 9, 15)]
    consents = "id;client;person;collected_at;objects\nC1;A;P1;46280,5;gaz\n"
    frame = read_tables({"consentements.csv": consents.encode()})["consents"]
    assert frame["unreadable"].to_list() == ["spreadsheet-serial"]


@pytest.mark.database
@pytest.mark.django_db(transaction=True)
def test_a_workbook_of_an_office_is_mended_in_one_round_and_a_first_call_is_lawful(tmp_path: Path) -> None:
    now = read_clock().astimezone(zone("Europe/Paris")).replace(tzinfo=None, microsecond=0)
    file = tmp_path / "faits.xlsx"
    file.write_bytes(book(damaged(now)))
    command = ("facts", "import", str(file), "--read", "--by", "ines", "--lang", "fr")
    said = run(*command, code=1).output.replace("\u202f", " ").replace("\xa0", " ")
    lines = said.strip().split("\n")
    assert len(lines) == len(FAULTY) + 1, said
    for sheet, row, column, _, word in FAULTY:
        name = {"Téléphone": "Numéro"}.get(head := office()[sheet][0][column], head)
        place = f"faits.xlsx, {sheet}, ligne {row + 1}, {name}".replace("'", "’").lower()
        (line,) = [one for one in lines if place in one.replace("'", "’").lower()]
        assert word in line, line
    assert not Load.objects.exists()
    assert not CampaignRow.objects.exists()

    file.write_bytes(book(office(now)))
    done = run(*command).output
    assert "campaigns: 1 recorded" in done
    assert "times without offset: 3, read in Europe/Paris" in done
    assert PersonRow.objects.count() == 2
    ground = GateDatabase(tmp_path)
    ground.ready()
    for number, text in (("0199000001", "200 allow"), ("0199000002", "403 refuse")):
        asked = Question(to=number, camp="printemps", ci=number, cs=1, cli="0162000001")
        store = ground.store()
        reply = decide(store, asked, ground.rules, time.monotonic() + 5)
        store.close()
        assert brief(reply).startswith(text), brief(reply)


@pytest.mark.database
@pytest.mark.django_db(transaction=True)
def test_a_sheet_of_campaigns_keeps_what_it_has_no_column_for(tmp_path: Path) -> None:
    run("campaign", "printemps", "--client", "Azur Énergie", "--object", "electricity",
        "--sector", "energy-supply", "--unauthenticated", "--mobile-terminal",
        "--by", "ines")  # fmt: skip
    file = tmp_path / "campagnes.xlsx"
    sheet = office()["Campagnes"]
    file.write_bytes(book({"Campagnes": [[*sheet[0], "Site"], [*sheet[1], "Lille"]]}))
    assert "campaigns: 1 recorded" in run("facts", "import", str(file), "--by", "ines").output
    last = load_campaigns()["printemps"]
    assert (last.site, last.authenticated, last.mobile_terminal) == ("Lille", False, True)


@pytest.mark.database
@pytest.mark.django_db(transaction=True)
def test_a_fault_of_a_campaign_has_its_row_after_one_whose_sector_is_empty(tmp_path: Path) -> None:
    head, row = office()["Campagnes"]
    empty = ["été", row[1], row[2], None, row[4]]
    wrong = ["automne", row[1], row[2], "assurance", row[4]]
    file = tmp_path / "campagnes.xlsx"
    file.write_bytes(book({"Campagnes": [head, row, empty, wrong]}))
    said = run("facts", "import", str(file), "--by", "ines", "--lang", "en", code=1).output
    assert "row 3, sector: empty" in said, said
    assert "row 4, sector “insurance”" in said, said


@pytest.mark.database
@pytest.mark.django_db(transaction=True)
def test_facts_of_a_campaign_in_another_spelling_count_for_the_one_of_the_sheet(tmp_path: Path) -> None:
    now = read_clock().astimezone(zone("Europe/Paris")).replace(tzinfo=None, microsecond=0)
    sheets = office(now)
    sheets["Abandons"][1][0] = "Printemps"
    killed = Load.objects.create(source="killed", by="ines", opened_at=read_clock(), digest="d")
    AbandonedRow.objects.create(load=killed, campaign="PRINTEMPS", day=now.date(), abandoned=1, handled=9, digest="d")
    file = tmp_path / "faits.xlsx"
    file.write_bytes(book(sheets))
    done = run("facts", "import", str(file), "--by", "ines").output
    assert "campaigns: 1 recorded" in done
    assert list(load_campaigns()) == ["printemps"]
    kept = AbandonedRow.objects.exclude(load=killed)
    assert list(kept.values_list("campaign", flat=True)) == ["printemps"]


def test_the_same_files_on_another_clock_are_another_import(tmp_path: Path) -> None:
    file = tmp_path / "faits.xlsx"
    file.write_bytes(book({"Retraits": office()["Retraits"]}))
    digests = {
        read_fact_folder(file, whole=False, strict=True, zone=name)[1] for name in ("Europe/Paris", "Africa/Casablanca")
    }
    assert len(digests) == 2


@pytest.mark.database
@pytest.mark.django_db(transaction=True)
def test_a_coarse_object_of_a_campaign_is_a_fault_where_it_prospects(tmp_path: Path) -> None:
    head, row = office()["Campagnes"]
    rows = [[*row[:2], "telecom", "telecoms", "manuel", purpose] for purpose in ("service", "prospecting")]
    rows[1][0] = "été"
    file = tmp_path / "campagnes.xlsx"
    file.write_bytes(book({"Campagnes": [[*head, "But"], *rows]}))
    said = run("facts", "import", str(file), "--by", "ines", "--lang", "en", code=1).output
    assert "row 3, object “telecom”: object 'telecom' is too coarse" in said
    assert said.count("campagnes.xlsx") == 1
