"""The simulator on the days that matter: the worst days of each client, call by call.

The wide sweep serves calls by formula. Here the simulator of queues replays the day on which a
client lost most with the same agents and busyness (:mod:`releve.demand.queue`), and both shares
stand side by side. Only inbound programmes queue. Agents leave and come at the edges of half hours
and finish their calls; fractions of an agent are there in that share of replications."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from releve.crashtest.call_outcomes import serve
from releve.crashtest.errors import require
from releve.crashtest.kernel_types import CLIENT
from releve.crashtest.outbreak import Estimate
from releve.crashtest.outbreak.rng import derive_key, derive_replication_key, draw_unit
from releve.crashtest.run import Quarters, Runner, allocate_work
from releve.crashtest.run_arrays import CrashTest, RunArrays
from releve.crashtest.settings import INTERVALS
from releve.demand.queue import CentreSpec, simulate
from releve.demand.queue.outcome import estimate_ratio

__all__ = ["ReplayedDay", "replay_worst"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ReplayedDay:
    """A client's bad day: quarter, day, the share of its inbound calls lost by formula, and by the
    simulator with its interval."""

    client: str
    replication: int
    day: int
    formula: float
    simulated: Estimate


def replay_worst(
    test: CrashTest, ready: RunArrays, rows: Quarters, *, days: int = 1, replications: int = 50
) -> tuple[ReplayedDay, ...]:
    """Simulate the ``days`` worst days of each client, each of another quarter."""
    require(days >= 1, "days >= 1", days)
    require(replications >= 2, "replications >= 2", replications)
    runner, found = Runner(ready), []
    for c in range(rows.worst.shape[1]):
        for r in np.argsort(-rows.worst[:, c], kind="stable")[:days]:
            if rows.worst[r, c] > 0:
                day = int(rows.client[r, c, CLIENT.index("worst_day")])
                row = _replay_day(test, ready, runner, c, rows.first + int(r), day, replications)
                found += [row] if row is not None else []
    return tuple(found)


def _replay_day(
    test: CrashTest,
    ready: RunArrays,
    runner: Runner,
    c: int,
    replication: int,
    day: int,
    replications: int,
) -> ReplayedDay | None:
    demand, d = ready.demand, int(ready.where.calendar[day])
    mine = np.flatnonzero((demand.client == c) & (demand.kind == 0))
    factor = _draw_factors(ready, replication, day)
    calls = demand.calls[d, mine].T * factor[mine]
    if not calls.any():
        return None
    placed = np.zeros((ready.settings.days, len(demand.kind), INTERVALS))
    runner.run(replication, 1, placed)
    on_phone = placed[day, mine].T * demand.available[mine]
    formula = _serve_by_formula(ready, d, mine, placed[day], factor)
    return ReplayedDay(
        client=test.operator.clients[c].id,
        replication=replication,
        day=day,
        formula=formula,
        simulated=_simulate_day(test, ready, d, mine, calls, on_phone, replications),
    )


def _draw_factors(ready: RunArrays, replication: int, day: int) -> Floats:
    """Return how busy a day of each programme is, as the kernel draws it."""
    busy = ready.demand.busy
    quarter = np.uint64(derive_replication_key(ready.settings.seed, replication))
    drawn = [draw_unit(np.uint64(derive_key(quarter, key)), day) for key in ready.demand.key]
    bins = np.minimum((np.array(drawn) * busy.shape[1]).astype(np.int64), busy.shape[1] - 1)
    return np.asarray(busy[np.arange(len(bins)), bins])


def _serve_by_formula(
    ready: RunArrays, d: int, mine: NDArray[np.intp], placed: Floats, factor: Floats
) -> float:
    """Return the share lost by formula on a day that begins with an empty line."""
    work = allocate_work(ready, ready.presence)
    for p in mine:
        serve(ready.demand, work, placed, 0, d, p, factor[p])
    lost = work.out[0, mine, 1].sum() + work.queue[0, mine].sum()
    return float(lost / work.out[0, mine, 0].sum())


def _simulate_day(
    test: CrashTest,
    ready: RunArrays,
    d: int,
    mine: NDArray[np.intp],
    calls: Floats,
    on_phone: Floats,
    replications: int,
) -> Estimate:
    rows = [test.programmes[p] for p in mine]
    low = np.floor(on_phone + 1e-9)
    above, below = [], []
    for part in range(2):
        # Whole people: those above the whole number are there in their share of two halves.
        agents = low + ((on_phone - low) > (0.25 + 0.5 * part))
        centre = CentreSpec(
            [row.id for row in rows],
            1800.0 * np.arange(INTERVALS + 1),
            calls,
            1800.0 / ready.demand.pace[d, mine].T,
            agents,
            patience_s=[np.inf if row.patience_s is None else row.patience_s for row in rows],
            threshold_s=[row.service_threshold_s for row in rows],
        ).build()
        seen = simulate(centre, replications // 2 + part * (replications % 2), part)
        above.append((seen.offered - seen.answered).sum(axis=(1, 2)))
        below.append(seen.offered.sum(axis=(1, 2)))
    found = estimate_ratio(
        np.concatenate(above)[:, None], np.concatenate(below)[:, None], nothing=0.0
    )
    return Estimate(float(found.value[0]), float(found.low[0]), float(found.high[0]))
