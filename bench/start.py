"""How long does a start take? Two commands and the first page, each beside a bare Python.

    python -m bench.start [--python PATH] [--turns N] [--agents N] [--sites S] [--json]

An installation is made by its own commands (init, network sample, plan, outbound start) with the Python at
PATH, which is that of an environment with the wheel; this one where none is given. Then the starts take
turns: a bare Python, one that imports polars and numpy, which reading a table takes, ``releve --help``,
``releve outbound check`` on the folder that ``releve outbound start`` wrote, and ``releve desk serve`` with
the plan, until its first page has come. Seconds are the least of N turns, after one that is not counted and
leaves its bytecode; ratios are of processor time, which other work on the machine changes least.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from urllib.request import urlopen

import click

from bench.first_closure import KEPT

__all__ = ["main", "measure"]

BARE = "python -c pass"


class Seconds(NamedTuple):
    """Of a start: what its process computed, and what passed."""

    processor: float
    elapsed: float


def measure(python: str, folder: Path, turns: int, agents: int, sites: int) -> dict[str, Seconds]:
    """Install into an empty folder and return the least seconds of each start."""
    environ = {name: os.environ[name] for name in KEPT if name in os.environ}
    environ |= {"RELEVE_HOME": str(folder / "home")}
    releve = [python, "-I", "-m", "releve"]

    def install(*line: str) -> str:
        print("releve", *line, file=sys.stderr, flush=True)
        return subprocess.run(
            [*releve, *line], cwd=folder, env=environ, stdout=subprocess.PIPE, text=True, check=True
        ).stdout

    def run(line: list[str]) -> Seconds:
        began = time.monotonic()
        process = subprocess.Popen(line, cwd=folder, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"{shlex.join(line)}: exit status {process.returncode}")
        return Seconds(used.ru_utime + used.ru_stime, time.monotonic() - began)

    def open_page() -> Seconds:
        began = time.monotonic()
        line = [*releve, "desk", "serve", "plan", "--open", "--port", "0"]
        with subprocess.Popen(line, cwd=folder, env=environ, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            address = process.stdout.readline().split()[1]
            with urlopen(address, timeout=60) as answer:
                answer.read()
            found = Seconds(_read_processor_seconds(process.pid), time.monotonic() - began)
            process.send_signal(signal.SIGTERM)
        return found

    install("init")
    install("network", "sample", "--agents", str(agents), "--sites", str(sites), "operator")
    install("plan", "operator", "--out", "plan", "--no-missing")
    lines = install("outbound", "start", "facts").splitlines()
    check = shlex.split(next(line for line in lines if line.startswith("  releve outbound check")))[1:]
    starts: dict[str, Callable[[], Seconds]] = {
        BARE: lambda: run([python, "-I", "-c", "pass"]),
        "import polars, numpy": lambda: run([python, "-I", "-c", "import polars, numpy"]),
        "releve --help": lambda: run([*releve, "--help"]),
        "releve outbound check": lambda: run([*releve, *check]),
        "first page of releve desk serve": open_page,
    }
    rounds = [{name: start() for name, start in starts.items()} for _ in range(1 + turns)][1:]
    return {
        name: Seconds(min(one[name].processor for one in rounds), min(one[name].elapsed for one in rounds))
        for name in starts
    }


def _read_processor_seconds(pid: int) -> float:
    """Return what a running process has computed (Linux)."""
    used = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[11:13]
    return sum(map(int, used)) / os.sysconf("SC_CLK_TCK")


@click.command()
@click.option("--python", default=sys.executable, help="Of the installation [default: this one].")
@click.option("--turns", default=10, show_default=True, type=click.IntRange(1))
@click.option("--agents", default=80, show_default=True, type=click.IntRange(50))
@click.option("--sites", default=3, show_default=True, type=click.IntRange(2))
@click.option("--json", "as_json", is_flag=True)
def main(python: str, turns: int, agents: int, sites: int, as_json: bool) -> None:
    """Measure the starts."""
    with tempfile.TemporaryDirectory() as folder:
        found = measure(str(Path(python).absolute()), Path(folder), turns, agents, sites)
    if as_json:
        print(json.dumps({name: one._asdict() for name, one in found.items()}))
        return
    print(f"{'':34} {'processor s':>11} {'elapsed s':>9} {'ratio':>6}")
    for name, one in found.items():
        ratio = one.processor / found[BARE].processor
        print(f"{name:34} {one.processor:11.3f} {one.elapsed:9.3f} {ratio:6.1f}")


if __name__ == "__main__":
    main()
