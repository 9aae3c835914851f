"""Work that other rooms have due by the clock: each job runs every round and decides what is due.

A job that raises ReleveError is logged and runs again after ten minutes, and the others go on; what
else it raises goes to the worker, which waits and runs all again. A slow job, such as a solver's,
has a round of its own: a recall or a clearing does not wait for it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.utils.module_loading import import_string

from releve.errors import ReleveError

__all__ = ["RETRY_AFTER", "register_due_job", "run_due_jobs", "run_slow_jobs"]

RETRY_AFTER = timedelta(minutes=10)
_jobs: dict[str, str] = {}
_slow: set[str] = set()
_not_before: dict[str, datetime] = {}
_log = logging.getLogger("releve.live")


def register_due_job(name: str, job: str, *, slow: bool = False) -> None:
    """Register a job, a function by its dotted name; a ``slow`` one may take minutes.

    It is called with the current instant and decides itself what is due.
    """
    _jobs[name] = job
    if slow:
        _slow.add(name)


def run_due_jobs(now: datetime) -> None:
    """Run the registered jobs, each unless it failed within the last ten minutes."""
    _run([name for name in _jobs if name not in _slow], now)


def run_slow_jobs(now: datetime) -> None:
    """Run the slow ones, likewise."""
    _run([name for name in _jobs if name in _slow], now)


def _run(names: Iterable[str], now: datetime) -> None:
    for name in names:
        wait = _not_before.get(name)
        if wait is not None and wait - RETRY_AFTER <= now < wait:
            continue
        try:
            import_string(_jobs[name])(now)
            _not_before.pop(name, None)
        except ReleveError as error:
            _not_before[name] = now + RETRY_AFTER
            _log.warning("%s waits ten minutes: %s", name, error)
