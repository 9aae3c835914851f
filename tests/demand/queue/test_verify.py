"""A plan's day simulated, and the requirement that comes back."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from releve.demand import Forecast, Requirement, compute_requirement, metrics
from releve.demand.queue import Distribution, Teams, Verification, correct_requirement, verify
from releve.network import Programme
from tests.demand.test_requirement import BACK_OFFICE, DAY, INBOUND, PARIS, forecast_of

LONG = replace(INBOUND, id="loans", aht_s=900, answer_rate=0.9, max_occupancy=1.0, shrinkage=0.1)
TOLERANCE = 0.01


def wave(*programmes: Programme, aht_s: float, day: date = DAY) -> Forecast:
    """Return a smooth day between about 7 and 61 Erlang, open 08:00-20:00."""
    flat = forecast_of(*programmes, day=day)
    hours = np.cumsum(flat.open[:, 0]) / 2.0
    erlang = 34 + 27 * np.sin(2 * math.pi * (hours - 3) / 6)
    mean = np.where(flat.open, (erlang * 1800 / aht_s)[:, None], 0.0)
    cv = np.zeros(len(programmes))
    return replace(flat, mean=mean, aht_s=np.full(mean.shape, aht_s), day_factor_cv=cv)


@pytest.fixture(scope="module")
def forecast() -> Forecast:
    return wave(LONG, aht_s=900.0)


@pytest.fixture(scope="module")
def need(forecast: Forecast) -> Requirement:
    return compute_requirement(forecast, [LONG], DAY, PARIS)


@pytest.fixture(scope="module")
def found(need: Requirement, forecast: Forecast) -> Verification:
    exponential = Distribution()
    return verify(need, [LONG], need.agents, forecast=forecast, service=exponential)


def test_a_flat_day_is_served_as_its_requirement_says() -> None:
    flat = replace(forecast_of(INBOUND), day_factor_cv=np.zeros(1))
    need = compute_requirement(flat, [INBOUND], DAY, PARIS)
    found = verify(need, [INBOUND], need.agents, forecast=flat, service=Distribution())
    exact = metrics(60, 1800, 330, 120, need.on_phone[30, 0], 20)
    assert found.service.low[30, 0] <= exact.service_offered <= found.service.high[30, 0]
    assert found.on_phone[30, 0] == need.on_phone[30, 0]
    assert found.surely_misses().sum() <= 2  # of 24 that are held just so


def test_long_calls_make_a_falling_day_miss_by_ten_points(found: Verification) -> None:
    """The stationary formula promises 80 % in each half hour."""
    service = found.service.value[:, 0]
    assert service.min() < 0.70
    assert found.day_service.value[0] > 0.78
    assert found.surely_misses().any()


def test_a_closed_half_hour_misses_nothing(found: Verification) -> None:
    closed = found.requirement.calls[:, 0] == 0
    assert np.all(found.service.value[closed, 0] == 1.0)
    assert not found.misses()[closed, 0].any()


def test_corrections_only_ever_add_where_it_misses(found: Verification) -> None:
    tighter, missed = correct_requirement(found, tolerance=TOLERANCE), found.misses(TOLERANCE)
    more = tighter.on_phone - found.requirement.on_phone
    assert np.all(more >= 0)
    assert np.array_equal(more > 0, missed & (more > 0))
    assert more[missed].sum() > 0
    assert np.array_equal(tighter.agents > found.requirement.agents, more > 0)
    assert np.array_equal(tighter.calls, found.requirement.calls)


def test_verified_and_corrected_a_few_times_every_half_hour_holds(need: Requirement, forecast: Forecast) -> None:
    plan, rounds, before = need, 0, need.on_phone.sum()
    while True:
        found = verify(plan, [LONG], plan.agents, forecast=forecast, service=Distribution())
        tighter = correct_requirement(found, tolerance=TOLERANCE)
        if tighter is plan:
            break
        plan, rounds = tighter, rounds + 1
        assert rounds <= 4
    assert not found.misses(TOLERANCE).any()
    assert plan.on_phone.sum() < 1.08 * before


def test_nothing_to_correct_returns_the_requirement_itself(need: Requirement) -> None:
    found = verify(need, [LONG], need.agents * 2, replications=20)
    assert correct_requirement(found) is need


def test_an_unknown_half_hour_is_unknown_in_the_answer(need: Requirement) -> None:
    calls = need.calls.copy()
    calls[24, 0] = np.nan
    found = verify(replace(need, calls=calls), [LONG], need.agents, replications=10)
    assert np.isnan(found.service.value[24, 0])
    assert np.isnan(found.day_service.value[0])
    assert not found.misses()[24, 0]
    assert not np.isnan(found.service.value[23, 0])


def test_only_inbound_programmes_queue() -> None:
    both = forecast_of(INBOUND, BACK_OFFICE)
    need = compute_requirement(both, [INBOUND, BACK_OFFICE], DAY, PARIS)
    found = verify(need, [INBOUND, BACK_OFFICE], need.agents, replications=5)
    assert found.outcome.offered[:, :, 1].sum() == 0
    assert not found.misses()[:, 1].any()


def test_busy_days_miss_more_than_average_ones() -> None:
    busy = replace(forecast_of(INBOUND), day_factor_cv=np.array([0.25]))
    need = compute_requirement(busy, [INBOUND], DAY, PARIS)
    even = verify(need, [INBOUND], need.agents)
    uneven = verify(need, [INBOUND], need.agents, forecast=busy)
    assert uneven.day_answer_rate.value[0] < even.day_answer_rate.value[0]


def test_a_team_for_two_programmes_serves_them_better_than_two_teams() -> None:
    rows = [INBOUND, replace(INBOUND, id="tyres")]
    need = compute_requirement(forecast_of(*rows), rows, DAY, PARIS)
    ranks = np.zeros((2, 1), dtype=np.int64)
    one = Teams(("all",), ranks, ranks, (0.2,))
    apart = verify(need, rows, need.agents, replications=50)
    pooled = verify(need, rows, need.agents.sum(axis=1, keepdims=True), teams=one, replications=50)
    assert np.all(pooled.day_service.value > apart.day_service.value)
    assert np.isnan(pooled.on_phone).all()


def test_the_definition_of_each_programme_counts() -> None:
    rows = [INBOUND, replace(INBOUND, id="tyres", service_definition="answered")]
    need = compute_requirement(forecast_of(*rows), rows, DAY, PARIS)
    found = verify(need, rows, need.agents, replications=50)
    by_answered = found.outcome.service_level("answered", by="day").value[1]
    assert found.day_service.value[1] == by_answered
    assert by_answered > found.outcome.service_level("offered", by="day").value[1]


@pytest.mark.parametrize(("coverage", "message"), [(-1.0, "0 <= coverage"), (np.nan, "a negative or an unknown one")])
def test_a_coverage_that_is_none_is_refused(need: Requirement, coverage: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        verify(need, [LONG], coverage)


def test_a_programme_that_is_not_given_is_refused(need: Requirement) -> None:
    with pytest.raises(ValueError, match="got none for 'loans'"):
        verify(need, [INBOUND], need.agents)
