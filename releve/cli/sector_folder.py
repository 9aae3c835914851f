"""``releve sector plan``, ``answer`` and ``crashtest``: several operators in one folder."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from releve.errors import ReleveError

if TYPE_CHECKING:
    from releve.sector import SectorAnswer, SectorMember

__all__ = ["answer", "crashtest", "plan_members", "plan_one"]

_SECTOR = click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
_DAY = click.option(
    "--day", type=click.DateTime(["%Y-%m-%d"]), help="Day planned [default: the first]."
)
_ZONE = click.option(
    "--time-zone", default="Europe/Paris", show_default=True, help="Of the sector's day."
)
_SEED = click.option("--seed", required=True, help="Decides ties: one that no member chose.")


@click.command("plan")
@_SECTOR
@_DAY
def plan_members(folder: Path, day: datetime | None) -> None:
    """Plan every member of a sector FOLDER that has no plan yet, two at a time."""
    from releve.cli.two_processes import two_processes
    from releve.files.sector_folder import list_members

    with _report():
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
def answer(
    folder: Path, destination: str, day: datetime | None, seed: str, time_zone: str, as_json: bool
) -> None:
    """Answer the closure of a destination across the operators of a sector FOLDER."""
    with _report():
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
@click.option(
    "--weeks", default=6, show_default=True, type=click.IntRange(1, 26), help="Weeks of closure."
)
@click.option(
    "--replications",
    default=200,
    show_default=True,
    type=click.IntRange(20, 10_000),
    help="Closures drawn.",
)
@_DAY
@_SEED
@_ZONE
@click.option(
    "--picture",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the pictures (SVG, French and English).",
)
def crashtest(
    folder: Path,
    destinations: tuple[str, ...],
    weeks: int,
    replications: int,
    day: datetime | None,
    seed: str,
    time_zone: str,
    picture: Path | None,
) -> None:
    """Simulate weeks of closures over a sector FOLDER, with relief and without."""
    from releve.sector import ClosureWindow, SectorCrashSettings, simulate_sector

    with _report():
        members, _ = _read_members(folder, day)
        answers = {
            name: _answer(folder, members, name, seed, time_zone)
            for name in dict.fromkeys(destinations)
        }
        edges = [7 * weeks * i // len(destinations) for i in range(len(destinations) + 1)]
        windows = [
            ClosureWindow(name, first, last - 1)
            for name, first, last in zip(destinations, edges, edges[1:], strict=False)
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
    folder: Path,
    members: Sequence[SectorMember],
    answers: dict[str, SectorAnswer],
    crash: object,
) -> None:
    from releve.sector import draw_help, draw_losses

    folder.mkdir(parents=True, exist_ok=True)
    names = [one.name for one in members]
    for language in ("fr", "en"):
        files = {f"losses.{language}.svg": draw_losses(crash, language)}  # type: ignore[arg-type]
        for destination, found in answers.items():
            files[f"help-{destination}.{language}.svg"] = draw_help(
                names, found, destination, language
            )
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8", newline="")
            click.echo(folder / name)


def plan_one(folder: Path, day: date | None, name: str) -> float:
    """Plan a member and write its plan folder; return the seconds it took."""
    from releve import __version__
    from releve.files.plan_folder import write_plans
    from releve.files.sector_folder import read_member_operator
    from releve.plan import plan_day
    from releve.plan.week import list_roster_days, require_day

    began = time.perf_counter()
    operator = read_member_operator(folder, name)
    need = require_day(operator, day or list_roster_days(operator, 1)[0])
    plan = plan_day(operator, need, version=__version__)
    write_plans(folder / "plans" / name, [plan], stamp=datetime.now(UTC), calendars=False)
    return time.perf_counter() - began


def _read_members(folder: Path, day: datetime | None) -> tuple[list[SectorMember], float]:
    """Return the members, two read at a time, and the seconds it took."""
    from releve.cli.two_processes import two_processes
    from releve.files.sector_folder import list_members, read_member

    began = time.perf_counter()
    with two_processes() as run:
        work = partial(read_member, folder, day=day.date() if day else None)
        members = list(run(work, list_members(folder)))
    return members, time.perf_counter() - began


def _answer(
    folder: Path, members: Sequence[SectorMember], destination: str, seed: str, time_zone: str
) -> SectorAnswer:
    from releve.files.sector_folder import read_sector_packages
    from releve.sector import answer_destination

    return answer_destination(
        members, destination, read_sector_packages(folder), time_zone=time_zone,
        seed=seed.encode(),
    )  # fmt: skip


@contextmanager
def _report() -> Iterator[None]:
    """Turn an error of the product into one line."""
    try:
        yield
    except ReleveError as error:
        raise click.ClickException(str(error)) from error
