"""What is personal goes on its date, and leaves no copy in the statistics of the database."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from importlib import import_module
from pathlib import Path

import pytest
from django.apps import apps
from django.contrib.sessions.models import Session
from django.db import connection
from django.utils import timezone
from pytest_django.fixtures import Settings

from releve.accounts.models import IdentityRequest
from releve.accounts.person_erasure import LOOK_DAYS
from releve.erasure import columns, erase_due
from releve.live.models import Contact, Effect, Message, Routes
from releve.live.retention import EFFECT_DAYS, MESSAGE_DAYS
from releve.plugins.sector.association.membership import KEPT_DAYS
from tests.live.scenario import Scenario

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]
ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def home(settings: Settings, tmp_path: Path) -> Path:
    settings.HOME = tmp_path
    return tmp_path


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


UNNAMED = {"live_effect", "live_routes", "live_preparedswitch", "ledger_outgoing"}
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
