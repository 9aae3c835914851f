"""The days of a week: which are planned, solved side by side, and named one after another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import partial

import numpy as np
import polars as pl

from releve.demand import Forecast, Requirement
from releve.network import Operator, zone
from releve.plan.planner import PlanError, SolvedDay, name_plan, solve_day
from releve.plan.purchases.replan import ParallelMap
from releve.plan.purchases.search import find_what_is_missing
from releve.plan.result import Plan
from releve.plan.settings import PlanSettings
from releve.plan.week.requirement import forecast_day
from releve.plan.week.verification import verify_days

__all__ = [
    "add_missing",
    "choose_days",
    "list_roster_days",
    "name_days",
    "plan_week",
    "select_open_days",
    "solve_days",
]


def plan_week(
    operator: Operator,
    days: Sequence[date],
    settings: PlanSettings | None = None,
    *,
    quantile: float | None = None,
    table: pl.DataFrame | None = None,
    protect: bool = True,
    rounds: int = 0,
    replications: int = 200,
    missing: bool = True,
    run: ParallelMap = map,
) -> list[Plan]:
    """Plan several days from the operator's history and return their plans, in order.

    ``table`` is a forecast made elsewhere, which takes the place of the history. With ``rounds``
    above 0 the calls of each plan are simulated, and days that miss their targets are planned
    again, at most so many times. ``missing`` adds the cheapest purchases that cure what is missed.
    ``run`` may solve days side by side; ``map`` solves one after the other. Closed days are left
    out. Raises PlanError when a day cannot be planned.
    """
    settings = settings or PlanSettings()
    demands = select_open_days([forecast_day(operator, day, quantile, table) for day in days])

    def solve(needs: Sequence[Requirement]) -> list[SolvedDay]:
        return solve_days(operator, needs, settings, protect=protect, run=run)

    solved = solve([need for _, need in demands])
    if rounds:
        forecasts = [expected for expected, _ in demands]
        verified = verify_days(
            operator, forecasts, solved, solve, rounds=rounds, replications=replications
        )
        solved = [one.solved for one in verified]
    plans = name_days(operator, solved)
    return add_missing(operator, solved, plans, run=run) if missing and protect else plans


def list_roster_days(operator: Operator, count: int, first: date | None = None) -> list[date]:
    """Return ``count`` days from ``first`` on, by default from the first day of the roster.

    Raises PlanError when there is neither a first day nor a roster.
    """
    if first is None:
        if not operator.shifts:
            raise PlanError("the folder has no roster: add shifts, or name the first day to plan")
        start = min(shift.start for shift in operator.shifts)
        first = start.astimezone(zone(operator.row.time_zone)).date()
    return [first + timedelta(days=i) for i in range(count)]


def choose_days(operator: Operator, today: date, most: int = 7) -> tuple[date, int]:
    """Return the first day to plan and how many: the roster from today on, at most ``most`` days.

    The whole roster counts where it is over; without a roster it is today alone.
    """
    tz = zone(operator.row.time_zone)
    rostered = sorted({shift.start.astimezone(tz).date() for shift in operator.shifts})
    ahead = [day for day in rostered if day >= today] or rostered
    if not ahead:
        return today, 1
    return ahead[0], min(most, (ahead[-1] - ahead[0]).days + 1)


def select_open_days(
    demands: list[tuple[Forecast, Requirement]],
) -> list[tuple[Forecast, Requirement]]:
    """Return the days on which something is required, or not known.

    Where all days are closed all are returned, and planning them says why it cannot.
    """
    is_open = [bool(need.unknown) or bool(np.nan_to_num(need.agents).any()) for _, need in demands]
    kept = [demand for demand, is_kept in zip(demands, is_open, strict=True) if is_kept]
    return kept or demands


def _no_clock() -> float:
    return 0.0


def solve_days(
    operator: Operator,
    needs: Sequence[Requirement],
    settings: PlanSettings,
    *,
    protect: bool = True,
    now: Callable[[], float] = _no_clock,
    run: ParallelMap = map,
    done: Callable[[int], None] = lambda count: None,
) -> list[SolvedDay]:
    """Solve days with ``run``, side by side if it can; ``done`` receives the count after each.

    ``now`` is a clock for the timings in the result; it has to be picklable where ``run`` uses
    processes. Raises PlanError as :func:`solve_day` does.
    """
    work = partial(_solve_one, operator, settings, protect, now)
    solved = []
    for day in run(work, needs):
        solved.append(day)
        done(len(solved))
    return solved


def _solve_one(
    operator: Operator,
    settings: PlanSettings,
    protect: bool,
    now: Callable[[], float],
    need: Requirement,
) -> SolvedDay:
    return solve_day(operator, need, settings, now=now, protect=protect)


def name_days(operator: Operator, solved: Sequence[SolvedDay], version: str = "") -> list[Plan]:
    """Name the people of solved days, in order: agents keep the last place and programme they had.

    ``version`` is written into the plans.
    """
    plans: list[Plan] = []
    wish: dict[str, tuple[str, str]] = {}
    for one in solved:
        plan = name_plan(operator, one, wish, version=version)
        wish.update({row.agent: (row.place, row.programme) for row in plan.placements})
        plans.append(plan)
    return plans


def add_missing(
    operator: Operator,
    solved: Sequence[SolvedDay],
    plans: Sequence[Plan],
    *,
    progress: Callable[[date, float, str], None] = lambda day, share, words: None,
    run: ParallelMap = map,
) -> list[Plan]:
    """Return the plans with what is missing, found day by day (``progress`` names the day)."""
    found = []
    for plan, one in zip(plans, solved, strict=True):
        missing = find_what_is_missing(operator, one, progress=partial(progress, plan.day), run=run)
        progress(plan.day, 1.0, "")
        found.append(replace(plan, missing=missing))
    return found
