"""Who moves from where to where on a day of the relief in force, against the plan."""

from __future__ import annotations

from datetime import timedelta

import pytest

from releve.live import api as live
from releve.network import HOME
from tests.live.scenario import Scenario

pytestmark = [pytest.mark.django_db, pytest.mark.database]
MOST = 2


@pytest.fixture
def relief(scenario: Scenario) -> live.ReliefInForce:
    """Two positive tests closed a site; the relief that answers it."""
    scenario.work()
    scenario.two_positives()
    scenario.work()
    found = live.describe_relief(scenario.stream, most_shifts=MOST)
    assert found is not None
    return found


def test_a_relief_names_what_is_lost_and_the_places_whose_shifts_change(
    scenario: Scenario, relief: live.ReliefInForce
) -> None:
    assert relief.lost_sites == {scenario.site}
    assert relief.generation is not None
    assert relief.day in relief.days
    (closed,) = [row for row in relief.places if row.place == scenario.site]
    assert closed.after == 0
    assert all(len(row.shifts) <= MOST for row in relief.places)
    assert sum(row.people for row in relief.flows if row.origin == scenario.site) == closed.before


def test_a_move_holds_both_shifts_by_the_clocks_of_their_places(relief: live.ReliefInForce) -> None:
    agents = relief.roster.list_changed()
    operator = relief.scene.day_plan(relief.day).operator
    moves = live.list_agent_moves(relief, agents)
    assert [row.agent for row in moves] == agents
    for row in moves:
        assert row.site == operator.agent[row.agent].home_site
        posts = ((row.before, relief.roster.before), (row.after, relief.roster.after))
        for post, rows in posts:
            placed = rows.get(row.agent)
            assert (post is None) == (placed is None)
            if post is not None and placed is not None:
                assert (post.place, post.start, post.end) == (placed.place, placed.start, placed.end)
                where = row.site if post.place == HOME else post.place
                assert post.time_zone == operator.site[where].time_zone


def test_a_day_that_is_not_ahead_is_answered_by_the_first_that_changes(
    scenario: Scenario, relief: live.ReliefInForce
) -> None:
    asked = relief.days[-1] + timedelta(days=30)
    found = live.describe_relief(scenario.stream, asked, most_shifts=MOST)
    assert found is not None
    assert found.day == relief.day
    last = live.describe_relief(scenario.stream, relief.days[-1], most_shifts=MOST)
    assert last is not None
    assert last.day == relief.days[-1]


def test_agents_of_other_home_sites_are_left_out(scenario: Scenario, relief: live.ReliefInForce) -> None:
    found = live.describe_relief(scenario.stream, None, {scenario.site}, most_shifts=MOST)
    assert found is not None
    moves = live.list_agent_moves(found, found.roster.list_changed())
    assert moves
    assert {row.site for row in moves} == {scenario.site}
