"""The signal by which a change in the database wakes the processes that wait for one.

The transaction that queues an effect, appends to the ledger or makes a version of the reference data
announces it. PostgreSQL carries the signal to every host with the commit (NOTIFY); beside SQLite,
whose processes share a machine, it is the time of a file of the home, set after the commit. A signal
may be lost (a kill in between, a connection that broke): who waits looks again by itself after a while.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import psycopg
from django.conf import settings
from django.db import connection, transaction

CHANNEL = "releve_changes"
_FILE_SECONDS = 0.05
"""Between two looks at the file, which read no disk."""
_STOP_SECONDS = 0.25
_RETRY_SECONDS = 1.0


def announce_change() -> None:
    """Wake the processes that wait for a change, once the caller's transaction is stored."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"NOTIFY {CHANNEL}")
    else:
        transaction.on_commit(_set_file_time)


def _find_file() -> Path:
    return Path(settings.HOME) / "changes"


def _set_file_time() -> None:
    """Give the file another time; where that fails, the signal is lost and the change is not."""
    with suppress(OSError):
        _find_file().touch(mode=0o600)
        os.utime(_find_file(), ns=(time.time_ns(), time.time_ns()))


class ChangeWatch:
    """Counts the changes that were announced, for threads that wait for the next one."""

    def __init__(self) -> None:
        self.count = 0
        self._changed = threading.Condition()

    def wait(self, seen: int, seconds: float) -> None:
        """Return when the count is no longer ``seen``, or after ``seconds``."""
        with self._changed:
            self._changed.wait_for(lambda: self.count != seen, max(0.0, seconds))

    def note_change(self) -> None:
        with self._changed:
            self.count += 1
            self._changed.notify_all()

    def run(self, stops: Callable[[], bool]) -> None:
        """Count until ``stops`` is true; then wake every thread that waits."""
        try:
            follow = self._listen if connection.vendor == "postgresql" else self._watch_file
            while not stops():
                with suppress(psycopg.Error, OSError):  # the threads that need server or home say so
                    follow(stops)
                if not stops():
                    time.sleep(_RETRY_SECONDS)
        finally:
            self.note_change()

    def _listen(self, stops: Callable[[], bool]) -> None:
        """Count the notifications; what changed before the connection stood counts as one."""
        with closing(psycopg.connect(**connection.get_connection_params(), autocommit=True)) as listening:
            listening.execute(f"LISTEN {CHANNEL}")
            self.note_change()
            while not stops():
                for _ in listening.notifies(timeout=_STOP_SECONDS, stop_after=1):
                    self.note_change()

    def _watch_file(self, stops: Callable[[], bool]) -> None:
        seen = None
        while not stops():
            with suppress(FileNotFoundError):
                found = _find_file().stat().st_mtime_ns
                if found != seen:
                    self.note_change()
                seen = found
            time.sleep(_FILE_SECONDS)
