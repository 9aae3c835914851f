"""``releve desk user``: the first administrator, and any account from the command line."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import click

from releve.cli.database import open_desk_database

if TYPE_CHECKING:
    from releve.accounts.models import User

__all__ = ["print_password_link", "user"]

ROLES = (
    "administrator",
    "auditor",
    "client",
    "continuity",
    "flow",
    "health",
    "inspector",
    "monitoring",
    "outbound",
    "planner",
    "site",
)
"""As in ``releve.accounts.roles``, which cannot be imported before Django is set up."""

_DAY = click.DateTime(["%Y-%m-%d"])


@click.group()
def user() -> None:
    """Give and end accounts."""


@user.command()
@click.argument("name")
@click.option(
    "--role", required=True, type=click.Choice(ROLES), help="What the person is here for."
)
@click.option("--site", "sites", multiple=True, help="A site the role is held for; repeatable.")
@click.option("--client", "clients", multiple=True, help="A client it is held for; repeatable.")
@click.option("--until", type=_DAY, help="Last day of the role, for an inspector or an auditor.")
@click.option("--email", default="", help="Address of the person.")
@click.option("--password", is_flag=True, help="Ask for the password here instead of a link.")
def add(
    name: str,
    role: str,
    sites: tuple[str, ...],
    clients: tuple[str, ...],
    until: datetime | None,
    email: str,
    password: bool,
) -> None:
    """Give NAME an account with a role, or a further role, and print a link to choose a password.

    The link works once, for three days. With --password it is asked for here instead.
    """
    open_desk_database()
    from releve.accounts import grants
    from releve.accounts.two_people import COMMAND_LINE

    secret = click.prompt("Password", hide_input=True, confirmation_prompt=True) if password else ""
    wanted = grants.RoleRequest(role, sites, clients, until.date() if until else None)
    try:
        made, is_new = grants.give_role(name, wanted, by=COMMAND_LINE, email=email, password=secret)
    except grants.AccessError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{name}: {role}")
    if is_new and not password:
        print_password_link(made, "Choose a password: ")


def print_password_link(account: User, label: str = "", *, show: bool = False) -> None:
    """Mail the link at which an account chooses its password, or print it, and how it begins."""
    from django.conf import settings

    from releve.accounts.two_people import COMMAND_LINE
    from releve.desk.access.password_link import hand_over_link

    link = hand_over_link(account, by=COMMAND_LINE, show=show)
    click.echo(f"{label}{link or f'a link was mailed to {account.email}'}")
    if link and not settings.DESK_URL_IS_SET:
        click.echo(
            f"RELEVE_URL is not set, so the link begins with {settings.DESK_URL}: replace that if"
            " the desk has another address.",
            err=True,
        )


@user.command(name="list")
def list_users() -> None:
    """List the accounts, with the roles they hold now."""
    open_desk_database(reads=True)
    from releve.accounts.directory import list_accounts

    for account in list_accounts(closed=True):
        held = ", ".join(f"{row.role} for {row.reach}" for row in account.roles) or "no role now"
        click.echo(f"{account.name}: {held if account.is_open else 'closed'}")


@user.command(name="end")
@click.argument("name")
@click.option("--role", required=True, help="The role to end.")
def end_role(name: str, role: str) -> None:
    """End a role of NAME now, for whatever sites and clients it is held; the account stays."""
    open_desk_database()
    from releve.accounts import grants
    from releve.accounts.two_people import COMMAND_LINE

    try:
        grants.end_role(name, role, by=COMMAND_LINE)
    except grants.AccessError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{name}: {role} ended")


@user.command()
@click.argument("name")
def close(name: str) -> None:
    """Close the account of NAME: its roles and its sessions end now; its name stays taken."""
    open_desk_database()
    from releve.accounts import grants
    from releve.accounts.two_people import COMMAND_LINE

    try:
        grants.close_account(name, by=COMMAND_LINE)
    except grants.AccessError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{name}: closed")


@user.command()
@click.argument("name")
@click.option("--show", is_flag=True, help="Print it, where the mailbox of NAME cannot be reached.")
def link(name: str, show: bool) -> None:
    """Give NAME a link to choose a new password; it works once, for three days.

    It is mailed where there are a mail server and an address of NAME, and printed otherwise, or
    with --show. Who reads it could act as NAME until the account is confirmed again.
    """
    open_desk_database()
    from releve.accounts import grants

    try:
        print_password_link(grants.get_account(name), show=show)
    except grants.AccessError as error:
        raise click.ClickException(str(error)) from error


@user.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME NAME...")
def declare(names: tuple[str, ...]) -> None:
    """Declare that the administrators NAME are different people, each with this one account.

    For the first two, once both have signed in; and where of those who were declared or confirmed
    no two are left. It is an entry of the ledger, and announced to all who may approve. The
    accounts that came later are confirmed by administrators, on the page *People*.
    """
    open_desk_database()
    from releve.accounts.confirmations import declare_administrators
    from releve.accounts.grants import AccessError

    try:
        declare_administrators(names)
    except AccessError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"declared to be different people: {', '.join(names)}")


@user.command(name="reset-factor")
@click.argument("name")
@click.option("--reason", help="How NAME was recognised: asks for the removal.")
@click.option("--allow", is_flag=True, help="Allow what an administrator has asked on the desk.")
def reset_factor(name: str, reason: str | None, allow: bool) -> None:
    """Remove the second factor that NAME has lost: one person asks, another one allows it.

    With --reason this asks, and an administrator allows it within a day on the page *People*; with
    --allow it allows what an administrator has asked there. Who stands at the command line counts
    as one person, who is also behind the accounts that were made here until they are confirmed.
    """
    if (reason is None) != allow:
        raise click.UsageError("give --reason to ask, or --allow to allow what was asked")
    open_desk_database()
    from releve.accounts import factor_resets, grants
    from releve.accounts.two_people import COMMAND_LINE

    by = COMMAND_LINE
    try:
        person = grants.get_account(name)
        if reason is not None:
            factor_resets.request_reset(person, reason, by=by)
            click.echo("asked: an administrator allows it within a day, on the page People")
            return
        found = factor_resets.list_open_resets().filter(user=person).first()
        if found is None:
            raise click.ClickException(
                f"no request for {name} waits: an administrator asks on the page People"
            )
        factor_resets.approve_reset(found, by=by)
    except grants.AccessError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{name}: second factor removed; set up again at the next sign-in")
