"""From a fractional hybrid week to whole people and names."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from releve.plan.lp import Floats, Ints, LinearProgram, SolverError, solve_lp
from releve.plan.week.hybrid_program import HybridProblem, Meetings, count_away
from releve.plan.week.hybrid_week import HybridWeek, find_monday

__all__ = ["name_home_days", "round_home_heads"]

NEARNESS = 0.05
"""Price of a person of a class away from the fraction, beside 1 per person of a day's group."""
BOXES = (0.0, 1.0, np.inf)
"""How far beyond its two whole neighbours a number of people may be, tried in turn."""
MOST_NODES = 400


def round_home_heads(
    case: HybridProblem, home: Sequence[Floats], meetings: Meetings
) -> tuple[Ints, ...]:
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


def _round_within(
    case: HybridProblem, home: Sequence[Floats], meetings: Meetings, box: float
) -> tuple[Ints, ...]:
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
            mine = [
                i
                for i, cell in enumerate(one.cells)
                if find_monday(case.work.days[cell.day]) == monday
            ]
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


def _add_meet_rows(
    lp: LinearProgram, case: HybridProblem, columns: Sequence[Ints], meetings: Meetings
) -> None:
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
        meetings={
            team: tuple(days[d] for d in sorted(held)) for team, held in sorted(meetings.items())
        },
    )
