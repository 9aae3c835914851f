"""The cheapest purchases under which the base day and some losses hold, as one programme.

Purchase columns join the blocks of the base day and the losses: a *twin* of a group can work at
home, or on one more programme, and people are bought over from the group to its twin; a site can
have more seats, a pool more vehicles; where a hire has a price, a group can have more people. A
very dear slack per client and loss shows what nothing on the list cures. The answer is rounded up
to whole purchases. Whole people miss a little more than fractions, so targets are lowered by that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import count, islice

import numpy as np

from releve.kernels.arrays import Floats, Ints
from releve.network import Authorisation, Operator, Shift, Vehicle
from releve.plan.candidate_groups import CandidateGroups, choose_new_carriers
from releve.plan.lp import LinearProgram, solve_lp
from releve.plan.n1_program import add_exposure, add_shares, add_target
from releve.plan.problem import DayProblem
from releve.plan.result import BASE, Contingency, Purchase
from releve.plan.scenario_lp import (
    ProblemLayout,
    ScenarioBlock,
    add_block,
    add_caps,
    build_layout,
    find_lost_assignments,
)
from releve.plan.settings import PlanSettings


def apply_purchases(operator: Operator, purchases: Iterable[Purchase]) -> Operator:
    """Return the operator with the laptops, skills, people and vehicles bought.

    A new line belongs to the carrier with the fewest agents in the destination, or to none where no
    agent works at home yet; agents of a pool of kits have a line, and need the laptop alone. A vehicle
    copies the one named, permits included; a hire the agent named, with the shifts, as the other
    purchases leave them. For seats see :func:`count_new_seats`.
    """
    purchases = tuple(purchases)
    agents = dict(operator.agent)
    carrier = choose_new_carriers(operator)
    vehicles, permits = list(operator.vehicles), list(operator.authorisations)
    for one in purchases:
        if one.kind == "vehicle":
            _add_vehicles(vehicles, permits, one)
        for name in one.agents if one.kind != "hire" else ():
            row = agents[name]
            if one.kind == "laptop":
                line = row.carrier if row.home_kit else carrier.get(operator.site[row.home_site].destination, "")
                agents[name] = replace(row, home_ready=True, home_kit=False, carrier=line)
            else:
                agents[name] = replace(row, skills=(*row.skills, one.programme))
    hired = _name_hires(operator, purchases)
    like = set(hired.values())
    shifts: dict[str, list[Shift]] = {}
    for shift in operator.shifts if hired else ():
        if shift.agent in like:
            shifts.setdefault(shift.agent, []).append(shift)
    allowed = [row for row in permits if row.kind == "agent" and row.subject in like]
    permits += [
        replace(row, id=f"{row.id} {name}", subject=name)
        for name, model in hired.items()
        for row in allowed
        if row.subject == model
    ]
    return replace(
        operator,
        agents=(
            *(agents[row.id] for row in operator.agents),
            *(replace(agents[model], id=name, home_kit=False) for name, model in hired.items()),
        ),
        shifts=(
            *operator.shifts,
            *(replace(row, agent=name) for name, model in hired.items() for row in shifts.get(model, ())),
        ),
        vehicles=tuple(vehicles),
        authorisations=tuple(permits),
    )


def _name_hires(operator: Operator, purchases: Iterable[Purchase]) -> dict[str, str]:
    """Return the agents who are hired, each with the agent of the operator they are like."""
    hired: dict[str, str] = {}
    for model in (name for one in purchases if one.kind == "hire" for name in one.agents):
        names = (name for n in count(1) if (name := f"{model}-more-{n}") not in operator.agent)
        hired[next(name for name in names if name not in hired)] = model
    return hired


def _add_vehicles(vehicles: list[Vehicle], permits: list[Authorisation], one: Purchase) -> None:
    """Add vehicles like the one that a purchase names."""
    like = next(row for row in vehicles if row.id == one.where)
    held = [row for row in permits if row.kind == "vehicle" and row.subject == like.id]
    taken = {row.id for row in vehicles}
    free = (name for n in count(1) if (name := f"{like.id}-more-{n}") not in taken)
    for name in islice(free, one.count):
        vehicles.append(replace(like, id=name))
        permits += [replace(row, id=f"{row.id} {name}", subject=name) for row in held]


def count_new_seats(purchases: Iterable[Purchase]) -> Counter[str]:
    """Return how many seats are bought for each site."""
    seats: Counter[str] = Counter()
    for one in purchases:
        if one.kind == "seat":
            seats[one.where] += one.count
    return seats


def sum_cost(purchases: Iterable[Purchase]) -> float:
    """Return what purchases cost together, in EUR."""
    return sum(one.price for one in purchases)


def summarize_purchases(purchases: Iterable[Purchase]) -> str:
    """Return how much of each kind is bought, like ``5 laptops, 3 trained``."""
    count: Counter[str] = Counter()
    for one in purchases:
        count[one.kind] += one.count
    words = {"laptop": "laptops", "skill": "trained", "seat": "seats", "vehicle": "vehicles", "hire": "hired"}
    return ", ".join(f"{count[kind]} {words[kind]}" for kind in words if count[kind]) or "nothing"


MatrixCells = frozenset[tuple[str, str]]
"""Cells, as (loss, client)."""
STEP = 0.002
"""How much further than by what was missed the aim of a cell is lowered."""


class ShortfallTargets:
    """An aim per loss (or the base day) and client: the target, until it is lowered."""

    def __init__(self, target: float, clients: int) -> None:
        self._target = target
        self._clients = clients
        self._aims: dict[str, Floats] = {}

    def find_targets(self, name: str) -> Floats:
        """Return the aim of each client under a loss (or on the base day)."""
        return self._aims.get(name, np.full(self._clients, self._target))

    def average_with(self, other: ShortfallTargets) -> ShortfallTargets:
        """Return the aims halfway to others."""
        out = ShortfallTargets(self._target, self._clients)
        for name in (*self._aims, *other._aims):
            out._aims[name] = (self.find_targets(name) + other.find_targets(name)) / 2
        return out

    def lower(self, over: dict[str, Floats]) -> ShortfallTargets:
        """Return lower aims, by ``over[id][client]`` and a step where it is more than nothing."""
        out = ShortfallTargets(self._target, self._clients)
        out._aims = dict(self._aims)
        for name, amount in over.items():
            less = np.where(amount > 0, amount + STEP, 0.0)
            out._aims[name] = np.maximum(0.0, self.find_targets(name) - less)
        return out


KINDS = ("laptop", "skill", "seat", "vehicle", "hire")
"""What can be bought; hires where the settings have a price for them."""
SLACK_PRICE = 2e6
"""EUR for one whole client's day that nothing cures: dearer than anything on the list."""
NOTHING = 1e-5
"""Share of a client's day up to which a slack is the solver's tolerance. A larger one is a miss
that is left when all that helps is bought: no list cures it."""
VERTEX = 60_000
"""Up to this many columns the purchase is solved to a vertex, which buys from few groups."""


