"""A home of an earlier version reaches this one by `releve migrate`, whatever interrupts it.

``homes/`` holds installations on SQLite and on PostgreSQL, made by the program of the commit in their name with the
acts of :mod:`tests.upkeep.earlier_home`: ``ae1348fe``, the first that is migrated, and ``e4ab320c``, the baseline,
whose migrations do not change any more. ``figures.json`` is what the pages of that program said, ``verify.py`` the
verifier that came with packs of ae1348fe, whose form has changed since.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import tarfile
from collections.abc import Iterator
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
NAMES = ("ae1348fe", "e4ab320c")
TABLES = ["ledger_entry", "ledger_personal", "ledger_root", "registry_version", "live_activation", "live_effect"]
TABLES += ["live_message", "live_relief", "live_reliefday", "live_routes", "live_idempotencykey"]
TABLES += ["gate_campaign", "gate_consent", "gate_mandate", "gate_refusal", "gate_decision", "gate_watermark"]
ROOTS = "SELECT number, size, statement FROM ledger_root ORDER BY number"
KILL = """
import os, signal, sys
import django
django.setup()
from django.db import connection
from django.db.migrations import Migration
from releve.upkeep.migrations import apply_migrations
whole, statements = map(int, sys.argv[1:])
applied, apply = [], Migration.apply
def die_after(execute, *given):
    found = execute(*given)
    done.append(1)
    if len(done) >= statements:
        os.kill(os.getpid(), signal.SIGKILL)
    return found
def apply_then_die(self, *given, **named):
    global done
    if len(applied) < whole:
        found = apply(self, *given, **named)
        applied.append(self.name)
        return found
    done = []
    with connection.execute_wrapper(die_after):
        apply(self, *given, **named)
    os.kill(os.getpid(), signal.SIGKILL)
Migration.apply = apply_then_die
apply_migrations()
"""
"""Apply so many migrations, and die in the next one: after so many statements, or before it is committed."""
KILLS = 10
CHANGED = {
    "ae1348fe": {
        # 7f2fc87e: one function says how a client is served; what is missing in this half hour comes first
        "now": r"\.state|\.clients\.0\.state",
        "clients": r"\.clients\.0\.state",
        "clients/{client}": r"\.standing\.state",
        # 68350d29: changes are what people are notified of, without breaks alone; 0596b524: what absent people
        # work until they leave is in both the plan and what is in force; 25 people a page, 50 before
        "relief": r"\.change[sd].*|\.(flows|places\.3)\..*|\.people(\.#|_pages|\.(2[5-9]|[34]\d)\..*)|\.addresses\..*",
    },
    "e4ab320c": {
        "now": r"\.recovery",  # 1c6ca571: outlooks by client in its place
        # dd9c4026: from when on nothing is missing for two hours; a first draft has the time at which it goes
        # f70b4b9a: where the calls of each programme go, in the place of one instant
        "clients/{client}": r"\.incident\.(back|next_news|routed_at)",
        # 1c6ca571: a roll call in its place; 58e841e8: who was there, who works later and others stand apart
        "sites/casa-1": r"\.crew\.(here|kinds)\..*",
    },
}
"""Values that a page gives otherwise than the program of a home, as regular expressions of their paths, and why."""
OF_TODAY = ("outbound/", ".campaigns.0.refused_today")
"""What is counted of the day on which the page is asked: by PostgreSQL's clock, which no test puts to END."""


@dataclass
class EarlierHome:
    """A copy of an installation of ``homes/``."""

    name: str
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


@pytest.fixture(params=NAMES)
def earlier(tmp_path: Path, request: pytest.FixtureRequest) -> EarlierHome:
    """A home of each earlier version, on the database of the tests."""
    engine = connection.vendor
    with tarfile.open(HOMES / f"{request.param}-{engine}.tar.xz") as packed:
        packed.extractall(tmp_path, filter="data")
    url = ""
    if engine == "postgresql":
        url = request.getfixturevalue("new_url")()
        text = tmp_path / "database.sql"
        subprocess.run(["psql", "-qX", "-v", "ON_ERROR_STOP=1", "-f", str(text), url], check=True, capture_output=True)
    return EarlierHome(request.param, tmp_path / "home", url)


def verify_ledger(earlier: EarlierHome) -> None:
    entries, roots = (earlier.read(f"SELECT count(*) FROM {name}")[0][0] for name in ("ledger_entry", "ledger_root"))
    said = earlier.releve("ledger", "verify")
    assert f"VERIFIED {entries} entries in one unbroken chain, {roots} roots" in said
    assert roots >= 3


