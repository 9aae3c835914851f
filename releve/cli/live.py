"""``releve live``: worker, plan in force, contacts, drills; ``releve routing``: telephony."""

from __future__ import annotations

import functools
import getpass
import json
import os
import signal
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import click

from releve.cli.database import open_database
from releve.cli.transport import load_operator

if TYPE_CHECKING:
    from releve.live.api import PublicationPreview

_P = ParamSpec("_P")
_R = TypeVar("_R")


def _current_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "command line"


by_option = click.option("--by", default=_current_user, help="Who asks for it [default: the system's user].")


_DAY = click.DateTime(["%Y-%m-%d"])
_STREAM = click.option("--stream", default="live", show_default=True, help="The live stream or a drill.")


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

    from releve.live.api import check_channels, read_self_test
    from releve.live.worker import Worker, run_until_idle
    from releve.routing import build_adapters

    build_adapters(os.environ, settings.HOME)
    check_channels()
    read_self_test()
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
@click.option(
    "--version", type=click.IntRange(1), help="Of the reference data it was made of [default: the current one]."
)
@click.option("--dry-run", is_flag=True, help="Print what would change, and change nothing.")
@by_option
@on_the_database
def activate(plan_folder: Path, version: int | None, dry_run: bool, by: str) -> None:
    """Put the days in PLAN_FOLDER in force; every other day stays as it is.

    Its plans must be of the operator in the registry; those of an older version must break nothing
    of the current one.
    """
    from releve.live import api

    plans = api.read_folder(plan_folder)
    found = api.preview_publication(plans, version)
    for line in _describe_preview(found):
        click.echo(line)
    if not dry_run:
        api.put_in_force(plans, by=by, version=version)
        click.echo(f"in force: {', '.join(plan.day.isoformat() for plan in plans)}")


def _describe_preview(found: PublicationPreview) -> Iterator[str]:
    """Yield what putting plans in force changes, day by day, and how their data differ."""
    from releve.plan.coverage import round_coverage

    for row in found.days:
        work = ", ".join(f"{kind.kind.label}: {kind.people}" for kind in row.kinds)
        moved = f", agents to notify: {row.moved} ({work})" if work else ""
        kits = f", kits taken home {len(row.kits_out)}, brought back {len(row.kits_back)}"
        kits = kits if row.kits_out or row.kits_back else ""
        yield f"{row.day} {row.change}: {row.figures.placed} agents placed{moved}{kits}"
        for client in row.clients:
            worst = [
                f"{round_coverage(share):.0f}%"
                for share in (client.worst_before, client.worst_after)
                if share is not None
            ]
            said = f", worst half hour with nothing lost {' -> '.join(worst)}" if worst else ""
            yield f"  {client.name}: {client.after.label}{said}"
    if found.data.is_older:
        yield f"made of version {found.data.made_of} of the reference data, today's is {found.data.current}"
    for sentence in (*found.data.sentences(), *(row.sentence() for row in found.data.breaks)):
        yield f"  {sentence}"


@live.command()
@click.option("--from", "first", type=_DAY, help="A day of the first week [default: last week's].")
@click.option("--weeks", type=click.IntRange(1, 60), default=5, show_default=True, help="Weeks to print.")
@_reading_the_database
def calendar(first: datetime | None, weeks: int) -> None:
    """Print the calendar: each day's state, who put its plan in force and when."""
    from releve.runs.plan_calendar import load_calendar

    found = load_calendar(None if first is None else first.date(), weeks)
    for row in (row for week in found.weeks for row in week):
        said = row.state.replace("_", " ")
        if row.planned is not None:
            said += f" since {row.planned.at:%Y-%m-%d %H:%M} UTC by {row.planned.by}, {row.planned.digest[:12]}"
        if row.replaced:
            said += f", earlier plans {len(row.replaced)}"
        if row.drafts:
            said += f", computed in {row.drafts[0]}"
        click.echo(f"{row.day} {said}")


