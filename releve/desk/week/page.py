"""What the page of a hybrid week holds, in no language."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from releve.desk.page import PageModel
from releve.network.model import HOME
from releve.plan.result import Placement, Plan, PlannedTeam


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
    by_id = [{one.id: one for one in plan.teams} for plan in plans]
    names = sorted({name for teams in by_id for name in teams})
    chosen = team if team in names else (names[0] if names else "")
    rows = tuple(_team_week(plans, by_id, name) for name in names)
    columns = [
        [day for day in column if day] for column in zip(*(r.days for r in rows), strict=True)
    ]
    total = tuple(
        TeamDay(site=sum(day.site for day in held), home=sum(day.home for day in held), meets=False)
        for held in columns
    )
    at_work = sum(day.site + day.home for day in total)
    return WeekPage(
        operator=plans[0].operator,
        synthetic=plans[0].synthetic,
        hybrid=bool(names),
        days=tuple(plan.day for plan in plans),
        teams=rows,
        total=total,
        team=chosen,
        agents=_agent_weeks(plans, by_id, chosen),
        meetings=sum(day is not None and day.meets for row in rows for day in row.days),
        home_share=sum(day.home for day in total) / max(1, at_work),
    )


def _team_week(
    plans: Sequence[Plan], by_id: Sequence[dict[str, PlannedTeam]], name: str
) -> TeamWeek:
    known = next(teams[name] for teams in by_id if name in teams)
    days: list[TeamDay | None] = []
    for plan, teams in zip(plans, by_id, strict=True):
        if name not in teams:
            days.append(None)
            continue
        home = len(frozenset(plan.home_days).intersection(teams[name].members))
        members = len(teams[name].members)
        days.append(TeamDay(site=members - home, home=home, meets=teams[name].meets))
    return TeamWeek(id=name, site=known.site, supervisor=known.supervisor, days=tuple(days))


def _agent_weeks(
    plans: Sequence[Plan], by_id: Sequence[dict[str, PlannedTeam]], team: str
) -> tuple[AgentWeek, ...]:
    agents = sorted({agent for teams in by_id if team in teams for agent in teams[team].members})
    placed = [{row.agent: row for row in plan.placements} for plan in plans]
    leaders = {teams[team].supervisor for teams in by_id if team in teams}
    return tuple(
        AgentWeek(
            agent=agent,
            leads=agent in leaders,
            days=tuple(
                _agent_day(plan, teams[team], own.get(agent), agent)
                if team in teams and agent in teams[team].members
                else None
                for plan, teams, own in zip(plans, by_id, placed, strict=True)
            ),
        )
        for agent in agents
    )


def _agent_day(plan: Plan, team: PlannedTeam, row: Placement | None, agent: str) -> AgentDay:
    sites = {site.id: site for site in plan.sites}
    at_home = agent in plan.home_days
    place = row.place if row is not None else "reserve"
    where = place if place in sites else team.site
    return AgentDay(
        place=place,
        site=sites[where].name if where in sites else where,
        at_home=at_home if place != HOME else True,
        meets=team.meets,
        start=None if row is None else row.start,
        end=None if row is None else row.end,
        time_zone=sites[where].time_zone if where in sites else plan.time_zone,
    )
