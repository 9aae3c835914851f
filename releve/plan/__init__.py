"""Who works where, the relief for every contingency, and what is missing."""

from releve.plan.checker import check_plan
from releve.plan.contingency import Contingency, list_contingencies
from releve.plan.planner import PlanError, SolvedDay, name_plan, plan_day, solve_day
from releve.plan.result import (
    BASE,
    SINGLE,
    Bound,
    Cell,
    ClientVerdict,
    Move,
    Placement,
    Plan,
    PlannedSite,
    Purchase,
    Scenario,
    WhatIsMissing,
)
from releve.plan.settings import PlanSettings

__all__ = [
    "BASE",
    "SINGLE",
    "Bound",
    "Cell",
    "ClientVerdict",
    "Contingency",
    "Move",
    "Placement",
    "Plan",
    "PlanError",
    "PlanSettings",
    "PlannedSite",
    "Purchase",
    "Scenario",
    "SolvedDay",
    "WhatIsMissing",
    "check_plan",
    "list_contingencies",
    "name_plan",
    "plan_day",
    "solve_day",
]
