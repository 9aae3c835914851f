"""A contact centre and the calls of its day, as the simulator takes them: checked once, frozen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from releve.demand.erlang.checks import check_number
from releve.demand.tables import Floats

__all__ = ["LEAVING", "AgentChange", "Centre", "CentreSpec", "Distribution", "Ints"]

Ints = NDArray[np.int64]

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
        cells, p, g = edges.size - 1, len(programmes), len(groups)
        ranks = _ranks(self.call_rank, self.agent_rank, self.groups is None, (p, g))
        centre = Centre(
            programmes=programmes,
            groups=groups,
            edges_s=edges,
            calls=self._floats("calls", (cells, p), at_least=0),
            aht_s=self._floats("aht_s", (cells, p), more_than=0),
            patience_s=self._floats("patience_s", (cells, p), more_than=0, endless=True),
            agents=self._whole("agents", (cells, g), at_least=0),
            call_rank=ranks[0],
            agent_rank=ranks[1],
            least_waiting=self._whole("least_waiting", (p, g), at_least=1),
            threshold_s=self._floats("threshold_s", (p,), at_least=0),
            waiting_places=_whole("waiting_places", self.waiting_places, (p,)),
            redial=self._floats("redial", (p,), at_least=0, at_most=1),
            redial_delay_s=self._floats("redial_delay_s", (p,), more_than=0),
            day_factor_cv=self._floats("day_factor_cv", (p,), at_least=0, less_than=3),
            transfer=self._floats("transfer", (p, p), at_least=0, at_most=1),
            service=_one_each(self.service, p),
            patience=_one_each(self.patience, p),
            one_day_factor=self.one_day_factor,
            changes=tuple(sorted(self.changes, key=lambda change: change.at_s)),
            leaving=self.leaving,
        )
        _check(centre)
        return centre

    def _floats(self, name: str, shape: tuple[int, ...], **limits: Any) -> Floats:
        return _filled(check_number(name, getattr(self, name), **limits), shape)

    def _whole(self, name: str, shape: tuple[int, ...], **limits: Any) -> Ints:
        return _whole(name, check_number(name, getattr(self, name), **limits), shape)


def _unique(what: str, names: Sequence[str]) -> tuple[str, ...]:
    if len(set(names)) < len(names):
        twice = next(name for name in names if list(names).count(name) > 1)
        raise ValueError(f"expected different names of {what}, got {twice!r} twice")
    return tuple(names)


def _edges(edges_s: ArrayLike) -> Floats:
    edges = check_number("edges_s", edges_s, at_least=0)
    if edges.ndim != 1 or edges.size < 2 or np.any(np.diff(edges) <= 0):
        raise ValueError(f"expected two or more rising edges_s, got {edges.tolist()}")
    return _filled(edges, edges.shape)


def _filled(array: NDArray[Any], shape: tuple[int, ...]) -> Floats:
    """Return a read-only float64 copy of the shape."""
    whole = np.ascontiguousarray(np.broadcast_to(array, shape), dtype=np.float64).copy()
    whole.setflags(write=False)
    return whole


def _whole(name: str, value: ArrayLike, shape: tuple[int, ...]) -> Ints:
    array = np.asarray(value, dtype=np.float64)
    if np.any(array != np.floor(array)):
        bad = float(array[array != np.floor(array)][0])
        raise ValueError(f"{name} must be whole numbers, got {bad!r}")
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
        raise ValueError("expected call_rank and agent_rank negative in the same places")
    return first, second


def _one_each(
    given: Distribution | Sequence[Distribution], programmes: int
) -> tuple[Distribution, ...]:
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
