"""Exact Erlang C and Erlang A on arrays: what a queue does, and how many agents it needs.

Poisson arrivals, exponential handling times, first come first served. With a finite patience the
callers hang up after an exponential time of that mean (Erlang A). Results are stationary: each
interval is long against the handling time. All parameters broadcast against each other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from releve.demand.erlang.erlang_a import Cases, measure_a, prepare_queues, require_a, search
from releve.demand.erlang.erlang_c import LANES, SMALLEST_LOAD, measure_c, require_c
from releve.kernels.arrays import Floats, require_same_axes

DEFINITIONS = ("offered", "answered", "without_short", "with_short")
"""What the service level divides by what, as :class:`releve.network.Programme` words it: (a) to
(d)."""

LARGEST_LOAD = 1e7
"""Erlang; more is taken for a slip of the unit."""


def check_number(
    name: str,
    value: ArrayLike,
    *,
    at_least: float = -math.inf,
    more_than: float = -math.inf,
    at_most: float = math.inf,
    less_than: float = math.inf,
    unknown: bool = False,
    endless: bool = False,
) -> Floats:
    """Return ``value`` as float64; ValueError quotes the condition and the first bad value.

    NaN passes where it may be ``unknown``, infinity where it may be ``endless``.
    """
    array = np.asarray(value, dtype=np.float64)
    if array.size == 0:
        return array
    low, high = float(np.min(array)), float(np.max(array))  # NaN if there is one
    if at_least <= low and more_than < low and high <= at_most and (endless or high < less_than):
        return array
    good = (array >= at_least) & (array > more_than) & (array <= at_most)
    good &= (array < less_than) | endless
    good |= np.isnan(array) & unknown
    if good.all():
        return array
    condition = _words(name, at_least, more_than, at_most, less_than, endless)
    raise ValueError(f"expected {condition}, got {float(array[~good][0])!r}")


def _words(name: str, at_least: float, more_than: float, at_most: float, less_than: float, endless: bool) -> str:
    left = f"{at_least:g} <= " if at_least > -math.inf else f"{more_than:g} < "
    if at_most < math.inf:
        return f"{left}{name} <= {at_most:g}"
    if less_than < math.inf:
        return f"{left}{name} < {less_than:g}"
    return f"{left}{name}" + ("" if endless else " < inf")


def encode_definitions(definition: ArrayLike) -> NDArray[np.int64]:
    """Return the place of each definition in :data:`DEFINITIONS`; ValueError on another word."""
    words = np.asarray(definition, dtype=np.str_)
    out = np.full(words.shape, -1, dtype=np.int64)
    for code, word in enumerate(DEFINITIONS):
        out[words == word] = code
    if out.size and np.min(out) < 0:
        bad = str(words[out < 0].flat[0])
        raise ValueError(f"expected definition in {', '.join(DEFINITIONS)}, got {bad!r}")
    return out


def flatten(array: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Return one entry for all, or one a case in C order; one array type, so one compilation."""
    whole = array if array.size == 1 or array.shape == shape else np.broadcast_to(array, shape)
    return np.require(whole, requirements=["C", "W"]).reshape(-1)


def require_loads(calls: Floats, interval_s: Floats, aht_s: Floats) -> None:
    """Refuse loads above :data:`LARGEST_LOAD`."""
    if 0 in (calls.size, interval_s.size, aht_s.size):
        return
    if np.max(calls) * np.max(aht_s) / np.min(interval_s) <= LARGEST_LOAD:
        return
    load = calls * aht_s / interval_s
    if np.any(load > LARGEST_LOAD):
        raise ValueError(
            f"expected calls * aht_s / interval_s <= {LARGEST_LOAD:g} Erlang, got {float(np.nanmax(load)):g}"
        )


@dataclass(frozen=True)
class QueueMetrics:
    """What queues do; float64 arrays of the broadcast shape.

    ``p_wait`` share of the offered that wait; ``p_abandon`` share that hang up; ``mean_wait_s``
    over all offered, those who hang up included; ``occupancy`` of the agents. The service levels
    within the threshold T: ``service_offered`` served within T / offered; ``service_answered``
    served within T / answered; ``service_without_short`` served within T / (offered - abandoned
    within T); ``service_with_short`` (served + abandoned within T) / offered.

    Without calls: service levels 1, all else 0. With unknown calls or handling time
    all is NaN. With calls and no agent: all wait, none is served, occupancy 1. Erlang C in
    overload (agents <= load): ``p_wait`` 1, ``mean_wait_s`` infinite, occupancy 1, service 0.
    """

    p_wait: Floats
    p_abandon: Floats
    mean_wait_s: Floats
    occupancy: Floats
    service_offered: Floats
    service_answered: Floats
    service_without_short: Floats
    service_with_short: Floats

    def service_level(self, definition: str) -> Floats:
        """Return the service level of one of :data:`DEFINITIONS`; ValueError on another."""
        return (self.service_offered, self.service_answered, self.service_without_short, self.service_with_short)[
            int(encode_definitions(definition))
        ]


