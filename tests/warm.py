"""Compile every kernel and every test once, into their caches on disk: ``python -m tests.warm``.

With the name of a file, also write there the tables of a new installation, for tests to copy.

``scripts/test`` does this beside the lint, in two processes of about the same work. Tests that start
side by side would else each compile the same, and so would every command that they start.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from multiprocessing import get_context
from pathlib import Path

from click.testing import CliRunner

from releve.cli import main
from releve.demand import queue
from tests.homes import make_test_home

__all__ = ["compile_kernels", "compile_rest", "make_tables"]

OTHERS = ("tests/demand/test_erlang.py::test_compiled_and_plain_agree", "tests/network/test_seats.py")
"""Tests of kernels that those commands do not need: Erlang C, the search for seats."""
PYTEST = (sys.executable, "-m", "pytest", "-qq")


def compile_kernels() -> None:
    """Make, plan and crash test a small operator (Erlang, seats, rounding, search, outbreak,
    outages, the join)."""
    with tempfile.TemporaryDirectory() as name:
        operator, plan = str(Path(name) / "operator"), str(Path(name) / "plan")
        for line in (
            ["network", "sample", "--agents", "80", "--sites", "3", operator],
            ["plan", operator, "--out", plan],
            ["crashtest", operator, "--plan", plan, "--quarters", "2", "--nearest"],
        ):
            result = CliRunner().invoke(main, line, catch_exceptions=False)
            assert result.exit_code == 0, result.output


def compile_rest() -> None:
    """Compile the simulator of queues, the tests, which pytest rewrites and keeps, and last what
    ``OTHERS`` need: by then the kernels that they share with a plan are there.

    A fault of a test is said when it is run.
    """
    queue.warm_up()
    for chosen in (("--collect-only",), ("-m", "not slow", *OTHERS)):
        subprocess.run([*PYTEST, *chosen], stdout=subprocess.DEVNULL, check=False)


def make_tables(path: Path) -> None:
    """Write the SQLite file of an installation after its first command."""
    with tempfile.TemporaryDirectory() as name:
        home = make_test_home(Path(name))
        environ = {k: v for k, v in os.environ.items() if not k.startswith("RELEVE_")}
        environ |= {"RELEVE_HOME": str(home)}
        subprocess.run([sys.executable, "-m", "tests.homes"], env=environ, check=True)
        shutil.copyfile(home / "releve.sqlite3", path)


if __name__ == "__main__":
    rest = get_context("spawn").Process(target=compile_rest)
    rest.start()
    for given in sys.argv[1:]:
        make_tables(Path(given))
    compile_kernels()
    rest.join()
    print(f"warm: kernels and tests compiled in {sum(os.times()[:4]):.0f} s of processor", file=sys.stderr)
    sys.exit(rest.exitcode)
