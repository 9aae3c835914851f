"""Whether the installation can do its work now: its database answers, its worker keeps up."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.executor import MigrationExecutor

from releve.live.clock import real_now
from releve.live.outside import find_overdue_documents
from releve.live.worker_health import WorkerAlarm, keeps_up, read_worker_health

__all__ = ["Readiness", "check_readiness"]


@dataclass(frozen=True, slots=True)
class Readiness:
    """``database``: it answers and has every table; ``worker``: what is wrong with it, if known.

    ``without_receipt``: how many documents left an hour ago and are not received; events have
    their effects all the same.
    """

    database: bool
    worker: WorkerAlarm | None
    without_receipt: int = 0

    @property
    def ready(self) -> bool:
        """Whether what is recorded now has its effects in time."""
        return self.database and keeps_up(self.worker)


def check_readiness() -> Readiness:
    """Ask the database; one that does not answer is a result, never an error."""
    try:
        executor = MigrationExecutor(connection)
        complete = not executor.migration_plan(executor.loader.graph.leaf_nodes())
        if not complete:
            return Readiness(database=False, worker=None)
        overdue = find_overdue_documents(real_now())
        return Readiness(True, read_worker_health().alarm, len(overdue))
    except (DatabaseError, InterfaceError):
        return Readiness(database=False, worker=None)
