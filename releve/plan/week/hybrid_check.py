"""Recount a hybrid week from the operator's rows alone: days at home, meetings, placements.

Shares no code with the module that plans it. Seats, rules and N-1 of each day are recounted by
:mod:`releve.plan.checker`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date

from releve.errors import Phrase
from releve.network import HOME, Operator, zone
from releve.plan.result import Plan
from releve.plan.week.hybrid_week import HybridWeek

__all__ = ["check_hybrid_week"]


def check_hybrid_week(
    operator: Operator, week: HybridWeek, plans: Sequence[Plan] = (), past: HybridWeek | None = None
) -> tuple[Phrase, ...]:
    """Return what breaks a rule, in sentences; ``past``: earlier days that count with these."""
    days = (*(past.days if past else ()), *week.days)
    tz = zone(operator.row.time_zone)
    at_work: dict[date, set[str]] = {day: set() for day in days}
    for shift in operator.shifts:
        day = shift.start.astimezone(tz).date()
        if day in at_work:
            at_work[day].add(shift.agent)
    home = {day: {a for a, held in week.home.items() if day in held} for day in week.days}
    if past is not None:
        for day in past.days:
            home[day] = {agent for agent, held in past.home.items() if day in held}
    return (
        *_check_home_days(operator, at_work, home, week),
        *_check_meetings(operator, at_work, home, week, past),
        *_check_placements(operator, home, week, plans),
    )


def _check_home_days(
    operator: Operator, at_work: dict[date, set[str]], home: dict[date, set[str]], week: HybridWeek
) -> Iterator[Phrase]:
    """Yield days at home that are not worked or not possible, and contracts that are not kept."""
    allowed = {row.id for row in operator.programmes if row.place == "home_allowed"}
    worked: Counter[tuple[str, tuple[int, int]]] = Counter()
    at_home: Counter[tuple[str, tuple[int, int]]] = Counter()
    for day, agents in at_work.items():
        number = day.isocalendar()[:2]
        worked.update((agent, number) for agent in agents)
        at_home.update((agent, number) for agent in home[day] & agents)
        for agent in sorted(home[day]):
            row = operator.agent.get(agent)
            if row is None or agent not in agents:
                yield Phrase("{0} is at home on {1} without a shift", agent, day.isoformat())
            elif not row.home_ready or not allowed.intersection(row.skills):
                yield Phrase("{0} cannot work at home on {1}", agent, day.isoformat())
    planned = {day.isocalendar()[:2] for day in week.days}
    for (agent, number), count in sorted(worked.items()):
        row = operator.agent[agent]
        held = at_home[agent, number]
        least = row.home_days_min * min(count, 5) // 5
        if number in planned and held < least:
            yield Phrase("{0} has {1} days at home in a week, {2} are due", agent, held, least)
        if number in planned and row.home_days_max is not None and held > row.home_days_max:
            most = row.home_days_max
            yield Phrase("{0} has {1} days at home in a week, at most {2}", agent, held, most)


def _check_meetings(
    operator: Operator,
    at_work: dict[date, set[str]],
    home: dict[date, set[str]],
    week: HybridWeek,
    past: HybridWeek | None,
) -> Iterator[Phrase]:
    """Yield meetings that are missing, without supervisor or below the quorum."""
    weeks = len({day.isocalendar()[:2] for day in at_work})
    members = {row.id: set[str]() for row in operator.teams}
    for row in operator.agents:
        if row.team:
            members[row.team].add(row.id)
    for team in operator.teams:
        held = set(week.meetings.get(team.id, ()))
        if past is not None:
            held |= set(past.meetings.get(team.id, ()))
        due = team.meets_per_fortnight * weeks // 2
        if members[team.id] and len(held) < due:
            yield Phrase("the team {0} meets {1} times, {2} are due", team.id, len(held), due)
        for day in sorted(held & set(week.days)):
            here = (members[team.id] & at_work[day]) - home[day]
            if team.supervisor not in at_work[day] - home[day]:
                yield Phrase("{0} meets on {1} without its supervisor", team.id, day.isoformat())
            present = len(members[team.id] & at_work[day])
            if len(here) < team.quorum * present - 1e-9:
                yield Phrase(
                    "{0} meets on {1} with {2} of {3} at work",
                    team.id, day.isoformat(), len(here), present,
                )  # fmt: skip


def _check_placements(
    operator: Operator, home: dict[date, set[str]], week: HybridWeek, plans: Sequence[Plan]
) -> Iterator[Phrase]:
    """Yield placements of the plans that are not where the week has the agent."""
    allowed = {row.id for row in operator.programmes if row.place == "home_allowed"}
    for plan in plans:
        if plan.day not in home:
            continue
        for row in plan.placements:
            agent = operator.agent[row.agent]
            may = agent.home_ready and bool(allowed.intersection(agent.skills))
            if may and (row.place == HOME) != (row.agent in home[plan.day]):
                day = plan.day.isoformat()
                yield Phrase(
                    "{0} is placed at {1} on {2} against the week", agent.id, row.place, day
                )
            team = operator.team.get(agent.team)
            meets = team is not None and plan.day in week.meetings.get(team.id, ())
            if team is not None and meets and row.place not in (HOME, team.site):
                yield Phrase("{0} is away when {1} meets on {2}", agent.id, team.id, plan.day)
