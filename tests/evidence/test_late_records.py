"""What was recorded late shows: on the pages, beside each figure, and in the verifier's words."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st
from pytest_django.plugin import DjangoDbBlocker

from releve.ledger import verify
from releve.ledger.export import export_lines
from releve.ledger.keys import public_key
from releve.ledger.models import LedgerEntry
from releve.ledger.proofs import prove_entry
from releve.network import day_bounds
from releve.plugins.evidence.pack import build_pack
from releve.plugins.evidence.paper import Paper, typeset
from releve.plugins.evidence.sources import PackRequest
from releve.plugins.inspection import verify_draw
from releve.registry import storage
from releve.situation import LATE_MINUTES, measure_delay
from tests.evidence.pack_house import FIRST, LAST, SITE, fill_house, record_event
from tests.ledger.conftest import KEY

pytestmark = [pytest.mark.django_db, pytest.mark.database]
AFTERWARDS = "2026-11-29T20:00+00:00"
"""When two checks and a visit of the days before were written down."""


def backdate() -> list[Any]:
    checks = [
        record_event("check.done", f"2026-11-{day}T16:00+00:00", AFTERWARDS, site=SITE,
                     day=f"2026-11-{day}", commission=[], transport_fill=None, symptomatic=0,
                     note="", findings=[{"measure": "masks", "verdict": "kept", "note": ""}])
        for day in (26, 27)
    ]  # fmt: skip
    visit = record_event("inspection.held", "2026-11-27T09:00+00:00", AFTERWARDS, site=SITE,
                         authority="CMP", unannounced=True, inspectors=[], findings=[], photos=[],
                         note="")  # fmt: skip
    return [*checks, visit]


@pytest.fixture(scope="module")
def made(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[tuple[dict[str, Any], str, str]]:
    """Return a site's pack, its public key, and what its pages print."""
    storage.clear_cache()
    printed: list[str] = []

    def note_paper(paper: Paper, attached: Any) -> bytes:
        printed.append(json.dumps(paper.content, ensure_ascii=False))
        return typeset(paper, attached)

    with (
        django_db_blocker.unblock(),
        override_settings(LEDGER_KEY=KEY),
        transaction.atomic(),
        pytest.MonkeyPatch.context() as patch,
    ):
        fill_house(*backdate())
        patch.setattr("releve.plugins.evidence.pack.typeset", note_paper)
        built = build_pack(PackRequest("inspection", SITE, FIRST, LAST, "en"))
        key = public_key()
        transaction.set_rollback(True)
    yield json.loads(built.document), key, printed[-1]
    storage.clear_cache()


def find_statement(document: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in document["statements"] if one["id"] == name)


def check_as_issued(document: dict[str, Any], key: str, language: str = "en") -> tuple[Any, str]:
    """Verify a document, whatever note its issuer signed for it."""
    found = verify.check_pack(document, verify.Keys([key]), [], None, language)
    return found.faults, found.summary


def test_a_figure_says_how_many_of_its_entries_were_recorded_late(made: Any) -> None:
    document, _key, printed = made
    days = find_statement(document, "check-days")
    assert (days["value"], days["late"], len(days["of"])) == (8, 2, 8)
    assert find_statement(document, "visits")["late"] == 1
    assert find_statement(document, "closures")["late"] == 0
    found = find_statement(document, "measure-masks")
    assert (found["value"], found["late"]) == ("kept", 1)
    pages = json.loads(printed)
    late = next(table for table in pages["tables"] if table["heading"].startswith("Recorded late"))
    assert str(LATE_MINUTES) in late["heading"]
    assert [row[2:4] for row in late["rows"]] == [
        ["2026-11-26", "2026-11-29 21:00"],
        ["2026-11-27", "2026-11-29 21:00"],
        ["2026-11-27 10:00", "2026-11-29 21:00"],
    ]
    figures = next(table for table in pages["tables"] if table["heading"] == "Figures")
    assert any(row[2].endswith("; recorded late: 2") for row in figures["rows"])


def test_a_pack_prints_the_hash_of_its_verifier_and_where_else_it_is(made: Any) -> None:
    document, _key, printed = made
    digest = sha256(Path(verify.__file__).read_bytes()).hexdigest()
    assert document["made_with"]["verifier_sha256"] == digest
    check = json.loads(printed)["check"]
    assert ["verify.py, SHA-256", digest] in check["root"]
    assert any("wheel and the source of Relève" in step for step in check["steps"])


