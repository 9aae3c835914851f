"""The ``releve`` command of a demo under test: ``python -m tests.demo_releve ARGUMENTS``.

The clock is moved by the file ``TEST_CLOCK_FILE``, and a member reaches its clerk through the
recorder at ``TEST_RECORDER``. To spare the processor, plans answer the loss of a site alone, which
is all that the demo asks help for, and a house begins with its tables.
"""

from __future__ import annotations

import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.utils import timezone

if TYPE_CHECKING:
    from releve.demand.requirement import Requirement
    from releve.network import Operator
    from releve.plan import Plan

__all__ = ["main"]


def main(arguments: list[str]) -> None:
    """Run a command as the demo wrote it, but for what is said above; it leads a group, as there."""
    os.setpgid(0, 0)
    clock, now = Path(os.environ["TEST_CLOCK_FILE"]), timezone.now
    timezone.now = lambda: now() + timedelta(seconds=float(clock.read_text(encoding="ascii")))
    if arguments == ["init"]:
        from tests.homes import make_home_with_tables

        make_home_with_tables(Path(os.environ["RELEVE_HOME"]))
    if "--url" in arguments:
        arguments[arguments.index("--url") + 1] = os.environ["TEST_RECORDER"]

    from releve.cli import main as releve

    releve(arguments)


def plan_site_losses_alone() -> None:
    """Let a day be planned for the loss of each of its sites, and for no other."""
    from releve import plan

    whole = plan.plan_day

    def plan_day(operator: Operator, need: Requirement, **more: Any) -> Plan:
        rows = [row for row in plan.list_contingencies(operator) if row.kind == "site"]
        return whole(operator, need, contingencies=rows, **more)

    plan.plan_day = plan_day  # type: ignore[assignment]


if sys.argv[1:3] == ["sector", "plan"]:  # in the processes that it starts, too
    plan_site_losses_alone()

if __name__ == "__main__":
    main(sys.argv[1:])
