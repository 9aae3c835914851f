"""Start of every command that uses the database: set Django up, bring the tables up to date."""

from __future__ import annotations

import os

import click

from releve.cli.secret import keep_secret
from releve.files.locks import lock

__all__ = ["open_database", "open_desk_database"]


def open_database() -> None:
    """Set Django up and bring the database's tables up to date, made when it is new.

    Afterwards models can be imported (inside the command, not at the top of its module). A
    ClickException says why the settings or the database cannot be used. Commands started at the
    same time on one machine wait for each other here.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "releve.settings")
    import django
    from django.core.exceptions import ImproperlyConfigured
    from django.db import DatabaseError

    try:
        django.setup()
        _migrate()
    except (ImproperlyConfigured, DatabaseError, OSError) as error:
        raise click.ClickException(f"the database cannot be opened: {error}") from error


def open_desk_database() -> None:
    """Open the database for a command of the desk: its secret key too, its words in English."""
    open_database()
    keep_secret()
    from django.utils.translation import override

    click.get_current_context().with_resource(override("en"))


def _migrate() -> None:
    """Apply the migrations that are missing; only one process of this machine does at a time."""
    from django.conf import settings
    from django.core.management import call_command

    if _complete():
        return
    with lock(settings.HOME / "migrate.lock"):
        if not _complete():
            call_command("migrate", interactive=False, verbosity=0)


def _complete() -> bool:
    """Return whether the database has every table; the home folder is made for it."""
    from django.conf import settings
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    settings.HOME.mkdir(mode=0o700, parents=True, exist_ok=True)
    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())
