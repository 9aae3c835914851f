"""A small operator with teams, and its hybrid week of three days, planned once per session."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from functools import cache

from releve.demand import Requirement
from releve.network import Operator, sample_operator
from releve.plan.result import Plan
from releve.plan.week import list_roster_days, require_day
from releve.plan.week.hybrid import HybridPlan, name_hybrid_days, plan_hybrid_week

__all__ = ["HybridCase", "build_hybrid_case", "build_operator", "require_days"]

DAYS = 3


@dataclass(frozen=True)
class HybridCase:
    """An operator, what its days require, its hybrid week and the plans of the days."""

    operator: Operator
    needs: tuple[Requirement, ...]
    found: HybridPlan
    plans: tuple[Plan, ...]


@cache
def build_operator() -> Operator:
    """Return 50 agents on two sites, who owe one day at home in the three that are planned."""
    found = sample_operator(50, 2, 3, weeks_of_history=2)
    agents = (replace(row, home_days_min=2, home_days_max=2) if row.home_days_min else row for row in found.agents)
    return replace(found, agents=tuple(agents))


@cache
def require_days() -> tuple[Requirement, ...]:
    """Return what the days require."""
    operator = build_operator()
    return tuple(require_day(operator, day) for day in list_roster_days(operator, DAYS))


@cache
def build_hybrid_case() -> HybridCase:
    """Return the week, planned."""
    operator, needs = build_operator(), require_days()
    found = plan_hybrid_week(operator, needs)
    return HybridCase(operator, needs, found, tuple(name_hybrid_days(operator, found)))


def remove_shifts(operator: Operator, agent: str, days: frozenset[date]) -> Operator:
    """Return an operator in which an agent is absent on days."""
    kept = tuple(row for row in operator.shifts if row.agent != agent or row.start.date() not in days)
    return replace(operator, shifts=kept)
