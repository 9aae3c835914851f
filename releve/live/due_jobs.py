"""Work that other rooms have due by the clock: each job runs every round and decides what is due.

A job that raises ReleveError is logged and runs again after ten minutes, and the others go on; what
else it raises goes to the worker, which waits and runs all again.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.utils.module_loading import import_string

from releve.errors import ReleveError

__all__ = ["RETRY_AFTER", "register_due_job", "run_due_jobs"]

RETRY_AFTER = timedelta(minutes=10)
_jobs: dict[str, str] = {}
_not_before: dict[str, datetime] = {}
_log = logging.getLogger("releve.live")


def register_due_job(name: str, job: str) -> None:
    """Register a job, a function by its dotted name.

    It is called with the current instant and decides itself what is due.
    """
    _jobs[name] = job


def run_due_jobs(now: datetime) -> None:
    """Run the registered jobs, each unless it failed within the last ten minutes."""
    for name, job in _jobs.items():
        wait = _not_before.get(name)
        if wait is not None and wait - RETRY_AFTER <= now < wait:
            continue
        try:
            import_string(job)(now)
            _not_before.pop(name, None)
        except ReleveError as error:
            _not_before[name] = now + RETRY_AFTER
            _log.warning("%s waits ten minutes: %s", name, error)
