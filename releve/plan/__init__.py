"""Who works where, the relief for every contingency, and what is missing."""

from releve.plan.checker import check_plan
from releve.plan.planner import PlanError, SolvedDay, name_plan, plan_day, solve_day
from releve.plan.result import (
    BASE,
    SINGLE,
    Bound,
    ClientVerdict,
    Contingency,
    Move,
    Placement,
    Plan,
    PlannedScenario,
    PlannedSite,
    Purchase,
    ReliefCell,
    WhatIsMissing,
    list_contingencies,
)
from releve.plan.settings import PlanSettings

__all__ = [
    "BASE",
    "SINGLE",
    "Bound",
    "ClientVerdict",
    "Contingency",
    "Move",
    "Placement",
    "Plan",
    "PlanError",
    "PlanSettings",
    "PlannedScenario",
    "PlannedSite",
    "Purchase",
    "ReliefCell",
    "SolvedDay",
    "WhatIsMissing",
    "check_plan",
    "list_contingencies",
    "name_plan",
    "plan_day",
    "solve_day",
]
