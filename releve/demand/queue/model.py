"""A contact centre and the calls of its day, and the arrays that the kernel reads and writes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from releve.demand.erlang.api import check_number
from releve.demand.queue.draws import DECISIONS
from releve.kernels.arrays import Array, Floats, Ints, fit

DISTRIBUTIONS = ("exponential", "constant", "lognormal", "gamma", "sample")
LEAVING = ("finished", "moved", "cut")
"""What becomes of calls whose agent leaves: finished first, moved back into the line, or cut."""


@dataclass(frozen=True)
class Distribution:
    """The distribution of a duration in units of its mean, which may change by the interval.

    ``cv`` coefficient of variation of a lognormal or a gamma distribution. ``values`` of a sample,
    each equally likely; infinite ones never end (patience only).
    """

    kind: str = "exponential"
    cv: float = 1.0
    values: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in DISTRIBUTIONS:
            raise ValueError(f"expected kind in {', '.join(DISTRIBUTIONS)}, got {self.kind!r}")
        check_number("cv", self.cv, more_than=0, less_than=100)
        check_number("values", self.values, at_least=0, endless=True)
        if (self.kind == "sample") != bool(self.values):
            raise ValueError(f"expected values for a sample alone, got {self.kind!r}")

    @classmethod
    def sample(cls, values: ArrayLike, mean: float | None = None) -> Distribution:
        """Return the distribution of observed ``values``, over their mean or over ``mean``."""
        seen = np.sort(np.asarray(values, dtype=np.float64))
        if seen.size == 0:
            raise ValueError("expected a sample of at least one value, got none")
        unit = float(seen.mean()) if mean is None else mean
        if not 0.0 < unit < math.inf:
            raise ValueError(f"expected 0 < mean, finite, got {unit!r}")
        return cls("sample", values=tuple((seen / unit).tolist()))

    @property
    def shape(self) -> float:
        """What the kernel calls the shape, see :func:`releve.demand.queue.draws.unit_value`."""
        if self.kind == "lognormal":
            return math.sqrt(math.log1p(self.cv**2))
        if self.kind == "gamma":
            return self.cv**-2
        return float(len(self.values))


@dataclass(frozen=True)
class AgentChange:
    """From ``at_s`` until the next edge or change a group has ``agents``; ``calls`` is one of
    :data:`LEAVING`: what becomes of the calls of those who leave."""

    at_s: float
    group: str
    agents: int
    calls: str = "finished"


@dataclass(frozen=True)
class Centre:
    """One day of a centre. Made by :meth:`CentreSpec.build`, which checks it.

    ``edges_s`` seconds, ascending, one more than intervals. ``calls[interval, programme]`` expected
    new callers, ``aht_s`` and ``patience_s`` (infinite = callers never hang up) means of the
    calls that arrive in the interval, ``agents[interval, group]`` whole people on the phone.
    ``call_rank`` and ``agent_rank`` ``[programme, group]``: a call takes a free agent of the lowest
    call rank, the longest free among equals; a free agent takes a call of the lowest agent rank,
    the longest waiting among equals; negative in both = may not.
    ``least_waiting`` ``[programme, group]``: the group takes a call only while so many wait at
    least, the new one included; 1 = always.

    Per programme: ``threshold_s`` of the service levels; ``waiting_places`` (negative = any
    number); ``redial`` the share of lost callers who dial again after an exponential
    ``redial_delay_s``; ``day_factor_cv`` of the gamma factor that a whole day shares, one for all
    programmes if ``one_day_factor``. ``transfer[from, to]`` the share of ended calls passed on.
    """

    programmes: tuple[str, ...]
    groups: tuple[str, ...]
    edges_s: Floats
    calls: Floats
    aht_s: Floats
    patience_s: Floats
    agents: Ints
    call_rank: Ints
    agent_rank: Ints
    least_waiting: Ints
    threshold_s: Floats
    waiting_places: Ints
    redial: Floats
    redial_delay_s: Floats
    day_factor_cv: Floats
    transfer: Floats
    service: tuple[Distribution, ...]
    patience: tuple[Distribution, ...]
    one_day_factor: bool = False
    changes: tuple[AgentChange, ...] = ()
    leaving: str = "finished"


@dataclass(frozen=True)
class CentreSpec:
    """A centre as its author writes it: numbers and lists that broadcast to :class:`Centre`.

    Without ``groups`` each programme has a group of its name, which alone answers it. Without ranks
    every group answers every programme alike; where one of the two is given, the other is 0
    wherever that one allows.
    """

    programmes: Sequence[str]
    edges_s: ArrayLike
    calls: ArrayLike
    aht_s: ArrayLike
    agents: ArrayLike
    _: KW_ONLY
    groups: Sequence[str] | None = None
    patience_s: ArrayLike = math.inf
    call_rank: ArrayLike | None = None
    agent_rank: ArrayLike | None = None
    least_waiting: ArrayLike = 1
    threshold_s: ArrayLike = 20.0
    waiting_places: ArrayLike = -1
    redial: ArrayLike = 0.0
    redial_delay_s: ArrayLike = 600.0
    day_factor_cv: ArrayLike = 0.0
    one_day_factor: bool = False
    transfer: ArrayLike = 0.0
    service: Distribution | Sequence[Distribution] = Distribution()
    patience: Distribution | Sequence[Distribution] = Distribution()
    changes: Sequence[AgentChange] = ()
    leaving: str = "finished"

    def build(self) -> Centre:
        """Return the checked centre; ValueError quotes the unmet condition and the value."""
        programmes = _unique("programmes", self.programmes)
        groups = programmes if self.groups is None else _unique("groups", self.groups)
        edges = _edges(self.edges_s)
        each = {"programme": len(programmes)}
        day, pairs = {"interval": edges.size - 1, **each}, {**each, "group": len(groups)}
        passing = {**each, "programme passed to": len(programmes)}
        ranks = _ranks(self.call_rank, self.agent_rank, self.groups is None, pairs)
        centre = Centre(
            programmes=programmes,
            groups=groups,
            edges_s=edges,
            calls=self._floats("calls", "calls", day, at_least=0),
            aht_s=self._floats("aht_s", "seconds", day, more_than=0),
            patience_s=self._floats("patience_s", "seconds", day, more_than=0, endless=True),
            agents=self._whole("agents", "agents", {"interval": edges.size - 1, "group": len(groups)}, at_least=0),
            call_rank=ranks[0],
            agent_rank=ranks[1],
            least_waiting=self._whole("least_waiting", "calls", pairs, at_least=1),
            threshold_s=self._floats("threshold_s", "seconds", each, at_least=0),
            waiting_places=_whole("waiting_places", "calls", self.waiting_places, each),
            redial=self._floats("redial", "share of callers", each, at_least=0, at_most=1),
            redial_delay_s=self._floats("redial_delay_s", "seconds", each, more_than=0),
            day_factor_cv=self._floats("day_factor_cv", "standard deviation over mean", each, at_least=0, less_than=3),
            transfer=self._floats("transfer", "share of calls", passing, at_least=0, at_most=1),
            service=_one_each(self.service, len(programmes)),
            patience=_one_each(self.patience, len(programmes)),
            one_day_factor=self.one_day_factor,
            changes=tuple(sorted(self.changes, key=lambda change: change.at_s)),
            leaving=self.leaving,
        )
        _check(centre)
        return centre

    def _floats(self, name: str, unit: str, axes: Mapping[str, int], **limits: Any) -> Floats:
        return _fill(fit(name, unit, check_number(name, getattr(self, name), **limits), axes))

    def _whole(self, name: str, unit: str, axes: Mapping[str, int], **limits: Any) -> Ints:
        return _whole(name, unit, check_number(name, getattr(self, name), **limits), axes)


def _unique(what: str, names: Sequence[str]) -> tuple[str, ...]:
    if len(set(names)) < len(names):
        twice = next(name for name in names if list(names).count(name) > 1)
        raise ValueError(f"expected different names of {what}, got {twice!r} twice")
    return tuple(names)


def _edges(edges_s: ArrayLike) -> Floats:
    edges = check_number("edges_s", edges_s, at_least=0)
    if edges.ndim != 1 or edges.size < 2 or np.any(np.diff(edges) <= 0):
        raise ValueError(f"expected two or more rising edges_s, got {edges.tolist()}")
    return _fill(edges)


def _fill(array: NDArray[Any]) -> Floats:
    """Return a read-only float64 copy."""
    whole = np.ascontiguousarray(array, dtype=np.float64).copy()
    whole.setflags(write=False)
    return whole


def _whole(name: str, unit: str, value: ArrayLike, axes: Mapping[str, int]) -> Ints:
    array = np.asarray(value, dtype=np.float64)
    if np.any(array != np.floor(array)):
        bad = float(array[array != np.floor(array)][0])
        raise ValueError(f"{name} must be whole numbers, got {bad!r}")
    whole = np.ascontiguousarray(fit(name, unit, array, axes)).astype(np.int64)
    whole.setflags(write=False)
    return whole


def _ranks(call: ArrayLike | None, agent: ArrayLike | None, own: bool, axes: Mapping[str, int]) -> tuple[Ints, Ints]:
    if call is None and agent is None:
        rank = np.where(np.eye(axes["programme"], dtype=np.bool_), 0, -1) if own else np.zeros(())
        return _whole("call_rank", "ranks", rank, axes), _whole("agent_rank", "ranks", rank, axes)
    first = _whole("call_rank", "ranks", call if call is not None else np.minimum(agent, 0), axes)  # type: ignore[arg-type]
    second = _whole("agent_rank", "ranks", agent if agent is not None else np.minimum(call, 0), axes)  # type: ignore[arg-type]
    if np.any((first < 0) != (second < 0)):
        raise ValueError("expected call_rank and agent_rank negative in the same places")
    return first, second


def _one_each(given: Distribution | Sequence[Distribution], programmes: int) -> tuple[Distribution, ...]:
    found = (given,) * programmes if isinstance(given, Distribution) else tuple(given)
    if len(found) != programmes:
        raise ValueError(f"expected {programmes} distributions, one a programme, got {len(found)}")
    return found


def _check(centre: Centre) -> None:
    for name, service in zip(centre.programmes, centre.service, strict=True):
        if any(math.isinf(value) for value in service.values):
            raise ValueError(f"expected finite service values, got an infinite one for {name}")
    total = centre.transfer.sum(axis=1)
    if np.any(total > 1.0 + 1e-12):
        raise ValueError(f"expected transfer shares that sum to at most 1, got {total.max()}")
    if centre.transfer.size and np.max(np.abs(np.linalg.eigvals(centre.transfer))) > 0.999:
        raise ValueError("expected transfers that end, got transfers in a circle")
    for change in centre.changes:
        if change.group not in centre.groups:
            raise ValueError(f"expected changes of the centre's groups, got {change.group!r}")
        if not centre.edges_s[0] <= change.at_s < centre.edges_s[-1]:
            raise ValueError(f"expected changes within the day, got {change.at_s!r}")
        if change.agents < 0:
            raise ValueError(f"expected 0 <= agents of a change, got {change.agents}")
    for word in (centre.leaving, *(change.calls for change in centre.changes)):
        if word not in LEAVING:
            raise ValueError(f"expected leaving in {', '.join(LEAVING)}, got {word!r}")


COUNTS = (
    "offered",
    "answered",
    "within",
    "abandoned",
    "abandoned_within",
    "blocked",
    "left",
    "again",
    "transferred",
    "moved",
    "cut",
)
"""The columns of ``Days.counts``, in the order of the numbers below."""
OFFERED, ANSWERED, WITHIN, ABANDONED, SHORT, BLOCKED, LEFT, AGAIN, TRANSFERRED, MOVED, CUT = range(11)

PROGRAMME, GROUP, NUMBER, LEG, ORIGIN, CELL, NEXT, STAGE = range(8)
"""Columns of ``Room.slot``: a call in the centre, or about to come back."""
SINCE, UNTIL, NEED, PATIENT = range(4)
"""Columns of ``Room.clock``: since when it waits or is served; until when it waits; the units of
service and of patience drawn ahead for it, or ``LATER_DRAWN``."""
LATER_DRAWN = -1.0
BLOCK = 64
"""Numbers drawn ahead for a programme at a time."""
FRESH, ANSWERED_BEFORE = range(2)
"""Stages of a call: not yet answered; answered, then interrupted."""

BUSY, LATER, FREE, USED, WAITING, NOW_CELL, TRACED, EVENTS = range(8)
"""Columns of ``Room.n``: sizes of the two heaps, first free slot, slots ever used, calls in line
(those who have hung up but are not yet struck off included), interval, traces, events."""

TRACES = ("offered", "answered", "waits", "ended", "hung_up", "blocked", "cut", "moved")
"""Columns of ``Buffers.trace``: time, event, programme, group or -1, number of the call."""
T_OFFERED, T_ANSWERED, T_WAITS, T_ENDED, T_HUNG_UP, T_BLOCKED, T_CUT, T_MOVED = range(8)

FULL, TRACE_FULL = 1, 2
"""What the kernel returns when room runs out; 0 is all well."""

FINISHED, MOVED_ON, CUT_OFF = range(3)
"""What becomes of calls whose agent leaves."""


class CentreArrays(NamedTuple):
    """A centre as the kernel reads it; programmes and groups in the order of their keys.

    ``rate[programme, interval]`` calls per second at busyness 1; means in seconds.
    ``distribution`` and ``shape`` ``[programme, 2]`` of service and patience, ``first`` where a
    sample begins.
    ``groups[groups_at[p]:groups_at[p + 1]]`` the groups that may answer p, the preferred first,
    with their rank and from how many waiting on they do; ``serves`` likewise what a group answers.
    ``overflow[p]`` 1 if some group answers p only from more than one waiting on. Steps change a
    group's agents.
    """

    edges: Array
    rate: Array
    aht: Array
    patience: Array
    threshold: Array
    distribution: Array
    shape: Array
    first: Array
    samples: Array
    keys: Array
    group_keys: Array
    places: Array
    redial: Array
    redial_delay: Array
    transfer: Array
    transfers: Array
    groups_at: Array
    groups: Array
    groups_rank: Array
    groups_least: Array
    serves_at: Array
    serves: Array
    serves_rank: Array
    serves_least: Array
    overflow: Array
    step_s: Array
    step_group: Array
    step_agents: Array
    step_mode: Array


class Buffers(NamedTuple):
    """Where one replication lives; see the column names above.

    ``idle[group]`` is a ring of times, ``idle_at`` its first, ``idle_n`` its length; ``tie[group]``
    beside it ranks those of one instant, lowest first, or is ``LATER_DRAWN``. ``step_order`` are
    the steps in the order of this replication, ``step_rank`` what they were ranked by.
    ``ahead[programme, decision, number % BLOCK]`` are units of gap, service and patience.
    """

    n: Array
    slot: Array
    clock: Array
    visit: Array
    busy_time: Array
    busy_slot: Array
    later_time: Array
    later_slot: Array
    later_visit: Array
    line_first: Array
    line_last: Array
    next_s: Array
    next_number: Array
    next_cell: Array
    turn_time: Array
    turn: Array
    present: Array
    busy: Array
    idle: Array
    tie: Array
    idle_at: Array
    idle_n: Array
    ghost_since: Array
    streams: Array
    group_streams: Array
    step_order: Array
    step_rank: Array
    ahead: Array
    trace: Array


class QueueCounts(NamedTuple):
    """What is counted, by replication: ``counts[r, interval, programme, column]`` int32;
    ``waits[r, interval, programme, 2]`` seconds of the answered and of the others;
    ``busy[r, interval + 1, group]`` agent seconds on calls, ``ghost`` those of agents who stayed to
    finish; the last row is after the last interval. ``end[r]`` when the last call ended."""

    counts: Array
    waits: Array
    busy: Array
    ghost: Array
    end: Array
    events: Array


class ReplicationCounts(NamedTuple):
    """One replication's rows of :class:`Days`."""

    counts: Array
    waits: Array
    busy: Array
    ghost: Array
    end: Array


