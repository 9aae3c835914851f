"""Plan several days: forecast, requirement, plan, simulation of the calls, what is missing.

:func:`plan_days` does all of it and reports to an observer, by which the command line shows
progress and the runs of the desk write each day as soon as it is planned.
"""

from typing import TYPE_CHECKING

from releve.extras import build_lazy_face

if TYPE_CHECKING:
    from releve.plan.week.days import (
        add_missing,
        choose_days,
        forecast_day,
        list_roster_days,
        name_days,
        require_day,
        require_planned,
        select_open_days,
        solve_days,
    )
    from releve.plan.week.request import PlannedDays, PlanObserver, PlanRequest, plan_days
    from releve.plan.week.verification import VerificationProgress, VerifiedDay, verify_days
else:
    __getattr__ = build_lazy_face(__name__)