@live.command("put-back")
@click.argument("days", nargs=-1, required=True, type=_DAY, metavar="DAY...")
@by_option
@on_the_database
def put_back(days: tuple[datetime, ...], by: str) -> None:
    """Put each DAY back to the plan that it had before, or to none."""
    from releve.live import api

    api.put_back([day.date() for day in days], by=by)
    for day in days:
        found = api.list_days_in_force(day.date(), day.date()).get(day.date())
        click.echo(f"{day.date()}: {'without a plan' if found is None else found.digest[:12]}")


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
@click.option("--json", is_flag=True, expose_value=False, help="As other commands have it: it is JSON in any case.")
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
        "state": None if found is None else {row.client: row.state for row in found.clients},
        "coverage_now": None
        if found is None
        else {row.client: None if row.now is None else round(row.now, 4) for row in found.clients},
        "worst_coverage": None
        if found is None
        else {row.client: None if row.worst is None else round(row.worst, 4) for row in found.clients},
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


@live.command()
@click.argument("to", type=click.Choice(("few", "balanced", "coverage")))
@_STREAM
@by_option
@on_the_database
def aim(to: str, stream: str, by: str) -> None:
    """Choose what reliefs aim at while something is lost, and make them again: few moves, best coverage, or both."""
    from releve.live.api import record, sign_event
    from releve.situation import ReliefAimChosen

    event = ReliefAimChosen(**sign_event(stream, by), aim=to)
    click.echo(f"reliefs aim at: {to}, entry {record(event, key=event.id, stream=stream).seq}")


