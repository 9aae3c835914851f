"""Checkpoints of SQLite's write-ahead log in a thread of its own, and the gate's metrics.

SQLite itself checkpoints in the commit that makes the log long, and that one call would wait for
the disk. With the thread no decision waits, unless the thread falls far behind. Only one of several
processes runs it: two that checkpoint in turns hold up commits for milliseconds. The metrics count
answers and their times; several processes of one gate share a folder of counters.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from releve.files.atomic import try_lock
from releve.plugins.outbound.gate.protocol import Reply

MOST_PAGES = 100_000
"""Pages of the log (4 KB each) from which a commit checkpoints all the same."""

_SECONDS = 2.0
"""Not more often, since who commits waits a little each time; nor less, since then for longer."""
_LONG = 32768
"""Pages of the log (128 MB) from which it is restarted while writers wait for the disk.

At hundreds of calls a second they wait some ten milliseconds every few seconds."""
_PATIENCE = 0.01
"""Seconds that writers may wait for a reader of the log."""
_log = logging.getLogger("releve.plugins.outbound.gate")


def start_checkpoints(path: str | Path) -> None:
    """Start the thread, which ends with the process; a database in memory has no log to carry."""
    if str(path) == ":memory:" or str(path).startswith("file:"):
        return
    threading.Thread(target=_run_checkpoints, args=(Path(path),), name="checkpoints", daemon=True).start()


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


_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The variable of prometheus_client, read when a process imports it."""
_OWN = CollectorRegistry()
_answers = Counter(
    "releve_gate_answers", "Answers: allow, refuse, or the gate's own refusal", ("answer",), registry=_OWN
)
_seconds = Histogram(
    "releve_gate_answer_seconds", "Seconds from the whole header to the answer",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.8, 1.0), registry=_OWN,
)  # fmt: skip


def note_answer(reply: Reply, seconds: float) -> None:
    """Count an answer; rows of the law are one kind, each GATE-… refusal its own."""
    own = reply.reasons.startswith("GATE-")
    _answers.labels(reply.reasons if own else "allow" if reply.status == 200 else "refuse").inc()
    _seconds.observe(seconds)


def render_gate_metrics() -> str:
    """Return the metrics of every process of this gate as text."""
    registry = _OWN
    if _FOLDER in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry).decode("ascii")


@contextmanager
def share_metrics() -> Iterator[None]:
    """Let the processes that are started meanwhile share their counters."""
    with tempfile.TemporaryDirectory(prefix="releve-gate-") as folder:
        os.environ[_FOLDER] = folder
        try:
            yield
        finally:
            del os.environ[_FOLDER]
