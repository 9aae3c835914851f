"""Who works where, the relief for every contingency, and what is missing."""

from typing import TYPE_CHECKING

from releve.extras import build_lazy_face

if TYPE_CHECKING:
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
else:
    __getattr__ = build_lazy_face(__name__)
