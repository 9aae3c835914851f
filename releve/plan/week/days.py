"""The days of a week: which are planned, their forecast and requirement, their agents by team."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial
from itertools import pairwise
from types import MappingProxyType

import numpy as np
import polars as pl

from releve.demand import (
    Forecast,
    Requirement,
    build_forecast,
    build_histories,
    compute_requirement,
    rate_at,
    read_forecast,
)
from releve.errors import Phrase
from releve.network import HOME, Operator
from releve.plan.free_week import FreeWeek
from releve.plan.planner import PlanError, SolvedDay, name_plan, solve_day
from releve.plan.purchases.search import ParallelMap, find_what_is_missing
from releve.plan.result import Carried, Placement, Plan, PlannedTeam
from releve.plan.roster import crosses_border, list_carried, settle_breaks
from releve.plan.settings import PlanSettings

_Day = tuple[Plan, dict[str, PlannedTeam]]


@dataclass(frozen=True, slots=True)
class TeamDay:
    """A team on a day: members on site and at home, and whether it meets."""

    site: int
    home: int
    meets: bool


@dataclass(frozen=True, slots=True)
class TeamWeek:
    """A team's week; a day without any member at work is None."""

    id: str
    site: str
    supervisor: str
    days: tuple[TeamDay | None, ...]


@dataclass(frozen=True, slots=True)
class AgentDay:
    """An agent's day: ``place`` is a site id, ``home``, or ``reserve`` (at home or on the site);
    ``site`` the name of the place; the shift in UTC, None in reserve; ``time_zone`` that of the
    site, at home that of the team's."""

    place: str
    site: str
    at_home: bool
    meets: bool
    start: datetime | None
    end: datetime | None
    time_zone: str


@dataclass(frozen=True, slots=True)
class AgentWeek:
    """An agent's week; days off are None."""

    agent: str
    leads: bool
    days: tuple[AgentDay | None, ...]


@dataclass(frozen=True, slots=True)
class WeekByTeam:
    """A calendar week by team and day; no ``teams`` where it was not planned as a hybrid one.

    ``total`` sums the teams of each day; ``team`` is the one whose ``agents`` are listed;
    ``meetings`` and ``home_share`` sum the week.
    """

    days: tuple[date, ...]
    teams: tuple[TeamWeek, ...]
    total: tuple[TeamDay, ...]
    team: str
    agents: tuple[AgentWeek, ...]
    meetings: int
    home_share: float


def group_week_by_team(plans: Sequence[Plan], team: str = "") -> WeekByTeam:
    """Return the plans of a week by team; the agents of ``team``, or of the first where it has
    none of that name."""
    days = [(plan, {one.id: one for one in plan.teams}) for plan in plans]
    names = sorted({name for _plan, teams in days for name in teams})
    chosen = team if team in names else (names[0] if names else "")
    rows = tuple(_build_team_week(days, name) for name in names)
    columns = zip(*(row.days for row in rows), strict=True)
    total = tuple(_add_up([day for day in column if day]) for column in columns)
    at_work = sum(day.site + day.home for day in total)
    return WeekByTeam(
        days=tuple(plan.day for plan in plans),
        teams=rows,
        total=total,
        team=chosen,
        agents=_list_agent_weeks(days, chosen),
        meetings=sum(day is not None and day.meets for row in rows for day in row.days),
        home_share=sum(day.home for day in total) / max(1, at_work),
    )


def _add_up(days: Sequence[TeamDay]) -> TeamDay:
    return TeamDay(sum(day.site for day in days), sum(day.home for day in days), meets=False)


def _build_team_week(days: Sequence[_Day], name: str) -> TeamWeek:
    known = next(teams[name] for _plan, teams in days if name in teams)
    shown = tuple(_build_team_day(plan, teams.get(name)) for plan, teams in days)
    return TeamWeek(name, known.site, known.supervisor, shown)


def _build_team_day(plan: Plan, team: PlannedTeam | None) -> TeamDay | None:
    if team is None:
        return None
    home = len(frozenset(plan.home_days).intersection(team.members))
    return TeamDay(len(team.members) - home, home, team.meets)


