"""``scripts/bench validate``: hold the models to what happened in Seoul 2020 and to two banks' logs."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bench.validate.bank_log import FIRST, HALF_HOURS, BankLogError, read_months
from bench.validate.bank_prediction import MEASURES, NOMINAL, TICKS_MOST, Period, Prediction, predict
from bench.validate.rest_of_day import (
    CANDIDATES,
    CallLogError,
    RestScore,
    RestValidation,
    has_library,
    load_1999,
    load_2003,
    validate_rest_of_day,
)
from bench.validate.seoul import Fit, SeoulDataError, draw_seoul, read_floor, validate_outbreak
from bench.validate.spans import FIRST_DAYS, LEVELS, SpanCoverage, load_1999_whole, validate_spans
from releve.plugins.crashtest.engine.outbreak import OutbreakError

LOG = "calls_1999_jan_feb.parquet"
_DIGITS = (3, 3, 1)


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--seed", default=1999, show_default=True, type=click.IntRange(0), help="Of the draws.")
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
        click.echo(json.dumps(_build_bank_document(found), indent=2))
    else:
        _print_prediction(found)


def _round_values(values: Any) -> Any:
    """Return values with NaN as null, to six digits."""
    return [_round_values(row) if np.ndim(row) else None if np.isnan(row) else round(float(row), 6) for row in values]


def _build_bank_document(found: Prediction) -> dict[str, Any]:
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


LOGS = {"1999": load_1999, "2003": load_2003}


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--log", "years", type=click.Choice(list(LOGS)), multiple=True, help="This log alone.")
@click.option(
    "--library/--no-library",
    default=True,
    show_default=True,
    help="Also forecast with statsforecast, where it is installed.",
)
@click.option("--choose", is_flag=True, help="Choose the constants of the update again, before the month.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def intraday(folder: Path, years: tuple[str, ...], library: bool, choose: bool, as_json: bool) -> None:
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
            found = validate_rest_of_day(logs, choose=choose, library=with_library, tick=lambda: bar.advance(task))
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
                for errors in (row.every.half_hours, row.every.totals, row.worst.half_hours, row.worst.totals)
            ),
            f"{row.coverage:.3f}",
        )
    console.print(table)


def _format_errors(errors: tuple[float, float, float]) -> str:
    morning, updated, library = errors
    beside = "" if library != library else f" ({library:.3f})"
    return f"{morning:.3f} > {updated:.3f}{beside}"


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--draws", default=400, show_default=True, type=click.IntRange(20), help="Of each forecast.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Of the draws.")
@click.option(
    "--first-days", default=FIRST_DAYS, show_default=True, type=click.IntRange(14), help="History before the first."
)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def spans(folder: Path, draws: int, seed: int, first_days: int, as_json: bool) -> None:
    """Count how often intervals hold over half hours, days, weeks and 28 days, on two banks' logs.

    FOLDER holds anonymousbank_1999 and bank_calls_2003. Forecasts of 28 days from weekly origins;
    days drawn by themselves beside days drawn with the parts they share. Takes about 15 seconds.
    """
    try:
        logs = [load(folder) for load in (load_1999_whole, load_2003, load_1999)]
    except CallLogError as error:
        raise click.ClickException(str(error)) from None
    rows = [row for log in logs for row in validate_spans(log, draws=draws, seed=seed, first_days=first_days)]
    if as_json:
        click.echo(json.dumps([asdict(row) for row in rows], indent=2))
        return
    _print_spans(rows)


def _print_spans(rows: Sequence[SpanCoverage]) -> None:
    levels = ", ".join(f"{level:.0%}" for level in LEVELS)
    table = Table(title=f"Outcomes inside the intervals of {levels}")
    for column in ("log", "programme", "span", "spans apart", "days alone", "days with parts"):
        table.add_column(column)
    for row in rows:
        shares = (", ".join(f"{share:.2f}" for share in one) for one in (row.before, row.after))
        table.add_row(row.log, row.programme, row.span, str(row.spans), *shares)
    Console(width=110).print(table)


@click.group()
def validate() -> None:
    """Hold the models to what really happened."""


validate.add_command(bank)
validate.add_command(intraday)
validate.add_command(spans)


@validate.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--draws", default=1500, show_default=True, type=click.IntRange(1), help="Pairs of numbers tried.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Of the draws.")
@click.option("--svg", type=click.Path(dir_okay=False, path_type=Path), help="Draw desks and curve here.")
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
                desks, onsets, draws=draws, seed=seed, progress=lambda done: bar.update(task, completed=done)
            )
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
    return {"runs": fit.drawn, "accepted": accepted, "fitted": _compute_ranges(fit), "figures": figures}


def _print_fit(fit: Fit) -> None:
    console = Console()
    table = Table(title=f"{len(fit.reproduction)} of {fit.drawn} runs were near the observed floor")
    for name in ("figure", "observed", "model", "95 % of runs", ""):
        table.add_column(name, justify="left" if name in ("figure", "") else "right")
    for one in fit.figures:
        word = ("fitted" if one.fitted else "covered") if one.covered else "MISSED"
        table.add_row(one.name, f"{one.observed:.3g}", f"{one.predicted:.3g}", f"{one.low:.3g} to {one.high:.3g}", word)
    console.print(table)
    for name, (low, middle, high) in _compute_ranges(fit).items():
        console.print(f"{name}: {middle:g} ({low:g} to {high:g}, 90 % of accepted runs)")


if __name__ == "__main__":
    validate(prog_name="scripts/bench validate")
