"""Once a day what is due is erased and the ledger sealed, and its root leaves the house."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from django.db import transaction

from releve.cli import main
from releve.ledger.chain import append, iter_entries
from releve.ledger.models import PersonalValue
from releve.ledger.rollback import forget
from releve.ledger.roots import sign_root
from releve.live import api as live
from releve.live import situation_cache, statement
from releve.live.clock import real_now
from releve.live.models import DailyRun
from releve.live.statement import run_daily_jobs
from releve.situation import AgentBack, AgentUnavailable
from tests.homes import make_test_home
from tests.live.scenario import Scenario

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]
KEPT = timedelta(days=30)
"""What the shipped rule RETENTION says."""
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def home(settings: object, tmp_path: Path) -> Path:
    settings.HOME = make_test_home(tmp_path)  # type: ignore[attr-defined]
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
    assert run_daily_jobs(NOON) is None
    assert not (home / "roots").exists()


def test_the_first_call_of_a_day_seals_and_the_next_does_nothing(home: Path) -> None:
    recorded(NOON)
    root = run_daily_jobs(NOON)
    assert root is not None
    assert (home / "roots" / root.file_name).read_text() == root.text
    recorded(NOON + timedelta(hours=1))
    assert run_daily_jobs(NOON + timedelta(hours=2)) is None


def test_killed_before_the_root_left_the_house_it_leaves_with_the_next_call(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded(NOON)
    with monkeypatch.context() as patched:
        patched.setattr(statement, "publish_root", killed)
        with pytest.raises(Killed):
            run_daily_jobs(NOON)
    assert run_daily_jobs(NOON + timedelta(seconds=1)) is None
    left = sorted(path.name for path in (home / "roots").iterdir())
    assert left == ["checkpoint-000001.txt", "root-000001.json"]


def test_a_root_that_was_cut_in_the_home_is_named_and_stops_no_job(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recorded(NOON)
    root = run_daily_jobs(NOON)
    assert root is not None
    path = home / "roots" / root.file_name
    path.write_text(root.text[:40])
    forget()
    for minutes in (1, 2):
        run_daily_jobs(NOON + timedelta(minutes=minutes))
    tomorrow = NOON + timedelta(days=1)
    recorded(tomorrow)
    (home / "roots" / "root-000002.json").write_text("{")
    assert run_daily_jobs(tomorrow) is not None
    assert DailyRun.objects.get(day=tomorrow.date()).done_at == tomorrow
    said = [row.getMessage() for row in caplog.records if row.levelname == "CRITICAL"]
    assert [name in line for name, line in zip(("root-000001", "root-000002"), said, strict=True)]
    assert path.read_text() == root.text[:40]


def test_killed_between_erasing_and_scrubbing_the_files_are_scrubbed_with_the_next_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recorded(NOON)
    run_daily_jobs(NOON)
    tomorrow, answers = NOON + timedelta(days=1), [True, False]
    with monkeypatch.context() as patched:
        patched.setattr(statement, "scrub_files", killed)
        with pytest.raises(Killed):
            run_daily_jobs(tomorrow)
    monkeypatch.setattr(statement, "scrub_files", lambda tables: answers.pop())
    assert run_daily_jobs(tomorrow) is not None
    assert answers == [], "tried again, since a reader held the file"


def test_a_day_on_which_nothing_happened_has_no_root_of_its_own(home: Path) -> None:
    recorded(NOON - timedelta(days=2))
    first = run_daily_jobs(NOON - timedelta(days=2))
    assert first is not None
    assert run_daily_jobs(NOON - timedelta(days=1)) is None
    assert len(list((home / "roots").glob("root-*"))) == 1


def test_the_day_after_what_is_due_is_erased_and_sealed_with_the_rest() -> None:
    recorded(NOON)
    run_daily_jobs(NOON)
    root = run_daily_jobs(NOON + timedelta(days=1))
    stored = list(iter_entries(None, after=0))
    assert root is not None
    assert root.size == len(stored)
    assert stored[0].erased == ("agent",)
    assert [entry.kind for entry in stored[-2:]] == ["ledger.erased", "ledger.tallied"]


@pytest.fixture
def absent(scenario: Scenario) -> str:
    """An agent who is away without a known end."""
    agent = scenario.agents_at(scenario.site)[0]
    scenario.act(AgentUnavailable.kind, agent=agent)
    return agent


def day_of_erasure(agent: str) -> date | None:
    found = set(
        PersonalValue.objects.filter(subject=agent, entry__kind=AgentUnavailable.kind).values_list(
            "erase_on", flat=True
        )
    )
    assert len(found) == 1
    return found.pop()


def test_an_absence_of_unknown_end_is_kept_while_it_lasts(scenario: Scenario, absent: str) -> None:
    PersonalValue.objects.filter(subject=absent).update(erase_on=real_now().date())
    run_daily_jobs(real_now())
    assert absent in live.situation_now(scenario.stream).absences
    assert day_of_erasure(absent) == real_now().date() + KEPT


def test_an_absence_is_kept_from_the_return_on_as_long_as_any(scenario: Scenario, absent: str) -> None:
    PersonalValue.objects.filter(subject=absent).update(erase_on=real_now().date())
    scenario.act(AgentBack.kind, agent=absent)
    assert day_of_erasure(absent) == real_now().date() + KEPT
    run_daily_jobs(real_now() + KEPT + timedelta(days=1))
    situation_cache.clear_cache()
    assert absent not in live.situation_now(scenario.stream).absences


def test_a_drill_keeps_what_is_real_by_the_real_calendar(scenario: Scenario, absent: str) -> None:
    scenario.later(days=400)
    other = scenario.agents_at(scenario.site)[1]
    scenario.act(AgentUnavailable.kind, agent=other)
    assert day_of_erasure(other) == day_of_erasure(absent) == real_now().date() + KEPT


def test_a_root_sealed_by_hand_on_that_day_does_not_stop_the_erasure() -> None:
    recorded(NOON)
    tomorrow = NOON + timedelta(days=1)
    sign_root(tomorrow - timedelta(hours=6))
    run_daily_jobs(tomorrow)
    assert not PersonalValue.objects.exclude(subject="").exists()


def test_a_clock_once_a_day_ahead_stops_no_day_s_erasure() -> None:
    recorded(NOON)
    run_daily_jobs(NOON)
    run_daily_jobs(NOON + timedelta(days=9))
    later = NOON + timedelta(days=8)
    with transaction.atomic():
        append("note", {"agent": ""}, personal={"agent": "b"}, subject="b", erase_on=later.date(), recorded_at=NOON)
    run_daily_jobs(later)
    assert not PersonalValue.objects.exclude(subject="").exists()
    at_dawn = NOON + timedelta(days=9, hours=-11)
    run_daily_jobs(at_dawn)
    assert DailyRun.objects.get(day=at_dawn.date()).done_at == at_dawn


def test_a_day_without_an_entry_is_done_once(monkeypatch: pytest.MonkeyPatch) -> None:
    run_daily_jobs(NOON)
    monkeypatch.setattr("releve.plugins.outbound.gate.proofs.close_batches", killed)
    run_daily_jobs(NOON + timedelta(seconds=1))


def test_files_that_a_reader_held_are_cleaned_later(monkeypatch: pytest.MonkeyPatch) -> None:
    recorded(NOON)
    tomorrow = NOON + timedelta(days=1)
    monkeypatch.setattr(statement, "scrub_files", lambda tables: False)
    run_daily_jobs(tomorrow)
    assert not DailyRun.objects.get().scrubbed
    monkeypatch.setattr(statement, "scrub_files", lambda tables: True)
    run_daily_jobs(tomorrow + timedelta(minutes=1))
    assert not DailyRun.objects.get().scrubbed, "not each second"
    run_daily_jobs(tomorrow + statement.RETRY_AFTER)
    assert DailyRun.objects.get().scrubbed


def test_the_command_that_erases_keeps_an_absence_that_lasts(
    scenario: Scenario, absent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("releve.cli.ledger.open_database", lambda **_how: None)
    PersonalValue.objects.filter(subject=absent).update(erase_on=real_now().date())
    assert CliRunner().invoke(main, ["ledger", "erase"]).exit_code == 0
    situation_cache.clear_cache()
    assert absent in live.situation_now(scenario.stream).absences
