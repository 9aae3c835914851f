"""Work records, and the panel of one programme: an outcome by agent and period, two-way fixed effects.

For n rows of N agents in T periods the normal equations have N + T unknowns; eliminating the agents
by one Schur complement leaves T, so a panel of a million rows takes a second.

A work record says what a person did for a programme on a day or in a week, on site or at home. A
file (CSV, Parquet or XLSX) has the columns of :data:`COLUMNS`. One faulty row refuses the whole
file, with every fault named: a dropped row would bias the measurement.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from releve.demand.log_table import LogTable, read_log
from releve.errors import Phrase, ReleveError
from releve.extras import LazyModule
from releve.kernels.arrays import Floats, Ints, Truths
from releve.network.faults import Fault, find_nearest, suggest_fix

if TYPE_CHECKING:
    from scipy import linalg, sparse
    from scipy.sparse import csgraph
else:
    linalg, sparse = LazyModule("scipy.linalg"), LazyModule("scipy.sparse")
    csgraph = LazyModule("scipy.sparse.csgraph")

TABLE = "work_records"
REQUIRED = ("agent", "day", "programme", "place", "paid_min", "available_min", "handled", "handle_s")
OPTIONAL = ("quality", "repeats", "team")
COLUMNS = (*REQUIRED, *OPTIONAL)
NUMBERS = (*REQUIRED[4:], "quality", "repeats")
"""``day``: a date, of a week its Monday or ``201049``; ``place``: ``site`` or ``home``; ``paid_min`` and
``available_min``: minutes paid, and of them ready for or in contact; ``handled``: contacts;
``handle_s``: seconds they took; ``quality``: a score, higher is better; ``repeats``: share of the
contacts that came again; ``team``: with whom the agent works and moves, empty where they are alone."""
_PLACES = ("site", "home")
_SHOWN = 20


class RecordFaults(ReleveError, ValueError):  # noqa: N818 (it is the faults, all of them)
    """Work records that cannot be used; nothing was measured."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__(faults)
        self.faults = faults

    def __str__(self) -> str:
        lines = [f"{len(self.faults)} fault{'s'[: len(self.faults) != 1]} in the work records"]
        lines += [str(fault) for fault in self.faults[:_SHOWN]]
        if len(self.faults) > _SHOWN:
            lines.append(f"... and {len(self.faults) - _SHOWN} more")
        return "\n".join(lines)


@dataclass(frozen=True, eq=False)
class WorkRecords:
    """Records as columns of one length: ``agent`` and ``programme`` are indices of the names,
    ``day`` is days since 1970; ``quality`` and ``repeats`` are NaN where they are not known;
    ``team``: an index, None without that column."""

    agents: tuple[str, ...]
    programmes: tuple[str, ...]
    agent: Ints
    programme: Ints
    day: Ints
    at_home: Truths
    paid_min: Floats
    available_min: Floats
    handled: Floats
    handle_s: Floats
    quality: Floats
    repeats: Floats
    team: Ints | None = None

    @property
    def efficiency(self) -> Floats:
        """Return the logarithm of the contacts done in a paid second, were there always one."""
        aht = self.handle_s / self.handled
        return np.log(self.available_min / self.paid_min) - np.log(aht)


def read_work_records(name: str, data: bytes) -> WorkRecords:
    """Read a file of records; RecordFaults names every faulty row, ValueError an unusable file."""
    return parse_work_records(read_log(name, data))


def parse_work_records(table: LogTable) -> WorkRecords:
    """Return the records of a table; RecordFaults names every faulty row."""
    frame = table.whole_frame().with_columns(pl.all().cast(pl.String).str.strip_chars())
    faults = list(_find_column_faults(frame))
    if faults:
        raise RecordFaults(tuple(faults))
    rows = np.asarray(table.rows)
    values = {column: _read_numbers(frame, column) for column in NUMBERS}
    days = _read_days(frame["day"])
    faults += _find_cell_faults(frame, days, values, rows)
    if not faults:
        faults += _find_sense_faults(frame, values, rows)
    if faults:
        raise RecordFaults(tuple(sorted(faults, key=lambda fault: fault.row)))
    agents, programmes = frame["agent"].unique().sort(), frame["programme"].unique().sort()
    return WorkRecords(
        agents=tuple(agents),
        programmes=tuple(programmes),
        agent=_index(frame["agent"], agents),
        programme=_index(frame["programme"], programmes),
        day=days.cast(pl.Int32).to_numpy().astype(np.int64),
        at_home=(frame["place"] == "home").to_numpy(),
        **values,
        team=_read_teams(frame),
    )


