"""``releve network sector``: write a made-up sector of several operators into a folder."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import click

from releve.files.operator_folder import FolderError
from releve.files.sector_folder import write_sector_member, write_sector_terms
from releve.network import Operator
from releve.network.sample import FIRST_DAY
from releve.network.sample.sector import sample_sector, sample_sector_terms

__all__ = ["sector_sample"]


@click.command("sector")
@click.option("--operators", default=14, show_default=True, help="2 to 99.")
@click.option("--agents", default=70_000, show_default=True, help="Of all operators together.")
@click.option("--sites", default=200, show_default=True, help="Of all operators together.")
@click.option("--seed", type=int, default=1, show_default=True, help="Same seed, same bytes.")
@click.option("--weeks", type=int, default=10, show_default=True, help="Weeks of history.")
@click.option("--start", type=click.DateTime(["%Y-%m-%d"]), help="First day of the rosters.")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def sector_sample(
    operators: int,
    agents: int,
    sites: int,
    seed: int,
    weeks: int,
    start: datetime | None,
    folder: Path,
) -> None:
    """Write a made-up sector, marked synthetic, into FOLDER: members and the terms of relief.

    The terms are packages, price ceilings, approved receivers and excluded operators.
    """
    small: dict[str, Operator] = {}
    first = start.date() if start else FIRST_DAY
    try:
        for name, made in sample_sector(
            operators, agents, sites, seed, start=first, weeks_of_history=weeks
        ):
            write_sector_member(folder, name, made)
            small[name] = replace(made, history=(), shifts=(), seats=())
            click.echo(f"{name}: {len(made.agents)} agents, {len(made.sites)} sites")
        write_sector_terms(folder, sample_sector_terms(small, seed, start=first))
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    except FolderError as error:
        raise click.UsageError(f"{error}: name a new folder") from error
    click.echo(f"{folder}: {len(small)} operators (synthetic, seed {seed})")
