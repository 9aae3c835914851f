"""Once a day what is due is erased and the ledger sealed, and its root leaves the house."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import transaction

from releve.ledger.chain import append, entries
from releve.live.chores import daily

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def home(settings: object, tmp_path: Path) -> Path:
    settings.HOME = tmp_path  # type: ignore[attr-defined]
    return tmp_path


def recorded(at: datetime) -> None:
    with transaction.atomic():
        append(
            "note", {"agent": ""}, personal={"agent": "a-17"}, subject="a-17",
            erase_on=NOON.date() + timedelta(days=1), recorded_at=at,
        )  # fmt: skip


def test_an_empty_ledger_is_left_alone(home: Path) -> None:
    assert daily(NOON) is None
    assert not (home / "roots").exists()


def test_the_first_call_of_a_day_seals_and_the_next_does_nothing(home: Path) -> None:
    recorded(NOON)
    root = daily(NOON)
    assert root is not None
    assert (home / "roots" / root.file_name).read_text() == root.text
    recorded(NOON + timedelta(hours=1))
    assert daily(NOON + timedelta(hours=2)) is None


def test_the_day_after_what_is_due_is_erased_and_sealed_with_the_rest() -> None:
    recorded(NOON)
    daily(NOON)
    root = daily(NOON + timedelta(days=1))
    stored = list(entries(None, after=0))
    assert root is not None
    assert root.size == len(stored)
    assert stored[0].erased == ("agent",)
    assert stored[-1].kind == "ledger.erased"
