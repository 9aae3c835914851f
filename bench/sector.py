"""A sector measured: offers, requests and clearing after the plans; a closure across operators.

    python -m bench.sector [--operators N] [--agents N] [--sites N] [--folder FOLDER]

``--agents`` and ``--sites`` are of one operator, on average. Plans are kept in ``--folder``: a run
that was stopped goes on with the operators that have none. Progress goes to the standard error,
the result to the standard output. Processor times are of all processes and threads, those of offers
without the reading of tables and plans; the clock's are of two processes for the plans and offers,
with the reading, of one for requests and clearing.
"""

from __future__ import annotations

import json
import resource
import tempfile
import time
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import click
import numpy as np

from releve.cli.desk import two_processes
from releve.network import Operator
from releve.network.sample.operator import sample_sector, sample_sector_terms
from releve.plugins.sector.clearing_job import (
    build_member,
    list_members,
    read_member_operator,
    read_member_plan,
    read_sector_packages,
    write_sector_member,
    write_sector_terms,
)
from releve.plugins.sector.commands import plan_one
from releve.plugins.sector.engine.crash import SectorMember, answer_destination

__all__ = ["main"]


@click.command()
@click.option("--operators", default=14, show_default=True)
@click.option("--agents", default=5_000, show_default=True, help="Of an operator, on average.")
@click.option("--sites", help="Of an operator, on average [default: 14, fewer of a small one].", type=click.IntRange(2))
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path))
def main(operators: int, agents: int, sites: int | None, folder: Path | None) -> None:
    """Measure and print as JSON."""
    places = operators * (sites or max(2, min(14, agents // 200)))
    with tempfile.TemporaryDirectory() as made:
        found = measure(folder or Path(made), operators, operators * agents, places)
    click.echo(json.dumps(found, indent=1))


def measure(folder: Path, operators: int, agents: int, sites: int) -> dict[str, object]:
    """Return seconds and sizes."""
    if not (folder / "packages.csv").is_file():
        small: dict[str, Operator] = {}
        for name, one in sample_sector(operators, agents, sites, 1, weeks_of_history=4):
            write_sector_member(folder, name, one)
            small[name] = replace(one, history=(), shifts=(), seats=())
        write_sector_terms(folder, sample_sector_terms(small, 1))
    names = [name for name in list_members(folder) if not (folder / "plans" / name).is_dir()]
    (folder / "plans").mkdir(exist_ok=True)
    plans = Spent()
    members: list[SectorMember] = []
    with two_processes() as run:
        for name, spent in zip(names, run(partial(_plan, folder), names), strict=True):
            plans.add(f"{name} planned", spent, len(names))
        everyone, spares = list_members(folder), Spent()
        for member, spent in run(partial(_offer, folder), everyone):
            members.append(member)
            spares.add(f"{member.name} can lend {len(member.spare)} agents", spent, len(everyone))
    packages = read_sector_packages(folder)
    closures = []
    for destination in sorted({site.destination for m in members for site in m.operator.sites}):
        began, work = time.perf_counter(), time.process_time()
        answer = answer_destination(members, destination, packages, time_zone="Europe/Paris", seed=b"bench")
        asked = sum(n for one in answer.openings.requests for _, n in one.agents)
        served = sum(count for _, count in answer.cleared.served)
        closures.append(
            {
                "destination": destination,
                "seconds": round(time.perf_counter() - began, 2),
                "processor_seconds": round(time.process_time() - work, 2),
                "offers": len(answer.openings.offers),
                "requests": len(answer.openings.requests),
                "asked": asked,
                "served": served,
                "removed": round(served / asked, 3) if asked else None,
            }
        )
        click.echo(f"{destination} shut: {served:,} of {asked:,} half hours served", err=True)
    shares = [one["removed"] for one in closures if one["removed"] is not None]
    return {
        "operators": len(members),
        "agents": agents,
        "plans": plans.as_json(),
        "offers": spares.as_json(),
        "peak_mib_of_a_process": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024,
        "spare_half_hours": sum(len(a.half_hours) for one in members for a in one.spare),
        "closures": closures,
        "worst_closure_seconds": max(float(str(one["seconds"])) for one in closures),
        "removed_median": round(float(np.median(shares)), 3) if shares else None,
    }


@dataclass
class Spent:
    """Processor and clock seconds of work done by two processes, shown as it ends."""

    processor: list[float] = field(default_factory=list)
    began: float = field(default_factory=time.perf_counter)
    ended: float = 0.0

    def add(self, what: str, seconds: float, total: int) -> None:
        self.processor.append(seconds)
        self.ended = time.perf_counter()
        click.echo(
            f"{len(self.processor)} of {total}: {what}, {seconds:.1f} s of processor,"
            f" {self.ended - self.began:.0f} s since the beginning",
            err=True,
        )

    def as_json(self) -> dict[str, float | int]:
        return {
            "operators": len(self.processor),
            "processor_seconds": round(sum(self.processor), 1),
            "longest_processor_seconds": round(max(self.processor, default=0.0), 1),
            "seconds": round(max(0.0, self.ended - self.began), 1),
        }


def _plan(folder: Path, name: str) -> float:
    """Plan a member; return the processor seconds of this process and its threads."""
    began = time.process_time()
    plan_one(folder, None, name)
    return time.process_time() - began


def _offer(folder: Path, name: str) -> tuple[SectorMember, float]:
    """Return a member, and the processor seconds of finding what it can lend."""
    operator, plan = read_member_operator(folder, name), read_member_plan(folder, name)
    began = time.process_time()
    return build_member(folder, name, operator, plan), time.process_time() - began


if __name__ == "__main__":
    main()
