"""The simulator: laws, closed forms, and plain Python event by event; no name is an advantage."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import chi2, norm

from releve.demand import metrics
from releve.demand.queue import (
    AgentChange,
    Centre,
    CentreSpec,
    Distribution,
    QueueOutcome,
    QueueOverflow,
    simulate,
    trace_day,
)
from releve.demand.queue.model import COUNTS
from tests.demand.queue.cases import FAMILY, long_run, three_skills, z
from tests.demand.queue.oracle import Day

NAMINGS = [
    (("orders", "claims"), ("north", "both", "south")),
    (("claims", "orders"), ("both", "north", "south")),
    (("orders", "claims"), ("south", "north", "both")),
    (("claims", "orders"), ("north", "south", "both")),
    (("a", "b"), ("c", "d", "e")),
    (("b", "a"), ("e", "c", "d")),
    (("x", "y"), ("u", "v", "w")),
    (("y", "x"), ("w", "u", "v")),
]
REPLICATIONS = 1000
HOUR = [0.0, 1800.0, 3600.0]
OPENING = [0.0, 900.0]
Names = Sequence[str]


def mirrored(programmes: Names, groups: Names, *, rank: int = 0, agents: object = (20, 30, 20)) -> Centre:
    """Two identical programmes: a group for each, and a group for both, all free since opening."""
    return CentreSpec(
        programmes,
        OPENING,
        50.0,
        1200.0,
        agents,
        groups=groups,
        patience_s=120.0,
        call_rank=[[0, rank, -1], [-1, rank, 0]],
    ).build()


def common_start(programmes: Names, groups: Names) -> Centre:
    """Calls that wait when all shifts begin: few callers hang up before."""
    return CentreSpec(
        programmes,
        HOUR,
        [[14, 14], [60, 60]],
        600.0,
        [[0, 0, 0], [9, 9, 9]],
        groups=groups,
        patience_s=1500.0,
        call_rank=[[0, 0, -1], [-1, 0, 0]],
    ).build()


def sent_home(programmes: Names, groups: Names) -> Centre:
    """The calls of two groups go back into their lines at one instant; a third takes them."""
    return CentreSpec(
        programmes,
        HOUR,
        [[40, 40], [0, 0]],
        600.0,
        (12, 10, 12),
        groups=groups,
        patience_s=400.0,
        call_rank=[[0, 1, -1], [-1, 1, 0]],
        agent_rank=[[0, 0, -1], [-1, 0, 0]],
        changes=[AgentChange(1800.0, name, 0, "moved") for name in (groups[0], groups[2])],
    ).build()


def overflow(programmes: Names, groups: Names) -> Centre:
    """Groups that help only from the second call in line on, of equal rank."""
    return CentreSpec(
        programmes,
        OPENING,
        45.0,
        1200.0,
        (12, 18, 12, 9, 9),
        groups=[*groups, "own", "the other's own"],
        patience_s=120.0,
        call_rank=[[1, 1, -1, 0, -1], [-1, 1, 1, -1, 0]],
        least_waiting=[[2, 2, 1, 1, 1], [1, 2, 2, 1, 1]],
    ).build()


STRUCTURES = {"mirrored groups": mirrored, "a common start": common_start, "sent home": sent_home, "overflow": overflow}


def loss(found: QueueOutcome) -> NDArray[np.float64]:
    """Return the calls lost, those cut off included, by ``[replication, programme]``."""
    return np.asarray((found.offered - found.answered + found.cut).sum(axis=1), dtype=np.float64)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_renaming_changes_nothing_in_distribution(structure: str) -> None:
    """The loss of the first programme, and by how much the second loses more."""
    days = []
    for programmes, groups in NAMINGS:
        lost = loss(simulate(STRUCTURES[structure](programmes, groups), REPLICATIONS, 1))
        days.append(np.stack([lost[:, 0], lost[:, 1] - lost[:, 0]], axis=1))
    means = np.array([day.mean(axis=0) for day in days])
    errors = np.array([day.var(axis=0, ddof=1) / REPLICATIONS for day in days])
    assert means[:, 0].min() > 1
    squares = ((means - means.mean(axis=0)) ** 2 / errors).sum(axis=0)
    most = chi2.isf(2 * norm.sf(FAMILY), len(NAMINGS) - 1)
    assert (squares <= most).all(), f"{squares} beyond {most}: {means}"


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("naming", range(len(NAMINGS)))
def test_identical_programmes_with_mirrored_groups_lose_alike(structure: str, naming: int) -> None:
    lost = loss(simulate(STRUCTURES[structure](*NAMINGS[naming]), REPLICATIONS, 2))
    difference = lost[:, 0] - lost[:, 1]
    z = difference.mean() / (difference.std(ddof=1) / np.sqrt(difference.size))
    assert abs(z) < FAMILY + 0.4, lost.mean(axis=0)  # a family of 32


def test_a_group_that_is_preferred_is_not_drawn() -> None:
    """The middle group comes second: it is busy less than those that come first."""
    found = simulate(mirrored(*NAMINGS[0], rank=1), 50, 3)
    busy = found.occupancy().value[0]
    assert busy[1] < min(busy[0], busy[2])


def test_agents_of_one_instant_are_free_in_an_order_of_their_own_each_day() -> None:
    """A first call is answered by each of the groups in proportion to its agents."""
    centre = CentreSpec(["p"], [0.0, 600.0], 1.0, 60.0, (1, 2, 5), groups=["a", "b", "c"], call_rank=0).build()
    days = 4000
    found = simulate(centre, days, 4)
    single = found.answered.sum(axis=(1, 2)) == 1
    first = np.argmax(found.busy_s.sum(axis=1)[single], axis=1)
    share = np.bincount(first, minlength=3) / single.sum()
    expected = np.array([1, 2, 5]) / 8
    error = np.sqrt(expected * (1 - expected) / single.sum())
    assert (np.abs(share - expected) / error < FAMILY).all(), share


def test_one_more_agent_leaves_the_others_their_rank() -> None:
    """The first agents of a start are the same in two plans: common random numbers stay."""
    plan, more = (simulate(mirrored(*NAMINGS[0], agents=agents), 200, 5) for agents in ((30, 30, 30), (30, 31, 30)))
    own = plan.busy_s[:, 0] - more.busy_s[:, 0]
    other = simulate(mirrored(*NAMINGS[0], agents=(30, 30, 30)), 200, 6)
    assert own[:, 0].std() < 0.7 * (plan.busy_s[:, 0, 0] - other.busy_s[:, 0, 0]).std()


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


FIELDS = (*COUNTS, "wait_answered_s", "wait_abandoned_s")


def same(one: QueueOutcome, other: QueueOutcome, names: tuple[str, ...] = ("orders", "claims")) -> bool:
    """Return whether the programmes of these names met the same, to the last bit."""
    first = [one.centre.programmes.index(name) for name in names]
    second = [other.centre.programmes.index(name) for name in names]
    return all(np.array_equal(getattr(one, what)[:, :, first], getattr(other, what)[:, :, second]) for what in FIELDS)


def beside(extra: str, **more: Any) -> Centre:
    """The two programmes with a third between them without calls."""
    given: dict[str, Any] = {
        "programmes": ["orders", extra, "claims"],
        "calls": [[20, 0, 10], [40, 0, 15], [20, 0, 30]],
        "aht_s": [[200, 9, 300], [220, 9, 310], [180, 9, 320]],
        "patience_s": [120, 9, 90],
        "call_rank": [[0, 1, -1], [0, 0, 0], [-1, 0, 0]],
        "agent_rank": [[0, 1, -1], [0, 0, 0], [-1, 0, 0]],
    }
    return two_and_three(**{**given, **more})


@pytest.mark.parametrize("extra", ["a", "returns", "zz"])
def test_a_programme_nobody_calls_changes_nothing(extra: str) -> None:
    day = {"day_factor_cv": 0.3}
    assert same(simulate(two_and_three(**day), 5, seed=1), simulate(beside(extra, **day), 5, seed=1))


@pytest.mark.parametrize("extra", ["a", "west", "zz"])
def test_a_group_without_agents_changes_nothing(extra: str) -> None:
    more = two_and_three(
        groups=["north", extra, "both", "south"],
        agents=[[4, 0, 2, 3], [3, 0, 3, 2], [4, 0, 1, 4]],
        call_rank=[[0, 0, 1, -1], [-1, 0, 0, 0]],
        agent_rank=[[0, 0, 1, -1], [-1, 0, 0, 0]],
    )
    found, plain = simulate(more, 5, seed=1), simulate(two_and_three(), 5, seed=1)
    assert same(plain, found)
    assert np.array_equal(plain.busy_s, found.busy_s[:, :, [0, 2, 3]])


def test_the_order_of_groups_and_programmes_is_irrelevant() -> None:
    plain = two_and_three(redial=[0.7, 0.4], transfer=[[0, 0.3], [0.1, 0]])
    turned = two_and_three(
        programmes=["claims", "orders"],
        groups=["south", "north", "both"],
        calls=plain.calls[:, ::-1],
        aht_s=plain.aht_s[:, ::-1],
        agents=plain.agents[:, [2, 0, 1]],
        patience_s=plain.patience_s[:, ::-1],
        call_rank=plain.call_rank[::-1][:, [2, 0, 1]],
        agent_rank=plain.agent_rank[::-1][:, [2, 0, 1]],
        redial=[0.4, 0.7],
        transfer=[[0, 0.1], [0.3, 0]],
    )
    one, other = simulate(plain, 5, seed=2), simulate(turned, 5, seed=2)
    assert same(one, other)
    assert np.array_equal(one.busy_s[:, :, [2, 0, 1]], other.busy_s)


@pytest.mark.parametrize("case", CASES)
def test_any_number_of_threads_and_any_split_give_the_same_bits(case: str) -> None:
    one = simulate(CASES[case], 13, seed=3)
    threads = simulate(CASES[case], 13, seed=3, threads=3)
    parts = [simulate(CASES[case], n, seed=3, first=at) for at, n in ((0, 4), (4, 9))]
    for what in (*FIELDS, "busy_s", "staffed_s", "events"):
        assert np.array_equal(getattr(one, what), getattr(threads, what))
        split = np.concatenate([getattr(part, what) for part in parts])
        assert np.array_equal(getattr(one, what), split)


def test_another_seed_is_another_day() -> None:
    one, other = (simulate(two_and_three(), 3, seed=seed).offered for seed in (1, 2))
    assert not np.array_equal(one, other)


def test_both_plans_meet_the_same_callers() -> None:
    few, many = (simulate(two_and_three(agents=n), 4, seed=4) for n in (2, 9))
    assert np.array_equal(few.offered, many.offered)


@pytest.mark.parametrize("group", [0, 1, 2])
def test_one_more_agent_never_hurts_in_expectation(group: int) -> None:
    plain = two_and_three()
    more = plain.agents.copy()
    more[:, group] += 1
    better = dataclasses.replace(plain, agents=more)
    before, after = (simulate(centre, 400, seed=5) for centre in (plain, better))
    gain = (after.within - before.within).sum(axis=(1, 2))
    fewer = (before.abandoned - after.abandoned).sum(axis=(1, 2))
    assert gain.mean() > 3.3 * gain.std() / 20
    assert fewer.mean() > 3.3 * fewer.std() / 20


def test_one_more_agent_is_measured_fifteen_times_closer_on_the_same_calls() -> None:
    """The variance of a difference, keyed numbers against independent days."""
    calls = np.full((20, 1), 250.0)
    plan = [CentreSpec(["a"], np.arange(21) * 1800.0, calls, 300, n, patience_s=120).build() for n in (42, 43)]
    few, many = (simulate(centre, 200, seed=6) for centre in plan)
    other = simulate(plan[1], 200, seed=7)

    def service(found: QueueOutcome) -> np.ndarray[Any, Any]:
        return np.asarray(found.within.sum((1, 2)) / found.offered.sum((1, 2)))

    keyed, apart = service(many) - service(few), service(other) - service(few)
    assert apart.var() > 15 * keyed.var()


def test_fewer_places_only_ever_take_callers_away_from_the_line() -> None:
    loose, tight = (simulate(two_and_three(waiting_places=n), 50, seed=8) for n in (-1, 1))
    assert loose.blocked.sum() == 0
    assert tight.blocked.sum() > 0
    assert tight.abandoned.sum() < loose.abandoned.sum()


def test_who_stays_to_finish_is_busy_and_present_after_she_should_have_left() -> None:
    """One agent until 60 s, calls of 100 s each, a call in the first minute for certain."""
    centre = CentreSpec(
        ["a"], [0.0, 60.0, 200.0], [[100], [0]], 100, [[1], [0]], service=Distribution("constant")
    ).build()
    found = simulate(centre, 1)
    assert found.answered.sum() == 1
    assert found.left.sum() == found.offered.sum() - 1
    assert found.busy_s.sum() == pytest.approx(100.0)
    assert found.staffed_s[0, :, 0] == pytest.approx([60.0, found.busy_s[0, 1, 0], 0.0])


def test_room_grows_and_a_centre_beyond_it_is_refused() -> None:
    centre = CentreSpec(["a"], [0.0, 3600.0], 5000, 600, 1).build()
    assert simulate(centre, 1).offered.sum() > 4000
    with pytest.raises(QueueOverflow, match="expected at most 1000 calls in the centre at once"):
        simulate(centre, 1, most_calls=1000)


def test_progress_is_reports_and_ends_with_all() -> None:
    reports: list[tuple[int, int]] = []
    simulate(two_and_three(), 30, progress=lambda *said: reports.append(said))
    assert reports[-1] == (30, 30)
    assert [done for done, _ in reports] == sorted(done for done, _ in reports)
