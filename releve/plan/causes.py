"""Why no plan meets a client's target: what it lacks, found by lifting one restriction after another.

A cell is out of reach where the client's floor, its shortfall with every agent to itself, is above
the target. The floor is solved again with seats without limit, a laptop and a line for each agent,
every place allowed, every agent trained, people hired; then with two of these, and so on. The
fewest that bring it under the target, the first in this order, are what is lacking: each is proved
to be needed beside the others, and together they suffice. A client out of reach with nothing lost
is so under every loss, and is answered once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import reduce
from itertools import combinations, count
from math import ceil

import numpy as np

from releve.demand.requirement import INTERVAL, Requirement
from releve.errors import NumberPhrase, Phrase
from releve.kernels.arrays import Truths
from releve.network import Agent, Authorisation, Operator, Shift
from releve.network.history_grid import round_to_grid
from releve.plan.problem import DayProblem, build_day_problem, limit_to_measures
from releve.plan.result import BASE, Carried, Cause, CauseKind, Contingency, Plan, ReliefCell
from releve.plan.scenario_lp import find_lost_assignments, select_client, solve_least_missing, sum_client_requirement
from releve.plan.service_status import Status, judge_service
from releve.plan.settings import PlanSettings

MANY = 1_000_000
"""Seats of a site without limit."""
Lifts = frozenset[CauseKind]

LIFTS: tuple[Lifts, ...] = tuple(
    frozenset(kinds)
    for size in range(1, len(CauseKind))
    for kinds in combinations(CauseKind, size)
    if not {CauseKind.SKILL, CauseKind.HIRE} <= set(kinds)
)
"""What is lifted, in order: the fewest kinds first. People are hired with the skills of the client,
so hiring needs no training beside it."""


def find_causes(
    operator: Operator,
    need: Requirement,
    settings: PlanSettings,
    seats: Mapping[str, int],
    contingencies: Sequence[Contingency],
    cells: Sequence[ReliefCell],
    carried: Carried | None = None,
) -> tuple[Cause, ...]:
    """Return the causes of the cells out of reach, in their order; ``seats[site]`` it can hold.

    ``carried``: where the plan of the day before has those whose duty goes on into the day.
    """
    losses: dict[str, Contingency | None] = {BASE: None, **{one.id: one for one in contingencies}}
    wanted = [cell for cell in cells if cell.status is Status.OUT_OF_REACH]
    always = {cell.client for cell in wanted if cell.contingency == BASE}
    cases: dict[str, _ClientCase] = {}
    found = []
    operator = _keep_day(operator, need.day) if wanted else operator
    for cell in wanted:
        if cell.client in always and cell.contingency != BASE:
            continue
        if cell.client not in cases:
            cases[cell.client] = _ClientCase(operator, need, settings, seats, cell.client, carried)
        found.append(cases[cell.client].find_cause(cell.contingency, losses[cell.contingency]))
    return tuple(found)


def _keep_day(operator: Operator, day: date) -> Operator:
    """Return the operator with the duties that have work in a day alone: each question joins its roster again."""
    first, last = operator.day_bounds(day)
    held = (duty for duty in operator.duties if duty.start < last and duty.end > first)
    shifts = tuple(Shift(duty.agent, one.start, one.end, one.break_minutes) for duty in held for one in duty.periods)
    return replace(operator, shifts=shifts) if shifts else operator


class _ClientCase:
    """One client with every agent to itself, and with restrictions lifted."""

    def __init__(
        self,
        operator: Operator,
        need: Requirement,
        settings: PlanSettings,
        seats: Mapping[str, int],
        client: str,
        carried: Carried | None,
    ) -> None:
        self._operator, self._need, self._settings, self._seats = operator, need, settings, seats
        self._client, self._carried = client, carried
        self._own = tuple(name for name in need.programmes if operator.programme[name].client == client)
        self._known: dict[tuple[Lifts, tuple[str, ...]], DayProblem] = {}

    def find_cause(self, name: str, loss: Contingency | None) -> Cause:
        """Return the cause under a loss, None when nothing is lost."""
        lifts = next((lifts for lifts in LIFTS if self._meets(lifts, self._own, loss)), frozenset())
        taught = self._own if CauseKind.SKILL in lifts else ()
        for programme in taught:
            fewer = tuple(one for one in taught if one != programme)
            if fewer and self._meets(lifts, fewer, loss):
                taught = fewer
        agents, interval = self._measure_worst(loss)
        kinds = tuple(kind for kind in CauseKind if kind in lifts)
        return Cause(self._client, name, kinds, taught, agents, interval)

    def _meets(self, lifts: Lifts, taught: tuple[str, ...], loss: Contingency | None) -> bool:
        """Return whether the target is met with some restrictions lifted."""
        part = self._build(lifts, taught if CauseKind.SKILL in lifts else ())
        missing = solve_least_missing(part, find_lost_assignments(part, loss))
        total = sum_client_requirement(part)[part.clients.index(self._client)]
        share, settings = missing / total, self._settings
        return judge_service(share, 1.0, settings.target, settings.thin).is_met

    def _measure_worst(self, loss: Contingency | None) -> tuple[float, int]:
        """Return the agents missing in the half hour that lacks most by a count of people and
        seats, were it the only one; 0 and -1 where that lacks none."""
        part = self._build(frozenset(), ())
        lost = find_lost_assignments(part, loss)
        worst = _find_worst(part, lost)
        only = np.zeros_like(part.required)
        only[worst] = part.required[worst]
        missing = solve_least_missing(replace(part, required=only), lost)
        agents = float(round_to_grid(missing))
        return (agents, worst) if agents > 0 else (0.0, -1)

    def _build(self, lifts: Lifts, taught: tuple[str, ...]) -> DayProblem:
        """Return the client's day, alone, with some restrictions lifted."""
        key = (lifts, taught)
        if key not in self._known:
            lifted, hired = self._lift(lifts, taught)
            seats = self._seats
            if CauseKind.SEAT in lifts:
                seats = limit_to_measures(self._operator, self._need.day, dict.fromkeys(seats, MANY))
            problem = build_day_problem(lifted, self._need, seats, self._settings, carried=self._carried)
            enough = 2 * (
                1 + int(problem.required.sum(axis=1).max(initial=0.0) / max(0.1, min(1.0, *problem.efficiency)))
            )
            size = [enough if hired.intersection(members) else len(members) for members in problem.groups.members]
            part, _ = select_client(replace(problem, size=np.array(size, dtype=np.int64)), self._number)
            self._known[key] = part
        return self._known[key]

    @property
    def _number(self) -> int:
        return [row.id for row in self._operator.clients].index(self._client)

    def _lift(self, lifts: Lifts, taught: Collection[str]) -> tuple[Operator, frozenset[str]]:
        """Return the operator's rows for the client alone, and the agents who stand for any number."""
        operator = self._operator
        own = set(self._own)
        agents = [
            self._lift_agent(row, lifts, taught) for row in operator.agents if taught or not own.isdisjoint(row.skills)
        ]
        hires = list(self._list_hires(lifts)) if CauseKind.HIRE in lifts else []
        free = CauseKind.PLACE in lifts
        permits = [row for row in operator.authorisations if row.kind == "agent"][:1]
        lifted = replace(
            operator,
            agents=(*agents, *(row for row, _ in hires)),
            shifts=(*operator.shifts, *(shift for _, shift in hires if shift is not None)),
            programmes=tuple(
                replace(row, place="home_allowed", allowed_destinations=())
                if free and row.client == self._client
                else row
                for row in operator.programmes
            ),
            authorisations=(
                *operator.authorisations,
                *(
                    Authorisation(f"{one.id} {row.id}", "agent", row.id, self._need.day, self._need.day)
                    for row, _ in hires
                    for one in permits
                ),
            ),
        )
        return lifted, frozenset(row.id for row, _ in hires)

    def _lift_agent(self, row: Agent, lifts: Lifts, taught: Collection[str]) -> Agent:
        skills = tuple(name for name in self._own if name in row.skills or name in taught)
        if CauseKind.LAPTOP in lifts:
            return replace(row, skills=skills, home_ready=True, carrier="")
        return replace(row, skills=skills)

    def _list_hires(self, lifts: Lifts) -> Iterator[tuple[Agent, Shift | None]]:
        """Yield agents to hire: on each site, and at home by country and carrier as the operator
        has them, in each half hour with a requirement (without a roster, on any shift)."""
        operator = self._operator
        means = {(site.id, CauseKind.LAPTOP in lifts, "") for site in operator.sites}
        at_home: dict[tuple[str, str], str] = {}
        for row in operator.agents if CauseKind.LAPTOP not in lifts else ():
            if row.home_ready:
                at_home.setdefault((operator.site[row.home_site].destination, row.carrier), row.home_site)
        means |= {(site, True, carrier) for (_, carrier), site in at_home.items()}
        columns = [self._need.programmes.index(name) for name in self._own]
        busy = np.nan_to_num(self._need.agents[:, columns]).sum(axis=1) > 0
        starts = [start for start, required in zip(self._need.starts, busy, strict=True) if required]
        names = (name for n in count(1) if (name := f"hire-{n}") not in operator.agent)
        for site, home_ready, carrier in sorted(means):
            for start in starts if operator.shifts else [None]:
                name = next(names)
                agent = Agent(name, site, self._own, home_ready=home_ready, carrier=carrier)
                yield agent, None if start is None else Shift(name, start, start + INTERVAL, 0.0)


