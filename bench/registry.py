"""``python -m bench.registry``: an operator imported, loaded, edited and undone in the registry.

    python -m bench.registry                        600, 5,000 and 70,000 agents, on SQLite
    python -m bench.registry --agents 600 --sites 6

The database is a new one in a temporary folder; ``RELEVE_DATABASE_URL`` names another, empty one.
Each size runs in a process of its own, so that its peak memory is its own; ``over`` is the peak
above what the process held with the operator alone in memory, before the registry saw it.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from releve.cli.database import open_new_database
from releve.network import Operator, sample_operator
from tests.homes import make_test_home

SIZES = ((600, 6), (5000, 15), (70000, 200))


def main() -> None:
    """Measure each size."""
    parser = argparse.ArgumentParser(description="Measure the registry.")
    parser.add_argument("--agents", type=int)
    parser.add_argument("--sites", type=int, default=6)
    options = parser.parse_args()
    sizes = ((options.agents, options.sites),) if options.agents else SIZES
    for agents, sites in sizes:
        process = multiprocessing.get_context("spawn").Process(target=measure, args=(agents, sites))
        process.start()
        process.join()
        if process.exitcode:
            raise SystemExit(process.exitcode)


def measure(agents: int, sites: int) -> None:
    """Print the times and the memory of one size."""
    with tempfile.TemporaryDirectory() as home:
        os.environ["RELEVE_HOME"] = str(make_test_home(Path(home)))
        open_new_database()
        operator = sample_operator(agents, sites, 1)
        print(f"\n{agents} agents, {sites} sites, {len(operator.history)} rows of history")
        alone = peak_mb()
        changes_and_versions(operator)
        print(f"  {'stored':<34}{stored_mb(home):>8.1f} MB")
        print(f"  {'peak memory':<34}{peak_mb():>8.0f} MB, {peak_mb() - alone:.0f} over")


def changes_and_versions(operator: Operator) -> None:
    """Time what is done with a registry, in the order in which it is done."""
    from releve.registry import storage
    from releve.registry.edits import edit_row
    from releve.registry.service import apply_changes, load_operator, preview_changes, undo_version

    with timed("first preview"):
        changes = preview_changes(operator)
    with timed("first apply"):
        first = apply_changes(changes, "bench")
    del changes
    with timed("load"):
        loaded = load_operator(first)
    if loaded != operator:
        raise SystemExit("the operator was not read back as it is")
    agent = operator.agents[len(operator.agents) // 2]
    others = tuple(a if a is not agent else replace(a, carrier="Other") for a in operator.agents)
    changed = replace(operator, agents=others)
    with timed("preview, one agent changed"):
        changes = preview_changes(changed)
    with timed("apply, one agent changed"):
        second = apply_changes(changes, "bench")
    with timed("load, the version before in memory"):
        load_operator(second)
    with timed("edit of a site, every check"):
        third = edit_row("sites", operator.sites[0].id, {"name": "Elsewhere"}, "bench")
    with timed("edit of an agent, every check"):
        fourth = edit_row("agents", agent.id, {"carrier": "Another"}, "bench")
    with timed("undo"):
        last = undo_version(fourth, "bench")
    storage.clear_cache()
    if last.digest != third.digest:
        raise SystemExit("the undo did not give back the version before")


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Print how long something took."""
    began = time.perf_counter()
    yield
    print(f"  {what:<34}{time.perf_counter() - began:>8.3f} s", flush=True)


def peak_mb() -> float:
    """Return the most memory that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def stored_mb(home: str) -> float:
    """Return the size of the database file; 0 where it is not a file."""
    return sum(item.stat().st_size for item in os.scandir(home) if "sqlite" in item.name) / 1e6


if __name__ == "__main__":
    main()
