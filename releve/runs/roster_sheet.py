"""The grid as a sheet of a workbook, and what an edited one changes.

A row is an agent, a column a day; a cell says ``08:00-16:30 casa-1 azur-accueil``: times on the clock of the home
site, ``+`` between the periods of a split shift, then a site, ``home`` or ``reserve``, then the programme. ``;``
stands between two duties; what is in brackets says why there is none, and is not read back. The last column names
the stand that the sheet was made from: what changed in the plan since is kept apart from what the sheet changes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from releve.errors import Phrase
from releve.files.operator_folder import ListSheet, write_sheets
from releve.network import HOME, Operator, to_utc
from releve.network.moments import zone
from releve.plan.roster_edits import EditRefused
from releve.plan.roster_grid import CellState, GridCell, GridFilter, list_agents
from releve.runs.grid_days import MOST_DAYS, RosterGrid, Stand, load_grid
from releve.runs.roster_draft import DatedEdit, DraftRefused, PlannerDraft, open_editor

RESERVE = "reserve"
_PLACES = {"home": HOME, "domicile": HOME, "reserve": RESERVE, "réserve": RESERVE}
"""Words of a cell in both languages; any other is a site."""
TITLES = ("agent", "team", "site")
STAND = "stand"
_DUTY = re.compile(
    r"(?P<times>\d\d?:\d\d\s*[-–]\s*\d\d?:\d\d(?:\s*\+\s*\d\d?:\d\d\s*[-–]\s*\d\d?:\d\d)*)\s*(?P<post>.*)"
)
_TIMES = re.compile(r"(\d\d?):(\d\d)\s*[-–]\s*(\d\d?):(\d\d)")


def write_roster_sheet(grid: RosterGrid, wanted: GridFilter, created: datetime, words: Mapping[str, str]) -> bytes:
    """Return the rows of a filter as a workbook; ``words`` are those for home, reserve and kinds of absence."""
    days = [one.day.isoformat() for one in grid.days]
    rows = []
    for agent in list_agents(grid.operator, grid.days, wanted):
        local = grid.operator.site[agent.home_site].time_zone
        cells = [_write_cell(one.cells.get(agent.id, ()), local, words) for one in grid.days]
        rows.append((agent.id, agent.team, agent.home_site, *cells, str(grid.stand)))
    return write_sheets([ListSheet("grid", (*TITLES, *days, STAND), rows)], created)


def _write_cell(cells: Sequence[GridCell], local: str, words: Mapping[str, str]) -> str:
    return " ; ".join(_write_duty(cell, local, words) for cell in cells)


def _write_duty(cell: GridCell, local: str, words: Mapping[str, str]) -> str:
    if cell.state is CellState.AWAY:
        return f"({words.get(cell.what, cell.what)})"
    here = zone(local)
    times = "+".join(f"{a.astimezone(here):%H:%M}-{b.astimezone(here):%H:%M}" for a, b in cell.periods)
    if cell.state is CellState.ROSTER:
        return times
    if cell.state is CellState.RESERVE:
        return f"{times} {words.get(RESERVE, RESERVE)}"
    return f"{times} {cell.site or words.get(HOME, HOME)} {cell.programme}"


@dataclass(frozen=True, slots=True)
class SheetChange:
    """A cell that a sheet changes: what it said when it was made, and says now."""

    row: int
    day: date
    agent: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class GridSheetFault:
    """A cell that cannot be taken over, and why; ``row`` as a spreadsheet counts, ``column`` its title."""

    row: int
    column: str
    agent: str
    reason: Phrase


@dataclass(frozen=True)
class SheetReading:
    """What an edited sheet changes: the cells, and the edits that they are; ``faults`` are left out of both."""

    changes: tuple[SheetChange, ...]
    edits: tuple[DatedEdit, ...]
    faults: tuple[GridSheetFault, ...]


def read_roster_sheet(
    columns: Sequence[str], rows: Sequence[Sequence[str]], draft: PlannerDraft, words: Mapping[str, str]
) -> SheetReading:
    """Return what a sheet changes against the stand that it was made from; DraftRefused where it is no such sheet.

    A cell whose duties are not as they were at that stand is a fault: another planner changed them since.
    """
    titles = [title.strip().lower() for title in columns]
    days = {at: _read_day(title) for at, title in enumerate(titles)}
    dated = {at: day for at, day in days.items() if day is not None}
    if "agent" not in titles or STAND not in titles or not dated:
        raise DraftRefused(Phrase("the first row must have the titles agent, days and stand, as the download has them"))
    if max(dated.values()) - min(dated.values()) >= timedelta(days=MOST_DAYS):
        raise DraftRefused(Phrase("a sheet has at most {0} days", MOST_DAYS))
    found = {Stand.parse(row[titles.index(STAND)]) for row in rows if row[titles.index(STAND)].strip()}
    stand = found.pop() if len(found) == 1 else None
    if stand is None:
        raise DraftRefused(Phrase("the column stand must say the same in every row: leave it as it was downloaded"))
    first = min(dated.values())
    count = (max(dated.values()) - first).days + 1
    reader = _SheetReader(load_grid(first, count, stand=stand), load_grid(first, count, draft), draft, words)
    for number, row in enumerate(rows, 2):
        agent = row[titles.index("agent")].strip()
        for at, day in dated.items():
            reader.read(number, titles[at], agent, day, row[at] or "")
    return SheetReading(tuple(reader.changes), tuple(reader.edits), tuple(reader.faults))


def _read_day(title: str) -> date | None:
    try:
        return date.fromisoformat(title[:10])
    except ValueError:
        return None


class _SheetReader:
    def __init__(self, made: RosterGrid, now: RosterGrid, draft: PlannerDraft, words: Mapping[str, str]) -> None:
        self._made, self._now, self._words = made, now, words
        self._draft = draft
        self._day = {one.day: n for n, one in enumerate(made.days)}
        self.changes: list[SheetChange] = []
        self.edits: list[DatedEdit] = []
        self.faults: list[GridSheetFault] = []

    def read(self, row: int, column: str, agent: str, day: date, text: str) -> None:
        known = self._made.operator.agent.get(agent)
        if known is None:
            if text.strip():
                self.faults.append(GridSheetFault(row, column, agent, Phrase("there is no agent {0}", agent)))
            return
        local = self._made.operator.site[known.home_site].time_zone
        made, now = (grid.days[self._day[day]].cells.get(agent, ()) for grid in (self._made, self._now))
        before = _write_cell(made, local, self._words)
        if _tidy(text) == _tidy(before):
            return
        current = _write_cell(now, local, self._words)
        if _tidy(text) == _tidy(current):
            return
        try:
            if _tidy(_leave_absences(current)) != _tidy(_leave_absences(before)):
                raise EditRefused(Phrase("was changed meanwhile to {0}: decide which counts", current or "–"))
            edits = list(self._read_cell(day, local, now, text))
        except (EditRefused, DraftRefused) as error:
            self.faults.append(GridSheetFault(row, column, agent, error.args[0]))
            return
        self.edits += edits
        self._draft = replace(self._draft, edits=(*self._draft.edits, *edits))
        self.changes.append(SheetChange(row, day, agent, before, text.strip()))

    def _read_cell(self, day: date, local: str, cells: Sequence[GridCell], text: str) -> Iterator[DatedEdit]:
        own = [cell for cell in cells if cell.state is not CellState.AWAY]
        parts = [part for part in (part.strip() for part in text.split(";")) if part and not part.startswith("(")]
        if len(parts) != len(own):
            raise EditRefused(
                Phrase(
                    "{0} duties where there are {1}: duties are added and removed in the roster", len(parts), len(own)
                )
            )
        editor = open_editor(self._draft, day)
        edits = list(self._draft.of_day(day))
        for cell, part in zip(own, parts, strict=True):
            if _tidy(part) == _tidy(_write_duty(cell, local, self._words)):
                continue
            periods, place, programme = _read_duty(part, day, local, self._now.operator, cell, self._words)
            edit = editor.set_all(cell.key, place, programme, periods, edits)
            edits.append(edit)
            yield DatedEdit(day, edit)


def _leave_absences(text: str) -> str:
    return " ; ".join(part for part in text.split(" ; ") if not part.startswith("("))


def _tidy(text: str) -> str:
    return re.sub(r"\s*([-–+;])\s*", lambda found: found[1].replace("–", "-"), " ".join(text.split())).lower()


def _read_duty(
    text: str, day: date, local: str, operator: Operator, cell: GridCell, words: Mapping[str, str]
) -> tuple[list[tuple[datetime, datetime]], str, str]:
    """Return the periods, the place (empty: in reserve) and the programme of a duty's text."""
    found = _DUTY.fullmatch(text)
    if found is None:
        raise EditRefused(Phrase("{0} is not read: write it like {1}", text, "08:00-16:30 casa-1 azur-accueil"))
    periods = []
    after = datetime.combine(day, time())
    for hours in _TIMES.finditer(found["times"]):
        numbers = [int(number) for number in hours.groups()]
        if numbers[0] > 23 or numbers[2] > 24 or max(numbers[1], numbers[3]) > 59:
            raise EditRefused(Phrase("{0} is not a time of day", hours[0]))
        start = datetime.combine(day, time()) + timedelta(hours=numbers[0], minutes=numbers[1])
        end = datetime.combine(day, time()) + timedelta(hours=numbers[2], minutes=numbers[3])
        start += timedelta(days=start < after)
        end += timedelta(days=end <= start)
        after = end
        periods.append((to_utc(start, local), to_utc(end, local)))
    own = {said.lower(): key for key, said in words.items() if key in (HOME, RESERVE)}
    place, *rest = found["post"].split() or [RESERVE if cell.state is CellState.RESERVE else cell.site or HOME]
    where = own.get(place.lower(), _PLACES.get(place.lower(), place))
    if where == RESERVE:
        return periods, "", ""
    if where != HOME and where not in operator.site:
        raise EditRefused(Phrase("there is no site {0}", where))
    programme = rest[0] if rest else cell.programme
    if len(rest) > 1 or programme not in operator.programme:
        raise EditRefused(Phrase("there is no programme {0}", " ".join(rest) or programme))
    return periods, where, programme