def _find_worst(part: DayProblem, lost: Truths) -> int:
    """Return the half hour that lacks most, by counts of people, of people by programme and of
    seats; where none lacks, the one with the fewest to spare."""
    kept = ~lost
    classes = part.patterns.classes
    most = np.array([part.patterns.worked[patterns].max(axis=0) for patterns in classes])
    class_of = np.zeros(len(part.size), dtype=np.int64)
    class_of[part.group] = part.link_class[part.link]
    people = most.reshape(-1, len(part.required))[class_of] * part.size[:, None]
    here = kept & (part.place != part.home)
    seats = part.seats[np.unique(part.place[here])].sum()
    at_home = people[np.unique(part.group[kept & ~here])].sum(axis=0)
    able = np.minimum(people[np.unique(part.group[kept])].sum(axis=0), at_home + seats)
    required = part.required.sum(axis=1)
    by_programme = np.zeros(len(required))
    for p in np.nonzero(part.required.any(axis=0))[0]:
        known = people[np.unique(part.group[kept & (part.programme == p)])].sum(axis=0)
        by_programme += np.maximum(0.0, part.required[:, p] - known)
    spare = np.where(required > 0, round_to_grid(able - required), np.inf)
    lacking = round_to_grid(np.maximum(by_programme, required - able))
    return int(np.lexsort((spare, -np.maximum(0.0, lacking)))[0])


