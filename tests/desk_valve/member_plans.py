"""Plans of two days of a member, made in one process, which compiles what they need once."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

from releve.files.plan_folder import write_plans
from releve.plan import list_contingencies, plan_day
from releve.plan.week import require_day
from releve.plugins.sector.clearing_job import read_member_operator

__all__ = ["BEFORE", "plan_member"]

BEFORE = "before"
"""Folder of the plans of the earlier day, beside ``plans``."""


def plan_member(folder: Path, day: date, before: date, name: str) -> None:
    """Write the plan of ``day`` and one of ``before``, to spare the processor for few losses.

    The later one answers the loss of sites and destinations, which relief is asked for; of the
    earlier one figures are counted, and nothing else.
    """
    operator = read_member_operator(folder, name)
    for plans, on, kinds in (("plans", day, ("site", "destination")), (BEFORE, before, ("site",))):
        rows = [row for row in list_contingencies(operator) if row.kind in kinds]
        plan = plan_day(operator, require_day(operator, on), contingencies=rows)
        write_plans(folder / plans / name, [plan], stamp=datetime.now(UTC), calendars=False)
