"""``releve outbound start``: a first folder of facts, and the check to run next."""

from __future__ import annotations

import shlex
from datetime import datetime
from pathlib import Path

import click

from releve.cli.instant_option import INSTANT
from releve.network.clock import zone
from releve.outbound import LEGAL_ZONE, Call, built_in_rules
from releve.outbound.starter import build_starter

__all__ = ["build_check_command", "start"]


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--at", type=INSTANT, help="Instant of the example's call, or before it "
              "[default: now].")  # fmt: skip
def start(folder: Path, at: datetime | None) -> None:
    """Write every table of facts into a new FOLDER, with one person who may be called.

    The dates are such that the call is allowed now, or at the next hour at which calls may be
    placed. Prints the check to run next; replace the rows by your own.
    """
    if folder.exists() and any(folder.iterdir()):
        raise click.UsageError(f"{folder} is not empty; name a new folder")
    now = (at or datetime.now(zone(LEGAL_ZONE))).replace(microsecond=0)
    found = build_starter(now, built_in_rules())
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in found.files.items():
        (folder / name).write_bytes(data)
    click.echo(f"{len(found.files)} tables in {folder}, with one person who may be called. Next:")
    click.echo(f"  {build_check_command(found.call, folder)}")
    click.echo("It answers Permis (Allowed with --lang en). The example holds for this instant;")
    click.echo(
        "for another, change --at, and the read_at of feeds to at most 15 minutes before it."
    )
    click.echo("Then replace the rows by your own: the")
    click.echo("client stands in clients, consents and mandates, a person in people and consents;")
    click.echo("docs/outbound.md names the columns, `releve outbound words` the words.")
    click.echo("The gate's database takes the folder without feeds.csv: docs/gate.md, In short.")


def build_check_command(call: Call, folder: Path) -> str:
    """Return the command that checks a call on a folder of facts."""
    words = ["releve", "outbound", "check", call.number, "--client", call.client,
             "--campaign", call.campaign, "--object", call.object, "--sector", call.sector,
             "--caller", call.caller, "--at", call.at.isoformat(),
             "--facts", str(folder)]  # fmt: skip
    return shlex.join(words)
