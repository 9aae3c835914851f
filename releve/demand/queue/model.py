"""A contact centre and the calls of its day, as the simulator takes them: checked once, frozen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from releve.demand.erlang.checks import number
from releve.demand.tables import Floats

__all__ = ["LEAVING", "Centre", "Change", "Ints", "Law", "centre_of"]

Ints = NDArray[np.int64]

LAWS = ("exponential", "constant", "lognormal", "gamma", "sample")
LEAVING = ("finished", "moved", "cut")
"""What becomes of calls whose agent leaves: finished by her, moved back into the line, or cut."""


@dataclass(frozen=True)
class Law:
    """The shape of a duration; the mean stands beside it and may change by the interval.

    ``cv`` coefficient of variation of a lognormal or a gamma law. ``values`` of a sample, in units
    of the mean, each equally likely; infinite ones never end (patience only).
    """

    kind: str = "exponential"
    cv: float = 1.0
    values: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in LAWS:
            raise ValueError(f"kind is one of {', '.join(LAWS)}, got {self.kind!r}")
        number("cv", self.cv, more_than=0, less_than=100)
        number("values", self.values, at_least=0, endless=True)
        if (self.kind == "sample") != bool(self.values):
            raise ValueError(f"a sample, and it alone, has values: {self.kind!r} does not hold")

    @classmethod
    def sample(cls, values: ArrayLike, mean: float | None = None) -> Law:
        """Return the law of observed ``values``, over their mean or over ``mean``."""
        seen = np.sort(np.asarray(values, dtype=np.float64))
        if seen.size == 0:
            raise ValueError("a sample holds at least one value, got none")
        unit = float(seen.mean()) if mean is None else mean
        if not 0.0 < unit < math.inf:
            raise ValueError(f"0 < mean is finite does not hold, got {unit!r}")
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
class Change:
    """From ``at_s`` until the next edge or change a group has ``agents``; ``calls`` is one of
    :data:`LEAVING`: what becomes of the calls of those who leave."""

    at_s: float
    group: str
    agents: int
    calls: str = "finished"


@dataclass(frozen=True)
class Centre:
    """One day of a centre. Made by :func:`centre_of`, which checks it.

    ``edges_s`` seconds, ascending, one more than intervals. ``calls[interval, programme]`` expected
    new callers, ``aht_s`` and ``patience_s`` (infinite = nobody hangs up) means of those who arrive
    in the interval, ``agents[interval, group]`` whole people on the phone. ``call_rank`` and
    ``agent_rank`` ``[programme, group]``: a call takes a free agent of the lowest call rank, the
    longest free among equals; a free agent takes a call of the lowest agent rank, the longest
    waiting among equals; negative in both = may not. ``least_waiting`` ``[programme, group]``: the
    group takes a call only while so many wait at least, who comes included (overflow); 1 = always.

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
    service_law: tuple[Law, ...]
    patience_law: tuple[Law, ...]
    one_day_factor: bool = False
    changes: tuple[Change, ...] = ()
    leaving: str = "finished"


def centre_of(
    programmes: Sequence[str],
    edges_s: ArrayLike,
    calls: ArrayLike,
    aht_s: ArrayLike,
    agents: ArrayLike,
    *,
    groups: Sequence[str] | None = None,
    patience_s: ArrayLike = math.inf,
    call_rank: ArrayLike | None = None,
    agent_rank: ArrayLike | None = None,
    least_waiting: ArrayLike = 1,
    threshold_s: ArrayLike = 20.0,
    waiting_places: ArrayLike = -1,
    redial: ArrayLike = 0.0,
    redial_delay_s: ArrayLike = 600.0,
    day_factor_cv: ArrayLike = 0.0,
    one_day_factor: bool = False,
    transfer: ArrayLike = 0.0,
    service_law: Law | Sequence[Law] = Law(),
    patience_law: Law | Sequence[Law] = Law(),
    changes: Sequence[Change] = (),
    leaving: str = "finished",
) -> Centre:
    """Return a checked centre; all broadcast to the shapes of :class:`Centre`.

    Without ``groups`` each programme has a group of its name, and it alone answers. Without ranks
    every group answers every programme alike; with one of them the other is 0 wherever that one
    allows. ValueError quotes the condition that does not hold, with the value.
    """
    names = _names("programmes", programmes)
    teams = names if groups is None else _names("groups", groups)
    edges = _edges(edges_s)
    cells, p, g = edges.size - 1, len(names), len(teams)
    ranks = _ranks(call_rank, agent_rank, groups is None, (p, g))
    cell = (cells, p)
    centre = Centre(
        programmes=names,
        groups=teams,
        edges_s=edges,
        calls=_filled(number("calls", calls, at_least=0), cell),
        aht_s=_filled(number("aht_s", aht_s, more_than=0), cell),
        patience_s=_filled(number("patience_s", patience_s, more_than=0, endless=True), cell),
        agents=_whole("agents", number("agents", agents, at_least=0), (cells, g)),
        call_rank=ranks[0],
        agent_rank=ranks[1],
        least_waiting=_whole(
            "least_waiting", number("least_waiting", least_waiting, at_least=1), (p, g)
        ),
        threshold_s=_filled(number("threshold_s", threshold_s, at_least=0), (p,)),
        waiting_places=_whole("waiting_places", waiting_places, (p,)),
        redial=_filled(number("redial", redial, at_least=0, at_most=1), (p,)),
        redial_delay_s=_filled(number("redial_delay_s", redial_delay_s, more_than=0), (p,)),
        day_factor_cv=_filled(
            number("day_factor_cv", day_factor_cv, at_least=0, less_than=3), (p,)
        ),
        transfer=_filled(number("transfer", transfer, at_least=0, at_most=1), (p, p)),
        service_law=_laws(service_law, p),
        patience_law=_laws(patience_law, p),
        one_day_factor=one_day_factor,
        changes=tuple(sorted(changes, key=lambda change: change.at_s)),
        leaving=leaving,
    )
    _check(centre)
    return centre


