"""A database that does not answer in time is busy; one that has failed is not."""

from __future__ import annotations

import sqlite3

import psycopg
import pytest
from django.db import OperationalError

from releve.live.errors import Busy, is_busy


def locked() -> OperationalError:
    """What Django raises when SQLite's lock was not had in time."""
    cause = sqlite3.OperationalError("database is locked")
    cause.sqlite_errorcode = sqlite3.SQLITE_BUSY
    error = OperationalError("database is locked")
    error.__cause__ = cause
    return error


def of_postgres(cause: Exception) -> OperationalError:
    error = OperationalError("away")
    error.__cause__ = cause
    return error


def full() -> OperationalError:
    cause = sqlite3.OperationalError("database or disk is full")
    cause.sqlite_errorcode = sqlite3.SQLITE_FULL
    error = OperationalError("database or disk is full")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "error",
    [
        locked(),
        Busy("busy"),
        of_postgres(psycopg.errors.LockNotAvailable("wait")),
        of_postgres(psycopg.errors.TooManyConnections("many")),
        of_postgres(psycopg.errors.AdminShutdown("bye")),
        of_postgres(psycopg.OperationalError("connection refused")),
    ],
)
def test_what_passes_by_itself_is_busy(error: Exception) -> None:
    assert is_busy(error)


@pytest.mark.parametrize("error", [full(), ValueError("locked"), None, OperationalError("odd")])
def test_what_does_not_pass_by_itself_is_not(error: Exception | None) -> None:
    assert not is_busy(error)
