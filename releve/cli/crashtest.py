"""``releve crashtest``: many simulated quarters against a plan and its reliefs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from releve.cli.crashtest_options import build_request, check_options, price_measures
from releve.cli.crashtest_text import (
    build_cause_tables,
    build_client_table,
    build_difference_table,
    build_site_table,
    describe_mixes,
    describe_outbreak,
    describe_outlook,
    describe_replays,
)
from releve.crashtest import CrashTestError, Settings, result_to_json
from releve.crashtest.comparison import encode_difference
from releve.crashtest.policies import POLICIES, Mix
from releve.crashtest.replay_worst_days import ReplayedDay, replay_worst
from releve.files.pack_file import PackFileError
from releve.files.run_folder import RunFolderError, read_run
from releve.runs.crash_test import (
    CrashTestReport,
    find_best_mixes,
    list_changes,
    run_crash_test,
)
from releve.runs.errors import RunError
from releve.runs.execution import CaseProgress, Execution
from releve.runs.request import ABLATION_QUARTERS, ILLNESSES

__all__ = ["crashtest"]

_ERR = Console(stderr=True)
_DEFAULTS = Settings()
_PATH = click.Path(exists=True, path_type=Path)


@click.command()
@click.argument("folder", type=_PATH)
@click.option("--plan", "plan", required=True, type=_PATH, help="Plan folder to test.")
@click.option("--quarters", type=int, help=f"Quarters to simulate [{_DEFAULTS.quarters}].")
@click.option("--days", type=int, help="Days of a quarter [90; 14 with --outlook].")
@click.option("--seed", type=int, help="Same seed, same figures [0].")
@click.option("--start", type=click.DateTime(["%Y-%m-%d"]), help="Day 0 [the first planned day].")
@click.option("--nearest", is_flag=True, help="A weekday without a plan takes the nearest one.")
@click.option("--reaction", type=int, help="Half hours until a loss is answered [1].")
@click.option("--target", type=float, help="Share a programme without calls may miss [the plan's].")
@click.option("--hazards", type=_PATH, help="YAML table of hazards [the one shipped].")
@click.option("--no-hazards", is_flag=True, help="Outbreak only.")
@click.option(
    "--rules",
    type=_PATH,
    multiple=True,
    help="YAML rows that add to or end the situation's rules; may be repeated.",
)
@click.option(
    "--pack",
    "packs",
    multiple=True,
    help="Pack of rules in force, like health-2020; may be repeated [those of the plan folder].",
)
@click.option("--illness", type=click.Choice(sorted(ILLNESSES)), help="[covid]")
@click.option("--reproduction", type=float, help="Infections at work by one agent [2.5].")
@click.option("--incidence", help="FILE:COLUMN of daily cases outside (CSV with a column date).")
@click.option("--per-people", type=float, help="People the cases are of [1,000,000].")
@click.option("--reported", type=float, help="Share of infections that are reported [0.2].")
@click.option("--outside", type=float, help="Else: infections outside per agent and day [1e-4].")
@click.option(
    "--policies",
    help=f"Policies side by side, the first is compared with: {', '.join(POLICIES)} [as-given].",
)
@click.option("--compare", "compare_with", type=_PATH, help="Another plan folder, same disasters.")
@click.option("--budget", type=float, help="EUR a quarter: the best mix of the policies it buys.")
@click.option("--cost", multiple=True, metavar="POLICY=EUR", help="Price of a measure a quarter.")
@click.option(
    "--without",
    type=click.IntRange(0),
    help="Quarters to rerun with each cause removed, of the first case [a fifth, at least"
    f" {ABLATION_QUARTERS}; 0 = none].",
)
@click.option("--redo", type=int, help="Simulate so many worst days of each client call by call.")
@click.option("--outlook", type=_PATH, help="Events up to day 0, one JSON a line: 14 days ahead.")
@click.option(
    "--threads", type=click.IntRange(1, 64), default=2, show_default=True, help="Threads here."
)
@click.option("--dask", help="Address of a Dask scheduler; spreads the quarters.")
@click.option("--out", type=click.Path(path_type=Path), help="Run folder to write.")
@click.option("--resume", is_flag=True, help="Go on with the run that --out holds.")
@click.option("--rerun", type=_PATH, help="Certificate (or run folder): run it again and compare.")
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
def crashtest(folder: Path, plan: Path, **options: Any) -> None:
    """Simulate many quarters of an operator FOLDER: what stays served when things go badly."""
    certificate = _read_certificate(options["rerun"])
    execution = Execution(options["threads"], options["dask"], options["out"])
    try:
        request = build_request(folder, plan, options, certificate)
        check_options(request.policies, options)
        with _CaseBars() as bars:
            found = run_crash_test(request, execution, resume=options["resume"], report=bars.show)
            mixes = _find_mixes(found, request.policies, execution, bars, options)
        redone: tuple[ReplayedDay, ...] = ()
        if options["redo"] is not None:
            first = found.cases[0]
            redone = replay_worst(first.test, first.ready, first.rows, days=options["redo"])
    except (CrashTestError, PackFileError, RunFolderError, RunError) as error:
        raise click.ClickException(str(error)) from None
    changes = list_changes(found, certificate) if certificate else None
    if options["as_json"]:
        _print_json(found, mixes, redone, changes)
    else:
        _print_tables(found, mixes, redone, changes, options)
    if changes:
        raise click.ClickException("not the same figures: " + "; ".join(changes))


def _read_certificate(path: Path | None) -> Mapping[str, Any]:
    if path is None:
        return {}
    try:
        return read_run(path / "certificate.json" if path.is_dir() else path)
    except RunFolderError as error:
        raise click.ClickException(str(error)) from None


class _CaseBars(Progress):
    """A bar for each case and step, with the share of calls served so far."""

    def __init__(self) -> None:
        super().__init__(
            TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[early]}"),
            TimeElapsedColumn(), console=_ERR,
        )  # fmt: skip
        self._bars: dict[tuple[str, str], TaskID] = {}

    def show(self, progress: CaseProgress) -> None:
        """Move the bar of a case."""
        key = (progress.label, progress.step)
        if key not in self._bars:
            more = ", without each cause" if progress.step == "without" else ""
            label = f"{progress.label}{more}"
            self._bars[key] = self.add_task(label, total=progress.total, early="")
        early = ""
        if progress.served is not None:
            served = progress.served
            early = f"served {served.value:.2%} ({served.low:.2%} to {served.high:.2%})"
        self.update(self._bars[key], completed=progress.done, early=early)


def _find_mixes(
    found: CrashTestReport,
    policies: tuple[str, ...],
    execution: Execution,
    bars: _CaseBars,
    options: Mapping[str, Any],
) -> tuple[Mix, ...]:
    """Try every mix of the policies after the first that the budget buys, if there is one."""
    if options["budget"] is None:
        return ()
    agents = len(found.cases[0].test.operator.agents)
    prices = price_measures(policies[1:], options["cost"], agents)
    return find_best_mixes(found, prices, options["budget"], execution, bars.show)


def _print_json(
    found: CrashTestReport,
    mixes: tuple[Mix, ...],
    redone: tuple[ReplayedDay, ...],
    changes: list[str] | None,
) -> None:
    tree = {
        "results": [json.loads(result_to_json(one)) for one in found.results],
        "comparison": [encode_difference(one) for one in found.differences],
        "mixes": [asdict(mix) for mix in mixes],
        "redone": [asdict(row) for row in redone],
        "certificate": found.certificate,
        "rerun": changes,
    }
    click.echo(json.dumps(tree, ensure_ascii=False))


def _print_tables(
    found: CrashTestReport,
    mixes: tuple[Mix, ...],
    redone: tuple[ReplayedDay, ...],
    changes: list[str] | None,
    options: Mapping[str, Any],
) -> None:
    console = Console()
    first = found.results[0]
    for table in (build_client_table(first), build_site_table(first), *build_cause_tables(first)):
        console.print(table)
    for line in (
        *(describe_outlook(first) if options["outlook"] else ()),
        *describe_outbreak(first, found.cases[0].test.operator),
    ):
        console.print(line, highlight=False)
    for line in describe_replays(redone):
        console.print(line, highlight=False)
    if found.differences:
        console.print(build_difference_table(list(found.differences)))
    if mixes:
        for line in describe_mixes(mixes, options["budget"]):
            console.print(line, highlight=False)
    if changes == []:
        console.print("The same figures as the certificate's, every one.")
    if options["out"]:
        console.print(f"Written to {options['out']}")
