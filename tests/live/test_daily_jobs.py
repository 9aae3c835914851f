"""Once a day what is due is erased, the ledger sealed, its root published; nothing personal outlives its date."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta
from importlib import import_module
from pathlib import Path

import pytest
from click.testing import CliRunner
from django.apps import apps
from django.contrib.sessions.models import Session
from django.db import connection, transaction
from django.utils import timezone

from releve.accounts.models import IdentityRequest
from releve.accounts.person_erasure import LOOK_DAYS
from releve.cli import main
from releve.erasure import columns, erase_due
from releve.ledger.chain import append, iter_entries
from releve.ledger.models import PersonalValue
from releve.ledger.rollback import forget
from releve.ledger.roots import sign_root
from releve.live import api as live
from releve.live import situation_cache, statement
from releve.live.clock import real_now
from releve.live.models import Contact, DailyRun, Effect, Message, Routes
from releve.live.retention import EFFECT_DAYS, MESSAGE_DAYS
from releve.live.statement import run_daily_jobs
from releve.plugin import Plugin
from releve.plugins.sector.association.membership import KEPT_DAYS
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


def test_the_root_of_a_day_covers_what_a_plug_in_records_daily(monkeypatch: pytest.MonkeyPatch) -> None:
    added = Plugin("acme", daily_jobs=(f"{__name__}.recorded",))
    monkeypatch.setattr(statement, "list_plugins", lambda: (added,))
    root = run_daily_jobs(NOON)
    assert root is not None
    assert [row.seq for row in iter_entries(kinds=["note"])] == [1]
    assert root.size >= 1


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


ROOT = Path(__file__).parents[2]


def in_days(days: float) -> datetime:
    return timezone.now() + timedelta(days=days)


def test_messages_letters_effects_and_routes_go_on_their_date(scenario: Scenario, home: Path) -> None:
    scenario.work()
    scenario.two_positives()
    scenario.work()
    letters = list(home.rglob("*outbox/*.json"))
    written = timezone.now().timestamp()
    for path in letters:
        os.utime(path, (written, written))
    counts = Message.objects.count()
    assert letters
    assert counts
    erase_due(in_days(MESSAGE_DAYS - 1))
    assert Message.objects.exclude(about={}).count() == counts
    newer = in_days(MESSAGE_DAYS).timestamp()
    for path in letters:  # a file that was copied is younger than its message
        os.utime(path, (newer, newer))
    erase_due(in_days(MESSAGE_DAYS + 1))
    assert Message.objects.count() == counts, "the counts stay"
    assert not Message.objects.exclude(about={}).exists()
    assert not Message.objects.filter(role="agent").exclude(who__startswith="erased:").exists()
    assert not any(path.exists() for path in letters)
    erase_due(in_days(EFFECT_DAYS + 1))
    assert not Effect.objects.filter(state=Effect.DONE).exists()
    streams = list(Routes.objects.values_list("stream", flat=True))
    assert scenario.stream in streams
    assert len(set(streams)) == len(streams), "the newest of each stream stays"


def test_an_old_letter_of_no_message_goes_too(home: Path) -> None:
    (home / "outbox").mkdir()
    for name, days in (("old", MESSAGE_DAYS + 1), ("new", 1)):
        path = home / "outbox" / f"{name}.json"
        path.write_text("{}")
        at = in_days(-days).timestamp()
        os.utime(path, (at, at))
    erase_due(timezone.now())
    assert [path.name for path in (home / "outbox").iterdir()] == ["new.json"]


def test_looks_and_sessions_go_on_their_date() -> None:
    for days in (LOOK_DAYS + 1, LOOK_DAYS - 1):
        IdentityRequest.objects.create(asked_by="ada", pseudonym="agent-7", reason="a reason", asked_at=in_days(-days))
    for name, days in (("over", -1), ("runs", 1)):
        Session.objects.create(session_key=name, session_data="", expire_date=in_days(days))
    erase_due(timezone.now())
    assert IdentityRequest.objects.count() == 1
    assert list(Session.objects.values_list("session_key", flat=True)) == ["runs"]


def test_the_statistics_of_the_database_hold_no_personal_value() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite samples no values")
    Contact.objects.bulk_create(
        Contact(role="agent", who="agent-7", rank=rank, channel="email", address="a7@example.org", language="fr")
        for rank in range(1, 60)
    )
    sampled = {
        (table, name)
        for part in (columns.AGENT, columns.UNSAMPLED)  # the first: no agent's column is left out
        for table, names in part.items()
        for name in names
    }
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        cursor.execute("SELECT tablename, attname FROM pg_stats")
        assert sampled.isdisjoint(cursor.fetchall())
        cursor.execute("SELECT attrelid::regclass::text, attname FROM pg_attribute WHERE attstattarget = 0")
        assert sampled <= set(cursor.fetchall())


def test_a_database_that_was_made_before_lent_agents_samples_them_no_more() -> None:
    """There the migration that sees to all other columns ran before the table was made."""
    if connection.vendor != "postgresql":
        pytest.skip("SQLite samples no values")
    later = import_module("releve.plugins.sector.association.migrations.0004_statistics").Migration
    with connection.schema_editor() as editor:
        editor.execute("ALTER TABLE association_lentagent ALTER COLUMN agent SET STATISTICS 100")
        for step in later.operations:
            step.code(apps, editor)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT attstattarget FROM pg_attribute"
            " WHERE attrelid = 'association_lentagent'::regclass AND attname = 'agent'"
        )
        assert cursor.fetchone() == (0,)


UNNAMED = {"live_effect", "live_replyreceipt", "live_routes", "live_preparedswitch", "ledger_outgoing"}
"""Tables that the documentation names and that hold no column about a person."""


def test_every_table_with_personal_columns_has_its_row_in_the_documentation() -> None:
    text = (ROOT / "docs" / "retention.md").read_text(encoding="utf-8")
    rows = [line.split("|") for line in text.splitlines() if line.startswith("| `")]
    documented = {name.strip(" `") for row in rows for name in row[1].split(",")}
    personal = {table for part in (columns.AGENT, columns.EVIDENCE, columns.CALLED, columns.USER) for table in part}
    tables = {name for name in documented if "/" not in name and "." not in name}
    assert sorted(personal - tables) == [], "say in docs/retention.md for how long"
    counts = {name for name in tables if name.startswith(("association_", "service_record_"))}
    assert sorted(tables - personal - UNNAMED - counts) == []
    for table, days in (
        ("live_message", MESSAGE_DAYS), ("live_effect", EFFECT_DAYS),
        ("accounts_identityrequest", LOOK_DAYS), ("association_lentagent", KEPT_DAYS),
    ):  # fmt: skip
        (row,) = [row for row in rows if f"`{table}`" in row[1]]
        assert f"{days} days" in row[3]
