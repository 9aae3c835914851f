"""The linear programme of one scenario: the base day, or a day on which places are lost.

Columns: W[j] people of an assignment, Y[l, k] people of a link on a pattern, A[k, p] effective
agents, N[t, m] people on seats, u[t, p] missing agents. Rows, as they are named below:

* G    the people of a group are no more than its size;
* L    the people of a link are spread over its patterns;
* A    sums of Y, so that the rows over intervals stay short;
* N    those of the interval before, plus arrivals, minus departures;
* cov  agents at work and missing agents cover the requirement;
* seat people on seats are no more than the seats of a site;
* cap  a site holds no more than its share of a client (base only);
* rides  vehicles carry the agents who need one (:mod:`releve.plan.ride_rows`).

Regret is measured above a client's floor, its shortfall if it had all agents to itself: without the
floor, a client on a single site would set the worst case, and no other client would be protected.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from releve.kernels.arrays import Floats, Ints, Truths
from releve.plan.lp import LinearProgram, solve_lp
from releve.plan.problem import DayProblem
from releve.plan.result import Contingency
from releve.plan.ride_rows import RideLayout, add_rides, build_ride_layout, refuse_unserved

HAIR = 1e-6
"""Room below a whole person, so that a cap rounds up to a whole person and no further."""


@dataclass(frozen=True)
class ProblemLayout:
    """Index arrays shared by the blocks of a problem, made once.

    ``y_link``, ``y_pattern``: the (link, pattern) pairs. ``a_of_y`` the (pattern, programme) pair
    of each. ``cov_*``: rows with a requirement; ``seat_*``: rows in which the seats of a site could
    run out. ``rides``: who needs a vehicle, None where none is needed.
    """

    y_link: Ints
    y_pattern: Ints
    y_effect: Floats
    a_of_y: Ints
    a_pattern: Ints
    a_programme: Ints
    cov_t: Ints
    cov_p: Ints
    seat_t: Ints
    seat_m: Ints
    clients_capped: Ints
    rides: RideLayout | None = None


@dataclass(frozen=True)
class ScenarioBlock:
    """Where a scenario's columns and rows stand in the programme; -1 = not there."""

    w: Ints
    y: Ints
    u: Ints
    group_rows: Ints
    on_rows: Ints
    seat_rows: Ints
    cov_rows: Ints
    fleet_rows: Ints


def build_layout(problem: DayProblem) -> ProblemLayout:
    """Return the index arrays of a problem."""
    classes = problem.patterns.classes
    counts = np.array([len(classes[c]) for c in problem.link_class], dtype=np.int64)
    y_link = np.repeat(np.arange(len(problem.link_class)), counts)
    parts = [classes[c] for c in problem.link_class]
    y_pattern = np.concatenate(parts) if parts else np.zeros(0, np.int64)
    y_programme = problem.link_programme[y_link]
    table = np.stack([y_pattern, y_programme], axis=1).reshape(-1, 2)
    pairs, index = np.unique(table, axis=0, return_inverse=True)
    a_pairs, a_of_y = pairs.reshape(-1, 2), index.reshape(-1).astype(np.int64)
    on_site = problem.link_place[y_link] != problem.home
    cov_t, cov_p = np.nonzero(problem.required > 0)
    seat_t, seat_m = _find_scarce_seats(problem)
    return ProblemLayout(
        y_link=y_link,
        y_pattern=y_pattern,
        y_effect=np.where(on_site, 1.0, problem.efficiency[y_programme]),
        a_of_y=a_of_y,
        a_pattern=a_pairs[:, 0],
        a_programme=a_pairs[:, 1],
        cov_t=cov_t.astype(np.int64),
        cov_p=cov_p.astype(np.int64),
        seat_t=seat_t,
        seat_m=seat_m,
        clients_capped=_find_capped_clients(problem),
        rides=build_ride_layout(problem),
    )


def _find_scarce_seats(problem: DayProblem) -> tuple[Ints, Ints]:
    """Return the (interval, site) pairs in which everyone who may come could not be seated."""
    present = np.zeros((len(problem.sites), problem.required.shape[0]))
    most = np.array([problem.patterns.present[patterns].max(axis=0) for patterns in problem.patterns.classes]).reshape(
        -1, problem.required.shape[0]
    )
    for m in range(len(problem.sites)):
        here = np.nonzero(problem.place == m)[0]
        groups, first = np.unique(problem.group[here], return_index=True)
        present[m] = problem.size[groups] @ most[problem.link_class[problem.link[here[first]]]]
    site, interval = np.nonzero(present > problem.seats[:, None])
    return interval.astype(np.int64), site.astype(np.int64)


