"""``releve sector``: relief between several operators, planned, cleared and settled."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from releve.cli.database import read_clock
from releve.cli.live import on_the_database
from releve.files.operator_folder import FolderError
from releve.network import Operator
from releve.network.sample import FIRST_DAY
from releve.network.sample.operator import sample_sector, sample_sector_terms
from releve.plugins.sector.bulletin_commands import bulletin, clerk, contract, contribute
from releve.plugins.sector.clearing_job import write_sector_member, write_sector_terms

if TYPE_CHECKING:
    from releve.plugins.sector.association.models import OwnOrder
    from releve.plugins.sector.engine.crash import SectorAnswer, SectorMember
    from releve.plugins.sector.engine.matches import Clearing
    from releve.plugins.sector.engine.needs import Openings, Row


_SECTOR = click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
_DAY = click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="Day planned [default: the first].")
_ZONE = click.option("--time-zone", default="Europe/Paris", show_default=True, help="Of the sector's day.")
_SEED = click.option("--seed", required=True, help="Decides ties: one that no member chose.")


@click.command("plan")
@_SECTOR
@_DAY
def plan_members(folder: Path, day: datetime | None) -> None:
    """Plan every member of a sector FOLDER that has no plan yet, two at a time."""
    from releve.cli.desk import two_processes
    from releve.plugins.sector.clearing_job import list_members

    names = [n for n in list_members(folder) if not (folder / "plans" / n).is_dir()]
    (folder / "plans").mkdir(exist_ok=True)
    with two_processes() as run:
        work = partial(plan_one, folder, day.date() if day else None)
        for name, seconds in zip(names, run(work, names), strict=True):
            click.echo(f"{name}: planned in {seconds:,.0f} s")


@click.command()
@_SECTOR
@click.option("--close", "destination", required=True, help="Destination that is shut, like MA.")
@_DAY
@_SEED
@_ZONE
@click.option("--json", "as_json", is_flag=True, help="Print openings and matches as JSON.")
def answer(folder: Path, destination: str, day: datetime | None, seed: str, time_zone: str, as_json: bool) -> None:
    """Answer the closure of a destination across the operators of a sector FOLDER."""
    members, spare_seconds = _read_members(folder, day)
    began = time.perf_counter()
    found = _answer(folder, members, destination, seed, time_zone)
    seconds = time.perf_counter() - began
    if as_json:
        cleared = asdict(found.cleared)
        click.echo(json.dumps({"saved": dict(found.saved), **cleared}, ensure_ascii=False))
        return
    need = sum(n for one in found.openings.requests for _, n in one.agents)
    got = sum(count for _, count in found.cleared.served)
    click.echo(
        f"{destination} shut: {len(found.openings.requests)} requests for {need:,} agent half"
        f" hours, {len(found.openings.offers)} offers; {got:,} served,"
        f" {sum(found.saved.values()):,.0f} calls answered that day. Spare agents found in"
        f" {spare_seconds:.1f} s; requests, offers and clearing in {seconds:.1f} s."
    )


@click.command()
@_SECTOR
@click.option(
    "--close",
    "destinations",
    multiple=True,
    required=True,
    help="Destination that is shut; given again, a wave: one after another in equal parts.",
)
@click.option("--weeks", default=6, show_default=True, type=click.IntRange(1, 26), help="Weeks of closure.")
@click.option("--replications", default=200, show_default=True, type=click.IntRange(20, 10_000), help="Closures drawn.")
@_DAY
@_SEED
@_ZONE
@click.option(
    "--picture",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the pictures (SVG, French and English).",
)
def crashtest(
    folder: Path, destinations: tuple[str, ...], weeks: int, replications: int,
    day: datetime | None, seed: str, time_zone: str, picture: Path | None,
) -> None:  # fmt: skip
    """Simulate weeks of closures over a sector FOLDER, with relief and without."""
    from releve.plugins.sector.engine.crash import ClosureWindow, SectorCrashSettings, simulate_sector

    members, _ = _read_members(folder, day)
    answers = {name: _answer(folder, members, name, seed, time_zone) for name in dict.fromkeys(destinations)}
    edges = [7 * weeks * i // len(destinations) for i in range(len(destinations) + 1)]
    windows = [
        ClosureWindow(name, first, last - 1) for name, first, last in zip(destinations, edges, edges[1:], strict=False)
    ]
    crash = simulate_sector(
        members, windows, answers, SectorCrashSettings(replications=replications),
        int.from_bytes(seed.encode()[:8], "big"), day=members[0].plan.day, time_zone=time_zone,
    )  # fmt: skip
    for name, lost in (
        ("each operator alone", crash.alone),
        ("with relief between operators", crash.together),
        ("saved", crash.alone - crash.together),
    ):
        mean, low, high = crash.estimate(lost)
        click.echo(f"calls lost, {name}: {mean:,.0f} [{low:,.0f} to {high:,.0f}]")
    if picture is not None:
        _write_pictures(picture, members, answers, crash)


def _write_pictures(
    folder: Path, members: Sequence[SectorMember], answers: dict[str, SectorAnswer], crash: object
) -> None:
    from releve.plugins.sector.engine.contribution import draw_help, draw_losses

    folder.mkdir(parents=True, exist_ok=True)
    names = [one.name for one in members]
    for language in ("fr", "en"):
        files = {f"losses.{language}.svg": draw_losses(crash, language)}  # type: ignore[arg-type]
        for destination, found in answers.items():
            files[f"help-{destination}.{language}.svg"] = draw_help(names, found, destination, language)
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8", newline="")
            click.echo(folder / name)


def plan_one(folder: Path, day: date | None, name: str) -> float:
    """Plan a member and write its plan folder; return the seconds it took."""
    from releve import __version__
    from releve.files.plan_folder import write_plans
    from releve.plan import plan_day
    from releve.plan.week import list_roster_days, require_day
    from releve.plugins.sector.clearing_job import read_member_operator

    began = time.perf_counter()
    operator = read_member_operator(folder, name)
    need = require_day(operator, day or list_roster_days(operator, 1)[0])
    plan = plan_day(operator, need, version=__version__)
    write_plans(folder / "plans" / name, [plan], stamp=datetime.now(UTC), calendars=False)
    return time.perf_counter() - began


def _read_members(folder: Path, day: datetime | None) -> tuple[list[SectorMember], float]:
    """Return the members, two read at a time, and the seconds it took."""
    from releve.cli.desk import two_processes
    from releve.plugins.sector.clearing_job import list_members, read_member

    began = time.perf_counter()
    with two_processes() as run:
        work = partial(read_member, folder, day=day.date() if day else None)
        members = list(run(work, list_members(folder)))
    return members, time.perf_counter() - began


def _answer(folder: Path, members: Sequence[SectorMember], destination: str, seed: str, time_zone: str) -> SectorAnswer:
    from releve.plugins.sector.clearing_job import read_sector_packages
    from releve.plugins.sector.engine.crash import answer_destination

    return answer_destination(
        members, destination, read_sector_packages(folder), time_zone=time_zone, seed=seed.encode()
    )


_READ = click.Path(exists=True, dir_okay=False, path_type=Path)
_SHOW = click.option("--show", is_flag=True, help="Print exactly the bytes, and send nothing.")


@click.group()
def gate() -> None:
    """Ask for agents and offer them at a clearing of the association."""


@gate.command()
@click.argument("name")
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), required=True, help="Day of the help.")
@click.option("--in", "minutes", type=click.IntRange(1), default=60, show_default=True,
              help="Minutes until the gate closes.")  # fmt: skip
@click.option("--openings", type=click.IntRange(1), default=15, show_default=True,
              help="Minutes after it in which offers are opened.")  # fmt: skip
@click.option("--time-zone", default="Europe/Paris", show_default=True, help="Of the day.")
@on_the_database
def announce(name: str, day: datetime, minutes: int, openings: int, time_zone: str) -> None:
    """Announce a clearing, as the clerk; it closes and clears by itself."""
    from datetime import timedelta

    from releve.plugins.sector.association.gates import announce_gate

    now = read_clock()
    row = announce_gate(name, day.date(), now + timedelta(minutes=minutes), now, minutes=openings, time_zone=time_zone)
    click.echo(f"{name} closes at {row.closes_at:%Y-%m-%d %H:%M:%S} UTC, and is cleared at {row.opens_until:%H:%M:%S}")


@gate.command()
@click.argument("name")
@on_the_database
def audit(name: str) -> None:
    """Print all openings of a clearing, its seed and digest, for an auditor to clear again."""
    from releve.plugins.sector.association.gates import show_to_auditor

    click.echo(json.dumps(show_to_auditor(name), ensure_ascii=False, indent=1, sort_keys=True))


@gate.command("fetch")
@on_the_database
def fetch_() -> None:
    """Fetch the clerk's gates, and list those that are open."""
    from releve.plugins.sector.association.exchange import fetch_gates
    from releve.plugins.sector.association.gate_member import list_open_gates

    fetch_gates(read_clock())
    for one in list_open_gates(read_clock()):
        click.echo(f"{one.gate}: {one.day}, closes at {one.closes_at:%Y-%m-%d %H:%M:%S} UTC")


