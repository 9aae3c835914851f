"""The plan of a floor: each seat once, taken before free, and a box around them all."""

from __future__ import annotations

from dataclasses import replace

import pytest

from releve.network import Operator
from releve.network.sample import sample_operator
from releve.network.seats import FloorPlan, lay_out_floors


@pytest.fixture(scope="module")
def operator() -> Operator:
    return sample_operator(60, 2, 5, weeks_of_history=0)


def lay_out(operator: Operator, usable: int, taken: int) -> list[FloorPlan]:
    """Return the floors of the first site, its first ``usable`` seats usable."""
    site = operator.sites[0].id
    own = [seat.id for seat in operator.all_seats if operator.site_of_zone[seat.zone] == site]
    return list(lay_out_floors(operator, site, frozenset(own[:usable]), taken))


def test_every_seat_of_the_site_is_in_the_plan_once(operator: Operator) -> None:
    site = operator.sites[0].id
    plans = lay_out(operator, 10, 4)
    own = {seat.id for seat in operator.all_seats if operator.site_of_zone[seat.zone] == site}
    drawn = [seat.seat for plan in plans for seat in plan.seats]
    assert sorted(drawn) == sorted(own)
    assert sum(zone.seats for plan in plans for zone in plan.zones) == len(own)


def test_of_the_usable_seats_as_many_are_taken_as_people_are_there(operator: Operator) -> None:
    plans = lay_out(operator, 10, 4)
    assert sum(plan.taken for plan in plans) == 4
    assert sum(plan.free for plan in plans) == 6
    assert sum(zone.usable for plan in plans for zone in plan.zones) == 10
    assert all(plan.taken + plan.free + plan.blocked == len(plan.seats) for plan in plans)


def test_where_nothing_is_usable_every_seat_is_blocked(operator: Operator) -> None:
    assert {seat.state for plan in lay_out(operator, 0, 3) for seat in plan.seats} == {"blocked"}


def test_the_box_of_a_floor_holds_its_seats(operator: Operator) -> None:
    for plan in lay_out(operator, 10, 4):
        left, top, width, height = plan.box
        assert all(left < seat.x_m < left + width for seat in plan.seats)
        assert all(top < seat.y_m < top + height for seat in plan.seats)


def test_seats_that_are_counted_alone_stand_in_rows_apart(operator: Operator) -> None:
    first, *others = operator.sites
    counted = replace(
        operator,
        sites=(replace(first, seats=7), *others),
        floors=tuple(floor for floor in operator.floors if floor.site != first.id),
    )
    (plan,) = lay_out_floors(counted, first.id, frozenset(), 0)
    places = {(seat.x_m, seat.y_m) for seat in plan.seats}
    assert len(places) == len(plan.seats) == 7
    assert plan.name == first.id
