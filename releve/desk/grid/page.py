"""What the pages of the grid hold, in no language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from pydantic import Field

from releve.desk.page import PageModel, Said
from releve.errors import Phrase
from releve.network import HOME, Agent, Operator
from releve.plan import Placement, Plan
from releve.plan.comparison import ComparedPlan, compare_plans
from releve.plan.result import BASE, read_agent
from releve.plan.roster_edits import DayEditor, DutyEdit, RosterEdit, list_changed_cells
from releve.plan.roster_grid import CellState, GridCell, GridDay, GridFilter, Span, list_agents, list_half_hours
from releve.plan.service_status import Status
from releve.runs.grid_days import RosterGrid
from releve.runs.roster_draft import DayDrift, PlannerDraft
from releve.runs.roster_sheet import SheetReading

ROWS = 40
"""Agents of a part of the grid: as many as a screen shows, and a few more."""


class GridHead(PageModel):
    """A column: a day, whether it has a plan in force, and whether its duties can be edited."""

    day: date
    planned: bool
    editable: bool

    @property
    def half_query(self) -> str:
        """What of the query shows this day by half hours."""
        return f"from={self.day}&scale=half"


class CellRow(PageModel):
    """A duty of an agent on a day, or an absence, in the time zone of the row."""

    key: str
    state: str = Field(description="site, other, home, reserve, roster or away")
    site: str
    programme: str
    periods: tuple[Span, ...]
    what: str = Field(description="Of an absence or activity its kind")
    crosses: bool
    edited: bool = Field(description="By the reader’s draft")


class AgentRow(PageModel):
    """An agent, under a pseudonym, with what is done on each day; of one day also by runs of half hours."""

    agent: str
    team: str
    site: str
    time_zone: str
    days: tuple[tuple[CellRow, ...], ...]
    half_hours: tuple[tuple[str, int], ...] = ()


class DraftHead(PageModel):
    """The reader’s draft in a line."""

    number: int
    edits: int
    days: tuple[date, ...]
    outdated: bool = Field(description="Another plan of one of its days came in force since")


class GridPage(PageModel):
    """A part of the grid: ``total`` agents of the filter, of whom ``rows`` begin with the one numbered ``first``."""

    time_zone: str
    first_day: date
    count: int
    half_hours: bool = Field(description="One day by half hours")
    starts: tuple[datetime, ...] = Field(description="The half hours of that day")
    days: tuple[GridHead, ...]
    site: str
    team: str
    client: str
    skill: str
    text: str
    total: int
    first: int
    rows: tuple[AgentRow, ...]
    parts: int = Field(description="Parts of as many rows as this one")
    part: int = Field(description="Which of them this is, from 0")
    draft: DraftHead
    stand: str = Field(description="Version of the reference data and record of the calendar")

    @property
    def last_day(self) -> date:
        return self.first_day + timedelta(days=self.count - 1)

    @property
    def earlier_query(self) -> str:
        """What of the query shows the days before these."""
        return f"from={self.first_day - timedelta(days=self.count)}"

    @property
    def later_query(self) -> str:
        """What of the query shows the days after these."""
        return f"from={self.first_day + timedelta(days=self.count)}"

    @property
    def every_part(self) -> range:
        """The parts in their order: this one has its rows, the others are read when they come into view."""
        return range(self.parts)

    @property
    def states(self) -> tuple[str, ...]:
        """The states that the key explains."""
        found = [str(state) for state in CellState]
        return (*found, "break") if self.half_hours else tuple(found)

    @property
    def on_paper(self) -> GridPage:
        """The same without a way to edit."""
        heads = tuple(head.model_copy(update={"editable": False}) for head in self.days)
        return self.model_copy(update={"days": heads, "half_hours": False})


@dataclass(frozen=True, slots=True)
class GridQuery:
    """What a reader asks to see: from a day on, ``count`` days, one of them ``by_half_hours``."""

    first: date
    count: int
    by_half_hours: bool
    wanted: GridFilter


def grid_page(
    grid: RosterGrid, query: GridQuery, draft: PlannerDraft, part: int, today: date, *, outdated: bool, may_edit: bool
) -> GridPage:
    """Return a part of the grid."""
    agents = list_agents(grid.operator, grid.days, query.wanted)
    first = part * ROWS
    starts: tuple[datetime, ...] = ()
    if query.by_half_hours:
        begin, end = grid.operator.day_bounds(query.first)
        half = timedelta(minutes=30)
        starts = tuple(begin + n * half for n in range((end - begin) // half))
    return GridPage.from_row(
        query.wanted,
        time_zone=grid.operator.row.time_zone,
        first_day=query.first,
        count=query.count,
        half_hours=query.by_half_hours,
        starts=starts,
        days=tuple(
            GridHead(day=one.day, planned=one.planned, editable=may_edit and one.planned and one.day >= today)
            for one in grid.days
        ),
        total=len(agents),
        first=first,
        rows=tuple(_build_row(grid, agent, starts) for agent in agents[first : first + ROWS]),
        parts=max(1, -(-len(agents) // ROWS)),
        part=part,
        draft=DraftHead(number=draft.number, edits=len(draft.edits), days=draft.days, outdated=outdated),
        stand=str(grid.stand),
    )


def all_rows(grid: RosterGrid, wanted: GridFilter) -> tuple[AgentRow, ...]:
    """Return every row of a filter, for print."""
    return tuple(_build_row(grid, agent, ()) for agent in list_agents(grid.operator, grid.days, wanted))


def _build_row(grid: RosterGrid, agent: Agent, starts: Sequence[datetime]) -> AgentRow:
    site = grid.operator.site[agent.home_site]
    return AgentRow(
        agent=agent.id,
        team=agent.team,
        site=agent.home_site,
        time_zone=site.time_zone,
        days=tuple(_build_cells(grid, day, agent.id) for day in grid.days),
        half_hours=list_half_hours(grid.days[0].cells.get(agent.id, ()), starts) if starts else (),
    )


def _build_cells(grid: RosterGrid, day: GridDay, agent: str) -> tuple[CellRow, ...]:
    edited = grid.edited.get(day.day, frozenset())
    return tuple(_build_cell(cell, edited=cell.key in edited) for cell in day.cells.get(agent, ()))


def _build_cell(cell: GridCell, *, edited: bool) -> CellRow:
    return CellRow.from_row(cell, state=str(cell.state), edited=edited)


class DutyRow(PageModel):
    """A duty before an edit and after it; no place: in reserve."""

    key: str
    agent: str
    time_zone: str
    before: CellRow | None
    after: CellRow | None
    periods: tuple[Span, ...] = Field(description="Its rows of the roster where times change")

    @classmethod
    def of(cls, editor: DayEditor, key: str, placed: Placement | None, edits: Sequence[RosterEdit]) -> DutyRow:
        """Return a duty as some edits leave it."""
        one = DutyEdit(key, placed, placed, shifts=editor.list_rows(key, edits))
        return _build_duty(editor.operator, one)


class ClientEffect(PageModel):
    """What an edit does to a client: half hours missing over the day, coverage of the worst one, status in N-1."""

    client: str
    name: str
    missing_before: float
    missing_after: float
    worst_before: float
    worst_after: float
    before: Status
    after: Status


class LossEffect(PageModel):
    """A client under a loss that gets another status by an edit."""

    client: str
    name: str
    contingency: str
    kind: str
    lost: str
    before: Status
    after: Status
    missing_before: float
    missing_after: float


class EffectPage(PageModel):
    """An edit before it is kept: the duties, what changes for clients, and what it would break."""

    day: date
    kind: str
    duties: tuple[DutyRow, ...]
    clients: tuple[ClientEffect, ...]
    losses: tuple[LossEffect, ...]
    more: int = Field(description="Cells of the matrix whose coverage changes and whose status does not")
    faults: tuple[Said, ...] = Field(description="What it would break: it cannot be kept")
    paid: tuple[Said, ...] = Field(description="Rows of working time that it meets and that cost or warn")


def effect_page(editor: DayEditor, before: Plan, edits: Sequence[RosterEdit], since: int) -> EffectPage:
    """Return what the edits from ``since`` on do to a day that had the others already."""
    after = editor.apply(edits)
    changed = list_changed_cells(before, after)
    names, need = dict(after.clients), {client: after.sum_required(client) for client, _ in after.clients}
    had, has = ({row.client: row.status for row in plan.verdicts} for plan in (before, after))
    touched = {one.after.client for one in changed}
    losses = {row.id: row for row in after.contingencies}
    clients = []
    for client in (client for client, _ in after.clients if client in touched):
        old, new = before.cell[client, BASE], after.cell[client, BASE]
        clients.append(
            ClientEffect(
                client=client,
                name=names[client],
                missing_before=old.shortfall * need[client] / 2,
                missing_after=new.shortfall * need[client] / 2,
                worst_before=old.worst_coverage,
                worst_after=new.worst_coverage,
                before=had[client],
                after=has[client],
            )
        )
    others = [one for one in changed if one.after.contingency != BASE]
    return EffectPage(
        day=after.day,
        kind=edits[-1].kind,
        duties=tuple(_build_duty(editor.operator, one) for edit in edits[since:] for one in edit.duties),
        clients=tuple(clients),
        losses=tuple(
            LossEffect(
                client=one.after.client,
                name=names[one.after.client],
                contingency=one.after.contingency,
                kind=losses[one.after.contingency].kind,
                lost=losses[one.after.contingency].name,
                before=one.before.status,
                after=one.after.status,
                missing_before=one.before.shortfall * need[one.after.client] / 2,
                missing_after=one.after.shortfall * need[one.after.client] / 2,
            )
            for one in others
            if one.before.status != one.after.status
        ),
        more=sum(one.before.status == one.after.status for one in others),
        faults=editor.find_faults(edits, after, since),
        paid=editor.list_breaches(edits, since, forbidden=False),
    )


def _build_duty(operator: Operator, one: DutyEdit) -> DutyRow:
    agent = operator.agent[read_agent(one.key)]
    return DutyRow(
        key=one.key,
        agent=agent.id,
        time_zone=operator.site[agent.home_site].time_zone,
        before=_build_side(operator, one.before),
        after=_build_side(operator, one.after),
        periods=tuple((row.start, row.end) for row in one.shifts),
    )


def _build_side(operator: Operator, row: Placement | None) -> CellRow | None:
    if row is None:
        return None
    home = operator.agent[row.agent].home_site
    state = "home" if row.place == HOME else "site" if row.place == home else "other"
    return CellRow(
        key=row.key,
        state=state,
        site="" if row.place == HOME else row.place,
        programme=row.programme,
        periods=row.list_periods(),
        what="",
        crosses=False,
        edited=True,
    )


class DutyPage(PageModel):
    """A duty to be edited: what it is now, and what can be chosen."""

    day: date
    duty: DutyRow
    crosses: bool
    sites: tuple[str, ...]
    programmes: tuple[str, ...]
    beside: tuple[str, ...] = Field(description="Duties of that day of the same team or site, to swap with")
    draft: int = Field(description="Number of the reader’s draft")
    effect: EffectPage | None = Field(description="Of the edit asked for; null: none yet")
    refused: str = Field(description="Why the edit asked for cannot be made; empty: it can")


class DraftEditRow(PageModel):
    """An edit of a draft, in its order."""

    day: date
    kind: str
    duties: tuple[DutyRow, ...]
    met: bool = Field(description="A duty of it has other work in the plan that came in force since")


class DriftRow(PageModel):
    """A day of a draft that got another plan since, by whom and when; so many people’s work differs."""

    day: date
    by: str
    at: datetime
    people: int


class DraftPage(PageModel):
    """A draft: its edits, each day beside the plan in force, and what changed meanwhile."""

    time_zone: str
    draft: DraftHead
    edits: tuple[DraftEditRow, ...]
    drift: tuple[DriftRow, ...]
    days: tuple[ComparedPlan, ...]
    names: dict[str, str] = Field(description="Of sites and programmes, by id")


def draft_page(
    operator: Operator, draft: PlannerDraft, plans: Sequence[tuple[Plan, Plan]], drift: Sequence[DayDrift]
) -> DraftPage:
    """Return the page of a draft; ``plans`` of its days, before and after it."""
    met = {n for one in drift for n in one.edits}
    return DraftPage(
        time_zone=operator.row.time_zone,
        draft=DraftHead(number=draft.number, edits=len(draft.edits), days=draft.days, outdated=bool(drift)),
        edits=tuple(
            DraftEditRow(
                day=one.day,
                kind=one.edit.kind,
                duties=tuple(_build_duty(operator, duty) for duty in one.edit.duties),
                met=n in met,
            )
            for n, one in enumerate(draft.edits)
        ),
        drift=tuple(DriftRow(day=one.day, by=one.by, at=one.at, people=len(one.keys)) for one in drift),
        days=tuple(compare_plans(before, after) for before, after in plans),
        names={row.id: row.name for row in operator.sites} | {row.id: row.name for row in operator.programmes},
    )


class TeamRows(PageModel):
    """The rows of a team of a site."""

    site: str
    team: str
    rows: tuple[AgentRow, ...]


class RosterPrint(PageModel):
    """The grid for paper, by team; ``grid`` says what it shows, and its own rows are those of its first part."""

    grid: GridPage
    teams: tuple[TeamRows, ...]


class SheetChangeRow(PageModel):
    """A cell that a sheet changes."""

    row: int
    day: date
    agent: str
    before: str
    after: str


class SheetFaultRow(PageModel):
    """A cell that is left out, and why."""

    row: int
    column: str
    agent: str
    reason: Said


class GridSheetPage(PageModel):
    """What an edited sheet changes, day by day with its effect, and what of it is left out."""

    changes: tuple[SheetChangeRow, ...]
    faults: tuple[SheetFaultRow, ...]
    effects: tuple[EffectPage, ...]
    draft: int
    token: str = Field(description="Of the stored sheet, which is kept on a yes")

    @property
    def breaks(self) -> bool:
        """Whether something of it breaks a rule, so that it cannot be kept."""
        return any(one.faults for one in self.effects)


def sheet_page(reading: SheetReading, effects: Sequence[EffectPage], draft: PlannerDraft, token: str) -> GridSheetPage:
    """Return what a sheet changes."""
    return GridSheetPage(
        changes=tuple(map(SheetChangeRow.from_row, reading.changes)),
        faults=tuple(map(SheetFaultRow.from_row, reading.faults)),
        effects=tuple(effects),
        draft=draft.number,
        token=token,
    )


def phrase_edit(kind: str) -> Phrase:
    """Return what an edit is called."""
    return _KINDS[kind]


_KINDS = {
    "place": Phrase("another place"),
    "swap": Phrase("two agents swap"),
    "hours": Phrase("other times"),
    "sheet": Phrase("from a spreadsheet"),
}