@dataclass(frozen=True)
class PurchaseSolution:
    """A set of purchases: people per twin, seats per site, vehicles per pool, hires per group that
    knows a programme in question; cost and bound in EUR. ``vertex``: the programme was small enough for one."""

    people: Ints
    seats: Ints
    vehicles: Ints
    hires: Ints
    cost: float
    bound: float
    slack: dict[tuple[str, str], float]
    vertex: bool

    def same(self, other: PurchaseSolution) -> bool:
        """Return whether the same is bought."""
        return all(
            np.array_equal(getattr(self, name), getattr(other, name))
            for name in ("people", "seats", "vehicles", "hires")
        )


def solve_cheapest_set(
    twins: CandidateGroups,
    singles: Sequence[Contingency],
    aim: Callable[[str], Floats],
    settings: PlanSettings,
    kinds: Sequence[str] = KINDS,
) -> PurchaseSolution:
    """Solve for the cheapest purchases under which base and ``singles`` miss at most what
    ``aim(id)[client]`` allows."""
    problem = twins.problem
    lp = LinearProgram()
    layout = build_layout(twins.fill_candidates())
    prices = {"laptop": settings.laptop_price, "skill": settings.skill_price}
    price = np.array([prices[kind] for kind in twins.kind])
    apart = price * (1.0 + 1e-4 * np.arange(len(price)) / max(1, len(price)))
    spare = np.array([len(members) for members in twins.spare], dtype=np.int64)
    most = np.where(np.isin(twins.kind, kinds), spare[twins.source], 0)
    people = lp.columns(len(price), apart, upper=most.astype(float))
    seats = lp.columns(len(problem.sites), settings.seat_price, upper=twins.room if "seat" in kinds else 0.0)
    pools = 0 if problem.fleet is None else len(problem.fleet.pools)
    vehicles = lp.columns(pools, settings.vehicle_price, upper=np.inf if "vehicle" in kinds else 0.0)
    joined = twins.hiring if "hire" in kinds and settings.hire_price is not None else np.zeros(0, np.int64)
    hire_price = settings.hire_price or 0.0
    further = lp.columns(len(joined), hire_price * (1.0 + 1e-4 * np.arange(len(joined)) / max(1, len(joined))))
    goods = _Goods(people, seats, vehicles, further, joined)
    nothing = find_lost_assignments(problem, None)
    tie = problem.price * 1e-3
    base = add_block(lp, problem, layout, lost=nothing, price=tie, shortfall_cost=1e-3, upper=problem.base_most)
    add_caps(lp, problem, layout, base)
    _add_purchases(lp, twins, layout, base, goods)
    slack = {BASE: add_target(lp, add_shares(lp, problem, layout, base), _zeros(problem), aim(BASE), SLACK_PRICE)}
    for single in singles:
        lost = find_lost_assignments(problem, single)
        block = add_block(lp, problem, layout, lost=lost, price=tie, shortfall_cost=1e-3)
        _add_purchases(lp, twins, layout, block, goods)
        if single.exposed:
            links = add_exposure(lp, problem, single, base, block, settings.isolated)
            rows = np.full(len(problem.size), -1, dtype=np.int64)
            rows[problem.group[links.assignments]] = links.on_rows
            _add_people(lp, twins, rows, goods)
        share = add_shares(lp, problem, layout, block)
        slack[single.id] = add_target(lp, share, _zeros(problem), aim(single.id), SLACK_PRICE)
    vertex = lp.n_columns < VERTEX
    x = solve_lp(lp, method="ipm", crossover=vertex).x
    bought = np.ceil(x[people] - 1e-4) if vertex else _round_up(twins, x[people], most)
    bought = _limit_to_groups(twins, np.minimum(bought, most).astype(np.int64), x[people])
    more = np.ceil(x[seats] - 1e-3).astype(np.int64)
    rented = np.ceil(x[vehicles] - 1e-3).astype(np.int64)
    hires = np.zeros(len(twins.hiring), dtype=np.int64)
    hires[: len(joined)] = _round_up_hires(twins, x[further], vertex)
    return PurchaseSolution(
        people=bought,
        seats=more,
        vehicles=rented,
        hires=hires,
        cost=float(
            (bought * price).sum()
            + more.sum() * settings.seat_price
            + rented.sum() * settings.vehicle_price
            + hires.sum() * hire_price
        ),
        bound=float(
            (x[people] * price).sum()
            + x[seats].sum() * settings.seat_price
            + x[vehicles].sum() * settings.vehicle_price
            + x[further].sum() * hire_price
        ),
        slack={
            (name, problem.clients[c]): float(x[column])
            for name, columns in slack.items()
            for c, column in enumerate(columns)
        },
        vertex=vertex,
    )


