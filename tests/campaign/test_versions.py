"""A proof over days on which the rules were not the same: each call is judged by its own."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from django.conf import settings
from django.utils import timezone

from releve.cli import main
from releve.ledger.keys import public_key
from releve.ledger.roots import sign_root
from releve.plugins.outbound.engine import built_in_texts
from releve.plugins.outbound.gate import campaign_cache, decision
from releve.plugins.outbound.gate.campaign_cache import load_rules_version, store_current_rules
from releve.plugins.outbound.gate.current_rules import load_current_rules
from releve.plugins.outbound.gate.errors import NotAvailable
from releve.plugins.outbound.gate.fact_import import load_frames
from releve.plugins.outbound.gate.models import CampaignRow, Decision, Load, RuleTable
from releve.plugins.outbound.gate.proofs import close_batches
from tests.gate.django_store import DjangoStore
from tests.gate.sample_campaign import CALLER, CAMPAIGN, CLIENT, phone, question
from tests.gate.sync_decisions import decide
from tests.outbound.people import frame_of
from tests.outbound.table import FEEDS

pytestmark = [pytest.mark.database, pytest.mark.django_db]

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


def write_proof(out: Path, *, code: int = 0) -> str:
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
    assert "9 calls, 9 proved against the ledger, 9 with their evidence" in write_proof(tmp_path / "out")
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
    assert "not kept here" in write_proof(tmp_path / "out", code=1)


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
