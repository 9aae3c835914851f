"""``releve sector gate``: a clearing between members and clerk, from announcement to result."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from releve.cli.database import read_clock
from releve.cli.live import on_the_database

if TYPE_CHECKING:
    from releve.association.models import OwnOrder
    from releve.sector.openings import Row

__all__ = ["gate"]

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

    from releve.association.gates import announce_gate

    now = read_clock()
    row = announce_gate(name, day.date(), now + timedelta(minutes=minutes), now,
                        minutes=openings, time_zone=time_zone)  # fmt: skip
    click.echo(f"{name} closes at {row.closes_at:%Y-%m-%d %H:%M:%S} UTC, and is cleared at"
               f" {row.opens_until:%H:%M:%S}")  # fmt: skip


@gate.command()
@click.argument("name")
@on_the_database
def audit(name: str) -> None:
    """Print all openings of a clearing, its seed and digest, for an auditor to clear again."""
    from releve.association.gates import show_to_auditor

    click.echo(json.dumps(show_to_auditor(name), ensure_ascii=False, indent=1, sort_keys=True))


@gate.command("fetch")
@on_the_database
def fetch_() -> None:
    """Fetch the clerk's gates, and list those that are open."""
    from releve.association.exchange import fetch_gates
    from releve.association.gate_member import list_open_gates

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
    from releve.association.drafts import draft_offers
    from releve.association.gate_member import load_gate, prepare_commit
    from releve.sector import read_packages

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
def ask(
    name: str,
    contingency: str,
    ceilings: Path,
    approvals: Path,
    exclusions: Path | None,
    show: bool,
) -> None:
    """Ask for what the plan in force lacks under a contingency; no client is named."""
    from releve.association.drafts import prepare_relief_request

    tables = (_read(ceilings), _read(approvals), _read(exclusions))
    _send(prepare_relief_request(name, contingency, tables, read_clock()), show)


@gate.command()
@click.argument("name")
@on_the_database
def result(name: str) -> None:
    """Print the own result of a clearing; fetch it first where the worker has not."""
    from releve.association.exchange import fetch_result
    from releve.association.gate_member import read_result

    if read_result(name) is None:
        fetch_result(name, read_clock())
    click.echo(json.dumps(read_result(name), ensure_ascii=False, indent=1, sort_keys=True))


def _send(row: OwnOrder, show: bool) -> None:
    from releve.association.exchange import send_order
    from releve.association.gate_member import wrap_order

    if show:
        click.echo(wrap_order(row).content)
        return
    send_order(row, read_clock())
    click.echo(f"{row.gate} {row.kind} {row.digest}")


def _read(path: Path | None) -> list[Row]:
    from releve.sector import parse_rows

    return [] if path is None else parse_rows(path.read_bytes())
