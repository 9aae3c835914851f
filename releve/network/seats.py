"""Usable seats, the largest set of desks pairwise at least a distance apart; the plan of a floor.

A maximum independent set of the conflict graph (two seats nearer than the distance). Simplicial
seats are taken outright; equal components of the rest are solved once, by branch and bound on
maximal cliques (HiGHS) from a set found by local search. The bound is proved in every case; it is
the answer itself when ``proven``.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from releve.network.max_independent_set import Graph, IndependentSet, build_graph, find_independent_set
from releve.network.model import Seat, Zone
from releve.network.operator import Operator

TOLERANCE_M = 1e-9
"""Two seats exactly at the distance are both usable; rounding must not part them."""

NODES = 50
"""Nodes of the branch and bound for the parts of a floor together: enough to prove floors of 300
seats. On two floors of 1,000 that stay unproved, fifty gave no better set or bound than two."""

Points = NDArray[np.float64]
Pairs = NDArray[np.int64]


@dataclass(frozen=True)
class SeatSet:
    """``chosen[seat]``: the seats that may be used; no set can have more than ``bound``.

    ``method``: ``no rule`` (every seat), ``reductions`` (taken outright), ``branch and bound``
    (proved by the solver) or ``local search`` (its nodes ran out; ``proven`` is False).
    """

    chosen: NDArray[np.bool_]
    bound: int
    proven: bool
    method: str

    @property
    def size(self) -> int:
        """The number of usable seats."""
        return int(self.chosen.sum())


@dataclass(frozen=True, slots=True)
class SiteSeats:
    """The usable seats of a site on a day: their ids in table order, over all its floors.

    ``seats`` is how many the site has; no set of usable seats can have more than ``bound``.
    """

    usable: tuple[str, ...]
    seats: int
    bound: int
    proven: bool


def find_usable_seats(xy: Points, distance_m: float, *, nodes: int = NODES) -> SeatSet:
    """Return a largest set of seats of one floor that are pairwise ``distance_m`` apart or more.

    ``xy[seat, 2]`` in metres. ``nodes`` bounds the solver's search for a larger set and for the
    proof, the same on every machine however fast. The order of the seats and their origin do not
    matter. ValueError quotes the condition that does not hold.
    """
    points = np.asarray(xy, dtype=np.float64)
    require(points.ndim == 2 and points.shape[1] == 2, "xy has shape (n, 2)", points.shape)
    require(bool(np.isfinite(points).all()), "xy is finite", "a value that is not")
    require(0 <= distance_m < np.inf, "0 <= distance_m < inf", distance_m)
    require(nodes > 0, "nodes > 0", nodes)
    order = np.lexsort((points[:, 1], points[:, 0]))
    found = _solve_floor(len(points), _find_conflicts(points[order], distance_m), nodes)
    chosen = np.zeros(len(points), dtype=np.bool_)
    chosen[order] = found.chosen
    return SeatSet(chosen, found.bound, found.proven, found.method)


def find_site_seats(operator: Operator, day: date, *, nodes: int = NODES) -> Mapping[str, SiteSeats]:
    """Return the usable seats of every site on a day, by site id.

    The distance is the operator's, or a larger one that a measure of the site asks for on the
    day. Floors do not interact; floors with the same conflicts are worked out once, each within
    ``nodes``.
    """
    # each site keeps the largest distance in force on the day
    distances = {site.id: operator.row.distance_m for site in operator.sites}
    for row in operator.measures:
        if row.kind == "distance_m" and row.valid_from <= day <= row.valid_to:
            distances[row.site] = max(distances[row.site], row.value)
    usable: dict[str, list[int]] = {site.id: [] for site in operator.sites}
    seats, bounds = dict.fromkeys(usable, 0), dict.fromkeys(usable, 0)
    proven = dict.fromkeys(usable, True)
    known: dict[tuple[int, bytes], SeatSet] = {}
    for site, own, xy in _iterate_floors(operator):
        require(
            distances[site] <= TOLERANCE_M or bool(np.isfinite(xy).all()),
            f"the seats of {site} have x and y where a distance is in force",
            f"{distances[site]:g} m",
        )
        order = np.lexsort((xy[:, 1], xy[:, 0]))
        pairs = _find_conflicts(xy[order], distances[site])
        key = (len(own), pairs.tobytes())
        if key not in known:
            known[key] = _solve_floor(len(own), pairs, nodes)
        found = known[key]
        usable[site] += own[order[found.chosen]].tolist()
        seats[site] += len(own)
        bounds[site] += found.bound
        proven[site] &= found.proven
    return {
        site: SiteSeats(
            tuple(operator.all_seats[i].id for i in sorted(numbers)), seats[site], bounds[site], proven[site]
        )
        for site, numbers in usable.items()
    }


def _iterate_floors(operator: Operator) -> Iterator[tuple[str, NDArray[np.int64], Points]]:
    """Yield each floor with seats: its site, the numbers of its seats, their places."""
    floor_of_zone = {zone.id: zone.floor for zone in operator.all_zones}
    on_floor: dict[str, list[int]] = {floor.id: [] for floor in operator.all_floors}
    for number, seat in enumerate(operator.all_seats):
        on_floor[floor_of_zone[seat.zone]].append(number)
    for floor in operator.all_floors:
        own = on_floor[floor.id]
        if own:
            places = [(operator.all_seats[i].x_m, operator.all_seats[i].y_m) for i in own]
            xy = np.array(places, dtype=np.float64)
            yield floor.site, np.array(own, dtype=np.int64), xy


def _find_conflicts(points: Points, distance_m: float) -> Pairs:
    """Return the pairs of points nearer than the distance, lower index first, sorted."""
    least = distance_m - TOLERANCE_M
    if least <= 0 or len(points) < 2:
        return np.zeros((0, 2), dtype=np.int64)
    from scipy.spatial import cKDTree  # here: it takes a fifth of a second of every start

    near = cKDTree(points).query_pairs(distance_m, output_type="ndarray").astype(np.int64)
    apart = np.hypot(*(points[near[:, 0]] - points[near[:, 1]]).T)
    pairs = np.sort(near[apart < least], axis=1)
    return np.ascontiguousarray(pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))])


def _solve_floor(count: int, pairs: Pairs, nodes: int) -> SeatSet:
    if not len(pairs):
        return SeatSet(np.ones(count, dtype=np.bool_), count, True, "no rule")
    graph = build_graph(count, pairs)
    chosen, alive = _reduce_graph(graph)
    if not alive.any():
        return SeatSet(chosen, int(chosen.sum()), True, "reductions")
    bound, proven = int(chosen.sum()), True
    known: dict[bytes, IndependentSet] = {}
    parts = _find_components(pairs, alive)
    work = sum({part.pairs.tobytes(): len(part.seats) for part in parts}.values())
    for part in parts:
        key = part.pairs.tobytes()
        if key not in known:
            size = len(part.seats)
            known[key] = find_independent_set(size, part.pairs, max(1, nodes * size // work))
        answer = known[key]
        chosen[part.seats[answer.chosen]] = True
        bound += answer.bound
        proven &= answer.bound == int(answer.chosen.sum())
    return SeatSet(chosen, bound, proven, "branch and bound" if proven else "local search")


def _reduce_graph(graph: Graph) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Take every seat whose open neighbours all conflict with each other (simplicial).

    Some largest set holds each of them. Returns the seats taken and those left to decide.
    """
    chosen = np.zeros(graph.count, dtype=np.bool_)
    alive = np.ones(graph.count, dtype=np.bool_)
    near = [set(graph.neighbours(v).tolist()) for v in range(graph.count)]
    waiting = list(range(graph.count - 1, -1, -1))
    while waiting:
        v = waiting.pop()
        if not alive[v] or not all(near[v] - near[u] == {u} for u in near[v]):
            continue
        chosen[v] = True
        gone = {v, *near[v]}
        alive[list(gone)] = False
        touched = set().union(*(near[u] for u in gone)) - gone
        for u in touched:
            near[u] -= gone
        again = touched.union(*(near[u] for u in touched))
        waiting += sorted(again, reverse=True)
    return chosen, alive