def metrics(
    calls: ArrayLike,
    interval_s: ArrayLike,
    aht_s: ArrayLike,
    patience_s: ArrayLike,
    agents: ArrayLike,
    threshold_s: ArrayLike,
) -> QueueMetrics:
    """Return what each queue does with its agents.

    ``calls`` per interval of ``interval_s`` seconds (NaN = not known), ``aht_s`` mean handling
    time (NaN = not known), ``patience_s`` mean patience (infinite = never hangs up), ``agents``
    whole numbers, ``threshold_s`` the T of the service levels. ValueError quotes the condition
    that is not met.
    """
    n = check_number("agents", agents, at_least=0)
    if np.any(n != np.floor(n)):
        raise ValueError(f"agents must be a whole number, got {float(n[n != np.floor(n)][0])!r}")
    every = (*_queue(calls, interval_s, aht_s, patience_s, threshold_s), n)
    _find_shape(every, {"agents": "agents"})
    volume, interval, aht, patience, threshold, n = np.broadcast_arrays(*every)
    load = np.where(volume == 0.0, 0.0, volume * aht / interval)
    out = _blank(load, n, patience, threshold)
    some = load > 0.0
    _fill_c(out, some & np.isinf(patience), load, aht, n, threshold)
    _fill_a(out, some & np.isfinite(patience) & (n > 0.0), load, aht, patience, n, threshold)
    return QueueMetrics(*(out[measure, ...] for measure in range(8)))


def required_agents(
    calls: ArrayLike,
    interval_s: ArrayLike,
    aht_s: ArrayLike,
    patience_s: ArrayLike = np.inf,
    threshold_s: ArrayLike = 20.0,
    target: ArrayLike = 0.8,
    definition: ArrayLike = "offered",
    answer_rate: ArrayLike = 0.0,
    max_occupancy: ArrayLike = 1.0,
) -> Floats:
    """Return the least whole number of agents that holds every condition, exactly.

    The conditions: the service level of the ``definition`` within ``threshold_s`` is at least
    ``target``; answered / offered is at least ``answer_rate``; the occupancy is at most
    ``max_occupancy``. A condition missed by less than 1e-12 of itself is held. Where callers hang
    up, fewer agents than the load can be enough, and are found.

    float64 of the broadcast shape: whole numbers; 0 without calls, at least 1 with; NaN where the
    calls or the handling time of calls are not known (never 0). ValueError quotes the condition
    that is not met, with the value.
    """
    queue = _queue(calls, interval_s, aht_s, patience_s, threshold_s)
    goal = check_number("target", target, more_than=0, less_than=1)
    answered = check_number("answer_rate", answer_rate, at_least=0, less_than=1)
    cap = check_number("max_occupancy", max_occupancy, more_than=0, at_most=1)
    every = (*queue, encode_definitions(definition), goal, answered, cap)
    shape = _find_shape(
        every, {"definition": "words", "target": "share", "answer_rate": "share", "max_occupancy": "share"}
    )
    cases = Cases(*(flatten(values, shape) for values in every))
    out = np.empty(int(np.prod(shape)), dtype=np.float64)
    endless = np.isinf(cases.patience_s)
    if np.all(endless):
        _require_c(cases, out)
    elif not np.any(endless):
        _require_a(cases, out)
    else:
        _require_some(_require_c, cases, np.flatnonzero(endless), out)
        _require_some(_require_a, cases, np.flatnonzero(~endless), out)
    return out.reshape(shape)


def warm_up(progress: Callable[[str], None] | None = None) -> None:
    """Compile the kernels, or load them from the cache, before they are needed.

    ``progress`` receives the name of each step before it begins.
    """
    steps: tuple[tuple[str, Callable[[], object]], ...] = (
        ("Erlang C, staffing", lambda: required_agents(1.0, 1800.0, 300.0)),
        ("Erlang A, staffing", lambda: required_agents(1.0, 1800.0, 300.0, 60.0)),
        ("Erlang C, service", lambda: metrics(1.0, 1800.0, 300.0, np.inf, 2, 20.0)),
        ("Erlang A, service", lambda: metrics(1.0, 1800.0, 300.0, 60.0, 2, 20.0)),
    )
    for name, step in steps:
        if progress is not None:
            progress(name)
        step()


