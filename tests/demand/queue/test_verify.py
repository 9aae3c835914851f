"""A plan's day simulated, and what a centre may be."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest
from scipy import stats
from scipy.special import ndtri

from releve.demand import Forecast, Requirement, compute_requirement, metrics
from releve.demand.queue import (
    AgentChange,
    CentreSpec,
    Distribution,
    Teams,
    Verification,
    correct_requirement,
    draws,
    simulate,
    verify,
    warm_up,
)
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


GOOD: dict[str, Any] = {"programmes": ["a", "b"], "edges_s": [0, 1800], "calls": 10, "aht_s": 60, "agents": 2}


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"programmes": ["a", "a"]}, "expected different names of programmes, got 'a' twice"),
        ({"edges_s": [0, 0]}, "two or more rising edges_s"),
        ({"edges_s": [5]}, "two or more rising edges_s"),
        ({"calls": -1}, "0 <= calls < inf, got -1.0"),
        ({"calls": np.nan}, "calls"),
        ({"aht_s": 0}, "0 < aht_s < inf"),
        ({"agents": 1.5}, "agents must be whole numbers, got 1.5"),
        ({"agents": -1}, "0 <= agents"),
        ({"least_waiting": 0}, "1 <= least_waiting < inf, got 0.0"),
        ({"least_waiting": 1.5}, "least_waiting must be whole numbers, got 1.5"),
        ({"patience_s": 0}, "0 < patience_s"),
        ({"redial": 1.1}, "0 <= redial <= 1"),
        ({"transfer": [[0, 1], [1, 0]]}, "transfers in a circle"),
        ({"transfer": 0.6}, "sum to at most 1"),
        ({"service": [Distribution()]}, "expected 2 distributions, one a programme, got 1"),
        ({"service": Distribution.sample([1, np.inf], mean=1)}, "expected finite service values"),
        ({"changes": [AgentChange(5, "c", 1)]}, "changes of the centre's groups, got 'c'"),
        ({"changes": [AgentChange(1800, "a", 1)]}, "changes within the day"),
        ({"changes": [AgentChange(5, "a", -1)]}, "0 <= agents of a change"),
        ({"changes": [AgentChange(5, "a", 1, "kept")]}, "leaving in finished, moved, cut"),
        ({"leaving": "gone"}, "leaving in"),
        ({"call_rank": [[0, -1], [0, 0]], "agent_rank": 0}, "negative in the same places"),
        ({"day_factor_cv": 3}, "day_factor_cv < 3"),
    ],
    ids=lambda case: next(iter(case)) if isinstance(case, dict) else "",
)
def test_an_impossible_centre_is_refused(bad: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CentreSpec(**{**GOOD, **bad}).build()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Distribution("weibull"), "kind in"),
        (lambda: Distribution("gamma", 0), "0 < cv < 100"),
        (lambda: Distribution("sample"), "expected values for a sample alone"),
        (lambda: Distribution.sample([]), "at least one value"),
        (lambda: Distribution.sample([1, np.inf]), "0 < mean, finite"),
        (lambda: Distribution.sample([-1, 3]), "0 <= values"),
    ],
)
def test_an_impossible_distribution_is_refused(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("bad", [{"replications": 0}, {"threads": 0}, {"seed": -1}])
def test_a_run_that_cannot_be_is_refused(bad: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="expected"):
        simulate(CentreSpec(**GOOD).build(), **{"replications": 1, **bad})


def test_a_centre_cannot_be_changed_behind_its_back() -> None:
    centre = CentreSpec(**GOOD).build()
    with pytest.raises(ValueError, match="read-only"):
        centre.agents[0, 0] = 9


def test_normal_quantiles_have_fifteen_digits() -> None:
    u = np.concatenate([np.logspace(-16, -0.31, 400), 1 - np.logspace(-15, -0.31, 400)])
    found = np.array([draws.normal(x) for x in u])
    assert np.allclose(found, ndtri(u), rtol=4e-15, atol=1e-15)


def test_exponentials_drawn_ahead_are_the_logarithm_and_those_drawn_one_by_one() -> None:
    stream = np.uint64(2**63 + 77)
    ahead = np.empty(2000)
    draws.fill_exponentials(stream, 100, ahead)
    u = np.array([draws.uniform(stream, 100 + n, 0) for n in range(ahead.size)])
    alone = [draws.unit_value(draws.EXPONENTIAL, 1.0, np.zeros(1), 0, stream, 100 + n, 0) for n in range(ahead.size)]
    assert np.allclose(ahead, -np.log1p(-u), rtol=1e-15, atol=0.0)
    assert ahead.tolist() == alone


def test_an_exponential_has_fifteen_digits_at_both_ends() -> None:
    u = np.concatenate([np.logspace(-16, -0.31, 400), 1 - np.logspace(-15.9, -0.31, 400)])
    u = 1.0 - (1.0 - u)  # as drawn: 1 - u is exact
    found = np.array([draws.exponential(x) for x in u[u > 0]])
    assert np.allclose(found, -np.log1p(-u[u > 0]), rtol=2e-15, atol=0.0)


DISTRIBUTIONS = {
    Distribution(): stats.expon(),
    Distribution("gamma", 0.4): stats.gamma(6.25, scale=0.16),
    Distribution("gamma", 1.8): stats.gamma(1.8**-2, scale=1.8**2),
    Distribution("lognormal", 1.5): stats.lognorm(np.sqrt(np.log(3.25)), scale=3.25**-0.5),
}


@pytest.mark.parametrize(
    "distribution", DISTRIBUTIONS, ids=lambda distribution: f"{distribution.kind} {distribution.cv}"
)
@pytest.mark.parametrize("leg", [0, 1])
def test_calls_draw_from_their_distribution(distribution: Distribution, leg: int) -> None:
    kind = ("exponential", "constant", "lognormal", "gamma").index(distribution.kind)
    stream = np.uint64(123456789)
    values = [
        draws.unit_value(kind, distribution.shape, np.zeros(1), 0, stream, number, leg) for number in range(20_000)
    ]
    assert stats.kstest(values, DISTRIBUTIONS[distribution].cdf).pvalue > 1e-3


def test_the_numbers_of_different_decisions_and_calls_are_unrelated() -> None:
    streams = np.zeros((2, draws.DECISIONS), np.uint64)
    draws.fill_streams(np.uint64(0), 0, np.array([1, 2], np.uint64), streams)
    u = np.array([[draws.uniform(stream, n, 0) for n in range(5000)] for stream in streams.ravel()])
    later = np.array([draws.uniform(streams[0, 1], n, 1) for n in range(5000)])
    related = np.corrcoef(np.vstack([u, u[:, ::-1], later]))
    assert np.abs(related - np.eye(len(related))).max() < 4.5 / np.sqrt(5000)
    assert 0 < u.min() < u.max() < 1


def test_warm_up_says_what_it_does() -> None:
    said: list[str] = []
    warm_up(said.append)
    assert said == ["Queue simulator"]
