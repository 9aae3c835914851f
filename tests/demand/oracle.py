"""Erlang C and Erlang A in 60-digit arithmetic, by another way than the kernels.

The states of the birth-death chain are summed one by one; the wait is the integral of its density
over (0, T), by quadrature. Slow, plain, and shares nothing with :mod:`releve.demand.erlang`.
"""

from __future__ import annotations

from dataclasses import dataclass

import mpmath
from mpmath import mpf

DIGITS = 60


@dataclass(frozen=True)
class Exact:
    """The measures of one queue, named as in :class:`releve.demand.erlang.QueueMetrics`."""

    p_wait: mpf
    p_abandon: mpf
    mean_wait_s: mpf
    occupancy: mpf
    service_offered: mpf
    service_answered: mpf
    service_without_short: mpf
    service_with_short: mpf


def exact(calls: float, interval_s: float, aht_s: float, patience_s: float, agents: int, threshold_s: float) -> Exact:
    """Return the measures of a queue with calls and at least one agent."""
    with mpmath.workdps(DIGITS):
        rate = mpf(calls) / mpf(interval_s)
        if mpmath.isinf(patience_s):
            return _erlang_c(rate, mpf(aht_s), agents, mpf(threshold_s))
        return _erlang_a(rate, mpf(aht_s), mpf(patience_s), agents, mpf(threshold_s))


def holds(
    calls: float,
    interval_s: float,
    aht_s: float,
    patience_s: float,
    agents: int,
    threshold_s: float,
    target: float,
    definition: str = "offered",
    answer_rate: float = 0.0,
    max_occupancy: float = 1.0,
) -> bool:
    """Return whether ``agents`` hold every condition; zero agents hold none."""
    if agents < 1:
        return False
    found = exact(calls, interval_s, aht_s, patience_s, agents, threshold_s)
    return bool(
        getattr(found, f"service_{definition}") >= mpf(target)
        and 1 - found.p_abandon >= mpf(answer_rate)
        and found.occupancy <= mpf(max_occupancy)
    )


def _erlang_c(rate: mpf, aht: mpf, agents: int, threshold: mpf) -> Exact:
    load = rate * aht
    if agents <= load:
        one, none = mpf(1), mpf(0)
        return Exact(one, none, mpmath.inf, one, none, none, none, none)
    states = [mpf(1)]
    for k in range(1, agents + 1):
        states.append(states[-1] * load / k)
    waiting = states[-1] / (1 - load / agents)
    p_wait = waiting / (mpmath.fsum(states[:-1]) + waiting)
    late = p_wait * mpmath.exp(-(agents - load) * threshold / aht)
    wait = p_wait * aht / (agents - load)
    return Exact(p_wait, mpf(0), wait, load / agents, 1 - late, 1 - late, 1 - late, 1 - late)


def _erlang_a(rate: mpf, aht: mpf, patience: mpf, agents: int, threshold: mpf) -> Exact:
    states = _states(rate, aht, patience, agents)
    total = mpmath.fsum(states)
    waiting = mpmath.fsum(states[agents:]) / total
    queue = mpmath.fsum(k * p for k, p in enumerate(states[agents:])) / total
    busy = mpmath.fsum(min(k, agents) * p for k, p in enumerate(states)) / total
    p_abandon = queue / patience / rate
    last_busy = states[agents - 1] / total
    served, still = _within(rate, aht, patience, agents, threshold)
    within = 1 - waiting + rate * last_busy * served
    beyond = (waiting - rate * last_busy * still) * mpmath.exp(-threshold / patience)
    return Exact(
        waiting,
        p_abandon,
        queue / rate,
        busy / agents,
        within,
        within / (1 - p_abandon),
        within / (within + beyond),
        1 - beyond,
    )


def _states(rate: mpf, aht: mpf, patience: mpf, agents: int) -> list[mpf]:
    """Return the weights of 0, 1, 2 ... calls in the centre, until they no longer count."""
    states = [mpf(1)]
    greatest = mpf(1)
    while True:
        k = len(states)
        leave = min(k, agents) / aht + max(k - agents, 0) / patience
        states.append(states[-1] * rate / leave)
        greatest = max(greatest, states[-1])
        if k > agents and rate < leave and states[-1] < greatest * mpf(10) ** (-DIGITS - 5):
            return states


def _within(rate: mpf, aht: mpf, patience: mpf, agents: int, threshold: mpf) -> tuple[mpf, mpf]:
    """Return the integrals over (0, T) of e(v) g(v) and of g(v).

    g is the density of the virtual wait over that of an arrival finding all but one agent busy,
    exp(rate patience (1 - e(v)) - agents v / aht), e(v) = exp(-v / patience).
    """
    if threshold == 0:
        return mpf(0), mpf(0)

    def density(v: mpf) -> mpf:
        gone = 1 - mpmath.exp(-v / patience)
        return mpmath.exp(rate * patience * gone - agents * v / aht)

    def answered(v: mpf) -> mpf:
        return density(v) * mpmath.exp(-v / patience)

    scale = max(agents / aht + rate, 1 / patience) * threshold
    pieces = mpmath.linspace(0, threshold, 2 + int(scale / 25))
    return mpmath.quad(answered, pieces), mpmath.quad(density, pieces)
