"""``releve plan``: from an operator folder to a checked plan, its verdict and its matrix."""

from __future__ import annotations

import json
import multiprocessing
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import click
import numpy as np
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
from releve.cli.load_operator import demand_of, operator_of
from releve.cli.plan_text import (
    explanation_lines,
    harmless_line,
    matrix_tables,
    missing_lines,
    proof_lines,
    verdict_table,
)
from releve.cli.plan_verify import (
    Verified,
    verification_json,
    verification_rows,
    verification_text,
    verify_days,
)
from releve.cli.stopwatch import Stopwatch
from releve.cli.two_processes import two_processes
from releve.demand import Forecast, Requirement
from releve.files.plan_folder import PlanFolderError, refuse_strangers, write_plans
from releve.network import Operator, zone
from releve.plan import (
    BASE,
    Plan,
    PlanError,
    PlanSettings,
    SolvedDay,
    contingencies_of,
    named_plan,
    solve_day,
)
from releve.plan.explain import explain, refuse_unknown
from releve.plan.plan_json import plan_to_json
from releve.plan.purchases.search import what_is_missing

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
        _refused(lambda: refuse_strangers(out))
    clock = Stopwatch("reading")
    operator = operator_of(folder)
    for text in explained:
        _refuse_unknown(operator, text)
    settings = PlanSettings(target=target)
    clock.start("forecast")
    chosen = _days(operator, day.date() if day else None, days)
    demands = _open_days([demand_of(operator, one, quantile) for one in chosen])
    for expected, need in demands:
        for line in assumption_lines(expected):
            _ERR.print(f"[yellow]{line}[/]", highlight=False)
        for name, reason in need.unknown.items():
            _ERR.print(f"[yellow]{name}: no requirement on {need.day}: {reason}[/]")
    found: list[Verified] = []

    def solve(needs: Sequence[Requirement]) -> list[SolvedDay]:
        return _solved(operator, needs, settings, not unprotected)

    clock.start("planning")
    needs = [need for _, need in demands]
    solved = solve(needs[:1])
    if len(needs) > 1:
        if out is not None and not verified:  # who waits for a first page has it now
            _write(out, _plans(operator, solved), [], calendars)
            _ERR.print(f"{needs[0].day} is planned and written to {out}")
        solved += solve(needs[1:])
    if verified:
        clock.start("simulation")
        forecasts = [forecast for forecast, _ in demands]
        found = verify_days(
            operator, forecasts, solved, solve, rounds=rounds, replications=replications
        )
        solved = [one.solved for one in found]
        clock.start("planning")
    plans = _plans(operator, solved)
    if out is not None:
        _write(out, plans, found, calendars)
    if not as_json:
        _print(plans)
    if missing and not unprotected:
        clock.start("what is missing")
        plans = _with_missing(operator, solved, plans)
        if out is not None:
            _write(out, plans, found, calendars)
    if as_json:
        click.echo(_json(plans, found))
    else:
        _print_missing(plans)
        for one in found:
            verification_text(one, Console())
        for text in explained:
            clock.start("explaining")
            _explain(operator, solved[0], plans[0], text)
        if out is not None:
            Console().print(f"Written to {out}; look at it with: releve desk serve {out} --open")
        Console().print(clock.line(), highlight=False)
    if any(one.violations for one in plans):
        raise click.ClickException("the independent checker found violations: see above")


def _days(operator: Operator, first: date | None, count: int) -> list[date]:
    """Return the days to plan; by default from the first day of the roster."""
    if first is None:
        if not operator.shifts:
            raise click.ClickException("the folder has no roster: add shifts, or name a --day")
        start = min(shift.start for shift in operator.shifts)
        first = start.astimezone(zone(operator.row.time_zone)).date()
    return [first + timedelta(days=i) for i in range(count)]


def _open_days(demands: list[tuple[Forecast, Requirement]]) -> list[tuple[Forecast, Requirement]]:
    """Return the days on which something is required, or not known; name those left out.

    Where all are closed, all stay, and planning says why it cannot.
    """
    is_open = [bool(need.unknown) or bool(np.nan_to_num(need.agents).any()) for _, need in demands]
    if not any(is_open):
        return demands
    for (_, need), kept in zip(demands, is_open, strict=True):
        if not kept:
            _ERR.print(f"[yellow]{need.day}: nothing is required that day; left out[/]")
    return [one for one, kept in zip(demands, is_open, strict=True) if kept]


