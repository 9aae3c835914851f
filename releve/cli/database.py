"""The start of every command that uses the database, and the secret key of the installation."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import click

from releve.runs.process_supervisor import TRY_AGAIN


def keep_secret() -> None:
    """Make the key file that the settings read, unless there is one or RELEVE_SECRET_KEY is set.

    Links printed by one command, and sessions, then hold for the next one. To be called with the
    database open: beside accounts, whose second factors are encrypted under it, a key that is
    missing or another one is refused.
    """
    from releve.accounts.grants import AccessError
    from releve.accounts.tokens import ensure_secret

    try:
        ensure_secret(datetime.now(UTC))
    except AccessError as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}") from error


@click.group()
def secret() -> None:
    """Rotate the key of sessions, links and second factors."""


@secret.command()
@click.option(
    "--keep-days",
    default=14,
    show_default=True,
    type=click.IntRange(0, 365),
    help="Days for which sessions and links of the old key go on.",
)
def rotate(keep_days: int) -> None:
    """Take a new secret key; the old one goes on for some days, then restart every process.

    Second factors are encrypted under the new key at once. Where RELEVE_SECRET_KEY holds the key,
    set it to a new one and RELEVE_SECRET_KEY_OLD to what it was: the next command takes it over.
    """

    open_database()
    from releve.accounts.tokens import rotate_secret

    last = rotate_secret(datetime.now(UTC), keep_days)
    click.echo(f"rotated; the old key is kept until {last}")
    click.echo("now restart the desk and the worker")


@secret.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
def replace(yes: bool) -> None:
    """Take a new secret key for one that is lost: sessions, links and second factors end.

    People keep their passwords and set a second factor up again at their next sign-in.
    """

    open_database()
    from releve.accounts.tokens import replace_lost_secret

    if not yes:
        click.confirm("All second factors are removed. Go on?", abort=True)
    count = replace_lost_secret(datetime.now(UTC))
    click.echo(f"replaced; second factors removed of people: {count}")
    click.echo("now restart the desk and the worker")


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
    from releve.ledger.guards import LedgerBehind
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
            f"the database {path} is missing: put it back from its copy, or set RELEVE_DATABASE_URL to where it is"
        )
    for end in ("", "-wal", "-shm"):
        protect_file(path.with_name(path.name + end))
