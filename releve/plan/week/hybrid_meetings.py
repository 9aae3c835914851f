"""The days on which teams meet: where the fewest would be at home, within every contract.

No rule joins teams (the week's programme prices the seats and calls they share), so whether a week
is possible is answered team by team, in whole people; where it is not, the same small programme
says what would have to give way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from releve.errors import Phrase
from releve.kernels.arrays import Floats, Ints
from releve.plan.lp import LinearProgram, solve_lp
from releve.plan.planner import PlanError
from releve.plan.week.hybrid_program import HybridClass, HybridProblem, Meetings, count_away
from releve.plan.week.hybrid_week import HybridWeek, count_due_meetings, find_monday

RELAXATION_PRICES = {"least": 1.0, "most": 1.0, "quorum": 1.0, "meeting": 3.0}
"""How dear it is to give way: per day at home of an agent, per member missing, per meeting."""
UNIT = 1e4
"""What giving way costs beside a person at home on the day of a meeting."""
SPREAD = 1e-2
"""People at home by which teams that could meet on any day prefer different ones."""
MEETING_MOVED = 100.0
"""People at home on the day of a meeting that a moved one has to save."""


@dataclass(frozen=True)
class Relaxation:
    """What a team's week would take: of ``kind`` least or most (days at home of ``agent``), quorum
    or meeting (of ``team``), by ``amount``."""

    team: str
    kind: str
    agent: str
    amount: int

    def describe(self) -> Phrase:
        """Return the relaxation in words."""
        sentences = {
            "least": Phrase("team {0}: lower home_days_min of {1}, by {2} in all", self.team, self.agent, self.amount),
            "most": Phrase(
                "team {0}: raise home_days_max of {1}, by {2} in all, or permit travel",
                self.team,
                self.agent,
                self.amount,
            ),
            "quorum": Phrase("team {0}: lower the quorum of its meetings by {1}", self.team, self.amount),
            "meeting": Phrase(
                "team {0}: reduce the number of meetings by {1}, or give it a day shared with its supervisor",
                self.team,
                self.amount,
            ),
        }
        return sentences[self.kind]


class HybridInfeasibleError(PlanError):
    """No week keeps every contract and meeting; ``relaxations`` is the cheapest way out."""

    def __init__(self, relaxations: Sequence[Relaxation]) -> None:
        self.relaxations = tuple(relaxations)
        lines = "; ".join(str(one.describe()) for one in relaxations)
        super().__init__(f"no week keeps every contract and meeting. The cheapest that would do: {lines}")


def choose_meetings(
    case: HybridProblem, home: Sequence[Floats], past: HybridWeek | None = None, last: HybridWeek | None = None
) -> Meetings:
    """Return the days on which each team meets.

    ``home[class][cell]``: the people at home in a week without meetings. A meeting stays on the day
    of ``last`` where it may. Raises HybridInfeasibleError with what would have to give way, of all
    teams.
    """
    found: dict[str, frozenset[int]] = {}
    relaxations: list[Relaxation] = []
    by_team: dict[str, list[int]] = {}
    for i, one in enumerate(case.classes):
        by_team.setdefault(one.team, []).append(i)
    for number, team in enumerate(sorted(by_team)):
        held = len(past.meetings.get(team, ())) if past is not None else 0
        days = (*(past.days if past is not None else ()), *case.work.days)
        due = count_due_meetings(case.operator.team[team], days) - held if team else 0
        chosen, broken = _solve_team(
            case, team, number, by_team[team], [home[i] for i in by_team[team]], max(0, due),
            frozenset(last.meetings.get(team, ()) if last is not None else ()),
        )  # fmt: skip
        relaxations += broken
        if chosen:
            found[team] = chosen
    if relaxations:
        raise HybridInfeasibleError(relaxations)
    return found


def _solve_team(
    case: HybridProblem,
    team: str,
    number: int,
    members: Sequence[int],
    home: Sequence[Floats],
    due: int,
    before: frozenset[date],
) -> tuple[frozenset[int], list[Relaxation]]:
    """Choose the days of one team, in whole people, and what gives way where it has to."""
    classes = [case.classes[i] for i in members]
    lp = LinearProgram()
    heads = np.zeros(len(case.days))
    for one, row in zip(classes, home, strict=True):
        np.add.at(heads, [cell.day for cell in one.cells], row)
    heads += SPREAD * ((np.arange(len(heads)) - number) % len(heads))
    stays = np.array([day in before for day in case.work.days])
    price = heads + np.where(stays, 0.0, MEETING_MOVED if before else 0.0)
    meet = lp.columns(len(case.days), price, upper=np.where(_find_days(case, team), 1.0, 0.0))
    columns = [
        lp.columns(len(one.cells), 1e-3, [c.least for c in one.cells], [c.most for c in one.cells]) for one in classes
    ]
    slack: list[tuple[str, str, int]] = []

    def give(kind: str, agent: str) -> int:
        column = int(lp.columns(1, UNIT * RELAXATION_PRICES[kind])[0])
        slack.append((kind, agent, column))
        return column

    for one, own in zip(classes, columns, strict=True):
        _add_contracts(lp, case, one, own, give)
    missed = give("meeting", "")
    held = lp.rows(1, lower=float(due), upper=float(due))
    lp.add(held, meet)
    lp.add(held, missed)
    for d in range(len(case.days)) if due else ():
        _add_quorum(lp, case, team, d, classes, columns, int(meet[d]), give)
    x = solve_lp(lp, integer=np.concatenate([meet, *columns])).x
    broken = [
        Relaxation(team or "-", kind, agent, int(np.ceil(x[column] - 1e-6)))
        for kind, agent, column in slack
        if x[column] > 1e-6
    ]
    return frozenset(np.nonzero(x[meet] > 0.5)[0].tolist()), broken


def _find_days(case: HybridProblem, team: str) -> NDArray[np.bool_]:
    """Return on which days a team may meet: those that its supervisor works on its site."""
    found = np.zeros(len(case.days), dtype=np.bool_)
    if not team:
        return found
    row = case.operator.team[team]
    for d, day in enumerate(case.work.days):
        others = case.work.list_members(case.operator, day).get(team, ())
        leads = row.site in case.work.sites[day].get(row.supervisor, ())
        found[d] = leads and any(agent != row.supervisor for agent in others)
    return found


def _add_contracts(
    lp: LinearProgram, case: HybridProblem, one: HybridClass, own: Ints, give: Callable[[str, str], int]
) -> None:
    for monday, (least, most) in one.bounds.items():
        mine = [i for i, cell in enumerate(one.cells) if find_monday(case.work.days[cell.day]) == monday]
        for kind, lower, upper, sign in (
            ("least", float(least * one.size), np.inf, 1.0),
            ("most", -np.inf, float(most * one.size), -1.0),
        ):
            row = lp.rows(1, lower, upper)
            lp.add(row, own[mine])
            lp.add(row, give(kind, ", ".join(one.members)), sign)


def _add_quorum(
    lp: LinearProgram,
    case: HybridProblem,
    team: str,
    d: int,
    classes: Sequence[HybridClass],
    columns: Sequence[Ints],
    meet: int,
    give: Callable[[str, str], int],
) -> None:
    """Add the meet rows of a day: they bind where the team meets on it."""
    away = count_away(case, team, d)
    everyone = sum(one.size for one in classes for cell in one.cells if cell.day == d)
    row = lp.rows(1, upper=float(everyone))
    lp.add(row, meet, float(everyone - away))
    lp.add(row, give("quorum", ""), -1.0)
    for one, own in zip(classes, columns, strict=True):
        mine = [i for i, cell in enumerate(one.cells) if cell.day == d]
        if mine:
            lp.add(row, own[mine])
            if one.members[0] == case.operator.team[team].supervisor:
                led = lp.rows(1, upper=float(one.size))
                lp.add(led, own[mine])
                lp.add(led, meet, float(one.size))
