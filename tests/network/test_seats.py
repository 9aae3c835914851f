"""Usable seats: against brute force, by laws, of a whole operator, and the plan of a floor."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import date
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial.distance import pdist

from bench.seats import floors, greedy, irregular, turned_pods
from releve.network import (
    Floor,
    Measure,
    Operator,
    Seat,
    Zone,
    find_site_seats,
    find_usable_seats,
    max_independent_set,
    sample_operator,
)
from releve.network.max_independent_set import build_graph, find_independent_set, search_locally
from releve.network.sample.places import CATALOGUE, lay_mixed, lay_pods, lay_rows
from releve.network.seats import FloorPlan, lay_out_floors

Points = NDArray[np.float64]

QUARTERS = st.integers(0, 16).map(lambda n: n / 4)
PLACES = st.lists(st.tuples(QUARTERS, QUARTERS), min_size=1, max_size=14).map(
    lambda places: np.array(places, dtype=np.float64)
)
DISTANCES = st.sampled_from([0.5, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0])


def brute_force(xy: Points, distance_m: float) -> int:
    """Return the size of a largest set by trying every set, the large ones first."""
    apart = np.hypot(xy[:, None, 0] - xy[None, :, 0], xy[:, None, 1] - xy[None, :, 1])
    far = apart >= distance_m - 1e-9
    for size in range(len(xy), 1, -1):
        for chosen in combinations(range(len(xy)), size):
            if all(far[a, b] for a, b in combinations(chosen, 2)):
                return size
    return 1


def least_distance(xy: Points) -> float:
    return float(pdist(xy).min()) if len(xy) > 1 else np.inf


@settings(max_examples=60, deadline=None)
@given(PLACES, DISTANCES)
def test_the_set_is_as_large_as_brute_force_finds(xy: Points, distance: float) -> None:
    found = find_usable_seats(xy, distance)
    assert found.size == found.bound == brute_force(xy, distance)
    assert found.proven
    assert least_distance(xy[found.chosen]) >= distance - 1e-9


@settings(max_examples=40, deadline=None)
@given(PLACES, DISTANCES)
def test_the_search_alone_agrees_with_brute_force(xy: Points, distance: float) -> None:
    """Without the seats taken outright, so that the solver sees every shape of conflict."""
    apart = np.hypot(xy[:, None, 0] - xy[None, :, 0], xy[:, None, 1] - xy[None, :, 1])
    pairs = np.argwhere(np.triu(apart < distance - 1e-9, 1)).astype(np.int64)
    if len(pairs):
        answer = find_independent_set(len(xy), pairs, 5.0)
        assert answer.chosen.sum() == answer.bound == brute_force(xy, distance)


@settings(max_examples=40, deadline=None)
@given(PLACES, st.tuples(QUARTERS, QUARTERS), DISTANCES)
def test_one_more_seat_never_lowers_the_number(xy: Points, seat: tuple[float, float], distance: float) -> None:
    assert find_usable_seats(np.vstack([xy, seat]), distance).size >= find_usable_seats(xy, distance).size


@settings(max_examples=40, deadline=None)
@given(PLACES, DISTANCES, st.integers(-200, 200), st.integers(-200, 200), st.randoms())
def test_neither_the_origin_nor_the_order_of_the_seats_matters(
    xy: Points, distance: float, east: int, north: int, order: object
) -> None:
    mixed_up = list(range(len(xy)))
    order.shuffle(mixed_up)  # type: ignore[attr-defined]
    moved = xy[mixed_up] + np.array([east / 8, north / 8])
    assert find_usable_seats(moved, distance).size == find_usable_seats(xy, distance).size


def test_the_same_seats_are_chosen_in_whatever_order_they_are_listed() -> None:
    xy = irregular(120)
    order = np.random.default_rng(1).permutation(len(xy))
    chosen = find_usable_seats(xy, 2.0).chosen
    assert (find_usable_seats(xy[order], 2.0).chosen == chosen[order]).all()


def test_without_a_distance_every_seat_is_usable() -> None:
    found = find_usable_seats(np.zeros((5, 2)), 0.0)
    assert found.chosen.all()
    assert (found.bound, found.proven, found.method) == (5, True, "no rule")


def test_a_floor_without_seats_has_none() -> None:
    found = find_usable_seats(np.zeros((0, 2)), 2.0)
    assert (found.size, found.bound, found.proven) == (0, 0, True)


def test_two_seats_exactly_at_the_distance_are_both_usable() -> None:
    """The hypotenuse of 1.2 and 1.6 is 2 up to rounding."""
    xy = np.array([[0.0, 0.0], [1.2, 1.6]]) + 977.013
    assert find_usable_seats(xy, 2.0).size == 2
    assert find_usable_seats(xy, 2.001).size == 1


def test_two_seats_in_one_place_are_one() -> None:
    assert find_usable_seats(np.array([[1.0, 1.0], [1.0, 1.0]]), 0.5).size == 1


def test_a_row_of_desks_keeps_every_second_one() -> None:
    row = np.column_stack([1.6 * np.arange(9), np.zeros(9)])
    assert find_usable_seats(row, 2.0).size == 5
    assert find_usable_seats(row, 3.3).size == 3


@pytest.mark.parametrize(
    ("xy", "distance", "nodes", "condition"),
    [
        (np.zeros(4), 1.0, 1, r"xy has shape \(n, 2\)"),
        (np.array([[0.0, np.nan]]), 1.0, 1, "xy is finite"),
        (np.zeros((1, 2)), -1.0, 1, "0 <= distance_m < inf"),
        (np.zeros((1, 2)), np.nan, 1, "0 <= distance_m < inf"),
        (np.zeros((1, 2)), 1.0, 0, "nodes > 0"),
    ],
)
def test_bad_arguments_are_refused_with_the_condition(xy: Points, distance: float, nodes: int, condition: str) -> None:
    with pytest.raises(ValueError, match=condition):
        find_usable_seats(xy, distance, nodes=nodes)


def test_a_graph_of_too_many_cliques_is_solved_on_fewer_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    xy = irregular(60)
    whole = find_usable_seats(xy, 2.5)
    monkeypatch.setattr(max_independent_set, "_MOST_CLIQUES", 3)
    assert find_usable_seats(xy, 2.5).size == whole.size
    monkeypatch.setattr(max_independent_set, "_MOST_ENTRIES", 3)
    loose = find_usable_seats(xy, 2.5)
    assert loose.size <= whole.bound <= loose.bound


def test_a_distance_wider_than_the_floor_leaves_a_handful() -> None:
    """A crowded graph: nearly every pair conflicts, and cliques are beyond counting."""
    xy = irregular(200)
    found = find_usable_seats(xy, 15.0, nodes=5)
    assert least_distance(xy[found.chosen]) >= 15.0
    assert 3 <= found.size <= found.bound <= 9


def test_the_compiled_walk_is_the_plain_one() -> None:
    xy = irregular(40)
    apart = np.hypot(xy[:, None, 0] - xy[None, :, 0], xy[:, None, 1] - xy[None, :, 1])
    graph = build_graph(40, np.argwhere(np.triu(apart < 2.5, 1)).astype(np.int64))
    plain = search_locally.py_func(graph.first, graph.ends, 3000)
    assert (search_locally(graph.first, graph.ends, 3000) == plain).all()
    assert not any(plain[v] and plain[graph.neighbours(v)].any() for v in range(40))


@pytest.mark.parametrize("kind", ["rows", "pods", "turned", "mixed"])
@pytest.mark.parametrize("distance", [1.5, 2.0, 2.5])
def test_floors_of_300_seats_are_solved_with_proof(kind: str, distance: float) -> None:
    xy = floors(300)[kind]
    found = find_usable_seats(xy, distance)
    assert found.proven
    assert found.size == found.bound >= greedy(xy, distance)
    assert least_distance(xy[found.chosen]) >= distance - 1e-9


@pytest.mark.slow
@pytest.mark.parametrize("distance", [1.5, 2.0, 2.5, 3.5] if os.environ.get("RELEVE_ALL_DRAWS") else [2.0, 3.5])
def test_floors_of_1000_seats_come_within_three_per_cent(distance: float) -> None:
    for kind, xy in floors(1000).items():
        found = find_usable_seats(xy, distance, nodes=20)
        assert least_distance(xy[found.chosen]) >= distance - 1e-9
        gap = (found.bound - found.size) / found.size
        assert gap <= (0.03 if distance <= 2.5 else 0.06), (kind, found.size, found.bound)


def test_known_floors_keep_their_numbers() -> None:
    """Back-to-back rows at 2 m keep a chessboard; pods of six at 2.5 m every second desk."""
    assert find_usable_seats(np.array(lay_rows(300).places), 2.0).size == 150
    assert find_usable_seats(np.array(lay_pods(300).places), 2.5).size == 150
    assert find_usable_seats(np.array(lay_mixed(300).places), 2.5).size == 103
    assert find_usable_seats(turned_pods(300), 2.0).size == 140


def test_every_floor_of_the_sample_is_solved_with_proof_at_two_metres() -> None:
    assert all(find_usable_seats(np.array(layout.places), 2.0).proven for layout in CATALOGUE)


DAY = date(2026, 12, 1)


@pytest.fixture(scope="module")
def operator() -> Operator:
    return sample_operator(600, 6, 1, weeks_of_history=0)


def with_distance(operator: Operator, distance: float) -> Operator:
    return replace(operator, row=replace(operator.row, distance_m=distance))


def measure(site: str, value: float, kind: str = "distance_m") -> Measure:
    return Measure("m", site, kind, value, date(2026, 12, 1), date(2026, 12, 31))


def test_without_a_rule_all_seats_are_usable(operator: Operator) -> None:
    found = find_site_seats(operator, DAY)
    assert list(found) == [site.id for site in operator.sites]
    assert sum(len(own.usable) for own in found.values()) == len(operator.seats)
    assert all(own.seats == own.bound == len(own.usable) and own.proven for own in found.values())


def test_usable_seats_of_one_floor_keep_the_distance(operator: Operator) -> None:
    found = find_site_seats(with_distance(operator, 2.0), DAY)
    usable = {seat for own in found.values() for seat in own.usable}
    floor_of = {zone.id: zone.floor for zone in operator.zones}
    for floor in operator.floors:
        own = [s for s in operator.seats if floor_of[s.zone] == floor.id and s.id in usable]
        assert pdist(np.array([(s.x_m, s.y_m) for s in own])).min() >= 2.0 - 1e-9
    assert all(len(own.usable) == own.bound < own.seats for own in found.values())


def test_seats_on_different_floors_do_not_interact(operator: Operator) -> None:
    site = operator.sites[0].id
    one = replace(
        operator,
        floors=(Floor("f1", site), Floor("f2", site)),
        zones=(Zone("z1", "f1", 90.0, 3.0), Zone("z2", "f2", 90.0, 3.0)),
        seats=(Seat("a", "z1", 0, 0), Seat("b", "z2", 0, 0), Seat("c", "z1", 1, 0)),
        row=replace(operator.row, distance_m=2.0),
    )
    found = find_site_seats(one, DAY)[site]
    assert (len(found.usable), found.seats, found.bound) == (2, 3, 2)
    assert "b" in found.usable


def test_zones_of_one_floor_do_interact(operator: Operator) -> None:
    site = operator.sites[0].id
    one = replace(
        operator,
        floors=(Floor("f1", site),),
        zones=(Zone("z1", "f1", 90.0, 3.0), Zone("z2", "f1", 90.0, 3.0)),
        seats=(Seat("a", "z1", 0, 0), Seat("b", "z2", 1, 0)),
        row=replace(operator.row, distance_m=2.0),
    )
    assert len(find_site_seats(one, DAY)[site].usable) == 1


def test_a_measure_widens_the_distance_at_its_site_while_it_is_in_force(operator: Operator) -> None:
    first = operator.sites[0].id
    strict = replace(operator, measures=(measure(first, 2.0),))
    before = find_site_seats(strict, date(2026, 11, 30))
    during = find_site_seats(strict, DAY)
    assert len(before[first].usable) == before[first].seats
    assert len(during[first].usable) < during[first].seats
    assert during == {**find_site_seats(operator, DAY), first: during[first]}


def test_a_measure_never_narrows_the_operators_own_distance(operator: Operator) -> None:
    first = operator.sites[0].id
    wide = with_distance(operator, 2.0)
    loose = replace(wide, measures=(measure(first, 1.0), measure(first, 5.0, "max_people")))
    assert find_site_seats(loose, DAY) == find_site_seats(wide, DAY)


def test_a_site_without_seats_has_none_usable(operator: Operator) -> None:
    bare = replace(operator, floors=(), zones=(), seats=())
    found = find_site_seats(bare, DAY)[operator.sites[0].id]
    assert (found.usable, found.seats, found.bound, found.proven) == ((), 0, 0, True)


def test_floors_of_one_layout_have_the_same_seats_usable(operator: Operator) -> None:
    """The cache by layout changes nothing: each floor alone gives the same number."""
    wide = with_distance(operator, 2.0)
    found = find_site_seats(wide, DAY)
    floor_of = {zone.id: zone.floor for zone in operator.zones}
    for floor in operator.floors:
        alone = replace(wide, seats=tuple(s for s in wide.seats if floor_of[s.zone] == floor.id))
        own = find_site_seats(alone, DAY)[floor.site].usable
        assert set(own) <= set(found[floor.site].usable)


@pytest.fixture(scope="module")
def floor_plans_operator() -> Operator:
    return sample_operator(60, 2, 5, weeks_of_history=0)


def lay_out(operator: Operator, usable: int, taken: int) -> list[FloorPlan]:
    """Return the floors of the first site, its first ``usable`` seats usable."""
    site = operator.sites[0].id
    own = [seat.id for seat in operator.all_seats if operator.site_of_zone[seat.zone] == site]
    return list(lay_out_floors(operator, site, frozenset(own[:usable]), taken))


def test_every_seat_of_the_site_is_in_the_plan_once(floor_plans_operator: Operator) -> None:
    site = floor_plans_operator.sites[0].id
    plans = lay_out(floor_plans_operator, 10, 4)
    own = {seat.id for seat in floor_plans_operator.all_seats if floor_plans_operator.site_of_zone[seat.zone] == site}
    drawn = [seat.seat for plan in plans for seat in plan.seats]
    assert sorted(drawn) == sorted(own)
    assert sum(zone.seats for plan in plans for zone in plan.zones) == len(own)


def test_of_the_usable_seats_as_many_are_taken_as_people_are_there(floor_plans_operator: Operator) -> None:
    plans = lay_out(floor_plans_operator, 10, 4)
    assert sum(plan.taken for plan in plans) == 4
    assert sum(plan.free for plan in plans) == 6
    assert sum(zone.usable for plan in plans for zone in plan.zones) == 10
    assert all(plan.taken + plan.free + plan.blocked == len(plan.seats) for plan in plans)


def test_where_nothing_is_usable_every_seat_is_blocked(floor_plans_operator: Operator) -> None:
    assert {seat.state for plan in lay_out(floor_plans_operator, 0, 3) for seat in plan.seats} == {"blocked"}


def test_the_box_of_a_floor_holds_its_seats(floor_plans_operator: Operator) -> None:
    for plan in lay_out(floor_plans_operator, 10, 4):
        left, top, width, height = plan.box
        assert all(left < seat.x_m < left + width for seat in plan.seats)
        assert all(top < seat.y_m < top + height for seat in plan.seats)


def test_seats_that_are_counted_alone_stand_in_rows_apart(floor_plans_operator: Operator) -> None:
    first, *others = floor_plans_operator.sites
    counted = replace(
        floor_plans_operator,
        sites=(replace(first, seats=7), *others),
        floors=tuple(floor for floor in floor_plans_operator.floors if floor.site != first.id),
    )
    (plan,) = lay_out_floors(counted, first.id, frozenset(), 0)
    places = {(seat.x_m, seat.y_m) for seat in plan.seats}
    assert len(places) == len(plan.seats) == 7
    assert plan.name == first.id
