"""Erlang C and Erlang A: 60-digit arithmetic, closed forms, the least number of agents by scans, plain Python."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import special

from releve.demand import DEFINITIONS, metrics, required_agents, warm_up
from releve.demand.erlang import api, erlang_a, erlang_c
from releve.demand.queue import CentreSpec
from releve.kernels import decorators
from tests.demand.oracle import exact, holds

SHARES = ("p_wait", "p_abandon", "occupancy", *(f"service_{name}" for name in DEFINITIONS))

Queue = tuple[float, float, float, float, int, float]


def queues(seed: int, number: int, *, patient: bool) -> Iterator[Queue]:
    """Yield random queues: loads of 0.05 to 400 Erlang, light load to far overload."""
    draw = random.Random(seed)
    for _ in range(number):
        load = math.exp(draw.uniform(math.log(0.05), math.log(400)))
        aht = draw.uniform(20, 1200)
        agents = max(1, int(load + draw.uniform(-1.5, 4) * math.sqrt(load)) + patient)
        if not patient and draw.random() < 0.15:
            agents = max(1, int(load * draw.random()))
        patience = math.inf if patient else math.exp(draw.uniform(math.log(2), math.log(7200)))
        yield load * 1800 / aht, 1800, aht, patience, agents, draw.choice([0, 5, 20, 60, 300])


def worst_error(cases: Iterator[Queue]) -> float:
    worst = 0.0
    for case in cases:
        truth, found = exact(*case), metrics(*case)
        for name in SHARES:
            worst = max(worst, abs(float(getattr(truth, name) - float(getattr(found, name)))))
        if truth.mean_wait_s not in (0, math.inf):
            assert float(found.mean_wait_s) == pytest.approx(float(truth.mean_wait_s), rel=1e-9)
    return worst


def test_erlang_c_agrees_with_sixty_digits_to_twelve() -> None:
    worst = worst_error(queues(1, 150, patient=True))
    print(f"worst error of Erlang C over 150 queues: {worst:.2e}")
    assert worst < 1e-12


def test_erlang_a_agrees_with_sixty_digits_to_ten() -> None:
    worst = worst_error(queues(2, 20, patient=False))
    print(f"worst error of Erlang A over 20 queues: {worst:.2e}")
    assert worst < 1e-10


@pytest.mark.slow
def test_erlang_a_agrees_with_sixty_digits_over_many_more_queues() -> None:
    worst = worst_error(queues(3, 150, patient=False))
    print(f"worst error of Erlang A over 150 queues: {worst:.2e}")
    assert worst < 1e-10


@pytest.mark.parametrize(
    "case",
    [
        (40, 300, 300, 6000, 1, 300),
        (60, 300, 300, 600, 12, 1000),
        (1e-6, 1800, 300, 60, 1, 20),
        (100, 300, 300, 0.5, 100, 5),
        (3, 300, 300, 0.05, 40, 1),
        (40, 300, 300, 30, 300, 20),
        (100, 300, 300, 30, 1, 60),
    ],
)
def test_the_edges_of_the_range_keep_their_digits(case: Queue) -> None:
    """Overload, patience of next to nothing, idle crowds, next to no calls."""
    truth, found = exact(*case), metrics(*case)
    for name in SHARES:
        assert float(getattr(found, name)) == pytest.approx(float(getattr(truth, name)), abs=1e-10), name


@pytest.mark.parametrize("share", [0.5, 0.9, 1.0, 1.1, 1.5])
@pytest.mark.parametrize(("load", "agents", "patience"), [(40, 1, 6e3), (900, 300, 3e3), (2e3, 100, 3e4)])
def test_far_overload_is_the_incomplete_gamma_function(load: float, agents: int, patience: float, share: float) -> None:
    """Everyone waits; P(V > T) is the regularised gamma function P(c, x exp(-T / patience)), here
    by SciPy; T around the wait of the fluid, patience x ln(load / agents)."""
    threshold = share * patience * math.log(load / agents)
    c, x = agents * patience / 300, load * patience / 300
    beyond = special.gammainc(c, x * math.exp(-threshold / patience))
    found = metrics(load, 300, 300, patience, agents, threshold)
    assert float(found.p_wait) == pytest.approx(1, abs=1e-14)
    with_short = 1 - beyond * math.exp(-threshold / patience)
    assert float(found.service_with_short) == pytest.approx(with_short, abs=1e-10)


def test_the_agents_found_hold_and_one_fewer_does_not() -> None:
    """Random requirements, all four definitions, decided by the 60-digit arithmetic."""
    draw = random.Random(4)
    for number in range(24):
        load = math.exp(draw.uniform(0, math.log(120)))
        aht, patience = draw.uniform(60, 600), draw.choice([math.inf, 30, 120, 600])
        asked = (
            draw.choice([5, 20, 60]),
            draw.uniform(0.5, 0.95),
            DEFINITIONS[number % 4],
            draw.choice([0.0, 0.9, 0.97]),
            draw.choice([1.0, 0.85]),
        )
        queue = (load * 1800 / aht, 1800.0, aht, patience)
        agents = int(required_agents(*queue, *asked))
        threshold, *conditions = asked
        assert holds(*queue, agents, threshold, *conditions)  # type: ignore[arg-type]
        assert not holds(*queue, agents - 1, threshold, *conditions)  # type: ignore[arg-type]


TABLE = np.array(
    [
        # load, patience, n of Erlang A, n of Erlang C, P(wait), P(abandon), served within 20 s
        (5, 120, 7, 8, 0.202311222882, 0.072109916182, 0.841399565402),
        (10, 120, 12, 14, 0.250557725686, 0.0722216659309, 0.818758862268),
        (20, 120, 22, 25, 0.288337471772, 0.0647043510675, 0.815969700415),
        (50, 60, 48, 57, 0.411464134889, 0.100823006092, 0.8075057765),
        (50, 120, 51, 57, 0.366755792861, 0.0590209333212, 0.815204718018),
        (50, 300, 54, 57, 0.304074738895, 0.0257652712843, 0.833316826755),
        (100, 120, 98, 108, 0.467422952976, 0.05990699541, 0.813837091924),
        (200, 60, 177, 210, 0.717895488805, 0.123544839646, 0.802486049308),
        (200, 120, 190, 210, 0.618440676495, 0.0662022280612, 0.811257415404),
        (200, 300, 200, 210, 0.509403418007, 0.0281977276859, 0.808316605008),
    ]
)
AHT = 300.0


def test_the_table_of_ten_queues_holds_to_nine_digits() -> None:
    """AHT 300 s, 80 % within 20 s; computed once in 60-digit arithmetic."""
    load, patience, agents, agents_c, wait, abandon, service = TABLE.T
    found = metrics(load, AHT, AHT, patience, agents, 20)
    assert np.abs(found.p_wait - wait).max() < 1e-9
    assert np.abs(found.p_abandon - abandon).max() < 1e-9
    assert np.abs(found.service_offered - service).max() < 1e-9
    assert required_agents(load, AHT, AHT, patience).tolist() == agents.tolist()
    assert required_agents(load, AHT, AHT).tolist() == agents_c.tolist()


def test_agents_below_the_load_are_found_where_callers_hang_up() -> None:
    load, patience, agents = TABLE[[3, 6, 7, 8]][:, :3].T
    found = required_agents(load, AHT, AHT, patience)
    assert (found < load).all()
    assert found.tolist() == agents.tolist()


@pytest.mark.parametrize(
    ("calls", "interval", "aht", "agents", "wait", "service", "asa", "occupancy"),
    [
        (100, 1800, 180, 14, 0.1741319335950498, 0.8883500191794669, 7.83594, 0.7142857),
        (1000, 3600, 120, 40, 0.1907, 0.9372, 3.43, 0.8333),
    ],
)
def test_erlang_c_gives_the_published_figures(
    calls: float, interval: float, aht: float, agents: int, wait: float, service: float, asa: float, occupancy: float
) -> None:
    """The examples of the R package ErlangC and of call-center-tools on PyPI."""
    found = metrics(calls, interval, aht, np.inf, agents, 20)
    assert float(found.p_wait) == pytest.approx(wait, rel=1e-3)
    assert float(found.service_offered) == pytest.approx(service, rel=1e-4)
    assert float(found.mean_wait_s) == pytest.approx(asa, rel=1e-3)
    assert float(found.occupancy) == pytest.approx(occupancy, rel=1e-4)


def test_erlang_a_gives_the_head_to_head_of_mandelbaum_and_zeltyn() -> None:
    """50 agents, 48 calls a minute of 1 minute, patience 2 minutes: 3.1 %, 3.7 s, 93 %."""
    found = metrics(48, 60, 60, 120, 50, 20)
    assert float(found.p_abandon) == pytest.approx(0.030912, abs=1e-6)
    assert float(found.mean_wait_s) == pytest.approx(3.7095, abs=1e-4)
    assert float(found.occupancy) == pytest.approx(0.9303, abs=1e-4)
    patient = metrics(48, 60, 60, np.inf, 50, 20)
    assert float(patient.mean_wait_s) == pytest.approx(20.834, abs=1e-3)


def test_the_four_definitions_of_service_level_differ_as_published() -> None:
    """MMCAb of ContactCenters: .945 of the offered, .974 of the answered, .968 with short ones
    left out or counted; 59.83 of 2016 calls abandoned."""
    found = metrics(4.2, 60, 120, 60, 12, 20)
    levels = [round(float(found.service_level(name)), 4) for name in DEFINITIONS]
    assert levels == [0.9453, 0.9742, 0.9679, 0.9686]
    assert float(found.p_abandon) * 2016 == pytest.approx(59.83, abs=0.005)
    assert float(found.occupancy) == pytest.approx(0.679, abs=5e-4)


@pytest.mark.parametrize("rho", [0.1, 0.5, 0.9, 0.99])
def test_one_agent_is_the_m_m_1_queue(rho: float) -> None:
    found = metrics(rho, 100, 100, np.inf, 1, 30)
    assert float(found.p_wait) == pytest.approx(rho, abs=1e-15)
    late = rho * math.exp(-(1 - rho) * 0.3)
    assert float(found.service_offered) == pytest.approx(1 - late, abs=1e-15)
    assert float(found.mean_wait_s) == pytest.approx(100 * rho / (1 - rho), rel=1e-13)


@pytest.mark.parametrize(("load", "agents"), [(0.3, 1), (5, 3), (5, 9), (60, 55), (60, 70)])
def test_patience_equal_to_handling_time_is_a_poisson_number_of_calls(load: float, agents: int) -> None:
    """Every call in the centre then leaves at the same rate, waiting or not: M/M/infinity."""
    states = [math.exp(-load + k * math.log(load) - math.lgamma(k + 1)) for k in range(400)]
    found = metrics(load, 200, 200, 200, agents, 20)
    queue = sum((k - agents) * states[k] for k in range(agents, 400))
    assert float(found.p_wait) == pytest.approx(sum(states[agents:]), abs=1e-13)
    assert float(found.p_abandon) == pytest.approx(queue / load, abs=1e-13)
    assert float(found.mean_wait_s) == pytest.approx(queue / load * 200, abs=1e-11)


def test_without_patience_it_is_the_loss_system_of_erlang() -> None:
    """B(10, 7) from its recursion: those who would wait are lost."""
    loss = 1.0
    for n in range(1, 11):
        loss = 7 * loss / (n + 7 * loss)
    found = metrics(7, 300, 300, 1e-9, 10, 20)
    assert float(found.p_abandon) == pytest.approx(loss, rel=1e-8)
    assert float(found.service_offered) == pytest.approx(1 - loss, rel=1e-8)
    assert float(found.service_answered) == pytest.approx(1, abs=1e-9)


def test_with_boundless_patience_it_is_erlang_c() -> None:
    patient = metrics(47, 300, 300, 1e9, 50, 20)
    endless = metrics(47, 300, 300, np.inf, 50, 20)
    for name in DEFINITIONS:
        difference = patient.service_level(name) - endless.service_level(name)
        assert abs(float(difference)) < 1e-5


@pytest.mark.parametrize("agents", [0, 20, 49, 50])
def test_erlang_c_in_overload_is_said_not_computed(agents: int) -> None:
    found = metrics(50, 300, 300, np.inf, agents, 20)
    assert float(found.p_wait) == 1
    assert float(found.mean_wait_s) == math.inf
    assert float(found.occupancy) == 1
    assert [float(found.service_level(name)) for name in DEFINITIONS] == [0, 0, 0, 0]


def test_far_overload_with_patience_is_the_fluid() -> None:
    """2000 Erlang on 100 agents: 95 % are lost whatever the patience, and the wait is the fluid's,
    patience x ln(load / agents), give or take a little."""
    found = metrics(2000, 300, 300, [600, 86400], 100, [600 * math.log(20) * f for f in (0.9, 1.1)])
    assert found.p_abandon.tolist() == pytest.approx([0.95, 0.95], abs=1e-12)
    low = metrics(2000, 300, 300, 600, 100, 600 * math.log(20) * 0.8)
    high = metrics(2000, 300, 300, 600, 100, 600 * math.log(20) * 1.2)
    assert float(low.service_answered) < 0.1
    assert float(high.service_answered) > 0.9


def test_no_calls_need_nobody_and_no_agent_answers_nobody() -> None:
    empty = metrics(0, 1800, math.nan, 60, [0, 3], 20)
    assert empty.service_offered.tolist() == [1, 1]
    assert empty.mean_wait_s.tolist() == [0, 0]
    alone = metrics(10, 1800, 300, 60, 0, 20)
    assert float(alone.p_abandon) == 1
    assert float(alone.mean_wait_s) == 60
    assert float(alone.service_offered) == 0
    assert float(alone.service_with_short) == pytest.approx(1 - math.exp(-20 / 60))


def test_what_is_not_known_stays_not_known() -> None:
    found = metrics([math.nan, 10, 10], 1800, [300, math.nan, 300], 60, 3, 20)
    assert np.isnan(found.service_offered).tolist() == [True, True, False]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"calls": -1}, "0 <= calls < inf, got -1.0"),
        ({"calls": math.inf}, "0 <= calls < inf, got inf"),
        ({"interval_s": 0}, "0 < interval_s < inf, got 0.0"),
        ({"aht_s": 0}, "0 < aht_s < inf, got 0.0"),
        ({"patience_s": [60, -3]}, "0 < patience_s, got -3.0"),
        ({"patience_s": math.nan}, "0 < patience_s, got nan"),
        ({"threshold_s": -1}, "0 <= threshold_s < inf, got -1.0"),
        ({"agents": 2.5}, "agents must be a whole number, got 2.5"),
        ({"agents": -2}, "0 <= agents < inf, got -2.0"),
        ({"calls": 1e12}, "<= 1e+07 Erlang"),
    ],
)
def test_a_bad_value_is_refused_with_its_condition(change: dict[str, object], message: str) -> None:
    good = {"calls": 10, "interval_s": 1800, "aht_s": 300, "patience_s": 60, "agents": 3, "threshold_s": 20}
    with pytest.raises(ValueError, match=r"expected|must be") as caught:
        metrics(**(good | change))  # type: ignore[arg-type]
    assert message in str(caught.value)


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


LOAD = np.array([0.4, 3, 17, 48, 55, 120, 210])
ERLANG_PLAIN_AHT = np.array([200, 300, 250, 420, 180, 300, 240])
PATIENCE = np.array([30, 600, 90, 240, 60, 120, 300])


def answers() -> list[np.ndarray]:
    """Return what the public functions say of a few queues, far overload among them."""
    found = [
        required_agents(LOAD, ERLANG_PLAIN_AHT, ERLANG_PLAIN_AHT),
        required_agents(LOAD, ERLANG_PLAIN_AHT, ERLANG_PLAIN_AHT, np.inf, 20, 0.9, "offered", 0, 0.8),
        required_agents([np.nan, 0, 50], 300, 300, [[np.inf], [60.0]]),
    ]
    found += [
        required_agents(LOAD, ERLANG_PLAIN_AHT, ERLANG_PLAIN_AHT, PATIENCE, 20, 0.8, name, 0.9, 0.95)
        for name in DEFINITIONS
    ]
    for patience in (np.full(LOAD.size, np.inf), PATIENCE):
        measured = metrics(LOAD, ERLANG_PLAIN_AHT, ERLANG_PLAIN_AHT, patience, np.ceil(LOAD * 1.05), 20)
        found += [measured.p_wait, measured.mean_wait_s, measured.service_answered]
    far = metrics([900, 3e3, 40, 40], 300, 300, [9e3, 3e3, 6e3, 6e3], [30, 1200, 1, 1], [3e4, 2700, 2e4, 20])
    return [*found, far.service_with_short]


def test_compiled_and_plain_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = answers()
    replaced = 0
    for module in (api, erlang_a, erlang_c, erlang_c, erlang_a):
        for name, value in list(vars(module).items()):
            if hasattr(value, "py_func"):
                monkeypatch.setattr(module, name, value.py_func)
                replaced += 1
    assert replaced > 15
    with np.errstate(all="ignore"):
        plain = answers()
    for fast, slow in zip(compiled, plain, strict=True):
        assert slow == pytest.approx(fast, rel=1e-10, abs=1e-13, nan_ok=True)


def test_the_exponential_keeps_its_digits_from_one_end_to_the_other() -> None:
    inside = np.concatenate([np.linspace(-64, 700, 5001), np.linspace(-1, 1, 5001), [1e-300, -0.0]])
    out = np.empty_like(inside)
    erlang_c.exp(inside, out)
    exact = np.array([math.exp(x) for x in inside])
    assert np.max(np.abs(out / exact - 1)) < 5e-16
    outside = np.array([-np.inf, -65, np.nan, 701, np.inf])
    erlang_c.exp(outside, out[:5])
    assert out[:5] == pytest.approx(np.exp([-64, -64, -64, 700, 700]), rel=1e-15)


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (
            lambda: required_agents(np.ones((48, 3)), 1800, aht_s=[240, 300]),
            "expected the same size on axis 1, got 3 of calls in calls and 2 of aht_s in seconds",
        ),
        (
            lambda: CentreSpec(["a", "b"], [0, 1800, 3600], [[9, 9], [9, 9]], 240, [[1, 1, 1], [1, 1, 1]]).build(),
            "expected agents[interval=2, group=2] in agents, got shape (2, 3): 3 on the axis group, not 2",
        ),
        (
            lambda: CentreSpec(["a", "b"], [0, 1800, 3600], [[9, 9]] * 3, 240, 1).build(),
            "expected calls[interval=2, programme=2] in calls, got shape (3, 2): 3 on the axis interval, not 2",
        ),
        (
            lambda: CentreSpec(["a"], [0, 1800], 9, 240, 1, threshold_s=[[20]]).build(),
            "expected threshold_s[programme=1] in seconds, got 2 axes (1, 1)",
        ),
    ],
)
def test_an_array_of_the_wrong_shape_is_refused_by_name_axis_and_unit(ask: Callable[[], object], said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        ask()


def test_compiling_is_announced_once_and_only_where_it_takes_long(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock = [0.0]
    monkeypatch.setattr(decorators, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    ours = SimpleNamespace(data={"dispatcher": SimpleNamespace(py_func=required_agents)})
    notice = decorators.CompileNotice()
    for seconds in (1.9, 0.2, 9.0):  # a kernel each
        assert not caplog.records or seconds == 9.0
        notice.on_start(ours)
        clock[0] += seconds
        notice.on_end(ours)
        clock[0] += 60.0
    (record,) = caplog.records
    assert record.name == "releve.kernels"
    assert record.getMessage().startswith("compiling kernels, once for this version and machine")
