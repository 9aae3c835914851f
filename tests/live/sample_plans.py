"""Plans for the tests of the live chain."""

from __future__ import annotations

import os
import pickle
import tempfile
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from pathlib import Path

from releve.network import Operator, read_operator, sample_operator, write_operator
from releve.network.sample import FIRST_DAY
from releve.plan import Plan, PlanSettings, list_contingencies, plan_day
from releve.plan.week import require_day
from tests.homes import TABLES

__all__ = ["Planned", "keep_planned", "three_days"]

Planned = tuple[Operator, tuple[Plan, ...]]


@cache
def three_days(agents: int = 60, sites: int = 3, seed: int = 5) -> Planned:
    """Return a sample operator and the plans of its first days, with the relief of each site.

    A carrier's loss is in none of them, and serves as the unforeseen loss.
    """
    name = f"three-days-{agents}-{sites}-{seed}"
    return keep_planned(name, lambda: _plan_three_days(agents, sites, seed))


def keep_planned(name: str, plan: Callable[[], Planned]) -> Planned:
    """Return an operator and its plans, planned once for all processes of ``scripts/test``.

    They are kept beside its file of tables; without one, every call plans.
    """
    tables = os.environ.get(TABLES)
    if not tables:
        return plan()
    path = Path(f"{tables}.{name}")
    if not path.exists():
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as stream:
            pickle.dump(plan(), stream)
        Path(stream.name).replace(path)
    found: Planned = pickle.loads(path.read_bytes())
    return found


def _plan_three_days(agents: int, sites: int, seed: int) -> Planned:
    made = sample_operator(agents, sites, seed, weeks_of_history=4)
    operator = read_operator(write_operator(made))
    lost = tuple(row for row in list_contingencies(operator) if row.kind == "site")
    days = (FIRST_DAY + timedelta(days=number) for number in range(3))
    return operator, tuple(
        plan_day(operator, require_day(operator, day), PlanSettings(), contingencies=lost) for day in days
    )
