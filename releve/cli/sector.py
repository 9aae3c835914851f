"""``releve sector``: relief between operators, cleared and settled from files."""

from __future__ import annotations

import csv
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from releve.cli.sector_bulletin import bulletin, clerk, contribute
from releve.cli.sector_contract import contract
from releve.cli.sector_folder import answer, crashtest, plan_members
from releve.cli.sector_gate import gate

if TYPE_CHECKING:
    from releve.sector import Clearing, Openings

__all__ = ["sector"]

_FOLDER = click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
_SEED = click.option("--seed", required=True, help="Decides ties: one that no member chose.")
_RECALL = click.option("--recall", "giver", help="Operator that takes its agents back.")
_FROM = click.option(
    "--from", "half_hour", type=click.IntRange(0), help="First half hour of the recall."
)


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
    from releve.sector import describe_clearing

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
    from releve.sector import SectorError, read_delivered, settle

    openings, cleared = _clear_folder(folder, seed, giver, half_hour)
    try:
        delivered = read_delivered(_read_rows(folder, "delivered.csv"), cleared)
    except SectorError as error:
        raise click.ClickException(str(error)) from error
    payments = [asdict(one) for one in settle(openings, delivered)]
    click.echo(json.dumps(payments, indent=1, ensure_ascii=False, sort_keys=True))


def _clear_folder(
    folder: Path, seed: str, giver: str | None, half_hour: int | None
) -> tuple[Openings, Clearing]:
    from releve.sector import SectorError, clear, read_openings, recall

    if (giver is None) != (half_hour is None):
        raise click.UsageError("--recall and --from go together")
    tables = [_read_rows(folder, f"{name}.csv") for name in ("offers", "requests", "approvals")]
    try:
        openings = read_openings(*tables)
        cleared = clear(openings, seed.encode())
        if giver is not None and half_hour is not None:
            if giver not in {offer.giver for offer in openings.offers}:
                raise SectorError(f"--recall {giver} gives nothing in offers.csv: correct its name")
            cleared = recall(openings, cleared, giver, half_hour, seed.encode())
    except SectorError as error:
        raise click.ClickException(str(error)) from error
    return openings, cleared


def _read_rows(folder: Path, name: str) -> list[dict[str, str | None]]:
    with (folder / name).open(encoding="utf-8-sig", newline="") as stream:
        return [dict(row) for row in csv.DictReader(stream)]
