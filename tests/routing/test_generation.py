"""What is published adds up, and its digest tells one set from any other."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from releve.routing import EmptySet, Generation, Route, compute_shares
from tests.routing.generations import NOON, generation, nothing_open

PEOPLE = st.dictionaries(st.sampled_from(["casa-1", "rabat-1", "tunis-1", "home"]), st.floats(0, 5000), max_size=4)
CLOSED = st.frozensets(st.sampled_from(["casa-1", "tunis-1"]))


@given(PEOPLE, CLOSED)
def test_weights_add_up_to_one_wherever_anybody_is_left(people: dict[str, float], closed: frozenset[str]) -> None:
    routes = compute_shares(people, closed)
    left = any(n > 0 for place, n in people.items() if place not in closed)
    assert round(sum(route.weight for route in routes), 9) == (1.0 if left else 0.0)


@given(PEOPLE, CLOSED)
def test_a_closed_place_is_named_and_has_nothing(people: dict[str, float], closed: frozenset[str]) -> None:
    shut = {route.place: route for route in compute_shares(people, closed) if not route.open}
    assert set(shut) == closed
    assert all(route.weight == route.people == 0 for route in shut.values())


@given(PEOPLE)
def test_a_weight_is_the_share_of_people_to_the_last_digit_published(people: dict[str, float]) -> None:
    total = sum(people.values())
    for route in compute_shares(people, frozenset()):
        if people[route.place] > 0:
            assert abs(route.weight - people[route.place] / total) <= 1e-4


def test_equal_generations_have_equal_digests_and_any_change_gives_another() -> None:
    assert generation().digest == generation().digest
    others = [generation(2), generation(closed="casa-1"), generation(casa=12.1)]
    assert len({one.digest for one in (generation(), *others)}) == 4


def test_the_content_is_the_same_for_the_same_routes_under_another_number() -> None:
    assert generation(1).content == generation(2).content
    assert generation(1).content != generation(1, closed="casa-1").content


def test_a_programme_that_nobody_serves_is_named() -> None:
    found = generation(closed="rabat-1")
    assert found.unserved == ("brise-ventes",)
    found.refuse_if_empty()


def test_a_set_that_opens_nothing_is_refused() -> None:
    with pytest.raises(EmptySet, match="opens no place for any programme"):
        nothing_open().refuse_if_empty()
    with pytest.raises(EmptySet):
        Generation("live", 1, NOON, {}).refuse_if_empty()


def test_a_generation_that_makes_no_sense_cannot_be_made() -> None:
    half = {"azur": (Route("casa-1", True, 1.0, 0.5),)}
    with pytest.raises(ValueError, match="add up to 1 or 0"):
        replace(generation(), routes=half)
    with pytest.raises(ValueError, match="number >= 1"):
        generation(0)
    with pytest.raises(ValueError, match="weight == 0 where closed"):
        Route("casa-1", False, 0.0, 0.5)
    with pytest.raises(ValueError, match="has a zone"):
        replace(generation(), valid_from=NOON.replace(tzinfo=None))
    twice = {"azur": (Route("casa-1", True, 1.0, 0.5), Route("casa-1", True, 1.0, 0.5))}
    with pytest.raises(ValueError, match="names a place once"):
        replace(generation(), routes=twice)
