"""The value that stays the same while nothing is committed, and connections to a file that was replaced."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from django.db import connection, connections, transaction

from releve.files.database_state import WatchedFile, read_state
from releve.files.sqlite3.base import DatabaseWrapper
from releve.live.models import ClientSetting


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "found.sqlite3"
    with closing(sqlite3.connect(found)) as made:
        made.execute("PRAGMA journal_mode=WAL")
        made.execute("CREATE TABLE row (number)")
    return found


@pytest.fixture
def file() -> Iterator[WatchedFile]:
    with closing(WatchedFile()) as found:
        yield found


@pytest.fixture
def writer(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path)) as found:
        yield found


def test_a_commit_of_any_connection_changes_the_state_of_a_file(
    path: Path, file: WatchedFile, writer: sqlite3.Connection
) -> None:
    seen = file.read(path)
    assert file.read(path) == seen
    writer.execute("INSERT INTO row VALUES (1)")
    assert file.read(path) == seen, "not committed yet"
    writer.rollback()
    assert file.read(path) == seen
    writer.execute("INSERT INTO row VALUES (2)")
    writer.commit()
    assert file.read(path) != seen
    assert file.read(path) == file.read(path)


def test_reading_the_state_keeps_no_file_from_being_cleaned(
    path: Path, file: WatchedFile, writer: sqlite3.Connection
) -> None:
    file.read(path)
    writer.execute("INSERT INTO row VALUES (1)")
    writer.commit()
    file.read(path)
    busy, *_ = writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    assert busy == 0


def test_a_file_in_the_place_of_another_has_another_state(path: Path, file: WatchedFile) -> None:
    seen = {file.read(path)}
    for number in range(3):
        shutil.copy(path, copy := path.with_name(f"copy-{number}"))
        copy.replace(path)
        seen.add(file.read(path))
    assert len(seen) == 4
    path.unlink()
    assert file.read(path) is None


@pytest.mark.django_db
@pytest.mark.database
def test_a_connection_is_kept_until_another_file_takes_the_place_of_its_own(path: Path) -> None:
    settings: dict[str, Any] = {
        **connections.settings["default"], "ENGINE": "releve.files.sqlite3", "NAME": path, "CONN_MAX_AGE": 60,
        "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 5},
    }  # fmt: skip
    kept = DatabaseWrapper(settings, "kept")
    with closing(kept):
        kept.ensure_connection()
        made = kept.connection
        kept.close_if_unusable_or_obsolete()
        assert kept.connection is made
        shutil.copy(path, copy := path.with_name("copy"))
        copy.replace(path)
        kept.close_if_unusable_or_obsolete()
        assert kept.connection is None


@pytest.mark.django_db
@pytest.mark.database
def test_within_a_transaction_there_is_no_state() -> None:
    assert read_state() is None


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
@pytest.mark.database
@pytest.mark.postgresql
def test_on_postgresql_a_commit_of_another_process_changes_the_state() -> None:
    def write(number: int) -> None:
        ClientSetting.objects.create(client=f"client-{number}", changed_by="test")
        connection.close()

    def run(number: int) -> None:
        thread = Thread(target=write, args=[number])
        thread.start()
        thread.join()

    seen = read_state()
    assert seen is not None
    list(ClientSetting.objects.all())
    assert read_state() == seen, "what only reads changes nothing"
    run(1)
    again = read_state()
    assert again != seen
    with transaction.atomic():
        ClientSetting.objects.create(client="own", changed_by="test")
        assert read_state() is None
    assert read_state() != again