def _read_teams(frame: pl.DataFrame) -> Ints | None:
    """Return an index of teams by row; an agent without a team is one. None without the column."""
    if "team" not in frame.columns:
        return None
    alone = pl.concat_str(pl.lit("a/"), pl.col("agent"))
    name = (
        pl.when(pl.col("team").fill_null("") == "").then(alone).otherwise(pl.concat_str(pl.lit("t/"), pl.col("team")))
    )
    names = frame.select(name.alias("team"))["team"]
    return _index(names, names.unique().sort())


def _read_days(column: pl.Series) -> pl.Series:
    """Return dates; a week of ISO 8601 as ``201049`` is its Monday; null where a cell is neither.

    Six digits that could all be a year and month are null: a month is no period of the panel.
    """
    days = column.str.to_date("%Y-%m-%d", strict=False)
    compact = column.str.contains(r"^\d{6}$").fill_null(False)
    weeks = column.filter(compact)
    if (weeks.str.slice(4).cast(pl.Int64) <= 12).all():
        return days
    mondays = (weeks.str.slice(0, 4) + "-W" + weeks.str.slice(4) + "-1").str.to_date("%G-W%V-%u", strict=False)
    return days.scatter(compact.arg_true(), mondays)


def _index(column: pl.Series, names: pl.Series) -> Ints:
    return np.searchsorted(names.to_numpy(), column.to_numpy()).astype(np.int64)


def _read_numbers(frame: pl.DataFrame, column: str) -> Floats:
    """Return a column as numbers; NaN where a cell is empty or none."""
    if column not in frame.columns:
        return np.full(frame.height, np.nan)
    numbers = frame[column].str.replace(",", ".", literal=True).cast(pl.Float64, strict=False)
    found: Floats = numbers.fill_null(np.nan).to_numpy().astype(np.float64)
    return found


def _find_column_faults(frame: pl.DataFrame) -> Iterator[Fault]:
    for column in REQUIRED:
        if column not in frame.columns:
            yield Fault(TABLE, 0, column, "", Phrase("the column is missing"), Phrase("add it"))
    for column in frame.columns:
        if column not in COLUMNS:
            fix = suggest_fix(find_nearest(column, COLUMNS), Phrase("remove it"))
            yield Fault(TABLE, 1, column, "", Phrase("the column is not known"), fix)
    if not frame.height:
        yield Fault(TABLE, 0, "", "", Phrase("there is no row"), Phrase("add the records"))


def _find_cell_faults(frame: pl.DataFrame, days: pl.Series, values: dict[str, Floats], rows: Ints) -> Iterator[Fault]:
    for column in ("agent", "programme"):
        for at in _find_rows((frame[column].fill_null("") == "").to_numpy()):
            yield _fault(frame, rows, at, column, Phrase("it is empty"), Phrase("fill it in"))
    for at in _find_rows(days.is_null().to_numpy()):
        yield _fault(frame, rows, at, "day", Phrase("it is not a date"),
                     Phrase("write it like 2026-03-02; of a week, its Monday or 202610"))  # fmt: skip
    for at in _find_rows(~frame["place"].is_in(_PLACES).fill_null(False).to_numpy()):
        yield _fault(frame, rows, at, "place", Phrase("the place is not known"), Phrase("write site or home"))
    for column, numbers in values.items():
        empty = np.ones(frame.height, bool)
        if column in frame.columns:
            empty = (frame[column].fill_null("") == "").to_numpy()
        wrong = (np.isnan(numbers) & ~empty) | (numbers < 0)
        if column in REQUIRED:
            wrong |= empty
        for at in _find_rows(wrong):
            yield _fault(frame, rows, at, column, Phrase("it is not a number from 0 on"), Phrase("correct it"))


def _find_sense_faults(frame: pl.DataFrame, values: dict[str, Floats], rows: Ints) -> Iterator[Fault]:
    paid, ready = values["paid_min"], values["available_min"]
    handled, seconds = values["handled"], values["handle_s"]
    for at in _find_rows(ready > paid):
        yield _fault(frame, rows, at, "available_min", Phrase("more minutes available than paid"),
                     Phrase("correct one of the two"))  # fmt: skip
    for at in _find_rows((handled > 0) & (seconds <= 0)):
        yield _fault(frame, rows, at, "handle_s", Phrase("contacts were handled in no time"),
                     Phrase("give the seconds that they took"))  # fmt: skip
    for at in _find_rows(seconds > 60 * ready * 1.001):
        yield _fault(frame, rows, at, "handle_s", Phrase("longer than the minutes available"),
                     Phrase("give seconds here, and minutes there"))  # fmt: skip
    again = ~frame.select(pl.struct("agent", "day", "programme").is_first_distinct()).to_series().to_numpy()
    for at in _find_rows(again):
        yield _fault(
            frame, rows, at, "day", Phrase("a second record of this agent, day and programme"),
            Phrase("join the two, or remove one"),
        )  # fmt: skip


