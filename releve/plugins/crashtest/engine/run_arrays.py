"""The arrays of the kernels, built once per run; and a plan with more agents sent home.

Agents sent home keep their programme and hours, where the programme may be done at home and they
are able to. A relief for the loss of their site leaves them at home; one for the loss of their
carrier's home lines puts them back at the seat of the plan, which stays free. The coverage that the
plan states remains that of the plan as made: the crash test counts people itself.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from releve.demand import Requirement
from releve.demand.forecast.day_parts import DayParts
from releve.demand.requirement import INTERVAL_S
from releve.extras import LazyModule
from releve.kernels.arrays import Floats
from releve.network import HOME, Operator, Programme
from releve.plan import Contingency, Move, Placement, Plan, PlannedScenario, PlanSettings
from releve.plan.kits import give_kits
from releve.plan.problem import Eligibility
from releve.plugins.crashtest.engine.call_outcomes import build_queue_table
from releve.plugins.crashtest.engine.kernel_types import Cells, Day, Demand, Presence
from releve.plugins.crashtest.engine.lost_places import PlaceArrays, PlaceIndex, number_places
from releve.plugins.crashtest.engine.outages import Hazard
from releve.plugins.crashtest.engine.outbreak import Controls, Scenario
from releve.plugins.crashtest.engine.outbreak.rng import hash_key
from releve.plugins.crashtest.engine.plan_arrays import (
    Tallies,
    build_day,
    build_tallies,
    number_scenarios,
    read_plan_settings,
    require_plan_of,
)
from releve.plugins.crashtest.engine.relief_rule import allocate_buffers, build_cells
from releve.plugins.crashtest.engine.settings import INTERVALS, CrashTestError, Settings, require
from releve.plugins.telework.engine.placebo import NORMAL_975

if TYPE_CHECKING:
    from scipy import special
else:
    special = LazyModule("scipy.special")


BUSY_BINS = 512
"""Equally likely factors of a day's busyness, and of a quarter's efficiency at home."""
KINDS = ("inbound", "outbound", "back_office")


@dataclass(frozen=True)
class CrashTest:
    """The inputs of a crash test.

    ``plans`` of one or several days, which repeat by weekday; ``needs[i]`` the requirement of the
    day of ``plans[i]`` at the mean volume. ``busyness``: the coefficient of variation of the
    factor that a day of a programme shares, by programme; ``parts``: what of it the days of a quarter
    and the programmes of a client share [nothing]. ``scenario`` and ``controls`` of the
    outbreak; ``hazards`` the outages. ``start`` is day 0 [the first planned day].
    """

    operator: Operator = field(repr=False)
    plans: tuple[Plan, ...] = field(repr=False)
    needs: tuple[Requirement, ...] = field(repr=False)
    scenario: Scenario = field(repr=False)
    controls: Controls = field(default_factory=Controls)
    hazards: tuple[Hazard, ...] = ()
    busyness: tuple[float, ...] = ()
    parts: tuple[DayParts, ...] = ()
    settings: Settings = field(default_factory=Settings)
    start: date | None = None

    def __post_init__(self) -> None:
        """Refuse inputs that do not belong together; CrashTestError says which, and the fix."""
        require(len(self.plans) >= 1, "a plan of at least one day", len(self.plans))
        require(len(self.plans) == len(self.needs), "a requirement for each plan", len(self.needs))
        for plan, need in zip(self.plans, self.needs, strict=True):
            require_plan_of(self.operator, plan)
            _check_need(plan, need)
        days = (self.scenario.days, self.settings.days)
        require(days[0] == days[1], "an outbreak of as many days as the test", days)
        own = set(self.scenario.population.agents) == set(self.operator.agent)
        require(own, "an outbreak among the operator's agents", "others")
        count = len(self.plans[0].programmes)
        require(0 <= self.target < 1, "0 <= target < 1", self.target)
        require(len(self.busyness) in (0, count), f"busyness of {count} programmes", self.busyness)
        require(all(0 <= cv < 3 for cv in self.busyness), "0 <= busyness < 3", self.busyness)
        require(len(self.parts) in (0, count), f"parts of {count} programmes", len(self.parts))

    @property
    def first_day(self) -> date:
        """Day 0."""
        return self.start or self.plans[0].day

    @property
    def target(self) -> float:
        """The share that a programme without calls may miss: that of the settings, else that with
        which the plans were made."""
        if self.settings.target is not None:
            return self.settings.target
        own = sorted({float(p.settings.get("target", PlanSettings().target)) for p in self.plans})
        if len(own) > 1:
            raise CrashTestError(
                f"the plans were made with different targets ({own[0]:g} and {own[-1]:g}): say what"
                " share a programme without calls may miss (--target), or plan again with one"
            )
        return own[0]

    @property
    def programmes(self) -> tuple[Programme, ...]:
        """The programmes in the order of the plans' columns."""
        return tuple(self.operator.programme[row[0]] for row in self.plans[0].programmes)