@dataclass(frozen=True)
class CauseGroup:
    """Losses (or ``base``) under which a client is out of reach, and lacks the same.

    ``programmes`` by name; ``prices`` in EUR of one unit of each kind, None where none is known.
    ``agents`` missing at the half hour that begins at ``start`` under the worst of them; no start
    where no half hour alone is too much. ``floor``: the least of the day that is missing there.
    """

    client: str
    contingencies: tuple[str, ...]
    kinds: tuple[CauseKind, ...]
    programmes: tuple[str, ...]
    prices: tuple[float | None, ...]
    agents: float
    start: datetime | None
    floor: float


def group_causes(plan: Plan, cells: Sequence[ReliefCell]) -> tuple[CauseGroup, ...]:
    """Return the causes of some cells, each once, in the order of the cells.

    What a client lacks with nothing lost stands as that of the base. Cells whose cause the plan
    does not state are left out.
    """
    members: dict[tuple[object, ...], list[tuple[ReliefCell, Cause]]] = {}
    for cell in cells:
        cause = plan.find_cause(cell) if cell.status is Status.OUT_OF_REACH else None
        if cause is not None:
            key = (cause.client, cause.contingency == BASE, cause.kinds, cause.programmes)
            members.setdefault(key, []).append((plan.cell.get((cell.client, cause.contingency), cell), cause))
    return tuple(_build_group(plan, found) for found in members.values())


