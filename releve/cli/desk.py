"""``releve desk``: the web pages, and the people who may sign in to them."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import click

from releve.cli.database import open_database
from releve.cli.secret import keep_secret, secret
from releve.cli.token import token
from releve.cli.user import user

__all__ = ["desk"]


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
@click.option(
    "--act",
    is_flag=True,
    help="With --open, and a made-up operator: record, publish and erase, too.",
)
def serve(
    plan_folder: Path | None, host: str, port: int, threads: int, is_open: bool, act: bool
) -> None:
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
        raise click.ClickException(
            "\n".join(f"{one.msg} ({one.id})\n  {one.hint}" for one in found)
        )


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
