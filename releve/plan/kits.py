"""Who takes a kit of the site's pool home (laptop, headset, router), where there are fewer kits than people.

A kit that stands on a site is lost with it, so what counts is who takes one home every evening: the
holders, the same people in the base plan and in every relief of the days planned together. They are
chosen before the days are planned, by the N-1 programme of each day with a column of kits for the
agents who are alike. Then a day is planned as if the holders had equipment of their own and the other
agents of the pool had none: no part of the planner knows more of kits than that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from releve.demand.requirement import Requirement
from releve.kernels.arrays import Floats, Ints, Truths
from releve.network import HOME, Operator, find_site_seats
from releve.network.history_grid import round_to_grid
from releve.plan.integer_problem import MAX_SEARCHED_ASSIGNMENTS
from releve.plan.lp import LinearProgram, solve_lp
from releve.plan.n1_program import TIE_COST, TIE_ROOM, UNIQUE_DECIMALS, add_n1_day
from releve.plan.problem import DayProblem, build_day_problem, limit_to_measures
from releve.plan.result import Contingency, Plan, PlannedKits, list_contingencies, read_agent
from releve.plan.scenario_lp import compute_client_floors
from releve.plan.settings import PlanSettings

CHANGE_PRICE = 0.01
"""Price of a kit for an agent who holds none yet, in agent-intervals of mean penalty: it decides between plans that
serve as well, and above what breaks ties between equal ones."""
STAY_SHARE = 0.2
"""Share of that price for an agent who holds one: a kit that changes nothing is not asked for."""
VERTEX = 20_000
"""Up to this many columns the programme is solved to a vertex, which gives kits to few kinds of agents."""
MOST_WHOLE_COLUMNS = 5_000
"""Up to this many columns kits are counted in whole ones, at most MOST_NODES nodes of the search deep; few agents of a
kind would else share a kit."""
MOST_NODES = 500
_TIE_BREAKER = 2.0**0.5
_HAIR = 10.0**-UNIQUE_DECIMALS


def list_pools(operator: Operator) -> Mapping[str, tuple[str, ...]]:
    """Return the agents who work at home with a kit of their site, by site."""
    pools: dict[str, list[str]] = {}
    for row in operator.agents:
        if row.home_kit:
            pools.setdefault(row.home_site, []).append(row.id)
    return {site: tuple(agents) for site, agents in pools.items()}


def give_kits(operator: Operator, holders: Collection[str]) -> Operator:
    """Return the operator as it is planned: of the agents who need a kit the holders are home-ready, the others not.

    The operator itself where no agent needs one.
    """
    if not any(row.home_kit for row in operator.agents):
        return operator
    held = frozenset(holders)
    return replace(
        operator,
        agents=tuple(replace(row, home_ready=row.id in held) if row.home_kit else row for row in operator.agents),
    )


def list_kits(operator: Operator) -> tuple[PlannedKits, ...]:
    """Return who holds the kits of each site in an operator as it is planned (:func:`give_kits`)."""
    return tuple(
        PlannedKits(
            site,
            operator.site[site].home_kits,
            len(agents),
            tuple(name for name in agents if operator.agent[name].home_ready),
        )
        for site, agents in list_pools(operator).items()
    )


def choose_holders(
    operator: Operator,
    needs: Sequence[Requirement],
    settings: PlanSettings,
    *,
    before: Plan | None = None,
    protect: bool = True,
) -> tuple[str, ...]:
    """Return who takes a kit home while some days last, at most as many of each site as it has kits.

    Every kit is given: where the programme needs fewer, to those who hold one already, then in the operator's order.
    ``before``: the plan whose holders stay where the days are served as well; those who work at home into the first
    day keep theirs. ``protect`` False: nothing is lost. Where each agent of a pool can have a kit, nothing is solved.
    """
    pools = list_pools(operator)
    scarce = {site: names for site, names in pools.items() if len(names) > operator.site[site].home_kits}
    present = frozenset() if before is None else before.kit_holders
    kept: set[str] = set()
    if before is not None and before.day < needs[0].day:
        starts = needs[0].starts[0]
        kept = {row.agent for row in before.placements if row.place == HOME and row.end > starts} & present
    wanted: Counter[str] = Counter()
    for need in needs if scarce else ():
        wanted.update(_find_wanted(operator, need, settings, scarce, present.union(wanted), protect))
    chosen: set[str] = set()
    for site, names in pools.items():
        ranks = sorted(names, key=lambda name: (name not in kept, -wanted[name], name not in present))
        chosen.update(ranks[: operator.site[site].home_kits])
    return tuple(row.id for row in operator.agents if row.id in chosen)


def _find_wanted(
    operator: Operator,
    need: Requirement,
    settings: PlanSettings,
    scarce: Mapping[str, Sequence[str]],
    present: Collection[str],
    protect: bool,
) -> Iterable[str]:
    """Return the agents who should have a kit on one day, by the N-1 programme in fractions, rounded for each site.

    For a large operator, whose whole programme would double the time of its plan, the kits of each site are chosen for
    the base day and the loss of that site alone.
    """
    everyone = give_kits(operator, [row.id for row in operator.agents])
    usable = {site: len(found.usable) for site, found in find_site_seats(operator, need.day).items()}
    problem = build_day_problem(everyone, need, limit_to_measures(operator, need.day, usable), settings)
    if not len(problem.size) or not problem.required.any():
        return ()
    kinds = _list_alike(operator, problem, scarce, present)
    if not kinds:
        return ()
    losses = [loss for loss in list_contingencies(everyone) if protect and loss.sites.intersection(scarce)]
    parts = [losses]
    if len(problem.group) > MAX_SEARCHED_ASSIGNMENTS and protect:
        parts = [[loss] for loss in losses if loss.kind == "site"]
    floors = compute_client_floors(problem, losses)
    wanted = np.zeros(len(kinds))
    for part in parts:
        rows = [0, *(1 + losses.index(loss) for loss in part)]
        kits = _solve_kits(operator, problem, settings, part, floors[rows], kinds)
        lost = frozenset(site for loss in part for site in loss.sites) or scarce.keys()
        mine = np.array([one.site in lost for one in kinds], dtype=np.bool_)
        wanted[mine] = kits[mine]
    return _list_named(kinds, _count_whole_kits(operator, kinds, wanted))


def _solve_kits(
    operator: Operator,
    problem: DayProblem,
    settings: PlanSettings,
    losses: Sequence[Contingency],
    floors: Floats,
    kinds: Sequence[_AlikeAgents],
) -> Floats:
    """Return how many agents of each kind should have a kit, for the base day and some losses."""
    lp = LinearProgram()
    day = add_n1_day(lp, problem, losses, floors, settings, rides=False)
    price = CHANGE_PRICE * np.array([STAY_SHARE if one.present else 1.0 for one in kinds])
    kits = lp.columns(len(kinds), price, upper=np.array([float(len(one.agents)) for one in kinds]))
    for site in dict.fromkeys(one.site for one in kinds):
        mine = np.array([i for i, one in enumerate(kinds) if one.site == site], dtype=np.int64)
        lp.add(lp.rows(1, upper=float(operator.site[site].home_kits)), kits[mine])
    own, members = _count_equipped(problem, kinds)
    limited = np.unique(members[:, 0])
    at_home: Truths = (problem.place == problem.home) & np.isin(problem.group, limited)
    for block in day.blocks:
        row_of = np.full(len(problem.size), -1, dtype=np.int64)
        row_of[limited] = lp.rows(len(limited), upper=own[limited])
        placed = np.nonzero(at_home & (block.w >= 0))[0]
        lp.add(row_of[problem.group[placed]], block.w[placed])
        lp.add(row_of[members[:, 0]], kits[members[:, 1]], -1.0)
    vertex = lp.n_columns <= VERTEX
    if vertex:
        lp.break_ties(TIE_COST, TIE_ROOM, _TIE_BREAKER)
    if lp.n_columns <= MOST_WHOLE_COLUMNS:
        x = solve_lp(lp, integer=kits, gap=0.0, options={"mip_max_nodes": MOST_NODES}).x
    else:
        most = float(problem.size.sum()) * max(1.0, float(problem.efficiency.max(initial=1.0)))
        x = solve_lp(lp, method="ipm", crossover=vertex, most=max(1.0, most)).x
    return round_to_grid(np.maximum(0.0, x[kits]), UNIQUE_DECIMALS)


@dataclass(frozen=True)
class _AlikeAgents:
    """Agents of a site's pool whose duties of the day are in the same groups, all or none of whom hold a kit."""

    site: str
    groups: tuple[int, ...]
    present: bool
    agents: tuple[str, ...]