def _list_agent_weeks(days: Sequence[_Day], name: str) -> tuple[AgentWeek, ...]:
    """Return the week of every agent who is in a team on one of the days."""
    own = [(plan, teams[name]) for plan, teams in days if name in teams]
    leaders = {team.supervisor for _plan, team in own}
    placed = [{row.key: row for row in plan.placements} for plan, _teams in days]

    def build(agent: str) -> AgentWeek:
        rows = (
            _build_agent_day(plan, teams.get(name), rows.get(agent), agent)
            for (plan, teams), rows in zip(days, placed, strict=True)
        )
        return AgentWeek(agent, agent in leaders, tuple(rows))

    return tuple(map(build, sorted({agent for _plan, team in own for agent in team.members})))


def _build_agent_day(plan: Plan, team: PlannedTeam | None, row: Placement | None, agent: str) -> AgentDay | None:
    if team is None or agent not in team.members:
        return None
    place = row.place if row is not None else "reserve"
    sites = {site.id: site for site in plan.sites}
    where = sites.get(place) or sites.get(team.site)
    return AgentDay(
        place=place,
        site=team.site if where is None else where.name,
        at_home=place == HOME or agent in plan.home_days,
        meets=team.meets,
        start=None if row is None else row.start,
        end=None if row is None else row.end,
        time_zone=plan.time_zone if where is None else where.time_zone,
    )


def forecast_day(
    operator: Operator, day: date, quantile: float | None = None, table: pl.DataFrame | None = None
) -> tuple[Forecast, Requirement]:
    """Forecast a day from the operator's history; return it with the agents that it requires.

    ``quantile`` staffs for this quantile of the call rate, not for its mean: the noise of single
    calls is already in the queue model. ``table`` is a forecast made elsewhere, which takes the
    place of the history and of the uplifts (:func:`releve.demand.read_forecast`). Raises ValueError for a quantile
    that the forecast cannot give, or a table that cannot be read.
    """
    zone_name, starts = operator.row.time_zone, operator.day_start
    if table is None:
        expected = build_forecast(
            build_histories(operator), operator.programmes, [day], zone_name,
            day_start=starts, uplifts=operator.uplifts,
        )  # fmt: skip
    else:
        expected = read_forecast(table, operator.programmes, [day], zone_name, day_start=starts)
    if quantile is not None:
        expected = replace(expected, quantiles={quantile: rate_at(expected, quantile)})
    need = compute_requirement(expected, operator.programmes, day, zone_name, quantile=quantile, day_start=starts)
    return expected, need


def require_day(operator: Operator, day: date, quantile: float | None = None) -> Requirement:
    """Return the agents that a day requires: see :func:`forecast_day`."""
    return forecast_day(operator, day, quantile)[1]


def require_planned(operator: Operator, plan: Plan) -> Requirement:
    """Return the requirement that a plan was made for; PlanError where it is of other programmes.

    Agents and calls are the plan's own, handling times those of the forecast.
    """
    need = require_day(operator, plan.day)
    if need.programmes != tuple(name for name, _, _ in plan.programmes):
        raise PlanError(Phrase("the programmes of the folder are not those of the plan: plan again"))
    return replace(need, agents=plan.required, calls=plan.calls)


def list_roster_days(operator: Operator, count: int, first: date | None = None) -> list[date]:
    """Return ``count`` days from ``first`` on, by default from the first day of the roster.

    Raises PlanError when there is neither a first day nor a roster.
    """
    if first is None:
        if not operator.shifts:
            raise PlanError(Phrase("the folder has no roster: add shifts, or name the first day to plan"))
        first = operator.find_day(min(shift.start for shift in operator.shifts))
    return [first + timedelta(days=i) for i in range(count)]


