"""The first closure after an installation, on an empty folder of kernels, beside the second.

    python -m bench.first_closure [--python PATH] [--agents N] [--sites S] [--json]

An installation is made by its own commands (init, registry import, plan, live activate) with the Python
at PATH, which is that of an environment with the wheel; this one where none is given. The plan comes from
elsewhere: what it needed compiled is not there when the worker starts. As soon as the worker is ready, two
sites are closed by accident at 10:40, one after the other, each in a drill. Seconds are those
from the record to the published relief in whole people; compilations are counted by numba's own events in
the worker's process, where they must be 0 during both.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from releve.network.opening_hours import is_closed_by_holiday

__all__ = ["main", "measure"]

LONGEST_SECONDS = 900.0
SETTLE_SECONDS = 3.0
"""In which the worker publishes the day's routes and prepares the day."""
KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "RELEVE_CACHE_DIR", "NUMBA_CACHE_DIR")


def measure(
    python: str, folder: Path, agents: int = 80, sites: int = 3, machine: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Install into an empty folder, close two sites and return the seconds and the counts.

    The worker's kernels are then in ``kernels`` of the folder. ``machine`` holds variables that let it
    compute as another machine does.
    """
    environ = {name: os.environ[name] for name in KEPT if name in os.environ}
    environ |= {"RELEVE_HOME": str(folder / "home")}
    ahead = (date.today() + timedelta(days=days) for days in range(1, 8))  # noqa: DTZ011  (any day that is ahead)
    day = next(day.isoformat() for day in ahead if not is_closed_by_holiday("FR", (), day))
    for line in (
        ["init", "--administrator", "ines"],
        ["network", "sample", "--agents", str(agents), "--sites", str(sites), "--start", day, "operator"],
        ["registry", "import", "operator", "--yes"],
        ["plan", "operator", "--out", "plan", "--no-missing"],
        ["live", "activate", "plan"],
    ):
        print("releve", *line, file=sys.stderr, flush=True)
        _run([python, "-I", "-m", "releve", *line], folder, environ)
    environ.pop("NUMBA_CACHE_DIR", None)
    environ |= {"RELEVE_CACHE_DIR": str(folder / "kernels"), **(machine or {})}
    found: dict[str, Any] = json.loads(_run([python, "-I", __file__, "--inside", day], folder, environ))
    return found


def _run(line: list[str], folder: Path, environ: dict[str, str]) -> str:
    done = subprocess.run(line, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(line)}: {done.stdout}{done.stderr}")
    return done.stdout


def close_two_sites(day: str) -> dict[str, Any]:
    """Start a worker in this process, wait until it is ready, and close two sites."""
    from releve.cli.database import open_database

    open_database()
    from numba.core import event

    from releve.live import api as live
    from releve.live.worker import Worker

    compilations = event.RecordingListener()
    event.register("numba:compile", compilations)
    began, worker = time.monotonic(), Worker(2)
    worker.start()
    said, counts, seconds = list[str](), list[int](), list[float]()
    try:
        while said[-1:] != ["ready"]:
            status = live.check_readiness().status
            said += [status] if status not in said else []
            _wait(began)
        ready = time.monotonic() - began
        counts.append(len(compilations.buffer) // 2)
        for site in live.operator_now().sites[:2]:
            seconds.append(_close(day, site.id))
            counts.append(len(compilations.buffer) // 2 - sum(counts))
    finally:
        worker.stop()
    return {"status": said, "ready_s": round(ready, 1), "relief_s": seconds, "compilations": counts}


def _close(day: str, site: str) -> float:
    """Close a site in a drill of its own; return the seconds to the relief in whole people."""
    from releve.live import api as live
    from releve.network import to_utc
    from releve.situation import SiteClosed

    at = to_utc(datetime.fromisoformat(f"{day}T10:40"), live.operator_now().row.time_zone)
    stream = live.start_drill("bench", by="bench", at=at).name
    time.sleep(SETTLE_SECONDS)
    now, key = live.now(stream), uuid.uuid4().hex
    event = SiteClosed(
        id=key, happened_at=now, recorded_at=now, actor="bench", site=site, cause="hazard", reason="crack in a pillar"
    )
    began = time.monotonic()
    live.record(event, key=key, stream=stream)
    while True:
        for row in live.list_reliefs(stream):
            if row.source == "optimum" and row.published_at is not None:
                live.stop_drill(stream, by="bench")
                return round((row.published_at - row.asked_at).total_seconds(), 2)
        aside = [effect.error for effect in live.list_effects_aside(stream)]
        if aside:
            raise RuntimeError(f"the relief was set aside: {aside}")
        _wait(began)


def _wait(began: float) -> None:
    if time.monotonic() - began > LONGEST_SECONDS:
        raise RuntimeError(f"nothing came within {LONGEST_SECONDS:.0f} s")
    time.sleep(0.02)


@click.command()
@click.option("--python", default=sys.executable, help="Of the installation [default: this one].")
@click.option("--agents", default=80, show_default=True, type=click.IntRange(50))
@click.option("--sites", default=3, show_default=True, type=click.IntRange(2))
@click.option("--json", "as_json", is_flag=True)
@click.option("--inside", hidden=True, help="The day whose closures this process is to answer.")
def main(python: str, agents: int, sites: int, as_json: bool, inside: str | None) -> None:
    """Measure the first closure after an installation beside the second."""
    if inside:
        print(json.dumps(close_two_sites(inside)))
        return
    with tempfile.TemporaryDirectory() as folder:
        found = measure(str(Path(python).absolute()), Path(folder), agents, sites)
    if as_json:
        print(json.dumps(found))
        return
    (warm, *during), (first, second) = found["compilations"], found["relief_s"]
    print(f"ready after {found['ready_s']} s with {warm} kernels compiled: {' -> '.join(found['status'])}")
    print(f"first closure {first} s, second {second} s; compilations in them: {during[0]}, {during[1]}")


if __name__ == "__main__":
    main()
