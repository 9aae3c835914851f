"""``releve transport``: the runs of a plan or of a relief, and their check."""

from __future__ import annotations

import json
import time
from datetime import datetime
from pathlib import Path

import click

from releve.cli.main import Speech
from releve.errors import NumberPhrase, Phrase
from releve.files.operator_folder import FolderError, read_operator_files, read_runs, write_transport
from releve.files.plan_folder import read_packs, read_plans
from releve.network import Operator, OperatorFaults, describe_faults, read_operator
from releve.plan import BASE, Plan, PlanSettings
from releve.plan.day_fleet import build_day_fleet, cap_vehicles, route_plan
from releve.situation.shipped import load_rules_with
from releve.transport import Fleet, Rider, Run, check_runs, explain_left_behind

_MOST = 10


def load_operator(folder: Path) -> Operator:
    """Read an operator folder or workbook; a ClickException names its first faults."""
    try:
        return read_operator(read_operator_files(folder))
    except FolderError as error:
        raise click.ClickException(str(error)) from None
    except OperatorFaults as error:
        speech = Speech(error.language)
        causes = describe_faults(error.faults, speech.gettext, speech.language)
        lines = list(causes[:_MOST])
        if more := len(causes) - len(lines):
            text = Phrase("... and {0} more: releve network check {1}", NumberPhrase(more), folder)
            lines.append(speech.say(text))
        count = NumberPhrase(len(error.faults))
        title = speech.say(Phrase("{0} faults in the operator's files", count))
        raise click.ClickException("\n".join((title, *lines))) from None


_FOLDER = click.argument("folder", type=click.Path(exists=True, path_type=Path))
_PLAN = click.option(
    "--plan",
    "plan_folder",
    required=True,
    type=click.Path(exists=True, path_type=Path),
    help="Plan folder (releve plan --out).",
)
_DAY = click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="Day of the plan [default: its first].")
_UNDER = click.option("--under", default=BASE, show_default=True, help="Relief to run, like site:casa-1.")


@click.group()
def transport() -> None:
    """Vehicles, runs and routes: who rides when."""


@transport.command()
@_FOLDER
@_PLAN
@_DAY
@_UNDER
@click.option("--out", type=click.Path(path_type=Path), help="Folder of runs to write.")
@click.option("--json", "as_json", is_flag=True, help="Print the runs as JSON.")
def runs(folder: Path, plan_folder: Path, day: datetime | None, under: str, out: Path | None, as_json: bool) -> None:
    """Choose the runs of a plan of an operator FOLDER, to work and home, and check them.

    Exit status 1 when a rider is left without a seat.
    """
    operator = load_operator(folder)
    plan, fleet = _read_day(operator, plan_folder, day, under)
    began = time.perf_counter()
    riders, found = route_plan(operator, plan, under, fleet)
    took = time.perf_counter() - began
    faults = check_runs(fleet, found.runs, riders, found.left_behind)
    if faults:
        raise click.ClickException("\n".join(("the runs do not pass their check:", *faults)))
    if out is not None:
        write_transport(out, operator, fleet, found)
    if as_json:
        rows = [_build_run_json(run) for run in found.runs]
        left = [_build_rider_json(rider) for rider in found.left_behind]
        click.echo(json.dumps({"runs": rows, "left_behind": left}, ensure_ascii=False))
    else:
        estimated = sum(run.estimated for run in found.runs)
        click.echo(
            f"{plan.day} {under}: {len(riders)} rides in {len(found.runs)} runs (at least"
            f" {found.trip_bound}), {found.vehicles} of {found.fleet} vehicles,"
            f" {estimated} runs with estimated drives, {len(found.left_behind)} rides without a"
            f" seat; {took:.1f} s"
        )
        for rider in found.left_behind[:20]:
            wave = rider.wave
            why = explain_left_behind(fleet, rider)
            click.echo(f"  no seat: {rider.agent} {rider.stop} {wave.leg} {wave.site} {wave.at}: {why}")
    if found.left_behind:
        raise click.exceptions.Exit(1)


@transport.command()
@_FOLDER
@_PLAN
@_DAY
@_UNDER
@click.argument("runs_folder", type=click.Path(exists=True, path_type=Path))
def check(folder: Path, plan_folder: Path, day: datetime | None, under: str, runs_folder: Path) -> None:
    """Time the runs of RUNS_FOLDER again against a plan of an operator FOLDER.

    Exit status 1 when a run breaks a rule or a rider is missing.
    """
    operator = load_operator(folder)
    plan, fleet = _read_day(operator, plan_folder, day, under)
    held = read_runs(runs_folder)
    riders, _ = route_plan(operator, plan, under, fleet)
    faults = check_runs(fleet, held, riders)
    for fault in faults:
        click.echo(fault)
    click.echo(f"{len(held)} runs, {len(riders)} rides, {len(faults)} faults")
    if faults:
        raise click.exceptions.Exit(1)


def _read_day(operator: Operator, folder: Path, day: datetime | None, under: str) -> tuple[Plan, Fleet]:
    plans = read_plans(folder)
    wanted = plans[0].day if day is None else day.date()
    plan = next((plan for plan in plans if plan.day == wanted), None)
    if plan is None:
        held = ", ".join(str(plan.day) for plan in plans)
        raise click.ClickException(f"the plan folder has no plan of {wanted}; it holds {held}")
    if under not in plan.scenarios:
        known = ", ".join(plan.scenarios)
        raise click.ClickException(f"the plan has no relief {under!r}; it has {known}")
    rules = load_rules_with(chosen=read_packs(folder))
    operator = cap_vehicles(operator, plans[0].day, rules)
    settings = PlanSettings(**plan.settings)  # type: ignore[arg-type]
    fleet = build_day_fleet(operator, plan.day, settings)
    if fleet is None:
        raise click.ClickException("the operator has no vehicles: add the tables depots and vehicles to its folder")
    return plan, fleet


def _build_run_json(run: Run) -> dict[str, object]:
    return {
        "run": run.id,
        "vehicle": run.vehicle,
        "leg": run.wave.leg,
        "site": run.wave.site,
        "shift": run.wave.at.isoformat(),
        "at_site": run.at_site.isoformat(),
        "stops": [
            {"stop": stop, "time": at.isoformat(), "agents": list(names)}
            for stop, at, names in zip(run.stops, run.times, run.agents, strict=True)
        ],
        "cap": run.cap,
        "km": run.km,
        "estimated": run.estimated,
    }


def _build_rider_json(rider: Rider) -> dict[str, str]:
    return {
        "agent": rider.agent,
        "stop": rider.stop,
        "leg": rider.wave.leg,
        "site": rider.wave.site,
        "shift": rider.wave.at.isoformat(),
    }
