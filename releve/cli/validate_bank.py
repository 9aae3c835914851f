"""``releve validate bank``: the simulator of queues beside a bank's log of 1999."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from releve.validation.bank import (
    FIRST,
    HALF_HOURS,
    MEASURES,
    NOMINAL,
    TICKS_MOST,
    BankLogError,
    Period,
    Prediction,
    predict,
    read_months,
)

__all__ = ["bank"]

LOG = "calls_1999_jan_feb.parquet"
_DIGITS = (3, 3, 1)


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--seed", default=1999, show_default=True, type=click.IntRange(0), help="Of the draws."
)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def bank(folder: Path, seed: int, as_json: bool) -> None:
    """Predict a bank's February 1999 from its January, half hour by half hour.

    FOLDER holds the log of calls (calls_1999_jan_feb.parquet). Staffing is fitted on the first
    month of the log, and the intervals are calibrated on it by leaving its weeks out; of the next
    month only volumes, kinds of call and agents present are used. Takes about a minute.
    """
    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task("months", total=TICKS_MOST)
        try:
            first, then = read_months(folder / LOG)
            found = predict(first, then, seed=seed, tick=lambda: bar.advance(task))
        except BankLogError as error:
            raise click.ClickException(f"{folder / LOG}: {error}") from None
        bar.update(task, completed=TICKS_MOST)
    if as_json:
        click.echo(json.dumps(_build_document(found), indent=2))
    else:
        _print_prediction(found)


def _round_values(values: Any) -> Any:
    """Return values with NaN as null, to six digits."""
    return [
        _round_values(row) if np.ndim(row) else None if np.isnan(row) else round(float(row), 6)
        for row in values
    ]


def _build_document(found: Prediction) -> dict[str, Any]:
    staffing, month = found.staffing, found.month
    low, high = month.interval()
    whole_low, whole_high = month.whole_interval()
    return {
        "measures": MEASURES,
        "nominal": NOMINAL,
        "effort": _round_values(staffing.effort),
        "reserve": _round_values(staffing.reserve),
        "line": staffing.least,
        "spread": staffing.spread,
        "drift": found.drift,
        "day_factor_sd": round(float(np.std(staffing.factors)), 6),
        "coverage_of_weeks_left_out": _round_values(found.coverage),
        "seen": _round_values(month.seen),
        "predicted": _round_values(np.nanmean(month.drawn, axis=0)),
        "low": _round_values(low),
        "high": _round_values(high),
        "inside": month.inside().sum(axis=0).tolist(),
        "bias": _round_values(month.bias()),
        "month": {
            "seen": _round_values(month.whole_seen),
            "predicted": _round_values(month.whole_drawn.mean(axis=0)),
            "low": _round_values(whole_low),
            "high": _round_values(whole_high),
        },
    }


def _print_prediction(found: Prediction) -> None:
    console = Console()
    staffing, month = found.staffing, found.month
    console.print(_build_table(month))
    inside, bias = month.inside().sum(axis=0), month.bias()
    for k, name in enumerate(MEASURES):
        console.print(
            f"{name}: {inside[k]} of {HALF_HOURS} half hours inside, predicted less seen"
            f" {bias[k]:+.{_DIGITS[k]}f} in the mean",
            highlight=False,
        )
    left_out = ", ".join(f"{share:.0%}" for share in found.coverage[-1])
    console.print(
        f"Fitted: effort {staffing.effort.min():.2f} to {staffing.effort.max():.2f} by half hour,"
        f" spread {staffing.spread:g}, drift {found.drift:g}; a reserve of"
        f" {staffing.reserve.min():.0%} to {staffing.reserve.max():.0%} answers from"
        f" {staffing.least} waiting on.\nWeeks left out of the first month lay inside: {left_out}.",
        highlight=False,
    )


def _build_table(month: Period) -> Table:
    table = Table(title=f"The month predicted, {NOMINAL:.0%} intervals, and seen (* outside)")
    table.add_column("half hour")
    for name in MEASURES:
        table.add_column(name, justify="right")
        table.add_column("seen", justify="right")
    low, high = month.interval()
    for h in range(HALF_HOURS):
        clock = f"{(FIRST + h) // 2:02}:{(FIRST + h) % 2 * 30:02}"
        table.add_row(clock, *_format_cells(month.drawn[:, h], low[h], high[h], month.seen[h]))
    table.add_section()
    low, high = month.whole_interval()
    table.add_row("month", *_format_cells(month.whole_drawn, low, high, month.whole_seen))
    return table


def _format_cells(drawn: Any, low: Any, high: Any, seen: Any) -> list[str]:
    """Return the mean with its interval and what was seen, measure by measure."""
    cells = []
    for k, digits in enumerate(_DIGITS):
        star = "" if low[k] <= seen[k] <= high[k] else " *"
        mean = float(np.nanmean(drawn[:, k]))
        cells.append(f"{mean:.{digits}f} ({low[k]:.{digits}f} to {high[k]:.{digits}f})")
        cells.append(f"{seen[k]:.{digits}f}{star}")
    return cells
