"""One request for the plans of several days, from the forecast to what is missing.

The command line, the runs of the desk and notebooks all ask here. What they show or store while
days are planned, they do as observers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import partial
from typing import Literal

import polars as pl

from releve.demand import Forecast, Requirement
from releve.network import Operator
from releve.plan.day_fleet import cap_vehicles
from releve.plan.free_week import FreeWeek
from releve.plan.kits import choose_holders, give_kits
from releve.plan.planner import PlanError, SolvedDay, name_plan, solve_day
from releve.plan.purchases.search import ParallelMap
from releve.plan.result import Carried, Plan
from releve.plan.roster import crosses_border
from releve.plan.settings import PlanSettings
from releve.plan.week.days import (
    add_missing,
    find_carried,
    forecast_day,
    list_wishes,
    no_clock,
    select_open_days,
    settle_days,
    solve_days,
)
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
    some of the days, made before, which stand; a simulation plans all days again. ``before``: the
    plan of the day before the first, which has the places of those who work on into it, or an earlier one;
    those who hold a kit by it keep it where the days are served as well.
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
    before: Plan | None = None
    version: str = ""


@dataclass(frozen=True)
class PlannedDays:
    """The plans of a request, and what they were made from.

    ``operator``: with its vehicles capped, and with a kit for those who take one home. ``solved``: by
    day, without the days that were known. ``hybrid``: the week, and ``broken`` the rules that it breaks
    by an independent recount.
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

    A day into which a duty goes on takes the places of the day before; ``run`` may solve the others
    side by side, ``map`` solves one after the other. Agents keep the place and programme of the day
    before. Raises PlanError when a day cannot be planned, and for a
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
    known = next(iter(request.known.values()), None)
    holders = (
        choose_holders(operator, needs, request.settings, before=request.before, protect=request.protect)
        if known is None
        else known.kit_holders
    )
    operator = give_kits(operator, holders)
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
                self.operator, needs, request.settings, last=request.last, past=past, before=request.before,
                run=self.run, progress=partial(self.observer.stage, None),
            )  # fmt: skip
        plans = name_hybrid_days(self.operator, week, request.version)
        broken = check_hybrid_week(self.operator, week.week, plans, past)
        solved = {need.day: one for need, one in zip(needs, week.solved, strict=True)}
        stand = tuple(known.get(plan.day, plan) for plan in plans)
        return PlannedDays(self.operator, solved, stand, hybrid=week, broken=broken)

    def plan_apart(self, forecasts: Sequence[Forecast], needs: Sequence[Requirement]) -> PlannedDays:
        """Plan day by day; the first one alone, so that its plan can be had early.

        Days that take over people of the day before are solved when that day is named, the others
        side by side.
        """
        request, verify = self.request, self.request.rounds is not None
        chain = _DayChain(self, {} if verify else request.known, FreeWeek.build(self.operator, needs))
        batches = [[need] for need in needs] if self.run is map else [needs[:1], needs[1:]]
        verified: list[VerifiedDay] = []
        for batch in filter(None, batches):
            chain.solve_apart(batch)
            if not verify:
                chain.name(batch, self.observer.receive_plan)
        if request.rounds is not None:
            chain.solve_held(needs)
            with self.observer.step("simulation", needs):
                verified = verify_days(
                    self.operator, forecasts, [chain.solved[need.day] for need in needs], chain.solve_again,
                    rounds=request.rounds, replications=request.replications,
                    threads=request.threads, progress=self.observer,
                )  # fmt: skip
            chain.solved = {one.solved.need.day: one.solved for one in verified}
            chain.name(needs, self.observer.receive_plan)
        plans = settle_days(chain.plans, chain.known)
        return PlannedDays(self.operator, chain.solved, tuple(plans), tuple(verified))

    def solve(
        self, needs: Sequence[Requirement], carried: Mapping[date, Carried], free_week: FreeWeek | None
    ) -> list[SolvedDay]:
        """Solve days whose places of the day before, where they need them, are ``carried``."""
        if not needs:
            return []
        settings, protect, now = self.request.settings, self.request.protect, self.observer.now
        with self.observer.step("planning", needs):
            if len(needs) > 1:
                return solve_days(
                    self.operator, needs, settings, protect=protect, now=now, run=self.run,
                    free_week=free_week, carried=carried,
                    done=lambda count: self.observer.finish_solving(needs[count - 1].day),
                )  # fmt: skip
            show = partial(self.observer.stage, needs[0].day)
            one = solve_day(
                self.operator, needs[0], settings, progress=show, now=now, protect=protect,
                free_week=free_week, carried=carried.get(needs[0].day),
            )  # fmt: skip
            return [one]

    def add_missing(self, needs: Sequence[Requirement], found: PlannedDays) -> PlannedDays:
        """Add what is missing to the plans that lack it; days that were known are solved again."""
        plans, free = [], FreeWeek.build(self.operator, needs)
        with self.observer.step("missing", needs):
            before = self.request.before
            for need, plan in zip(needs, found.plans, strict=True):
                if plan.missing is None:
                    self.observer.search_missing(plan.day, 0.0, "")
                    solved = found.solved.get(plan.day) or solve_day(
                        self.operator, need, self.request.settings, free_week=free,
                        carried=find_carried(self.operator, plan.day, before),
                    )  # fmt: skip
                    (plan,) = add_missing(
                        self.operator, [solved], [plan], progress=self.observer.search_missing, run=self.run
                    )
                    self.observer.receive_missing(plan)
                plans.append(plan)
                before = plan
        return replace(found, plans=tuple(plans))


