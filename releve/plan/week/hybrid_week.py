"""A hybrid week as a value: who works at home on which day, and when each team meets.

Days are counted by calendar week (Monday to Sunday). An agent who works fewer than five days of a
week owes the contract's least days at home in proportion, rounded down. A team meets where at least
its quorum of the members at work, and its supervisor, are on its site.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

from releve.network import HOME, Agent, AgentTeam, Operator
from releve.plan.eligibility import Eligibility
from releve.plan.problem import Presence
from releve.plan.result import Plan
from releve.plan.roster import select_shifts
from releve.plan.settings import PlanSettings

__all__ = [
    "WHOLE_WEEK",
    "HybridWeek",
    "WorkDays",
    "count_due_meetings",
    "count_least_home_days",
    "find_monday",
    "list_work_days",
    "move_week",
    "read_planned_week",
    "select_past_days",
]

WHOLE_WEEK = 5
"""Days worked that make a whole week."""


@dataclass(frozen=True)
class HybridWeek:
    """``home[agent]``: the days at home of every agent of the week; ``meetings[team]``: days."""

    days: tuple[date, ...]
    home: Mapping[str, frozenset[date]]
    meetings: Mapping[str, tuple[date, ...]]


@dataclass(frozen=True)
class WorkDays:
    """Who works on the days to plan: ``sites[day][agent]`` the sites where an agent may work,
    ``home[day]`` the agents who may work at home."""

    days: tuple[date, ...]
    sites: Mapping[date, Mapping[str, frozenset[str]]]
    home: Mapping[date, frozenset[str]]

    @cached_property
    def by_agent(self) -> Mapping[str, frozenset[date]]:
        """Return the days on which each agent works."""
        found: dict[str, set[date]] = {}
        for day, agents in self.sites.items():
            for agent in agents:
                found.setdefault(agent, set()).add(day)
        return {agent: frozenset(days) for agent, days in found.items()}

    def list_members(self, operator: Operator, day: date) -> Mapping[str, tuple[str, ...]]:
        """Return the members at work of each team on a day."""
        found: dict[str, list[str]] = {}
        for agent in self.sites[day]:
            found.setdefault(operator.agent[agent].team, []).append(agent)
        return {team: tuple(members) for team, members in found.items() if team}

    def build_presence(self, operator: Operator, week: HybridWeek, day: date) -> Presence:
        """Return where agents may be on a day while nothing is lost; only those who are bound."""
        sites = frozenset(site.id for site in operator.sites)
        meeting = {team for team, days in week.meetings.items() if day in days}
        led = {operator.team[team].supervisor: operator.team[team].site for team in meeting}
        found: dict[str, frozenset[str]] = {}
        for agent in self.sites[day]:
            row = operator.agent[agent]
            if day in week.home.get(agent, ()):
                found[agent] = frozenset((HOME,))
            elif agent in led:
                found[agent] = frozenset((led[agent],))
            elif row.team in meeting:
                found[agent] = frozenset((operator.team[row.team].site,))
            elif agent in self.home[day]:
                found[agent] = sites
        return found


def list_work_days(operator: Operator, days: Sequence[date], settings: PlanSettings) -> WorkDays:
    """Return who works on each day and where they may, by roster, permits and programmes."""
    sites: dict[date, dict[str, frozenset[str]]] = {}
    home: dict[date, frozenset[str]] = {}
    for day in days:
        legality = Eligibility(operator, day, settings)
        pairs = {
            agent: legality.find_pairs(operator.agent[agent])
            for agent in sorted(select_shifts(operator, day))
        }
        sites[day] = {
            agent: frozenset(place for place, _ in legal if place != HOME)
            for agent, legal in pairs.items()
            if legal
        }
        home[day] = frozenset(
            agent for agent, legal in pairs.items() if any(place == HOME for place, _ in legal)
        )
    return WorkDays(tuple(days), sites, home)


def find_monday(day: date) -> date:
    """Return the Monday of a day's calendar week."""
    return day - timedelta(days=day.weekday())


def count_least_home_days(agent: Agent, worked: int) -> int:
    """Return the days at home that an agent owes in a week with so many days at work."""
    return agent.home_days_min * min(worked, WHOLE_WEEK) // WHOLE_WEEK


def count_due_meetings(team: AgentTeam, days: Sequence[date]) -> int:
    """Return how often a team meets in the calendar weeks of some days."""
    return team.count_meetings(len({find_monday(day) for day in days}))


def move_week(week: HybridWeek, days: Sequence[date]) -> HybridWeek:
    """Return the same week on other days: each day as the same day, or weekday, of ``week``."""
    by_weekday = {day.weekday(): day for day in reversed(week.days)}
    source = {
        day: day if day in week.days else by_weekday[day.weekday()]
        for day in days
        if day in week.days or day.weekday() in by_weekday
    }
    return HybridWeek(
        tuple(days),
        {
            agent: frozenset(day for day in days if source.get(day) in held)
            for agent, held in week.home.items()
        },
        {
            team: tuple(day for day in days if source.get(day) in held)
            for team, held in week.meetings.items()
        },
    )


def read_planned_week(operator: Operator, plans: Sequence[Plan]) -> HybridWeek | None:
    """Return the hybrid week that plans were made for, without agents and teams that are gone;
    None where no team stands in it."""
    home = {plan.day: frozenset(plan.home_days) for plan in plans}
    agents = {row.agent for plan in plans for row in plan.placements}
    agents.update(*(plan.reserve for plan in plans), *home.values())
    meets = {plan.day: {team.id: team.meets for team in plan.teams} for plan in plans}
    teams = {team for held in meets.values() for team in held} & operator.team.keys()
    if not teams:
        return None
    return HybridWeek(
        tuple(home),
        {
            agent: frozenset(day for day, held in home.items() if agent in held)
            for agent in sorted(agents & operator.agent.keys())
        },
        {
            team: tuple(day for day, held in meets.items() if held.get(team))
            for team in sorted(teams)
        },
    )


def select_past_days(week: HybridWeek | None, first: date) -> HybridWeek | None:
    """Return the days of a week that lie before ``first`` in its calendar week, if there are."""
    if week is None:
        return None
    days = [day for day in week.days if find_monday(first) <= day < first]
    return move_week(week, days) if days else None
