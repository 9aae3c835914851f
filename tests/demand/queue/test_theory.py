"""Closed forms: what long runs come to."""

from __future__ import annotations

import math

import numpy as np
import pytest

from releve.demand import metrics
from releve.demand.queue import CentreSpec, Distribution, simulate
from tests.demand.queue.cases import FAMILY, long_run, three_skills, z


def erlang_a_scores(load: float, calls: int, replications: int) -> list[float]:
    """Return the distances of 50 agents, 180 s calls, 120 s patience from the exact values."""
    rate = 50 * load / 180
    centre = long_run(rate, calls / replications / rate, aht_s=180, agents=50, patience_s=120)
    found = simulate(centre, replications, seed=20)
    exact = metrics(rate * 1800, 1800, 180, 120, 50, 20)
    pairs = [
        (found.answer_rate(), 1 - exact.p_abandon),
        (found.mean_wait_s(), exact.mean_wait_s),
        (found.occupancy(), exact.occupancy),
        (found.service_level("offered"), exact.service_offered),
        (found.service_level("answered"), exact.service_answered),
        (found.service_level("without_short"), exact.service_without_short),
        (found.service_level("with_short"), exact.service_with_short),
    ]
    return [float(z(estimate, value, replications)[0]) for estimate, value in pairs]


@pytest.mark.parametrize("load", [0.95, 1.0, 1.05])
def test_abandonment_waits_and_all_service_levels_are_those_of_erlang_a(load: float) -> None:
    assert max(map(abs, erlang_a_scores(load, 600_000, 30))) < FAMILY


@pytest.mark.slow
def test_ten_million_calls_are_those_of_erlang_a() -> None:
    scores = [erlang_a_scores(load, 10_000_000, 100) for load in (0.95, 1.0, 1.05)]
    assert np.abs(scores).max() < FAMILY


def test_patient_callers_wait_as_erlang_c_says() -> None:
    centre = long_run(18 / 300, 4e6, aht_s=300, agents=20)
    found = simulate(centre, 20, seed=1)
    exact = metrics(18 / 300 * 1800, 1800, 300, math.inf, 20, 20)
    scores = [
        z(found.service_level(), exact.service_offered, 20),
        z(found.mean_wait_s(), exact.mean_wait_s, 20),
        z(found.occupancy(), exact.occupancy, 20),
    ]
    assert np.abs(scores).max() < FAMILY


@pytest.mark.parametrize(
    ("law", "square"),
    [
        (Distribution("constant"), 1.0),
        (Distribution("exponential"), 2.0),
        (Distribution("gamma", 0.5), 1.25),
        (Distribution("gamma", 1.5), 3.25),
        (Distribution("lognormal", 1.2), 2.44),
        (Distribution.sample([30.0, 60.0, 210.0]), 1.62),
    ],
    ids=lambda case: getattr(case, "kind", ""),
)
def test_one_agent_waits_as_pollaczek_and_khinchine_say(law: Distribution, square: float) -> None:
    """W = rate E[S^2] / 2 (1 - rho), for any service law."""
    rate, aht = 0.7 / 100, 100.0
    found = simulate(long_run(rate, 5e6, aht_s=aht, agents=1, service=law), 30, seed=2)
    exact = rate * square * aht**2 / (2 * (1 - rate * aht))
    assert abs(z(found.mean_wait_s(), exact, 30)[0]) < FAMILY


def test_priorities_wait_as_cobham_says() -> None:
    """One agent, three classes, no call interrupted: W_k = R / (1 - s_{k-1}) (1 - s_k)."""
    rate, aht = np.array([0.002, 0.003, 0.0015]), np.array([60.0, 100.0, 150.0])
    squares = aht**2 * np.array([2.0, 1.0, 1.25])
    laws = [Distribution(), Distribution("constant"), Distribution("gamma", 0.5)]
    rank = [[0], [1], [2]]
    centre = long_run(rate, 5e6, aht_s=aht, agents=1, groups=["one"], agent_rank=rank, service=laws)
    found = simulate(centre, 30, seed=3).mean_wait_s()
    busy = np.concatenate([[0.0], np.cumsum(rate * aht)])
    exact = (rate @ squares) / 2 / (1 - busy[:-1]) / (1 - busy[1:])
    assert np.abs(z(found, exact, 30)).max() < FAMILY


