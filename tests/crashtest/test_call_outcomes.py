"""What becomes of calls: the tables against exact Erlang A, the fluids by hand."""

from __future__ import annotations

import numpy as np
import pytest

from releve.demand import metrics
from releve.plugins.crashtest.engine.call_outcomes import build_queue_table, serve
from releve.plugins.crashtest.engine.kernel_types import Demand, Work

T = 48


def build_demand(kind: int, calls: np.ndarray, aht_s: float, **other: object) -> Demand:  # type: ignore[type-arg]
    """Return one programme, all of whose agents are on the phone."""
    patience = float(other.pop("patience_s", 120.0))  # type: ignore[arg-type]
    table = build_queue_table(aht_s, patience, 20.0)
    row = Demand(
        calls=calls.reshape(1, 1, T),
        log_load=np.log(np.maximum(calls * aht_s / 1800.0, 1e-12)).reshape(1, 1, T),
        open=(calls > 0).reshape(1, 1, T),
        pace=np.full((1, 1, T), 1800.0 / aht_s),
        kind=np.array([kind], dtype=np.int32),
        available=np.ones(1),
        patience=np.array([patience / 1800.0]),
        occupancy=np.ones(1),
        deadline=np.array([1]),
        least=np.array([0.9]),
        client=np.zeros(1, dtype=np.int32),
        penalty=np.ones(1),
        key=np.zeros(1, dtype=np.uint64),
        busy=np.ones((1, 1)),
        table=table[None],
    )
    return row._replace(**other)


def serve_days(demand: Demand, agents: np.ndarray, days: int = 1, factor: float = 1.0) -> np.ndarray:  # type: ignore[type-arg]
    """Return offered, lost, within, short of each day."""
    work = Work(
        shift=np.zeros(1), base=np.zeros((1, 1, T)), share=np.ones(1), people=np.zeros(1),
        placed=np.zeros((1, T)), queue=np.zeros((2, 1)), come=np.zeros((2, 1, T * days)),
        opened=np.zeros((2, 1), dtype=np.int64), done=np.zeros((2, 1)), out=np.zeros((2, 1, 4)),
        day=np.zeros((1, 4)),
    )  # fmt: skip
    found = []
    for _ in range(days):
        serve(demand, work, agents.reshape(1, T), 0, 0, 0, factor)
        found.append(work.out[0, 0].copy())
    return np.array(found)


@pytest.mark.parametrize("patience_s", [60.0, 300.0])
@pytest.mark.parametrize("load", [0.7, 5.0, 20.0, 100.0, 400.0])
def test_a_steady_day_is_that_of_exact_erlang_a(load: float, patience_s: float) -> None:
    calls = np.full(T, load * 1800.0 / 300.0)
    demand = build_demand(0, calls, 300.0, patience_s=patience_s)
    # Between nodes of the table, below one Erlang, where a single agent more is a kink: 2 points.
    fine = 0.004 if load > 1 else 0.02
    for factor in (0.8, 1.0, 1.2):
        for agents in np.unique(np.round(load * np.array([0.5, 0.8, 0.95, 1.0, 1.1, 1.4]) + 1)):
            exact = metrics(load * factor, 300.0, 300.0, patience_s, agents, 20.0)
            offered, lost, within, short = serve_days(demand, np.full(T, agents), factor=factor)[0]
            assert offered == pytest.approx(calls.sum() * factor)
            # The first half hour fills the line: a patience's worth of what one would lose.
            filling = patience_s / 1800.0 / T
            assert lost / offered == pytest.approx(exact.p_abandon, abs=fine + filling)
            assert within / offered == pytest.approx(exact.service_offered, abs=3 * fine)
            hung_up = exact.service_with_short - exact.service_offered
            assert short / offered == pytest.approx(hung_up, abs=2 * fine)


def test_callers_who_wait_when_agents_come_back_are_answered_or_hang_up() -> None:
    calls = np.zeros(T)
    calls[:3] = 60.0
    agents = np.array([0.0, 40.0, 40.0] + [0.0] * 45)
    demand = build_demand(0, calls, 300.0, patience_s=600.0)
    _, lost, within, _ = serve_days(demand, agents)[0]
    unanswered = 60.0 - 60.0 * (600 / 1800) * (1 - np.exp(-3.0))  # still waiting after the first
    assert unanswered < lost < 60.0, "some of those who wait are answered by the agents who come"
    assert 100.0 < within < 120.0
    assert serve_days(demand, np.zeros(T))[0][1] == pytest.approx(180.0), "without agents all are lost"


def test_where_nobody_hangs_up_the_line_waits_until_closing_time() -> None:
    calls = np.zeros(T)
    calls[:4] = 30.0
    demand = build_demand(0, calls, 300.0, patience_s=float("inf"))
    agents = np.zeros(T)
    agents[:4] = [0.0, 10.0, 10.0, 10.0]
    offered, lost, _, _ = serve_days(demand, agents)[0]
    assert offered == pytest.approx(120.0)
    assert lost == pytest.approx(0.0), "three half hours of 60 calls catch up with all of it"
    agents[2:4] = 0.0
    assert serve_days(demand, agents)[0][1] == pytest.approx(60.0)


def test_contacts_not_dialled_are_dialled_later_that_day() -> None:
    calls = np.zeros(T)
    calls[10:14] = 12.0
    demand = build_demand(1, calls, 600.0)
    agents = np.zeros(T)
    agents[10:14] = [0.0, 8.0, 8.0, 0.0]
    offered, lost, _, _ = serve_days(demand, agents)[0]
    assert (offered, lost) == (pytest.approx(48.0), pytest.approx(12.0))


def test_work_waits_its_turn_and_is_lost_at_its_deadline() -> None:
    calls = np.zeros(T)
    calls[:4] = 6.0
    demand = build_demand(2, calls, 1800.0, deadline=np.array([2]))
    agents = np.zeros(T)
    agents[:4] = [0.0, 6.0, 12.0, 0.0]
    # The first 6 are due in the second half hour and done; the last 6 wait for the next day's
    # first half hour, without agents: lost then.
    days = serve_days(demand, agents, days=2)
    assert days[0].tolist() == [24.0, 0.0, 0.0, 0.0]
    assert days[1].tolist() == [24.0, 6.0, 0.0, 0.0]
    longer = demand._replace(deadline=np.array([3]))
    assert serve_days(longer, agents, days=2)[:, 1].tolist() == [0.0, 0.0]
