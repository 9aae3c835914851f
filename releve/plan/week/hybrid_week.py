"""A hybrid week, who works at home and when each team meets, as a value and as a table.

Days are counted by calendar week (Monday to Sunday). An agent who works fewer than five days of a
week owes the contract's least days at home in proportion, rounded down. A team meets where at least
its quorum of the members at work, and its supervisor, are on its site. The table has a row per
agent, a column per day: ``home``, ``site``, ``meeting`` or nothing; French words are read too.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

import polars as pl

from releve.errors import Phrase
from releve.network import HOME, Agent, AgentTeam, Operator
from releve.network.table_words import fold
from releve.plan.problem import Eligibility, Presence
from releve.plan.result import Plan, read_agent
from releve.plan.roster import list_agents_at_work
from releve.plan.settings import PlanSettings

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
    """Return the agents at work on each day and their places, by roster, permits and programmes."""
    sites: dict[date, dict[str, frozenset[str]]] = {}
    home: dict[date, frozenset[str]] = {}
    for day in days:
        legality = Eligibility(operator, day, settings)
        pairs = {
            agent: legality.find_pairs(operator.agent[agent]) for agent in sorted(list_agents_at_work(operator, day))
        }
        sites[day] = {
            agent: frozenset(place for place, _ in legal if place != HOME) for agent, legal in pairs.items() if legal
        }
        home[day] = frozenset(agent for agent, legal in pairs.items() if any(place == HOME for place, _ in legal))
    return WorkDays(tuple(days), sites, home)


def find_monday(day: date) -> date:
    """Return the Monday of a day's calendar week."""
    return day - timedelta(days=day.weekday())


def count_least_home_days(agent: Agent, worked: int) -> int:
    """Return the days at home that an agent owes in a week with ``worked`` days at work."""
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
        {agent: frozenset(day for day in days if source.get(day) in held) for agent, held in week.home.items()},
        {team: tuple(day for day in days if source.get(day) in held) for team, held in week.meetings.items()},
    )


def read_planned_week(operator: Operator, plans: Sequence[Plan]) -> HybridWeek | None:
    """Return the hybrid week that plans were made for, without agents and teams that are gone;
    None where no team stands in it."""
    home = {plan.day: frozenset(plan.home_days) for plan in plans}
    agents = {row.agent for plan in plans for row in plan.placements}
    agents.update(*(map(read_agent, plan.reserve) for plan in plans), *home.values())
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
        {team: tuple(day for day, held in meets.items() if held.get(team)) for team in sorted(teams)},
    )


def select_past_days(week: HybridWeek | None, first: date) -> HybridWeek | None:
    """Return the days of a week that lie before ``first`` in its calendar week, if there are."""
    if week is None:
        return None
    days = [day for day in week.days if find_monday(first) <= day < first]
    return move_week(week, days) if days else None


_HOME, _SITE, _MEETING = "home", "site", "meeting"
_WORDS: Mapping[str, str] = {
    fold(word): meant
    for meant, words in (
        (_HOME, ("home", "télétravail", "tt", "maison", "domicile")),
        (_SITE, ("site", "sur site")),
        (_MEETING, ("meeting", "équipe", "réunion", "réunion d’équipe")),
    )
    for word in words
}
_FRENCH: Mapping[str, str] = {_HOME: "télétravail", _SITE: "site", _MEETING: "réunion"}


def format_week(operator: Operator, week: HybridWeek) -> str:
    """Return a week as the text of a CSV file."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(write_week_table(operator, week))
    return text.getvalue()


def write_week_table(operator: Operator, week: HybridWeek, *, french: bool = False) -> tuple[tuple[str, ...], ...]:
    """Return the rows of a week, the header first; agents in the order of teams and ids.

    An agent whose every cell is empty does not work in the week.
    """
    led = ("agent", "équipe" if french else "team", "site")
    at_work = {day: frozenset(list_agents_at_work(operator, day)) for day in week.days}
    rows = []
    for agent, home in sorted(week.home.items(), key=lambda item: (operator.agent[item[0]].team, item[0])):
        row = operator.agent[agent]
        cells = []
        for day in week.days:
            word = _MEETING if day in week.meetings.get(row.team, ()) else _SITE
            word = _HOME if day in home else word
            cells.append((_FRENCH[word] if french else word) if agent in at_work[day] else "")
        rows.append((agent, row.team, row.home_site, *cells))
    return ((*led, *(day.isoformat() for day in week.days)), *rows)


def read_week_table(operator: Operator, frame: pl.DataFrame) -> HybridWeek:
    """Return the week of a table as :func:`write_week_table` writes it, edited or not.

    ValueError names the column, or the row and day, that cannot be read.
    """
    names = {fold(name): name for name in frame.columns}
    if "agent" not in names:
        raise ValueError(Phrase("the column {0} is missing", "agent"))
    days = {}
    for name in frame.columns:
        try:
            days[date.fromisoformat(name.strip()[:10])] = name
        except ValueError:
            continue
    if not days:
        raise ValueError(Phrase("no column is named by a day like {0}", "2026-11-30"))
    home: dict[str, frozenset[date]] = {}
    meetings: dict[str, set[date]] = {}
    for number, row in enumerate(frame.cast(pl.String).iter_rows(named=True), start=2):
        agent = (row[names["agent"]] or "").strip()
        if agent not in operator.agent:
            raise ValueError(Phrase("row {0}: {1!r} is not the id of an agent", number, agent))
        if agent in home:
            raise ValueError(Phrase("row {0}: {1} stands in an earlier row too", number, agent))
        held = set()
        for day, name in days.items():
            text = (row[name] or "").strip()
            word = _WORDS.get(fold(text)) if text else ""
            if word is None:
                raise ValueError(
                    Phrase("row {0}, {1}: {2!r} is not home, site, meeting or empty", number, day.isoformat(), text)
                )
            if word == _HOME:
                held.add(day)
            if word == _MEETING:
                meetings.setdefault(operator.agent[agent].team, set()).add(day)
        home[agent] = frozenset(held)
    return HybridWeek(
        tuple(sorted(days)), home, {team: tuple(sorted(held)) for team, held in sorted(meetings.items()) if team}
    )
