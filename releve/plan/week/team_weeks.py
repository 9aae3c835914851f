"""A hybrid week as its people see it: each team by day, and the days of a team's agents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from releve.network import HOME
from releve.plan.result import Placement, Plan, PlannedTeam

__all__ = ["AgentDay", "AgentWeek", "TeamDay", "TeamWeek", "WeekByTeam", "group_week_by_team"]

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
    placed = [{row.agent: row for row in plan.placements} for plan, _teams in days]

    def build(agent: str) -> AgentWeek:
        rows = (
            _build_agent_day(plan, teams.get(name), rows.get(agent), agent)
            for (plan, teams), rows in zip(days, placed, strict=True)
        )
        return AgentWeek(agent, agent in leaders, tuple(rows))

    return tuple(map(build, sorted({agent for _plan, team in own for agent in team.members})))


def _build_agent_day(
    plan: Plan, team: PlannedTeam | None, row: Placement | None, agent: str
) -> AgentDay | None:
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
