"""Plan a hybrid week: who works at home on which day, when each team meets, N-1 on every day.

Four steps. The week without meetings is solved, in fractions: no week with them is better. Each
team meets where this has the fewest of it at home, and the week is solved again for these days.
People are put in whole numbers and named. Every day is then planned alone, with people where the
week has them while nothing is lost; a relief may move all. A week that was planned before stands
unless another is better by :data:`KEPT_WITHIN`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from releve.demand.requirement import Requirement
from releve.errors import Phrase
from releve.network import Operator, SiteSeats, find_site_seats
from releve.plan.integer_problem import Progress
from releve.plan.n1_program import solve_n1_program
from releve.plan.planner import PlanError, SolvedDay, count_seats_to_fill, name_plan, refuse_empty, solve_day
from releve.plan.problem import build_day_problem
from releve.plan.purchases.search import ParallelMap
from releve.plan.result import Carried, Plan, PlannedTeam, list_contingencies
from releve.plan.roster import crosses_border
from releve.plan.scenario_lp import compute_client_floors
from releve.plan.settings import PlanSettings
from releve.plan.week.days import find_carried, list_wishes, name_days
from releve.plan.week.hybrid_meetings import choose_meetings
from releve.plan.week.hybrid_program import (
    MOST_WITH_LOSSES,
    HybridDay,
    HybridProblem,
    Meetings,
    list_classes,
    name_home_days,
    price_wishes,
    round_home_heads,
    solve_hybrid_program,
)
from releve.plan.week.hybrid_week import HybridWeek, list_work_days, move_week
from releve.plan.week.verification import check_hybrid_week

KEPT_WITHIN = 0.005
"""By what share of its objective another week has to be better than the last one to replace it."""


@dataclass(frozen=True)
class HybridPlan:
    """A hybrid week and its solved days. ``objective`` of the days planned for it, reliefs in
    fractions, and the ``bound``, below which no week is, both in weighted agent-intervals;
    ``kept`` whether it is the last week. ``meeting_calls``: the calls that the base days
    miss for the meetings, None where the last week is kept and nothing was planned without them."""

    week: HybridWeek
    solved: tuple[SolvedDay, ...]
    objective: float
    bound: float
    kept: bool
    meeting_calls: float | None

    @property
    def gap(self) -> float:
        """Return how far the week is above its bound, as a share of the bound."""
        return (self.objective - self.bound) / self.bound if self.bound > 0 else 0.0


def plan_hybrid_week(
    operator: Operator,
    needs: Sequence[Requirement],
    settings: PlanSettings | None = None,
    *,
    last: HybridWeek | None = None,
    past: HybridWeek | None = None,
    meetings: Meetings | None = None,
    before: Plan | None = None,
    run: ParallelMap = map,
    progress: Progress = lambda stage, share: None,
) -> HybridPlan:
    """Plan the days of ``needs`` as one hybrid week.

    ``last``: an earlier plan of these days or of the same weekdays, kept where it is near enough to
    the best. ``past``: earlier days of the same weeks, whose days at home and meetings count.
    ``meetings``: the days on which teams meet [chosen]. ``before``: the plan of the day before the
    first. Raises PlanError without a roster, and
    HybridInfeasibleError with what would have to give way.
    """
    settings = settings or PlanSettings()
    if not operator.shifts:
        raise PlanError(Phrase("a hybrid week needs a roster: add the table shifts"))
    days = [need.day for need in needs]
    if last is not None:
        last = move_week(last, days)
    seats = [find_site_seats(operator, day) for day in days]
    case = build_hybrid_problem(operator, needs, seats, settings, last=last, past=past, run=run, progress=progress)
    if last is not None:
        worked = case.work.by_agent
        home = {agent: held & worked[agent] for agent, held in last.home.items() if agent in worked}
        last = replace(last, home=home)
    nothing = [np.zeros(len(one.cells)) for one in case.classes]
    choose_meetings(case, nothing, past)  # says early where no week is possible
    free = solve_hybrid_program(case, {})
    # no week is below the days alone, where the reliefs are not in its programme
    alone = [day.alone.bound for day in case.days if day.alone is not None]
    bound = sum(alone) if alone else free.bound
    progress("week", 0.5)
    solve = partial(_solve_days, case, seats, run, before)
    known: HybridPlan | None = None
    if last is not None and _is_complete(case, last) and not check_hybrid_week(operator, last, past=past):
        solved = solve(last)
        known = HybridPlan(last, solved, _sum_objective(case, last, solved), bound, True, None)
        if known.gap <= KEPT_WITHIN:
            return known
    held = meetings if meetings is not None else choose_meetings(case, free.home, past, last)
    joined = solve_hybrid_program(case, held, stable=last is not None)
    progress("week", 1.0)
    week = name_home_days(case, round_home_heads(case, joined.home, held), held, last)
    solved = solve(week)
    price = max(0.0, joined.missed_calls - free.missed_calls)
    fresh = HybridPlan(week, solved, _sum_objective(case, week, solved), bound, False, price)
    if known is not None and known.objective <= (1.0 + KEPT_WITHIN) * fresh.objective:
        return known
    return fresh


def name_hybrid_days(operator: Operator, found: HybridPlan, version: str = "") -> list[Plan]:
    """Name the people of a hybrid week's days: see :func:`releve.plan.week.name_days`."""
    week = found.week
    return [
        replace(
            plan,
            home_days=tuple(agent for agent, held in week.home.items() if plan.day in held),
            teams=_list_teams(operator, week, plan),
        )
        for plan in name_days(operator, found.solved, version)
    ]