def test_priorities_of_many_agents_wait_as_cobham_says() -> None:
    rate, aht, agents = np.array([0.02, 0.04]), 200.0, 14
    centre = long_run(rate, 2e6, aht_s=aht, agents=agents, groups=["team"], agent_rank=[[0], [1]])
    found = simulate(centre, 30, seed=4).mean_wait_s()
    whole = metrics(rate.sum() * 1800, 1800, aht, math.inf, agents, 0)
    busy = np.concatenate([[0.0], np.cumsum(rate * aht / agents)])
    exact = float(whole.p_wait) * aht / agents / (1 - busy[:-1]) / (1 - busy[1:])
    assert np.abs(z(found, exact, 30)).max() < FAMILY


@pytest.mark.parametrize(
    "law", [Distribution(), Distribution("gamma", 2.0), Distribution("constant")], ids=lambda a: a.kind
)
def test_without_places_calls_are_blocked_as_erlang_b_says_whatever_the_law(law: Distribution) -> None:
    load, agents, b = 20.0, 22, 1.0
    for n in range(1, agents + 1):
        b = load * b / (n + load * b)
    centre = long_run(load / 120, 2e5, aht_s=120, agents=agents, waiting_places=0, service=law)
    found = simulate(centre, 30, seed=5).answer_rate()
    assert abs(z(found, 1 - b, 30)[0]) < FAMILY


def test_calls_passed_on_meet_each_team_as_if_alone() -> None:
    """Jackson: with exponential laws every station is an M/M/c of its own total rate."""
    centre = long_run([0.03, 0.02], 3e6, aht_s=[200.0, 150.0], agents=[9, 8], transfer=[[0, 0.5], [0.2, 0]])
    found = simulate(centre, 30, seed=6).mean_wait_s()
    rates = np.linalg.solve(np.array([[1, -0.2], [-0.5, 1]]), [0.03, 0.02])
    exact = metrics(rates * 1800, 1800, [200, 150], math.inf, [9, 8], 20).mean_wait_s
    assert np.abs(z(found, exact, 30)).max() < FAMILY


def test_the_agents_of_a_changing_day_are_busy_as_the_infinite_server_says() -> None:
    """With agents enough, busy seconds are the integral of the transient M_t/M/infinity mean."""
    edges, calls, aht = np.arange(7) * 900.0, np.array([10, 60, 90, 40, 20, 0.0]), 700.0
    replications = 2000
    found = simulate(CentreSpec(["a"], edges, calls[:, None], aht, 400).build(), replications, seed=7)
    mean, exact = 0.0, []
    for rate in calls / 900.0:
        gap = mean - rate * aht
        gone = -math.expm1(-900.0 / aht)
        exact.append(900.0 * rate * aht + gap * aht * gone)
        mean = rate * aht + gap * (1 - gone)
    exact.append(mean * aht)
    busy = found.busy_s[:, :, 0]
    error = busy.std(axis=0, ddof=1) / math.sqrt(replications)
    assert np.abs((busy.mean(axis=0) - exact) / error).max() < FAMILY


@pytest.mark.slow
def test_days_are_busy_or_quiet_together_as_much_as_asked() -> None:
    calls = np.full((4, 2), 500.0)
    centre = CentreSpec(["a", "b"], np.arange(5) * 900.0, calls, 60, 100, day_factor_cv=[0.2, 0.0]).build()
    offered = simulate(centre, 4000, seed=8).offered.sum(axis=1)
    assert offered.mean(axis=0) == pytest.approx([2000, 2000], rel=0.012)
    exact = [2000 + 0.2**2 * 2000**2, 2000]
    assert offered.var(axis=0) == pytest.approx(exact, rel=3.3 * math.sqrt(2 / 4000))


SKILLS_SERVICE = {"a": (0.8283, 0.0014), "b": (0.8404, 0.0012), "c": (0.6217, 0.0012)}
SKILLS_ABANDON = {"a": (0.0578, 0.0005), "b": (0.0668, 0.0005), "c": (0.1013, 0.0005)}
"""Ten million calls in a simulator of its own, that agreed with ContactCenters and SimPy."""


@pytest.mark.parametrize("calls", [1_000_000, pytest.param(10_000_000, marks=pytest.mark.slow)])
def test_three_skills_are_served_as_three_other_simulators_say(calls: int) -> None:
    found = simulate(three_skills(calls, 50), 50, seed=9)
    service, lost = found.service_level(confidence=0.9995), found.answer_rate(confidence=0.9995)
    for p, name in enumerate(found.centre.programmes):
        for estimate, (value, half) in (
            (service, SKILLS_SERVICE[name]),
            (lost, (1 - SKILLS_ABANDON[name][0], SKILLS_ABANDON[name][1])),
        ):
            ours = (estimate.high - estimate.low)[1, p] / 2
            assert abs(estimate.value[1, p] - value) < math.hypot(ours, half * 3.5 / 1.96)
