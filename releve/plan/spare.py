"""The largest offer of agents that leaves the N-1 verdict of every own client as it is.

People are taken out of the plan in force and all its reliefs as they stand, and the independent
checker goes over the rest: the proof needs no new plan. A linear programme bounds the offer; its
answer is rounded down and filled up person by person. An agent is lent for the whole shift and for
one skill, a kind of work in a language (``inbound:fr``): operators share these words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from releve.demand.requirement import Requirement
from releve.kernels.arrays import Floats, Ints
from releve.network import HOME, Agent, Operator
from releve.plan.checker import check_plan
from releve.plan.coverage import Timeline
from releve.plan.kits import give_kits, list_kits
from releve.plan.lp import LinearProgram, solve_lp
from releve.plan.problem import Eligibility, compute_programme_weights
from releve.plan.relief_matrix import build_verdict, measure_cell
from releve.plan.result import BASE, SINGLE, Placement, Plan, read_agent
from releve.plan.roster import list_break_patterns, select_duties
from releve.plan.settings import PlanSettings
from releve.plan.spare_room import AlikePeople, SpareRoom

WHOLE = 1 - 1e-9
"""A half hour is lent where at least this share of it is worked."""


@dataclass(frozen=True, slots=True)
class SpareAgent:
    """An agent that can be lent: for which skill, from which place, in which half hours."""

    agent: str
    skill: str
    destination: str
    place: str
    """The own site, or ``home``."""
    half_hours: tuple[int, ...]


@dataclass(frozen=True)
class SpareStaff:
    """The agents that can be lent together, and the plan without them.

    ``most``: agent half hours that no other choice exceeds while the reliefs stand as they are.
    ``plan`` has the verdicts of the plan in force; what the independent checker found of it is in
    its ``violations``. Its floors and its bound are those of the plan in force, which hold for
    fewer people too.
    """

    agents: tuple[SpareAgent, ...]
    most: float
    plan: Plan

    @property
    def half_hours(self) -> int:
        """Return the agent half hours that can be lent."""
        return sum(len(one.half_hours) for one in self.agents)


def list_skill_names(operator: Operator, agent: Agent) -> tuple[str, ...]:
    """Return the skills of an agent in the words that operators share, the main one first."""
    found: dict[str, None] = {}
    for name in agent.skills:
        programme = operator.programme[name]
        found |= {f"{programme.kind}:{language}": None for language in programme.languages}
    return tuple(found)


def find_spare(
    operator: Operator,
    plan: Plan,
    need: Requirement,
    settings: PlanSettings,
    *,
    skills: Sequence[str] = (),
    to_target: bool = True,
) -> SpareStaff:
    """Return the largest offer of a day.

    ``skills``: only these, an agent counting for the first one known [its main skill].
    ``to_target`` False: no client loses more than now under any loss, even where it would still
    meet its target. ``need`` is the requirement that the plan was made for.
    """
    operator = give_kits(operator, plan.kit_holders)
    room = SpareRoom(operator, plan, settings, to_target=to_target)
    kinds = list(_list_alike(operator, plan, settings, room.scenarios, skills))
    wanted, most = _choose_most(room, kinds)
    counts = [0] * len(kinds)
    order = sorted(range(len(kinds)), key=lambda c: -len(kinds[c].half_hours))
    for limit in (wanted, [len(one.agents) for one in kinds]):
        for c in order:
            while counts[c] < limit[c] and room.take(kinds[c]):
                counts[c] += 1
    lent = [
        SpareAgent(name, one.skill, one.destination, one.place, one.half_hours)
        for one, count in zip(kinds, counts, strict=True)
        for name in one.agents[:count]
    ]
    lent.sort(key=lambda one: (one.skill, one.destination, one.agent))
    rest = _build_rest(operator, plan, need, settings, room.taken, {one.agent for one in lent})
    return SpareStaff(tuple(lent), most, rest)


def count_spare(agents: Iterable[SpareAgent]) -> dict[tuple[str, str], dict[int, int]]:
    """Return the agents that can be lent by (skill and place, destination) and half hour.

    The first is like ``inbound:fr:home`` or ``inbound:fr:site``.
    """
    found: dict[tuple[str, str], Counter[int]] = {}
    for one in agents:
        skill = f"{one.skill}:{'home' if one.place == HOME else 'site'}"
        found.setdefault((skill, one.destination), Counter()).update(one.half_hours)
    return {key: dict(sorted(counts.items())) for key, counts in sorted(found.items())}


def remove_agents(operator: Operator, agents: frozenset[str]) -> Operator:
    """Return the operator without some agents, their shifts and their authorisations."""
    return replace(
        operator,
        agents=tuple(row for row in operator.agents if row.id not in agents),
        shifts=tuple(row for row in operator.shifts if row.agent not in agents),
        authorisations=tuple(
            row for row in operator.authorisations if row.kind != "agent" or row.subject not in agents
        ),
    )


_Alike = tuple[str, str, str, tuple[int, ...], tuple[Placement | None, ...]]


def _list_alike(
    operator: Operator, plan: Plan, settings: PlanSettings, scenarios: Sequence[str], skills: Sequence[str]
) -> Iterator[AlikePeople]:
    """Yield the agents who could be lent, alike people together."""
    timeline = Timeline(plan.starts)
    base = {one.key: one for one in plan.placements}
    moves = {name: {m.key: m for m in plan.scenarios[name].moves} for name in scenarios}
    isolated = {m.agent for by_key in moves.values() for m in by_key.values() if m.reason == "isolated"}
    legality = Eligibility(operator, plan.day, settings)
    hours = _list_half_hours(operator, plan, timeline)
    alike: dict[_Alike, list[str]] = {}
    for agent in operator.agents:
        offer = _find_offer(operator, agent, legality, skills)
        if agent.id in isolated or not hours.get(agent.id) or offer is None:
            continue
        work = tuple(
            _forget_name(moves[name][agent.id].after if agent.id in moves[name] else base.get(agent.id))
            for name in scenarios
        )
        key = (*offer, hours[agent.id], work)
        alike.setdefault(key, []).append(agent.id)
    for (skill, destination, place, half_hours, work), names in alike.items():
        yield AlikePeople(skill, destination, place, half_hours, work, tuple(names))


def _list_half_hours(operator: Operator, plan: Plan, timeline: Timeline) -> dict[str, tuple[int, ...]]:
    """Return the half hours that each agent works in full, on its break of the plan if placed.

    Agents with two duties in the day, one of them perhaps carried in, are left out: they are lent whole.
    """
    worked = {one.key: one for one in plan.placements}
    duties = select_duties(operator, plan.day)
    for name in plan.reserve:
        if name in duties:
            patterns = list_break_patterns(duties[name])
            middle = patterns[len(patterns) // 2]
            worked[name] = Placement(
                name, "", "", middle.start, middle.end, middle.break_start, middle.break_end, middle.pauses
            )
    several = {read_agent(key) for key in worked if key != read_agent(key)}
    return {
        name: tuple(np.flatnonzero(timeline.measure_worked(one) >= WHOLE).tolist())
        for name, one in worked.items()
        if name not in several
    }


def _find_offer(
    operator: Operator, agent: Agent, legality: Eligibility, skills: Sequence[str]
) -> tuple[str, str, str] | None:
    """Return skill, destination and place of an agent that is lent; None where it cannot be.

    At home if it may work there, else on its own site, unless it comes by a vehicle: those are
    planned for the operator's own clients.
    """
    known = list_skill_names(operator, agent)
    skill = next((name for name in skills or known if name in known), None)
    if skill is None:
        return None
    places = {place for place, _ in legality.find_pairs(agent)}
    rides = bool(operator.vehicles and agent.stop and not agent.own_transport)
    place = HOME if HOME in places else agent.home_site
    if place not in places or (place != HOME and rides):
        return None
    return skill, operator.site[agent.home_site].destination, place


def _forget_name(one: Placement | None) -> Placement | None:
    return None if one is None else replace(one, agent="")


def _choose_most(room: SpareRoom, kinds: Sequence[AlikePeople]) -> tuple[list[int], float]:
    """Return how many of each kind to take, rounded down, and the most half hours in fractions."""
    if not kinds:
        return [], 0.0
    lp = LinearProgram()
    upper = np.array([len(one.agents) for one in kinds], dtype=float)
    columns = lp.columns(len(kinds), cost=[-float(len(one.half_hours)) for one in kinds], upper=upper)
    known: set[tuple[object, ...]] = set()
    for s in range(len(room.scenarios)):
        work = tuple(one.work[s] for one in kinds)
        same = (work, room.surplus[s].tobytes(), room.room[s].tobytes(), room.thin_room[s].tobytes())
        if same not in known:
            known.add(same)
            _add_scenario(lp, room, s, columns, work)
    found = solve_lp(lp, method="simplex")
    return [int(x + 1e-6) for x in found.x[columns]], -found.bound


def _add_scenario(lp: LinearProgram, room: SpareRoom, s: int, columns: Ints, work: Sequence[Placement | None]) -> None:
    """Add the rows of a scenario: what is taken beyond the surplus stays within the rooms."""
    by_work: dict[Placement, list[int]] = {}
    for column, one in zip(columns.tolist(), work, strict=True):
        if one is not None:
            by_work.setdefault(one, []).append(column)
    if not by_work:
        return
    count = len(by_work)
    totals, sums = lp.columns(count), lp.rows(count, 0.0, 0.0)
    lp.add(np.repeat(sums, [*map(len, by_work.values())]), np.concatenate([*by_work.values()]))
    lp.add(sums, totals, -1.0)
    lost = np.array([room.measure_work(one) for one in by_work])
    programme = np.array([room.programmes.index(one.programme) for one in by_work])
    who, t = np.nonzero(lost)
    wide = len(room.programmes)
    used, row = np.unique(t * wide + programme[who], return_inverse=True)
    times, programmes = np.divmod(used, wide)
    rows = lp.rows(len(used), upper=room.surplus[s, times, programmes])
    lp.add(rows[row], totals[who], lost[who, t])
    _add_missing(lp, room, s, rows, times, room.client[programmes])


def _add_missing(lp: LinearProgram, room: SpareRoom, s: int, rows: Ints, times: Ints, clients: Ints) -> None:
    """Let a client miss more in each half hour and in the day, as far as its rooms go.

    Of each of ``rows`` its half hour and its client.
    """
    free = (room.room[s, clients] > 0) & (room.thin_room[s, clients, times] > 0)
    rows, times, clients = rows[free], times[free], clients[free]
    missing = lp.columns(len(rows))
    lp.add(rows, missing, -1.0)
    whose, day = np.unique(clients, return_inverse=True)
    lp.add(lp.rows(len(whose), upper=room.room[s, whose])[day], missing)
    long = room.thin_room.shape[2]
    pairs, thin = np.unique(clients * long + times, return_inverse=True)
    c, t = np.divmod(pairs, long)
    lp.add(lp.rows(len(pairs), upper=room.thin_room[s, c, t])[thin], missing)


def _build_rest(
    operator: Operator, plan: Plan, need: Requirement, settings: PlanSettings, taken: Floats, lent: set[str]
) -> Plan:
    """Return the plan without the lent agents, its figures counted again, and checked."""
    weights = compute_programme_weights(operator, need)
    required = np.nan_to_num(plan.required)
    scenarios = {}
    for s, name in enumerate((BASE, *(row.id for row in plan.contingencies))):
        old = plan.scenarios[name]
        placed = old.placed - taken[s]
        scenarios[name] = replace(
            old,
            placed=placed,
            moves=tuple(move for move in old.moves if move.agent not in lent),
            penalty=float((np.maximum(0.0, required - placed) * weights).sum()),
        )
    rest = replace(
        plan,
        placements=tuple(one for one in plan.placements if one.agent not in lent),
        reserve=tuple(name for name in plan.reserve if name not in lent),
        kits=list_kits(remove_agents(operator, frozenset(lent))),
        scenarios=scenarios,
        missing=None,
    )
    rest = _count_again(rest, settings)
    found = check_plan(remove_agents(operator, frozenset(lent)), rest, settings, need.aht_s)
    return replace(rest, violations=found)


def _count_again(plan: Plan, settings: PlanSettings) -> Plan:
    """Return a plan with cells, verdicts and worst regrets of what its scenarios place."""
    owner = np.array([client for _, client, _ in plan.programmes])
    cells = []
    for cell in plan.cells:
        mine = owner == cell.client
        cells.append(
            measure_cell(
                cell.client, cell.contingency, agents=plan.required[:, mine],
                calls=plan.calls[:, mine], placed=plan.scenarios[cell.contingency].placed[:, mine],
                floor=cell.floor, settings=settings,
            )
        )  # fmt: skip
    kind = {BASE: "site"} | {row.id: row.kind for row in plan.contingencies}
    beyond = {row.id for row in plan.contingencies if row.kind not in SINGLE}
    regret: dict[str, float] = {}
    for cell in cells:
        name = kind[cell.contingency]
        regret[name] = max(regret.get(name, 0.0), cell.regret)
    return replace(
        plan,
        cells=tuple(cells),
        verdicts=tuple(
            build_verdict(old.client, [c for c in cells if c.client == old.client], beyond, old.rounding)
            for old in plan.verdicts
        ),
        bound=replace(plan.bound, regret=regret),
    )
