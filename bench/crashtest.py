"""The whole crash test measured: processor time and memory of a quarter, against the agents.

    python -m bench.crashtest [--sizes 500,5000] [--planned 5000] [--quarters N]
                              [--picture docs/crashtest-cost.svg] [--page docs/crashtest-cost.md]

Every size is a sample operator of its own with one planned day, repeated every day of 90. Up to
``--planned`` agents the day is the planner's, with a relief for every site. Above, no plan can be
made in the time of a bench: everybody is at their own site for their main programme, nine tenths of
that are required, and the fast rule of the crash test answers every loss. The size ``--planned`` is
measured in both ways, so that the step between them shows.

Each size is made in one process and measured in another: reading, forecasting and planning are in
neither the time nor the memory. Compiling is not counted, preparing is shown apart. Larger sizes
have fewer quarters, so that they share their states of a day less. Processor time, so that other
work on the machine counts little.
"""

from __future__ import annotations

import pickle
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

import click
import numpy as np

from bench.crashtest_picture import page, picture
from bench.desk import plan_of
from releve.demand import Requirement
from releve.network import Operator
from releve.network.sample import FIRST_DAY, sample_operator
from releve.plan import Plan, list_contingencies, plan_day
from releve.plan.week import require_day
from releve.plugins.crashtest.engine.outages.hazard import load_shipped_hazards
from releve.plugins.crashtest.engine.outbreak import (
    ClosurePolicy,
    Contacts,
    Controls,
    Scenario,
    build_population,
    covid,
)
from releve.plugins.crashtest.engine.run import run
from releve.plugins.crashtest.engine.run_arrays import CrashTest, build_run_arrays
from releve.plugins.crashtest.engine.settings import Settings

SITES = {500: 5, 1000: 6, 2000: 8, 5000: 15, 10_000: 30, 20_000: 60, 40_000: 115, 70_000: 200}
QUARTERS = {500: 1024, 1000: 512, 2000: 512, 5000: 256, 10_000: 128, 20_000: 64, 40_000: 16, 70_000: 8}
DAYS = 90
CONTROLS = Controls(stay_home=0.5, symptom_test=0.7, closure=ClosurePolicy())
_BUSY = 0.85
"""Occupancy of the agents required, where the load is made for the purpose."""

T = TypeVar("T")


@dataclass(frozen=True)
class Row:
    """A size: ``ms`` of processor a quarter, ``per_agent_day`` in nanoseconds, ``mb`` the most
    memory of the process beyond the libraries, ``preparing`` in s; infected share and closures."""

    agents: int
    sites: int
    programmes: int
    planned: bool
    quarters: int
    ms: float
    per_agent_day: float
    mb: float
    preparing: float
    attack: float
    closures: float


def build_test(agents: int, quarters: int, planned: bool) -> CrashTest:
    """Return the crash test of a sample operator."""
    programmes = 60 if agents == 5000 else None
    operator = sample_operator(agents, SITES.get(agents, 4), 1, programmes=programmes)
    need = require_day(operator, FIRST_DAY)
    if planned:
        lost = [row for row in list_contingencies(operator) if row.kind == "site"]
        plan = plan_day(operator, need, contingencies=lost, protect=False)
    else:
        plan, need = place_quickly(operator, need)
    population = build_population(operator)
    outside = np.full((len(population.sites), DAYS), 1e-4)
    return CrashTest(
        operator,
        (plan,),
        (need,),
        Scenario(population, covid(), Contacts(2.5), DAYS, outside),
        CONTROLS,
        load_shipped_hazards(),
        (0.15,) * len(plan.programmes),
        Settings(quarters=quarters, nearest=True),
    )