def _build_group(plan: Plan, members: Sequence[tuple[ReliefCell, Cause]]) -> CauseGroup:
    cell, cause = max(members, key=lambda pair: (pair[1].agents, pair[0].floor))
    names = {key: name for key, _client, name in plan.programmes}
    prices = (plan.settings.get(f"{kind}_price") for kind in cause.kinds)
    return CauseGroup(
        client=cause.client,
        contingencies=tuple(dict.fromkeys(cause.contingency for _, cause in members)),
        kinds=cause.kinds,
        programmes=tuple(names[one] for one in cause.programmes),
        prices=tuple(None if price is None else float(price) for price in prices),
        agents=cause.agents,
        start=plan.starts[cause.interval] if cause.interval >= 0 else None,
        floor=cell.floor,
    )


_LACKS = {
    CauseKind.SEAT: Phrase("too few seats"),
    CauseKind.LAPTOP: Phrase("too few laptops and lines to work at home"),
    CauseKind.PLACE: Phrase("the contract allows no other place"),
    CauseKind.HIRE: Phrase("too few people"),
}
_CURES = {
    CauseKind.SEAT: Phrase("add seats"),
    CauseKind.LAPTOP: Phrase("give laptops and lines"),
    CauseKind.PLACE: Phrase("agree on a second place, or on work at home, with the client"),
    CauseKind.SKILL: Phrase("train people for it"),
    CauseKind.HIRE: Phrase("hire people"),
}


def describe_cause(cause: CauseGroup, losses: str, time: str) -> Phrase:
    """Return what is lacking and what cures it; ``losses`` says under which of them, and ``time``
    when the worst half hour begins."""
    where = Phrase("even with nothing lost") if cause.contingencies == (BASE,) else losses
    figure = describe_least(cause, time)
    if not cause.kinds:
        return Phrase("{0}: no place is left where its work could be done ({1})", where, figure)
    return Phrase("{0}: {1} ({2}). Cure: {3}", where, describe_lack(cause), figure, describe_cure(cause))


def describe_least(cause: CauseGroup, time: str) -> Phrase:
    """Return the least that is missing, whatever the plan, at the worst half hour, which begins at ``time``."""
    if cause.start is None:
        return Phrase("at best {0}% of its day missing", NumberPhrase(100 * cause.floor, 1))
    return Phrase("at best {0} missing at {1}", NumberPhrase(cause.agents, int(cause.agents % 1 > 0)), time)


def describe_lack(cause: CauseGroup) -> Phrase:
    """Return what is lacking. What the contract forbids comes first: it is decided first."""
    if not cause.kinds:
        return Phrase("no place is left where its work could be done")
    skill = Phrase("too few people trained for {0}", ", ".join(cause.programmes))
    return _join([skill if kind is CauseKind.SKILL else _LACKS[kind] for kind, _price in _order_kinds(cause)])


def describe_cure(cause: CauseGroup) -> Phrase:
    """Return what cures a cause that has kinds, with the price of one of each where it is known."""
    return _join(
        [
            _CURES[kind] if price is None else Phrase("{0} (EUR {1} each)", _CURES[kind], NumberPhrase(price))
            for kind, price in _order_kinds(cause)
        ]
    )


def price_cure(cause: CauseGroup) -> float | None:
    """Return about what a cure costs, in EUR: one of each kind for each agent missing at the worst half hour.

    None where no price is known, or no half hour alone is too much.
    """
    prices = [price for price in cause.prices if price is not None]
    return ceil(cause.agents) * sum(prices) if prices and cause.start is not None else None


def _order_kinds(cause: CauseGroup) -> list[tuple[CauseKind, float | None]]:
    return sorted(zip(cause.kinds, cause.prices, strict=True), key=lambda part: part[0] is not CauseKind.PLACE)


def _join(parts: Sequence[Phrase]) -> Phrase:
    return reduce(lambda before, part: Phrase("{0} and {1}", before, part), parts)
