"""The ``releve`` command of a demo under test: ``python -m tests.demo_releve ARGUMENTS``.

The clock is moved by the file ``TEST_CLOCK_FILE``, and a member reaches its clerk through the
recorder at ``TEST_RECORDER``.
"""

from __future__ import annotations

import os
import sys
from datetime import timedelta
from pathlib import Path

from django.utils import timezone

__all__ = ["main"]


def main(arguments: list[str]) -> None:
    """Run a command as the demo wrote it, but for the clock and the address of the clerk."""
    clock, now = Path(os.environ["TEST_CLOCK_FILE"]), timezone.now
    timezone.now = lambda: now() + timedelta(seconds=float(clock.read_text(encoding="ascii")))
    if "--url" in arguments:
        arguments[arguments.index("--url") + 1] = os.environ["TEST_RECORDER"]

    from releve.cli import main as releve

    releve(arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
