"""What a log shows beside what the requirement of a day buys."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from releve.demand import INTERVAL, History, ImportReport, Requirement, metrics, required_agents
from releve.kernels.arrays import Floats
from releve.network import Programme

__all__ = ["day_lines", "log_lines"]

_HALF_HOUR_S = INTERVAL.total_seconds()


def log_lines(report: ImportReport) -> Iterator[str]:
    """Yield a line a queue: calls and, where the log holds waits, what became of them."""
    yield f"{'in the log':<12} {'calls':>8} {'hung up':>8} {'within 20 s':>12} {'patience':>9}"
    for history in report.histories:
        name, offered = history.programme, np.nansum(history.offered)
        text = f"{name:<12} {offered:8.0f}"
        if name in report.patience_s:
            hung_up = 1 - np.nansum(history.answered) / offered
            text += f" {hung_up:8.1%} {report.served_20_s[name]:12.1%}"
            text += f" {report.patience_s[name]:7.0f} s"
        else:
            text += f" {'-':>8} {'-':>12} {'-':>9}"
        yield text


def day_lines(programmes: Sequence[Programme], need: Requirement, came: Sequence[History]) -> Iterator[str]:
    """Yield a line a queue: the agents its forecast takes, and what a queue does with them.

    First with the calls forecast, then with the calls that came on that day.
    """
    yield (f"{'':<12} {'':>6} {'agents to roster':>16}   {'as forecast':>25}   {'as it came':>25}")
    figures = f"{'calls':>6} {'hang up':>8} {'in 20 s':>9}"
    yield (f"{'planned day':<12} {'AHT s':>6} {'hours':>8} {'peak':>7}   {figures}   {figures}")
    past = {history.programme: history for history in came}
    for p, row in enumerate(programmes):
        calls, agents = need.calls[:, p], need.agents[:, p]
        aht = float(np.average(need.aht_s[:, p], weights=calls))
        yield (
            f"{row.id:<12} {aht:6.0f} {agents.sum() / 2:8.1f} {agents.max():7.1f}"
            f"   {_queue(row, need, p, calls)}"
            f"   {_queue(row, need, p, _counts(past[row.id], need, p))}"
        )
    total = need.agents.sum(axis=1)
    yield (
        f"all together: {total.sum() / 2:.0f} agent hours to roster, {total.max():.1f} agents in the busiest half hour"
    )
    if len(programmes) > 1:
        yield f"as one queue of people who can do all: {_pooled_hours(programmes, need):.0f} hours"


def _pooled_hours(programmes: Sequence[Programme], need: Requirement) -> float:
    """Return the agent hours to roster were the queues one, with their mean times."""
    calls = need.calls.sum(axis=1)
    weight = need.calls.sum(axis=0)
    work = np.nansum(need.calls * need.aht_s, axis=1)
    aht = np.divide(work, calls, out=np.full_like(work, np.nan), where=calls > 0)
    first = programmes[0]
    patience = np.array([np.inf if p.patience_s is None else p.patience_s for p in programmes])
    agents = required_agents(
        calls,
        _HALF_HOUR_S,
        np.where(calls > 0, aht, 1.0),
        float(np.average(patience, weights=weight)),
        first.service_threshold_s,
        first.service_target,
        first.service_definition,
        first.answer_rate,
        first.max_occupancy,
    )
    return float(agents.sum() / 2 / (1 - first.shrinkage))


def _counts(history: History, need: Requirement, p: int) -> Floats:
    """Return the calls of the day's half hours; none counted where the programme is closed."""
    held = dict(zip(history.starts.tolist(), history.offered.tolist(), strict=True))
    counts = np.array([held.get(int(start.timestamp()), 0.0) for start in need.starts])
    return np.where(need.agents[:, p] > 0, counts, 0.0)


def _queue(row: Programme, need: Requirement, p: int, calls: Floats) -> str:
    """Return calls, the share that hangs up and the share served in time, by Erlang A or C."""
    patience = np.inf if row.patience_s is None else row.patience_s
    agents = np.round(need.on_phone[:, p])
    aht = need.aht_s[:, p]
    found = metrics(calls, _HALF_HOUR_S, aht, patience, agents, row.service_threshold_s)
    hang_up, served = (float(np.average(share, weights=calls)) for share in (found.p_abandon, found.service_offered))
    return f"{calls.sum():6.0f} {hang_up:8.1%} {served:9.1%}"