@gate.command()
@click.argument("name")
@click.option("--packages", type=_READ, required=True, help="Prepared packages (docs/sector.md).")
@_SHOW
@on_the_database
def offer(name: str, packages: Path, show: bool) -> None:
    """Offer, sealed, what the plan in force can spare; it is opened once the gate is closed."""
    from releve.plugins.sector.association.bulletin import draft_offers
    from releve.plugins.sector.association.gate_member import load_gate, prepare_commit
    from releve.plugins.sector.engine.needs import read_packages

    known = read_packages(_read(packages))
    offers, missing = draft_offers(load_gate(name), known, read_clock())
    for skill, destination in missing:
        click.echo(f"not offered: no package for {skill} in {destination}", err=True)
    _send(prepare_commit(name, offers, read_clock()), show)


@gate.command()
@click.argument("name")
@click.option("--contingency", required=True, help="What is lost, as in the plan.")
@click.option("--ceilings", type=_READ, required=True, help="Highest price of each client.")
@click.option("--approvals", type=_READ, required=True, help="Receivers that clients approved.")
@click.option("--exclusions", type=_READ, help="Operators that clients exclude.")
@_SHOW
@on_the_database
def ask(name: str, contingency: str, ceilings: Path, approvals: Path, exclusions: Path | None, show: bool) -> None:
    """Ask for what the plan in force lacks under a contingency; no client is named."""
    from releve.plugins.sector.association.bulletin import prepare_relief_request

    tables = (_read(ceilings), _read(approvals), _read(exclusions))
    _send(prepare_relief_request(name, contingency, tables, read_clock()), show)