def _check_need(plan: Plan, need: Requirement) -> None:
    columns = tuple(row[0] for row in plan.programmes)
    same = (need.day, need.programmes, need.starts) == (plan.day, columns, plan.starts)
    if not same:
        raise CrashTestError(
            f"the requirement of {need.day} is not that of the plan of {plan.day}: forecast the"
            " day of the plan, with the same programmes"
        )


@dataclass(frozen=True)
class RunArrays:
    """The arrays of a crash test, and what is needed to read its rows.

    ``days`` the planned days, ``relieved[d]`` the scenario of each set of places that day's plan
    relieves, with and without those that have no agents; ``unplanned`` weekdays (0 = Monday)
    without a plan; ``unknown`` programmes whose volume is not known on some day, which count as
    without calls then."""

    settings: Settings
    start: date
    numbers: PlaceIndex
    days: tuple[Day, ...]
    relieved: tuple[dict[frozenset[int], int], ...]
    where: PlaceArrays
    demand: Demand
    presence: Presence
    scenario: Scenario
    controls: Controls
    hazards: tuple[Hazard, ...]
    tally_of: NDArray[np.int32]
    unplanned: tuple[int, ...]
    unknown: tuple[str, ...]

    @property
    def causes(self) -> tuple[str, ...]:
        """The causes of losses by number."""
        return ("illness", "closure", *(hazard.id for hazard in self.hazards))


def build_run_arrays(test: CrashTest) -> RunArrays:
    numbers, tallies = number_places(test.operator), build_tallies(test.operator)
    days = tuple(
        build_day(test.operator, plan, need.aht_s, numbers, tallies)
        for plan, need in zip(test.plans, test.needs, strict=True)
    )
    calendar = _build_calendar(test)
    agents = test.scenario.population.agents
    return RunArrays(
        settings=test.settings,
        start=test.first_day,
        numbers=numbers,
        days=days,
        relieved=tuple(
            _index_reliefs(number_scenarios(plan, numbers), day) for plan, day in zip(test.plans, days, strict=True)
        ),
        where=PlaceArrays(
            calendar,
            np.stack([day.first_busy for day in days]),
            np.stack([day.at_place for day in days]),
            np.stack([_find_used_places(day) for day in days]),
            numbers.key,
            test.settings.reaction_intervals,
            test.settings.several_intervals,
        ),
        demand=_build_demand(test),
        presence=_build_presence(days, calendar, tallies, test.programmes),
        scenario=test.scenario,
        controls=test.controls,
        hazards=test.hazards,
        tally_of=np.array([tallies.of[name] for name in agents], dtype=np.int32),
        unplanned=tuple(sorted({_find_weekday(test, int(i)) for i in np.flatnonzero(calendar < 0)})),
        unknown=tuple(sorted({name for need in test.needs for name in need.unknown})),
    )


def _find_used_places(day: Day) -> NDArray[np.bool_]:
    """Return the places where the plan or a relief can place agents: bool[place]."""
    found = np.zeros(len(day.damage), dtype=np.bool_)
    found[day.cell_place] = True
    found[day.option_place] = True
    return found


def _index_reliefs(scenarios: Mapping[frozenset[int], int], day: Day) -> dict[frozenset[int], int]:
    """Return the scenarios by the places they relieve, and by those of them that have people: a
    place without people is not answered, and the relief of the others is the same."""
    found = dict(scenarios)
    busy = frozenset(np.flatnonzero(day.first_busy < INTERVALS).tolist())
    for lost, scenario in scenarios.items():
        if lost & busy:
            found.setdefault(lost & busy, scenario)
    return found


def _find_weekday(test: CrashTest, day: int) -> int:
    return (test.first_day + timedelta(days=int(day))).weekday()


def _build_calendar(test: CrashTest) -> NDArray[np.int32]:
    """Return the planned day of every simulated day; -1 where its weekday has no plan."""
    of = {plan.day.weekday(): at for at, plan in reversed(list(enumerate(test.plans)))}
    if test.settings.nearest:
        held = sorted(of)
        near = {w: min(held, key=lambda h: (min((h - w) % 7, (w - h) % 7), h)) for w in range(7)}
        of = {w: of[near[w]] for w in range(7)}
    return np.array([of.get(_find_weekday(test, day), -1) for day in range(test.settings.days)], dtype=np.int32)


