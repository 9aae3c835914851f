"""Migrations are a command of their own; a database that does not fit is refused."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from releve.upkeep import migrations
from releve.upkeep.migrations import (
    DatabaseEmpty,
    DatabaseTooNew,
    DatabaseTooOld,
    check_database,
    hold_migration_lock,
    read_migration_state,
    refuse_lost_database,
)
from tests.cli.test_commands import run
from tests.homes import make_test_home

pytestmark = pytest.mark.database


@pytest.mark.django_db
def test_a_database_that_fits_is_left_alone() -> None:
    state = read_migration_state()
    assert (state.pending, state.unknown, state.empty) == ((), (), False)
    check_database()


def test_only_what_an_installation_makes_after_its_tables_shows_that_it_had_them(
    settings: object, tmp_path: Path
) -> None:
    settings.HOME = tmp_path  # type: ignore[attr-defined]
    for name in ("server.key", "ledger.key", "gate.key", "tls.keystore"):
        (tmp_path / name).write_text("put there by a person\n")
    refuse_lost_database()
    (tmp_path / "roots").mkdir()
    for path in (tmp_path / "secret-key", tmp_path / "roots" / "root-000001.json"):
        path.touch()
        with pytest.raises(DatabaseEmpty, match=rf"\({path.name} is there\): its database is gone"):
            refuse_lost_database()
        path.unlink()


@pytest.mark.django_db
def test_an_older_database_is_refused_with_the_command_that_migrates_it() -> None:
    ((app, name),) = MigrationLoader(connection).graph.leaf_nodes("live")
    MigrationRecorder(connection).record_unapplied(app, name)
    assert read_migration_state().pending == (f"{app}.{name}",)
    with pytest.raises(DatabaseTooOld, match="`releve migrate --backup FILE`"):
        check_database()


@pytest.mark.django_db
def test_a_newer_database_is_refused_before_anything_is_changed() -> None:
    MigrationRecorder(connection).record_applied("live", "0999_from_tomorrow")
    with pytest.raises(DatabaseTooNew, match=r"live\.0999_from_tomorrow.*install that version"):
        check_database()
    with pytest.raises(DatabaseTooNew):
        migrations.apply_migrations()


@pytest.mark.django_db(transaction=True)
def test_the_lock_holds_for_every_process_of_the_database(settings: object, tmp_path: Path) -> None:
    settings.HOME = tmp_path  # type: ignore[attr-defined]
    order: list[str] = []
    inside = threading.Event()

    def second() -> None:
        inside.wait(20)
        with hold_migration_lock():
            order.append("second")
        connection.close()

    other = threading.Thread(target=second)
    other.start()
    with hold_migration_lock():
        inside.set()
        other.join(0.3)
        order.append("first")
    other.join(20)
    assert order == ["first", "second"]


@pytest.mark.slow
def test_the_command_says_what_it_would_do_and_does_it(tmp_path: Path) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("the command starts on a home of its own, which is SQLite's")
    home = make_test_home(tmp_path)
    code = (
        "import django; django.setup()\n"
        "from django.core.management import call_command\n"
        "call_command('migrate', verbosity=0)\n"
        "call_command('migrate', 'live', '0001', verbosity=0)\n"
    )
    settings = {"RELEVE_HOME": str(home), "DJANGO_SETTINGS_MODULE": "releve.settings"}
    subprocess.run([sys.executable, "-c", code], env={**os.environ, **settings}, check=True)
    status, said = run(home, "live", "status")
    assert status == 1
    assert "releve migrate" in said
    status, said = run(home, "migrate", "--dry-run")
    assert status == 0
    assert "live.0002_daily_runs\n  Create model DailyRun" in said
    undone = [name for app, name in MigrationLoader(None).disk_migrations if app == "live"][1:]
    assert said.endswith(f"migrations missing: {len(undone)}\n")
    assert "live.0002_daily_runs" in run(home, "migrate")[1]
    status, said = run(home, "migrate", "--backup", str(tmp_path / "file"))
    assert (status, said) == (0, "the database is up to date: nothing to do, and no backup written\n")