@drill.command()
@click.argument("title")
@click.option(
    "--at", type=click.DateTime(["%Y-%m-%dT%H:%M"]), help="Where its clock starts, operator's time [default: now]."
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
    event = PackEnded(id=key, happened_at=at, recorded_at=at, actor=by, pack=pack, valid_to=last.date())
    click.echo(f"{pack} ends: entry {record(event, key=key, stream=stream).seq}")


@click.group()
def routing() -> None:
    """Publish routes to telephony systems, and see what they hold."""


@routing.command("status")
@click.option("--plan", "with_plan", is_flag=True, help="List what a publication would change.")
@on_the_database
def show_routing(with_plan: bool) -> None:
    """Observe each telephony system; exit status 1 where one does not hold the newest routes."""
    from releve.live.api import observe_routing

    found = observe_routing()
    click.echo(json.dumps([row.as_json(with_plan) for row in found], indent=1))
    if any(not row.good for row in found):
        raise SystemExit(1)


@routing.command()
@click.argument("number", type=int)
@click.option(
    "--minutes", default=60, show_default=True, type=click.IntRange(1, 24 * 60),
    help="How long routes do not follow people who come, leave or move.",
)  # fmt: skip
@by_option
@on_the_database
def revert(number: int, minutes: int, by: str) -> None:
    """Publish the routes of generation NUMBER again, as a new one; closed places stay closed.

    A closure, a reopening or a relief replaces them at once.
    """
    from releve.live.api import revert_routes

    row = revert_routes(number, minutes=minutes, by=by)
    click.echo(f"generation {row.number} holds the routes of {number}")


@routing.command()
@on_the_database
def switches() -> None:
    """List the routes prepared for each loss that the plan foresees, and their rehearsal."""
    from releve.live.api import list_switches, prepare_switches

    prepare_switches()
    for row in list_switches():
        click.echo(f"{row.contingency}  {row.source}, people whose work changes: {row.moved}, as of {row.at}")
        for adapter, changes, error in row.rehearsals:
            click.echo(f"  {adapter}: {f'refused: {error}' if error else f'{changes} changes'}")


@routing.command()
@click.argument("contingency")
@click.option("--client", default="", help="Switch the calls of this client alone.")
@click.option(
    "--minutes", default=60, show_default=True, type=click.IntRange(1, 24 * 60), help="How long the routes are held."
)
@click.option("--yes", is_flag=True, help="Publish without asking.")
@by_option
@on_the_database
def switch(contingency: str, client: str, minutes: int, yes: bool, by: str) -> None:
    """Publish the routes prepared for CONTINGENCY (see `switches`), after their consequences.

    Calls move alone; record the loss to move people. `releve routing revert` undoes it.
    """
    from releve.live.api import press_switch, preview_switch
    from releve.plan.coverage import round_coverage

    found = preview_switch(contingency, client)
    for place in found.calls:
        click.echo(f"{place.place}: {place.before:.0f} -> {place.after:.0f} calls an hour")
    for row in found.effects:
        if row.before is not None and row.unrelieved is not None:
            shares = f"{round_coverage(row.before):.0f}% -> {round_coverage(row.unrelieved):.0f}%"
            click.echo(f"{row.name}: least coverage {shares} without a relief")
    for name in found.unserved:
        click.echo(f"no place takes the calls of {name}")
    if not yes:
        click.confirm(f"publish the routes of {contingency}?", abort=True)
    made = press_switch(contingency, client, content=found.content, minutes=minutes, by=by)
    click.echo(f"generation {made.number}; undo: releve routing revert {made.number - 1}")


@routing.group()
def kamailio() -> None:
    """Run a SIP proxy by the operator's programmes, numbers, sites and carriers."""


@kamailio.command()
@click.argument("operator", type=click.Path(exists=True, path_type=Path))
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--inbound", required=True, help="Its address for calls in, like 10.20.0.2:5060.")
@click.option("--outbound", required=True, help="Its address for calls out, like 10.20.0.2:5070.")
@click.option("--rpc", default="127.0.0.1:8090", show_default=True, help="Its management address.")
@click.option(
    "--gate", default="http://127.0.0.1:8070/gate", show_default=True, help="Where the gate answers for calls out."
)
@click.option("--dialler", "diallers", multiple=True, help="Address or network that may call out.")
@click.option(
    "--caller", "callers", multiple=True,
    help="Address or network that may deliver calls, beside the trunks of the programmes.",
)  # fmt: skip
@click.option("--country", default="33", show_default=True, help="Code of numbers with one 0.")
@click.option("--etc", default="/etc/releve-proxy", show_default=True, help="Where FOLDER will be.")
@click.option("--acc", default="/var/log/releve-proxy", show_default=True, help="Its records.")
@click.option(
    "--list-file", default="/var/lib/releve-proxy/dispatcher.list", show_default=True,
    help="Its dispatcher list, which this system writes.",
)  # fmt: skip
@click.option("--tls-certificate", default="", help="Certificate, where SIP over TLS is wanted.")
@click.option("--tls-key", default="", help="Its key.")
def config(
    operator: Path, folder: Path, inbound: str, outbound: str, rpc: str, gate: str,
    diallers: tuple[str, ...], callers: tuple[str, ...], country: str, etc: str, acc: str,
    list_file: str, tls_certificate: str, tls_key: str,
) -> None:  # fmt: skip
    """Write a proxy's configuration, first list, unit and environment into FOLDER.

    OPERATOR is an operator folder or workbook: numbers, trunk and campaigns of its programmes,
    sip_address of its sites, home_sip_address of its operator. An address may be followed by
    ;transport=tcp or ;transport=tls. An environment that is there is left alone.
    """
    from releve.files.atomic import create_file, write_file
    from releve.network import parse_sip_address
    from releve.routing import RoutingError
    from releve.routing.kamailio import ProxySettings, build_proxy_files

    if bool(tls_certificate) != bool(tls_key):
        raise click.ClickException("--tls-certificate and --tls-key go together")
    try:
        settings = ProxySettings(
            parse_sip_address(inbound), parse_sip_address(outbound), parse_sip_address(rpc),
            gate=gate, diallers=diallers, callers=callers, country=country, folder=etc,
            acc_folder=acc, list_file=list_file,
            tls=(tls_certificate, tls_key) if tls_key else None,
        )  # fmt: skip
        files = build_proxy_files(load_operator(operator), settings)
    except (ValueError, RoutingError) as error:
        raise click.ClickException(str(error)) from error
    folder.mkdir(parents=True, exist_ok=True)
    secrets = files.pop("environment")
    for name, text in files.items():
        write_file(folder / name, text, mode=0o644)
    create_file(folder / "environment", secrets, mode=0o640)
    click.echo(f"{folder}: {', '.join(sorted([*files, 'environment']))}")
