"""The least number of agents: against exhaustive scans, laws, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from releve.demand import DEFINITIONS, metrics, required_agents, warm_up

loads = st.floats(0.01, 150)
ahts = st.floats(20, 1500)
patiences = st.one_of(st.just(math.inf), st.floats(1, 3600))
thresholds = st.one_of(st.just(0.0), st.floats(1, 300))
targets = st.floats(0.05, 0.99)
rates = st.one_of(st.just(0.0), st.floats(0.5, 0.99))
caps = st.one_of(st.just(1.0), st.floats(0.3, 1.0))
definitions = st.sampled_from(DEFINITIONS)
ROUNDING = 1e-11


def scanned(
    load: float,
    aht: float,
    patience: float,
    threshold: float,
    target: float,
    definition: str,
    rate: float,
    cap: float,
    slack: float,
) -> int:
    """Return the least n by trying every one, each condition eased by ``slack`` of itself; also
    check that all above it hold."""
    agents = np.arange(1, int((load + 6 * math.sqrt(load) + 12) / cap) + 1)
    found = metrics(load, aht, aht, patience, agents, threshold)
    good = (
        (1 - found.service_level(definition) <= (1 - target) * (1 + slack))
        & (found.p_abandon <= (1 - rate) * (1 + slack))
        & (found.occupancy <= cap * (1 + slack))
        & (math.isfinite(patience) | (found.p_wait < 1))
    )
    first = int(np.argmax(good))
    assert good[first:].all()
    return int(agents[first])


@settings(max_examples=300, deadline=None)
@given(loads, ahts, patiences, thresholds, targets, definitions, rates, caps)
def test_the_search_finds_what_an_exhaustive_scan_finds(
    load: float, aht: float, patience: float, threshold: float, target: float, definition: str, rate: float, cap: float
) -> None:
    """Every n from 1 up is tried, for each definition. Where a condition is met to the last digit
    (load 0.375 and an occupancy of 0.375), rounding may decide."""
    asked = (aht, patience, threshold, target, definition, rate, cap)
    least = int(required_agents(load, aht, *asked))
    assert scanned(load, *asked, 1e-10) <= least <= scanned(load, *asked, -1e-10)


@settings(max_examples=100, deadline=None)
@given(loads, ahts, st.floats(0.1, 3600), thresholds)
@example(114.54088182054541, 20.0, 3347.9207540157477, 1.0)
def test_one_more_agent_never_serves_less(load: float, aht: float, patience: float, threshold: float) -> None:
    """All four service levels rise, abandonment, waiting and occupancy fall; also where callers
    are less patient than calls are long, the case that has no proof by coupling. Up to rounding,
    a tenth of the accuracy promised of Erlang A (1e-10): far in overload the calls served in
    time differ by less than their figures hold."""
    agents = np.arange(1, int(load + 6 * math.sqrt(load)) + 12)
    found = metrics(load, aht, aht, patience, agents, threshold)
    for name in DEFINITIONS:
        assert np.diff(found.service_level(name)).min() >= -ROUNDING
    for falls in (found.p_wait, found.p_abandon, found.mean_wait_s / patience, found.occupancy):
        assert np.diff(falls).max() <= ROUNDING


@settings(max_examples=100, deadline=None)
@given(loads, ahts, patiences, definitions, st.floats(1, 2))
def test_more_calls_never_need_fewer_agents(
    load: float, aht: float, patience: float, definition: str, more: float
) -> None:
    few = required_agents(load, aht, aht, patience, 20, 0.8, definition, 0.9, 0.9)
    many = required_agents(load * more, aht, aht, patience, 20, 0.8, definition, 0.9, 0.9)
    assert many >= few


@settings(max_examples=100, deadline=None)
@given(loads, ahts, patiences, thresholds, st.floats(0.01, 100))
def test_only_ratios_of_times_count(load: float, aht: float, patience: float, threshold: float, unit: float) -> None:
    """Seconds or minutes: the same agents, except where a condition is met to the last digit."""
    one = required_agents(load, aht, aht, patience, threshold)
    other = required_agents(load, aht * unit, aht * unit, patience * unit, threshold * unit)
    if one != other:
        least = int(min(one, other))
        edge = metrics(load, aht, aht, patience, least, threshold).service_offered
        assert float(edge) == pytest.approx(0.8, abs=1e-9)


def test_twice_the_queue_needs_less_than_twice_the_agents() -> None:
    """The economy of scale that makes pooling worth while."""
    load = np.array([5, 20, 80, 160])
    for patience in (np.inf, 120):
        one, two = (required_agents(k * load, 300, 300, patience) for k in (1, 2))
        assert (two < 2 * one).all()


def test_a_service_target_alone_can_hide_lost_calls() -> None:
    """200 Erlang, patience 60 s: 80/20 is held with 177 agents while 12 % hang up."""
    trap = int(required_agents(200, 300, 300, 60, 20, 0.8))
    assert trap == 177
    assert float(metrics(200, 300, 300, 60, trap, 20).p_abandon) > 0.12
    honest = int(required_agents(200, 300, 300, 60, 20, 0.8, answer_rate=0.95))
    assert honest > trap
    assert float(metrics(200, 300, 300, 60, honest, 20).p_abandon) <= 0.05
    assert float(metrics(200, 300, 300, 60, honest - 1, 20).p_abandon) > 0.05


def test_an_occupancy_met_exactly_is_held_despite_rounding() -> None:
    found = required_agents([57, 22, 114], 1, 1, max_occupancy=[0.57, 0.88, 0.57])
    assert found.tolist() == [100, 25, 200]


def test_all_parameters_broadcast_and_erlang_c_mixes_with_erlang_a() -> None:
    patience = np.array([np.inf, 60, 120])
    words = np.array(DEFINITIONS).reshape(4, 1, 1)
    found = required_agents([[90], [300]], 1800, 300, patience, 20, [[0.8], [0.9]], words)
    assert found.shape == (4, 2, 3)
    for d, name in enumerate(DEFINITIONS):
        for row, (calls, target) in enumerate([(90, 0.8), (300, 0.9)]):
            for column, mean in enumerate(patience):
                alone = required_agents(calls, 1800, 300, mean, 20, target, name)
                assert found[d, row, column] == alone


def test_many_cases_at_once_are_the_cases_one_by_one() -> None:
    """More cases than lanes, of very different size, so that lanes are refilled."""
    draw = np.random.default_rng(5)
    load, aht = np.exp(draw.uniform(-3, 6, 300)), draw.uniform(60, 600, 300)
    patience = draw.uniform(10, 900, 300)
    for mean in (np.full(300, np.inf), patience):
        together = required_agents(load, aht, aht, mean)
        alone = [float(required_agents(*case)) for case in zip(load, aht, aht, mean, strict=True)]
        assert together.tolist() == alone


def test_no_calls_need_nobody_and_a_few_need_one() -> None:
    found = required_agents([0, 0, 1e-9, 1e-120], 1800, [300, math.nan, 300, 300], [[math.inf], [60.0]])
    assert found.tolist() == [[0, 0, 1, 1], [0, 0, 1, 1]]


def test_unknown_volume_or_handling_time_is_never_zero_agents() -> None:
    found = required_agents([math.nan, 10, 10], 1800, [300, math.nan, 300], [[math.inf], [60.0]])
    assert np.isnan(found).tolist() == [[True, True, False]] * 2


def test_nothing_asked_is_nothing_answered() -> None:
    assert required_agents(np.zeros((0, 3)), 1800, 300).shape == (0, 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"target": 1.0}, "0 < target < 1, got 1.0"),
        ({"target": [0.8, 0]}, "0 < target < 1, got 0.0"),
        ({"answer_rate": 1}, "0 <= answer_rate < 1, got 1.0"),
        ({"max_occupancy": 1.2}, "0 < max_occupancy <= 1, got 1.2"),
        ({"target": math.nan}, "0 < target < 1, got nan"),
        ({"definition": "best"}, "definition in offered, answered, without_short"),
    ],
)
def test_a_bad_target_is_refused_with_its_condition(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=r"expected|must be") as caught:
        required_agents(10, 1800, 300, 60, **change)  # type: ignore[arg-type]
    assert message in str(caught.value)


def test_warming_up_tells_its_steps() -> None:
    steps: list[str] = []
    warm_up(steps.append)
    warm_up()
    assert steps == ["Erlang C, staffing", "Erlang A, staffing", "Erlang C, service", "Erlang A, service"]
