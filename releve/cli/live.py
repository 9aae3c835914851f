"""``releve live``: the worker, the plan in force, contacts, drills, and how things stand."""

from __future__ import annotations

import functools
import getpass
import json
import os
import signal
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import ParamSpec, TypeVar

import click

from releve.cli.database import open_database

__all__ = ["by_option", "live", "on_the_database"]

_P = ParamSpec("_P")
_R = TypeVar("_R")


def _current_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "command line"


by_option = click.option(
    "--by", default=_current_user, help="Who asks for it [default: the system's user]."
)


_DAY = click.DateTime(["%Y-%m-%d"])
_STREAM = click.option(
    "--stream", default="live", show_default=True, help="The live stream or a drill."
)


@click.group()
def live() -> None:
    """Answer what happens: reliefs, routes and messages, live or in a drill."""


@live.group()
def drill() -> None:
    """Practise on the live situation without notifying real people."""


def on_the_database(command: Callable[_P, _R], *, reads: bool = False) -> Callable[_P, _R]:
    """Open the database first; say what goes wrong in a sentence."""

    @functools.wraps(command)
    def opened(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        open_database(reads=reads)
        from django.core.exceptions import ImproperlyConfigured
        from django.db import DatabaseError

        from releve.errors import ReleveError

        try:
            return command(*args, **kwargs)
        except (ReleveError, DatabaseError, ImproperlyConfigured, OSError, ValueError) as error:
            raise click.ClickException(str(error)) from error

    return opened


_reading_the_database = functools.partial(on_the_database, reads=True)


@live.command()
@click.option("--once", is_flag=True, help="Do what is due, and what it brings about, and end.")
@click.option(
    "--workers",
    default=2,
    show_default=True,
    type=click.IntRange(1, 32),
    help="Threads that publish and send, beside the one that decides.",
)
@on_the_database
def work(once: bool, workers: int) -> None:
    """Do what is queued, until it is interrupted; several may run at the same time.

    What has begun comes to its end before the worker does. One that is killed loses nothing:
    another takes its work over after RELEVE_LEASE_SECONDS (30). It does not start where contacts
    use a channel that cannot send as it is set up.
    """
    from django.conf import settings

    from releve.live.api import check_channels
    from releve.live.worker import Worker, run_until_idle
    from releve.routing import build_adapters

    build_adapters(os.environ, settings.HOME)
    check_channels()
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
@by_option
@on_the_database
def activate(plan_folder: Path, by: str) -> None:
    """Put the plan in PLAN_FOLDER in force; it must be of the operator in the registry."""
    from releve.live.api import activate_plan

    found = activate_plan(plan_folder, by=by)
    click.echo(f"in force: {', '.join(sorted(found.days))}")


@live.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@by_option
@on_the_database
def contacts(file: Path, by: str) -> None:
    """Replace the addresses of everybody by those of a CSV FILE (role, who, channel, address)."""
    from releve.live.api import import_contacts

    click.echo(f"{import_contacts(file.read_bytes(), by=by)} addresses")


@live.command()
@_STREAM
@_reading_the_database
def status(stream: str) -> None:
    """Print how a stream stands, as JSON; exit status 1 where an operator has to act.

    That is where the worker does not run or does not keep up, its clock was set ahead or back, or
    an effect was set aside.
    """
    from releve.live import api

    found = api.compute_coverage(stream)
    newest = api.list_reliefs(stream, 1)
    lost = api.situation_now(stream).lost_places(api.now(stream))
    counts = api.count_messages(stream)
    worker, aside = api.read_worker_health(), api.list_effects_aside(stream)
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
        "aside": [[effect.pk, effect.key, effect.error] for effect in aside],
        "worker": {
            "alarm": worker.alarm,
            "since": _format_instant(worker.since),
            "beat_at": _format_instant(worker.beat_at),
            "oldest_due_at": _format_instant(worker.oldest_due_at),
        },
        "without_receipt": api.find_overdue_documents(api.real_now()),
    }
    click.echo(json.dumps(document, ensure_ascii=False, indent=1))
    if aside or worker.alarm:
        raise SystemExit(1)


