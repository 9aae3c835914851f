"""Intervals of what was seen, and of what no quarter showed."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import beta

from releve.plugins.crashtest.engine import build_result, build_run_arrays, run
from releve.plugins.crashtest.engine.ablation import bound_unseen, estimate_mean, estimate_ratio
from releve.plugins.crashtest.engine.comparison import (
    Case,
    ClientDifference,
    Difference,
    compare,
    decode_difference,
    encode_difference,
)
from releve.plugins.crashtest.engine.outbreak import Controls, Estimate
from tests.crashtest.rough_quarter import DAYS, build_test


@pytest.mark.parametrize("n", [2, 40, 1000])
def test_the_chance_of_what_was_never_seen_is_that_of_clopper_and_pearson(n: int) -> None:
    assert bound_unseen(n) == pytest.approx(beta.ppf(0.975, 1, n))
    assert n < 1000 or bound_unseen(n) == pytest.approx(3.69 / n, rel=0.01)


def test_a_mean_of_nothing_ends_where_a_quarter_could_end_times_that_chance() -> None:
    nothing = np.zeros(100)
    found = estimate_mean(nothing, most=50.0)
    assert (found.value, found.low, found.high) == (0.0, 0.0, 50.0 * bound_unseen(100))
    either = estimate_mean(nothing, most=2.0, least=-2.0)
    assert either.low == -either.high == -2.0 * bound_unseen(100)
    assert estimate_mean(nothing).high == 0.0


def test_a_share_of_all_and_of_none_has_an_interval_too() -> None:
    offered = np.full(200, 7.0)
    every, none = estimate_ratio(offered, offered), estimate_ratio(0 * offered, offered)
    assert (every.value, every.low, every.high) == (1.0, 1.0 - bound_unseen(200), 1.0)
    assert (none.value, none.low, none.high) == (0.0, 0.0, bound_unseen(200))


def test_bounds_do_not_touch_what_was_seen() -> None:
    values = np.array([0.0, 0.0, 3.0, 1.0])
    assert estimate_mean(values, most=9.0, least=-9.0) == estimate_mean(values)


def test_no_quarter_without_a_disaster_says_that_there_are_none() -> None:
    """No illness from outside, no hazard, no closure: what is at zero still has an upper end."""
    test = build_test(hazards=(), controls=Controls())
    scenario = replace(test.scenario, importation=0.0 * np.asarray(test.scenario.importation))
    test = replace(test, scenario=scenario)
    ready = build_run_arrays(test)
    rows = run(ready, count=20)
    found = build_result(test, ready, rows)
    chance = bound_unseen(20)
    for site in found.sites:
        assert (site.closures.value, site.closures.high) == (0.0, chance)
        assert (site.days_lost.value, site.days_lost.high) == (0.0, DAYS * chance)
    agents = len(test.operator.agents)
    assert found.outbreak.infected.high == pytest.approx(agents * chance)
    for client in found.clients:
        assert client.lost_to_disasters.value == 0.0
        assert client.lost_to_disasters.high > 0.0
    both = Case("one", test, ready, rows)
    same = compare(both, both)
    assert same.lost.low == -same.lost.high < 0.0 == same.lost.value
    assert same.clients[0].breaks_target.high == chance


def test_a_difference_read_back_is_the_same_where_its_interval_is_not_known() -> None:
    unknown = Estimate(3.0, -np.inf, np.inf)
    client = ClientDifference("azur", unknown, Estimate(5.0, 4.0, 6.0), unknown)
    found = Difference("no-rule", "as-given", unknown, client.penalty, unknown, unknown, np.inf, (client,))
    written = json.dumps(encode_difference(found), allow_nan=False)
    assert decode_difference(json.loads(written)) == found