def _find_capped_clients(problem: DayProblem) -> Ints:
    """Return the clients with a cap and more than one place where they could be served."""
    places = {(problem.client[p], m) for p, m in zip(problem.programme, problem.place, strict=True)}
    count = np.zeros(len(problem.clients), dtype=np.int64)
    for client, _ in places:
        count[client] += 1
    return np.nonzero((count > 1) & (problem.cap < 1))[0]


def find_lost_assignments(problem: DayProblem, contingency: Contingency | None) -> Truths:
    """Return which assignments a contingency takes away."""
    if contingency is None:
        return np.zeros(len(problem.group), dtype=np.bool_)
    sites = [m for m, site in enumerate(problem.sites) if site in contingency.sites]
    carriers = [i for i, name in enumerate(problem.carriers) if name in contingency.carriers]
    at_home = problem.place == problem.home
    cut = np.isin(problem.carrier[problem.group], carriers)
    return np.asarray(np.isin(problem.place, sites) | (at_home & cut))


def add_block(
    lp: LinearProgram,
    problem: DayProblem,
    layout: ProblemLayout,
    *,
    lost: Truths,
    price: Floats,
    shortfall_cost: float,
    lower: Floats | None = None,
    upper: Floats | None = None,
    rides: bool = True,
) -> ScenarioBlock:
    """Add the columns and rows of one scenario; ``rides`` False leaves the vehicles out.

    ``price[j]`` of each person on an assignment; ``shortfall_cost`` times the programme's weight
    is the cost of a missing agent-interval.
    """
    kept = np.nonzero(~lost)[0]
    w = np.full(len(lost), -1, dtype=np.int64)
    w[kept] = lp.columns(
        len(kept),
        price[kept],
        lower=0.0 if lower is None else lower[kept],
        upper=np.inf if upper is None else upper[kept],
    )
    links = np.zeros(len(problem.link_class), dtype=np.bool_)
    links[problem.link[kept]] = True
    y_kept = np.nonzero(links[layout.y_link])[0]
    y = np.full(len(layout.y_link), -1, dtype=np.int64)
    y[y_kept] = lp.columns(len(y_kept))
    group_rows = lp.rows(len(problem.size), upper=problem.size.astype(float))
    lp.add(group_rows[problem.group[kept]], w[kept])
    rows = np.full(len(links), -1, dtype=np.int64)
    rows[links] = lp.rows(int(links.sum()), 0.0, 0.0)
    lp.add(rows[problem.link[kept]], w[kept])
    lp.add(rows[layout.y_link[y_kept]], y[y_kept], -1.0)
    u, cov_rows = _add_coverage(lp, problem, layout, y, y_kept, shortfall_cost)
    seat_rows = _add_seats(lp, problem, layout, y, y_kept)
    none = np.zeros(0, np.int64)
    fleet_rows = none
    if layout.rides is not None:
        refuse_unserved(lp, layout.rides, w)
        fleet_rows = add_rides(lp, layout.rides, w) if rides else none
    return ScenarioBlock(w, y, u, group_rows, none, seat_rows, cov_rows, fleet_rows)


def _add_coverage(
    lp: LinearProgram, problem: DayProblem, layout: ProblemLayout, y: Ints, y_kept: Ints, cost: float
) -> tuple[Ints, Ints]:
    n = len(layout.a_pattern)
    a = lp.columns(n)
    rows = lp.rows(n, 0.0, 0.0)
    lp.add(rows, a, -1.0)
    lp.add(rows[layout.a_of_y[y_kept]], y[y_kept], layout.y_effect[y_kept])
    need = problem.required[layout.cov_t, layout.cov_p]
    u = lp.columns(len(need), cost * problem.weight[layout.cov_p], upper=need)
    cov = lp.rows(len(need), lower=need)
    lp.add(cov, u)
    row_of = np.full(problem.required.shape, -1, dtype=np.int64)
    row_of[layout.cov_t, layout.cov_p] = cov
    worked = problem.patterns.worked[layout.a_pattern]
    pair, t = np.nonzero(worked > 0)
    target = row_of[t, layout.a_programme[pair]]
    held = target >= 0
    lp.add(target[held], a[pair[held]], worked[pair[held], t[held]])
    return u, cov


