"""A home of an earlier version reaches this one by `releve migrate`, whatever interrupts it.

``homes/`` holds installations with a plan in force, a site closed by two positive tests, a power cut,
reliefs and roots, all synthetic: ``ae1348fe`` on SQLite and on PostgreSQL, made by the program
of that commit with its clock at the end of November 2026.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tarfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from releve.upkeep.migrations import DatabaseTooNew, DatabaseUnreleased, check_database
from tests import processes

pytestmark = pytest.mark.database

HOMES = Path(__file__).parent / "homes"
RELEASED = Path(__file__).parent / "released-migrations.txt"
ENTRIES = 117
TABLES = ["ledger_entry", "ledger_personal", "ledger_root", "registry_version", "live_activation", "live_effect"]
TABLES += ["live_message", "live_relief", "live_reliefday", "live_routes", "live_idempotencykey"]
ROOTS = "SELECT number, size, statement FROM ledger_root ORDER BY number"
KILL = """
import os, signal, sys
import django
django.setup()
from django.db.migrations import Migration
from releve.upkeep.migrations import apply_migrations
applied = []
apply = Migration.apply
def apply_then_die(self, *given, **named):
    found = apply(self, *given, **named)
    applied.append(self.name)
    if len(applied) == int(sys.argv[1]):
        os.kill(os.getpid(), signal.SIGKILL)
    return found
Migration.apply = apply_then_die
apply_migrations()
"""


@dataclass
class EarlierHome:
    """A copy of an installation of ``homes/``."""

    home: Path
    url: str

    def environ(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("RELEVE_")}
        settings = {"DJANGO_SETTINGS_MODULE": "releve.settings", "RELEVE_HOME": str(self.home)}
        return kept | settings | ({"RELEVE_DATABASE_URL": self.url} if self.url else {})

    def releve(self, *words: str, status: int = 0) -> str:
        done = processes.run("releve", *words, environ=self.environ(), timeout=240)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr

    def read(self, question: str) -> list[Any]:
        if self.url:
            with psycopg.connect(self.url) as found:
                return found.execute(question).fetchall()
        with closing(sqlite3.connect(self.home / "releve.sqlite3")) as found:
            return found.execute(question).fetchall()

    def count(self) -> dict[str, int]:
        return {table: self.read(f"SELECT count(*) FROM {table}")[0][0] for table in TABLES}


@pytest.fixture
def earlier(tmp_path: Path, request: pytest.FixtureRequest) -> EarlierHome:
    """The home of ae1348fe, on the database of the tests."""
    engine = connection.vendor
    with tarfile.open(HOMES / f"ae1348fe-{engine}.tar.xz") as packed:
        packed.extractall(tmp_path, filter="data")
    url = ""
    if engine == "postgresql":
        url = request.getfixturevalue("new_url")()
        text = tmp_path / "database.sql"
        subprocess.run(["psql", "-qX", "-v", "ON_ERROR_STOP=1", "-f", str(text), url], check=True, capture_output=True)
    return EarlierHome(tmp_path / "home", url)


@pytest.mark.slow
def test_an_earlier_home_is_migrated_with_all_that_it_holds(earlier: EarlierHome) -> None:
    before, roots = earlier.count(), earlier.read(ROOTS)
    refused = earlier.releve("live", "status", status=1)
    assert "older than this program (" in refused
    assert "`releve migrate --backup FILE`" in refused
    earlier.releve("migrate")
    assert earlier.count() == before
    assert earlier.read(ROOTS) == roots
    assert f"VERIFIED {ENTRIES} entries in one unbroken chain, 3 roots" in earlier.releve("ledger", "verify")
    assert "up to date" in earlier.releve("migrate")
    status = json.loads(earlier.releve("live", "status"))
    assert status["lost"]["sites"] == ["casa-1", "tunis-1"]
    assert "migrations" not in earlier.releve("doctor", status=1)
    pack, day = earlier.home.parent / "pack.pdf", "2026-11-26"
    earlier.releve("evidence", "pack", "inspection", "--for", "casa-1", "--from", day, "--to", day, "--out", str(pack))
    key = earlier.releve("ledger", "key").split()[-1]
    command = [sys.executable, "-m", "releve.ledger.verify", str(pack), "--key", key]
    assert "VERIFIED" in subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.mark.slow
def test_a_migration_that_is_killed_goes_on_where_it_was(earlier: EarlierHome) -> None:
    """At ten places: each process applies one migration and dies in the next, after its statements."""
    before = earlier.count()
    killed = 0
    for turn in range(20):
        done = subprocess.run(
            [sys.executable, "-c", KILL, "1" if turn == 0 else "2"], env=earlier.environ(), capture_output=True
        )
        assert done.returncode in (0, -signal.SIGKILL), done.stderr
        if done.returncode == 0:
            break
        killed += 1
    assert killed >= 10
    assert earlier.count() == before
    assert f"VERIFIED {ENTRIES} entries in one unbroken chain, 3 roots" in earlier.releve("ledger", "verify")
    assert "up to date" in earlier.releve("migrate")


def test_a_released_migration_is_never_changed() -> None:
    """A migration is added to the list in the release that first has it, by its SHA-256."""
    listed = dict(line.split()[::-1] for line in RELEASED.read_text().splitlines())
    there = {}
    for (app, name), found in MigrationLoader(None).disk_migrations.items():
        module = sys.modules[type(found).__module__]
        if module.__name__.startswith("releve."):
            there[f"{app}.{name}"] = hashlib.sha256(Path(str(module.__file__)).read_bytes()).hexdigest()
    assert {name: there.get(name) for name in listed} == listed
    last = {name.split(".")[0]: name for name in sorted(listed)}
    assert all(name > last[name.split(".")[0]] for name in there.keys() - listed.keys() if name.split(".")[0] in last)


@pytest.mark.django_db
def test_what_is_not_known_is_newer_or_was_never_released() -> None:
    recorder = MigrationRecorder(connection)
    recorder.record_applied("live", "9999_from_tomorrow")
    with pytest.raises(DatabaseTooNew, match=r"newer version of this program \(live\.9999_from_tomorrow\)"):
        check_database()
    recorder.record_applied("live", "0002_tried_and_withdrawn")
    with pytest.raises(DatabaseUnreleased, match=r"never released.*live\.0002_tried_and_withdrawn.*ledger export"):
        check_database()