def _find_rows(wrong: Truths) -> Iterator[int]:
    yield from map(int, np.nonzero(wrong)[0])


def _fault(frame: pl.DataFrame, rows: Ints, at: int, column: str, reason: Phrase, fix: Phrase) -> Fault:
    value = frame[column][at] if column in frame.columns else ""
    return Fault(TABLE, int(rows[at]), column, value or "", reason, fix)


@dataclass(frozen=True, eq=False)
class FixedEffects:
    """Rows of agents and periods, each of which has at least one; every agent is connected to
    every other by periods that they share (:func:`find_largest_component`)."""

    agent: Ints
    period: Ints
    agents: int
    periods: int

    @cached_property
    def _counts(self) -> tuple[Floats, Floats]:
        """Return rows by agent, and by agent and period."""
        table = np.zeros((self.agents, self.periods))
        np.add.at(table, (self.agent, self.period), 1.0)
        return table.sum(axis=1), table

    @cached_property
    def _factor(self) -> tuple[Floats, bool]:
        """Return the Cholesky factor of the Schur complement, without the first period."""
        by_agent, table = self._counts
        schur = np.diag(table.sum(axis=0)) - table.T @ (table / by_agent[:, None])
        found: tuple[Floats, bool] = linalg.cho_factor(schur[1:, 1:])
        return found

    def solve(self, of_agents: Floats, of_periods: Floats) -> tuple[Floats, Floats]:
        """Solve the normal equations; return the effects of agents and periods (the first is 0)."""
        by_agent, table = self._counts
        right = of_periods - table.T @ (of_agents / by_agent)
        effects = np.zeros(self.periods)
        if self.periods > 1:
            effects[1:] = linalg.cho_solve(self._factor, right[1:])
        return (of_agents - table @ effects) / by_agent, effects

    def add_up(self, values: Floats) -> tuple[Floats, Floats]:
        """Return the sums of values by row over each agent and each period."""
        by_agent = np.bincount(self.agent, values, self.agents)
        return by_agent.astype(float), np.bincount(self.period, values, self.periods).astype(float)

    def fit(self, outcome: Floats) -> tuple[Floats, Floats]:
        """Return the least-squares effects of agents and periods on an outcome by row."""
        return self.solve(*self.add_up(outcome))

    def take_out(self, outcome: Floats) -> Floats:
        """Return what agents and periods do not explain of an outcome, by row."""
        agents, periods = self.fit(outcome)
        return outcome - agents[self.agent] - periods[self.period]


def find_largest_component(agent: Ints, period: Ints, agents: int, periods: int) -> tuple[Ints, Ints]:
    """Return the agents and periods of the largest set that rows connect, by rows.

    Between two sets that share no agent and no period nothing can be compared.
    """
    size = agents + periods
    links = sparse.coo_matrix((np.ones(len(agent)), (agent, agents + period)), shape=(size, size))
    _, label = csgraph.connected_components(links, directed=False)
    largest = np.bincount(label[agent]).argmax() if len(agent) else -1
    inside = np.nonzero(label == largest)[0]
    return inside[inside < agents], inside[inside >= agents] - agents


FEWEST_AGENTS, FEWEST_MOVERS = 20, 5


@dataclass(frozen=True, eq=False)
class Panel:
    """Rows of one programme: ``agent`` and ``period`` are indices without gaps, ``day`` days since
    1970; ``outcome`` is what is measured; ``team``: an index of each row's agent's team, without
    gaps, None where each agent stands alone."""

    agent: Ints
    period: Ints
    day: Ints
    at_home: Truths
    outcome: Floats
    team: Ints | None = None

    @property
    def cluster(self) -> Ints:
        """Return by row whom errors are counted together with: the team, else the agent."""
        return self.agent if self.team is None else self.team

    def without_teams(self) -> Panel:
        return replace(self, team=None)

    @property
    def agents(self) -> int:
        return int(self.agent.max(initial=-1)) + 1

    @property
    def periods(self) -> int:
        return int(self.period.max(initial=-1)) + 1

    @property
    def first_home(self) -> Ints:
        """Return the first day at home of each agent; the largest integer where there is none."""
        first = np.full(self.agents, np.iinfo(np.int64).max)
        np.minimum.at(first, self.agent[self.at_home], self.day[self.at_home])
        return first

    def count_movers(self) -> int:
        """Return how many agents have rows on site and at home."""
        home = np.bincount(self.agent, self.at_home, self.agents) > 0
        site = np.bincount(self.agent, ~self.at_home, self.agents) > 0
        return int((home & site).sum())

    def keep(self, rows: Truths) -> Panel:
        agent, period = _close_gaps(self.agent[rows]), _close_gaps(self.period[rows])
        team = None if self.team is None else _close_gaps(self.team[rows])
        return Panel(agent, period, self.day[rows], self.at_home[rows], self.outcome[rows], team)