def _add_seats(lp: LinearProgram, problem: DayProblem, layout: ProblemLayout, y: Ints, y_kept: Ints) -> Ints:
    """Add N on each scarce site in each interval: as before it, with who came, without who left.

    A person is in the rows where the shift starts and ends, not in every one in between.
    """
    rows = lp.rows(len(layout.seat_t), upper=problem.seats[layout.seat_m].astype(float))
    scarce = np.unique(layout.seat_m)
    place = problem.link_place[layout.y_link[y_kept]]
    seated = np.isin(place, scarce)
    place, present = place[seated], problem.patterns.present[layout.y_pattern[y_kept[seated]]]
    busy = np.nonzero(present.any(axis=0))[0]
    if not len(busy):
        return rows
    times = np.arange(busy[0], busy[-1] + 1)
    n = np.full((present.shape[1], len(problem.sites)), -1, dtype=np.int64)
    balance = n.copy()
    for m in scarce:
        n[times, m] = lp.columns(len(times))
        balance[times, m] = lp.rows(len(times), 0.0, 0.0)
        lp.add(balance[times, m], n[times, m])
        lp.add(balance[times[1:], m], n[times[:-1], m], -1.0)
    change = np.diff(present[:, : times[-1] + 1], axis=1, prepend=0.0)
    i, t = np.nonzero(change)
    lp.add(balance[t, place[i]], y[y_kept[seated]][i], -change[i, t])
    here = n[layout.seat_t, layout.seat_m]
    lp.add(rows[here >= 0], here[here >= 0])
    return rows


def add_caps(lp: LinearProgram, problem: DayProblem, layout: ProblemLayout, block: ScenarioBlock) -> None:
    """Add the concentration rows: heads on a site <= share x heads of the client, rounded up."""
    client = problem.client[problem.programme]
    for c in layout.clients_capped:
        own = np.nonzero((client == c) & (block.w >= 0) & problem.counted)[0]
        sites = np.unique(problem.place[own])
        sites = sites[sites != problem.home]
        rows = lp.rows(len(sites), upper=1.0 - HAIR)
        for row, m in zip(rows, sites, strict=True):
            here = problem.place[own] == m
            lp.add(row, block.w[own], here - problem.cap[c])


def sum_by_client(problem: DayProblem, amount: Floats) -> Floats:
    """Return the sum over intervals and programmes of ``amount[t, p]`` for each client."""
    out = np.zeros(len(problem.clients))
    np.add.at(out, problem.client, amount.sum(axis=0))
    return out


def sum_client_requirement(problem: DayProblem) -> Floats:
    """Return the required agent-intervals of each client, at least 1 (so that shares exist)."""
    return np.maximum(1.0, sum_by_client(problem, problem.required))


def select_client(problem: DayProblem, client: int) -> tuple[DayProblem, Truths]:
    """Return the problem of one client alone, and which assignments it kept.

    It has no vehicles to share: a floor counts all who could come, so it is one with any fleet.
    """
    kept = problem.client[problem.programme] == client
    links, link = np.unique(problem.link[kept], return_inverse=True)
    mine = problem.client == client
    part = replace(
        problem,
        group=problem.group[kept],
        place=problem.place[kept],
        programme=problem.programme[kept],
        price=np.zeros(int(kept.sum())),
        link=link.astype(np.int64),
        link_class=problem.link_class[links],
        link_place=problem.link_place[links],
        link_programme=problem.link_programme[links],
        required=np.where(mine, problem.required, 0.0),
        weight=np.ones_like(problem.weight),
        fleet=None,
    )
    return part, kept


def compute_client_floors(
    problem: DayProblem,
    contingencies: Sequence[Contingency],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Floats:
    """Return floor[contingency, client], shares of the client's required agent-intervals.

    Row 0 is of the day on which nothing is lost; row 1 + i of ``contingencies[i]``.
    """
    lost = [find_lost_assignments(problem, c) for c in (None, *contingencies)]
    total = sum_client_requirement(problem)
    floors = np.zeros((len(lost), len(problem.clients)))
    for client in range(len(problem.clients)):
        part, kept = select_client(problem, client)
        known: dict[bytes, float] = {}
        for c, gone in enumerate(lost):
            mine = gone[kept]
            key = mine.tobytes()
            if key not in known:
                known[key] = solve_least_missing(part, mine)
            floors[c, client] = known[key] / total[client]
        progress(client + 1, len(problem.clients))
    return floors


def solve_least_missing(problem: DayProblem, lost: Truths) -> float:
    """Return the least missing agent-intervals of a problem: no more than what is proved."""
    if not problem.required.any():
        return 0.0
    lp = LinearProgram()
    add_block(lp, problem, build_layout(problem), lost=lost, price=problem.price, shortfall_cost=1.0)
    return max(0.0, solve_lp(lp).bound)