def _bars(*more: ProgressColumn) -> Progress:
    columns = (
        SpinnerColumn(), TextColumn("{task.description:<27}"), BarColumn(), TimeElapsedColumn(),
        *more,
    )  # fmt: skip
    return Progress(*columns, console=_ERR, transient=False)


def _plans(operator: Operator, solved: Sequence[SolvedDay]) -> list[Plan]:
    """Name the solved days one after another."""
    plans: list[Plan] = []
    wish: dict[str, tuple[str, str]] = {}
    for one in solved:
        found = named_plan(operator, one, wish, version=__version__)
        wish.update({p.agent: (p.place, p.programme) for p in found.placements})
        plans.append(found)
    return plans


def _with_missing(
    operator: Operator, solved: Sequence[SolvedDay], plans: Sequence[Plan]
) -> list[Plan]:
    """Return the plans with what is missing, worked out day by day."""
    done = []
    with _bars(TextColumn("{task.fields[words]}")) as bar, two_processes() as run:
        for found, one in zip(plans, solved, strict=True):
            task = bar.add_task(f"what is missing, {found.day}", total=1.0, words="")

            def show(share: float, words: str, task: TaskID = task) -> None:
                bar.update(task, completed=share, words=words)

            missing = what_is_missing(operator, one, progress=show, run=run)
            bar.update(task, completed=1.0, words="")
            done.append(replace(found, missing=missing))
    return done


def _solved(
    operator: Operator, needs: Sequence[Requirement], settings: PlanSettings, protect: bool
) -> list[SolvedDay]:
    """Solve the days, side by side when there are several."""
    with _bars() as bar:
        try:
            if len(needs) == 1:
                return [_solve_shown(operator, needs[0], settings, protect, bar)]
            tasks = [bar.add_task(f"plan of {need.day}", total=1.0) for need in needs]
            context = multiprocessing.get_context("spawn")
            with ProcessPoolExecutor(2, mp_context=context) as pool:
                jobs = [pool.submit(_solve, operator, need, settings, protect) for need in needs]
                found = []
                for job, task in zip(jobs, tasks, strict=True):
                    found.append(job.result())
                    bar.update(task, completed=1.0)
                return found
        except PlanError as error:
            raise click.ClickException(str(error)) from None


def _solve(
    operator: Operator, need: Requirement, settings: PlanSettings, protect: bool
) -> SolvedDay:
    return solve_day(operator, need, settings, now=time.perf_counter, protect=protect)


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


def _write(out: Path, plans: Sequence[Plan], found: Sequence[Verified], calendars: bool) -> None:
    rows = [row for one in found for row in verification_rows(one)]
    stamp = datetime.now(UTC)
    _refused(lambda: write_plans(out, plans, stamp=stamp, calendars=calendars, verification=rows))


def _refused(work: Callable[[], None]) -> None:
    try:
        work()
    except PlanFolderError as error:
        raise click.ClickException(str(error)) from None


def _json(plans: Sequence[Plan], found: Sequence[Verified]) -> str:
    """Return the plan of one day, or a list of several; with what was verified, if it was."""
    documents = [json.loads(plan_to_json(one)) for one in plans]
    for document, one in zip(documents, found, strict=bool(found)):
        document["verification"] = verification_json(one)
    return json.dumps(documents if len(plans) > 1 else documents[0], ensure_ascii=False)


def _print(plans: Sequence[Plan]) -> None:
    console = Console()
    for one in plans:
        console.print(verdict_table(one))
        for table in matrix_tables(one):
            console.print(table)
        for line in (*harmless_line(one), *proof_lines(one)):
            console.print(line, highlight=False)


def _print_missing(plans: Sequence[Plan]) -> None:
    """Print what is missing, with the day where there are several."""
    console = Console()
    for one in plans:
        lines = missing_lines(one)
        if lines and len(plans) > 1:
            console.print(f"{one.day:%A %d %B %Y}", highlight=False)
        for line in lines:
            console.print(line, highlight=False)


def _refuse_unknown(operator: Operator, text: str) -> None:
    """Refuse what cannot be explained before the plan, which may take minutes."""
    client, _, contingency = text.partition("@")
    clients = [row.id for row in operator.clients]
    contingencies = [one.id for one in contingencies_of(operator)]
    try:
        refuse_unknown(client, contingency or BASE, clients, contingencies)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--explain") from None


def _explain(operator: Operator, solved: SolvedDay, plan: Plan, text: str) -> None:
    client, _, contingency = text.partition("@")
    worst = {verdict.client: verdict.worst for verdict in plan.verdicts}
    found = explain(operator, solved, client, contingency or worst.get(client, BASE))
    for line in explanation_lines(plan, found):
        click.echo(line)