@gate.command()
@click.argument("name")
@on_the_database
def result(name: str) -> None:
    """Print the own result of a clearing; fetch it first where the worker has not."""
    from releve.plugins.sector.association.exchange import fetch_result
    from releve.plugins.sector.association.gate_member import read_gate_result

    if read_gate_result(name) is None:
        fetch_result(name, read_clock())
    click.echo(json.dumps(read_gate_result(name), ensure_ascii=False, indent=1, sort_keys=True))


def _send(row: OwnOrder, show: bool) -> None:
    from releve.plugins.sector.association.exchange import send_order
    from releve.plugins.sector.association.gate_member import wrap_order

    if show:
        click.echo(wrap_order(row).content)
        return
    send_order(row, read_clock())
    click.echo(f"{row.gate} {row.kind} {row.digest}")


def _read(path: Path | None) -> list[Row]:
    from releve.plugins.sector.engine.needs import parse_rows

    return [] if path is None else parse_rows(path.read_bytes())


_FOLDER = click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
_RECALL = click.option("--recall", "giver", help="Operator that takes its agents back.")
_FROM = click.option("--from", "half_hour", type=click.IntRange(0), help="First half hour of the recall.")


@click.group()
def sector() -> None:
    """Publish what the sector has and lacks, match relief, and simulate closures."""


