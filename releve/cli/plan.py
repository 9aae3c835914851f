"""``releve plan``: from an operator folder to a checked plan, its verdict and its matrix."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from releve import __version__
from releve.cli.demand_text import assumption_lines
from releve.cli.load_operator import load_operator
from releve.cli.plan_text import (
    build_matrix_tables,
    build_verdict_table,
    list_explanation_lines,
    list_harmless_lines,
    list_missing_lines,
    list_proof_lines,
)
from releve.cli.plan_verify import (
    build_verification_json,
    list_verification_rows,
    print_verification,
    verify_with_bars,
)
from releve.cli.stopwatch import Stopwatch
from releve.cli.two_processes import two_processes
from releve.demand import Forecast, Requirement
from releve.demand.call_log_file import read_log
from releve.files.plan_folder import PlanFolderError, check_overwritable, write_plans
from releve.network import Operator
from releve.plan import (
    BASE,
    Plan,
    PlanError,
    PlanSettings,
    SolvedDay,
    list_contingencies,
    solve_day,
)
from releve.plan.explain import explain_shortfall, refuse_unknown
from releve.plan.plan_json import plan_to_json
from releve.plan.week import (
    VerifiedDay,
    add_missing,
    forecast_day,
    list_roster_days,
    name_days,
    select_open_days,
    solve_days,
)

__all__ = ["plan"]

_DAY = click.DateTime(["%Y-%m-%d"])
_ERR = Console(stderr=True)
_DEFAULTS = PlanSettings()


@click.command()
@click.argument("folder", type=click.Path(exists=True, path_type=Path))
@click.option("--day", type=_DAY, help="First day to plan [default: the first of the roster].")
@click.option(
    "--days", default=1, show_default=True, type=click.IntRange(1, 14), help="Days to plan."
)
@click.option(
    "--out", type=click.Path(path_type=Path), help="Plan folder to write (JSON, CSV, Parquet, ics)."
)
@click.option("--json", "as_json", is_flag=True, help="Print the plans as JSON.")
@click.option("--quantile", type=float, help="Staff at this quantile of the volume [mean].")
@click.option(
    "--forecast",
    "forecast_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Plan for this forecast (CSV, Parquet, XLSX: start, programme, calls, aht_s).",
)
@click.option(
    "--target",
    default=_DEFAULTS.target,
    show_default=True,
    type=click.FloatRange(0, 1),
    help="Largest share of a client's day that may be missing.",
)
@click.option("--missing/--no-missing", default=True, help="Work out what is missing, if any.")
@click.option("--calendars/--no-calendars", default=False, help="Write a calendar per agent.")
@click.option(
    "--explain",
    "explained",
    multiple=True,
    metavar="CLIENT[@CONTINGENCY]",
    help="Say why a client misses what it misses, like azur@site:casa-1 [its worst].",
)
@click.option("--unprotected", is_flag=True, help="Plan as if nothing could be lost (to compare).")
@click.option(
    "--verify",
    "verified",
    is_flag=True,
    help="Simulate the calls; where they miss, ask for more and plan again.",
)
@click.option(
    "--rounds",
    default=3,
    show_default=True,
    type=click.IntRange(0, 20),
    help="With --verify: how often to plan again at most; 0 = only simulate.",
)
@click.option(
    "--replications",
    default=200,
    show_default=True,
    type=click.IntRange(20, 10_000),
    help="With --verify: days simulated each time.",
)
def plan(
    folder: Path,
    day: datetime | None,
    days: int,
    out: Path | None,
    as_json: bool,
    quantile: float | None,
    forecast_file: Path | None,
    target: float,
    missing: bool,
    calendars: bool,
    explained: tuple[str, ...],
    unprotected: bool,
    verified: bool,
    rounds: int,
    replications: int,
) -> None:
    """Plan an operator FOLDER: who works where, and who takes over if any one place is lost."""
    if out is not None:  # before the plan, which may take minutes
        _report_refusal(lambda: check_overwritable(out))
    clock = Stopwatch("reading")
    operator = load_operator(folder)
    for text in explained:
        _refuse_unknown(operator, text)
    settings = PlanSettings(target=target)
    clock.start("forecast")
    demands = _forecast_open_days(
        operator, day.date() if day else None, days, quantile, forecast_file
    )
    for expected, need in demands:
        for line in assumption_lines(expected):
            _ERR.print(f"[yellow]{line}[/]", highlight=False)
        for name, reason in need.unknown.items():
            _ERR.print(f"[yellow]{name}: no requirement on {need.day}: {reason}[/]")
    found: list[VerifiedDay] = []

    def solve(needs: Sequence[Requirement]) -> list[SolvedDay]:
        return _solve_days_shown(operator, needs, settings, not unprotected)

    clock.start("planning")
    needs = [need for _, need in demands]
    solved = solve(needs[:1])
    if len(needs) > 1:
        if out is not None and not verified:  # a page that waits for the plan has it now
            _write_folder(out, name_days(operator, solved, __version__), [], calendars)
            _ERR.print(f"{needs[0].day} is planned and written to {out}")
        solved += solve(needs[1:])
    if verified:
        clock.start("simulation")
        forecasts = [forecast for forecast, _ in demands]
        found = verify_with_bars(
            operator, forecasts, solved, solve, rounds=rounds, replications=replications
        )
        solved = [one.solved for one in found]
        clock.start("planning")
    plans = name_days(operator, solved, __version__)
    if out is not None:
        _write_folder(out, plans, found, calendars)
    if not as_json:
        _print_plans(plans)
    if missing and not unprotected:
        clock.start("what is missing")
        plans = _add_missing_shown(operator, solved, plans)
        if out is not None:
            _write_folder(out, plans, found, calendars)
    if as_json:
        click.echo(_render_json(plans, found))
    else:
        _print_missing(plans)
        for one in found:
            print_verification(one, Console())
        for text in explained:
            clock.start("explaining")
            _print_explanation(operator, solved[0], plans[0], text)
        if out is not None:
            Console().print(f"Written to {out}; look at it with: releve desk serve {out} --open")
        Console().print(clock.line(), highlight=False)
    if any(one.violations for one in plans):
        raise click.ClickException("the independent checker found violations: see above")


def _forecast_open_days(
    operator: Operator, first: date | None, count: int, quantile: float | None, file: Path | None
) -> list[tuple[Forecast, Requirement]]:
    """Forecast the days to plan; name those that are left out because nothing is required."""
    try:
        days = list_roster_days(operator, count, first)
        table = None if file is None else read_log(file.name, file.read_bytes()).whole_frame()
        demands = [forecast_day(operator, day, quantile, table) for day in days]
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    kept = select_open_days(demands)
    for _, need in demands:
        if all(need is not other for _, other in kept):
            _ERR.print(f"[yellow]{need.day}: nothing is required that day; left out[/]")
    return kept


def _build_bars(*more: ProgressColumn) -> Progress:
    columns = (
        SpinnerColumn(), TextColumn("{task.description:<27}"), BarColumn(), TimeElapsedColumn(),
        *more,
    )  # fmt: skip
    return Progress(*columns, console=_ERR, transient=False)


def _add_missing_shown(
    operator: Operator, solved: Sequence[SolvedDay], plans: Sequence[Plan]
) -> list[Plan]:
    """Return the plans with what is missing, worked out day by day."""
    with _build_bars(TextColumn("{task.fields[words]}")) as bar, two_processes() as run:
        tasks: dict[date, TaskID] = {}

        def show(day: date, share: float, words: str) -> None:
            if day not in tasks:
                tasks[day] = bar.add_task(f"what is missing, {day}", total=1.0, words="")
            bar.update(tasks[day], completed=share, words=words)

        return add_missing(operator, solved, plans, progress=show, run=run)


def _solve_days_shown(
    operator: Operator, needs: Sequence[Requirement], settings: PlanSettings, protect: bool
) -> list[SolvedDay]:
    """Solve the days, side by side when there are several."""
    with _build_bars() as bar, two_processes() as run:
        try:
            if len(needs) == 1:
                return [_solve_shown(operator, needs[0], settings, protect, bar)]
            tasks = [bar.add_task(f"plan of {need.day}", total=1.0) for need in needs]
            return solve_days(
                operator, needs, settings, protect=protect, now=time.perf_counter, run=run,
                done=lambda count: bar.update(tasks[count - 1], completed=1.0),
            )  # fmt: skip
        except PlanError as error:
            raise click.ClickException(str(error)) from None


def _solve_shown(
    operator: Operator, need: Requirement, settings: PlanSettings, protect: bool, bar: Progress
) -> SolvedDay:
    tasks = {
        stage: bar.add_task(stage, total=1.0, start=False)
        for stage in ("usable seats", "floors", "n-1 programme", "whole people", "reliefs", "bound")
    }

    def show(stage: str, share: float) -> None:
        bar.start_task(tasks[stage])
        bar.update(tasks[stage], completed=share)

    return solve_day(
        operator, need, settings, progress=show, now=time.perf_counter, protect=protect
    )


def _write_folder(
    out: Path, plans: Sequence[Plan], found: Sequence[VerifiedDay], calendars: bool
) -> None:
    rows = [row for one in found for row in list_verification_rows(one)]
    stamp = datetime.now(UTC)
    _report_refusal(
        lambda: write_plans(out, plans, stamp=stamp, calendars=calendars, verification=rows)
    )


def _report_refusal(work: Callable[[], None]) -> None:
    try:
        work()
    except PlanFolderError as error:
        raise click.ClickException(str(error)) from None


def _render_json(plans: Sequence[Plan], found: Sequence[VerifiedDay]) -> str:
    """Return the plan of one day, or a list of several; with what was verified, if it was."""
    documents = [json.loads(plan_to_json(one)) for one in plans]
    for document, one in zip(documents, found, strict=bool(found)):
        document["verification"] = build_verification_json(one)
    return json.dumps(documents if len(plans) > 1 else documents[0], ensure_ascii=False)


def _print_plans(plans: Sequence[Plan]) -> None:
    console = Console()
    for one in plans:
        console.print(build_verdict_table(one))
        for table in build_matrix_tables(one):
            console.print(table)
        for line in (*list_harmless_lines(one), *list_proof_lines(one)):
            console.print(line, highlight=False)


def _print_missing(plans: Sequence[Plan]) -> None:
    """Print what is missing, with the day where there are several."""
    console = Console()
    for one in plans:
        lines = list_missing_lines(one)
        if lines and len(plans) > 1:
            console.print(f"{one.day:%A %d %B %Y}", highlight=False)
        for line in lines:
            console.print(line, highlight=False)


def _refuse_unknown(operator: Operator, text: str) -> None:
    """Refuse what cannot be explained before the plan, which may take minutes."""
    client, _, contingency = text.partition("@")
    clients = [row.id for row in operator.clients]
    contingencies = [one.id for one in list_contingencies(operator)]
    try:
        refuse_unknown(client, contingency or BASE, clients, contingencies)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--explain") from None


def _print_explanation(operator: Operator, solved: SolvedDay, plan: Plan, text: str) -> None:
    client, _, contingency = text.partition("@")
    worst = {verdict.client: verdict.worst for verdict in plan.verdicts}
    found = explain_shortfall(operator, solved, client, contingency or worst.get(client, BASE))
    for line in list_explanation_lines(plan, found):
        click.echo(line)
