"""Usable seats of a whole operator: floors, measures and days."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from scipy.spatial.distance import pdist

from releve.network import Floor, Measure, Operator, Seat, Zone, find_site_seats, sample_operator

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
