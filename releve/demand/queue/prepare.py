"""Simulate a centre's day: its arrays, the replications, and the figures with their intervals.

Programmes and groups are put in the order of the hash of their names, so that the order in the
centre, and others beside them, cannot matter to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from releve.demand.erlang.api import encode_definitions
from releve.demand.queue.draws import DECISIONS, day_numbers, label_key
from releve.demand.queue.kernel import run_replications
from releve.demand.queue.model import (
    COUNTS,
    DISTRIBUTIONS,
    LEAVING,
    TRACE_FULL,
    TRACES,
    Centre,
    CentreArrays,
    CentreSpec,
    Distribution,
    QueueCounts,
    allocate_buffers,
    allocate_counts,
)
from releve.errors import ReleveError
from releve.extras import LazyModule
from releve.kernels.arrays import Floats, Ints

if TYPE_CHECKING:
    from scipy import special
else:
    special = LazyModule("scipy.special")


class PreparedCentre(NamedTuple):
    """The arrays, and which programme and group of the centre stands where in them."""

    work: CentreArrays
    programme: Ints
    group: Ints


def prepare_centre(centre: Centre) -> PreparedCentre:
    programme = _order(centre.programmes)
    group = _order(centre.groups)
    hours = np.diff(centre.edges_s)
    steps = _steps(centre, group)
    distributions = [(centre.service[p], centre.patience[p]) for p in programme]
    samples, first = _samples(distributions)
    ranks = (centre.call_rank[np.ix_(programme, group)], centre.agent_rank[np.ix_(programme, group)])
    least = centre.least_waiting[np.ix_(programme, group)]
    groups_at, groups, groups_rank, groups_least = _lists(ranks[0], least)
    serves_at, serves, serves_rank, serves_least = _lists(ranks[1].T, least.T)
    transfer = centre.transfer[np.ix_(programme, programme)]
    work = CentreArrays(
        edges=centre.edges_s.copy(),
        rate=_by_programme(centre.calls / hours[:, None], programme),
        aht=_by_programme(centre.aht_s, programme),
        patience=_by_programme(centre.patience_s, programme),
        threshold=centre.threshold_s[programme],
        distribution=np.array([[DISTRIBUTIONS.index(one.kind) for one in pair] for pair in distributions]).reshape(
            -1, 2
        ),
        shape=np.array([[one.shape for one in pair] for pair in distributions]).reshape(-1, 2),
        first=first,
        samples=samples,
        keys=np.array([label_key(centre.programmes[p]) for p in programme], dtype=np.uint64),
        group_keys=np.array([label_key(f"group {centre.groups[g]}") for g in group], dtype=np.uint64),
        places=centre.waiting_places[programme],
        redial=centre.redial[programme],
        redial_delay=centre.redial_delay_s[programme],
        transfer=np.ascontiguousarray(transfer),
        transfers=(transfer.sum(axis=1) > 0.0).astype(np.int64),
        groups_at=groups_at,
        groups=groups,
        groups_rank=groups_rank,
        groups_least=groups_least,
        serves_at=serves_at,
        serves=serves,
        serves_rank=serves_rank,
        serves_least=serves_least,
        overflow=np.any((ranks[0] >= 0) & (least > 1), axis=1).astype(np.int64),
        **steps,
    )
    return PreparedCentre(work, programme, group)


def draw_day_factors(centre: Centre, prepared: PreparedCentre, seed: int, replications: range) -> Floats:
    """Return the gamma factor ``[replication, programme]`` of each day, in the kernel's order.

    The quantile of one keyed number a day and programme, or a day for all: a busier day is busier
    for every plan.
    """
    cv = centre.day_factor_cv[prepared.programme]
    out = np.ones((len(replications), cv.size))
    moved = np.flatnonzero(cv > 0.0)
    if moved.size == 0:
        return out
    keys = prepared.work.keys
    if centre.one_day_factor:
        keys = np.array([label_key("every programme")], dtype=np.uint64)
    u = np.empty((len(replications), keys.size))
    streams = np.empty((keys.size, DECISIONS), np.uint64)
    day_numbers(np.uint64(seed), replications.start, keys, streams, u)
    shape = cv[moved] ** -2.0
    drawn = u if centre.one_day_factor else u[:, moved]
    out[:, moved] = special.gammaincinv(shape, drawn) / shape
    return out


def count_planned_seconds(work: CentreArrays) -> tuple[Floats, Ints]:
    """Return the agent seconds ``[interval, group]`` of the steps alone, and the last numbers."""
    groups = work.serves_at.size - 1
    seconds = np.zeros((work.edges.size - 1, groups))
    last = np.zeros(groups, dtype=np.int64)
    for g in range(groups):
        own = work.step_group == g
        start, agents = work.step_s[own], work.step_agents[own]
        stop = np.append(start[1:], work.edges[-1])
        until = np.clip(work.edges[:, None], start, np.maximum(start, stop)) - start
        seconds[:, g] = np.diff((until * agents).sum(axis=1))
        last[g] = agents[-1] if agents.size else 0
    return seconds, last


def _order(names: tuple[str, ...]) -> Ints:
    return np.array(sorted(range(len(names)), key=lambda i: label_key(names[i])), dtype=np.int64)


def _by_programme(values: Floats, programme: Ints) -> Floats:
    return np.ascontiguousarray(values[:, programme].T)


def _samples(distributions: list[tuple[Distribution, Distribution]]) -> tuple[Floats, Ints]:
    """Return all samples in one array, and where each begins ``[programme, 2]``."""
    first = np.zeros((len(distributions), 2), dtype=np.int64)
    values: list[float] = []
    for p, pair in enumerate(distributions):
        for which, one in enumerate(pair):
            first[p, which] = len(values)
            values.extend(one.values)
    return np.array(values or [0.0]), first


def _lists(rank: Ints, least: Ints) -> tuple[Ints, Ints, Ints, Ints]:
    """Return, row after row, the columns with a rank, the lowest rank first: where each row
    begins, the columns, their ranks, their least line."""
    at, columns, ranks, lines = [0], [], [], []
    for row, needs in zip(rank, least, strict=True):
        allowed = np.flatnonzero(row >= 0)
        best_first = allowed[np.argsort(row[allowed], kind="stable")]
        columns.extend(best_first.tolist())
        ranks.extend(row[best_first].tolist())
        lines.extend(needs[best_first].tolist())
        at.append(len(columns))
    return tuple(np.array(found, dtype=np.int64) for found in (at, columns, ranks, lines))  # type: ignore[return-value]


def _steps(centre: Centre, group: Ints) -> dict[str, NDArray[np.float64] | Ints]:
    """Return when a group's agents change: at the edges, and by the centre's changes."""
    mode = LEAVING.index(centre.leaving)
    place = {int(g): i for i, g in enumerate(group)}
    edge = [
        (float(centre.edges_s[cell]), place[g], int(centre.agents[cell, g]), mode)
        for cell in range(centre.edges_s.size - 1)
        for g in range(len(centre.groups))
    ]
    change = [
        (row.at_s, place[centre.groups.index(row.group)], row.agents, LEAVING.index(row.calls))
        for row in centre.changes
    ]
    rows = sorted([*edge, *change], key=lambda row: row[:2])
    now: dict[int, int] = {}
    kept = []
    for row in rows:  # only true changes
        if row[2] != now.get(row[1], 0):
            kept.append(row)
            now[row[1]] = row[2]
    ints = np.array([row[1:] for row in kept], dtype=np.int64).reshape(-1, 3)
    columns = (np.ascontiguousarray(column) for column in ints.T)
    return {
        "step_s": np.array([row[0] for row in kept], dtype=np.float64),
        **dict(zip(("step_group", "step_agents", "step_mode"), columns, strict=True)),
    }


@dataclass(frozen=True)
class QueueEstimate:
    """Values with the interval that covers the expectation at the asked confidence.

    ``low`` and ``high`` are NaN after a single replication.
    """

    value: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True)
class QueueOutcome:
    """What each replication counted; axes ``[replication, interval, programme]`` unless said.

    A call counts in the interval it arrives in. ``offered`` = ``answered`` + ``abandoned`` +
    ``blocked`` + ``left``; ``again`` of the offered had dialled before, ``transferred`` were passed
    on from another programme; ``within`` and ``abandoned_within`` the threshold; ``left`` were
    still waiting when the last agents had left. ``moved`` and ``cut`` count answered calls that
    were interrupted: moved back into the line, or lost. ``wait_answered_s`` and
    ``wait_abandoned_s`` sums. ``busy_s`` and ``staffed_s[replication, interval + 1, group]`` agent
    seconds on calls and present, those who stayed to finish included; the last row is after the
    last interval. ``events`` per replication.
    """

    centre: Centre
    offered: Ints
    answered: Ints
    within: Ints
    abandoned: Ints
    abandoned_within: Ints
    blocked: Ints
    left: Ints
    again: Ints
    transferred: Ints
    moved: Ints
    cut: Ints
    wait_answered_s: Floats
    wait_abandoned_s: Floats
    busy_s: Floats
    staffed_s: Floats
    events: Ints

    def service_parts(self, definition: str) -> tuple[Ints, Ints]:
        """Return what a service level divides by what, ``[replication, interval, programme]``.

        The definitions are :data:`releve.demand.DEFINITIONS`; who is blocked is offered and not
        served. ValueError on another word.
        """
        return (
            (self.within, self.offered),
            (self.within, self.answered),
            (self.within, self.offered - self.abandoned_within),
            (self.within + self.abandoned_within, self.offered),
        )[int(encode_definitions(definition))]

    def service_level(
        self, definition: str = "offered", *, by: str = "interval", confidence: float = 0.95
    ) -> QueueEstimate:
        """Return the service level, see :meth:`estimate`; 1 where no call came."""
        return self.estimate(*self.service_parts(definition), by=by, confidence=confidence)

    def answer_rate(self, *, by: str = "interval", confidence: float = 0.95) -> QueueEstimate:
        """Return answered / offered; 1 where no call came."""
        return self.estimate(self.answered, self.offered, by=by, confidence=confidence)

    def mean_wait_s(self, *, by: str = "interval", confidence: float = 0.95) -> QueueEstimate:
        """Return the mean wait of callers who were answered or hung up; 0 where there were none."""
        waited = self.wait_answered_s + self.wait_abandoned_s
        calls = self.answered + self.abandoned
        return self.estimate(waited, calls, by=by, confidence=confidence, nothing=0.0)

    def mean_speed_of_answer_s(self, *, by: str = "interval", confidence: float = 0.95) -> QueueEstimate:
        """Return the mean wait of the answered; 0 where none was."""
        parts = (self.wait_answered_s, self.answered)
        return self.estimate(*parts, by=by, confidence=confidence, nothing=0.0)

    def occupancy(self, *, by: str = "interval", confidence: float = 0.95) -> QueueEstimate:
        """Return busy over present, ``[interval, group]`` (the time after the day left out)."""
        parts = (self.busy_s[:, :-1], self.staffed_s[:, :-1])
        return self.estimate(*parts, by=by, confidence=confidence, nothing=0.0)

    def estimate(
        self,
        above: NDArray[Any],
        below: NDArray[Any],
        *,
        by: str = "interval",
        confidence: float = 0.95,
        nothing: float = 1.0,
    ) -> QueueEstimate:
        """Return the ratio of two counts by ``interval`` ``[interval, column]``, or for the whole
        ``day`` ``[column]``; ``nothing`` where there is nothing below."""
        if by not in ("interval", "day"):
            raise ValueError(f"by is one of interval, day, got {by!r}")
        if by == "day":
            above, below = above.sum(axis=1), below.sum(axis=1)
        return estimate_ratio(above, below, confidence=confidence, nothing=nothing)


def estimate_ratio(
    above: NDArray[Any], below: NDArray[Any], *, confidence: float = 0.95, nothing: float = 1.0
) -> QueueEstimate:
    """Return the ratio of the means over the first axis, with Student's interval (delta method)."""
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"expected 0 < confidence < 1, got {confidence!r}")
    n = above.shape[0]
    total = below.sum(axis=0)
    some = total > 0
    divide = np.where(some, total, 1)
    value = np.where(some, above.sum(axis=0) / divide, nothing)
    if n == 1:
        unknown = np.full(value.shape, np.nan)
        return QueueEstimate(value, unknown, unknown)
    squares = ((above - value * below) ** 2).sum(axis=0)
    error = np.where(some, np.sqrt(squares * n / (n - 1.0)) / divide, 0.0)
    half = float(special.stdtrit(n - 1, 0.5 + confidence / 2.0)) * error
    return QueueEstimate(value, value - half, value + half)


