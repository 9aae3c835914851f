"""A sector measured: offers, requests and clearing after the plans; a closure across operators.

    python -m bench.sector [--operators N] [--agents N] [--sites N] [--folder FOLDER]

The plans are made once (20 minutes at full size) and kept in ``--folder`` for the next run. Times
are of two processes for the offers, of one for requests and clearing.
"""

from __future__ import annotations

import json
import tempfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import click
import numpy as np

from releve.cli.sector_folder import plan_one
from releve.cli.two_processes import two_processes
from releve.files.sector_folder import (
    list_members,
    read_member,
    read_sector_packages,
    write_sector_member,
    write_sector_terms,
)
from releve.network import Operator
from releve.network.sample.sector import sample_sector, sample_sector_terms
from releve.sector import SectorMember, answer_destination

__all__ = ["main"]


@click.command()
@click.option("--operators", default=14, show_default=True)
@click.option("--agents", default=70_000, show_default=True)
@click.option("--sites", default=200, show_default=True)
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path))
def main(operators: int, agents: int, sites: int, folder: Path | None) -> None:
    """Measure and print as JSON."""
    with tempfile.TemporaryDirectory() as made:
        click.echo(json.dumps(measure(folder or Path(made), operators, agents, sites), indent=1))


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
    with two_processes() as run:
        planned = list(run(partial(plan_one, folder, None), names))
        began = time.perf_counter()
        members: list[SectorMember] = list(run(partial(read_member, folder), list_members(folder)))
        offers = time.perf_counter() - began
    packages = read_sector_packages(folder)
    closures = []
    for destination in sorted({site.destination for m in members for site in m.operator.sites}):
        began = time.perf_counter()
        answer = answer_destination(
            members, destination, packages, time_zone="Europe/Paris", seed=b"bench"
        )
        asked = sum(n for one in answer.openings.requests for _, n in one.agents)
        served = sum(count for _, count in answer.cleared.served)
        closures.append(
            {
                "destination": destination,
                "seconds": round(time.perf_counter() - began, 2),
                "offers": len(answer.openings.offers),
                "requests": len(answer.openings.requests),
                "asked": asked,
                "served": served,
                "removed": round(served / asked, 3) if asked else None,
            }
        )
    shares = [one["removed"] for one in closures if one["removed"] is not None]
    return {
        "operators": len(members),
        "agents": agents,
        "plans_seconds": round(sum(planned), 1),
        "offers_seconds": round(offers, 1),
        "spare_half_hours": sum(len(a.half_hours) for one in members for a in one.spare),
        "closures": closures,
        "worst_closure_seconds": max(float(str(one["seconds"])) for one in closures),
        "removed_median": round(float(np.median(shares)), 3) if shares else None,
    }


if __name__ == "__main__":
    main()