def _build_demand(test: CrashTest) -> Demand:
    rows = test.programmes
    calls = np.stack([np.nan_to_num(need.calls).T for need in test.needs])
    aht = np.stack([_fill_aht(need.aht_s, rows).T for need in test.needs])
    need = np.stack([np.nan_to_num(one.agents).T for one in test.needs])
    mean = (calls * aht).sum(axis=(0, 2)) / np.maximum(calls.sum(axis=(0, 2)), 1e-12)
    mean = np.where(mean > 0, mean, [row.aht_s for row in rows])
    patience = np.array([math.inf if row.patience_s is None else row.patience_s for row in rows])
    clients = [client.id for client in test.operator.clients]
    tables = [
        build_queue_table(float(mean[p]), float(patience[p]), row.service_threshold_s) for p, row in enumerate(rows)
    ]
    return Demand(
        calls=np.ascontiguousarray(calls),
        log_load=np.log(np.ascontiguousarray(np.maximum(calls * aht / INTERVAL_S, 1e-12))),
        open=np.ascontiguousarray((calls > 0) | (need > 0)),
        pace=np.ascontiguousarray(INTERVAL_S / aht),
        kind=np.array([KINDS.index(row.kind) for row in rows], dtype=np.int32),
        available=np.array([1.0 - row.shrinkage for row in rows]),
        patience=patience / INTERVAL_S,
        occupancy=np.array([row.max_occupancy for row in rows]),
        deadline=np.array([max(1, int(2 * row.deadline_hours + 1e-9)) for row in rows]),
        least=np.array([row.answer_rate if row.kind == "inbound" else 1.0 - test.target for row in rows]),
        client=np.array([clients.index(row.client) for row in rows], dtype=np.int32),
        penalty=np.array([row.penalty_per_missed_call for row in rows]),
        key=np.array([hash_key("programme", row.id) for row in rows], dtype=np.uint64),
        busy=_tabulate_busyness(test.busyness or (0.0,) * len(rows)),
        table=np.stack(tables),
        part_weight=np.array([one.weights for one in test.parts or (DayParts(),) * len(rows)]),
        client_key=np.array([hash_key("client", name) for name in clients], dtype=np.uint64),
    )


def _fill_aht(aht_s: Floats, rows: Sequence[Programme]) -> Floats:
    own = np.array([row.aht_s for row in rows])
    return np.where(np.isnan(aht_s) | (aht_s <= 0), own, aht_s)


def _tabulate_busyness(busyness: Sequence[float]) -> Floats:
    """Return equally likely factors of a gamma law of mean 1: float64[programme, bin]."""
    middle = (np.arange(BUSY_BINS) + 0.5) / BUSY_BINS
    found = np.ones((len(busyness), BUSY_BINS))
    for row, cv in zip(found, busyness, strict=True):
        if cv > 0:
            factors = special.gammaincinv(cv**-2, middle)
            row[:] = factors / factors.mean()
    return found


def _tabulate_home_efficiency(rows: Sequence[Programme]) -> Floats:
    """Return by how much home efficiency may differ from its mean, as a share of it, at equally
    likely quantiles: float64[programme, bin].

    Lognormal, as wide as the measured interval of 95 %; nil where it is assumed.
    """
    middle = (np.arange(BUSY_BINS) + 0.5) / BUSY_BINS
    found = np.zeros((len(rows), BUSY_BINS))
    for shift, row in zip(found, rows, strict=True):
        low, high = row.home_efficiency_low, row.home_efficiency_high
        if low is not None and high is not None and high > low:
            error = math.log(high / low) / (2 * NORMAL_975)
            factors = np.exp(error * special.ndtri(middle))
            shift[:] = factors / factors.mean() - 1.0
    return found


def _build_presence(
    days: Sequence[Day], calendar: NDArray[np.int32], tallies: Tallies, programmes: Sequence[Programme]
) -> Presence:
    patterns = max(len(day.worked) for day in days)
    pairs = max(1, *(len(day.pair_pattern) for day in days))
    base = [
        build_cells(day, 0, np.zeros(len(day.damage), dtype=np.bool_), False, allocate_buffers(day)) for day in days
    ]
    return Presence(
        calendar=calendar,
        worked=np.stack([_pad(day.worked, patterns) for day in days]),
        hours=np.stack([_pad(day.worked.sum(axis=1), patterns) for day in days]),
        first=np.stack([_pad(day.first, patterns) for day in days]),
        end=np.stack([_pad(day.end, patterns) for day in days]),
        pair_pattern=np.stack([_pad(day.pair_pattern, pairs) for day in days]),
        pair_programme=np.stack([_pad(day.pair_programme, pairs) for day in days]),
        pairs=np.array([len(day.pair_pattern) for day in days], dtype=np.int32),
        base=np.stack([_place_cells(day, c, c.heads) for day, c in zip(days, base, strict=True)]),
        pointer=np.concatenate([[0], np.cumsum([len(c.heads) for c in base])]).astype(np.int64),
        tally=np.concatenate([c.tally for c in base]),
        pair=np.concatenate([c.pair for c in base]),
        heads=np.concatenate([c.heads for c in base]),
        home=np.concatenate([c.home for c in base]),
        tally_size=tallies.size.astype(np.float64),
        base_home=np.stack([_place_cells(day, c, c.home) for day, c in zip(days, base, strict=True)]),
        home_shift=_tabulate_home_efficiency(programmes),
        home_key=np.array([hash_key("home", row.id) for row in programmes], dtype=np.uint64),
    )