def verify_pack(pack: Path, key: str, *verifier: str) -> str:
    command = [sys.executable, *(verifier or ("-m", "releve.ledger.verify")), str(pack), "--key", key]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def verify_old_pack(earlier: EarlierHome, key: str) -> str:
    """Verify the pack that the earlier version made: by this version where it has a note, else by what came with it."""
    (pack,) = (earlier.home / "packs").glob("*.pdf")
    ((body, *_),) = earlier.read("SELECT body FROM ledger_entry WHERE kind = 'pack.made'")
    note = json.loads(body).get("note")
    if note is None:
        return verify_pack(pack, key, str(earlier.home.parent / "verify.py"))
    pack.with_name(f"{pack.name}.note").write_text(note, encoding="utf-8")
    return verify_pack(pack, key)


@pytest.mark.slow
def test_an_earlier_home_is_migrated_with_all_that_it_holds(earlier: EarlierHome) -> None:
    before, roots = earlier.count(), earlier.read(ROOTS)
    assert all(before.values()), before
    refused = earlier.releve("live", "status", status=1)
    assert "older than this program (" in refused
    assert "`releve migrate --backup FILE`" in refused
    earlier.releve("migrate")
    assert earlier.count() == before
    assert earlier.read(ROOTS) == roots
    verify_ledger(earlier)
    assert "up to date" in earlier.releve("migrate")
    status = json.loads(earlier.releve("live", "status"))
    assert status["lost"]["sites"] == ["casa-1", "tunis-1"]
    assert "migrations" not in earlier.releve("doctor", status=1)
    key = earlier.releve("ledger", "key").split()[-1]
    assert "VERIFIED" in verify_old_pack(earlier, key)
    pack, day = earlier.home.parent / "pack.pdf", "2026-11-26"
    earlier.releve("evidence", "pack", "inspection", "--for", "casa-1", "--from", day, "--to", day, "--out", str(pack))
    assert "VERIFIED" in verify_pack(pack, key)


def list_values(found: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each value of a page with its path; of a list its length too."""
    rows = found.items() if isinstance(found, dict) else enumerate(found) if isinstance(found, list) else ()
    if isinstance(found, list):
        yield f"{path}.#", len(found)
    for name, value in rows:
        yield from list_values(value, f"{path}.{name}")
    if not isinstance(found, dict | list):
        yield path, found


@pytest.mark.slow
def test_the_pages_say_what_they_said_before(earlier: EarlierHome) -> None:
    before = json.loads((earlier.home.parent / "figures.json").read_text("utf-8"))
    earlier.releve("migrate")
    path = earlier.home.parent / "figures-now.json"
    done = processes.run("tests.upkeep.earlier_home", "look", str(path), environ=earlier.environ(), timeout=240)
    assert done.returncode == 0, done.stderr
    after = json.loads(path.read_text("utf-8"))
    assert [*before] == [*after]
    compared, differ = 0, dict[str, list[Any]]()
    for page, (status, content) in before.items():
        assert (status, after[page][0]) == (200, 200)
        now = dict(list_values(after[page][1]))
        for name, value in list_values(content):
            compared += 1
            if now.get(name, "gone") != value and (page, name) != OF_TODAY:
                differ.setdefault(page, []).append((name, value, now.get(name, "gone")))
    changed = CHANGED[earlier.name]
    rest = {
        page: [row for row in rows if not re.fullmatch(changed.get(page, ""), row[0])] for page, rows in differ.items()
    }
    assert rest == {page: [] for page in changed}, "nothing else differs, and in each of these something does"
    assert compared > 1_000


@pytest.mark.slow
def test_a_migration_that_is_killed_goes_on_where_it_was(earlier: EarlierHome) -> None:
    before = earlier.count()
    missing = int(earlier.releve("migrate", "--dry-run").split()[-1])
    applied = 0
    for number in range(KILLS):
        whole = number * (missing - 1) // (KILLS - 1) - applied
        line = [sys.executable, "-c", KILL, str(whole), str(1 + 3 * (number % 4))]
        done = subprocess.run(line, env=earlier.environ(), capture_output=True)
        assert done.returncode == -signal.SIGKILL, done.stderr
        applied += whole
        assert earlier.releve("migrate", "--dry-run").split()[-1] == str(missing - applied)
    earlier.releve("migrate")
    assert earlier.count() == before
    verify_ledger(earlier)
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
