"""What each cause costs: the same quarters rerun with one cause removed; estimates over quarters.

All other random numbers stay the same, so the calls that a quarter then saves are due to the cause
alone; the interval is that of paired differences. Differences need not add up: where two causes
take the same people, either alone would have lost the calls. A quarter in which a cause does
nothing is not rerun: its difference is zero.

What no quarter showed has a chance of at most ``bound_unseen(n)`` (Clopper and Pearson); the mean
of a figure of at most ``most`` a quarter is then at most ``most`` times that bound.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from releve.kernels.arrays import Array, Floats, Truths
from releve.plugins.crashtest.engine.kernel_types import PROGRAMME
from releve.plugins.crashtest.engine.lost_places import OutageArrays
from releve.plugins.crashtest.engine.outbreak import Band, Estimate
from releve.plugins.crashtest.engine.run import Quarters, Runner
from releve.plugins.crashtest.engine.run_arrays import CrashTest, RunArrays
from releve.plugins.crashtest.engine.settings import require

_Z = 1.96


def bound_unseen(n: int) -> float:
    """Return the largest chance of what none of ``n`` quarters showed (97.5 %)."""
    return float(1.0 - 0.025 ** (1.0 / n))


def estimate_mean(values: Array, *, most: float = 0.0, least: float = 0.0) -> Estimate:
    """Return the mean over quarters; the interval of one quarter is infinite.

    ``least`` .. ``most``: what one quarter could have at all. They end the interval when every
    quarter had nothing; 0 and 0 where they are not known.
    """
    value, n = float(values.mean()), len(values)
    if n > 1 and not np.any(values):
        return Estimate(0.0, min(0.0, least) * bound_unseen(n), max(0.0, most) * bound_unseen(n))
    error = float(values.std(ddof=1) / np.sqrt(n)) if n > 1 else np.inf
    return Estimate(value, value - _Z * error, value + _Z * error)


def estimate_ratio(above: Array, below: Array) -> Estimate:
    """Return the ratio of two sums over quarters (delta method), 0 .. 1; 1 of nothing."""
    total = float(below.sum())
    if total <= 0:
        return Estimate(1.0, 1.0, 1.0)
    value, n = float(above.sum()) / total, len(above)
    if n == 1:
        return Estimate(value, -np.inf, np.inf)
    if np.array_equal(above, below):
        return Estimate(1.0, 1.0 - bound_unseen(n), 1.0)
    if not np.any(above):
        return Estimate(0.0, 0.0, bound_unseen(n))
    squares = float(((above - value * below) ** 2).sum())
    error = np.sqrt(squares * n / (n - 1)) / total
    return Estimate(value, float(value - _Z * error), float(value + _Z * error))


def estimate_share(hits: Array) -> Estimate:
    """Return the share of quarters, with Wilson's interval."""
    n, count = len(hits), float(np.asarray(hits, dtype=np.float64).sum())
    z2 = _Z**2
    centre = (count + z2 / 2) / (n + z2)
    half = _Z / (n + z2) * np.sqrt(count * (n - count) / n + z2 / 4)
    return Estimate(count / n, float(max(0.0, centre - half)), float(min(1.0, centre + half)))


def estimate_band(values: Array, middle: float = 0.9) -> Band:
    """Return the median and the range of the middle of the quarters."""
    tail = (1.0 - middle) / 2
    low, median, high = np.quantile(values, [tail, 0.5, 1.0 - tail])
    return Band(float(median), float(low), float(high))


def compute_service_level(definition: str, offered: Array, lost: Array, in_time: Array, short: Array) -> Array:
    """Return the service level by its definition; 1 where nothing is to be divided by."""
    above = in_time + short if definition == "with_short" else in_time
    below = {"answered": offered - lost, "without_short": offered - short}.get(definition, offered)
    return np.where(below > 0, above / np.where(below > 0, below, 1.0), 1.0)


_LOST = PROGRAMME.index("lost")


@dataclass(frozen=True)
class Ablation:
    """The quarters from ``first`` on, less the same without one cause: ``calls[r, cause, client]``
    lost, ``penalty[r, cause]`` in EUR, ``changed[r, cause]`` whether it did anything; the causes of
    :func:`list_removable_causes`. Negative where a cause spares more than it costs, as a rule may.
    """

    first: int
    calls: Floats
    penalty: Floats
    changed: Truths

    def __len__(self) -> int:
        return len(self.calls)


@dataclass(frozen=True)
class _Disasters:
    """Closures, absences and outages of some quarters."""

    closed: Truths
    away: NDArray[np.int32]
    events: OutageArrays


def list_removable_causes(ready: RunArrays) -> tuple[str, ...]:
    """Return the causes that can be switched off: ``outbreak``, ``closure`` if the rule is in
    force, and the hazards."""
    rule = ("closure",) if ready.controls.closure is not None else ()
    return ("outbreak", *rule, *(hazard.id for hazard in ready.hazards))


def select_lost_calls(rows: Quarters) -> Floats:
    """Return the calls lost: float64[r, programme]."""
    return rows.programme[:, :, _LOST]


