"""From a plan to arrays: who would be where, in the base plan and in every relief.

People whom nothing tells apart are one kind: the same tally (home site and main programme, in
which absences are spread), home line, legal places and shift. Everything is ordered by names, so
that the order of the operator's tables changes no sum.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from releve.errors import Phrase
from releve.kernels.arrays import Floats
from releve.network import HOME, Operator
from releve.plan import BASE, Placement, Plan, PlanSettings
from releve.plan.kits import give_kits
from releve.plan.problem import Eligibility
from releve.plan.result import Pause, read_agent
from releve.plan.roster import Pattern, build_pattern, list_break_patterns, number_patterns, select_duties
from releve.plugins.crashtest.engine.kernel_types import Day
from releve.plugins.crashtest.engine.lost_places import PlaceIndex
from releve.plugins.crashtest.engine.settings import INTERVALS, CrashTestError, OtherOperator, require

_Cell = tuple[int, int, int, int]
_Idle = tuple[int, int, int]


@dataclass(frozen=True)
class Tallies:
    """Groups in which absences are counted: ``of[agent id]``, ``size[tally]`` agents."""

    of: Mapping[str, int]
    size: NDArray[np.int64]


def build_tallies(operator: Operator) -> Tallies:
    """Return the tallies of an operator: home site and main programme, by name."""
    keys = sorted({(agent.home_site, agent.skills[0]) for agent in operator.agents})
    number = {key: at for at, key in enumerate(keys)}
    of = {agent.id: number[agent.home_site, agent.skills[0]] for agent in operator.agents}
    return Tallies(of, np.bincount(list(of.values()), minlength=len(keys)).astype(np.int64))


def require_plan_of(operator: Operator, plan: Plan) -> None:
    """Refuse a plan that was made for another operator, or one that the test cannot read."""
    differs = {
        "name": (plan.operator, operator.row.name),
        "sites": ({site.id for site in plan.sites}, {site.id for site in operator.sites}),
        "programmes": ({row[0] for row in plan.programmes}, set(operator.programme)),
    }
    for what, (planned, own) in differs.items():
        if planned != own:
            raise OtherOperator(
                Phrase(
                    "the plan of {0} was made for another operator: its {1} are {2}, the operator's {3};"
                    " plan this operator again",
                    plan.day,
                    what,
                    _shorten(planned),
                    _shorten(own),
                )
            )
    strangers = [row.agent for row in plan.placements if row.agent not in operator.agent]
    if strangers:
        raise OtherOperator(
            Phrase(
                "the plan of {0} places agent {1}, whom the operator does not have; plan this operator again",
                plan.day,
                strangers[0],
            )
        )
    require(BASE in plan.scenarios, "the plan holds its base scenario", sorted(plan.scenarios)[:3])
    if len(plan.starts) != INTERVALS:
        raise CrashTestError(
            Phrase(
                "the plan of {0} has {1} half hours, because the clocks change:"
                " give the plan of another day of this weekday",
                plan.day,
                len(plan.starts),
            )
        )


def _shorten(value: Collection[str]) -> str:
    return value if isinstance(value, str) else ", ".join(sorted(value)[:4])


def number_scenarios(plan: Plan, places: PlaceIndex) -> dict[frozenset[int], int]:
    """Return the number of the relief of every set of places that the plan relieves."""
    found: dict[frozenset[int], int] = {}
    for at, row in enumerate(plan.contingencies, start=1):
        found.setdefault(places.lost(row), at)
    return found


def build_day(operator: Operator, plan: Plan, aht_s: Floats, places: PlaceIndex, tallies: Tallies) -> Day:
    """Return the arrays of a planned day; ``aht_s[t, p]`` handling times of the forecast."""
    return _DayBuilder(operator, plan, places, tallies).day(aht_s)


class _DayBuilder:
    """Numbers kinds, patterns and pairs as they are met, in the order of the agents' ids."""

    def __init__(self, operator: Operator, plan: Plan, places: PlaceIndex, tallies: Tallies) -> None:
        self._operator, self._plan, self._places = give_kits(operator, plan.kit_holders), plan, places
        self._tallies = tallies
        self._programme = {row[0]: p for p, row in enumerate(plan.programmes)}
        self._patterns = _number_patterns(operator, plan)
        self._kinds: dict[tuple[int, int, frozenset[tuple[str, str]], int], int] = {}
        self._base = {row.key: row for row in plan.placements}
        self._kind_of, self._shift_of = self._number_people()

    def _number_people(self) -> tuple[dict[str, int], dict[str, int]]:
        """Return the kind and the pattern of every duty of the day, those carried in included."""
        legality = Eligibility(self._operator, self._plan.day, read_plan_settings(self._plan))
        duties = select_duties(self._operator, self._plan.day) if self._operator.shifts else {}
        kind_of, shift_of = {}, {}
        for name in sorted({*self._base, *(key for key in self._plan.reserve if key in duties)}):
            agent = self._operator.agent[read_agent(name)]
            placed = self._base.get(name)
            pattern = build_pattern(placed) if placed else list_break_patterns(duties[name])[0]
            legal = legality.find_pairs(agent)
            line = self._places.of(HOME, agent)
            shift = shift_of[name] = self._patterns[pattern]
            key = (self._tallies.of[agent.id], line, legal, shift)
            kind_of[name] = self._kinds.setdefault(key, len(self._kinds))
        return kind_of, shift_of

    def day(self, aht_s: Floats) -> Day:
        names = (BASE, *(row.id for row in self._plan.contingencies))
        scenarios = [self._count_scenario(name) for name in names]
        order = self._rank_places()
        cells = [sorted(c.items(), key=lambda i: self._build_sort_key(i[0], order)) for c, _ in scenarios]
        idle = [sorted(idle.items(), key=lambda item: (*item[0][:2], order[item[0][2]])) for _, idle in scenarios]
        layout = number_patterns([tuple(self._patterns)], self._plan.starts)
        options, pair_of = self._list_options()
        pairs = sorted({cell[2] for part in cells for cell, _ in part} | set(pair_of.values()))
        return self._build_arrays(aht_s, cells, idle, layout.worked, layout.present, options, pairs)

    def _count_scenario(self, name: str) -> tuple[Counter[_Cell], Counter[_Idle]]:
        """Return the people at work and those without work, by kind and where the base plan
        has them (-1 = nowhere)."""
        after: dict[str, Placement | None] = dict(self._base)
        isolated = set()
        for move in self._plan.scenarios[name].moves:
            after[move.key] = move.after
            if move.reason == "isolated":
                isolated.add(move.key)
        cells: Counter[_Cell] = Counter()
        idle: Counter[_Idle] = Counter()
        for agent, kind in self._kind_of.items():
            placed, base = after.get(agent), self._base.get(agent)
            row = self._operator.agent[read_agent(agent)]
            before = -1 if base is None else self._places.of(base.place, row)
            if placed is not None:
                cells[(*self._build_cell(kind, placed), before)] += 1
            elif agent not in isolated:
                idle[kind, self._shift_of[agent], before] += 1
        return cells, idle

    def _build_cell(self, kind: int, placed: Placement) -> tuple[int, int, int]:
        pattern = self._patterns[build_pattern(placed)]
        place = self._places.of(placed.place, self._operator.agent[placed.agent])
        return kind, place, pattern * len(self._programme) + self._programme[placed.programme]

    def _rank_places(self) -> dict[int, str]:
        """Return what sorts places by name, whatever their numbers."""
        return {-1: "", **dict(enumerate((*self._places.places.names, "home")))}

    def _build_sort_key(self, cell: _Cell, order: Mapping[int, str]) -> tuple[int, str, int, str]:
        return cell[0], order[cell[1]], cell[2], order[cell[3]]

    def _list_options(self) -> tuple[list[list[tuple[int, int]]], dict[tuple[int, int], int]]:
        """Return the (place, programme) of each kind and the pairs they could need."""
        options, pairs = [], {}
        count = len(self._programme)
        for tally_line_legal_shift in self._kinds:
            _, line, legal, shift = tally_line_legal_shift
            mine = []
            for place, name in sorted(legal, key=lambda row: (row[1], row[0])):
                if name not in self._programme:
                    continue
                p = self._programme[name]
                mine.append((line if place == HOME else self._places.site[place], p))
                pairs[shift, p] = shift * count + p
            options.append(mine)
        return options, pairs

    def _build_arrays(
        self,
        aht_s: Floats,
        cells: Sequence[Sequence[tuple[_Cell, int]]],
        idle: Sequence[Sequence[tuple[_Idle, int]]],
        worked: Floats,
        present: Floats,
        options: Sequence[Sequence[tuple[int, int]]],
        pairs: Sequence[int],
    ) -> Day:
        count, programmes = len(self._programme), [self._operator.programme[name] for name in self._programme]
        pair_at = {pair: at for at, pair in enumerate(pairs)}
        flat = np.array([(*cell, n) for part in cells for cell, n in part], np.int64).reshape(-1, 5)
        rest = np.array([(*row, n) for part in idle for row, n in part], np.int64).reshape(-1, 4)
        both = np.array([row for part in options for row in part], np.int64).reshape(-1, 2)
        weight = np.array([row.penalty_per_missed_call for row in programmes]) * 1800.0
        day = Day(
            need=np.nan_to_num(self._plan.required),
            weight=weight / _average_aht(self._plan, aht_s, [row.aht_s for row in programmes]),
            home_effect=np.array([row.home_efficiency for row in programmes]),
            worked=np.ascontiguousarray(worked),
            present=np.ascontiguousarray(present),
            first=_find_first(present),
            end=(present.shape[1] - _find_first(present[:, ::-1])).astype(np.int32),
            pair_pattern=np.array([pair // count for pair in pairs], dtype=np.int32),
            pair_programme=np.array([pair % count for pair in pairs], dtype=np.int32),
            pair_of=_number_pairs(pairs, len(worked), count),
            tally=np.array([key[0] for key in self._kinds], dtype=np.int32),
            option_pointer=_build_pointer(options),
            option_place=both[:, 0].astype(np.int32),
            option_programme=both[:, 1].astype(np.int32),
            seats=self._count_seats(),
            cell_pointer=_build_pointer(cells),
            cell_kind=flat[:, 0].astype(np.int32),
            cell_place=flat[:, 1].astype(np.int32),
            cell_pair=np.array([pair_at[pair] for pair in flat[:, 2]], dtype=np.int32),
            cell_base=flat[:, 3].astype(np.int32),
            cell_heads=flat[:, 4].astype(np.int32),
            idle_pointer=_build_pointer(idle),
            idle_kind=rest[:, 0].astype(np.int32),
            idle_pattern=rest[:, 1].astype(np.int32),
            idle_base=rest[:, 2].astype(np.int32),
            idle_heads=rest[:, 3].astype(np.int32),
            at_place=np.zeros((self._places.count + 1, INTERVALS)),
            first_busy=np.zeros(self._places.count + 1, dtype=np.int32),
            damage=np.zeros(self._places.count + 1),
        )
        return _add_base(day, len(self._places.places.sites))

    def _count_seats(self) -> NDArray[np.int32]:
        """Return how many people each site can hold, within a measure's most people."""
        room = {row.id: len(row.usable_seats) if row.open else 0 for row in self._plan.sites}
        for row in self._operator.measures:
            if row.kind == "max_people" and row.valid_from <= self._plan.day <= row.valid_to:
                room[row.site] = min(room[row.site], int(row.value))
        return np.array([room[site.id] for site in self._places.places.sites], dtype=np.int32)


def _number_patterns(operator: Operator, plan: Plan) -> dict[Pattern, int]:
    """Number every pattern of a day and of its reliefs by its times."""
    placed = [*plan.placements]
    placed += [m.after for s in plan.scenarios.values() for m in s.moves if m.after is not None]
    found = {build_pattern(row) for row in placed}
    duties = select_duties(operator, plan.day) if operator.shifts else {}
    found |= {list_break_patterns(duties[name])[0] for name in plan.reserve if name in duties}

    def order(row: Pattern) -> tuple[datetime, datetime, datetime, datetime, tuple[Pause, ...]]:
        return row.start, row.end, row.break_start or row.start, row.break_end or row.start, row.pauses

    return {row: at for at, row in enumerate(sorted(found, key=order))}


def _number_pairs(pairs: Sequence[int], patterns: int, programmes: int) -> NDArray[np.int32]:
    """Return the number of each pair: int32[pattern, programme], -1 where there is none."""
    found = np.full(patterns * programmes, -1, dtype=np.int32)
    found[list(pairs)] = np.arange(len(pairs))
    return found.reshape(patterns, programmes)


def read_plan_settings(plan: Plan) -> PlanSettings:
    """Return the settings a plan was made with."""
    known = {name: plan.settings[name] for name in PlanSettings.__slots__ if name in plan.settings}
    return PlanSettings(
        **{name: value if isinstance(value, str) else float(value) for name, value in known.items()}  # type: ignore[arg-type]
    )


def _build_pointer(parts: Sequence[Sequence[object]]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum([len(part) for part in parts])]).astype(np.int64)


def _find_first(present: Floats) -> NDArray[np.int32]:
    """Return the first half hour of each pattern, or their number when it has none."""
    some = present > 0
    first = np.where(some.any(axis=1), some.argmax(axis=1), present.shape[1])
    return np.asarray(first, dtype=np.int32)


def _average_aht(plan: Plan, aht_s: Floats, own: Sequence[float]) -> Floats:
    """Return the handling time of each programme over the day's calls."""
    calls, aht = np.nan_to_num(plan.calls), np.nan_to_num(aht_s)
    total = calls.sum(axis=0)
    mean = (calls * aht).sum(axis=0) / np.where(total > 0, total, 1.0)
    return np.where(mean > 0, mean, np.asarray(own, dtype=np.float64))


def _add_base(day: Day, sites: int) -> Day:
    """Fill the agents of the base plan at each place, and the cost of its loss without relief."""
    base = slice(int(day.cell_pointer[0]), int(day.cell_pointer[1]))
    place, pair, heads = day.cell_place[base], day.cell_pair[base], day.cell_heads[base]
    programme = day.pair_programme[pair]
    effective = heads * np.where(place < sites, 1.0, day.home_effect[programme])
    worked = day.worked[day.pair_pattern[pair]] * effective[:, None]
    placed = np.zeros((len(day.damage), *day.need.T.shape))
    np.add.at(placed, (place, programme), worked)
    at_place = placed.sum(axis=1)
    every = np.zeros_like(day.need.T)
    np.add.at(every, programme, worked)  # by kinds, not by places: the order of sites is no matter
    before = np.maximum(0.0, day.need.T - every)
    after = np.maximum(0.0, day.need.T - (every - placed))
    damage = ((after - before).sum(axis=2) * day.weight).sum(axis=1)
    busy = at_place > 0
    first = np.where(busy.any(axis=1), busy.argmax(axis=1), at_place.shape[1])
    return day._replace(at_place=at_place, first_busy=first.astype(np.int32), damage=damage)
