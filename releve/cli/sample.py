"""``releve network sample``: write a made-up operator of any size into a folder."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from releve.files.operator_folder import FolderError, write_operator_files
from releve.network import write_operator
from releve.network.sample import FIRST_DAY, sample_operator

__all__ = ["sample"]


@click.command()
@click.option("--agents", type=int, default=600, show_default=True, help="50 to 70,000.")
@click.option("--sites", type=int, default=6, show_default=True, help="1 to 200.")
@click.option("--programmes", type=int, help="Programmes [default: by size; 8 for 600 agents].")
@click.option("--seed", type=int, default=1, show_default=True, help="Same seed, same bytes.")
@click.option(
    "--start",
    type=click.DateTime(["%Y-%m-%d"]),
    default=FIRST_DAY.isoformat(),
    show_default=True,
    help="First of the seven days of the roster; the history ends the day before.",
)
@click.option("--weeks", type=int, default=10, show_default=True, help="Weeks of history.")
@click.option("--vehicles", type=int, default=0, show_default=True, help="Minibuses of 16 seats.")
@click.option("--force", is_flag=True, help="Replace an operator folder that is there.")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def sample(
    agents: int,
    sites: int,
    programmes: int | None,
    seed: int,
    start: datetime,
    weeks: int,
    vehicles: int,
    force: bool,
    folder: Path,
) -> None:
    """Write a made-up operator, marked synthetic, into FOLDER as CSV tables.

    Cities, distances, carriers and time zones are real; clients and people are not.
    """
    try:
        operator = sample_operator(
            agents,
            sites,
            seed,
            start=start.date(),
            weeks_of_history=weeks,
            programmes=programmes,
            vehicles=vehicles,
        )
        write_operator_files(folder, write_operator(operator), replace=force)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    except FolderError as error:
        raise click.UsageError(f"{error} (--force replaces an operator folder)") from error
    click.echo(
        f"{folder}: {len(operator.agents)} agents, {len(operator.sites)} sites,"
        f" {len(operator.programmes)} programmes, {len(operator.all_seats)} seats,"
        f" {len(operator.history)} rows of history (synthetic, seed {seed})"
    )
