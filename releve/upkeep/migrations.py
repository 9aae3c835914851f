"""Migrations of the database: what is missing, what is too new, and one process that applies it.

An empty database gets its tables from the first command; any other is migrated by ``releve
migrate`` alone, so that no command changes the tables under running processes by the way.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder

from releve.errors import ReleveError
from releve.files.locks import lock

__all__ = [
    "DatabaseTooNew",
    "DatabaseTooOld",
    "MigrationError",
    "MigrationState",
    "apply_migrations",
    "hold_migration_lock",
    "prepare_database",
    "read_migration_state",
]

_LOCK = 0x72656C657665
"""Number of PostgreSQL's advisory lock: one migration at a time, whichever host runs it."""


class MigrationError(ReleveError):
    """The database does not fit this program."""


class DatabaseTooOld(MigrationError):  # noqa: N818 (named like the others)
    """Migrations are missing."""


class DatabaseTooNew(MigrationError):  # noqa: N818
    """A later version of this program has changed the tables."""


@dataclass(frozen=True, slots=True)
class MigrationState:
    """What a database lacks (``pending``, in order), and what this program does not know of.

    Each is ``app.name``; ``steps`` says in words what each pending one does. ``empty``: there is
    no table of this program yet.
    """

    pending: tuple[str, ...]
    steps: tuple[tuple[str, ...], ...]
    unknown: tuple[str, ...]
    empty: bool

    def refuse_unknown(self) -> None:
        """Raise DatabaseTooNew where the database is newer than this program."""
        if self.unknown:
            raise DatabaseTooNew(
                "the database was changed by a newer version of this program"
                f" ({', '.join(self.unknown)}): install that version, or restore the backup made"
                " before its migration"
            )


def read_migration_state() -> MigrationState:
    """Return how the database stands against this program."""
    executor = MigrationExecutor(connection)
    loader = executor.loader
    applied = MigrationRecorder(connection).applied_migrations()
    labels = {app for app, _ in loader.disk_migrations}
    replaced = {key for found in loader.replacements.values() for key in found.replaces}
    plan = [found for found, _ in executor.migration_plan(loader.graph.leaf_nodes())]
    return MigrationState(
        tuple(f"{found.app_label}.{found.name}" for found in plan),
        tuple(tuple(step.describe() for step in found.operations) for found in plan),
        tuple(sorted(
            f"{app}.{name}" for app, name in applied
            if app in labels and (app, name) not in loader.disk_migrations
            and (app, name) not in replaced
        )),
        not applied,
    )  # fmt: skip


def prepare_database() -> None:
    """Make the tables of an empty database; MigrationError where another one does not fit."""
    state = read_migration_state()
    state.refuse_unknown()
    if not state.pending:
        return
    if state.empty:
        apply_migrations()
        return
    with hold_migration_lock():  # another process may be making them
        pending = read_migration_state().pending
    if pending:
        raise DatabaseTooOld(
            f"the database is older than this program ({len(pending)} migrations are"
            " missing): stop its other processes, then run `releve migrate --backup FILE`"
        )


def apply_migrations() -> tuple[str, ...]:
    """Apply what is missing; return its names. Processes that do so at once wait for each other."""
    with hold_migration_lock():
        state = read_migration_state()
        state.refuse_unknown()
        if state.pending:
            call_command("migrate", interactive=False, verbosity=0)
    return state.pending


@contextmanager
def hold_migration_lock() -> Iterator[None]:
    """Hold the one lock of all processes that migrate this database, on every host of it."""
    if connection.vendor != "postgresql":
        with lock(Path(settings.HOME) / "migrate.lock"):
            yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])
