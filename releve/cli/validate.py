"""``releve validate``: hold the models to what really happened."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click
import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from releve.cli.validate_bank import bank
from releve.cli.validate_intraday import intraday
from releve.crashtest.outbreak import OutbreakError
from releve.validation.seoul import Fit, validate_outbreak
from releve.validation.seoul_data import SeoulDataError, read_floor
from releve.validation.seoul_picture import draw_seoul

__all__ = ["validate"]


@click.group()
def validate() -> None:
    """Hold the models to what really happened."""


validate.add_command(bank)
validate.add_command(intraday)


@validate.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--draws",
    default=1500,
    show_default=True,
    type=click.IntRange(1),
    help="Pairs of numbers tried.",
)
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Of the draws.")
@click.option(
    "--svg", type=click.Path(dir_okay=False, path_type=Path), help="Draw desks and curve here."
)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def seoul(folder: Path, draws: int, seed: int, svg: Path | None, as_json: bool) -> None:
    """Compare the outbreak model with the Seoul call centre of March 2020.

    FOLDER holds the desk map (park2020_seoul_seats.csv) and the onsets (park2020_seoul_onsets.csv).
    Two numbers are fitted, the reproduction number and the share of contacts between zones, on the
    cases of the floor and of its south wing; the other figures are predicted.
    """
    try:
        desks, onsets = read_floor(folder)
    except SeoulDataError as error:
        raise click.ClickException(str(error)) from None
    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task("outbreaks", total=1.0)
        try:
            fit = validate_outbreak(
                desks, onsets, draws=draws, seed=seed,
                progress=lambda done: bar.update(task, completed=done),
            )  # fmt: skip
        except OutbreakError as error:
            raise click.ClickException(str(error)) from None
    if svg is not None:
        svg.write_text(draw_seoul(desks, onsets, fit), encoding="utf-8")
    if as_json:
        click.echo(json.dumps(_build_document(fit), indent=2))
    else:
        _print_fit(fit)


def _compute_ranges(fit: Fit) -> dict[str, list[float]]:
    """Return the 90 % range and the median of the two fitted numbers."""
    return {
        name: np.quantile(values, [0.05, 0.5, 0.95]).round(3).tolist()
        for name, values in (("reproduction", fit.reproduction), ("between", fit.between))
    }


def _build_document(fit: Fit) -> dict[str, object]:
    figures = [asdict(one) | {"covered": one.covered} for one in fit.figures]
    accepted = len(fit.reproduction)
    return {
        "runs": fit.drawn,
        "accepted": accepted,
        "fitted": _compute_ranges(fit),
        "figures": figures,
    }


def _print_fit(fit: Fit) -> None:
    console = Console()
    table = Table(title=f"{len(fit.reproduction)} of {fit.drawn} runs were near the observed floor")
    for name in ("figure", "observed", "model", "95 % of runs", ""):
        table.add_column(name, justify="left" if name in ("figure", "") else "right")
    for one in fit.figures:
        word = ("fitted" if one.fitted else "covered") if one.covered else "MISSED"
        table.add_row(
            one.name, f"{one.observed:.3g}", f"{one.predicted:.3g}",
            f"{one.low:.3g} to {one.high:.3g}", word,
        )  # fmt: skip
    console.print(table)
    for name, (low, middle, high) in _compute_ranges(fit).items():
        console.print(f"{name}: {middle:g} ({low:g} to {high:g}, 90 % of accepted runs)")
