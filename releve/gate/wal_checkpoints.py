"""Checkpoints of SQLite's write-ahead log, made by a thread of its own.

SQLite itself checkpoints in the commit that makes the log long, and that one call would wait for
the disk. With the thread no decision waits, unless the thread falls far behind. Only one of several
processes runs it: two that checkpoint in turns hold up commits for milliseconds.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import IO

from releve.files.locks import try_lock

__all__ = ["MOST_PAGES", "checkpoint", "start_checkpoints"]

MOST_PAGES = 100_000
"""Pages of the log (4 KB each) from which a commit checkpoints all the same."""

_SECONDS = 2.0
"""Not more often, since who commits waits a little each time; nor less, since then for longer."""
_LONG = 32768
"""Pages of the log (128 MB) from which it is restarted while writers wait for the disk.

At hundreds of calls a second they wait some ten milliseconds every few seconds."""
_PATIENCE = 0.01
"""Seconds that writers may wait for a reader of the log."""
_log = logging.getLogger("releve.gate")


def start_checkpoints(path: str | Path) -> None:
    """Start the thread, which ends with the process; a database in memory has no log to carry."""
    if str(path) == ":memory:" or str(path).startswith("file:"):
        return
    threading.Thread(
        target=_run_checkpoints, args=(Path(path),), name="checkpoints", daemon=True
    ).start()


def _run_checkpoints(path: Path) -> None:
    while (turn := _take_turn(path)) is None:
        time.sleep(_SECONDS)
    with turn:
        _carry_over(path)


def _take_turn(path: Path) -> IO[bytes] | None:
    """Return what makes this process the one at work; None while another is, or no folder."""
    try:
        return try_lock(path.with_name(f"{path.name}-checkpoints"))
    except OSError as error:
        _log.warning("the log of the database is not carried over: %s", error)
        return None


def _carry_over(path: Path) -> None:
    seen = 0
    while True:
        time.sleep(_SECONDS)
        try:
            written = path.with_name(f"{path.name}-wal").stat().st_mtime_ns
            if written != seen:
                checkpoint(path)
            seen = written
        except FileNotFoundError:
            pass  # the database is not open
        except (sqlite3.Error, OSError) as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
                continue  # another process is at it
            _log.warning("the log of the database is not carried over: %s", error)


def checkpoint(path: Path, most_pages: int = _LONG) -> bool:
    """Checkpoint the log up to its oldest reader; restart it where it has grown long.

    Return whether the next writer restarts it. The file keeps its size: truncating it holds writers
    up for a tenth of a second.
    """
    log = path.with_name(f"{path.name}-wal")
    if not log.exists():
        return False
    uri = f"{path.absolute().as_uri()}?mode=rw"
    with closing(sqlite3.connect(uri, uri=True, timeout=_PATIENCE)) as connection:
        connection.execute("PRAGMA synchronous = NORMAL")
        (_, pages, _) = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        if pages < most_pages:
            return False
        (busy, _, _) = connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()
        return not busy
