"""Start of every command that uses the database: set Django up, check the tables."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

import click

from releve.cli.secret import keep_secret

__all__ = ["open_database", "open_desk_database", "open_home", "read_clock"]


def open_database() -> None:
    """Set Django up for a home whose tables fit this program; those of a new home are made.

    Afterwards models can be imported (inside the command, not at the top of its module). A
    ClickException says why the settings or the database cannot be used. Commands started at the
    same time wait for each other here.
    """
    open_home()
    from django.db import DatabaseError

    from releve.upkeep.migrations import MigrationError, prepare_database

    try:
        prepare_database()
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


def open_desk_database() -> None:
    """Open the database for a command of the desk: its secret key too, its words in English."""
    open_database()
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