def _queue(
    calls: ArrayLike, interval_s: ArrayLike, aht_s: ArrayLike, patience_s: ArrayLike, threshold_s: ArrayLike
) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Return calls, interval, handling time, patience and threshold, checked."""
    volume = check_number("calls", calls, at_least=0, unknown=True)
    interval = check_number("interval_s", interval_s, more_than=0)
    aht = check_number("aht_s", aht_s, more_than=0, unknown=True)
    patience = check_number("patience_s", patience_s, more_than=0, endless=True)
    threshold = check_number("threshold_s", threshold_s, at_least=0)
    require_loads(volume, interval, aht)
    return volume, interval, aht, patience, threshold


_QUEUE_UNITS = {"calls": "calls", "interval_s": "seconds", "aht_s": "seconds", "patience_s": "seconds",
                "threshold_s": "seconds"}  # fmt: skip


def _find_shape(every: Sequence[NDArray[Any]], others: Mapping[str, str]) -> tuple[int, ...]:
    units = {**_QUEUE_UNITS, **others}
    return require_same_axes({name: (unit, array) for (name, unit), array in zip(units.items(), every, strict=True)})


def _blank(load: Floats, n: Floats, patience: Floats, threshold: Floats) -> Floats:
    """Return the eight measures, filled where there are no calls or no agents."""
    out = np.full((8, *load.shape), np.nan)
    out[:, load == 0.0] = np.array([0, 0, 0, 0, 1, 1, 1, 1], dtype=np.float64)[:, None]
    unstaffed = (load > 0.0) & (n == 0.0) & np.isfinite(patience)
    out[:, unstaffed] = np.array([1, 1, 0, 1, 0, 0, 0, 0], dtype=np.float64)[:, None]
    out[2, unstaffed] = patience[unstaffed]
    out[7, unstaffed] = -np.expm1(-threshold[unstaffed] / patience[unstaffed])
    return out


def _fill_c(out: Floats, where: NDArray[np.bool_], load: Floats, aht: Floats, n: Floats, threshold: Floats) -> None:
    a, agents, handling = load[where], n[where], aht[where]
    found = np.empty((2, a.size))
    measure_c(np.maximum(a, SMALLEST_LOAD), agents, threshold[where] / handling, found)
    wait, late = found
    spare = np.maximum(agents - a, 0.0)
    with np.errstate(divide="ignore"):
        mean_wait = wait * handling / spare
    busy = np.where(spare > 0.0, a / np.maximum(agents, 1.0), 1.0)
    out[:4, where] = np.stack([wait, np.zeros_like(wait), mean_wait, busy])
    out[4:, where] = 1.0 - late


def _fill_a(
    out: Floats, where: NDArray[np.bool_], load: Floats, aht: Floats, patience: Floats, n: Floats, threshold: Floats
) -> None:
    a, agents, hang_up = np.maximum(load[where], SMALLEST_LOAD), n[where], patience[where]
    kappa, t = hang_up / aht[where], threshold[where] / aht[where]
    found = np.empty((4, a.size))
    measure_a(a, agents, kappa, t, prepare_queues(LANES), found)
    wait, abandon, late, beyond = found
    abandon = np.clip(abandon, 0.0, 1.0)
    answered = 1.0 - abandon
    within = np.clip(answered - late, 0.0, 1.0)
    out[:4, where] = np.stack([wait, abandon, abandon * hang_up, a * answered / agents])
    out[4:, where] = np.stack([within, within / answered, within / (within + beyond), 1.0 - beyond])


def _require_c(cases: Cases, out: Floats) -> None:
    require_c(cases.calls, cases.interval_s, cases.aht_s, cases.threshold_s, cases.target, cases.max_occupancy, out)


def _require_a(cases: Cases, out: Floats) -> None:
    lanes = min(LANES, max(out.size, 1))
    require_a(cases, prepare_queues(lanes), search(lanes), out)


def _require_some(require: Callable[[Cases, Floats], None], cases: Cases, where: NDArray[np.intp], out: Floats) -> None:
    """Answer the cases at ``where`` only."""
    some = Cases(*(values if values.size == 1 else values[where] for values in cases))
    found = np.empty(where.size)
    require(some, found)
    out[where] = found
