"""What the page of a hybrid week holds, in no language."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from releve.desk.page import PageModel
from releve.network.model import HOME
from releve.plan.result import Placement, Plan, PlannedTeam

_Day = tuple[Plan, dict[str, PlannedTeam]]


class TeamDay(PageModel):
    """A team on a day: members on site and at home, and whether it meets."""

    site: int
    home: int
    meets: bool


class TeamWeek(PageModel):
    """A team's week; a day without any member at work is None."""

    id: str
    site: str
    supervisor: str
    days: tuple[TeamDay | None, ...]


class AgentDay(PageModel):
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


class AgentWeek(PageModel):
    """An agent's week; days off are None."""

    agent: str
    leads: bool
    days: tuple[AgentDay | None, ...]


class WeekPage(PageModel):
    """A calendar week by team and day. ``hybrid`` is False where it was not planned as one;
    ``team`` the one whose ``agents`` are listed; ``meetings`` and ``home_share`` sum the week."""

    operator: str
    synthetic: bool
    hybrid: bool
    days: tuple[date, ...]
    teams: tuple[TeamWeek, ...]
    total: tuple[TeamDay, ...]
    team: str
    agents: tuple[AgentWeek, ...]
    meetings: int
    home_share: float


def week_page(plans: Sequence[Plan], team: str) -> WeekPage:
    """Return the page of the plans of a week; ``team`` "" lists the agents of the first team."""
    days = [(plan, {one.id: one for one in plan.teams}) for plan in plans]
    names = sorted({name for _plan, teams in days for name in teams})
    chosen = team if team in names else (names[0] if names else "")
    rows = tuple(_team_week(days, name) for name in names)
    columns = zip(*(row.days for row in rows), strict=True)
    total = tuple(_add_up([day for day in column if day]) for column in columns)
    at_work = sum(day.site + day.home for day in total)
    return WeekPage(
        operator=plans[0].operator,
        synthetic=plans[0].synthetic,
        hybrid=bool(names),
        days=tuple(plan.day for plan in plans),
        teams=rows,
        total=total,
        team=chosen,
        agents=_agent_weeks(days, chosen),
        meetings=sum(day is not None and day.meets for row in rows for day in row.days),
        home_share=sum(day.home for day in total) / max(1, at_work),
    )


def _add_up(days: Sequence[TeamDay]) -> TeamDay:
    sums = (sum(day.site for day in days), sum(day.home for day in days))
    return TeamDay(site=sums[0], home=sums[1], meets=False)


def _team_week(days: Sequence[_Day], name: str) -> TeamWeek:
    known = next(teams[name] for _plan, teams in days if name in teams)
    return TeamWeek.from_row(
        known, days=tuple(_team_day(plan, teams.get(name)) for plan, teams in days)
    )


def _team_day(plan: Plan, team: PlannedTeam | None) -> TeamDay | None:
    if team is None:
        return None
    home = len(frozenset(plan.home_days).intersection(team.members))
    return TeamDay(site=len(team.members) - home, home=home, meets=team.meets)


def _agent_weeks(days: Sequence[_Day], name: str) -> tuple[AgentWeek, ...]:
    """Return the week of everybody who is in a team on one of the days."""
    own = [(plan, teams[name]) for plan, teams in days if name in teams]
    leaders = {team.supervisor for _plan, team in own}
    placed = [{row.agent: row for row in plan.placements} for plan, _teams in days]

    def week(agent: str) -> AgentWeek:
        rows = (
            _agent_day(plan, teams.get(name), rows.get(agent), agent)
            for (plan, teams), rows in zip(days, placed, strict=True)
        )
        return AgentWeek(agent=agent, leads=agent in leaders, days=tuple(rows))

    return tuple(
        week(agent) for agent in sorted({name for _, team in own for name in team.members})
    )


def _agent_day(
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
