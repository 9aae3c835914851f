"""Erlang C and Erlang A against 60-digit arithmetic that shares nothing with the kernels."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

import pytest
from scipy import special

from releve.demand import DEFINITIONS, metrics, required_agents
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
