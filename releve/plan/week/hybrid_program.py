"""The linear programme of a hybrid week: its days, joined by people; from fractions to names.

Beside the columns and rows of each day (:mod:`releve.plan.n1_program`) stands one column per class
(agents alike on every day) and day: H people at home. Rows, as they are named below:

* home   people of a group placed at home are no more than its classes have there;
* site   people of a group placed on sites are no more than the others;
* away   people of a team that meets are on its site, or at home;
* week   days at home of a class are within its contracts in each calendar week;
* meet   people of a team that meets are at home up to what its quorum leaves.

Up to :data:`MOST_WITH_LOSSES` agents the reliefs of all days stand in the programme; above, the
base days alone, each person at the price that the reliefs of the day planned alone put on the
place. A 0/1 table with given days at home per day and nearly equal sums per person always exists
(Gale and Ryser), so a class needs one number per day.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import floor

import numpy as np

from releve.demand.requirement import Requirement
from releve.kernels.arrays import Floats, Ints
from releve.network import Agent, Operator
from releve.network.history_grid import round_to_grid
from releve.network.opening_hours import DAYS
from releve.plan.lp import LinearProgram, SolverError, solve_lp
from releve.plan.n1_program import UNIQUE_DECIMALS, N1Day, SecurePlan, add_n1_day
from releve.plan.problem import AgentGroups, DayProblem
from releve.plan.result import Contingency
from releve.plan.roster import list_agents_at_work
from releve.plan.settings import PlanSettings
from releve.plan.week.hybrid_week import HybridWeek, WorkDays, count_least_home_days, find_monday

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
    number = [{agent: g for g, members in enumerate(one.members) for agent in members} for one in groups]
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


def _count_past(operator: Operator, past: HybridWeek | None) -> dict[tuple[str, date], tuple[int, int]]:
    """Return the days worked and at home of each agent so far, by calendar week."""
    found: dict[tuple[str, date], tuple[int, int]] = {}
    for day in past.days if past is not None else ():
        for agent in list_agents_at_work(operator, day):
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


MOST_WITH_LOSSES = 1_000
"""Up to this many agents the reliefs of all days stand in one programme."""
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


def solve_hybrid_program(case: HybridProblem, meetings: Meetings, *, stable: bool = False) -> FractionalWeek:
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
        home=tuple(round_to_grid(np.maximum(0.0, found.x[columns]), UNIQUE_DECIMALS) for columns in home),
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
        mine = [i for i, cell in enumerate(one.cells) if find_monday(case.work.days[cell.day]) == monday]
        row = lp.rows(1, float(lower * one.size), float(upper * one.size))
        lp.add(row, columns[mine])
    return columns


def _add_places(
    lp: LinearProgram, case: HybridProblem, d: int, problem: DayProblem, part: N1Day, home: Sequence[Ints]
) -> None:
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
    lp: LinearProgram, case: HybridProblem, d: int, problem: DayProblem, part: N1Day, meetings: Meetings
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


def _add_meetings(lp: LinearProgram, case: HybridProblem, home: Sequence[Ints], meetings: Meetings) -> None:
    """Add the meet rows; the supervisor of a team is on its site."""
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


NEARNESS = 0.05
"""Price of a person of a class away from the fraction, beside 1 per person of a day's group."""
BOXES = (0.0, 1.0, np.inf)
"""How far beyond its two whole neighbours a number of people may be, tried in turn."""
MOST_NODES = 400


def round_home_heads(case: HybridProblem, home: Sequence[Floats], meetings: Meetings) -> tuple[Ints, ...]:
    """Return whole people at home, by class and cell, near ``home`` and within every rule.

    Near by day and group first, for these are what the plan of a day counts.
    """
    for box in BOXES:
        try:
            return _round_within(case, home, meetings, box)
        except SolverError:
            if box == BOXES[-1]:
                raise
    raise AssertionError


def _round_within(case: HybridProblem, home: Sequence[Floats], meetings: Meetings, box: float) -> tuple[Ints, ...]:
    lp = LinearProgram()
    columns = []
    totals: dict[tuple[int, int], tuple[list[int], float]] = {}
    for one, row in zip(case.classes, home, strict=True):
        least = np.array([cell.least for cell in one.cells], dtype=np.float64)
        most = np.array([cell.most for cell in one.cells], dtype=np.float64)
        lower = np.clip(np.floor(row) - box, least, most)
        upper = np.clip(np.ceil(row) + box, least, most)
        own = lp.columns(len(one.cells), 0.0, lower, upper)
        apart = lp.columns(2 * len(one.cells), NEARNESS).reshape(2, -1)
        equal = lp.rows(len(one.cells), row, row)
        lp.add(equal, own)
        lp.add(equal, apart[0], 1.0)
        lp.add(equal, apart[1], -1.0)
        columns.append(own)
        for monday, (fewest, largest) in one.bounds.items():
            mine = [i for i, cell in enumerate(one.cells) if find_monday(case.work.days[cell.day]) == monday]
            lp.add(lp.rows(1, float(fewest * one.size), float(largest * one.size)), own[mine])
        for cell, column, value in zip(one.cells, own, row, strict=True):
            held, total = totals.get((cell.day, cell.group), ([], 0.0))
            totals[cell.day, cell.group] = ([*held, int(column)], total + float(value))
    for held, total in totals.values():
        apart = lp.columns(2, 1.0)
        equal = lp.rows(1, total, total)
        lp.add(equal, held)
        lp.add(equal, apart, [1.0, -1.0])
    _add_meet_rows(lp, case, columns, meetings)
    found = solve_lp(lp, integer=np.concatenate(columns), options={"mip_max_nodes": MOST_NODES})
    return tuple(np.rint(found.x[own]).astype(np.int64) for own in columns)


def _add_meet_rows(lp: LinearProgram, case: HybridProblem, columns: Sequence[Ints], meetings: Meetings) -> None:
    for team, days in sorted(meetings.items()):
        for d in sorted(days):
            row = lp.rows(1, upper=float(count_away(case, team, d)))
            for one, own in zip(case.classes, columns, strict=True):
                mine = [i for i, cell in enumerate(one.cells) if cell.day == d]
                if mine and one.team == team:
                    lp.add(row, own[mine])
                    if one.members[0] == case.operator.team[team].supervisor:
                        lp.add(lp.rows(1, upper=0.0), own[mine])


def name_home_days(
    case: HybridProblem, heads: Sequence[Ints], meetings: Meetings, last: HybridWeek | None
) -> HybridWeek:
    """Name who of each class is at home: those with the fewest days so far in the calendar week,
    then those who were at home on that day of the week before.

    Days at home within a class differ by one at most, so that what a class keeps its members keep.
    """
    home: dict[str, set[int]] = {agent: set() for agent in case.work.by_agent}
    for one, row in zip(case.classes, heads, strict=True):
        count: dict[tuple[str, object], int] = {}
        for cell, number in zip(one.cells, row.tolist(), strict=True):
            day = case.work.days[cell.day]
            monday = find_monday(day)
            order = sorted(
                one.members,
                key=lambda agent: (
                    count.get((agent, monday), 0),
                    last is None or day not in last.home.get(agent, ()),
                    agent,
                ),
            )
            for agent in order[:number]:
                home[agent].add(cell.day)
                count[agent, monday] = count.get((agent, monday), 0) + 1
    days = case.work.days
    return HybridWeek(
        days=days,
        home={agent: frozenset(days[d] for d in held) for agent, held in sorted(home.items())},
        meetings={team: tuple(days[d] for d in sorted(held)) for team, held in sorted(meetings.items())},
    )
