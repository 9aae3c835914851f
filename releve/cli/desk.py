"""``releve desk``: the web pages, and the people who may sign in to them."""

from __future__ import annotations

import io
import os
from ipaddress import ip_address
from pathlib import Path

import click

from releve.cli.database import open_database
from releve.cli.secret import keep_secret
from releve.cli.token import token
from releve.cli.user import user

__all__ = ["desk"]


@click.group()
def desk() -> None:
    """Serve the web pages, and say who may sign in."""


desk.add_command(user)
desk.add_command(token)


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
    "--open",
    "is_open",
    is_flag=True,
    help="No sign-in: for a look at a plan, on this machine alone, through any role's eyes.",
)
def serve(plan_folder: Path | None, host: str, port: int, is_open: bool) -> None:
    """Serve the desk, with the plan in PLAN_FOLDER if one is given, until interrupted.

    People sign in (`releve desk user add`), unless --open is given; that is refused where people
    have accounts, and on an address that other machines reach. The pages are read again when the
    folder is written again. Set RELEVE_ALLOWED_HOSTS to be reached under another name than the
    loopback ones.
    """
    if is_open and not _is_loopback(host):
        raise click.ClickException(f"--open is for this machine alone: --host {host} is not")
    if plan_folder is not None:
        os.environ["RELEVE_PLAN_FOLDER"] = str(plan_folder.absolute())
    if is_open:
        os.environ["RELEVE_OPEN"] = "1"
    open_database()
    keep_secret()
    from django.core.management.base import SystemCheckError

    try:
        _check()
        _listen(host, port)
    except (SystemCheckError, OSError, OverflowError) as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        click.echo()


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check() -> None:
    """Run the system checks: no plan in the folder, no server."""
    from django.core.management import call_command

    call_command("check", fail_level="ERROR", databases=["default"], stdout=io.StringIO())


def _listen(host: str, port: int) -> None:
    from django.core.servers.basehttp import run
    from django.core.wsgi import get_wsgi_application

    from releve.desk.warm_up import warm_in_background

    ipv6 = ":" in host
    shown = f"[{host}]" if ipv6 else host

    def bound(actual: int | str) -> None:
        click.echo(f"Relève: http://{shown}:{actual}/ (Ctrl+C stops it)")
        warm_in_background()

    run(host, port, get_wsgi_application(), ipv6=ipv6, threading=True, on_bind=bound)
