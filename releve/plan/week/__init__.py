"""Plan several days: forecast, requirement, plan, simulation of the calls, what is missing."""

from releve.plan.week.days import (
    add_missing,
    choose_days,
    forecast_day,
    list_roster_days,
    name_days,
    plan_week,
    require_day,
    require_planned,
    select_open_days,
    solve_days,
)
from releve.plan.week.verification import VerificationProgress, VerifiedDay, verify_days

__all__ = [
    "VerificationProgress",
    "VerifiedDay",
    "add_missing",
    "choose_days",
    "forecast_day",
    "list_roster_days",
    "name_days",
    "plan_week",
    "require_day",
    "require_planned",
    "select_open_days",
    "solve_days",
    "verify_days",
]
