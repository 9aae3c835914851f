"""Once a day what is due is erased and the ledger sealed, and its root leaves the house."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import transaction

from releve.ledger.chain import append, entries
from releve.live import chores
from releve.live.chores import daily

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def home(settings: object, tmp_path: Path) -> Path:
    settings.HOME = tmp_path  # type: ignore[attr-defined]
    return tmp_path


class Killed(Exception):  # noqa: N818
    """The process ended here."""


def killed(*whatever: object) -> None:
    raise Killed


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


def test_killed_before_the_root_left_the_house_it_leaves_with_the_next_call(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded(NOON)
    with monkeypatch.context() as patched:
        patched.setattr(chores, "publish", killed)
        with pytest.raises(Killed):
            daily(NOON)
    assert daily(NOON + timedelta(seconds=1)) is None
    assert [path.name for path in (home / "roots").iterdir()] == ["root-000001.json"]


def test_killed_between_erasing_and_scrubbing_the_files_are_scrubbed_with_the_next_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recorded(NOON)
    daily(NOON)
    tomorrow, answers = NOON + timedelta(days=1), [True, False]
    with monkeypatch.context() as patched:
        patched.setattr(chores, "scrub", killed)
        with pytest.raises(Killed):
            daily(tomorrow)
    monkeypatch.setattr(chores, "scrub", answers.pop)
    assert daily(tomorrow) is not None
    assert answers == [], "once more, since somebody was reading"


def test_a_day_on_which_nothing_happened_has_no_root_of_its_own(home: Path) -> None:
    recorded(NOON - timedelta(days=2))
    first = daily(NOON - timedelta(days=2))
    assert first is not None
    assert daily(NOON - timedelta(days=1)) is None
    assert len(list((home / "roots").iterdir())) == 1


def test_the_day_after_what_is_due_is_erased_and_sealed_with_the_rest() -> None:
    recorded(NOON)
    daily(NOON)
    root = daily(NOON + timedelta(days=1))
    stored = list(entries(None, after=0))
    assert root is not None
    assert root.size == len(stored)
    assert stored[0].erased == ("agent",)
    assert stored[-1].kind == "ledger.erased"