def test_the_verifier_prints_how_much_was_recorded_late(made: Any) -> None:
    document, key, _printed = made
    faults, summary = check_as_issued(document, key)
    assert faults == []
    entries = len(document["entries"])
    assert f"recorded late: 3 of {entries} entries, by up to 68 h 00 min" in summary
    assert "8 (2 of its 8 entries recorded late)" in summary
    assert "tardivement" in check_as_issued(document, key, "fr")[1]


def hide_late(pack: dict[str, Any]) -> None:
    for one in pack["statements"]:
        one["late"] = 0


def stretch_days(pack: dict[str, Any]) -> None:
    for days in pack["day_ends"].values():
        days.update(dict.fromkeys(days, "2026-11-29T23:59:59.000000Z"))


@pytest.mark.parametrize(
    ("bend", "said"), [(hide_late, "recorded late, computed is 2"), (stretch_days, "does not end at")]
)
def test_late_records_that_the_issuer_hides_are_faults(
    made: Any, bend: Callable[[dict[str, Any]], None], said: str
) -> None:
    document, key, _printed = made
    bent = copy.deepcopy(document)
    bend(bent)
    try:
        faults = check_as_issued(bent, key)[0]
    except verify.VerifyError as fault:
        faults = [str(fault)]
    assert any(said in fault for fault in faults), faults


@given(
    st.integers(-300, 30_000),
    st.booleans(),
    st.sampled_from(["Africa/Casablanca", "Europe/Paris", "Indian/Antananarivo"]),
)
def test_the_verifier_and_the_engine_measure_alike(minutes: int, about_day: bool, time_zone: str) -> None:
    happened = datetime(2026, 10, 24, 15, tzinfo=UTC)  # the night after it, Paris changes its clocks
    recorded = happened + timedelta(minutes=minutes, seconds=minutes % 60)
    day = date(2026, 10, 24) if about_day else None
    body = {"happened_at": happened.isoformat(), "site": "s"}
    if day is not None:
        body["day"] = day.isoformat()
    ended = day_bounds(date(2026, 10, 24), time_zone)[1].isoformat()
    record = {"entry": {"body": body, "recorded_at": recorded.isoformat()}}
    found = verify.late_minutes(record, {"day_ends": {"s": {"2026-10-24": ended}}})
    delay = measure_delay(happened, recorded, day, time_zone)
    assert found == -(-delay // timedelta(minutes=1))


def test_an_export_and_a_proof_say_what_was_recorded_late(db: None, settings: Any) -> None:
    settings.LEDGER_KEY = KEY
    storage.clear_cache()
    _operator, root = fill_house(*backdate())
    export = verify.Export(verify.Keys([public_key()]), [])
    export.read(f"{line}\n".encode() for line in export_lines())
    assert export.faults == []
    assert "recorded late: 3 entries (more than 60 minutes after" in export.summary()
    visit, check = (
        prove_entry(max(LedgerEntry.objects.filter(kind=kind).values_list("seq", flat=True)), root)
        for kind in ("inspection.held", "check.done")
    )
    said = [verify.check_proof(one, verify.Keys([public_key()]), []) for one in (visit, check)]
    assert said[0].endswith("recorded late: by 59 h 00 min")
    assert said[1].endswith("recorded late: by 32 h 00 min"), "the day ended everywhere at 12 h"


@pytest.mark.parametrize("day", ["2026-13-01", "someday"])
def test_a_day_that_is_none_is_a_fault_and_no_crash(day: str) -> None:
    body = {"happened_at": "2026-11-26T16:00:00Z", "day": day}
    record = {"entry": {"body": body, "recorded_at": "2026-11-26T16:00:00Z"}}
    with pytest.raises(verify.VerifyError, match="not an instant"):
        verify.late_minutes(record)


def test_a_draw_says_when_a_visit_was_recorded() -> None:
    draw = object.__new__(verify_draw.Draw)
    draw.day, draw.plan_id = "2026-11-27", "p"
    draw.entries = {
        1: {"kind": "inspection.held", "seq": 1, "recorded_at": "2026-11-29T20:00:00.000000Z",
            "body": {"site": "casa", "happened_at": "2026-11-27T09:00:00Z"}},
    }  # fmt: skip
    assert draw.follow("casa") == ("visited at 2026-11-27T09:00:00Z, recorded at 2026-11-29T20:00:00Z")
