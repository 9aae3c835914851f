"""``releve desk token``: tokens by which programs use the API."""

from __future__ import annotations

from datetime import datetime

import click

from releve.cli.database import open_desk_database
from releve.cli.user import ROLES

__all__ = ["token"]

_DAY = click.DateTime(["%Y-%m-%d"])


@click.group()
def token() -> None:
    """Give and end the tokens by which programs use the API."""


@token.command("add")
@click.argument("name")
@click.option("--role", required=True, type=click.Choice(ROLES), help="What the program may do.")
@click.option("--until", required=True, type=_DAY, help="Last day, at most a year from now.")
@click.option("--site", "sites", multiple=True, help="A site the role is held for; repeatable.")
@click.option("--client", "clients", multiple=True, help="A client it is held for; repeatable.")
def add(
    name: str, role: str, until: datetime, sites: tuple[str, ...], clients: tuple[str, ...]
) -> None:
    """Give a program of this NAME a token, and print its secret, which is shown only once.

    The program sends it with each request, as `Authorization: Bearer SECRET`.
    """
    open_desk_database()
    from releve.accounts import grants, tokens
    from releve.accounts.two_people import COMMAND_LINE

    wanted = grants.RoleRequest(role, sites, clients, until.date())
    try:
        _, secret = tokens.issue_token(name, wanted, by=COMMAND_LINE)
    except grants.AccessError as error:
        raise click.ClickException(str(error)) from error
    click.echo(secret)


@token.command(name="list")
def list_tokens() -> None:
    """List the tokens that open something now, with their roles."""
    open_desk_database(reads=True)
    from releve.accounts.directory import list_programs

    for program in list_programs():
        held = program.held
        click.echo(
            f"{program.name}: {held.role} for {held.reach}, until {held.ends_at:%Y-%m-%d %H:%M} UTC"
        )


@token.command()
@click.argument("name")
def revoke(name: str) -> None:
    """End the token of this NAME now; its name stays taken."""
    open_desk_database()
    from releve.accounts import grants, tokens
    from releve.accounts.two_people import COMMAND_LINE

    try:
        grants.revoke_token(tokens.get_token(name), by=COMMAND_LINE)
    except grants.AccessError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{name}: ended")