def _list_alike(
    operator: Operator, problem: DayProblem, scarce: Mapping[str, Sequence[str]], present: Collection[str]
) -> list[_AlikeAgents]:
    """Return the agents of scarce pools who may work at home on the day, in the operator's order."""
    of_agent: dict[str, list[int]] = {}
    home = frozenset(problem.group[problem.place == problem.home].tolist())
    for g, members in enumerate(problem.groups.members):
        for key in members if g in home else ():
            of_agent.setdefault(read_agent(key), []).append(g)
    pooled = {name for names in scarce.values() for name in names}
    alike: dict[tuple[str, tuple[int, ...], bool], list[str]] = {}
    for row in operator.agents:
        if row.id in pooled and row.id in of_agent:
            alike.setdefault((row.home_site, tuple(of_agent[row.id]), row.id in present), []).append(row.id)
    return [_AlikeAgents(*key, tuple(agents)) for key, agents in alike.items()]


def _count_equipped(problem: DayProblem, kinds: Sequence[_AlikeAgents]) -> tuple[Floats, Ints]:
    """Return how many people of each group need no kit of a scarce pool, and the pairs (group, kind) of the others."""
    own = problem.size.astype(float)
    pairs = []
    for i, one in enumerate(kinds):
        for g in one.groups:
            own[g] -= len(one.agents)
            pairs.append((g, i))
    return own, np.array(pairs, dtype=np.int64).reshape(-1, 2)


def _count_whole_kits(operator: Operator, kinds: Sequence[_AlikeAgents], wanted: Floats) -> Ints:
    """Return whole kits: each site's sum is rounded up, within what it has, and goes to the largest parts."""
    count = np.floor(wanted + _HAIR).astype(np.int64)
    for site in dict.fromkeys(one.site for one in kinds):
        mine = np.array([i for i, one in enumerate(kinds) if one.site == site], dtype=np.int64)
        due = min(operator.site[site].home_kits, int(np.ceil(wanted[mine].sum() - _HAIR)))
        largest = mine[np.argsort(count[mine] - wanted[mine], kind="stable")]
        count[largest[: max(0, due - int(count[mine].sum()))]] += 1
    return count


def _list_named(kinds: Sequence[_AlikeAgents], count: Ints) -> list[str]:
    return [name for one, people in zip(kinds, count.tolist(), strict=True) for name in one.agents[:people]]
