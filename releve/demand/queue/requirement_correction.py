"""A tighter requirement, where a simulated day misses its targets.

A half hour that misses behaves as if it got more calls than it does: calls still in service from
the half hour before, a queue, a busy day. Those *effective calls* are found by asking Erlang which
volume would have given the simulated figure with the same agents; the agents for that volume are
the new requirement.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from releve.demand.erlang import metrics, required_agents
from releve.demand.queue.verify import INTERVAL_S, Verification
from releve.demand.tables import Floats, Requirement, Truths
from releve.network import Programme
from releve.network.decimal_grid import FINE_DECIMALS, round_to_grid

__all__ = ["correct_requirement"]

HALVINGS = 40


def correct_requirement(
    verification: Verification, *, tolerance: float = 0.005, most: float = 1.5
) -> Requirement:
    """Return the requirement tightened where the verified day misses by more than ``tolerance``.

    There it is at least one agent more than were simulated, elsewhere it stays. The effective
    calls are at most ``most`` times the calls, so that one round does not overshoot: verify,
    correct and plan again until the result ``is`` the requirement, which means that nothing misses
    any more. Pure; volumes and handling times stay as they were.
    """
    if not 1.0 < most < 100.0:
        raise ValueError(f"expected 1 < most < 100, got {most!r}")
    given, missed = verification.requirement, verification.misses(tolerance)
    if not missed.any():
        return given
    on_phone = given.on_phone.copy()
    for p, row in enumerate(verification.programmes):
        where = np.flatnonzero(missed[:, p])
        if where.size:
            on_phone[where, p] = _tighten(verification, row, p, where, most)
    available = np.array([1.0 - row.shrinkage for row in verification.programmes])
    agents = np.where(on_phone > given.on_phone, on_phone / available, given.agents)
    return dataclasses.replace(
        given, on_phone=on_phone, agents=round_to_grid(agents, FINE_DECIMALS)
    )


def _tighten(
    found: Verification,
    row: Programme,
    p: int,
    where: np.ndarray[tuple[int], np.dtype[np.intp]],
    most: float,
) -> Floats:
    """Return the agents on the phone that the missing half hours ``where`` should have."""
    given = found.requirement
    calls, aht = given.calls[where, p], given.aht_s[where, p]
    agents = np.where(
        np.isnan(found.on_phone[where, p]), given.on_phone[where, p], found.on_phone[where, p]
    )
    service, answered = found.service.value[where, p], found.answer_rate.value[where, p]
    effective = np.maximum(
        _effective_agents(row, calls, aht, agents, service, "service", most),
        _effective_agents(row, calls, aht, agents, answered, "answered", most),
    )
    needed = required_agents(
        effective,
        INTERVAL_S,
        aht,
        math.inf if row.patience_s is None else row.patience_s,
        row.service_threshold_s,
        row.service_target,
        row.service_definition,
        row.answer_rate,
        row.max_occupancy,
    )
    tightened: Floats = np.maximum(np.maximum(needed, given.on_phone[where, p]), agents + 1.0)
    return tightened


def _effective_agents(
    row: Programme,
    calls: Floats,
    aht_s: Floats,
    agents: Floats,
    seen: Floats,
    what: str,
    most: float,
) -> Floats:
    """Return the volume between calls and ``most`` x calls that Erlang says gives ``seen``."""
    patience = math.inf if row.patience_s is None else row.patience_s
    low, high = calls.copy(), calls * most
    for _ in range(HALVINGS):
        middle = (low + high) / 2.0
        queue = metrics(middle, INTERVAL_S, aht_s, patience, agents, row.service_threshold_s)
        level = (
            queue.service_level(row.service_definition)
            if what == "service"
            else 1.0 - queue.p_abandon
        )
        better: Truths = level > seen
        low, high = np.where(better, middle, low), np.where(better, high, middle)
    return low
