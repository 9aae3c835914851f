"""Plans for the tests of the live chain."""

from __future__ import annotations

from datetime import timedelta

from releve.network import Operator, read_operator, sample_operator, write_operator
from releve.network.sample import FIRST_DAY
from releve.plan import Plan, PlanSettings, list_contingencies, plan_day
from releve.plan.week import require_day

__all__ = ["three_days"]


def three_days(
    agents: int = 60, sites: int = 3, seed: int = 5
) -> tuple[Operator, tuple[Plan, ...]]:
    """Return a sample operator and the plans of its first days, with the relief of each site.

    A carrier's loss is in none of them, and serves as the unforeseen loss.
    """
    made = sample_operator(agents, sites, seed, weeks_of_history=4)
    operator = read_operator(write_operator(made))
    lost = tuple(row for row in list_contingencies(operator) if row.kind == "site")
    days = (FIRST_DAY + timedelta(days=number) for number in range(3))
    return operator, tuple(
        plan_day(operator, require_day(operator, day), PlanSettings(), contingencies=lost)
        for day in days
    )
