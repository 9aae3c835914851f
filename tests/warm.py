"""Compile every kernel and every test once, into their caches on disk: ``python -m tests.warm``.

``scripts/test`` does this beside the lint, on the other core. Tests that start side by side would
else each compile the same, and so would every command that they start.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from click.testing import CliRunner

from releve.cli import main
from releve.demand import queue

__all__ = ["compile_kernels", "compile_tests"]

OTHERS = ("tests/demand/test_erlang_plain.py", "tests/network/test_seats.py")
"""Tests of kernels that those commands do not need: Erlang C, the search for seats."""


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


def compile_tests() -> None:
    """Let pytest collect the tests: it rewrites their assertions, and keeps what it made."""
    for chosen in (("--collect-only",), ("-m", "not slow", *OTHERS)):
        command = [sys.executable, "-m", "pytest", "-qq", *chosen]
        subprocess.run(command, stdout=subprocess.DEVNULL, check=False)  # said when they are run


if __name__ == "__main__":
    compile_tests()
    compile_kernels()
    print(f"warm: kernels compiled in {time.process_time():.0f} s of processor", file=sys.stderr)
