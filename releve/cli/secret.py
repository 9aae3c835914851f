"""The installation's secret key: kept by the first command, rotated, replaced where it is lost."""

from __future__ import annotations

from datetime import UTC, datetime

import click

__all__ = ["keep_secret", "secret"]


def keep_secret() -> None:
    """Make the key file that the settings read, unless there is one or RELEVE_SECRET_KEY is set.

    Links printed by one command, and sessions, then hold for the next one. To be called with the
    database open: beside accounts, whose second factors are encrypted under it, a key that is
    missing or another one is refused.
    """
    from releve.accounts.grants import AccessError
    from releve.accounts.secret_key import ensure_secret

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
    from releve.cli.database import open_database

    open_database()
    from releve.accounts.grants import AccessError
    from releve.accounts.secret_key import rotate_secret

    try:
        last = rotate_secret(datetime.now(UTC), keep_days)
    except AccessError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"rotated; the old key is kept until {last}")
    click.echo("now restart the desk and the worker")


@secret.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
def replace(yes: bool) -> None:
    """Take a new secret key for one that is lost: sessions, links and second factors end.

    People keep their passwords and set a second factor up again at their next sign-in.
    """
    from releve.cli.database import open_database

    open_database()
    from releve.accounts.grants import AccessError
    from releve.accounts.secret_key import replace_lost_secret

    if not yes:
        click.confirm("All second factors are removed. Go on?", abort=True)
    try:
        count = replace_lost_secret(datetime.now(UTC))
    except AccessError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"replaced; second factors removed of people: {count}")
    click.echo("now restart the desk and the worker")
