"""Agents alike on every day of a hybrid week: one class is planned as a number of people.

A 0/1 table with given days at home per day and nearly equal sums per person always exists (Gale and
Ryser), so that a class needs one number per day; names are given at the end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from releve.network import Agent, Operator
from releve.network.opening_text import DAYS
from releve.plan.problem import AgentGroups
from releve.plan.roster import select_shifts
from releve.plan.week.hybrid_week import (
    HybridWeek,
    WorkDays,
    count_least_home_days,
    find_monday,
)

__all__ = ["HybridCell", "HybridClass", "list_classes"]

WISH_PRICE = 0.05
"""Price, in agent-intervals, of a day that is not where an agent would like it."""


@dataclass(frozen=True)
class HybridCell:
    """A class on a day it works: the ``group`` of the day's problem, the ``least`` and ``most``
    people at home, and what each person at home or on site pays where they wish otherwise."""

    day: int
    group: int
    least: int
    most: int
    wish_home: float
    wish_site: float


@dataclass(frozen=True)
class HybridClass:
    """Agents of one team, contract, roster and wishes. ``bounds[monday]``: least and most days at
    home of each agent in a calendar week that are left to plan; ``last``: the days they were to be
    at home in the week before, None where they were in none."""

    members: tuple[str, ...]
    team: str
    cells: tuple[HybridCell, ...]
    bounds: Mapping[date, tuple[int, int]]
    last: frozenset[date] | None

    @property
    def size(self) -> int:
        """The number of agents."""
        return len(self.members)


def list_classes(
    operator: Operator,
    work: WorkDays,
    groups: Sequence[AgentGroups],
    past: HybridWeek | None = None,
    last: HybridWeek | None = None,
) -> tuple[HybridClass, ...]:
    """Return the classes of the agents who work on the days; ``groups`` are those of each day.

    ``past``: earlier days of the same weeks, which count; ``last``: the week to stay close to.
    """
    number = [
        {agent: g for g, members in enumerate(one.members) for agent in members} for one in groups
    ]
    leaders = {team.supervisor for team in operator.teams}
    earlier = _count_past(operator, past)
    found: dict[_ClassKey, list[str]] = {}
    for agent in sorted(work.by_agent):
        row = operator.agent[agent]
        key = _ClassKey(
            team=row.team,
            leader=agent if agent in leaders else "",
            days=tuple(
                (d, number[d][agent], agent in work.home[day], bool(work.sites[day][agent]))
                for d, day in enumerate(work.days)
                if agent in number[d]
            ),
            bounds=tuple(sorted(_bound_home_days(row, work, earlier).items())),
            wish=frozenset(DAYS.index(day) for day in row.home_wish),
            last=last.home.get(agent) if last is not None else None,
        )
        found.setdefault(key, []).append(agent)
    return tuple(_build_class(work, key, tuple(members)) for key, members in found.items())


@dataclass(frozen=True)
class _ClassKey:
    """What agents of a class share; ``days``: number, group, whether home and a site may be."""

    team: str
    leader: str
    days: tuple[tuple[int, int, bool, bool], ...]
    bounds: tuple[tuple[date, tuple[int, int]], ...]
    wish: frozenset[int]
    last: frozenset[date] | None


def _count_past(
    operator: Operator, past: HybridWeek | None
) -> dict[tuple[str, date], tuple[int, int]]:
    """Return the days worked and at home of each agent so far, by calendar week."""
    found: dict[tuple[str, date], tuple[int, int]] = {}
    for day in past.days if past is not None else ():
        for agent in select_shifts(operator, day):
            worked, home = found.get((agent, find_monday(day)), (0, 0))
            at_home = past is not None and day in past.home.get(agent, ())
            found[agent, find_monday(day)] = (worked + 1, home + at_home)
    return found


def _bound_home_days(
    row: Agent, work: WorkDays, earlier: Mapping[tuple[str, date], tuple[int, int]]
) -> dict[date, tuple[int, int]]:
    days: dict[date, int] = {}
    for day in work.by_agent[row.id]:
        days[find_monday(day)] = days.get(find_monday(day), 0) + 1
    found = {}
    for monday, count in days.items():
        worked, home = earlier.get((row.id, monday), (0, 0))
        least = max(0, count_least_home_days(row, worked + count) - home)
        most = count if row.home_days_max is None else max(0, row.home_days_max - home)
        found[monday] = (least, min(count, most))
    return found


def _build_class(work: WorkDays, key: _ClassKey, members: tuple[str, ...]) -> HybridClass:
    size = len(members)
    wanted = [day.weekday() in key.wish for day in work.days]
    cells = tuple(
        HybridCell(
            day=d,
            group=group,
            least=0 if site else size,
            most=size if home else 0,
            wish_home=WISH_PRICE if key.wish and not wanted[d] else 0.0,
            wish_site=WISH_PRICE if wanted[d] else 0.0,
        )
        for d, group, home, site in key.days
    )
    return HybridClass(members, key.team, cells, dict(key.bounds), key.last)