@dataclass(frozen=True)
class _Component:
    """A connected component: its seats in order, and its conflicts between their positions."""

    seats: NDArray[np.int64]
    pairs: Pairs


def _find_components(pairs: Pairs, alive: NDArray[np.bool_]) -> list[_Component]:
    """Return the components of the seats left, the small ones first."""
    seats = np.flatnonzero(alive)
    position = np.full(len(alive), -1, dtype=np.int64)
    position[seats] = np.arange(len(seats))
    left = position[pairs[alive[pairs].all(axis=1)]]
    ones = np.ones(len(left), dtype=np.int8)
    from scipy.sparse import coo_matrix  # as above
    from scipy.sparse.csgraph import connected_components

    matrix = coo_matrix((ones, (left[:, 0], left[:, 1])), shape=(len(seats), len(seats)))
    number, label = connected_components(matrix, directed=False)
    place = np.zeros(len(seats), dtype=np.int64)
    members = [np.flatnonzero(label == k) for k in range(number)]
    for own in members:
        place[own] = np.arange(len(own))
    edges = label[left[:, 0]]
    parts = [_Component(seats[own], np.ascontiguousarray(place[left[edges == k]])) for k, own in enumerate(members)]
    return sorted(parts, key=lambda part: len(part.seats))


def require(holds: bool, condition: str, value: object) -> None:
    if not holds:
        raise ValueError(f"{condition} does not hold, got {value}")