def choose_days(operator: Operator, today: date, most: int = 7) -> tuple[date, int]:
    """Return the first day to plan and how many: the roster from today on, at most ``most`` days.

    The whole roster counts where it is over; without a roster it is today alone.
    """
    rostered = sorted({operator.find_day(duty.start) for duty in operator.duties})
    ahead = [day for day in rostered if day >= today] or rostered
    if not ahead:
        return today, 1
    return ahead[0], min(most, (ahead[-1] - ahead[0]).days + 1)


def select_open_days(demands: list[tuple[Forecast, Requirement]]) -> list[tuple[Forecast, Requirement]]:
    """Return the days on which something is required, or not known.

    Where all days are closed all are returned, and planning them says why it cannot.
    """
    is_open = [bool(need.unknown) or bool(np.nan_to_num(need.agents).any()) for _, need in demands]
    kept = [demand for demand, is_kept in zip(demands, is_open, strict=True) if is_kept]
    return kept or demands


def no_clock() -> float:
    """Stand for a clock where nothing is timed."""
    return 0.0


def solve_days(
    operator: Operator,
    needs: Sequence[Requirement],
    settings: PlanSettings,
    *,
    protect: bool = True,
    free_week: FreeWeek | None = None,
    now: Callable[[], float] = no_clock,
    run: ParallelMap = map,
    done: Callable[[int], None] = lambda count: None,
    carried: Mapping[date, Carried] = MappingProxyType({}),
) -> list[SolvedDay]:
    """Solve days with ``run``, side by side if it can; ``done`` receives the count after each.

    ``carried``: by day, where the plan of the day before has those whose duty goes on; ``free_week``:
    all days of the request, where there is no roster. ``now`` is a clock for the timings in the
    result; it has to be picklable where ``run`` uses processes. Raises PlanError as :func:`solve_day`
    does.
    """
    work = partial(_solve_one, operator, settings, protect, free_week, now)
    solved = []
    for day in run(work, [(need, carried.get(need.day)) for need in needs]):
        solved.append(day)
        done(len(solved))
    return solved


def _solve_one(
    operator: Operator,
    settings: PlanSettings,
    protect: bool,
    free_week: FreeWeek | None,
    now: Callable[[], float],
    given: tuple[Requirement, Carried | None],
) -> SolvedDay:
    need, carried = given
    return solve_day(operator, need, settings, now=now, protect=protect, free_week=free_week, carried=carried)


def find_carried(operator: Operator, day: date, before: Plan | None, *, open_breaks: bool = False) -> Carried | None:
    """Return where the plan ``before`` has those whose duty goes on into a day; None where no duty
    does, or where it is not the plan of the day before.

    ``open_breaks``: the day may choose the breaks that lie in it, and :func:`settle_days` writes them
    into the plan before.
    """
    if before is None or before.day != day - timedelta(days=1) or not crosses_border(operator, day):
        return None
    return list_carried(before, open_breaks=open_breaks)


def settle_days(plans: Sequence[Plan], stand: Collection[date] = ()) -> list[Plan]:
    """Return plans of days made together, each with the breaks that the day after it chose; those that
    ``stand`` are left as they are."""
    out = list(plans)
    for at, (plan, following) in enumerate(pairwise(plans)):
        near = following.day - plan.day == timedelta(days=1)
        if near and plan.day not in stand and any(row.carried for row in following.placements):
            out[at] = settle_breaks(out[at], following)
    return out


def list_wishes(plan: Plan) -> dict[str, tuple[str, str]]:
    """Return the place and programme that each agent had last on a day, and keeps where it costs nothing."""
    return {row.agent: (row.place, row.programme) for row in plan.placements if not row.carried}


def name_days(operator: Operator, solved: Sequence[SolvedDay], version: str = "") -> list[Plan]:
    """Name the people of solved days, in order: agents keep the last place and programme they had.

    ``version`` is written into the plans.
    """
    plans: list[Plan] = []
    wish: dict[str, tuple[str, str]] = {}
    for one in solved:
        plan = name_plan(operator, one, wish, version=version)
        wish.update(list_wishes(plan))
        plans.append(plan)
    return settle_days(plans)


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
