"""Compile every kernel once, into numba's cache on disk: ``python -m tests.warm``.

``scripts/test`` does this beside the lint, on the other core. Tests that start side by side would
else each compile the same kernels, and so would every command that they start.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from click.testing import CliRunner

from releve.cli import main
from releve.demand import queue

__all__ = ["compile_kernels"]


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


if __name__ == "__main__":
    compile_kernels()
    print(f"warm: kernels compiled in {time.process_time():.0f} s of processor", file=sys.stderr)
