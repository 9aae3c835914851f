"""Numbers alike at every entrance, stored forms, and a French office's workbook up to its first lawful call."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import polars as pl
import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from releve.live.clock import read_clock
from releve.network.moments import zone
from releve.plugins.outbound.commands.facts import read_fact_folder
from releve.plugins.outbound.engine.errors import FactFaults
from releve.plugins.outbound.engine.fact_tables import read_folder, read_tables
from releve.plugins.outbound.engine.judged_call import fill_provider
from releve.plugins.outbound.engine.numbers import (
    NumberTable,
    mark_miswritten_numbers,
    normalize_shown_numbers,
    parse_number_column,
)
from releve.plugins.outbound.engine.rule_files import built_in_rules
from releve.plugins.outbound.gate import pseudonyms
from releve.plugins.outbound.gate.attempt_outcomes import read_outcomes
from releve.plugins.outbound.gate.campaign_cache import build_row
from releve.plugins.outbound.gate.campaigns import load_campaigns
from releve.plugins.outbound.gate.decision import mask_number
from releve.plugins.outbound.gate.fact_reader import CampaignFacts, KnownFacts, hash_facts
from releve.plugins.outbound.gate.models import AbandonedRow, CampaignRow, Cursor, Load, PersonRequestRow, PersonRow
from releve.plugins.outbound.gate.person_requests import PhoneRequest, RequestFaults, record_request
from releve.plugins.outbound.gate.protocol import Question, parse_question
from releve.plugins.outbound.gate.request_feeds import take_files, take_rows
from releve.plugins.outbound.gate.sql import OWN, TABLES
from tests.gate.sample_campaign import CLIENT, GateDatabase, brief, phone, record_people, run
from tests.gate.sync_decisions import decide
from tests.outbound.people import NUMBERS

DAY = date(2026, 11, 24)
PLAN = built_in_rules().numbers
INVISIBLE = "\u00ad\u200b\u200c\u200d\u200e\u200f\u202a\u202c\u2060\u2066\u2069\ufeff"
SPACES = "\x1c\u0085\u00a0\u1680\u2007\u2009\u202f\u205f\u3000\u2028"
DASHES = "\u2010\u2011\u2012\u2013\u2014\ufe63\uff0d"
FULL_WIDTH = {ord(one): chr(ord(one) + 0xFEE0) for one in "0123456789+().-/"}
OTHER_DIGITS = ("٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹", "०१२३४५६७८९", "⁰¹²³⁴⁵⁶⁷⁸⁹", "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗")
BLANK = "\u2800\u3164\ufe0f\u034f"
"""Characters that look like nothing and are none of the above: they are refused everywhere."""


def meaning(text: str) -> tuple[str, str]:
    """Return the number that the plain engine reads, and its fault."""
    found = PLAN.number(text, DAY)
    return found.text, found.fault


def assert_entrances_agree(text: str) -> None:
    number, fault = meaning(text)
    miswritten = PLAN.find_form_fault(text)
    column = pl.Series("number", [text, "0144556677"])
    assert parse_number_column(column, PLAN, DAY).row(0)[:2] == (number, fault)
    assert mark_miswritten_numbers(column, PLAN)[0] == bool(miswritten)
    assert normalize_shown_numbers(column, PLAN, date.max)[0] == pseudonyms.number_text(text) == number
    assert (
        pseudonyms.find_number_fault(text) == pseudonyms.find_number_fault(pseudonyms.number_text(text)) == miswritten
    )
    asked = parse_question(f"to={quote(text)}&cli={quote(text)}&camp=spring&ci=A&cs=1")
    if asked is not None:
        assert (pseudonyms.number_text(asked.to), meaning(asked.cli)) == (number, (number, fault))
    elif len(number) <= 40:
        assert miswritten


def spell(draw: st.DrawFn) -> str:
    number = draw(st.sampled_from(["0144556677", "+33144556677", "0033612345678", "+262692123456",
                                   "0692123456", "+34911222333", "3639", "612345678"]))  # fmt: skip
    parts = list(number)
    for _ in range(draw(st.integers(0, 6))):
        place = draw(st.integers(0, len(parts) - 1))
        what = draw(st.sampled_from(["blank", "wide", "digit", "insert"]))
        if what == "insert":
            parts.insert(place, draw(st.sampled_from([*INVISIBLE, *SPACES, *DASHES, " ", "(0)"])))
        elif what == "blank":
            parts.insert(place, draw(st.sampled_from([*BLANK])))
        elif what == "wide":
            parts[place] = parts[place].translate(FULL_WIDTH)
        elif parts[place].isascii() and parts[place].isdecimal():
            parts[place] = draw(st.sampled_from(OTHER_DIGITS))[int(parts[place])]
    return "".join(parts)


@given(st.composite(spell)())
def test_all_entrances_agree_on_numbers_with_odd_characters(text: str) -> None:
    assert_entrances_agree(text)


@given(st.text(st.characters(blacklist_categories=("Cs",)), max_size=30))
def test_all_entrances_agree_on_any_text(text: str) -> None:
    assert_entrances_agree(text)


@pytest.mark.parametrize("character", [*INVISIBLE, *SPACES, *DASHES])
def test_a_number_with_an_invisible_character_space_or_dash_is_the_number(character: str) -> None:
    for text in (f"01{character}44556677", f"{character}0144556677", f"0144556677{character}"):
        assert meaning(text) == ("+33144556677", "")
        assert_entrances_agree(text)


def test_a_full_width_number_is_the_number() -> None:
    for text in ("0144556677", "+33144556677", "+33 (0)1.44-55/66 77"):
        wide = text.translate(FULL_WIDTH)
        assert meaning(wide) == ("+33144556677", "")
        assert_entrances_agree(wide)


@pytest.mark.parametrize("digits", OTHER_DIGITS)
def test_digits_of_another_script_are_refused_everywhere(digits: str) -> None:
    national = "".join(digits[int(one)] for one in "0144556677")
    for text in (national, f"01{national[2:]}", f"0144556{national[7:]}", f"+33{national[1:]}"):
        assert meaning(text)[1] == "foreign-digits"
        assert_entrances_agree(text)


@pytest.mark.parametrize("character", [*BLANK])
def test_a_blank_that_is_no_space_is_refused_everywhere(character: str) -> None:
    text = f"01{character}44556677"
    assert meaning(text)[1]
    assert_entrances_agree(text)


@pytest.mark.parametrize(
    ("table", "head", "cells"),
    [
        ("people", "person,number", "P1,{}"),
        ("listings", "list,number,at", "bloctel,{},2026-09-15T11:00:00+02:00"),
        ("withdrawals", "client,person,at", "A,{},2026-09-15T11:00:00+02:00"),
        ("mandates", "id,client,number,first", "M1,A,{},2026-01-01"),
    ],
)
def test_a_table_refuses_digits_of_another_script_and_names_the_number_meant(table: str, head: str, cells: str) -> None:
    people = {} if table == "people" else {"people.csv": b"person,number\nP1,0144500001\n"}
    files = people | {f"{table}.csv": f"{head}\n{cells.format('٠١44500001')}\n".encode()}
    with pytest.raises(FactFaults) as refused:
        read_tables(files, whole=True, strict=False)
    assert "digits of a script other than 0 to 9; write '0144500001'" in str(refused.value)


@pytest.mark.database
@pytest.mark.parametrize("number", ["٠١44500001", "01９９００００0", "+3314450000", "0144\u316400001"])
def test_a_request_refuses_a_number_that_tables_refuse(db: None, number: str) -> None:
    record_people([1])
    with pytest.raises(RequestFaults) as refused:
        record_request(PhoneRequest("K1", number, "stop"), by="dialler")
    assert [(fault.field, fault.code) for fault in refused.value.faults] == [("number", "number.unreadable")]


@pytest.mark.database
def test_a_request_by_a_full_width_number_binds_its_holder(db: None) -> None:
    record_people([1])
    number = "01\u200b\uff14\uff14\u00a0500001"
    assert record_request(PhoneRequest("K1", number, "stop"), by="dialler").persons == 1


def shortest(number: str, table: NumberTable) -> str:
    """The mask that shows fewest digits, four at least hidden; empty where none reads alike."""

    def read(text: str) -> tuple[object, ...]:
        found = table.number(text, DAY)
        return found.number_class, found.territories, found.callee, found.fault

    masks = (number[:n] + "0" * (len(number) - n) for n in range(1, len(number) - 3))
    return next((mask for mask in masks if read(mask) == read(number)), "")


@pytest.mark.parametrize("pattern", NUMBERS)
def test_the_plan_reads_both_alike(pattern: str) -> None:
    table, draw = built_in_rules().numbers, np.random.default_rng(1)
    for digits in draw.integers(1, 9999, 20):
        number = pattern.format(digits)
        found = mask_number(number, table, DAY)
        assert found == shortest(number, table)
        assert found[-4:] == "0000"
        assert len(found) == len(number)


@pytest.mark.parametrize(
    "number", ["+2628", "0612", "06123", "061234", "+33612345", "+336123456789012", "12345678901234567"]
)
def test_the_mask_of_a_malformed_number_is_as_long(number: str) -> None:
    table = built_in_rules().numbers
    assert table.number(number, DAY).fault
    found = mask_number(number, table, DAY)
    assert found == shortest(number, table)
    assert len(found) in (0, len(number))
    assert not found or found[-4:] == "0000"
    assert bool(found) is (len(number) > 4)


def test_nothing_stands_in_for_what_is_too_short_to_hide() -> None:
    assert mask_number("", built_in_rules().numbers, DAY) == ""
    assert mask_number("112", built_in_rules().numbers, DAY) == ""


AT = datetime(2026, 9, 15, 9, tzinfo=UTC)
CELLS: dict[str, Any] = {
    "text": "é",
    "instant": AT,
    "day": date(2026, 9, 15),
    "words": frozenset({"gas", "electricity"}),
    "flag": True,
    "number": 1.5,
}
DIGESTS = {
    "people": "5ecc9291e20ec6c14596d1cae463d485",
    "consents": "7c99b0102a6dd516f2d2b9f0b6e50e95",
    "withdrawals": "e9fed957894b801bb4c267ba8189e2a0",
    "contracts": "f99d5012ff2fbbf2a2824ecd18ca710e",
    "callbacks": "0fecf3801051bdc7fd3ebbecc4cfcd64",
    "refusals": "e9fed957894b801bb4c267ba8189e2a0",
    "attempts": "1bbc97c8d8521792fb3f9c67ccb92d1d",
    "listings": "2e864256aeeec0af59a9f7ec3bec92bf",
    "scrubs": "a0fffe89e48a8c3dd7393f6d260c8f70",
    "mandates": "26946aaae32dbf7a864e0ca3d5e83085",
    "abandoned": "2cfa9a4f6fc97dd6886c608a9e671c5a",
    "feeds": "5b4db79a4fc245f624b5b66d5eaef19d",
}


def fill(table: str) -> dict[str, Any]:
    """A value of its kind for each column of a table."""
    found = {column.field: CELLS[column.kind] for column in TABLES[table].columns}
    return {**found, "number": phone(1)} if "number" in found else found


@pytest.mark.parametrize("table", TABLES)
def test_the_same_fact_has_the_same_digest(table: str) -> None:
    assert build_row(TABLES[table], fill(table), AT).digest == DIGESTS[table]


def test_the_same_key_gives_the_same_pseudonyms() -> None:
    assert pseudonyms.number_pseudonym(phone(1)) == "fc3c9b563dc074ec90a75a049f1596e8"
    assert pseudonyms.person_pseudonym("P1") == "4d88b8c9401fdeefee660fdb3ab3bd2c"
    assert pseudonyms.hash_value("a") == "736471307ebf5a2788df2bf9310e5627"
    assert pseudonyms.key_check() == "348c883c21b98691058f295fd7d06c07"


def test_the_same_table_of_attempts_is_the_same_provider() -> None:
    head, rows = ("id,client,person,at", ["1,A,P1,2026-09-15T11:00:00+02:00", "2,B,é,2026-09-16 11:00Z"])
    for order in (rows, rows[::-1]):
        file = "\n".join((head, *order)).encode()
        table = fill_provider(read_tables({"attempts.csv": file})["attempts"])
        assert set(table["provider"]) == {"table:a72391ad50276570"}
        own = table.with_columns(provider=pl.Series(["us", None]))
        assert fill_provider(own, "them")["provider"].to_list() == ["us", "them"]


def test_the_same_facts_are_the_same_evidence() -> None:
    when = "2026-09-15T09:00:00+00:00"
    common = CampaignFacts([
        ("feeds", "", "", json.dumps([2, when, "attempts", when, when])),
        ("feeds", "", "", json.dumps([1, when, "refusals", when, None])),
        ("abandoned", "", "", json.dumps([1, when, "spring", "2026-09-14", 4, 96])),
    ])  # fmt: skip
    own = {name: [] for name in OWN} | {
        "people": [(AT, {"person": "P1", "kind": "é"})],
        "consents": [(AT, {"objects": CELLS["words"], "until": None, "slot_from": AT})],
        "callbacks": [(AT, {"named": True, "in_call": False})],
    }
    text = KnownFacts(common, own, None, "").serialize()
    assert text == (
        f'[["people","{when}","P1","é"],'
        f'["consents","{when}",["electricity","gas"],null,"{when}"],'
        f'["callbacks","{when}",true,false],'
        f'["abandoned","{when}","spring","2026-09-14",4,96],'
        f'["feeds",null,"refusals","{when}",null],["feeds",null,"attempts","{when}","{when}"]]'
    )
    tagged = f"releve gate facts 1\n{text}".encode()
    assert hash_facts(text) == hashlib.sha256(tagged).hexdigest()


@pytest.mark.django_db
@pytest.mark.database
def test_the_same_campaign_file_feed_and_request_are_known_again(tmp_path: Path) -> None:
    record_people([1])
    assert CampaignRow.objects.get().digest == "a02068c306a431015a005110030fc44c"
    row = f"1;{phone(1)};stop;{CLIENT}\n"
    (tmp_path / "one.csv").write_text(f"id;number;said;client\n{row}", encoding="utf-8")
    name = hashlib.sha256((tmp_path / "one.csv").read_bytes()).hexdigest()[:56]
    take_files(tmp_path, by="d", settle=0)
    take_rows("d", [], position=0, by="d")
    (tmp_path / "acc").mkdir()
    log = tmp_path / "acc" / "acc.log"
    log.write_text("INVITE|f|t|call|486|Busy|now|1\n", encoding="utf-8")
    read_outcomes(log.parent)
    first = hashlib.sha256(log.read_bytes()).hexdigest()[:32]
    known = {f"drop:{name}", "feed:d", f"{log.stat().st_ino}:{first}"}
    assert set(Cursor.objects.values_list("source", flat=True)) == known
    request = PersonRequestRow.objects.get()
    assert request.key == hashlib.sha256(b"d\n1").hexdigest()
    parts = [pseudonyms.number_pseudonym(phone(1)), "stop", CLIENT, "dialler", "", "", None]
    assert request.content == hashlib.sha256(json.dumps(parts).encode()).hexdigest()


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
