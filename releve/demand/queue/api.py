"""Run replications of a centre's day."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from releve.demand.queue.kernel import run_replications
from releve.demand.queue.layout import (
    TRACE_FULL,
    TRACES,
    QueueCounts,
    allocate_buffers,
    allocate_counts,
)
from releve.demand.queue.model import Centre, CentreSpec, Distribution
from releve.demand.queue.outcome import QueueOutcome, build_outcome
from releve.demand.queue.prepare import PreparedCentre, draw_day_factors, prepare_centre
from releve.errors import ReleveError

__all__ = ["Event", "QueueOverflow", "simulate", "trace_day", "warm_up"]

Event = tuple[float, str, str, str | None, int]
"""When (s), what (one of :data:`TRACES`), programme, group or None, number of the call."""

FIRST_ROOM = 256


class QueueOverflow(ReleveError, RuntimeError):  # noqa: N818  the name says it
    """More calls were in the centre at once than the simulator was given room for."""


def simulate(
    centre: Centre,
    replications: int,
    seed: int = 0,
    *,
    first: int = 0,
    threads: int = 1,
    most_calls: int = 4_000_000,
    progress: Callable[[int, int], None] | None = None,
) -> QueueOutcome:
    """Simulate the replications ``first`` .. ``first + replications - 1`` of a day.

    A replication is what its number and the ``seed`` make it, whatever runs beside it: the same
    bits with any number of ``threads`` and however a run is split. ``progress`` receives how many
    are done, of how many. :class:`QueueOverflow` when more than ``most_calls`` are in the centre
    at once (waiting, in service, or about to dial again): nothing is ever dropped.
    """
    if replications < 1 or threads < 1:
        raise ValueError(
            f"expected replications >= 1 and threads >= 1, got {replications}, {threads}"
        )
    if not 0 <= seed < 2**63:
        raise ValueError(f"expected 0 <= seed < 2^63, got {seed}")
    prepared = prepare_centre(centre)
    days = allocate_counts(prepared.work, replications)
    share = max(1, min(replications // (4 * threads), 100))
    parts = [
        range(start, min(start + share, replications)) for start in range(0, replications, share)
    ]

    def one(part: range) -> int:
        _run_part(centre, prepared, seed, first, part, days, most_calls)
        return len(part)

    done = 0
    with ThreadPoolExecutor(threads) as pool:
        for finished in pool.map(one, parts):
            done += finished
            if progress is not None:
                progress(done, replications)
    return build_outcome(centre, prepared, days)


def trace_day(centre: Centre, replication: int, seed: int = 0) -> tuple[Event, ...]:
    """Return all that happens to the calls of one day, in the order of the simulator.

    A caller who hangs up is struck off later than she does; her row has her own time.
    """
    prepared = prepare_centre(centre)
    days = allocate_counts(prepared.work, 1)
    part = range(1)
    rows = _run_part(centre, prepared, seed, replication, part, days, 4_000_000, traced=True)
    return tuple(
        (
            float(row[0]),
            TRACES[int(row[1])],
            centre.programmes[prepared.programme[int(row[2])]],
            None if row[3] < 0 else centre.groups[prepared.group[int(row[3])]],
            int(row[4]),
        )
        for row in rows
    )


def _run_part(
    centre: Centre,
    prepared: PreparedCentre,
    seed: int,
    first: int,
    part: range,
    days: QueueCounts,
    most_calls: int,
    *,
    traced: bool = False,
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Fill the rows ``part`` of ``days``, in more room each time it runs out; return the trace."""
    work = prepared.work
    factor = draw_day_factors(centre, prepared, seed, range(first + part.start, first + part.stop))
    agents = int(max(work.step_agents, default=0))
    spare = agents + 8
    calls, traces = FIRST_ROOM + 2 * spare, 64 * FIRST_ROOM if traced else 0
    while True:
        room = allocate_buffers(work, calls, agents, traces)
        mine = QueueCounts(*(array[part.start : part.stop] for array in days))
        failed = run_replications(
            work, room, np.uint64(seed), first + part.start, factor, mine, spare
        )
        if failed == 0:
            return room.trace[: room.n[6]]
        for array in mine:
            array[...] = 0
        if failed == TRACE_FULL:
            traces *= 4
        elif calls >= most_calls:
            raise QueueOverflow(
                f"expected at most {most_calls} calls in the centre at once: give more most_calls,"
                " or look for a programme without agents"
            )
        else:
            calls = min(4 * calls, most_calls)


def warm_up(progress: Callable[[str], None] | None = None) -> None:
    """Compile the kernel, or load it from the cache, before it is needed.

    ``progress`` receives the name of the step before it begins.
    """
    if progress is not None:
        progress("Queue simulator")
    simulate(
        CentreSpec(["warm-up"], [0.0, 60.0], 1.0, 60.0, 1, service=Distribution()).build(),
        1,
    )
