"""Work of other packages, due by the clock: each job runs every round and decides what is due.

A job that raises ReleveError is logged and waits, ten seconds at first and twice as long after
each further failure, up to ten minutes; the other jobs go on. Any other error stops the round: the
worker waits and runs all again. Slow jobs, such as a solver's, have a round of their own.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.module_loading import import_string

from releve.errors import ReleveError

SHORTEST_WAIT = timedelta(seconds=10)
"""Wait after a first failure: what is due within minutes, such as an opening, is not lost."""
LONGEST_WAIT = timedelta(minutes=10)


@dataclass
class _Job:
    """A registered job: its function by dotted name, and since when it waits for how long.

    ``path`` is the way out of the house that it takes; ``failing_since`` is its first failure in a row.
    """

    run: str
    slow: bool
    path: str = ""
    failing_since: datetime | None = None
    cause: str = ""
    failed_at: datetime | None = None
    wait: timedelta = timedelta(0)

    def waits(self, now: datetime) -> bool:
        """Return whether it failed just now; a clock set back does not make it wait longer."""
        return self.failed_at is not None and timedelta(0) <= now - self.failed_at < self.wait


_jobs: dict[str, _Job] = {}
_log = logging.getLogger("releve.live")


def register_due_job(name: str, job: str, *, slow: bool = False, path: str = "") -> None:
    """Register a job, a function by its dotted name; a ``slow`` one may take minutes.

    One that goes out of the house names its ``path``: while it fails, that is an alarm.

    It is called with the current instant and decides itself what is due: at each change in the database and
    each full minute, of slow ones at every fifth, and within a second again where it returns True or fails.
    """
    _jobs[name] = _Job(job, slow, path)


def list_failing_jobs() -> list[tuple[str, datetime, str]]:
    """Return the paths whose jobs fail in this process, each since when and why: the job that has failed longest."""
    rows = [(job.failing_since, job.path, job.cause) for job in _jobs.values() if job.failing_since and job.path]
    found: dict[str, tuple[str, datetime, str]] = {}
    for since, path, cause in sorted(rows):
        found.setdefault(path, (path, since, cause))
    return list(found.values())


def run_due_jobs(now: datetime) -> bool:
    """Run the registered jobs, each unless it waits after a failure; return whether to ask again soon."""
    return _run(now, slow=False)


def run_slow_jobs(now: datetime) -> bool:
    return _run(now, slow=True)


def _run(now: datetime, *, slow: bool) -> bool:
    own = {name: job for name, job in _jobs.items() if job.slow == slow}
    busy = False
    for name, job in own.items():
        if job.waits(now):
            continue
        try:
            busy = bool(import_string(job.run)(now)) or busy
            job.wait, job.failing_since = timedelta(0), None
        except ReleveError as error:
            job.failed_at, job.cause = now, str(error)
            job.failing_since = job.failing_since or now
            job.wait = min(max(2 * job.wait, SHORTEST_WAIT), LONGEST_WAIT)
            _log.warning("%s waits %d seconds: %s", name, job.wait.total_seconds(), error)
    return busy or any(job.wait for job in own.values())