def place_quickly(operator: Operator, need: Requirement) -> tuple[Plan, Requirement]:
    """Return a plan made for the purpose, and a requirement of nine tenths of it."""
    plan = plan_of(operator, FIRST_DAY)
    columns = [row[0] for row in plan.programmes]
    order = [columns.index(name) for name in need.programmes]
    agents = plan.required[:, order]
    rows = [operator.programme[name] for name in need.programmes]
    aht_s = np.array([row.aht_s for row in rows])[None, :]
    free = np.array([(1.0 - row.shrinkage) * _BUSY for row in rows])[None, :]
    calls = agents * free * 1800.0 / aht_s
    made = replace(need, agents=agents, calls=calls, aht_s=np.broadcast_to(aht_s, calls.shape).copy())
    names = tuple(plan.programmes[at] for at in order)
    return replace(plan, programmes=names, required=agents, calls=calls), made


def write_test(agents: int, quarters: int, planned: bool, path: Path) -> None:
    """Write a crash test for another process to measure."""
    path.write_bytes(pickle.dumps(build_test(agents, quarters, planned)))


def measure(planned: bool, path: Path) -> Row:
    """Return the row of a crash test, run in a fresh process to read its peak memory."""
    before = _peak_mb()
    test: CrashTest = pickle.loads(path.read_bytes())
    agents, quarters = len(test.operator.agents), test.settings.quarters
    run(build_run_arrays(test), count=1)  # compiles, or reads what was compiled
    since = time.process_time()
    ready = build_run_arrays(test)
    preparing = time.process_time() - since
    since = time.process_time()
    found = run(ready, threads=2)
    seconds = time.process_time() - since
    return Row(
        agents=agents,
        sites=len(test.operator.sites),
        programmes=len(test.programmes),
        planned=planned,
        quarters=quarters,
        ms=1000 * seconds / quarters,
        per_agent_day=1e9 * seconds / quarters / agents / DAYS,
        mb=_peak_mb() - before,
        preparing=preparing,
        attack=float(found.outbreak[:, 0].mean()) / agents,
        closures=float(found.closures.sum(axis=1).mean()),
    )


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def run_alone(work: Callable[..., T], *what: object) -> T:
    """Do something in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, *what).result()


def measure_size(agents: int, planned: bool, quarters: int) -> Row:
    """Make a size and measure it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "test.pickle"
        run_alone(write_test, agents, quarters, planned, path)
        return run_alone(measure, planned, path)


def list_sizes(sizes: Sequence[int], most: int) -> list[tuple[int, bool]]:
    """Return the sizes and whether each is planned; the largest that is, in both ways."""
    found = [(agents, agents <= most) for agents in sizes]
    both = max((agents for agents, planned in found if planned), default=0)
    return sorted({*found, (both, False)} - {(0, False)}, key=lambda row: (row[0], not row[1]))


@click.command()
@click.option("--sizes", default=",".join(map(str, SITES)), show_default=True)
@click.option("--planned", default=5000, show_default=True, help="The most agents to plan.")
@click.option("--quarters", type=int, help="Quarters of every size [fewer the larger it is].")
@click.option("--picture", "drawn", type=click.Path(path_type=Path), help="SVG to write.")
@click.option("--page", "listed", type=click.Path(path_type=Path), help="Markdown to write.")
def main(sizes: str, planned: int, quarters: int | None, drawn: Path | None, listed: Path | None) -> None:
    """Print a row per size, and write the picture and the table."""
    rows = []
    for agents, by_planner in list_sizes([int(size) for size in sizes.split(",")], planned):
        count = quarters or QUARTERS.get(agents, 64)
        row = measure_size(agents, by_planner, count)
        rows.append(row)
        how = "planned" if by_planner else "placed"
        click.echo(
            f"{agents:6d} agents {row.sites:3d} sites {row.programmes:3d} programmes, {how:7}:"
            f" {row.ms:9.2f} ms a quarter, {row.per_agent_day:6.1f} ns an agent-day,"
            f" {row.mb:6.0f} MB, {row.preparing:5.2f} s to prepare, {row.attack:6.2%} infected,"
            f" {row.closures:6.2f} closures, {count} quarters"
        )
    if drawn is not None:
        drawn.write_text(picture(rows), encoding="utf-8")
    if listed is not None:
        listed.write_text(page(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
