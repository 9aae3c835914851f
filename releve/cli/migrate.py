"""``releve migrate``: bring the database up to date with this version of the program."""

from __future__ import annotations

from pathlib import Path

import click

from releve.cli.backup import save_backup
from releve.cli.database import open_home

__all__ = ["migrate"]


@click.command()
@click.option("--dry-run", is_flag=True, help="Print what would be done, and do nothing.")
@click.option(
    "--backup",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write a backup first, to the recipients of RELEVE_BACKUP_TO.",
)
def migrate(dry_run: bool, backup: Path | None) -> None:
    """Bring the database up to date with this version of the program.

    Stop the other processes first. Two hosts of one PostgreSQL wait for each other. A database that
    a newer version has changed is refused, and an empty one beside the keys of an installation.
    """
    open_home()
    from django.db import DatabaseError

    from releve.upkeep.migrations import (
        MigrationError,
        apply_migrations,
        read_migration_state,
        refuse_lost_database,
    )

    try:
        state = read_migration_state()
        state.refuse_unknown()
        if state.empty:
            refuse_lost_database()
        for name, steps in zip(state.pending, state.steps, strict=True) if dry_run else ():
            click.echo("\n".join([name, *(f"  {step}" for step in steps)]))
        if not state.pending:
            click.echo("the database is up to date: nothing to do, and no backup written")
            return
        if dry_run:
            click.echo(f"migrations missing: {len(state.pending)}")
            return
        if backup is not None:
            save_backup(backup, ())
        for name in apply_migrations():
            click.echo(name)
    except (MigrationError, DatabaseError, OSError) as error:
        raise click.ClickException(str(error)) from error
