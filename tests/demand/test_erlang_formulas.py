"""Erlang C and Erlang A against closed forms and published figures."""

from __future__ import annotations

import math

import numpy as np
import pytest

from releve.demand import DEFINITIONS, metrics, required_agents

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
