"""What one version stores the next knows again: digests, pseudonyms and evidence, bit by bit.

The values are as first stored; one that changes makes each fact that is read again a correction,
each request a new one and each proof false, so it needs a migration.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from releve.plugins.outbound.engine.fact_tables import read_tables
from releve.plugins.outbound.engine.judged_call import fill_provider
from releve.plugins.outbound.gate.attempt_outcomes import read_outcomes
from releve.plugins.outbound.gate.campaign_cache import build_row
from releve.plugins.outbound.gate.fact_reader import CampaignFacts, KnownFacts, hash_facts
from releve.plugins.outbound.gate.models import CampaignRow, Cursor, PersonRequestRow
from releve.plugins.outbound.gate.pseudonyms import hash_value, key_check, number_pseudonym, person_pseudonym
from releve.plugins.outbound.gate.request_feeds import take_files, take_rows
from releve.plugins.outbound.gate.sql import OWN, TABLES
from tests.gate.sample_campaign import CLIENT, phone, record_people

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
    assert number_pseudonym(phone(1)) == "fc3c9b563dc074ec90a75a049f1596e8"
    assert person_pseudonym("P1") == "4d88b8c9401fdeefee660fdb3ab3bd2c"
    assert hash_value("a") == "736471307ebf5a2788df2bf9310e5627"
    assert key_check() == "348c883c21b98691058f295fd7d06c07"


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
    parts = [number_pseudonym(phone(1)), "stop", CLIENT, "dialler", "", "", None]
    assert request.content == hashlib.sha256(json.dumps(parts).encode()).hexdigest()
