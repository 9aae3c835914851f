"""What a centre may be, and the numbers calls draw."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats
from scipy.special import ndtri

from releve.demand.queue import AgentChange, CentreSpec, Distribution, draws, simulate, warm_up

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
