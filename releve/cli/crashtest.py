"""``releve crashtest``: many simulated quarters against a plan and its reliefs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from releve.cli.crashtest_inputs import (
    ILLNESSES,
    WITHOUT_LEAST,
    Asked,
    cases_of,
    check_asked,
    inputs_of,
    prices_of,
    without_of,
)
from releve.cli.crashtest_run import Early, How, run_case, run_without
from releve.cli.crashtest_text import (
    cause_tables,
    client_table,
    difference_table,
    mix_lines,
    outbreak_lines,
    outlook_lines,
    redo_lines,
    site_table,
)
from releve.crashtest import (
    CrashResult,
    CrashTest,
    CrashTestError,
    Settings,
    result_of,
    result_to_json,
)
from releve.crashtest.ablation import Without
from releve.crashtest.comparison import Case, Difference, compare, difference_json
from releve.crashtest.outages import Hazard, HazardFaults, read_hazards
from releve.crashtest.outages.shipped import shipped_hazards
from releve.crashtest.policies import POLICIES, Mix, best_mix, under_policies
from releve.crashtest.replay_worst_days import Redone, redo_worst
from releve.crashtest.result import penalties
from releve.crashtest_dask import SpreadError
from releve.crashtest_folder import (
    RunFolderError,
    begin_run,
    certificate_of,
    differences,
    digest,
    end_doing,
    read_run,
    write_json,
    write_result,
)

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
    help="Quarters lived again without each cause in turn, of the first case [a fifth, at least"
    f" {WITHOUT_LEAST}; 0 = none].",
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
    """Live many quarters of an operator FOLDER: what stays served when things go badly."""
    certificate = _certificate(options["rerun"])
    try:
        asked = _asked(folder, plan, options, certificate)
        check_asked(asked.policies, options)
        hazards = _hazards(options["hazards"], options["no_hazards"])
        cases = cases_of(asked, hazards)
        inputs = {**inputs_of(asked, cases), "hazards": [hazard.id for hazard in hazards]}
        if options["out"]:
            begin_run(options["out"], inputs, resume=options["resume"])
        how = How(options["threads"], options["dask"], options["out"])
        done, without = _run(cases, how, asked.without)
        mixes = _mixes(cases[0][1], asked.policies, options)
        report = _report(done, without, inputs, options["out"], certificate)
        if options["redo"] is not None:
            first = done[0]
            redone = redo_worst(first.test, first.ready, first.rows, days=options["redo"])
            report = replace(report, redone=redone)
        _print(report, mixes, options)
    except (CrashTestError, RunFolderError, SpreadError) as error:
        raise click.ClickException(str(error)) from None


def _certificate(path: Path | None) -> Mapping[str, Any]:
    if path is None:
        return {}
    try:
        return read_run(path / "certificate.json" if path.is_dir() else path)
    except RunFolderError as error:
        raise click.ClickException(str(error)) from None


def _asked(
    folder: Path, plan: Path, options: Mapping[str, Any], certificate: Mapping[str, Any]
) -> Asked:
    """Return what is asked for: options, else the certificate's, else the defaults."""
    held = certificate.get("settings", {})
    given = {
        "quarters": options["quarters"],
        "days": options["days"],
        "seed": options["seed"],
        "reaction_intervals": options["reaction"],
        "target": options["target"],
        "nearest": options["nearest"] or None,
    }
    days = {"days": 14} if options["outlook"] else {}
    settings = Settings(
        **{**days, **held, **{name: v for name, v in given.items() if v is not None}}
    )

    def choice(name: str, default: Any) -> Any:
        return options[name] if options[name] is not None else certificate.get(name, default)

    start: datetime | None = options["start"]
    if start is None and certificate.get("start"):
        start = datetime.fromisoformat(certificate["start"])
    policies = options["policies"].split(",") if options["policies"] else None
    return Asked(
        folder=folder,
        plan=plan,
        compare=options["compare_with"],
        hazards=options["hazards"],
        incidence=options["incidence"],
        per_people=choice("per_people", 1e6),
        reported=choice("reported", 0.2),
        outside=choice("outside", 1e-4),
        illness=choice("illness", "covid"),
        reproduction=choice("reproduction", 2.5),
        settings=settings,
        policies=tuple(policies or certificate.get("policies", ["as-given"])),
        without=without_of(choice("without", None), settings.quarters),
        start=start.date() if start else None,
        outlook=options["outlook"],
        rules=options["rules"],
    )