sector.add_command(plan_members)
sector.add_command(answer)
sector.add_command(crashtest)
sector.add_command(contract)
sector.add_command(gate)
sector.add_command(bulletin)
sector.add_command(clerk)
sector.add_command(contribute)


@sector.command("clear")
@_FOLDER
@_SEED
@_RECALL
@_FROM
def clear_(folder: Path, seed: str, giver: str | None, half_hour: int | None) -> None:
    """Clear FOLDER (offers.csv, requests.csv, approvals.csv) and print the matches as JSON."""
    from releve.plugins.sector.engine.matches import describe_clearing

    _, cleared = _clear_folder(folder, seed, giver, half_hour)
    found = describe_clearing(cleared)
    click.echo(json.dumps(found, indent=1, ensure_ascii=False, sort_keys=True))


@sector.command("settle")
@_FOLDER
@_SEED
@_RECALL
@_FROM
def settle_(folder: Path, seed: str, giver: str | None, half_hour: int | None) -> None:
    """Print what each pair owes for FOLDER's delivered.csv, as JSON."""
    from releve.plugins.sector.engine.matches import read_delivered, settle

    openings, cleared = _clear_folder(folder, seed, giver, half_hour)
    delivered = read_delivered(_read_rows(folder, "delivered.csv"), cleared)
    payments = [asdict(one) for one in settle(openings, delivered)]
    click.echo(json.dumps(payments, indent=1, ensure_ascii=False, sort_keys=True))


def _clear_folder(folder: Path, seed: str, giver: str | None, half_hour: int | None) -> tuple[Openings, Clearing]:
    from releve.plugins.sector.engine.matches import clear, recall
    from releve.plugins.sector.engine.needs import SectorError, read_openings

    if (giver is None) != (half_hour is None):
        raise click.UsageError("--recall and --from go together")
    tables = [_read_rows(folder, f"{name}.csv") for name in ("offers", "requests", "approvals")]
    openings = read_openings(*tables)
    cleared = clear(openings, seed.encode())
    if giver is not None and half_hour is not None:
        if giver not in {offer.giver for offer in openings.offers}:
            raise SectorError(f"--recall {giver} gives nothing in offers.csv: correct its name")
        cleared = recall(openings, cleared, giver, half_hour, seed.encode())
    return openings, cleared


def _read_rows(folder: Path, name: str) -> list[dict[str, str | None]]:
    with (folder / name).open(encoding="utf-8-sig", newline="") as stream:
        return [dict(row) for row in csv.DictReader(stream)]


@click.command("sector")
@click.option("--operators", default=14, show_default=True, help="2 to 99.")
@click.option("--agents", default=70_000, show_default=True, help="Of all operators together.")
@click.option("--sites", default=200, show_default=True, help="Of all operators together.")
@click.option("--seed", type=int, default=1, show_default=True, help="Same seed, same bytes.")
@click.option("--weeks", type=int, default=10, show_default=True, help="Weeks of history.")
@click.option("--start", type=click.DateTime(["%Y-%m-%d"]), help="First day of the rosters.")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def network_sector(
    operators: int, agents: int, sites: int, seed: int, weeks: int, start: datetime | None, folder: Path
) -> None:
    """Write a made-up sector, marked synthetic, into FOLDER: members and the terms of relief.

    The terms are packages, price ceilings, approved receivers and excluded operators.
    """
    small: dict[str, Operator] = {}
    first = start.date() if start else FIRST_DAY
    try:
        for name, made in sample_sector(operators, agents, sites, seed, start=first, weeks_of_history=weeks):
            write_sector_member(folder, name, made)
            small[name] = replace(made, history=(), shifts=(), seats=())
            click.echo(f"{name}: {len(made.agents)} agents, {len(made.sites)} sites")
        write_sector_terms(folder, sample_sector_terms(small, seed, start=first))
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    except FolderError as error:
        raise click.UsageError(f"{error}: name a new folder") from error
    click.echo(f"{folder}: {len(small)} operators (synthetic, seed {seed})")