def build_outcome(centre: Centre, prepared: PreparedCentre, days: QueueCounts) -> QueueOutcome:
    """Return the kernel's counters in the order of the centre."""
    programme, group = np.argsort(prepared.programme), np.argsort(prepared.group)
    counts = days.counts[:, :, programme].astype(np.int64)
    waits = days.waits[:, :, programme]
    planned, last = count_planned_seconds(prepared.work)
    late = np.maximum(days.end - centre.edges_s[-1], 0.0)
    staffed = days.ghost.copy()
    staffed[:, :-1] += planned
    staffed[:, -1] += late[:, None] * last
    return QueueOutcome(
        centre,
        **{name: counts[..., column] for column, name in enumerate(COUNTS)},
        wait_answered_s=waits[..., 0],
        wait_abandoned_s=waits[..., 1],
        busy_s=days.busy[:, :, group],
        staffed_s=staffed[:, :, group],
        events=days.events,
    )


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
        raise ValueError(f"expected replications >= 1 and threads >= 1, got {replications}, {threads}")
    if not 0 <= seed < 2**63:
        raise ValueError(f"expected 0 <= seed < 2^63, got {seed}")
    prepared = prepare_centre(centre)
    days = allocate_counts(prepared.work, replications)
    share = max(1, min(replications // (4 * threads), 100))
    parts = [range(start, min(start + share, replications)) for start in range(0, replications, share)]

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
        failed = run_replications(work, room, np.uint64(seed), first + part.start, factor, mine, spare)
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
    simulate(CentreSpec(["warm-up"], [0.0, 60.0], 1.0, 60.0, 1, service=Distribution()).build(), 1)
