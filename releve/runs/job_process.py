"""The process of a job, ``python -m releve.runs.job_process FOLDER``.

It waits for its turn, starts a second process that does the work (``... FOLDER execute``) and
watches for the file that asks it to stop. Both hold the locks, so that a killed watcher does not
free the job while the work goes on. Finished parts stay, and a restarted job goes on with them.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import IO, Any

from releve.errors import Phrase, encode_phrase, read_reason
from releve.files.atomic import try_lock, write_file
from releve.plugin import list_plugins
from releve.runs.job_store import DEADLINE, Job, JobKind, JobStore, RunError, note_asked

_PAUSE_S = 0.3
_NICENESS = 5
"""The desk and the worker of events go first."""
_REASON_LENGTH = 600
"""Characters kept of why a job failed, where that is not a phrase."""

_KINDS = {"planruns": "releve.runs.plan_job.PLAN_RUNS", "readings": "releve.runs.upload_reader.READINGS"}
"""Folder of the core's kinds of jobs -> the kind by its dotted name."""
_started: list[subprocess.Popen[bytes]] = []


def start_job(folder: Path) -> None:
    """Start the process of a job, in a session of its own, so that it outlives this process."""
    _started[:] = [one for one in _started if one.poll() is None]
    note_asked(folder)
    _started.append(_start_process([str(folder)], start_new_session=True))


def stop_job(job: Job[Any]) -> None:
    """Ask a job to stop; its finished parts stay."""
    (job.folder / "stop").touch()


def resume_job(job: Job[Any]) -> None:
    """Continue a job that was stopped, broke off or failed."""
    for name in ("stop", "failed.json", "began"):
        (job.folder / name).unlink(missing_ok=True)
    start_job(job.folder)


def _start_process(arguments: list[str], **options: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "releve.runs.job_process", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **options,
    )


def find_kind(folder: str) -> JobKind[Any]:
    """Return the kind of the jobs in a folder under the home, of the core or of a plug-in."""
    kinds = _KINDS | {name: kind for plugin in list_plugins() for name, kind in plugin.jobs.items()}
    module, _, name = kinds[folder].rpartition(".")
    found: JobKind[Any] = getattr(import_module(module), name)
    return found


def _read_job(folder: Path) -> tuple[JobKind[Any], Job[Any] | None]:
    kind = find_kind(folder.parent.name)
    return kind, JobStore(folder.parent.parent, kind).get(folder.name)


def run_job(folder: Path) -> None:
    """Do the job of a folder, unless another process is at it."""
    lock = _take_lock(folder)
    if lock is None:
        return
    with lock:
        kind, job = _read_job(folder)
        try:
            if job is not None and not (folder / kind.result).exists():
                _take_turn(folder, kind, lock)
        finally:
            if kind.confidential:
                remove_traces(folder)


def remove_traces(folder: Path) -> None:
    """Remove the inputs of a job and what its processes left beside the order and the result."""
    shutil.rmtree(folder / "inputs", ignore_errors=True)
    for name in ("asked", "began", "stop"):
        (folder / name).unlink(missing_ok=True)


def _take_lock(folder: Path) -> IO[bytes] | None:
    """Take the job; None when another process has it for longer than a look at its state."""
    for _try in range(10):
        lock = try_lock(folder / "lock")
        if lock is not None:
            return lock
        time.sleep(_PAUSE_S)
    return None


def _take_turn(folder: Path, kind: JobKind[Any], lock: IO[bytes]) -> None:
    with contextlib.ExitStack() as stack:
        locks = [lock]
        if kind.take_turns:
            turn = _wait_for_turn(folder)
            if turn is None:
                return
            locks.append(stack.enter_context(turn))
        (folder / "began").touch()
        _watch_work(folder, kind.most_seconds, tuple(one.fileno() for one in locks))


def _wait_for_turn(folder: Path) -> IO[bytes] | None:
    """Wait until no other job is at work; None when this one was stopped meanwhile."""
    while not (folder / "stop").exists():
        turn = try_lock(folder.parent / ".turn")
        if turn is not None:
            return turn
        time.sleep(_PAUSE_S)
    return None


def _watch_work(folder: Path, most_seconds: float | None, locks: tuple[int, ...]) -> None:
    """Start the work; it inherits the locks, so that they hold as long as it lives."""
    work = _start_process([str(folder), "execute"], pass_fds=locks)
    until = math.inf if most_seconds is None else time.monotonic() + most_seconds
    while work.poll() is None:
        if (folder / "stop").exists():
            work.terminate()
            work.wait()
            return
        if time.monotonic() > until:
            work.kill()
            work.wait()
            _write_failure(folder, DEADLINE)
            return
        time.sleep(_PAUSE_S)
    if work.returncode == 0:
        shutil.rmtree(folder / "inputs", ignore_errors=True)
    elif not (folder / "failed.json").exists():
        _write_failure(folder, f"the process ended with status {work.returncode}")


def execute_job(folder: Path) -> bool:
    """Do the work of a job in this process; return False when it failed, with the reason kept."""
    kind, job = _read_job(folder)
    if job is None:
        return False
    with _keep_failure(folder, kind) as failures:
        kind.execute(job)
    return not failures


@contextlib.contextmanager
def _keep_failure(folder: Path, kind: JobKind[Any]) -> Iterator[list[str]]:
    """Write why the work failed; the reason names no case."""
    failures: list[str] = []
    try:
        yield failures
    except RunError as error:
        said = read_reason(error)
        failures.append(said if isinstance(said, Phrase) else said.replace(f"{folder}/", ""))
    except Exception as error:
        name = type(error).__name__
        failures.append(name if kind.confidential else f"{name}: {error}")
    if failures:
        _write_failure(folder, failures[0])


def _write_failure(folder: Path, reason: str) -> None:
    """Keep a reason: a phrase as template and values, so that it is read in any language."""
    said = encode_phrase(reason if isinstance(reason, Phrase) else reason[:_REASON_LENGTH])
    text = json.dumps({"reason": said}, ensure_ascii=False)
    write_file(folder / "failed.json", text, durable=False)


if __name__ == "__main__":
    os.nice(_NICENESS)
    if sys.argv[2:] == ["execute"]:
        sys.exit(0 if execute_job(Path(sys.argv[1])) else 1)
    run_job(Path(sys.argv[1]))