def _format_instant(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


@live.command()
@click.argument("effect", type=int)
@by_option
@on_the_database
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
@by_option
@on_the_database
def start(title: str, at: datetime | None, by: str) -> None:
    """Start a drill called TITLE from the live situation as it stands."""
    from releve.live.api import now, operator_now, start_drill
    from releve.network import to_utc

    begins = None if at is None else to_utc(at, operator_now().row.time_zone)
    found = start_drill(title, by=by, at=begins)
    _print_drill(found.name, found.title, now(found.name))


@drill.command()
@click.argument("stream")
@click.argument("minutes", type=click.FloatRange(0, min_open=True))
@by_option
@on_the_database
def move(stream: str, minutes: float, by: str) -> None:
    """Put the clock of a drill forward by MINUTES."""
    from releve.live.api import move_drill

    click.echo(move_drill(stream, timedelta(minutes=minutes), by=by).isoformat())


@drill.command()
@click.argument("stream")
@by_option
@on_the_database
def stop(stream: str, by: str) -> None:
    """End a drill; what it still had to do is dropped."""
    from releve.live.api import stop_drill

    stop_drill(stream, by=by)
    click.echo(f"{stream} stopped")


@drill.command("list")
@_reading_the_database
def list_drills() -> None:
    """List the drills, the newest first."""
    from releve.live.api import list_drills

    for row in list_drills():
        _print_drill(row.name, row.title, row.now)


def _print_drill(name: str, title: str, at: datetime | None) -> None:
    clock = "stopped" if at is None else f"now {at:%Y-%m-%d %H:%M} UTC"
    click.echo(f"{name}  {title}  {clock}")


@live.group()
def rules() -> None:
    """See the packs of rules by which sites are closed and checked; choose and end them."""


@rules.command("list")
@_STREAM
@_reading_the_database
def list_packs(stream: str) -> None:
    """List the packs with their sentences, and the days for which each is chosen."""
    from releve.live.api import rules_now, situation_now

    chosen = situation_now(stream).packs
    found = rules_now(stream)
    for pack in found.packs:
        click.echo(f"{pack.id}  {pack.name}: {pack.text}")
        days = [one for one in chosen if one.pack == pack.id]
        for one in days:
            click.echo(f"  chosen from {one.first} to {one.last or 'its end'}")
        if not days:
            click.echo("  not chosen")
        for row in (row for row in found.offered if row.pack == pack.id):
            click.echo(f"  {row.id}: {row.text}")


@rules.command()
@click.argument("pack")
@click.option("--from", "first", required=True, type=_DAY, help="First day in force.")
@click.option("--to", "last", type=_DAY, help="Last day in force [until it is ended].")
@_STREAM
@by_option
@on_the_database
def choose(pack: str, first: datetime, last: datetime | None, stream: str, by: str) -> None:
    """Take the rules of PACK as the operator's own; a site that they close now closes."""
    from releve.live.api import now, record
    from releve.situation import PackChosen

    key, at = uuid.uuid4().hex, now(stream)
    event = PackChosen(
        id=key, happened_at=at, recorded_at=at, actor=by, pack=pack, valid_from=first.date(),
        valid_to=last and last.date(),
    )  # fmt: skip
    done = record(event, key=key, stream=stream)
    click.echo(f"{pack} is chosen: entry {done.seq}, {len(done.answers)} consequences")


@rules.command()
@click.argument("pack")
@click.option("--to", "last", required=True, type=_DAY, help="Last day in force.")
@_STREAM
@by_option
@on_the_database
def end(pack: str, last: datetime, stream: str, by: str) -> None:
    """End PACK after a day; sites that it closed stay closed until they are reopened."""
    from releve.live.api import now, record
    from releve.situation import PackEnded

    key, at = uuid.uuid4().hex, now(stream)
    event = PackEnded(
        id=key, happened_at=at, recorded_at=at, actor=by, pack=pack, valid_to=last.date()
    )
    click.echo(f"{pack} ends: entry {record(event, key=key, stream=stream).seq}")