def _hazards(path: Path | None, none: bool) -> tuple[Hazard, ...]:
    if none:
        return ()
    if path is None:
        return tuple(shipped_hazards())
    try:
        return tuple(read_hazards(path.read_text(encoding="utf-8")))
    except HazardFaults as error:
        raise click.ClickException(str(error)) from None


def _run(
    cases: Sequence[tuple[str, CrashTest]], how: How, without: int = 0
) -> tuple[list[Case], Without | None]:
    """Run cases, and so many quarters of the first again without each cause."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[early]}"),
               TimeElapsedColumn())  # fmt: skip
    with Progress(*columns, console=_ERR) as bar:
        found, apart = [], None

        def told(label: str, total: int) -> Early:
            task = bar.add_task(label, total=total, early="")

            def early(done: int, of: int, text: str) -> None:
                bar.update(task, completed=done, total=of, early=text)

            return early

        for number, (label, test) in enumerate(cases):
            quarters = test.settings.quarters
            found.append(run_case(number, label, test, how, told(label, quarters)))
            if number == 0 and without:
                early = told(f"{label}, without each cause", without)
                apart = run_without(number, found[0], without, how, early)
        return found, apart


@dataclass(frozen=True)
class _Report:
    """What is told: results, differences from the first, and what a rerun found different."""

    results: list[CrashResult]
    differences: list[Difference]
    certificate: dict[str, Any]
    rerun: list[str] | None
    redone: tuple[Redone, ...] = ()


def _report(
    done: Sequence[Case],
    without: Without | None,
    inputs: Mapping[str, Any],
    out: Path | None,
    certificate: Mapping[str, Any],
) -> _Report:
    results = [
        result_of(case.test, case.ready, case.rows, case.label, None if at else without)
        for at, case in enumerate(done)
    ]
    digests = {one.label: digest([result_to_json(one).encode()]) for one in results}
    beside = [compare(done[0], case) for case in done[1:]]
    made = certificate_of(inputs, digests)
    if out is not None:
        for number, result in enumerate(results):
            write_result(out, number, result)
        write_json(out / "comparison.json", {"cases": [difference_json(one) for one in beside]})
        write_json(out / "certificate.json", made)
        end_doing(out)
    found = differences(certificate, json.loads(json.dumps(made))) if certificate else None
    return _Report(results, beside, made, found)


def _mixes(test: CrashTest, policies: Sequence[str], options: Mapping[str, Any]) -> tuple[Mix, ...]:
    """Try every mix of the policies after the first that the budget buys."""
    if options["budget"] is None:
        return ()
    measures = policies[1:]
    prices = prices_of(measures, options["cost"], len(test.operator.agents))

    def penalty_of(chosen: tuple[str, ...]) -> float:
        changed = under_policies(chosen, test)
        label = "mix: " + (", ".join(chosen) or "nothing")
        (case,), _none = _run([(label, changed)], How(options["threads"], options["dask"]))
        return float(penalties(case.ready, case.rows).sum(axis=1).mean())

    return best_mix(measures, prices, options["budget"], penalty_of)


def _print(report: _Report, mixes: tuple[Mix, ...], options: Mapping[str, Any]) -> None:
    if options["as_json"]:
        tree = {
            "results": [json.loads(result_to_json(one)) for one in report.results],
            "comparison": [difference_json(one) for one in report.differences],
            "mixes": [asdict(mix) for mix in mixes],
            "redone": [asdict(row) for row in report.redone],
            "certificate": report.certificate,
            "rerun": report.rerun,
        }
        click.echo(json.dumps(tree, ensure_ascii=False))
    else:
        _print_tables(report, mixes, options)
    if report.rerun:
        raise click.ClickException("not the same figures: " + "; ".join(report.rerun))


def _print_tables(report: _Report, mixes: tuple[Mix, ...], options: Mapping[str, Any]) -> None:
    console = Console()
    first = report.results[0]
    for table in (client_table(first), site_table(first), *cause_tables(first)):
        console.print(table)
    for line in (*(outlook_lines(first) if options["outlook"] else ()), *outbreak_lines(first)):
        console.print(line, highlight=False)
    for line in redo_lines(report.redone):
        console.print(line, highlight=False)
    if report.differences:
        console.print(difference_table(report.differences))
    if mixes:
        for line in mix_lines(mixes, options["budget"]):
            console.print(line, highlight=False)
    if report.rerun == []:
        console.print("The same figures as the certificate's, every one.")
    if options["out"]:
        console.print(f"Written to {options['out']}")
