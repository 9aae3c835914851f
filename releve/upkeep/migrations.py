"""Migrations of the database: what is missing, what is too new, and one process that applies it.

An empty database gets its tables from ``releve init``, never beside the secret key or roots of an
installation, whose database is then lost or another one. Any other is migrated by ``releve
migrate`` alone, so that no command changes tables under running processes in passing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder

from releve.environment import SECRET_FILE
from releve.errors import ReleveError
from releve.files.atomic import lock
from releve.ledger.keys import list_keys, stored_key_check

_LOCK = 0x72656C657665
"""Number of PostgreSQL's advisory lock: one migration at a time, whichever host runs it."""


class MigrationError(ReleveError):
    """The database does not fit this program."""


class DatabaseEmpty(MigrationError):  # noqa: N818 (named like the others)
    """The database has no tables, and was not to be made."""


class DatabaseForeign(MigrationError):  # noqa: N818
    """The database was written with the keys of another installation."""


class DatabaseTooOld(MigrationError):  # noqa: N818 (named like the others)
    """Migrations are missing."""


class DatabaseTooNew(MigrationError):  # noqa: N818
    """A later version of this program has changed the tables."""


class DatabaseUnreleased(MigrationError):  # noqa: N818
    """A version that was never released has changed the tables."""


@dataclass(frozen=True, slots=True)
class MigrationState:
    """What a database lacks (``pending``, in order), and what this program does not know of.

    Each is ``app.name``; ``steps`` says in words what each pending one does. ``withdrawn``: what it
    does not know of and later versions cannot have added, having a number that is taken. ``empty``:
    there is no table of this program yet.
    """

    pending: tuple[str, ...]
    steps: tuple[tuple[str, ...], ...]
    unknown: tuple[str, ...]
    withdrawn: tuple[str, ...]
    empty: bool

    def refuse_unknown(self) -> None:
        """Raise DatabaseTooNew where the database is newer than this program, DatabaseUnreleased where it is older
        than any that can be migrated."""
        if self.withdrawn:
            raise DatabaseUnreleased(
                "the database was made by a version that was never released, whose tables this program cannot migrate"
                f" ({', '.join(self.withdrawn)}). Begin a new home by `releve init`; the program that made this one"
                " writes its ledger by `releve ledger export`, which is still verified"
            )
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
    unknown = sorted(
        found for found in applied
        if found[0] in labels and found not in loader.disk_migrations and found not in replaced
    )  # fmt: skip
    last = dict(sorted(loader.disk_migrations))
    return MigrationState(
        tuple(f"{found.app_label}.{found.name}" for found in plan),
        tuple(tuple(step.describe() for step in found.operations) for found in plan),
        tuple(f"{app}.{name}" for app, name in unknown),
        tuple(f"{app}.{name}" for app, name in unknown if name[:4] <= last[app][:4]),
        not applied,
    )


def check_database() -> None:
    """Refuse a database that does not fit this program, or this home: MigrationError."""
    state = read_migration_state()
    state.refuse_unknown()
    if not state.pending:
        _refuse_foreign_keys()
        return
    if state.empty:
        refuse_lost_database()
        raise DatabaseEmpty(
            f"{_name_database()} is empty: make the installation with `releve init`, or set"
            " RELEVE_DATABASE_URL to where its database is"
        )
    with hold_migration_lock():  # another process may be making them
        pending = read_migration_state().pending
    if pending:
        raise DatabaseTooOld(
            f"the database is older than this program ({len(pending)} migrations are"
            " missing): stop its other processes, then run `releve migrate --backup FILE`"
        )


def make_tables() -> None:
    """Make the tables of a new installation; another database is checked."""
    if read_migration_state().empty:
        refuse_lost_database()
        apply_migrations()
    check_database()


def refuse_lost_database() -> None:
    """Refuse an empty database where the home shows that it had tables: DatabaseEmpty.

    The secret key is made after the tables, and roots are signed from them. Other keys may be put
    into the home before, by a person: that of the ledger or a plug-in, or one of TLS.
    """
    home = Path(settings.HOME)
    left = [home / SECRET_FILE, *sorted((home / "roots").glob("root-*.json"))]
    left = [path for path in left if path.is_file()]
    if left:
        raise DatabaseEmpty(
            f"{_name_database()} is empty, and {home} is the home of an installation"
            f" ({left[-1].name} is there): its database is gone, or RELEVE_DATABASE_URL names"
            " another one. No table was made. Put the database back from its copy, set"
            " RELEVE_DATABASE_URL to where it is, or make the installation again in a new home"
            " from a backup and the journal (`releve restore`)"
        )


def _refuse_foreign_keys() -> None:
    """Refuse a database that was written with other keys than this home has, each of them.

    A single other key may be one that was replaced or lost, of which its own check speaks.
    """
    pairs = []
    for key in list_keys():
        stored = stored_key_check(key.name)
        with suppress(ReleveError):  # a key that cannot be read: its own check speaks
            if stored is not None and (found := key.find()) is not None:
                pairs.append((stored, found))
    if len(pairs) > 1 and all(stored != found for stored, found in pairs):
        raise DatabaseForeign(
            f"{_name_database()} is of another installation: it was written with other keys"
            f" than those of {settings.HOME}. Set RELEVE_DATABASE_URL to the database of this one,"
            " or RELEVE_HOME to the home of that one"
        )


def _name_database() -> str:
    """Return the database in words, without host or password."""
    return f"the database {connection.settings_dict['NAME']}"


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
