"""``releve desk``: show a plan folder in a browser."""

from __future__ import annotations

import io
import os
from pathlib import Path

import click

__all__ = ["desk"]


@click.group()
def desk() -> None:
    """Show a plan on web pages."""


@desk.command()
@click.argument("plan_folder", type=click.Path(path_type=Path))
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    default=8000,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="Port to listen on; 0 takes a free one.",
)
def serve(plan_folder: Path, host: str, port: int) -> None:
    """Serve the plan in PLAN_FOLDER until interrupted.

    The pages are read again when the folder is written again. Set RELEVE_ALLOWED_HOSTS to be
    reached under another name than the loopback ones.
    """
    os.environ["RELEVE_PLAN_FOLDER"] = str(plan_folder.absolute())
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "releve.settings")
    import django
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management.base import SystemCheckError

    try:
        django.setup()
        _check()
        _listen(host, port)
    except (ImproperlyConfigured, SystemCheckError, OSError, OverflowError) as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        click.echo()


def _check() -> None:
    """Run the system checks: no plan, no server."""
    from django.core.management import call_command

    call_command("check", fail_level="ERROR", stdout=io.StringIO())


def _listen(host: str, port: int) -> None:
    from django.core.servers.basehttp import run
    from django.core.wsgi import get_wsgi_application

    ipv6 = ":" in host
    shown = f"[{host}]" if ipv6 else host

    def bound(actual: int | str) -> None:
        click.echo(f"Relève: http://{shown}:{actual}/ (Ctrl+C stops it)")

    run(host, port, get_wsgi_application(), ipv6=ipv6, threading=True, on_bind=bound)