def _pad(array: NDArray[np.generic], length: int) -> NDArray[np.generic]:
    room = np.zeros((length, *array.shape[1:]), dtype=array.dtype)
    room[: len(array)] = array
    return room


def _place_cells(day: Day, cells: Cells, heads: Floats) -> Floats:
    """Return ``heads`` of cells at work: float64[programme, half hour]."""
    found = np.zeros((len(day.weight), INTERVALS))
    worked = day.worked[day.pair_pattern[cells.pair]] * heads[:, None]
    np.add.at(found, day.pair_programme[cells.pair], worked)
    return found


_Pairs = frozenset[tuple[str, str]]


def list_home_agents(plan: Plan) -> frozenset[str]:
    """Return the agents who work at home in the base plan."""
    return frozenset(row.agent for row in plan.placements if row.place == HOME and not row.carried)


def find_presence(plans: Sequence[Plan], agents: Sequence[str], first: date) -> NDArray[np.bool_] | None:
    """Return the weekdays on which each agent is on site, from ``first`` on: bool[agent, 7].

    By the plans of a hybrid week; on a weekday without a plan no agent comes. None where no plan is
    of a hybrid week: agents then come every day, or never.
    """
    if not any(plan.home_days for plan in plans):
        return None
    number = {agent: at for at, agent in enumerate(agents)}
    found = np.zeros((len(agents), 7), dtype=np.bool_)
    for plan in plans[:7]:
        at_home = {*plan.home_days, *list_home_agents(plan)}
        at_work = {*(row.key for row in plan.placements), *plan.reserve} & number.keys()
        column = (plan.day.weekday() - first.weekday()) % 7
        found[[number[agent] for agent in at_work - at_home], column] = True
    return found


def send_home(operator: Operator, plan: Plan, agents: Collection[str]) -> Plan:
    """Return a plan with those of ``agents`` at home who may do their programme there."""
    operator = give_kits(operator, plan.kit_holders)
    legality = Eligibility(operator, plan.day, read_plan_settings(plan))
    legal = {name: legality.find_pairs(operator.agent[name]) for name in agents}
    before = {
        row.key: row
        for row in plan.placements
        if row.place != HOME and (HOME, row.programme) in legal.get(row.agent, ())
    }
    lost = {row.id: row for row in plan.contingencies}
    return replace(
        plan,
        placements=tuple(replace(row, place=HOME) if row.key in before else row for row in plan.placements),
        scenarios={
            name: _adapt_relief(operator, scenario, lost[name], before, legal) if name in lost else scenario
            for name, scenario in plan.scenarios.items()
        },
    )


def _adapt_relief(
    operator: Operator,
    scenario: PlannedScenario,
    lost: Contingency,
    before: Mapping[str, Placement],
    legal: Mapping[str, _Pairs],
) -> PlannedScenario:
    """Return a relief in which those sent home, who were ``before`` at a site, begin at home."""
    moves = [move for move in scenario.moves if move.key not in before]
    known = {move.key: move for move in scenario.moves}
    for name, seat in sorted(before.items()):
        home, move = replace(seat, place=HOME), known.get(name)
        if operator.agent[seat.agent].carrier in lost.carriers:
            after, reason = (seat, "relief") if move is None else (move.after, move.reason)
        elif move is None or move.reason in ("isolated", "stranded"):
            continue
        else:
            after, reason = _keep_home(move.after, legal[seat.agent]), move.reason
        if after != home:
            moves.append(Move(seat.agent, home, after, reason))
    return replace(scenario, moves=tuple(moves))


def _keep_home(after: Placement | None, legal: _Pairs) -> Placement | None:
    """Return a placement of a relief, at home where the agent may work there."""
    if after is None or (HOME, after.programme) not in legal:
        return after
    return replace(after, place=HOME)
