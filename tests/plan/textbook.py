"""The textbook linear programme of a plan, built column by column from the rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import floor

import highspy
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from releve.network import Agent, Shift, day_bounds
from releve.plan.result import Contingency, Placement, list_contingencies
from tests.plan import oracle_rules as rules
from tests.plan.oracle_rules import HALF_HOUR, Breaks, Floats, every_break
from tests.plan.tiny_operators import Tiny

TextbookModelFloats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Model:
    """A linear programme that grows by blocks of columns and rows."""

    def __init__(self) -> None:
        self.cost: list[TextbookModelFloats] = []
        self.upper: list[TextbookModelFloats] = []
        self.low: list[TextbookModelFloats] = []
        self.high: list[TextbookModelFloats] = []
        self.entries: list[tuple[Ints, Ints, TextbookModelFloats]] = []
        self.columns = 0
        self.rows = 0

    def add_columns(self, cost: TextbookModelFloats, upper: TextbookModelFloats | float = np.inf) -> Ints:
        """Add columns from 0 up; return their numbers."""
        self.cost.append(np.asarray(cost, dtype=np.float64))
        self.upper.append(np.broadcast_to(np.asarray(upper, dtype=np.float64), cost.shape))
        self.columns += len(cost)
        return np.arange(self.columns - len(cost), self.columns)

    def add_rows(self, low: TextbookModelFloats | float, high: TextbookModelFloats | float, count: int) -> Ints:
        """Add rows low <= . <= high; return their numbers."""
        for side, value in ((self.low, low), (self.high, high)):
            side.append(np.broadcast_to(np.asarray(value, dtype=np.float64), (count,)))
        self.rows += count
        return np.arange(self.rows - count, self.rows)

    def enter(self, rows: Ints, columns: Ints, values: TextbookModelFloats | float) -> None:
        """Add entries; those of one place add up."""
        value = np.broadcast_to(np.asarray(values, dtype=np.float64), rows.shape)
        self.entries.append((rows, columns, value))

    def solve(self, method: str = "") -> tuple[float, TextbookModelFloats, int]:
        """Return the optimum, the columns' values and the number of nonzeros (HiGHS).

        ``method``: simplex or ipm; the one for its size when not said.
        """
        rows, columns, values = (np.concatenate(part) for part in zip(*self.entries, strict=True))
        shape = (self.rows, self.columns)
        matrix = sparse.coo_array((values, (rows, columns)), shape=shape).tocsc()
        lp = highspy.HighsLp()
        lp.num_col_, lp.num_row_ = self.columns, self.rows
        lp.col_cost_ = np.concatenate(self.cost)
        lp.col_lower_ = np.zeros(self.columns)
        lp.col_upper_ = np.concatenate(self.upper)
        lp.row_lower_, lp.row_upper_ = np.concatenate(self.low), np.concatenate(self.high)
        lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        lp.a_matrix_.start_ = matrix.indptr
        lp.a_matrix_.index_ = matrix.indices
        lp.a_matrix_.value_ = matrix.data
        solver = highspy.Highs()  # type: ignore[no-untyped-call]
        solver.setOptionValue("output_flag", False)
        solver.setOptionValue("threads", 1)
        if not method:
            method = "ipm" if self.columns > 2000 else "choose"
        solver.setOptionValue("solver", method)
        solver.setOptionValue("run_crossover", "on" if method == "choose" else "off")
        solver.passModel(lp)
        solver.run()
        status = solver.getModelStatus()
        assert status == highspy.HighsModelStatus.kOptimal, status
        value = np.array(solver.getSolution().col_value)
        return float(solver.getInfo().objective_function_value), value, int(matrix.nnz)


@dataclass(frozen=True)
class Group:
    """Agents with equal properties."""

    like: Agent
    shift: Shift
    reach: frozenset[str]
    agents: tuple[str, ...]


def groups_of(case: Tiny) -> list[Group]:
    """Return the rostered agents of the day, like with like."""
    first, last = day_bounds(case.requirement.day, case.operator.row.time_zone)
    shifts = {s.agent: s for s in reversed(case.operator.shifts) if first <= s.start < last}
    reach: dict[object, frozenset[str]] = {}
    members: dict[object, list[Agent]] = {}
    reach_of: dict[object, frozenset[str]] = {}
    allowed = rules.permitted(case, "agent", shifts)
    for agent in case.operator.agents:
        shift = shifts.get(agent.id)
        if shift is None:
            continue
        travel = (agent.home_site, agent.stop, agent.own_transport, agent.id in allowed)
        if travel not in reach:
            reach[travel] = frozenset(rules.sites_in_reach(case, agent))
        period = (shift.start, shift.end, shift.break_minutes)
        line = (agent.home_ready, agent.carrier)
        key = (agent.home_site, agent.skills, line, reach[travel], period)
        members.setdefault(key, []).append(agent)
        reach_of[key] = reach[travel]
    return [Group(who[0], shifts[who[0].id], reach_of[key], tuple(a.id for a in who)) for key, who in members.items()]


class Table:
    """The columns of one scenario: every (group, pattern, place, programme) of the rules."""

    def __init__(self, case: Tiny, breaks: Breaks, capacity: Mapping[str, float] | None) -> None:
        self.case = case
        self.groups = groups_of(case)
        self.heads = np.array([len(group.agents) for group in self.groups], dtype=np.float64)
        self.places = ["home", *case.operator.site]
        names = case.requirement.programmes
        index: dict[tuple[datetime, datetime, rules.Break], int] = {}
        rows = []
        for g, group in enumerate(self.groups):
            pairs = self._pairs(group)
            for rest in breaks(group.shift):
                k = index.setdefault((group.shift.start, group.shift.end, rest), len(index))
                rows += [(g, k, self.places.index(m), names.index(p)) for m, p in pairs]
        table = np.array(rows, dtype=np.int64).reshape(-1, 4).T
        self.group, self.pattern, self.place, self.programme = table
        self.worked, self.present = self._patterns(list(index))
        limit = capacity or {site: rules.capacity(case, site) for site in case.operator.site}
        self.limit = np.array([limit[site] for site in self.places[1:]])
        self.weights = rules.weights(case)
        self.need = np.nan_to_num(case.requirement.agents)
        self.client = np.array([list(case.operator.client).index(row.client) for row in case.operator.programmes])

    def _pairs(self, group: Group) -> list[tuple[str, str]]:
        found = []
        site = self.case.operator.site
        for name in group.like.skills:
            row = self.case.operator.programme[name]
            for place in self.places:
                at = group.like.home_site if place == "home" else place
                fits = not row.allowed_destinations or (site[at].destination in row.allowed_destinations)
                home = group.like.home_ready and row.place == "home_allowed"
                if fits and (home if place == "home" else place in group.reach):
                    found.append((place, name))
        return found

    def _patterns(self, patterns: Sequence[tuple[datetime, datetime, rules.Break]]) -> tuple[Floats, Floats]:
        starts = self.case.requirement.starts
        worked = np.array([[rules.work(*p, at) for at in starts] for p in patterns])
        present = np.array([[float(p[0] < at + HALF_HOUR and at < p[1]) for at in starts] for p in patterns])
        shape = (len(patterns), len(starts))
        return worked.reshape(shape), present.reshape(shape)

    def efficiency(self) -> Floats:
        """Return what a column does in the time it works."""
        home = np.array([row.home_efficiency for row in self.case.operator.programmes])
        return np.where(self.place == 0, home[self.programme], 1.0)

    def price(self) -> Floats:
        """Return what a column costs in the base plan."""
        own = np.array([self.places.index(group.like.home_site) for group in self.groups])
        names = self.case.requirement.programmes
        main = np.array([names.index(group.like.skills[0]) for group in self.groups])
        away = self.place != own[self.group]
        other = self.programme != main[self.group]
        unit = self.case.settings.move_price
        return np.asarray(unit * (away + 1.0 * other + 0.5 * (self.place == 0)), dtype=np.float64)

    def lost_places(self, lost: Contingency) -> NDArray[np.bool_]:
        """Return, by place, whether it is a lost site."""
        return np.array([place in lost.sites for place in self.places])

    def usable(self, lost: Contingency | None) -> NDArray[np.bool_]:
        """Return which columns a contingency leaves."""
        if lost is None:
            return np.ones(len(self.group), dtype=np.bool_)
        cut = np.array([group.like.carrier in lost.carriers for group in self.groups], dtype=bool)
        gone = self.lost_places(lost)[self.place] | (cut[self.group] & (self.place == 0))
        return np.asarray(~gone, dtype=np.bool_)


SHARE_SLACK = 1 - 1e-6
"""heads <= ceil(share x total), relaxed: the ceiling adds less than one."""


@dataclass(frozen=True)
class Textbook:
    """An optimum, and the size of the model it is of.

    ``penalty`` of the base plan (of the relief, or the missing share, where that is what was
    solved); ``regret`` above the floors; ``penalties`` by contingency id.
    """

    objective: float
    penalty: float
    regret: float
    penalties: dict[str, float]
    rows: int
    columns: int
    nonzeros: int


@dataclass(frozen=True)
class Aims:
    """What the whole problem counts beside base plan, regret and the mean over lost sites.

    ``kinds``: weight of the worst regret of each kind of contingency, which has its own worst (the
    base plan's is that of ``site``); empty: one worst for all. ``target``: what a client misses
    above it, or above its floor where that is higher, is priced as its regret is; None: it is not.
    ``ties`` weight of the mean missing of other kinds than ``site``, and of the prices of
    placements in reliefs.
    """

    kinds: Mapping[str, float] = field(default_factory=dict)
    target: float | None = None
    ties: float = 0.0

    def worst(self, kind: str) -> str:
        return kind if self.kinds else "any"

    def weight(self, kind: str) -> float:
        return self.kinds[kind] if self.kinds else 1.0


PLAIN = Aims()


@dataclass(frozen=True)
class Block:
    """One scenario in a model: its columns of people and of what is missing, its people rows."""

    lost: Contingency | None
    chosen: Ints
    """Columns of the table that the scenario has, in the order of ``people``."""
    people: Ints
    missing: Ints
    cell: tuple[Ints, Ints]
    """Interval and programme of each missing column."""
    rows: Ints


def add_block(model: Model, table: Table, lost: Contingency | None, price: Floats, weight: Floats) -> Block:
    """Add one scenario: its people, seats and requirement (a share of a site apart)."""
    chosen = np.flatnonzero(table.usable(lost))
    people = model.add_columns(price[chosen])
    rows = model.add_rows(-np.inf, table.heads, len(table.heads))
    model.enter(rows[table.group[chosen]], people, 1.0)
    at, of = np.nonzero(table.need > 0)
    cell = (at.astype(np.int64), of.astype(np.int64))
    need = table.need[cell]
    missing = model.add_columns(weight[cell[1]], need)
    cover = np.full(table.need.shape, -1)
    cover[cell] = model.add_rows(need, np.inf, len(need))
    model.enter(cover[cell], missing, 1.0)
    column, at = np.nonzero(table.worked[table.pattern[chosen]])
    row = cover[at, table.programme[chosen][column]]
    done = table.efficiency()[chosen][column] * table.worked[table.pattern[chosen][column], at]
    some = row >= 0
    model.enter(row[some], people[column[some]], done[some])
    _add_seats(model, table, chosen, people)
    return Block(lost, chosen, people, missing, cell, rows)


def _add_seats(model: Model, table: Table, chosen: Ints, people: Ints) -> None:
    times = table.need.shape[0]
    seats = model.add_rows(-np.inf, np.repeat(table.limit, times), len(table.limit) * times)
    column, at = np.nonzero(table.present[table.pattern[chosen]])
    place = table.place[chosen][column]
    on_site = place > 0
    rows = seats[((place - 1) * times + at)[on_site]]
    model.enter(rows, people[column[on_site]], 1.0)


def add_shares(model: Model, table: Table, base: Block) -> None:
    """Add heads on site <= share x heads, plus what a ceiling may add, for each client and site."""
    rows = table.case.operator.programmes
    for k, client in enumerate(table.case.operator.client):
        mine = table.client[table.programme] == k
        if len(np.unique(table.place[mine])) < 2:
            continue
        share = min(row.max_site_share for row in rows if row.client == client)
        for place in range(1, len(table.places)):
            row = model.add_rows(-np.inf, SHARE_SLACK, 1)
            values = (table.place[mine] == place) - share
            model.enter(np.repeat(row, mine.sum()), base.people[mine], values)


def add_exposure(model: Model, table: Table, base: Block, relief: Block) -> None:
    """Tie a relief to the base plan: who was on a lost site is isolated or at home only."""
    lost = relief.lost
    assert lost is not None
    if not lost.exposed:
        return
    was = np.flatnonzero(table.lost_places(lost)[table.place])
    group = table.group[was]
    model.enter(relief.rows[group], base.people[was], table.case.settings.isolated)
    rows = model.add_rows(-np.inf, table.heads, len(table.heads))
    model.enter(rows[group], base.people[was], 1.0)
    on_site = table.place[relief.chosen] > 0
    model.enter(rows[table.group[relief.chosen][on_site]], relief.people[on_site], 1.0)


def penalty_in(table: Table, block: Block, value: Floats) -> float:
    return float((value[block.missing] * table.weights[block.cell[1]]).sum())


def textbook_base(
    case: Tiny,
    capacity: Mapping[str, float] | None = None,
    breaks: Breaks = every_break,
    *,
    table: Table | None = None,
    method: str = "",
) -> Textbook:
    """Return the least penalty and moves of a base plan in fractions of people."""
    model, table = Model(), table or Table(case, breaks, capacity)
    base = add_block(model, table, None, table.price(), table.weights)
    add_shares(model, table, base)
    objective, value, nonzeros = model.solve(method)
    penalty = penalty_in(table, base, value)
    return Textbook(objective, penalty, 0.0, {}, model.rows, model.columns, nonzeros)


def textbook_whole(
    case: Tiny,
    least_missing: Floats,
    contingencies: Sequence[Contingency] | None = None,
    capacity: Mapping[str, float] | None = None,
    breaks: Breaks = every_break,
    base_regret: Floats | None = None,
    aims: Aims = PLAIN,
    *,
    table: Table | None = None,
) -> Textbook:
    """Return the least of base plan, worst regret and mean relief together.

    ``least_missing[contingency, client]`` floors of the missing share; ``base_regret`` those of
    the base plan by client, if its own regret is to count among the others.
    """
    listed = list_contingencies(case.operator) if contingencies is None else contingencies
    model, table = Model(), table or Table(case, breaks, capacity)
    base = add_block(model, table, None, table.price(), table.weights)
    add_shares(model, table, base)
    unit = regret_price(case)
    kinds = dict.fromkeys(aims.worst(kind) for kind in ("site", *(row.kind for row in listed)))
    worst = {k: model.add_columns(np.array([unit * aims.kinds.get(k, 1.0)])) for k in kinds}
    sites = max(1, sum(row.kind == "site" for row in listed))
    scenarios = [("site", base, base_regret)]
    for lost, least in zip(listed, least_missing, strict=True):
        mean = case.settings.average_weight if lost.kind == "site" else aims.ties
        price = table.price() * aims.ties / sites
        block = add_block(model, table, lost, price, mean / sites * table.weights)
        add_exposure(model, table, base, block)
        scenarios.append((lost.kind, block, least))
    for kind, block, best in scenarios:
        if best is not None:
            _add_regret(model, table, block, worst[aims.worst(kind)], best)
            if aims.target is not None:
                above = model.add_columns(np.full(len(best), unit * aims.weight(kind)))
                _add_regret(model, table, block, above, np.maximum(aims.target, best))
    objective, value, nonzeros = model.solve()
    return Textbook(
        objective,
        penalty_in(table, base, value),
        float(value[worst[aims.worst("site")][0]]),
        {b.lost.id: penalty_in(table, b, value) for _, b, _ in scenarios if b.lost is not None},
        model.rows,
        model.columns,
        nonzeros,
    )


def regret_price(case: Tiny) -> float:
    """Return the price of one client's whole day of regret."""
    weighted = float((np.nan_to_num(case.requirement.agents) * rules.weights(case)).sum())
    return case.settings.regret_weight * weighted / len(case.operator.clients)


def _add_regret(model: Model, table: Table, block: Block, worst: Ints, least: Floats) -> None:
    """Add share missing - worst <= floor for each client (``worst`` one column, or one each)."""
    client = table.client[block.cell[1]]
    total = np.zeros(len(least))
    np.add.at(total, client, table.need[block.cell])
    rows = model.add_rows(-np.inf, least, len(least))
    model.enter(rows[client], block.missing, 1 / np.maximum(1.0, total)[client])
    model.enter(rows, np.broadcast_to(worst, len(least)), -1.0)


def textbook_relief(
    case: Tiny,
    placements: Iterable[Placement],
    lost: Contingency,
    capacity: Mapping[str, float] | None = None,
    breaks: Breaks = every_break,
) -> Textbook:
    """Return the least penalty of a relief of a plan of whole people, in fractions of people.

    Only the number of isolated agents matters, not which they are.
    """
    model, table = Model(), Table(case, breaks, capacity)
    relief = add_block(model, table, lost, np.zeros(len(table.group)), table.weights)
    group_of = {name: g for g, group in enumerate(table.groups) for name in group.agents}
    exposed = np.zeros((len(table.heads), len(table.places)))
    for row in placements:
        if lost.exposed and row.place in lost.sites:
            exposed[group_of[row.agent], table.places.index(row.place)] += 1
    rows = model.add_rows(-np.inf, table.heads - exposed.sum(axis=1), len(table.heads))
    on_site = table.place[relief.chosen] > 0
    model.enter(rows[table.group[relief.chosen][on_site]], relief.people[on_site], 1.0)
    group, place = np.nonzero(exposed)
    isolated = model.add_columns(np.zeros(len(group)), exposed[group, place])
    model.enter(relief.rows[group], isolated, 1.0)
    least = [floor(case.settings.isolated * total + 1e-9) for total in exposed.sum(axis=0)]
    due = model.add_rows(np.array(least, dtype=np.float64), np.inf, len(least))
    model.enter(due[place], isolated, 1.0)
    objective, value, nonzeros = model.solve()
    penalty = penalty_in(table, relief, value)
    found = {lost.id: penalty}
    return Textbook(objective, penalty, 0.0, found, model.rows, model.columns, nonzeros)


def textbook_floors(
    case: Tiny,
    contingencies: Sequence[Contingency | None] | None = None,
    capacity: Mapping[str, float] | None = None,
    breaks: Breaks = every_break,
) -> Floats:
    """Return the least missing share ``[contingency, client]`` with everyone for that client.

    No agent is exposed and no share of a site binds; a contingency of None loses nothing.
    """
    listed = list_contingencies(case.operator) if contingencies is None else contingencies
    table = Table(case, breaks, capacity)
    out = np.zeros((len(listed), len(case.operator.clients)))
    for c, lost in enumerate(listed):
        for k in range(out.shape[1]):
            mine = (table.client == k) * 1.0
            total = float((table.need @ mine).sum())
            model = Model()
            add_block(model, table, lost, np.zeros(len(table.group)), mine / max(1.0, total))
            out[c, k] = model.solve()[0]
    return out
