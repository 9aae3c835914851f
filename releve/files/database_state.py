"""A value that stays the same while nothing is committed to the database, by any process.

What was read after the value was is still all that there is while it is the same: pages that many readers keep open
are made once for it. SQLite counts the commits of others for each connection (`PRAGMA data_version
<https://www.sqlite.org/pragma.html#pragma_data_version>`_); one that never writes is kept for that. PostgreSQL's
snapshot names the transactions that are visible (`pg_current_snapshot
<https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-INFO-SNAPSHOT>`_).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Hashable
from contextlib import suppress
from pathlib import Path
from threading import Lock

from django.db import connection


def read_state() -> Hashable | None:
    """Return the value; None where there is none: in a transaction, whose own changes it would not show."""
    if connection.in_atomic_block:
        return None
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_current_snapshot()::text")
            found: tuple[str] = cursor.fetchone()
            return found[0]
    name = connection.settings_dict["NAME"]
    return _file.read(name) if isinstance(name, Path) else None


class WatchedFile:
    """A connection to the file of the database, opened again where another file has taken its place."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._connection: sqlite3.Connection | None = None
        self._known: tuple[object, ...] = ()
        self._opened = 0

    def read(self, path: Path) -> Hashable | None:
        with self._lock, suppress(OSError, sqlite3.Error):  # the page itself says what is wrong
            status = path.stat()
            known = (path, status.st_dev, status.st_ino)
            if self._connection is None or known != self._known:
                self._open(path)
                self._known = known
            assert self._connection is not None
            ((version,),) = self._connection.execute("PRAGMA data_version").fetchall()
            return (self._opened, version)
        return None

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _open(self, path: Path) -> None:
        self.close()
        address = f"{path.absolute().as_uri()}?mode=ro"
        self._connection = sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)
        self._opened += 1


_file = WatchedFile()
