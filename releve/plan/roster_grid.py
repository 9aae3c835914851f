"""The grid of a roster: agents down, days across, each day with what an agent does on it.

A planned day says where a duty is worked and for which programme; a day without a plan, what the roster says.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from releve.network import HOME, Agent, Operator
from releve.plan.result import CARRIED, Placement, Plan, build_duty_key, read_agent
from releve.plan.roster import select_duties


class CellState(StrEnum):
    """What an agent does on a day, in a code of one letter that is written beside the colour."""

    SITE = "site"
    OTHER = "other"
    HOME = "home"
    RESERVE = "reserve"
    ROSTER = "roster"
    """The day has no plan: the roster alone says that the agent works."""
    AWAY = "away"


Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class GridCell:
    """One duty of an agent on a day, or an absence; ``site`` and ``programme`` are empty where there is none.

    ``periods`` in UTC without the gaps of a split shift, ``breaks`` within them; ``what`` the kind of an absence or
    activity, as the table has it. ``crosses``: the duty goes beyond the day, so that it cannot be edited alone.
    """

    key: str
    state: CellState
    site: str = ""
    programme: str = ""
    periods: tuple[Span, ...] = ()
    breaks: tuple[Span, ...] = ()
    what: str = ""
    crosses: bool = False


@dataclass(frozen=True)
class GridDay:
    """A day of the grid: what agents do on it, by agent; those without work are not there."""

    day: date
    planned: bool
    cells: Mapping[str, tuple[GridCell, ...]]


def build_grid_day(operator: Operator, day: date, plan: Plan | None) -> GridDay:
    """Return a day of the grid: of its plan, or of the roster where it has none (None)."""
    first, last = operator.day_bounds(day)
    found: dict[str, list[GridCell]] = {}
    if plan is None or plan.reserve:
        reserve = None if plan is None else frozenset(plan.reserve)
        state = CellState.ROSTER if plan is None else CellState.RESERVE
        for key, duty in select_duties(operator, day).items():
            if key == build_duty_key(duty.agent, CARRIED) or (reserve is not None and key not in reserve):
                continue
            periods = tuple((row.start, row.end) for row in duty.periods)
            cell = GridCell(key, state, periods=periods, crosses=duty.end > last)
            found.setdefault(duty.agent, []).append(cell)
    for row in () if plan is None else plan.placements:
        if not row.carried:
            found.setdefault(row.agent, []).append(build_grid_cell(operator, row, last))
    for absence in operator.absences:
        if absence.start < last and absence.end > first:
            span = (max(first, absence.start), min(last, absence.end))
            cell = GridCell("", CellState.AWAY, periods=(span,), what=absence.kind)
            found.setdefault(absence.agent, []).append(cell)
    cells = {agent: tuple(sorted(rows, key=lambda row: (row.periods, row.key))) for agent, rows in found.items()}
    return GridDay(day, plan is not None, cells)


def build_grid_cell(operator: Operator, row: Placement, last: datetime) -> GridCell:
    """Return the cell of a placement; ``last``: when its day ends."""
    agent = operator.agent.get(row.agent)
    state = CellState.HOME if row.place == HOME else CellState.SITE
    if state is CellState.SITE and agent is not None and row.place != agent.home_site:
        state = CellState.OTHER
    breaks = [(pause.start, pause.end) for pause in row.pauses if not pause.away]
    if row.break_start is not None and row.break_end is not None:
        breaks.append((row.break_start, row.break_end))
    site = "" if row.place == HOME else row.place
    periods = row.list_periods()
    return GridCell(row.key, state, site, row.programme, periods, tuple(sorted(breaks)), crosses=row.end > last)


def change_grid_day(operator: Operator, grid: GridDay, plan: Plan, keys: Collection[str], shifts: Operator) -> GridDay:
    """Return a day with the duties of some keys as another plan of it has them.

    ``shifts``: the reference data with the roster of the agents of these keys alone, for those in reserve.
    """
    agents = {read_agent(key) for key in keys}
    placed = [row for row in plan.placements if row.agent in agents and not row.carried]
    _first, last = operator.day_bounds(grid.day)
    cells = dict(grid.cells)
    reserve = select_duties(shifts, grid.day) if agents & {read_agent(key) for key in plan.reserve} else {}
    for agent in agents:
        rows = [build_grid_cell(operator, row, last) for row in placed if row.agent == agent]
        rows += [
            GridCell(key, CellState.RESERVE, periods=tuple((one.start, one.end) for one in duty.periods))
            for key, duty in reserve.items()
            if duty.agent == agent and key in plan.reserve
        ]
        rows += [row for row in grid.cells.get(agent, ()) if row.state is CellState.AWAY]
        cells[agent] = tuple(sorted(rows, key=lambda row: (row.periods, row.key)))
    return GridDay(grid.day, grid.planned, cells)


@dataclass(frozen=True, slots=True)
class GridFilter:
    """Which agents are shown; an empty value shows all. ``text`` is a part of the pseudonym."""

    site: str = ""
    team: str = ""
    client: str = ""
    skill: str = ""
    text: str = ""


def list_agents(operator: Operator, days: Sequence[GridDay], wanted: GridFilter) -> tuple[Agent, ...]:
    """Return the agents of a grid by site, team and id.

    Of a site are those who belong to it or are placed on it in these days, of a client those who work for it in
    these days.
    """
    rows = sorted(operator.agents, key=lambda agent: (agent.home_site, agent.team, agent.id))
    client_of = {row.id: row.client for row in operator.programmes}
    named = _list_named(days, wanted, client_of) if wanted.site or wanted.client else (set(), set())

    def shows(agent: Agent) -> bool:
        if wanted.team and agent.team != wanted.team:
            return False
        if wanted.skill and wanted.skill not in agent.skills:
            return False
        if wanted.text and wanted.text not in agent.id:
            return False
        if wanted.client and agent.id not in named[1]:
            return False
        return not wanted.site or agent.home_site == wanted.site or agent.id in named[0]

    return tuple(agent for agent in rows if shows(agent))


def _list_named(days: Sequence[GridDay], wanted: GridFilter, client_of: Mapping[str, str]) -> tuple[set[str], set[str]]:
    """Return who is placed on the site, and who works for the client, in these days."""
    on_site, for_client = set(), set()
    for day in days:
        for agent, cells in day.cells.items():
            for cell in cells:
                if wanted.site and cell.site == wanted.site:
                    on_site.add(agent)
                if wanted.client and client_of.get(cell.programme) == wanted.client:
                    for_client.add(agent)
    return on_site, for_client


def list_half_hours(cells: Sequence[GridCell], starts: Sequence[datetime]) -> tuple[tuple[str, int], ...]:
    """Return what an agent does through a day, as runs of half hours: a code and how many.

    The code is that of a state, ``break``, or empty for no work.
    """
    codes = [""] * len(starts)
    for at, start in enumerate(starts):
        for cell in cells:
            if any(begin <= start < end for begin, end in cell.periods):
                resting = any(begin <= start < end for begin, end in cell.breaks)
                codes[at] = "break" if resting else str(cell.state)
    return tuple(_run_lengths(codes))


def _run_lengths(codes: Sequence[str]) -> Iterator[tuple[str, int]]:
    begun = 0
    for at in range(1, len(codes) + 1):
        if at == len(codes) or codes[at] != codes[begun]:
            yield codes[begun], at - begun
            begun = at
