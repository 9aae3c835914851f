"""Start of every command that uses the database: set Django up, check the tables."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import click

from releve.cli.secret import keep_secret
from releve.runs.process_supervisor import TRY_AGAIN

__all__ = [
    "LedgerRefusal",
    "open_database",
    "open_desk_database",
    "open_home",
    "open_new_database",
    "read_clock",
]


class LedgerRefusal(click.ClickException):
    """The database is behind its ledger: a person has to mend that, and then it can be started."""

    exit_code = TRY_AGAIN


def open_database(*, reads: bool = False) -> None:
    """Set Django up for a home whose tables fit this program, and whose ledger is complete.

    Afterwards models can be imported (inside the command, not at the top of its module). A
    ClickException says why the settings or the database cannot be used. A command that only
    ``reads`` goes on with a database that is behind its ledger, with a warning.
    """
    open_home()
    from releve.upkeep.migrations import check_database

    _open_tables(check_database)
    from releve.ledger.errors import LedgerBehind
    from releve.ledger.rollback import compare_with_marks

    try:
        found = compare_with_marks()
    except LedgerBehind as error:
        if not reads:
            raise LedgerRefusal(str(error)) from error
        click.echo(f"warning: {error}", err=True)
        return
    for note in found.notes:
        click.echo(f"warning: {note}", err=True)
    if found.fault and not reads:
        raise LedgerRefusal(f"{found.problem}: {found.fix}")
    if found.fault:
        click.echo(f"warning: {found.problem}: {found.fix}", err=True)


def open_new_database() -> None:
    """Set Django up for a home whose database may be new: its tables are made then.

    Commands started at the same time wait for each other here.
    """
    open_home()
    from releve.upkeep.migrations import make_tables

    _open_tables(make_tables)


def _open_tables(check: Callable[[], None]) -> None:
    from django.db import DatabaseError

    from releve.upkeep.migrations import MigrationError

    try:
        check()
    except MigrationError as error:
        raise click.ClickException(str(error)) from error
    except (DatabaseError, OSError) as error:
        raise click.ClickException(f"the database cannot be opened: {error}") from error


def read_clock() -> datetime:
    """Return the instant by the clock that desk and worker go by; after the database is open."""
    from django.utils import timezone

    return timezone.now()


def open_home() -> None:
    """Set Django up, whatever the state of the tables; refuse where there is no home."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "releve.settings")
    import django
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured
    from django.db import DatabaseError

    from releve.files.home import HomeError, require_home

    try:
        django.setup()
        require_home(Path(settings.HOME))
        _protect_database()
    except HomeError as error:
        raise click.ClickException(str(error)) from error
    except (ImproperlyConfigured, DatabaseError, OSError) as error:
        raise click.ClickException(f"the database cannot be opened: {error}") from error


def open_desk_database(*, reads: bool = False, new: bool = False) -> None:
    """Open the database for a command of the desk: its secret key too, its words in English."""
    if new:
        open_new_database()
    open_database(reads=reads)
    keep_secret()
    from django.utils.translation import override

    click.get_current_context().with_resource(override("en"))


def _protect_database() -> None:
    """Refuse a file of SQLite that is gone; keep one that is there from other users."""
    from django.db import connection

    from releve.files.home import HomeError, protect_file

    path = connection.settings_dict["NAME"]
    if not isinstance(path, Path):
        return
    if not path.is_file():
        raise HomeError(
            f"the database {path} is missing: put it back from its copy, or set"
            " RELEVE_DATABASE_URL to where it is"
        )
    for end in ("", "-wal", "-shm"):
        protect_file(path.with_name(path.name + end))