def allocate_buffers(work: CentreArrays, calls: int, agents: int, traces: int) -> Buffers:
    """Return room for ``calls`` in the centre at once and ``agents`` in a group."""
    programmes, groups = work.keys.size, work.serves_at.size - 1
    ints, floats = np.int64, np.float64
    return Buffers(
        n=np.zeros(8, ints),
        slot=np.zeros((calls, 8), ints),
        clock=np.zeros((calls, 4), floats),
        visit=np.zeros(calls, ints),
        busy_time=np.zeros(calls, floats),
        busy_slot=np.zeros(calls, ints),
        later_time=np.zeros(calls, floats),
        later_slot=np.zeros(calls, ints),
        later_visit=np.zeros(calls, ints),
        line_first=np.zeros(programmes, ints),
        line_last=np.zeros(programmes, ints),
        next_s=np.zeros(programmes, floats),
        next_number=np.zeros(programmes, ints),
        next_cell=np.zeros(programmes, ints),
        turn_time=np.full(max(programmes, 1), np.inf),
        turn=np.zeros(max(programmes, 1), ints),
        present=np.zeros(groups, ints),
        busy=np.zeros(groups, ints),
        idle=np.zeros((groups, agents + 1), floats),
        tie=np.zeros((groups, agents + 1), floats),
        idle_at=np.zeros(groups, ints),
        idle_n=np.zeros(groups, ints),
        ghost_since=np.zeros(groups, floats),
        streams=np.zeros((programmes, DECISIONS), np.uint64),
        group_streams=np.zeros((groups, DECISIONS), np.uint64),
        step_order=np.zeros(work.step_s.size, ints),
        step_rank=np.zeros(work.step_s.size, floats),
        ahead=np.zeros((programmes, 3, BLOCK), floats),
        trace=np.zeros((traces, 5), floats),
    )


def allocate_counts(work: CentreArrays, replications: int) -> QueueCounts:
    """Return zeroed counters, one row a replication."""
    programmes, groups, cells = work.keys.size, work.serves_at.size - 1, work.edges.size - 1
    return QueueCounts(
        counts=np.zeros((replications, cells, programmes, len(COUNTS)), np.int32),
        waits=np.zeros((replications, cells, programmes, 2)),
        busy=np.zeros((replications, cells + 1, groups)),
        ghost=np.zeros((replications, cells + 1, groups)),
        end=np.zeros(replications),
        events=np.zeros(replications, np.int64),
    )
