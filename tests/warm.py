"""Compile every kernel and every test once, into their caches on disk: ``python -m tests.warm``.

With the name of a file, also write there the tables of a new installation, for tests to copy.

``scripts/test`` does this beside the lint. Tests that start side by side would else each compile
the same, and so would every command that they start.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from click.testing import CliRunner

from releve.cli import main
from releve.demand import queue
from tests.homes import make_test_home

__all__ = ["compile_kernels", "compile_tests", "make_tables"]

OTHERS = ("tests/demand/test_erlang.py::test_compiled_and_plain_agree", "tests/network/test_seats.py")
"""Tests of kernels that those commands do not need: Erlang C, the search for seats."""
PYTEST = (sys.executable, "-m", "pytest", "-qq")


def compile_kernels() -> None:
    """Make, plan and crash test a small operator (Erlang, seats, rounding, search, outbreak,
    outages, the join); warm the simulator of queues."""
    with tempfile.TemporaryDirectory() as name:
        operator, plan = str(Path(name) / "operator"), str(Path(name) / "plan")
        for line in (
            ["network", "sample", "--agents", "80", "--sites", "3", operator],
            ["plan", operator, "--out", plan],
            ["crashtest", operator, "--plan", plan, "--quarters", "2", "--nearest"],
        ):
            result = CliRunner().invoke(main, line, catch_exceptions=False)
            assert result.exit_code == 0, result.output
    queue.warm_up()


def compile_tests() -> subprocess.Popen[bytes]:
    """Start pytest to collect the tests: it rewrites their assertions, and keeps what it made."""
    return subprocess.Popen([*PYTEST, "--collect-only"], stdout=subprocess.DEVNULL)


def make_tables(path: Path) -> None:
    """Write the SQLite file of an installation after its first command."""
    with tempfile.TemporaryDirectory() as name:
        home = make_test_home(Path(name))
        environ = {k: v for k, v in os.environ.items() if not k.startswith("RELEVE_")}
        environ |= {"RELEVE_HOME": str(home)}
        subprocess.run([sys.executable, "-m", "tests.homes"], env=environ, check=True)
        shutil.copyfile(home / "releve.sqlite3", path)


if __name__ == "__main__":
    for given in sys.argv[1:]:
        make_tables(Path(given))
    with compile_tests():  # a fault of either is said when they are run
        compile_kernels()
    subprocess.run([*PYTEST, "-m", "not slow", *OTHERS], stdout=subprocess.DEVNULL, check=False)
    print(f"warm: kernels compiled in {time.process_time():.0f} s of processor", file=sys.stderr)
