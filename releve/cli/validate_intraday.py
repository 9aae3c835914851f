"""``releve validate intraday``: the rest of the day forecast again, on two banks' logs."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from releve.validation.call_logs import CallLogError, load_1999, load_2003
from releve.validation.rest_of_day import (
    CANDIDATES,
    RestScore,
    RestValidation,
    has_library,
    validate_rest_of_day,
)

__all__ = ["intraday"]

LOGS = {"1999": load_1999, "2003": load_2003}


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--log", "years", type=click.Choice(list(LOGS)), multiple=True, help="This log alone."
)
@click.option(
    "--library/--no-library",
    default=True,
    show_default=True,
    help="Also forecast with statsforecast, where it is installed.",
)
@click.option(
    "--choose", is_flag=True, help="Choose the constants of the update again, before the month."
)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def intraday(
    folder: Path, years: tuple[str, ...], library: bool, choose: bool, as_json: bool
) -> None:
    """Forecast the rest of each day at 09:00, 11:00, 13:00 and 15:00, on two banks' logs.

    FOLDER holds anonymousbank_1999 (calls_1999_jan_feb.parquet) and bank_calls_2003
    (bank_calls_5min_mar_aug.parquet). The months before are fitted, February 1999 and August 2003
    are judged: the error of the morning's forecast, of the update, and of the library given the
    same half hours. Takes about two minutes, several more with --choose or the library.
    """
    with_library = library and has_library()
    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task("days", total=None)
        try:
            logs = [LOGS[year](folder) for year in years or LOGS]
        except CallLogError as error:
            raise click.ClickException(str(error)) from None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = validate_rest_of_day(
                logs, choose=choose, library=with_library, tick=lambda: bar.advance(task)
            )
    if as_json:
        click.echo(json.dumps(asdict(found), indent=2).replace("NaN", "null"))
        return
    _print_choice(found)
    for log in logs:
        _print_scores(log.name, [row for row in found.scores if row.log == log.name])
    if library and not with_library:
        click.echo("statsforecast is not installed: its columns stay empty")


def _print_choice(found: RestValidation) -> None:
    for settings, error in zip(CANDIDATES, found.candidate_errors, strict=False):
        star = " <- chosen" if settings == found.settings else ""
        click.echo(
            f"worth {settings.prior_days:g} days, fading {settings.fading_share:g} over"
            f" {settings.half_life_slots:g} half hours: {error:.4f} of the morning's error{star}"
        )


def _print_scores(name: str, scores: Sequence[RestScore]) -> None:
    console = Console(width=130)
    table = Table(
        title=f"{name}: error over calls, morning > updated (library); worst = a programme's fifth"
        " of days that strayed most"
    )
    for column in ("programme", "hour"):
        table.add_column(column)
    for column in ("half hours", "rest of day", "worst: half hours", "worst: rest of day"):
        table.add_column(column, justify="right")
    table.add_column("80 % holds", justify="right")
    for row in scores:
        table.add_row(
            row.programme,
            f"{row.hour:02}:00",
            *(
                _format_errors(errors)
                for errors in (
                    row.every.half_hours,
                    row.every.totals,
                    row.worst.half_hours,
                    row.worst.totals,
                )
            ),
            f"{row.coverage:.3f}",
        )
    console.print(table)


def _format_errors(errors: tuple[float, float, float]) -> str:
    morning, updated, library = errors
    beside = "" if library != library else f" ({library:.3f})"
    return f"{morning:.3f} > {updated:.3f}{beside}"