def find_incurable_cells(bought: PurchaseSolution) -> MatrixCells:
    """Return the cells that miss their aim, the target itself, whatever is bought."""
    return frozenset(cell for cell, slack in bought.slack.items() if slack > NOTHING)


def _round_up(twins: CandidateGroups, wanted: Floats, most: Ints) -> Ints:
    """Round up per kind, home site and skill: an interior solution spreads one person over many
    groups that are as good."""
    lines: dict[tuple[str, str, str], list[int]] = {}
    for i, source in enumerate(twins.source):
        site = twins.problem.groups.groups[source].home_site
        lines.setdefault((twins.kind[i], site, twins.learns[i]), []).append(i)
    bought = np.zeros(len(wanted), dtype=np.int64)
    for members in lines.values():
        left = int(np.ceil(wanted[members].sum() - 0.05))
        for i in sorted(members, key=lambda i: -wanted[i]):
            bought[i] = min(left, int(most[i]), int(np.ceil(wanted[i])))
            left -= int(bought[i])
    return bought


def _round_up_hires(twins: CandidateGroups, wanted: Floats, vertex: bool) -> Ints:
    """Round hires up: each group at a vertex, else the sum of each site and main programme."""
    if vertex:
        return np.ceil(wanted - 1e-3).astype(np.int64)
    lines: dict[tuple[str, str], list[int]] = {}
    for i in range(len(wanted)):
        group = twins.problem.groups.groups[twins.hiring[i]]
        lines.setdefault((group.home_site, group.primary), []).append(i)
    hires = np.zeros(len(wanted), dtype=np.int64)
    for members in lines.values():
        left = int(np.ceil(wanted[members].sum() - 0.05))
        for i in sorted(members, key=lambda i: -wanted[i]):
            hires[i] = min(left, int(np.ceil(wanted[i])))
            left -= int(hires[i])
    return hires


