"""How sites stand, and a client's half hours: the same figures as the seats and the coverage."""

from __future__ import annotations

import numpy as np
import pytest

from releve.live import api as live
from releve.live.api import SeatedSite
from tests.live.scenario import Scenario

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def describe(scenario: Scenario, *, planned: bool = True) -> dict[str, SeatedSite]:
    situation = live.situation_now(scenario.stream)
    scene = live.load_scene(scenario.stream) if planned else None
    return dict(live.describe_sites(scenario.operator, situation, scene))


def test_a_site_is_open_closed_or_cut_off(scenario: Scenario) -> None:
    closed, dark, *others = scenario.operator.sites
    scenario.close(closed.id)
    scenario.power(dark.id)
    found = describe(scenario)
    assert list(found) == [site.id for site in scenario.operator.sites]
    assert (found[closed.id].state, found[closed.id].outage) == ("closed", "")
    assert found[closed.id].since is not None
    assert (found[dark.id].state, found[dark.id].outage) == ("cut_off", "power")
    assert {found[site.id].state for site in others} == {"open"}
    assert found[closed.id].usable == 0


def test_a_closed_site_is_closed_whatever_else_is_down(scenario: Scenario) -> None:
    scenario.power(scenario.site)
    scenario.close(scenario.site)
    assert describe(scenario)[scenario.site].state == "closed"


def test_without_a_plan_the_seats_are_counted_and_which_are_usable_is_not_known(scenario: Scenario) -> None:
    found = describe(scenario, planned=False)
    assert all(row.seats > 0 for row in found.values())
    assert {(row.usable, row.taken) for row in found.values()} == {(None, None)}


def test_a_client_has_its_half_hours_and_nothing_where_the_plan_does_not_know_it(scenario: Scenario) -> None:
    scenario.close()
    found = live.compute_coverage(scenario.stream)
    assert found is not None
    own = found.clients[0]
    rows = list(found.list_half_hours(own.client))
    assert [row.start for row in rows] == list(found.starts)
    shares = [np.nan if row.share is None else row.share for row in rows]
    np.testing.assert_array_equal(shares, own.share)
    assert [row.share is None for row in rows] == np.isnan(own.share).tolist()
    assert not any(row.short for row in rows if row.required == 0)
    series = found.build_series(own)
    assert series.starts == found.starts
    np.testing.assert_allclose(series.covered + series.missing, series.required)
    assert found.find_client("unknown") is None
    assert list(found.list_half_hours("unknown")) == []


def test_a_relief_is_found_by_its_number_in_its_stream(scenario: Scenario) -> None:
    scenario.close()
    scenario.work()
    newest = live.list_reliefs(scenario.stream)[0]
    assert live.find_relief(scenario.stream, newest.generation) == newest
    assert live.find_relief(scenario.stream, newest.generation + 1) is None
    assert live.find_relief("live", newest.generation) is None
