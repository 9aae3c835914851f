"""Plans of two days of a member, made in one process, which compiles what they need once."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

from releve.cli.sector import plan_one
from releve.files.plan_folder import write_plans
from releve.files.sector_folder import read_member_operator
from releve.plan import list_contingencies, plan_day
from releve.plan.week import require_day

__all__ = ["BEFORE", "plan_member"]

BEFORE = "before"
"""Folder of the plans of the earlier day, beside ``plans``."""


def plan_member(folder: Path, day: date, before: date, name: str) -> None:
    """Write the plan of ``day`` as ``releve sector plan`` does, and one of ``before`` alone.

    The earlier one answers the loss of a site alone: figures are counted of it, and nothing else.
    """
    plan_one(folder, day, name)
    operator = read_member_operator(folder, name)
    sites = [row for row in list_contingencies(operator) if row.kind == "site"]
    plan = plan_day(operator, require_day(operator, before), contingencies=sites)
    write_plans(folder / BEFORE / name, [plan], stamp=datetime.now(UTC), calendars=False)