def _close_gaps(index: Ints) -> Ints:
    return np.unique(index, return_inverse=True)[1].astype(np.int64)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Rows at home of agents never on site, rows at home of periods without any row on site, and
    rows that share no agent and no period with the others; records in which nothing was handled;
    of a rota drawn by lot, the records of other agents and weeks.
    """

    never_on_site: int
    empty_site: int
    apart: int
    without_contacts: int = 0
    outside_rota: int = 0


def build_panel(records: WorkRecords, rows: Truths, outcome: Floats) -> Panel:
    """Return those of the rows whose outcome is known."""
    rows = rows & np.isfinite(outcome)
    agent = _close_gaps(records.agent[rows])
    team = None if records.team is None else _close_gaps(_choose_team(agent, records.team[rows]))
    return Panel(agent, _close_gaps(records.day[rows]), records.day[rows], records.at_home[rows], outcome[rows], team)


def _choose_team(agent: Ints, team: Ints) -> Ints:
    """Return by row the team in which most records of its agent stand."""
    teams = int(team.max(initial=0)) + 1
    pairs, count = np.unique(agent * teams + team, return_counts=True)
    order = np.lexsort((-count, pairs // teams))
    first = np.unique(pairs[order] // teams, return_index=True)[1]
    found: Ints = (pairs[order][first] % teams)[agent]
    return found


def keep_comparable(panel: Panel) -> tuple[Panel, LeftOut]:
    """Return the rows whose agent and period are known on site, and what was left out."""
    site = ~panel.at_home
    on_site = np.bincount(panel.agent, site, panel.agents) > 0
    worked_on = np.bincount(panel.period, site, panel.periods) > 0
    no_agent = panel.at_home & ~on_site[panel.agent]
    no_period = panel.at_home & ~no_agent & ~worked_on[panel.period]
    agents, periods = find_largest_component(panel.agent[site], panel.period[site], panel.agents, panel.periods)
    inside = np.isin(panel.agent, agents) & np.isin(panel.period, periods)
    apart = ~inside & ~no_agent & ~no_period
    return panel.keep(inside), LeftOut(int(no_agent.sum()), int(no_period.sum()), int(apart.sum()))


def keep_connected(panel: Panel) -> Panel:
    """Return the rows of the largest set of agents and periods that rows of either place connect.

    Enough where the lot decided who was where; elsewhere see :func:`keep_comparable`.
    """
    agents, periods = find_largest_component(panel.agent, panel.period, panel.agents, panel.periods)
    return panel.keep(np.isin(panel.agent, agents) & np.isin(panel.period, periods))


def find_turns(panel: Panel, comparable: Panel, left_out: LeftOut) -> Panel | None:
    """Return the rows of a rota by turns that imputation would drop; None where it can be used.

    Where two arms are on site in turns, no week on site is shared by both, and imputation has
    nothing to predict with. A dummy beside effects of agents and periods identifies the effect,
    where most who were at home came back: then it does not compare the early with the late.
    """
    joined = keep_connected(panel)
    if find_refusal(panel, joined, LeftOut(0, 0, 0)) is not None:
        return None
    if find_refusal(panel, comparable, left_out) is None and 2 * comparable.at_home.sum() >= joined.at_home.sum():
        return None
    home = np.bincount(joined.period, joined.at_home, joined.periods) > 0
    site = np.bincount(joined.period, ~joined.at_home, joined.periods) > 0
    back = ~joined.at_home & (joined.day > joined.first_home[joined.agent])
    returned = (np.bincount(joined.agent, back, joined.agents) > 0).sum()
    away = (np.bincount(joined.agent, joined.at_home, joined.agents) > 0).sum()
    return joined if (home & site).any() and 2 * returned >= away else None


def find_refusal(panel: Panel, comparable: Panel, left_out: LeftOut) -> Phrase | None:
    """Return why nothing can be learnt from a programme's rows, or None."""
    if not panel.at_home.any():
        return Phrase("everyone works on site: there is nothing to compare with")
    if panel.agents < FEWEST_AGENTS:
        return Phrase("{0} agents: at least {1} are needed", str(panel.agents), str(FEWEST_AGENTS))
    if not comparable.at_home.any() and left_out.empty_site:
        return Phrase("in the periods in which people worked at home everyone did: no one on site to compare with")
    movers = comparable.count_movers()
    if movers < FEWEST_MOVERS:
        return Phrase(
            "{0} people worked both on site and at home: at least {1} are needed", str(movers), str(FEWEST_MOVERS)
        )
    return None
