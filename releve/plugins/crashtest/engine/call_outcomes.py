"""How many of a programme's calls are served and lost in a day, half hour by half hour.

*Inbound*: stationary Erlang A by look-up, plus the callers who wait from one half hour to the next.
In a steady state Q* = calls x P(abandon) x patience wait (Little). Fewer at the start: the line
fills up as 1 - exp(-time / patience), and those who wait at the end are not lost yet. More: the
excess is answered by the spare agents and hangs up otherwise, e' = -spare - e / patience, in closed
form; calls that come meanwhile are not served within the threshold. Each call is counted once:
offered = answered + lost + waiting at the end. With infinite patience the queue is a fluid; callers
still waiting at closing time are lost. *Outbound*: contacts not dialled are dialled later in the
day, else lost. *Back office*: first in, first out; work past its deadline is lost.

Near its load a, a queue with n agents behaves alike for every a when n is a + beta sqrt(a) (Halfin
and Whitt 1981; Garnett, Mandelbaum and Reiman 2002). The table holds exact Erlang A over ln a and
beta, read between nodes by lines. Below it the lost load grows by what the agents lack, as in a
fluid; above it no caller waits.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from releve.demand import metrics
from releve.kernels.arrays import Array, Floats
from releve.kernels.decorators import inlined_kernel, kernel
from releve.plugins.crashtest.engine.kernel_types import Demand, Work
from releve.plugins.crashtest.engine.settings import INTERVALS

LOG_FIRST, LOG_STEP, LOG_LAST = float(np.log(0.02)), 0.2, float(np.log(2000.0))
BETA_FIRST, BETA_STEP, BETA_LAST = -14.0, 0.2, 8.0


def build_queue_table(aht_s: float, patience_s: float, threshold_s: float) -> Floats:
    """Return float64[log load, beta, measure] for a queue.

    Measures: load lost / sqrt(load); share of the offered that is served within the threshold;
    share that hangs up within it. ``patience_s`` infinite: no call is lost.
    """
    logs = np.arange(LOG_FIRST, LOG_LAST, LOG_STEP)
    betas = np.arange(BETA_FIRST, BETA_LAST + BETA_STEP / 2, BETA_STEP)
    load = np.broadcast_to(np.exp(logs)[:, None], (len(logs), len(betas)))
    agents = np.maximum(0.0, load + betas * np.sqrt(load))
    low = np.floor(agents)
    share = (agents - low)[..., None]
    fewer, more = (_measure_nodes(load, n, aht_s, patience_s, threshold_s) for n in (low, low + 1.0))
    return np.ascontiguousarray(fewer * (1.0 - share) + more * share)


def _measure_nodes(load: Floats, agents: Floats, aht_s: float, patience_s: float, threshold_s: float) -> Floats:
    found = metrics(load, aht_s, aht_s, patience_s, agents, threshold_s)
    lost = found.p_abandon * np.sqrt(load)
    short = np.maximum(0.0, found.service_with_short - found.service_offered)
    return np.stack([lost, found.service_offered, short], axis=2)


@kernel
def serve(demand: Demand, work: Work, placed: Array, life: int, d: int, p: int, factor: float) -> None:
    """Set ``work.out[life, p]``: offered, lost, within, short of a day; ``placed[p, t]``."""
    work.out[life, p, :] = 0.0
    if demand.kind[p] == 0:
        _serve_inbound(demand, work, placed, life, d, p, factor)
    elif demand.kind[p] == 1:
        _serve_outbound(demand, work, placed, life, d, p)
    else:
        _serve_back_office(demand, work, placed, life, d, p, factor)


@kernel
def _serve_inbound(demand: Demand, work: Work, placed: Array, life: int, d: int, p: int, factor: float) -> None:
    log_factor = math.log(max(factor, 1e-12))
    patience = demand.patience[p]
    fade = math.exp(-1.0 / patience)
    queue = work.queue[life, p]
    offered, lost, within, short = 0.0, 0.0, 0.0, 0.0
    for t in range(INTERVALS):
        calls = demand.calls[d, p, t] * factor
        if calls <= 0.0:
            lost += queue
            queue = 0.0
            continue
        offered += calls
        log_load = demand.log_load[d, p, t] + log_factor
        load = math.exp(log_load)
        agents = placed[p, t] * demand.available[p]
        gone, in_time, hung_up = _look_up(demand.table[p], log_load, load, agents)
        if patience == np.inf:
            room = agents * demand.pace[d, p, t]
            late = min(1.0, queue / room) if room > 0.0 else 1.0
            queue = max(0.0, queue + calls - room)
            within += calls * in_time * (1.0 - late)
            continue
        steady = calls * gone * patience
        late, end, more = 0.0, steady, 0.0
        if queue < steady:
            end = steady - (steady - queue) * fade
            more = -(steady - queue) * (1.0 - fade)
        elif queue > steady:
            spare = max(0.0, agents - load) * demand.pace[d, p, t]
            left, more, late = _drain_queue(queue - steady, spare, patience, fade)
            end = steady + left
        lost += max(0.0, calls * gone + more)
        within += calls * in_time * (1.0 - late)
        short += calls * hung_up
        queue = end
    work.queue[life, p] = queue
    out = work.out[life, p]
    out[0], out[1], out[2], out[3] = offered, lost, within, short


@inlined_kernel
def _drain_queue(excess: float, spare: float, patience: float, fade: float) -> Any:
    """Return what is left of waiting callers after a half hour, what of them hung up, and the
    share of the half hour that passed before they were gone."""
    floor = spare * patience
    left = (excess + floor) * fade - floor
    if left > 0.0 or floor == 0.0:
        left = max(left, 0.0)
        return left, max(0.0, excess - left - spare), 1.0
    time = patience * math.log1p(excess / floor)
    return 0.0, max(0.0, excess - spare * time), min(1.0, time)


@inlined_kernel
def _look_up(table: Array, log_load: float, load: float, agents: float) -> Any:
    """Return the shares of calls lost, served within the threshold, and hung up within it."""
    if agents <= 0.0:
        last = table[0, 0]
        return 1.0, 0.0, last[2]
    root = math.sqrt(load)
    x = min(max((log_load - LOG_FIRST) / LOG_STEP, 0.0), table.shape[0] - 1.000001)
    beta = (agents - load) / root
    y = min(max((beta - BETA_FIRST) / BETA_STEP, 0.0), table.shape[1] - 1.000001)
    i, j = int(x), int(y)
    u, v = x - i, y - j
    low, high = table[i, j], table[i + 1, j]
    low_next, high_next = table[i, j + 1], table[i + 1, j + 1]
    a, b, c, e = (1 - u) * (1 - v), u * (1 - v), (1 - u) * v, u * v
    lost = a * low[0] + b * high[0] + c * low_next[0] + e * high_next[0]
    in_time = a * low[1] + b * high[1] + c * low_next[1] + e * high_next[1]
    short = a * low[2] + b * high[2] + c * low_next[2] + e * high_next[2]
    if beta < BETA_FIRST:
        lost += BETA_FIRST - beta
        in_time = min(in_time, agents / load)
    gone = min(1.0, max(0.0, lost / root))
    return gone, min(in_time, 1.0 - gone), min(short, gone)


@kernel
def _serve_outbound(demand: Demand, work: Work, placed: Array, life: int, d: int, p: int) -> None:
    offered, left = 0.0, 0.0
    for t in range(INTERVALS):
        calls = demand.calls[d, p, t]
        if not demand.open[d, p, t]:
            continue
        room = placed[p, t] * demand.available[p] * demand.occupancy[p] * demand.pace[d, p, t]
        offered += calls
        left = max(0.0, left + calls - room)
    work.out[life, p, 0] = offered
    work.out[life, p, 1] = left


@kernel
def _serve_back_office(demand: Demand, work: Work, placed: Array, life: int, d: int, p: int, factor: float) -> None:
    come = work.come[life, p]
    i, done, deadline = work.opened[life, p], work.done[life, p], demand.deadline[p]
    offered, lost = 0.0, 0.0
    for t in range(INTERVALS):
        if not demand.open[d, p, t]:
            continue
        calls = demand.calls[d, p, t] * factor
        offered += calls
        come[i] = (come[i - 1] if i > 0 else 0.0) + calls
        room = placed[p, t] * demand.available[p] * demand.occupancy[p] * demand.pace[d, p, t]
        done = min(come[i], done + room)
        if i - deadline + 1 >= 0 and come[i - deadline + 1] > done:
            lost += come[i - deadline + 1] - done
            done = come[i - deadline + 1]
        i += 1
    work.opened[life, p], work.done[life, p] = i, done
    work.out[life, p, 0], work.out[life, p, 1] = offered, lost
