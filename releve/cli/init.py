"""``releve init``: make an installation, and say what comes next."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import click

from releve.cli.database import open_desk_database
from releve.cli.user import print_password_link

__all__ = ["init"]


@click.command()
@click.option(
    "--administrator", metavar="NAME", help="Make this first account; prints its link, once."
)
@click.option("--email", default="", help="Address of the administrator.")
def init(administrator: str | None, email: str) -> None:
    """Make the home folder of an installation, its database and its keys.

    The folder is RELEVE_HOME; without it /var/lib/releve where it is there or root asks, else
    ~/.local/state/releve. What is there already stays: the command can be run again, and takes the
    home of an older version over. Every other command refuses to work where there is no home.
    """
    home = _make_home()
    open_desk_database()
    from releve.accounts.models import User
    from releve.gate.errors import GateError
    from releve.gate.key_checks import ensure_gate_key
    from releve.ledger.errors import LedgerError
    from releve.ledger.keys import public_key

    try:
        key = public_key()
        ensure_gate_key()
    except (LedgerError, GateError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"home: {home}")
    click.echo(f"public key of the ledger, to be published: {key}")
    click.echo(f"keep a copy of the keys in {home} (*.key, secret-key) on another machine")
    if administrator is not None:
        _give_first_account(administrator, email)
    elif not User.objects.exists():
        click.echo("next: releve desk user add NAME --role administrator")
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


def _give_first_account(name: str, email: str) -> None:
    from releve.accounts import grants
    from releve.accounts.models import User

    if User.objects.exists():
        raise click.ClickException(
            f"people have accounts already: `releve desk user add {name} --role administrator`"
        )
    try:
        made, _ = grants.give_role(
            name, grants.RoleRequest("administrator"), by="command line", email=email
        )
    except grants.AccessError as error:
        raise click.ClickException(str(error)) from error
    print_password_link(made, f"{name}, choose a password: ")