def _limit_to_groups(twins: CandidateGroups, bought: Ints, wanted: Floats) -> Ints:
    """Take back what rounding up buys for more people than a group has, the least wanted first."""
    spare = np.array([len(members) for members in twins.spare], dtype=np.int64)
    over = np.bincount(twins.source, weights=bought, minlength=len(spare))
    for source in np.nonzero(over > spare)[0]:
        mine = np.nonzero(twins.source == source)[0]
        while bought[mine].sum() > spare[source]:
            bought[mine[np.argmax(np.where(bought[mine] > 0, bought[mine] - wanted[mine], -1.0))]] -= 1
    return bought


def _zeros(problem: DayProblem) -> Floats:
    return np.zeros(len(problem.clients))


@dataclass(frozen=True)
class _Goods:
    """Columns of what can be bought: people of a twin, seats of a site, vehicles of a pool, hires
    of the groups ``joined``."""

    people: Ints
    seats: Ints
    vehicles: Ints
    hires: Ints
    joined: Ints


def _add_purchases(
    lp: LinearProgram, twins: CandidateGroups, layout: ProblemLayout, block: ScenarioBlock, goods: _Goods
) -> None:
    _add_people(lp, twins, block.group_rows, goods)
    lp.add(block.seat_rows, goods.seats[layout.seat_m], -1.0)
    if layout.rides is not None:
        lp.add(block.fleet_rows, goods.vehicles[layout.rides.runs.row_pool], -1.0)


def _add_people(lp: LinearProgram, twins: CandidateGroups, rows: Ints, goods: _Goods) -> None:
    """People bought over leave the rows of their group and enter those of their twin; hires enter
    those of the group that they join."""
    source, twin, joined = rows[twins.source], rows[twins.twin], rows[goods.joined]
    lp.add(source[source >= 0], goods.people[source >= 0])
    lp.add(twin[twin >= 0], goods.people[twin >= 0], -1.0)
    lp.add(joined[joined >= 0], goods.hires[joined >= 0], -1.0)


def list_purchases(twins: CandidateGroups, bought: PurchaseSolution, settings: PlanSettings) -> tuple[Purchase, ...]:
    """Return the lines of a set, with the people concerned."""
    problem = twins.problem
    out = []
    taken: dict[int, int] = {}
    for i in np.nonzero(bought.people)[0]:
        source = int(twins.source[i])
        first = taken.get(source, 0)
        count = int(bought.people[i])
        taken[source] = first + count
        out.append(
            Purchase(
                kind=twins.kind[i],
                count=count,
                unit_price=getattr(settings, f"{twins.kind[i]}_price"),
                where=problem.groups.groups[source].home_site,
                programme=twins.learns[i],
                agents=twins.spare[source][first : first + count],
            )
        )
    for i in np.nonzero(bought.hires)[0]:
        group = int(twins.hiring[i])
        row, model = problem.groups.groups[group], problem.groups.members[group][0]
        hires, price = int(bought.hires[i]), float(settings.hire_price or 0.0)
        out.append(Purchase("hire", hires, price, row.home_site, row.primary, (model,) * hires))
    out += [
        Purchase("seat", int(bought.seats[m]), settings.seat_price, problem.sites[m])
        for m in np.nonzero(bought.seats)[0]
    ]
    if problem.fleet is not None:
        out += [
            Purchase("vehicle", int(bought.vehicles[p]), settings.vehicle_price, problem.fleet.pools[p].vehicles[0])
            for p in np.nonzero(bought.vehicles)[0]
        ]
    return merge_purchases(out)


def merge_purchases(purchases: Iterable[Purchase]) -> tuple[Purchase, ...]:
    """Put purchases of one kind, place and programme on one line, the dearest line first."""
    lines: dict[tuple[str, str, str], Purchase] = {}
    for one in purchases:
        key = (one.kind, one.where, one.programme)
        if key in lines:
            one = replace(lines[key], count=lines[key].count + one.count, agents=lines[key].agents + one.agents)
        lines[key] = one
    return tuple(sorted(lines.values(), key=lambda one: (-one.price, one.where)))