def _list_teams(operator: Operator, week: HybridWeek, plan: Plan) -> tuple[PlannedTeam, ...]:
    at_work = {*(row.key for row in plan.placements), *plan.reserve}
    members: dict[str, list[str]] = {}
    for row in operator.agents:
        if row.id in at_work:
            members.setdefault(row.team, []).append(row.id)
    return tuple(
        PlannedTeam(
            team.id, team.site, team.supervisor, tuple(members[team.id]), plan.day in week.meetings.get(team.id, ())
        )
        for team in operator.teams
        if team.id in members
    )


def build_hybrid_problem(
    operator: Operator,
    needs: Sequence[Requirement],
    seats: Sequence[Mapping[str, SiteSeats]],
    settings: PlanSettings,
    *,
    last: HybridWeek | None = None,
    past: HybridWeek | None = None,
    run: ParallelMap = map,
    progress: Progress = lambda stage, share: None,
) -> HybridProblem:
    """Lay out the days, the larger ones planned alone first."""
    work = partial(_build_day, operator, settings)
    days = []
    for day in run(work, list(zip(needs, seats, strict=True))):
        days.append(day)
        progress("days alone", len(days) / len(needs))
    at_work = list_work_days(operator, [need.day for need in needs], settings)
    classes = list_classes(operator, at_work, [day.problem.groups for day in days], past, last)
    return HybridProblem(operator, at_work, tuple(days), classes, settings)


def _build_day(
    operator: Operator, settings: PlanSettings, given: tuple[Requirement, Mapping[str, SiteSeats]]
) -> HybridDay:
    need, seats = given
    room = count_seats_to_fill(operator, need, seats)
    problem = build_day_problem(operator, need, room, settings)
    refuse_empty(problem)
    losses = tuple(list_contingencies(operator))
    floors = compute_client_floors(problem, losses)
    alone = None
    if len(operator.agents) > MOST_WITH_LOSSES:
        alone = solve_n1_program(problem, losses, floors, settings)
    return HybridDay(need, problem, floors, losses, alone)


def _is_complete(case: HybridProblem, week: HybridWeek) -> bool:
    """Return whether a week has a place for every agent at work, so that it may be kept."""
    for day in case.work.days:
        for agent, sites in case.work.sites[day].items():
            at_home = day in week.home.get(agent, ())
            if agent not in week.home or (at_home and agent not in case.work.home[day]):
                return False
            if not at_home and not sites:
                return False
    return True


def _solve_days(
    case: HybridProblem,
    seats: Sequence[Mapping[str, SiteSeats]],
    run: ParallelMap,
    before: Plan | None,
    week: HybridWeek,
) -> tuple[SolvedDay, ...]:
    """Plan each day alone, with people in their places of the week; those who work on into a day
    where the day before has them, which is then named first."""
    given = [
        (day.need, found, case.work.build_presence(case.operator, week, day.need.day), None)
        for day, found in zip(case.days, seats, strict=True)
    ]
    if not any(crosses_border(case.operator, need.day) for need, *_ in given[before is None :]):
        return tuple(run(partial(_solve_day, case.operator, case.settings), given))
    solved: list[SolvedDay] = []
    wish: dict[str, tuple[str, str]] = {}
    for need, found, presence, _ in given:
        carried = find_carried(case.operator, need.day, before, open_breaks=bool(solved))
        solved.append(_solve_day(case.operator, case.settings, (need, found, presence, carried)))
        before = name_plan(case.operator, solved[-1], wish)
        wish.update(list_wishes(before))
    return tuple(solved)


def _solve_day(
    operator: Operator,
    settings: PlanSettings,
    given: tuple[Requirement, Mapping[str, SiteSeats], Mapping[str, frozenset[str]], Carried | None],
) -> SolvedDay:
    need, seats, presence, carried = given
    return solve_day(operator, need, settings, seats=seats, presence=presence, carried=carried)


def _sum_objective(case: HybridProblem, week: HybridWeek, solved: Sequence[SolvedDay]) -> float:
    """Return the objective of a week: its days, reliefs in fractions, and its wishes."""
    heads = [
        np.array(
            [sum(case.work.days[cell.day] in week.home[agent] for agent in one.members) for cell in one.cells],
            dtype=np.int64,
        )
        for one in case.classes
    ]
    return sum(day.planning.secure.objective for day in solved) + price_wishes(case, heads)
