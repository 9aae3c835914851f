"""Connections of the gate's own: read under a lock, write, commit; as few round trips as there are.

Django's connection is left out: here every statement is prepared once and waits no longer than the
answer may take.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import psycopg
from django.conf import settings
from psycopg import sql as pg

from releve.gate.moments import LOADS_LOCK
from releve.gate.sql import LOCKED_PERSONS, facts_sql

__all__ = ["Away", "Conflict", "PostgreSQL", "SQLite", "Store", "open_store"]

_LOCK_PERSONS = f"""
    SELECT person, pg_advisory_xact_lock(hashtextextended(person, 7)) IS NULL FROM (
        SELECT person FROM ({LOCKED_PERSONS}) u WHERE person <> '' ORDER BY person
    ) p"""


class Away(Exception):  # noqa: N818 (a state, not a fault of the program)
    """The database does not answer, or not in time."""


class Conflict(Exception):  # noqa: N818
    """Somebody else answered the same call at the same time."""


class Store(Protocol):
    """One connection, used by one thread."""

    vendor: str

    def read(self, asked: Mapping[str, Any]) -> tuple[frozenset[str] | None, Sequence[Any]]:
        """Begin, wait for whoever decides on the same persons, and return all that bears on it.

        Also the persons that are locked; None: the whole database is.
        """

    def write(self, rows: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
        """Write rows by table, and commit."""

    def abandon(self) -> None:
        """Undo what was begun."""

    def close(self) -> None:
        """Give the connection up."""


def _insert(table: str, names: Sequence[str], mark: str) -> str:
    columns = ", ".join(f'"{name}"' for name in names)
    values = ", ".join(mark.format(name) for name in names)
    return f"INSERT INTO {table} ({columns}) VALUES ({values})"


class SQLite:
    """A file with one writer at a time: whoever reads to decide holds it until the commit."""

    vendor = "sqlite"

    def __init__(self, path: str | Path, seconds: float) -> None:
        try:
            uri = f"{Path(path).absolute().as_uri()}?mode=rw"  # one that is gone is not made anew
            self._connection = sqlite3.connect(
                uri, uri=True, isolation_level=None, timeout=seconds, check_same_thread=False
            )
            self._connection.execute("PRAGMA synchronous = NORMAL")
        except sqlite3.Error as error:
            raise Away(str(error)) from error
        self._facts = _named(facts_sql(self.vendor, by_campaign=True))

    def read(self, asked: Mapping[str, Any]) -> tuple[frozenset[str] | None, Sequence[Any]]:
        """See :class:`Store`."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            return None, self._connection.execute(self._facts, asked).fetchone()
        except sqlite3.Error as error:
            raise Away(str(error)) from error

    def write(self, rows: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
        """See :class:`Store`."""
        try:
            for table, row in rows:
                self._connection.execute(_insert(table, list(row), ":{}"), row)
            self._connection.execute("COMMIT")
        except sqlite3.IntegrityError as error:
            raise Conflict(str(error)) from error
        except sqlite3.Error as error:
            raise Away(str(error)) from error

    def abandon(self) -> None:
        """See :class:`Store`."""
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            raise Away(str(error)) from error

    def close(self) -> None:
        """See :class:`Store`."""
        self._connection.close()


class PostgreSQL:
    """A server; persons are locked one by one, so that decisions on different people go on."""

    vendor = "postgresql"

    def __init__(self, parameters: Mapping[str, Any], seconds: float) -> None:
        limit = f"{round(seconds * 1000)}ms"
        options = (
            f"-c statement_timeout={limit} -c lock_timeout={limit} -c timezone=UTC "
            "-c idle_in_transaction_session_timeout=5s"
        )
        try:
            self._connection = psycopg.connect(
                **{
                    **parameters,
                    "connect_timeout": 2,
                    "tcp_user_timeout": 2000,
                    "options": options,
                },
                autocommit=True,
                prepare_threshold=0,
            )
        except psycopg.Error as error:
            raise Away(str(error)) from error
        self._facts = facts_sql(self.vendor, by_campaign=True)

    def read(self, asked: Mapping[str, Any]) -> tuple[frozenset[str] | None, Sequence[Any]]:
        """See :class:`Store`."""
        run = self._connection.execute
        try:
            with self._connection.pipeline():
                run("BEGIN")
                run("SELECT pg_advisory_xact_lock_shared(%s)", [LOADS_LOCK])
                locked = run(_LOCK_PERSONS, asked)
                facts = run(self._facts, asked)
                row = facts.fetchone()
            assert row is not None, "the statement always has a row"
            return frozenset(person for person, _ in locked.fetchall()), row
        except psycopg.Error as error:
            raise Away(str(error)) from error

    def write(self, rows: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
        """See :class:`Store`."""
        try:
            with self._connection.pipeline():
                for table, row in rows:
                    self._connection.execute(
                        pg.SQL(_insert(table, list(row), "%({})s")), row
                    )  # fmt: skip
                self._connection.execute("COMMIT")
        except psycopg.IntegrityError as error:
            raise Conflict(str(error)) from error
        except psycopg.Error as error:
            raise Away(str(error)) from error

    def abandon(self) -> None:
        """See :class:`Store`."""
        try:
            self._connection.execute("ROLLBACK")
        except psycopg.Error as error:
            raise Away(str(error)) from error

    def close(self) -> None:
        """See :class:`Store`."""
        self._connection.close()


def open_store(seconds: float) -> Store:
    """Open a connection to the installation's database whose waits end after some seconds."""
    chosen = settings.DATABASES["default"]
    if chosen["ENGINE"].endswith("sqlite3"):
        return SQLite(chosen["NAME"], seconds)
    names = {"NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host",
             "PORT": "port"}  # fmt: skip
    given = {there: chosen[here] for here, there in names.items() if chosen.get(here)}
    return PostgreSQL(given, seconds)


def _named(statement: str) -> str:
    """Return a statement with the parameters of SQLite."""
    parts = statement.split("%(")
    return parts[0] + "".join(":" + part.replace(")s", "", 1) for part in parts[1:])
