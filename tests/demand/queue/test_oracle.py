"""The kernel against the plain simulator, event by event."""

from __future__ import annotations

import numpy as np
import pytest

from releve.demand.queue import AgentChange, Centre, CentreSpec, Distribution, simulate, trace_day
from releve.demand.queue.model import COUNTS
from tests.demand.queue.oracle import Day

EDGES = [0.0, 900.0, 1800.0, 3600.0]
SAMPLE = Distribution.sample([10.0, 30.0, 60.0, 200.0])


def two_and_three(**more: object) -> Centre:
    """Two programmes, three groups, the middle one for both."""
    given: dict[str, object] = {
        "programmes": ["orders", "claims"],
        "edges_s": EDGES,
        "calls": [[20, 10], [40, 15], [20, 30]],
        "aht_s": [[200, 300], [220, 310], [180, 320]],
        "agents": [[4, 2, 3], [3, 3, 2], [4, 1, 4]],
        "groups": ["north", "both", "south"],
        "patience_s": [120, 90],
        "call_rank": [[0, 1, -1], [-1, 0, 0]],
        "agent_rank": [[0, 1, -1], [-1, 0, 0]],
    }
    return CentreSpec(**{**given, **more}).build()  # type: ignore[arg-type]


CASES = {
    "plain": two_and_three(),
    "a busy or a quiet day": two_and_three(day_factor_cv=[0.3, 0.2]),
    "one factor for all": two_and_three(day_factor_cv=0.5, one_day_factor=True),
    "dialling again": two_and_three(redial=[0.8, 0.5], redial_delay_s=[60, 200], patience_s=40),
    "passed on": two_and_three(transfer=[[0, 0.4], [0.2, 0.1]]),
    "few places": two_and_three(waiting_places=[2, 0], redial=0.5),
    "few places and short patience": two_and_three(waiting_places=[3, 4], patience_s=20),
    "other laws": two_and_three(
        service=[Distribution("lognormal", 1.3), Distribution("gamma", 0.7)],
        patience=[Distribution("gamma", 2.0), SAMPLE],
    ),
    "some never hang up": two_and_three(patience=Distribution.sample([20.0, np.inf, 60.0], mean=100.0), redial=0.5),
    "no caller hangs up": two_and_three(patience_s=np.inf),
    "equal handling times": two_and_three(service=Distribution("constant")),
    "cut at every edge": two_and_three(leaving="cut", redial=0.9, redial_delay_s=30),
    "moved at every edge": two_and_three(leaving="moved"),
    "closed in the middle": two_and_three(
        changes=[
            AgentChange(1000.0, "both", 0, "moved"),
            AgentChange(1300.0, "north", 1, "cut"),
            AgentChange(1400.0, "north", 6),
            AgentChange(2000.0, "south", 1, "finished"),
            AgentChange(2100.0, "south", 3, "finished"),
            AgentChange(2200.0, "south", 0, "moved"),
        ],
        redial=0.6,
        transfer=[[0, 0.2], [0, 0]],
    ),
    "overflow": two_and_three(least_waiting=[[1, 3, 1], [1, 2, 1]]),
    "overflow of impatient callers": two_and_three(
        least_waiting=[[2, 4, 1], [1, 1, 3]], patience_s=[40, 25], redial=0.4
    ),
    "overflow into a group that closes": two_and_three(
        least_waiting=[[1, 2, 1], [1, 3, 1]],
        waiting_places=[5, 4],
        transfer=[[0, 0.3], [0.1, 0]],
        changes=[AgentChange(1300.0, "both", 0, "moved"), AgentChange(2000.0, "both", 5)],
    ),
    "all groups alike": two_and_three(call_rank=0, agent_rank=0),
    "all groups alike at a common start": two_and_three(
        call_rank=0, agent_rank=0, agents=[[0, 0, 0], [3, 3, 4], [4, 1, 4]], patience_s=2000
    ),
    "all groups alike and equal handling times": two_and_three(
        call_rank=0,
        agent_rank=0,
        agents=[[0, 0, 0], [5, 4, 6], [5, 4, 6]],
        service=Distribution("constant"),
        patience_s=2000,
        calls=[[4, 4], [30, 20], [40, 40]],  # fewer wait than come: all are free again at once
        aht_s=100,
    ),
    "calls of both moved together": two_and_three(
        call_rank=0,
        agent_rank=0,
        leaving="moved",
        changes=[AgentChange(1000.0, group, agents) for group, agents in (("north", 0), ("both", 0), ("south", 1))],
        patience_s=2000,
    ),
    "overflow into groups alike": two_and_three(
        call_rank=0,
        agent_rank=0,
        least_waiting=[[1, 3, 3], [3, 3, 1]],
        changes=[AgentChange(1000.0, "both", 5), AgentChange(1000.0, "south", 5)],
    ),
    "no agents in the end": two_and_three(
        agents=[[4, 2, 3], [3, 3, 2], [0, 0, 0]], patience_s=[np.inf, 100], leaving="moved"
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_every_event_is_that_of_the_plain_simulator(case: str) -> None:
    for replication in range(3):
        fast = sorted(trace_day(CASES[case], replication, seed=5), key=_by_time)
        slow = sorted(Day(CASES[case], replication, seed=5).events, key=_by_time)
        assert [event[1:] for event in fast] == [event[1:] for event in slow]
        assert np.allclose([e[0] for e in fast], [e[0] for e in slow], rtol=1e-11, atol=1e-9)


def _by_time(event: tuple[float, str, str, str | None, int]) -> tuple[object, ...]:
    return (round(event[0], 6), event[1], event[2], event[4], event[3] or "")


@pytest.mark.parametrize("case", CASES)
def test_every_counter_is_that_of_the_plain_simulator(case: str) -> None:
    centre = CASES[case]
    found = simulate(centre, 2, seed=11)
    for replication in range(2):
        day = Day(centre, replication, seed=11)
        for cell in range(3):
            for p, name in enumerate(centre.programmes):
                at = (replication, cell, p)
                for what in COUNTS:
                    assert getattr(found, what)[at] == day.counts[what, cell, name], (what, at)
                waits = day.waits["answered", cell, name], day.waits["abandoned", cell, name]
                assert found.wait_answered_s[at] == pytest.approx(waits[0], abs=1e-6)
                assert found.wait_abandoned_s[at] == pytest.approx(waits[1], abs=1e-6)
            for g, group in enumerate(centre.groups):
                busy = day.busy[cell, group]
                assert found.busy_s[replication, cell, g] == pytest.approx(busy, abs=1e-6)


@pytest.mark.parametrize("case", CASES)
def test_every_call_offered_is_answered_or_lost_in_one_way(case: str) -> None:
    found = simulate(CASES[case], 20, seed=3)
    lost = found.abandoned + found.blocked + found.left
    assert np.array_equal(found.offered, found.answered + lost)
    assert np.all(found.within <= found.answered)
    assert np.all(found.abandoned_within <= found.abandoned)
    assert np.all(found.cut <= found.answered)
    assert np.all(found.again + found.transferred <= found.offered)


def test_the_cases_reach_every_counter() -> None:
    reached = np.zeros(len(COUNTS))
    for centre in CASES.values():
        found = simulate(centre, 3, seed=5)
        reached += [getattr(found, what).sum() for what in COUNTS]
    assert dict(zip(COUNTS, reached > 0, strict=True)) == dict.fromkeys(COUNTS, True)
