"""Uploaded files read in a process of their own within a deadline, and the results kept a while.

A reading belongs to the bytes and the name of the file: upload, preview and confirmation find the
same one. A file that is still being read is a state, not an error; one that takes too long is
refused. Results are kept no longer than the upload.
"""

from __future__ import annotations

import hashlib
import pickle
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from releve.demand.log_table import LogTable, choose_sheet, read_log_sheets
from releve.errors import Phrase
from releve.files.atomic import write_file
from releve.network import Operator, OperatorFaults, read_operator
from releve.registry.blocks import KEPT_FOR, list_upload_corrections, unpack_upload
from releve.registry.tables import NotAnUpload
from releve.runs.job_store import (
    DEADLINE,
    MOST_ACTIVE,
    Job,
    JobKind,
    JobStore,
    StillReading,
    TooManyJobs,
    current_stamp,
)

MOST_SECONDS = 120.0
"""A reading that takes longer is ended, and the file is refused."""
PATIENCE_SECONDS = 3.0
"""How long a page waits; a file of usual size is read by then, and the page goes on at once."""
_PAUSE_SECONDS = 0.05
_FILE = "sent"
OPERATOR, LOG, REPORT = "operator", "log", "report"


@dataclass(frozen=True)
class ReadingOrder:
    """A file to read as ``what``; the digest is of its bytes and name."""

    by: str
    at: str
    what: str
    name: str
    digest: str


ReadingJob = Job[ReadingOrder]


def read_operator_upload(store: JobStore[ReadingOrder], name: str, data: bytes, by: str) -> Operator:
    """Return the operator of a workbook or a zip of tables.

    OperatorFaults names all faults, NotAnUpload says what the file should be, or that it takes too
    long; StillReading where it has not been read yet.
    """
    found: Operator = _read(store, OPERATOR, name, data, by)
    return found


def read_log_upload(store: JobStore[ReadingOrder], name: str, data: bytes, by: str) -> LogTable:
    """Return the table of a log (CSV, Parquet, XLSX); refusals as of an operator, and of several sheets with data."""
    sheets: dict[str, LogTable] = _read(store, LOG, name, data, by)
    try:
        return choose_sheet(name, sheets)
    except ValueError as error:
        raise NotAnUpload(error.args[0]) from error


def read_sheets_upload(store: JobStore[ReadingOrder], name: str, data: bytes, by: str) -> dict[str, LogTable]:
    """Return the tables of an export of calls or schedules by the name of their sheet; refusals as of an operator."""
    found: dict[str, LogTable] = _read(store, REPORT, name, data, by)
    return found


def forget_reading(store: JobStore[ReadingOrder], name: str, data: bytes) -> None:
    """Remove what was read of a file; its process may be at its last steps."""
    digest = _hash(name, data)
    for job in store.list_jobs():
        tries = 20 if job.order.digest == digest else 0
        while tries and not store.remove(job):
            tries -= 1
            time.sleep(_PAUSE_SECONDS)


def execute_reading(job: ReadingJob) -> None:
    """Read the file of a job, and write what it holds, or why it cannot be used."""
    name, data = job.order.name, (job.folder / "inputs" / "file" / _FILE).read_bytes()
    found: object
    try:
        if job.order.what == OPERATOR:
            files, corrections = unpack_upload(name, data), list_upload_corrections(name, data)
            found = read_operator(files, corrections=corrections)
        else:
            found = read_log_sheets(name, data, report=job.order.what == REPORT)
    except (OperatorFaults, NotAnUpload) as error:
        found = error
    except ValueError as error:
        said = error.args[0] if error.args and isinstance(error.args[0], Phrase) else None
        found = NotAnUpload(said or Phrase("the file cannot be used: {0}", str(error)))
    write_file(job.folder / READINGS.result, pickle.dumps(found), durable=False)


READINGS = JobKind(
    "readings", "read.pickle", ReadingOrder, execute_reading, confidential=True, most_seconds=MOST_SECONDS
)


def _read(store: JobStore[ReadingOrder], what: str, name: str, data: bytes, by: str) -> Any:
    digest = _hash(name, data)
    remove_expired(store, datetime.now(UTC))
    job = _find(store, what, digest)
    if job is None or job.state in ("broken", "stopped"):
        if not store.has_room(by):
            raise TooManyJobs(
                Phrase(
                    "{0} files of yours are being read, and a user may have no more: wait until"
                    " one is read, at most {1} seconds each",
                    MOST_ACTIVE,
                    round(MOST_SECONDS),
                )
            )
        order = ReadingOrder(by, current_stamp(), what, name, digest)
        start_reading(store.add(order, {"file": {_FILE: data}}))
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        job = _find(store, what, digest)
        if job is None or not job.active or time.monotonic() > until:
            break
        time.sleep(_PAUSE_SECONDS)
    if job is not None and job.active:
        raise StillReading(job.seconds)
    if job is not None and job.state == "done":
        found = pickle.loads((job.folder / READINGS.result).read_bytes())
        if isinstance(found, Exception):
            raise found
        return found
    if job is not None:
        store.remove(job)
    if job is not None and job.reason == DEADLINE:
        raise NotAnUpload(Phrase(
            "the file takes more than {0} seconds to read: send it again in a moment; if it is large, split"
            " it", round(MOST_SECONDS),
        ))  # fmt: skip
    raise NotAnUpload(Phrase("the file could not be read: send it again"))


def start_reading(folder: Path) -> None:
    """Start the process of a reading; tests read in their own instead."""
    from releve.runs.job_process import start_job  # it imports this module

    start_job(folder)


def _find(store: JobStore[ReadingOrder], what: str, digest: str) -> ReadingJob | None:
    jobs = (job for job in store.list_jobs() if job.order.what == what)
    return next((job for job in jobs if job.order.digest == digest), None)


def remove_expired(store: JobStore[ReadingOrder], now: datetime) -> None:
    """Remove what was read of files that were sent too long ago."""
    for job in store.list_jobs():
        if datetime.fromisoformat(job.order.at) < now - KEPT_FOR:
            store.remove(job)


def _hash(name: str, data: bytes) -> str:
    return hashlib.sha256(name.encode() + b"\0" + data).hexdigest()
