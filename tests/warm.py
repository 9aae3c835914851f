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
from releve.crashtest import outbreak
from releve.demand import queue
from tests.crashtest.outbreak.made import sample_population

__all__ = ["compile_kernels"]


def compile_kernels() -> None:
    """Make and plan a small operator (Erlang, seats, rounding, search); warm both simulators."""
    with tempfile.TemporaryDirectory() as name:
        operator, plan = str(Path(name) / "operator"), str(Path(name) / "plan")
        for line in (
            ["network", "sample", "--agents", "80", "--sites", "3", operator],
            ["plan", operator, "--out", plan],
        ):
            result = CliRunner().invoke(main, line, catch_exceptions=False)
            assert result.exit_code == 0, result.output
    everywhere = outbreak.Contacts(1.0)
    outbreak.warm_up(outbreak.Scenario(sample_population(60, 2), outbreak.covid(), everywhere, 2))
    queue.warm_up()


if __name__ == "__main__":
    compile_kernels()
    print(f"warm: kernels compiled in {time.process_time():.0f} s of processor", file=sys.stderr)
