"""The linear programme of a hybrid week: the days as they are planned alone, joined by people.

Beside the columns and rows of each day (:mod:`releve.plan.n1_rows`) stands one column per class
and day: H people at home. Rows, as they are named below:

* home   people of a group placed at home are no more than its classes have there;
* site   people of a group placed on sites are no more than the others;
* away   people of a team that meets are on its site, or at home;
* week   days at home of a class are within its contracts in each calendar week;
* meet   people of a team that meets are at home up to what its quorum leaves.

Up to :data:`MOST_WITH_LOSSES` agents the reliefs of all days stand in the programme; above,
the base days alone, each person at the price that the reliefs of the day planned alone put on the
place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import floor

import numpy as np

from releve.demand.tables import Requirement
from releve.network import Operator
from releve.network.decimal_grid import round_to_grid
from releve.plan.contingency import Contingency
from releve.plan.lp import Floats, Ints, LinearProgram, solve_lp
from releve.plan.n1_program import UNIQUE_DECIMALS, SecurePlan
from releve.plan.n1_rows import N1Day, add_n1_day
from releve.plan.problem import DayProblem
from releve.plan.settings import PlanSettings
from releve.plan.week.hybrid_classes import HybridClass
from releve.plan.week.hybrid_week import WorkDays, find_monday

__all__ = [
    "MOST_WITH_LOSSES",
    "FractionalWeek",
    "HybridDay",
    "HybridProblem",
    "Meetings",
    "count_away",
    "solve_hybrid_program",
]

MOST_WITH_LOSSES = 1_000
"""Agents up to which the reliefs of all days stand in one programme."""
STABLE_PRICE = 0.5
"""Price, in agent-intervals, of a person whose day is not where it was in the week before."""

Meetings = Mapping[str, frozenset[int]]
"""The numbers of the days on which each team meets."""


@dataclass(frozen=True)
class HybridDay:
    """A day to plan: its requirement, arrays, and the floors of its clients; ``alone`` is its plan
    without the week, where that stands for the reliefs."""

    need: Requirement
    problem: DayProblem
    floors: Floats
    contingencies: tuple[Contingency, ...]
    alone: SecurePlan | None = None


@dataclass(frozen=True)
class HybridProblem:
    """A hybrid week to plan: its days, who works, and the classes of people alike."""

    operator: Operator
    work: WorkDays
    days: tuple[HybridDay, ...]
    classes: tuple[HybridClass, ...]
    settings: PlanSettings


@dataclass(frozen=True)
class FractionalWeek:
    """``home[class][cell]`` people at home, in fractions; ``objective`` and its proved ``bound``;
    ``missed_calls`` of the base days, in all."""

    home: tuple[Floats, ...]
    objective: float
    bound: float
    missed_calls: float
    rows: int
    columns: int


def count_away(case: HybridProblem, team: str, d: int) -> int:
    """Return how many members at work may be at home when a team meets on a day."""
    members = case.work.list_members(case.operator, case.work.days[d]).get(team, ())
    return floor((1.0 - case.operator.team[team].quorum) * len(members) + 1e-9)


def solve_hybrid_program(
    case: HybridProblem, meetings: Meetings, *, stable: bool = False
) -> FractionalWeek:
    """Solve the week for teams that meet on given days.

    Without meetings the objective is a bound of every week with them. ``stable``: changes against
    the last week are paid for.
    """
    lp = LinearProgram()
    parts = []
    for day in case.days:
        price = None if day.alone is None else day.problem.price + day.alone.exposure_price
        losses = day.contingencies if day.alone is None else ()
        parts.append(add_n1_day(lp, day.problem, losses, day.floors, case.settings, price=price))
    home = [_add_class(lp, case, one, stable) for one in case.classes]
    for d, (day, part) in enumerate(zip(case.days, parts, strict=True)):
        _add_places(lp, case, d, day.problem, part, home)
        _add_absences(lp, case, d, day.problem, part, meetings)
    _add_meetings(lp, case, home, meetings)
    people = sum(float(day.problem.size.sum()) for day in case.days)
    effect = max(float(day.problem.efficiency.max(initial=1.0)) for day in case.days)
    found = solve_lp(lp, method="ipm", crossover=False, most=max(1.0, people * max(1.0, effect)))
    return FractionalWeek(
        home=tuple(
            round_to_grid(np.maximum(0.0, found.x[columns]), UNIQUE_DECIMALS) for columns in home
        ),
        objective=float(round_to_grid(found.objective + sum_wishes_on_site(case))),
        bound=float(round_to_grid(max(0.0, found.bound + sum_wishes_on_site(case)))),
        missed_calls=float(round_to_grid(_count_missed_calls(case, parts, found.x), 3)),
        rows=lp.n_rows,
        columns=lp.n_columns,
    )


def sum_wishes_on_site(case: HybridProblem) -> float:
    """Return what the wishes cost where all are on site; each day at home changes it."""
    return sum(cell.wish_site * one.size for one in case.classes for cell in one.cells)


def price_wishes(case: HybridProblem, home: Sequence[Ints]) -> float:
    """Return what the wishes cost for whole people at home."""
    return sum_wishes_on_site(case) + sum(
        float(heads) * (cell.wish_home - cell.wish_site)
        for one, row in zip(case.classes, home, strict=True)
        for cell, heads in zip(one.cells, row, strict=True)
    )


def _add_class(lp: LinearProgram, case: HybridProblem, one: HybridClass, stable: bool) -> Ints:
    """Add H of a class, a column per day it works, and its week rows."""
    cost = []
    for cell in one.cells:
        change = 0.0
        if stable and one.last is not None:
            change = -STABLE_PRICE if case.work.days[cell.day] in one.last else STABLE_PRICE
        cost.append(cell.wish_home - cell.wish_site + change)
    least = [float(cell.least) for cell in one.cells]
    most = [float(cell.most) for cell in one.cells]
    columns = lp.columns(len(one.cells), cost, least, most)
    for monday, (lower, upper) in one.bounds.items():
        mine = [
            i for i, cell in enumerate(one.cells) if find_monday(case.work.days[cell.day]) == monday
        ]
        row = lp.rows(1, float(lower * one.size), float(upper * one.size))
        lp.add(row, columns[mine])
    return columns


def _add_places(
    lp: LinearProgram,
    case: HybridProblem,
    d: int,
    problem: DayProblem,
    part: N1Day,
    home: Sequence[Ints],
) -> None:
    """Add the home and site rows of a day."""
    at_home = problem.place == problem.home
    bound = np.unique(problem.group[at_home])
    rows = np.full((2, len(problem.size)), -1, dtype=np.int64)
    rows[0, bound] = lp.rows(len(bound), upper=0.0)
    rows[1, bound] = lp.rows(len(bound), upper=problem.size[bound].astype(float))
    for row, here in ((rows[0], at_home), (rows[1], ~at_home)):
        js = np.nonzero(here & (row[problem.group] >= 0))[0]
        lp.add(row[problem.group[js]], part.base.w[js])
    for one, columns in zip(case.classes, home, strict=True):
        for cell, column in zip(one.cells, columns, strict=True):
            if cell.day == d and rows[0, cell.group] >= 0:
                lp.add(rows[0, cell.group], column, -1.0)
                lp.add(rows[1, cell.group], column, 1.0)


def _add_absences(
    lp: LinearProgram,
    case: HybridProblem,
    d: int,
    problem: DayProblem,
    part: N1Day,
    meetings: Meetings,
) -> None:
    """Add the away rows of a day: agents of a team that meets are not on another site."""
    meeting = np.zeros(len(problem.size), dtype=np.int64)
    for one in case.classes:
        if d in meetings.get(one.team, ()):
            for cell in one.cells:
                if cell.day == d:
                    meeting[cell.group] += one.size
    bound = np.nonzero(meeting)[0]
    if not len(bound):
        return
    row_of = np.full(len(problem.size), -1, dtype=np.int64)
    row_of[bound] = lp.rows(len(bound), upper=(problem.size - meeting)[bound].astype(float))
    own = [problem.sites.index(group.home_site) for group in problem.groups.groups]
    away = (problem.place != problem.home) & (problem.place != np.array(own)[problem.group])
    js = np.nonzero(away & (row_of[problem.group] >= 0))[0]
    lp.add(row_of[problem.group[js]], part.base.w[js])


def _add_meetings(
    lp: LinearProgram, case: HybridProblem, home: Sequence[Ints], meetings: Meetings
) -> None:
    """Add the meet rows; who leads a team is on its site."""
    for team, days in sorted(meetings.items()):
        for d in sorted(days):
            row = lp.rows(1, upper=float(count_away(case, team, d)))
            for one, columns in zip(case.classes, home, strict=True):
                mine = [i for i, cell in enumerate(one.cells) if cell.day == d]
                if mine and one.team == team:
                    lp.add(row, columns[mine])
                if mine and one.members[0] == case.operator.team[team].supervisor:
                    lp.add(lp.rows(1, upper=0.0), columns[mine])


def _count_missed_calls(case: HybridProblem, parts: Sequence[N1Day], x: Floats) -> float:
    """Return the calls that the base days miss, in proportion to the agents who are missing."""
    total = 0.0
    for day, part in zip(case.days, parts, strict=True):
        t, p = part.layout.cov_t, part.layout.cov_p
        calls = np.nan_to_num(day.need.calls[t, p]) / day.problem.required[t, p]
        total += float((np.maximum(0.0, x[part.base.u]) * calls).sum())
    return total