def _names(what: str, names: Sequence[str]) -> tuple[str, ...]:
    if len(set(names)) < len(names):
        twice = next(name for name in names if list(names).count(name) > 1)
        raise ValueError(f"the {what} have different names does not hold, got {twice!r} twice")
    return tuple(names)


def _edges(edges_s: ArrayLike) -> Floats:
    edges = number("edges_s", edges_s, at_least=0)
    if edges.ndim != 1 or edges.size < 2 or np.any(np.diff(edges) <= 0):
        raise ValueError(f"edges_s ascend, two at least, does not hold, got {edges.tolist()}")
    return _filled(edges, edges.shape)


def _filled(array: NDArray[Any], shape: tuple[int, ...]) -> Floats:
    """Return a float64 copy of the shape that nobody can write to."""
    whole = np.ascontiguousarray(np.broadcast_to(array, shape), dtype=np.float64).copy()
    whole.setflags(write=False)
    return whole


def _whole(name: str, value: ArrayLike, shape: tuple[int, ...]) -> Ints:
    array = np.asarray(value, dtype=np.float64)
    if np.any(array != np.floor(array)):
        bad = float(array[array != np.floor(array)][0])
        raise ValueError(f"{name} is whole does not hold, got {bad!r}")
    whole = np.ascontiguousarray(np.broadcast_to(array, shape)).astype(np.int64)
    whole.setflags(write=False)
    return whole


def _ranks(
    call: ArrayLike | None, agent: ArrayLike | None, own: bool, shape: tuple[int, int]
) -> tuple[Ints, Ints]:
    if call is None and agent is None:
        rank = np.where(np.eye(shape[0], dtype=np.bool_), 0, -1) if own else np.zeros(shape)
        return _whole("rank", rank, shape), _whole("rank", rank, shape)
    first = _whole("call_rank", call if call is not None else np.minimum(agent, 0), shape)  # type: ignore[arg-type]
    second = _whole("agent_rank", agent if agent is not None else np.minimum(call, 0), shape)  # type: ignore[arg-type]
    if np.any((first < 0) != (second < 0)):
        raise ValueError("call_rank and agent_rank are negative together does not hold")
    return first, second


def _laws(law: Law | Sequence[Law], programmes: int) -> tuple[Law, ...]:
    laws = (law,) * programmes if isinstance(law, Law) else tuple(law)
    if len(laws) != programmes:
        raise ValueError(f"one law a programme does not hold, got {len(laws)} for {programmes}")
    return laws


def _check(centre: Centre) -> None:
    for name, law in zip(centre.programmes, centre.service_law, strict=True):
        if any(math.isinf(value) for value in law.values):
            raise ValueError(f"calls end does not hold, got an infinite service value for {name}")
    total = centre.transfer.sum(axis=1)
    if np.any(total > 1.0 + 1e-12):
        raise ValueError(f"the shares passed on sum to 1 at most does not hold, got {total.max()}")
    if centre.transfer.size and np.max(np.abs(np.linalg.eigvals(centre.transfer))) > 0.999:
        raise ValueError("a call passed on ends some day does not hold, got transfers in a circle")
    for change in centre.changes:
        if change.group not in centre.groups:
            raise ValueError(f"a change is of a group of the centre, got {change.group!r}")
        if not centre.edges_s[0] <= change.at_s < centre.edges_s[-1]:
            raise ValueError(f"a change is within the day does not hold, got {change.at_s!r}")
        if change.agents < 0:
            raise ValueError(f"0 <= agents of a change does not hold, got {change.agents}")
    for word in (centre.leaving, *(change.calls for change in centre.changes)):
        if word not in LEAVING:
            raise ValueError(f"leaving is one of {', '.join(LEAVING)}, got {word!r}")