def rerun_ablated(ready: RunArrays, runner: Runner, first: int, lost: Floats) -> Ablation:
    """Return what each cause costs in the quarters from ``first`` on, which lost ``lost[r,
    programme]`` calls with every cause (:func:`select_lost_calls`)."""
    count = len(lost)
    ill = runner.draw_outbreak(first, count)
    came = _Disasters(ill.closed, ill.away, runner.draw_outages(first, count))
    causes, clients = list_removable_causes(ready), int(ready.demand.client.max(initial=-1)) + 1
    found = Ablation(
        first,
        np.zeros((count, len(causes), clients)),
        np.zeros((count, len(causes))),
        np.zeros((count, len(causes)), dtype=np.bool_),
    )
    for at, other in enumerate(_remove_each_cause(ready, runner, first, came)):
        chosen = np.flatnonzero(_find_changed_quarters(came, other))
        if not len(chosen):
            continue
        part = _Disasters(other.closed[chosen], other.away[chosen], _select_quarters(other.events, chosen))
        rerun, _ = runner.simulate(first + chosen, part.closed, part.away, part.events)
        less = lost[chosen] - rerun.programme[:, :, _LOST]
        found.changed[chosen, at] = True
        found.penalty[chosen, at] = less @ ready.demand.penalty
        for p, client in enumerate(ready.demand.client):
            found.calls[chosen, at, client] += less[:, p]
    return found


def _remove_each_cause(ready: RunArrays, runner: Runner, first: int, came: _Disasters) -> Iterator[_Disasters]:
    """Yield the disasters without each cause, in the order of :func:`list_removable_causes`."""
    shut = np.zeros_like(came.closed)
    for site, day in ready.scenario.shut:
        shut[:, :day, site] = True
    yield replace(came, closed=shut, away=np.zeros_like(came.away))
    if ready.controls.closure is not None:
        ill = runner.draw_outbreak(first, len(came.closed), replace(ready.controls, closure=None))
        yield replace(came, closed=ill.closed, away=ill.away)
    for number in range(len(ready.hazards)):
        yield replace(came, events=_filter_outages(came.events, came.events.hazard != number))


def _find_changed_quarters(one: _Disasters, other: _Disasters) -> Truths:
    """Return the quarters in which two sets of disasters differ: bool[r]."""
    found = np.diff(one.events.pointer) != np.diff(other.events.pointer)
    if one.closed is not other.closed:
        found |= (one.closed != other.closed).any(axis=(1, 2))
        found |= (one.away != other.away).any(axis=(1, 2))
    return np.asarray(found)


def _filter_outages(events: OutageArrays, kept: Truths) -> OutageArrays:
    counted = np.concatenate([[0], np.cumsum(kept)])
    return OutageArrays(
        counted[events.pointer].astype(np.int64),
        events.begin[kept],
        events.end[kept],
        events.place[kept],
        events.hazard[kept],
    )


def _select_quarters(events: OutageArrays, chosen: NDArray[np.intp]) -> OutageArrays:
    """Return the outages of some quarters alone."""
    many = np.diff(events.pointer)
    inside = np.zeros(len(many), dtype=np.bool_)
    inside[chosen] = True
    rows = np.repeat(inside, many)
    pointer = np.concatenate([[0], np.cumsum(many[chosen])]).astype(np.int64)
    columns = (events.begin, events.end, events.place, events.hazard)
    return OutageArrays(pointer, *(column[rows] for column in columns))


def join_ablations(parts: Iterable[Ablation]) -> Ablation:
    """Join parts in the order of their quarters; CrashTestError for a gap or an overlap."""
    ordered = sorted(parts, key=lambda one: one.first)
    require(bool(ordered), "a part at least", 0)
    for one, following in pairwise(ordered):
        wanted = one.first + len(one)
        require(following.first == wanted, f"the next part begins at {wanted}", following.first)
    names = [item.name for item in fields(Ablation) if item.name != "first"]
    rows = {name: np.concatenate([getattr(one, name) for one in ordered]) for name in names}
    return Ablation(first=ordered[0].first, **rows)


@dataclass(frozen=True)
class RemovedCause:
    """What a quarter saves without a cause, by paired differences.

    ``lost`` calls and ``penalty`` EUR a quarter; ``changes`` the share of quarters in which it does
    anything; ``lost_by_client``.
    """

    cause: str
    name: str
    lost: Estimate
    penalty: Estimate
    changes: Estimate
    lost_by_client: dict[str, Estimate]


def rank_causes(test: CrashTest, ready: RunArrays, rows: Ablation) -> tuple[RemovedCause, ...]:
    """Return the causes by what a quarter saves without them, the costliest first."""
    names = {"outbreak": "The outbreak", "closure": "The closure rule"}
    names |= {hazard.id: hazard.name for hazard in test.hazards}
    clients = [client.id for client in test.operator.clients[: rows.calls.shape[2]]]
    found = [
        RemovedCause(
            cause=cause,
            name=names[cause],
            lost=estimate_mean(rows.calls[:, at].sum(axis=1)),
            penalty=estimate_mean(rows.penalty[:, at]),
            changes=estimate_share(rows.changed[:, at]),
            lost_by_client={c: estimate_mean(rows.calls[:, at, i]) for i, c in enumerate(clients)},
        )
        for at, cause in enumerate(list_removable_causes(ready))
    ]
    return tuple(sorted(found, key=lambda one: -one.lost.value))