@dataclass
class _DayChain:
    """The days of a request in order: each takes over the people whose duty goes on from the day before."""

    planning: _Planning
    known: Mapping[date, Plan]
    free_week: FreeWeek | None
    solved: dict[date, SolvedDay] = field(default_factory=dict)
    plans: list[Plan] = field(default_factory=list)
    wish: dict[str, tuple[str, str]] = field(default_factory=dict)

    def solve_apart(self, needs: Sequence[Requirement]) -> None:
        """Solve the days that do not wait for the plan of the day before."""
        first = self.planning.request.before
        planned = {*self.planning.request.days, *(() if first is None else (first.day,))}
        fresh = [
            need
            for need in needs
            if need.day not in self.known
            and not (need.day - timedelta(days=1) in planned and crosses_border(self.planning.operator, need.day))
        ]
        self.solved |= {one.need.day: one for one in self.planning.solve(fresh, {}, self.free_week)}

    def solve_held(self, needs: Sequence[Requirement]) -> None:
        """Solve the days that wait for the plan of the day before; their names are given later."""
        if all(need.day in self.solved for need in needs):
            return
        trial = _DayChain(self.planning, self.known, self.free_week, self.solved)
        trial.name(needs, lambda plan: None)

    def solve_again(self, needs: Sequence[Requirement]) -> list[SolvedDay]:
        """Solve days for another requirement, with the places of the day before that they had."""
        held = {need.day: self.solved[need.day].carried for need in needs}
        known = {day: one for day, one in held.items() if one is not None}
        return self.planning.solve(needs, known, self.free_week)

    def name(self, needs: Sequence[Requirement], receive: Callable[[Plan], None]) -> None:
        """Name days in order, and solve those whose places of the day before are not those they were solved with."""
        operator, request = self.planning.operator, self.planning.request
        for need in needs:
            plan = self.known.get(need.day)
            if plan is None:
                before = self.plans[-1] if self.plans else request.before
                fresh = bool(self.plans) and self.plans[-1].day not in self.known
                carried = find_carried(operator, need.day, before, open_breaks=fresh)
                one = self.solved.get(need.day)
                if one is None or one.carried != carried:
                    asked = need if one is None else one.need
                    places = {} if carried is None else {need.day: carried}
                    (one,) = self.planning.solve([asked], places, self.free_week)
                    self.solved[need.day] = one
                plan = name_plan(operator, one, self.wish, version=request.version)
            self.wish.update(list_wishes(plan))
            self.plans.append(plan)
            receive(plan)
