"""``releve desk``: the web pages, the accounts that may sign in, and the tokens of programs."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from releve.cli.database import keep_secret, open_database, open_desk_database, secret
from releve.plan.purchases.search import ParallelMap

if TYPE_CHECKING:
    from releve.accounts.models import User


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
    "provisioning",
    "site",
)
"""As in ``releve.accounts.permissions``, which cannot be imported before Django is set up."""

_DAY = click.DateTime(["%Y-%m-%d"])


@click.group()
def user() -> None:
    """Give and end accounts."""


@user.command()
@click.argument("name")
@click.option("--role", required=True, type=click.Choice(ROLES), help="What the person is here for.")
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
    made, is_new = grants.give_role(name, wanted, by=COMMAND_LINE, email=email, password=secret)
    click.echo(f"{name}: {role}")
    if is_new and not password:
        print_password_link(made, "Choose a password: ")


def print_password_link(account: User, label: str = "", *, show: bool = False) -> None:
    """Mail the link at which an account chooses its password, or print it, and how it begins."""
    from django.conf import settings

    from releve.accounts.two_people import COMMAND_LINE
    from releve.desk.access.views import hand_over_link

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

    grants.end_role(name, role, by=COMMAND_LINE)
    click.echo(f"{name}: {role} ended")


@user.command()
@click.argument("name")
def close(name: str) -> None:
    """Close the account of NAME: its roles and its sessions end now; its name stays taken."""
    open_desk_database()
    from releve.accounts import grants
    from releve.accounts.two_people import COMMAND_LINE

    grants.close_account(name, by=COMMAND_LINE)
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

    print_password_link(grants.get_account(name), show=show)


@user.command(name="hand-over")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
def hand_over(names: tuple[str, ...]) -> None:
    """Let the organisation's directory change and close the accounts NAME, which it did not make.

    One that an administrator closed it may open again, without roles. The directory sees every account
    and changes none that it neither made nor was handed over.
    """
    open_desk_database()
    from releve.accounts.directory_accounts import hand_over as hand_one_over
    from releve.accounts.two_people import COMMAND_LINE

    for name in names:
        hand_one_over(name, by=COMMAND_LINE)
        click.echo(f"{name}: the directory may change and close it")


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

    declare_administrators(names)
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
    from releve.accounts import grants
    from releve.accounts.two_people import COMMAND_LINE

    by = COMMAND_LINE
    person = grants.get_account(name)
    if reason is not None:
        grants.request_reset(person, reason, by=by)
        click.echo("asked: an administrator allows it within a day, on the page People")
        return
    found = grants.list_open_resets().filter(user=person).first()
    if found is None:
        raise click.ClickException(f"no request for {name} waits: an administrator asks on the page People")
    grants.approve_reset(found, by=by)
    click.echo(f"{name}: second factor removed; set up again at the next sign-in")


@click.group()
def token() -> None:
    """Give and end the tokens by which programs use the API."""


@token.command("add")
@click.argument("name")
@click.option("--role", required=True, type=click.Choice(ROLES), help="What the program may do.")
@click.option("--until", required=True, type=_DAY, help="Last day, at most a year from now.")
@click.option("--site", "sites", multiple=True, help="A site the role is held for; repeatable.")
@click.option("--client", "clients", multiple=True, help="A client it is held for; repeatable.")
def add_token(name: str, role: str, until: datetime, sites: tuple[str, ...], clients: tuple[str, ...]) -> None:
    """Give a program of this NAME a token, and print its secret, which is shown only once.

    The program sends it with each request, as `Authorization: Bearer SECRET`.
    """
    open_desk_database()
    from releve.accounts import grants, tokens
    from releve.accounts.two_people import COMMAND_LINE

    wanted = grants.RoleRequest(role, sites, clients, until.date())
    _, secret = tokens.issue_token(name, wanted, by=COMMAND_LINE)
    click.echo(secret)


@token.command(name="list")
def list_tokens() -> None:
    """List the tokens that open something now, with their roles."""
    open_desk_database(reads=True)
    from releve.accounts.directory import list_programs

    for program in list_programs():
        held = program.held
        click.echo(f"{program.name}: {held.role} for {held.reach}, until {held.ends_at:%Y-%m-%d %H:%M} UTC")


@token.command()
@click.argument("name")
def revoke(name: str) -> None:
    """End the token of this NAME now; its name stays taken."""
    open_desk_database()
    from releve.accounts import grants, tokens
    from releve.accounts.two_people import COMMAND_LINE

    grants.revoke_token(tokens.get_token(name), by=COMMAND_LINE)
    click.echo(f"{name}: ended")


@click.group()
def desk() -> None:
    """Serve the web pages, and say who may sign in."""


desk.add_command(user)
desk.add_command(token)
desk.add_command(secret)


@desk.command()
@click.argument("plan_folder", type=click.Path(path_type=Path), required=False)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    default=8000,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="Port to listen on; 0 takes a free one.",
)
@click.option(
    "--threads",
    default=12,
    show_default=True,
    type=click.IntRange(1, 64),
    help="Requests that are answered at a time, each with a connection to the database.",
)
@click.option(
    "--open",
    "is_open",
    is_flag=True,
    help="No sign-in: for a look at a plan, on this machine alone, through any role's eyes.",
)
@click.option("--act", is_flag=True, help="With --open, and a made-up operator: record, publish and erase, too.")
def serve(plan_folder: Path | None, host: str, port: int, threads: int, is_open: bool, act: bool) -> None:
    """Serve the desk, with the plan in PLAN_FOLDER if one is given, until interrupted.

    People sign in (`releve desk user add`), unless --open is given; that is refused where people
    have accounts, on an address that other machines reach, and to a proxy. An open desk only shows,
    unless --act is given; with a real operator it never acts. The pages are read again when the
    folder is written again. Set RELEVE_ALLOWED_HOSTS to be reached under another name than the
    loopback ones.
    """
    from releve.environment import is_loopback

    if is_open and not is_loopback(host):
        raise click.ClickException(f"--open is for this machine alone: --host {host} is not")
    if act and not is_open:
        raise click.UsageError("--act goes with --open: elsewhere people sign in")
    if plan_folder is not None:
        os.environ["RELEVE_PLAN_FOLDER"] = str(plan_folder.absolute())
    if is_open:
        os.environ |= {"RELEVE_OPEN": "1", "RELEVE_OPEN_ACTS": "1" if act else "0"}
    open_database(reads=True)
    keep_secret()
    _check()
    try:
        _listen(host, port, threads)
    except (OSError, OverflowError) as error:
        raise click.ClickException(str(error)) from error


def _check() -> None:
    """Refuse to serve what the system checks find wrong, in their own sentences."""
    from django.core.checks import ERROR, run_checks

    found = [item for item in run_checks(databases=["default"]) if item.level >= ERROR]
    if found:
        raise click.ClickException("\n".join(f"{one.msg} ({one.id})\n  {one.hint}" for one in found))


def _listen(host: str, port: int, threads: int) -> None:
    """Serve until a signal to end; what has begun is answered first."""
    from django.core.wsgi import get_wsgi_application

    from releve.desk.server import DeskServer, open_listener
    from releve.live import api as live

    listener = open_listener(host, port)
    server = DeskServer(get_wsgi_application(), listener, threads=threads)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: server.ask_to_stop())
    shown = f"[{host}]" if ":" in host else host
    click.echo(f"Relève: http://{shown}:{listener.getsockname()[1]}/ (Ctrl+C stops it)")
    live.warm_in_background()
    server.run()


T = TypeVar("T")
R = TypeVar("R")


@contextmanager
def two_processes() -> Iterator[ParallelMap]:
    """Give a ``map`` that does two things at a time; processes start when there are two to do."""
    with ExitStack() as stack:
        pools: list[ProcessPoolExecutor] = []

        def run(work: Callable[[T], R], items: Iterable[T], /) -> Iterable[R]:
            todo = list(items)
            if len(todo) < 2:
                return map(work, todo)
            if not pools:
                stack.callback(signal.signal, signal.SIGTERM, signal.signal(signal.SIGTERM, _end_processes))
                pool = ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn"))
                pools.append(stack.enter_context(pool))
            return pools[0].map(work, todo)

        yield run


def _end_processes(number: int, _frame: object) -> None:
    """End what the pool computes and leave as after any error, so that no semaphore stays behind."""
    for process in multiprocessing.active_children():
        process.terminate()
    sys.exit(128 + number)
