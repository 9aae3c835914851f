"""``releve init`` and ``releve migrate``: make an installation, or bring one up to date."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import zip_longest
from pathlib import Path

import click

from releve.cli.backup import save_backup
from releve.cli.database import open_desk_database, open_home
from releve.cli.desk import print_password_link


@click.command()
@click.option(
    "--administrator",
    "administrators",
    metavar="NAME",
    multiple=True,
    help="Make this first account; gives its link, once. Twice for the two that a house needs.",
)
@click.option("--email", "emails", multiple=True, help="Address of the administrator; with two, in the same order.")
def init(administrators: tuple[str, ...], emails: tuple[str, ...]) -> None:
    """Make the home folder of an installation, its database and its keys.

    The folder is RELEVE_HOME; without it /var/lib/releve where it is there or root asks, else
    ~/.local/state/releve. What is there already stays: the command can be run again, and takes the
    home of an older version over. Every other command refuses to work where there is no home.
    """
    if len(emails) > len(administrators):
        raise click.UsageError("give --administrator for each --email")
    home = _make_home()
    open_desk_database(new=True)
    from releve.accounts.confirmations import are_two_administrators
    from releve.accounts.models import User
    from releve.ledger.keys import list_keys, public_key

    for made in list_keys():
        made.ensure()
    key = public_key()
    click.echo(f"home: {home}")
    click.echo(f"public key of the ledger, to be published: {key}")
    click.echo(f"keep a copy of the keys in {home} (*.key, secret-key) on another machine")
    if administrators:
        _give_first_accounts(dict(zip_longest(administrators, emails, fillvalue="")))
    elif not User.objects.exists():
        click.echo("next: releve desk user add NAME --role administrator, for two people")
    if not are_two_administrators():
        names = " ".join(administrators) if len(administrators) > 1 else "NAME NAME"
        click.echo(f"once two administrators have signed in: releve desk user declare {names}")
    click.echo("then: releve doctor")


def _make_home() -> Path:
    """Make the folder, with the empty file of an SQLite database."""
    from django.core.exceptions import ImproperlyConfigured

    from releve.files.home import HomeError, make_home

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "releve.settings")
    try:
        from django.conf import settings

        home = Path(settings.HOME)
        database = settings.DATABASES["default"]["NAME"]
        make_home(home, datetime.now(UTC), database if isinstance(database, Path) else None)
    except (ImproperlyConfigured, HomeError) as error:
        raise click.ClickException(str(error)) from error
    return home


def _give_first_accounts(emails: Mapping[str, str]) -> None:
    """Give each administrator an account, with the address of the name."""
    from releve.accounts import grants
    from releve.accounts.models import User
    from releve.accounts.two_people import COMMAND_LINE

    if User.objects.exists():
        name = next(iter(emails))
        raise click.ClickException(f"people have accounts already: `releve desk user add {name} --role administrator`")
    wanted = grants.RoleRequest("administrator")
    for name, email in emails.items():
        made, _ = grants.give_role(name, wanted, by=COMMAND_LINE, email=email)
        print_password_link(made, f"{name}, choose a password: ")


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

    from releve.upkeep.migrations import MigrationError, apply_migrations, read_migration_state, refuse_lost_database

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
