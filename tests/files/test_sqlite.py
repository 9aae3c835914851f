"""Writers on SQLite begin in turn."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db.utils import ConnectionHandler, OperationalError
from pytest_django import DjangoDbBlocker

from releve import environment


@pytest.fixture
def handler(tmp_path: Path, django_db_blocker: DjangoDbBlocker) -> Iterator[ConnectionHandler]:
    found = environment.read_database({}, "RELEVE_DATABASE_URL", tmp_path / "own.sqlite3")
    found["OPTIONS"]["timeout"] = 30
    made = ConnectionHandler({"default": {**found, "CONN_MAX_AGE": 0}})
    with django_db_blocker.unblock():
        with made["default"].cursor() as cursor:
            cursor.execute("CREATE TABLE numbers (writer INTEGER)")
        yield made
        made.close_all()


def test_a_writer_that_waits_is_not_overtaken_by_one_that_begins_again(handler: ConnectionHandler) -> None:
    """With SQLite's own waiting it is, for as long as the other goes on."""
    done: list[int] = []
    waiting, over = threading.Event(), threading.Event()

    def write_on() -> None:
        while not over.is_set():
            write(0)
        handler.close_all()

    def write(writer: int) -> None:
        connection = handler["default"]
        connection.ensure_connection()
        connection.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO numbers VALUES (%s)", [writer])
        done.append(writer)
        waiting.wait()
        connection.commit()
        connection.set_autocommit(True)

    thread = threading.Thread(target=write_on)
    thread.start()
    while not done:
        pass
    waiting.set()
    try:
        for _ in range(20):
            before = len(done)
            write(1)
            assert done[before:].count(0) < 100
    finally:
        over.set()
        thread.join()


def test_a_writer_gives_up_after_its_patience(handler: ConnectionHandler) -> None:
    connection = handler["default"]
    connection.settings_dict["OPTIONS"]["timeout"] = 0.05
    holder = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(OperationalError, match="locked"):
        connection.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)
    holder.execute("ROLLBACK")
    holder.close()
    connection.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)
    connection.rollback()
