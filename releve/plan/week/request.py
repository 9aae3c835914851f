"""One request for the plans of several days, from the forecast to what is missing.

The command line, the runs of the desk and notebooks all ask here. What they show or store while
days are planned, they do as observers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from typing import Literal

import polars as pl

from releve.demand import Forecast, Requirement
from releve.network import Operator
from releve.plan.day_fleet import cap_vehicles
from releve.plan.free_week import FreeWeek
from releve.plan.planner import PlanError, SolvedDay, name_plan, solve_day
from releve.plan.purchases.search import ParallelMap
from releve.plan.result import Plan
from releve.plan.settings import PlanSettings
from releve.plan.week.days import add_missing, forecast_day, no_clock, select_open_days, solve_days
from releve.plan.week.hybrid import HybridPlan, name_hybrid_days, plan_hybrid_week
from releve.plan.week.hybrid_week import HybridWeek, select_past_days
from releve.plan.week.verification import VerificationProgress, VerifiedDay, check_hybrid_week, verify_days
from releve.situation.rule_kinds import SituationRules

Step = Literal["planning", "simulation", "missing"]


@dataclass(frozen=True)
class PlanRequest:
    """Which days to plan, and how.

    ``quantile`` and ``table``: see :func:`releve.plan.week.forecast_day`. ``rules`` cap the fill of
    vehicles. Without ``protect`` the days are planned as if nothing could be lost. ``rounds``: how
    often at most a day whose simulated calls miss their targets is planned again; None: no calls
    are simulated. ``hybrid``: the days are one week, near ``last`` if given. ``known``: plans of
    some of the days, made before, which stand; a simulation plans all days again.
    """

    days: Sequence[date]
    settings: PlanSettings = field(default_factory=PlanSettings)
    quantile: float | None = None
    table: pl.DataFrame | None = None
    rules: SituationRules | None = None
    protect: bool = True
    rounds: int | None = None
    replications: int = 200
    threads: int = 1
    hybrid: bool = False
    last: HybridWeek | None = None
    missing: bool = True
    known: Mapping[date, Plan] = field(default_factory=dict)
    version: str = ""


@dataclass(frozen=True)
class PlannedDays:
    """The plans of a request, and what they were made from.

    ``operator``: with its vehicles capped. ``solved``: by day, without the days that were known.
    ``hybrid``: the week, and ``broken`` the rules that it breaks by an independent recount.
    """

    operator: Operator
    solved: Mapping[date, SolvedDay]
    plans: tuple[Plan, ...]
    verified: tuple[VerifiedDay, ...] = ()
    hybrid: HybridPlan | None = None
    broken: tuple[str, ...] = ()


class PlanObserver(VerificationProgress):
    """What a request reports. Does nothing; a subclass shows or stores it.

    ``now`` is the clock of the timings in the result, picklable where days are solved in processes.
    """

    now: Callable[[], float] = staticmethod(no_clock)

    def forecast(self, demands: Sequence[tuple[Forecast, Requirement]], left_out: Sequence[date]) -> None:
        """Receive the days to plan, and those left out because nothing is required."""

    def step(self, step: Step, needs: Sequence[Requirement]) -> AbstractContextManager[object]:
        """Enclose a step of the work; planning comes again within a simulation."""
        return nullcontext()

    def stage(self, day: date | None, stage: str, share: float) -> None:
        """Report how far a stage is: of a day planned alone, or (None) of a hybrid week."""

    def finish_solving(self, day: date) -> None:
        """Report a day that was solved beside others."""

    def receive_plan(self, plan: Plan) -> None:
        """Receive the plan of a day while others are still to be planned."""

    def receive_plans(self, found: PlannedDays) -> None:
        """Receive all plans, before what is missing is searched."""

    def search_missing(self, day: date, share: float, words: str) -> None:
        """Report how far the search for what is missing on a day is."""

    def receive_missing(self, plan: Plan) -> None:
        """Receive a plan with what is missing."""


def plan_days(
    operator: Operator, request: PlanRequest, observer: PlanObserver | None = None, run: ParallelMap = map
) -> PlannedDays:
    """Plan the days of a request; those on which nothing is required are left out.

    ``run`` may solve days side by side; ``map`` solves one after the other. Agents keep the place
    and programme of the day before. Raises PlanError when a day cannot be planned, and for a
    quantile, a table or a history that cannot be used.
    """
    observer = observer or PlanObserver()
    quantile, table = request.quantile, request.table
    try:
        demands = [forecast_day(operator, day, quantile, table) for day in request.days]
    except ValueError as error:
        raise PlanError(*error.args) from error
    kept = select_open_days(demands)
    needs = [need for _, need in kept]
    if request.rules is not None:
        operator = cap_vehicles(operator, needs[0].day, request.rules)
    planned = {need.day for need in needs}
    observer.forecast(kept, [day for day in request.days if day not in planned])
    planning = _Planning(operator, request, observer, run)
    if request.hybrid:
        found = planning.plan_week(needs)
    else:
        found = planning.plan_apart([forecast for forecast, _ in kept], needs)
    observer.receive_plans(found)
    if not (request.missing and request.protect):
        return found
    return planning.add_missing(needs, found)


@dataclass(frozen=True)
class _Planning:
    """What every step of one request shares."""

    operator: Operator
    request: PlanRequest
    observer: PlanObserver
    run: ParallelMap

    def plan_week(self, needs: Sequence[Requirement]) -> PlannedDays:
        """Plan the days as one hybrid week; what is known of it comes out the same again."""
        request, known = self.request, self.request.known
        if all(need.day in known and known[need.day].missing is not None for need in needs):
            return PlannedDays(self.operator, {}, tuple(known[need.day] for need in needs))
        past = select_past_days(request.last, needs[0].day)
        with self.observer.step("planning", needs):
            week = plan_hybrid_week(
                self.operator, needs, request.settings, last=request.last, past=past, run=self.run,
                progress=partial(self.observer.stage, None),
            )  # fmt: skip
        plans = name_hybrid_days(self.operator, week, request.version)
        broken = check_hybrid_week(self.operator, week.week, plans, past)
        solved = {need.day: one for need, one in zip(needs, week.solved, strict=True)}
        stand = tuple(known.get(plan.day, plan) for plan in plans)
        return PlannedDays(self.operator, solved, stand, hybrid=week, broken=broken)

    def plan_apart(self, forecasts: Sequence[Forecast], needs: Sequence[Requirement]) -> PlannedDays:
        """Plan day by day; the first one alone, so that its plan can be had early."""
        request, verify = self.request, self.request.rounds is not None
        solve = partial(self._solve, free_week=FreeWeek.build(self.operator, needs))
        known = {} if verify else request.known
        batches = [[need] for need in needs] if self.run is map else [needs[:1], needs[1:]]
        solved: dict[date, SolvedDay] = {}
        plans: list[Plan] = []
        verified: list[VerifiedDay] = []
        wish: dict[str, tuple[str, str]] = {}

        def name(batch: Sequence[Requirement]) -> None:
            for need in batch:
                plan = known.get(need.day) or name_plan(self.operator, solved[need.day], wish, version=request.version)
                wish.update({row.agent: (row.place, row.programme) for row in plan.placements})
                plans.append(plan)
                self.observer.receive_plan(plan)

        for batch in filter(None, batches):
            fresh = [need for need in batch if need.day not in known]
            solved |= {one.need.day: one for one in solve(fresh)}
            if not verify:
                name(batch)
        if request.rounds is not None:
            with self.observer.step("simulation", needs):
                verified = verify_days(
                    self.operator, forecasts, [solved[need.day] for need in needs], solve,
                    rounds=request.rounds, replications=request.replications,
                    threads=request.threads, progress=self.observer,
                )  # fmt: skip
            solved = {one.solved.need.day: one.solved for one in verified}
            name(needs)
        return PlannedDays(self.operator, solved, tuple(plans), tuple(verified))

    def _solve(self, needs: Sequence[Requirement], free_week: FreeWeek | None = None) -> list[SolvedDay]:
        if not needs:
            return []
        settings, protect, now = self.request.settings, self.request.protect, self.observer.now
        with self.observer.step("planning", needs):
            if len(needs) > 1:
                return solve_days(
                    self.operator, needs, settings, protect=protect, free_week=free_week, now=now, run=self.run,
                    done=lambda count: self.observer.finish_solving(needs[count - 1].day),
                )  # fmt: skip
            show = partial(self.observer.stage, needs[0].day)
            one = solve_day(
                self.operator, needs[0], settings, progress=show, now=now, protect=protect, free_week=free_week
            )
            return [one]

    def add_missing(self, needs: Sequence[Requirement], found: PlannedDays) -> PlannedDays:
        """Add what is missing to the plans that lack it; days that were known are solved again."""
        plans, free = [], FreeWeek.build(self.operator, needs)
        with self.observer.step("missing", needs):
            for need, plan in zip(needs, found.plans, strict=True):
                if plan.missing is None:
                    self.observer.search_missing(plan.day, 0.0, "")
                    solved = found.solved.get(plan.day) or solve_day(
                        self.operator, need, self.request.settings, free_week=free
                    )
                    (plan,) = add_missing(
                        self.operator, [solved], [plan], progress=self.observer.search_missing, run=self.run
                    )
                    self.observer.receive_missing(plan)
                plans.append(plan)
        return replace(found, plans=tuple(plans))