SeatState = Literal["taken", "free", "blocked"]
_MARGIN_M = 1.2
_PITCH_M = 1.6
_Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class DrawnSeat:
    """A seat in metres of the drawing; one without coordinates stands in a row."""

    seat: str
    x_m: float
    y_m: float
    state: SeatState


@dataclass(frozen=True, slots=True)
class DrawnZone:
    """A zone: a box around its seats in metres, and what its air is."""

    zone: str
    x_m: float
    y_m: float
    width_m: float
    height_m: float
    seats: int
    usable: int
    volume_m3: float | None
    air_changes_per_hour: float | None


@dataclass(frozen=True, slots=True)
class FloorPlan:
    """A floor; ``box`` is that of its drawing in metres: x, y, width, height."""

    floor: str
    name: str
    box: _Box
    seats: tuple[DrawnSeat, ...]
    zones: tuple[DrawnZone, ...]

    @property
    def taken(self) -> int:
        """How many seats are taken."""
        return self._count("taken")

    @property
    def free(self) -> int:
        """How many seats are usable and free."""
        return self._count("free")

    @property
    def blocked(self) -> int:
        """How many seats are not usable."""
        return self._count("blocked")

    def _count(self, state: SeatState) -> int:
        return sum(seat.state == state for seat in self.seats)


def lay_out_floors(operator: Operator, site: str, usable: frozenset[str], taken: int) -> Iterator[FloorPlan]:
    """Yield the floors of a site.

    A plan gives people a site, not a seat: of the usable seats the first ``taken``, floor after
    floor, are shown as taken.
    """
    left, seats = taken, defaultdict(list)
    for seat in operator.all_seats:
        seats[seat.zone].append(seat)
    for floor in operator.all_floors:
        if floor.site != site:
            continue
        zones = [zone for zone in operator.all_zones if zone.floor == floor.id]
        drawn: dict[str, list[DrawnSeat]] = {}
        for zone in zones:
            marks = drawn[zone.id] = []
            for seat, x, y in _place_in_rows(seats[zone.id]):
                state: SeatState = "blocked"
                if seat.id in usable:
                    state = "taken" if left > 0 else "free"
                    left -= 1
                marks.append(DrawnSeat(seat.id, round(x, 2), round(y, 2), state))
        held = tuple(mark for marks in drawn.values() for mark in marks)
        yield FloorPlan(
            floor=floor.id,
            name=floor.name or floor.id,
            box=_compute_frame(held, _MARGIN_M),
            seats=held,
            zones=tuple(_build_zone(zone, drawn[zone.id]) for zone in zones),
        )


def _place_in_rows(seats: Sequence[Seat]) -> Iterable[tuple[Seat, float, float]]:
    """Yield seats where they stand; those without x and y in rows, as a drawing needs a place."""
    width = math.ceil(math.sqrt(len(seats)))
    for at, seat in enumerate(seats):
        if seat.x_m is not None and seat.y_m is not None:
            yield seat, seat.x_m, seat.y_m
        else:
            yield seat, _PITCH_M * (at % width), _PITCH_M * (at // width)


def _build_zone(zone: Zone, seats: Sequence[DrawnSeat]) -> DrawnZone:
    x, y, width, height = _compute_frame(seats, _MARGIN_M / 2)
    return DrawnZone(
        zone=zone.id,
        x_m=x,
        y_m=y,
        width_m=width,
        height_m=height,
        seats=len(seats),
        usable=sum(seat.state != "blocked" for seat in seats),
        volume_m3=zone.volume_m3,
        air_changes_per_hour=zone.air_changes_per_hour,
    )


def _compute_frame(seats: Sequence[DrawnSeat], margin: float) -> _Box:
    """Return the box (x, y, width, height) around seats, in metres."""
    if not seats:
        return 0.0, 0.0, 2 * margin, 2 * margin
    xs, ys = [seat.x_m for seat in seats], [seat.y_m for seat in seats]
    left, top = min(xs) - margin, min(ys) - margin
    width, height = max(xs) + margin - left, max(ys) + margin - top
    return round(left, 2), round(top, 2), round(width, 2), round(height, 2)
