"""``releve live``: the worker, the plan in force, contacts, drills, and how things stand."""

from __future__ import annotations

import functools
import getpass
import json
import os
import signal
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import click

from releve.cli.database import open_database

if TYPE_CHECKING:
    from releve.live.api import Stream

__all__ = ["live"]

_P = ParamSpec("_P")
_R = TypeVar("_R")


def _current_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "command line"


_by = click.option(
    "--by", default=_current_user, help="Who asks for it [default: the system's user]."
)


@click.group()
def live() -> None:
    """Answer what happens: reliefs, routes and messages, live or in a drill."""


@live.group()
def drill() -> None:
    """Practise on the live situation without notifying real people."""


def _on_the_database(command: Callable[_P, _R]) -> Callable[_P, _R]:
    """Open the database first; say what goes wrong in a sentence."""

    @functools.wraps(command)
    def opened(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        open_database()
        from django.core.exceptions import ImproperlyConfigured
        from django.db import DatabaseError

        from releve.live.api import LiveError

        try:
            return command(*args, **kwargs)
        except (LiveError, DatabaseError, ImproperlyConfigured, OSError, ValueError) as error:
            raise click.ClickException(str(error)) from error

    return opened


@live.command()
@click.option("--once", is_flag=True, help="Do what is due, and what it brings about, and end.")
@click.option(
    "--workers",
    default=2,
    show_default=True,
    type=click.IntRange(1, 32),
    help="Threads that publish and send, beside the one that decides.",
)
@_on_the_database
def work(once: bool, workers: int) -> None:
    """Do what is queued, until it is interrupted; several may run at the same time.

    What has begun comes to its end before the worker does. One that is killed loses nothing:
    another takes its work over after RELEVE_LEASE_SECONDS (30).
    """
    from django.conf import settings

    from releve.live.worker import Worker, run_until_idle
    from releve.routing import build_adapters

    build_adapters(os.environ, settings.HOME)
    if once:
        click.echo(f"{run_until_idle()} effects done")
        return
    worker = Worker(workers)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.ask_to_stop())
    worker.start()
    click.echo("the worker runs (Ctrl+C stops it)")
    worker.wait()


@live.command()
@click.argument("plan_folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@_by
@_on_the_database
def activate(plan_folder: Path, by: str) -> None:
    """Put the plan in PLAN_FOLDER in force; it must be of the operator in the registry."""
    from releve.live.api import activate_plan

    found = activate_plan(plan_folder, by=by)
    click.echo(f"in force: {', '.join(sorted(found.days))}")


@live.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_by
@_on_the_database
def contacts(file: Path, by: str) -> None:
    """Replace the addresses of everybody by those of a CSV FILE (role, who, channel, address)."""
    from releve.live.api import import_contacts

    click.echo(f"{import_contacts(file.read_bytes(), by=by)} addresses")


@live.command()
@click.option("--stream", default="live", show_default=True, help="The live stream or a drill.")
@_on_the_database
def status(stream: str) -> None:
    """Print how a stream stands, as JSON."""
    from releve.live import api

    found = api.compute_coverage(stream)
    newest = api.list_reliefs(stream, 1)
    lost = api.situation_now(stream).lost_places(api.now(stream))
    counts = api.count_messages(stream)
    document = {
        "stream": stream,
        "now": api.now(stream).isoformat(),
        "lost": {"sites": sorted(lost.sites), "carriers": sorted(lost.carriers)},
        "relief": [[row.generation, row.source, row.moved] for row in newest],
        "worst_coverage": None
        if found is None
        else {
            row.client: None if row.worst is None else round(row.worst, 4) for row in found.clients
        },
        "notified": counts.notified,
        "acknowledged": counts.acknowledged,
        "queued": api.count_waiting_effects(stream),
        "late": [effect.key for effect in api.list_late_effects(stream)],
        "aside": [
            [effect.pk, effect.key, effect.error] for effect in api.list_effects_aside(stream)
        ],
    }
    click.echo(json.dumps(document, ensure_ascii=False, indent=1))


@live.command()
@click.argument("effect", type=int)
@_by
@_on_the_database
def retry(effect: int, by: str) -> None:
    """Try an EFFECT that was set aside once more; `releve live status` gives its number."""
    from releve.live.api import retry_effect

    retry_effect(effect, by=by)
    click.echo("queued")


@drill.command()
@click.argument("title")
@click.option(
    "--at",
    type=click.DateTime(["%Y-%m-%dT%H:%M"]),
    help="Where its clock starts, operator's time [default: now].",
)
@_by
@_on_the_database
def start(title: str, at: datetime | None, by: str) -> None:
    """Start a drill called TITLE from the live situation as it stands."""
    from releve.live.api import operator_now, start_drill
    from releve.network import to_utc

    begins = None if at is None else to_utc(at, operator_now().row.time_zone)
    _print_row(start_drill(title, by=by, at=begins))


@drill.command()
@click.argument("stream")
@click.argument("minutes", type=click.FloatRange(0, min_open=True))
@_by
@_on_the_database
def move(stream: str, minutes: float, by: str) -> None:
    """Put the clock of a drill forward by MINUTES."""
    from releve.live.api import move_drill

    click.echo(move_drill(stream, timedelta(minutes=minutes), by=by).isoformat())


@drill.command()
@click.argument("stream")
@_by
@_on_the_database
def stop(stream: str, by: str) -> None:
    """End a drill; what it still had to do is dropped."""
    from releve.live.api import stop_drill

    stop_drill(stream, by=by)
    click.echo(f"{stream} stopped")


@drill.command("list")
@_on_the_database
def list_drills() -> None:
    """List the drills, the newest first."""
    from releve.live.api import list_drills

    for row in list_drills():
        _print_row(row)


def _print_row(row: Stream) -> None:
    from releve.live.api import now

    over = "stopped" if row.stopped_at else f"now {now(row.name):%Y-%m-%d %H:%M} UTC"
    click.echo(f"{row.name}  {row.title}  {over}")
