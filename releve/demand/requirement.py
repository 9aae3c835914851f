"""History, forecast and requirement; the agents each programme needs in each half hour of a day.

Arrays are float64 ``[interval, programme]`` unless stated otherwise. An interval is 30 minutes,
named by its start in UTC; NaN is *not known*, never zero calls; a closed interval has 0 and
``open`` False.

Inbound: the least agents that hold the service target, the answer rate and the occupancy, exactly
(Erlang A, or C where the patience is not known). Outbound: the work dialled over the occupancy.
Back office: work content by its deadline over the occupancy. Each over (1 - shrinkage), and not
rounded to people, because requirements may be pooled. Volumes are rounded to six decimals before
the search, agents to nine.

Back-office work is spread so that the day's peak is lowest, as if every opening day were like this
one: what is not yet due at the end is handed on, and as much was taken over. With d the deadline in
intervals, A(k) the work come in and S(k) the work done by the end of interval k on this circle,
A(k - d + 1) <= S(k) <= A(k): a band, in which the taut string has the least peak, the least sum of
squares and the least of every other convex cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

import numpy as np
from numpy.typing import NDArray

from releve.demand.erlang import required_agents
from releve.kernels.arrays import Floats, Truths
from releve.network import Programme, day_bounds, find_open_instants
from releve.network.history_grid import FINE_DECIMALS, round_to_grid
from releve.network.moments import MIDNIGHT


def least_peak(work: Floats, deadline: int) -> float:
    """Return the least capacity per interval that does all the work in time, day after day.

    ``work[interval]`` comes in over the opening intervals of a day that repeats; ``deadline`` in
    intervals, at least 1. It is the greatest of work / room over the runs of intervals: what
    comes in during a run of r intervals has the room of r + deadline - 1 intervals.
    """
    return _densest(work, deadline)[0]


def spread_work(work: Floats, deadline: int) -> Floats:
    """Return the work to be done in each interval: the taut string of the repeated day.

    Same arguments as :func:`least_peak`; the result has the same length, sum and unit, its
    maximum is the least peak. ValueError when the deadline is below 1 or work is negative.
    """
    if deadline < 1:
        raise ValueError(f"expected deadline >= 1, got {deadline!r}")
    if work.size and not np.min(work) >= 0:
        raise ValueError(f"expected work >= 0, got {float(np.min(work))!r}")
    size = work.size
    peak, first = _densest(work, deadline)
    if first < 0:
        return np.full(size, peak)
    # The densest run is done in its own intervals and by itself, so all that came before it is
    # done when it begins: the circle can be cut there.
    come = np.concatenate([[0.0], np.cumsum(np.roll(work, -first))])
    due = np.concatenate([np.zeros(deadline), come[1 : size - deadline + 1], come[-1:]])
    return np.roll(np.diff(_taut_string(due, come)), first)


def _densest(work: Floats, deadline: int) -> tuple[float, int]:
    """Return the greatest work / room of a run and where the run starts (-1 = the whole circle)."""
    size = work.size
    if size == 0:
        return 0.0, -1
    mean = float(np.mean(work))
    come = np.concatenate([[0.0], np.cumsum(np.concatenate([work, work]))])
    first, length = np.meshgrid(np.arange(size), np.arange(1, size), indexing="ij")
    density = (come[first + length] - come[first]) / (length + deadline - 1)
    if density.size == 0 or np.max(density) <= mean * (1.0 + 1e-12):
        return mean, -1
    best = int(np.argmax(density))
    return float(density.flat[best]), int(first.flat[best])


def _taut_string(low: Floats, high: Floats) -> Floats:
    """Return the shortest path from (0, low[0]) to the end between two curves that meet there.

    From a fixed point a straight line can go on as long as its slope is at most ``up`` and at
    least ``down``; where they cross, the string bends at the curve that held it.
    """
    path = np.zeros(low.size)
    at, end = 0, low.size - 1
    while at < end:
        up, up_at, down, down_at = np.inf, at, -np.inf, at
        bend, height = end, low[end]
        for k in range(at + 1, low.size):
            to_high, to_low = (high[k] - path[at]) / (k - at), (low[k] - path[at]) / (k - at)
            if to_low > up:
                bend, height = up_at, high[up_at]
                break
            if to_high < down:
                bend, height = down_at, low[down_at]
                break
            if to_high <= up:
                up, up_at = to_high, k
            if to_low >= down:
                down, down_at = to_low, k
        path[at : bend + 1] = np.linspace(path[at], height, bend - at + 1)
        at = bend
    return path


INTERVAL = timedelta(minutes=30)


@dataclass(frozen=True)
class History:
    """Half-hourly history of one programme.

    ``starts`` int64 seconds since 1970 UTC, ascending, one per half hour held by the source;
    ``offered``, ``answered`` counts and ``aht_s`` seconds of the same length, NaN = not known.
    """

    programme: str
    starts: NDArray[np.int64]
    offered: Floats
    answered: Floats
    aht_s: Floats


@dataclass(frozen=True)
class Forecast:
    """Expected volume and handling time for the intervals of one day or of several.

    ``mean`` calls; ``quantiles[level][interval, programme]`` calls at that level of probability;
    ``aht_s`` seconds; ``day_factor_cv[programme]`` coefficient of variation of the factor that a
    whole day shares (busyness), so that a day is high or low together. ``open`` says when the
    programme takes calls. A programme without a usable history has NaN throughout its open
    intervals and its reason in ``unknown``. ``assumed`` says by programme what the forecast rests
    on that neither its history nor its row says: public holidays taken to be closed or open.
    """

    programmes: tuple[str, ...]
    starts: tuple[datetime, ...]
    open: Truths
    mean: Floats
    quantiles: dict[float, Floats]
    aht_s: Floats
    day_factor_cv: Floats
    unknown: dict[str, str]
    assumed: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Requirement:
    """Agents to roster per programme and half hour of one planning day.

    ``agents`` is on-phone agents divided by (1 - shrinkage), not rounded (rounding before pooling
    inflates sums); ``on_phone`` the integer optimum before shrinkage; ``calls`` the volume it was
    computed for and ``aht_s`` its handling time. NaN = not known, with the reason in ``unknown``.
    ``starts`` covers the whole local day of the operator.
    """

    day: date
    programmes: tuple[str, ...]
    starts: tuple[datetime, ...]
    agents: Floats
    on_phone: Floats
    calls: Floats
    aht_s: Floats
    unknown: dict[str, str]


INTERVAL_S = INTERVAL.total_seconds()


@dataclass(frozen=True)
class _Demand:
    """The day's demand: ``[interval, programme]`` arrays, 0 where closed, NaN = not known."""

    starts: tuple[datetime, ...]
    open: Truths
    calls: Floats
    aht_s: Floats
    unknown: dict[str, str]


def compute_requirement(
    forecast: Forecast,
    programmes: Sequence[Programme],
    day: date,
    time_zone: str,
    *,
    quantile: float | None = None,
    day_start: time = MIDNIGHT,
) -> Requirement:
    """Return the agents to roster for ``programmes`` on ``day`` in the operator's ``time_zone``.

    The half hours of the whole local day, which begins at ``day_start``, are covered: 48, or 46 and
    50 when the clocks change.
    Volumes are the forecast's mean, or its ``quantile``: staffing at 0.8 holds the target in four
    half hours out of five, however the rate turns out. A programme is closed where the forecast
    says so, and outside the forecast by its opening hours; closed is 0. Open half hours without
    a volume are NaN, with the reason in ``unknown``. Where the forecast has no handling time, the
    programme's own stands. Back office is NaN all day when any of its volumes is: the work of the
    whole day is spread together.

    ValueError when the forecast has no such ``quantile``, or the time zone is not known.
    """
    volume = _volume(forecast, quantile)
    demand = _demand(forecast, volume, programmes, day_bounds(day, time_zone, day_start))
    on_phone = _on_phone(demand, programmes)
    available = np.array([1.0 - row.shrinkage for row in programmes])
    return Requirement(
        day=day,
        programmes=tuple(row.id for row in programmes),
        starts=demand.starts,
        agents=round_to_grid(on_phone / available, FINE_DECIMALS),
        on_phone=round_to_grid(on_phone, FINE_DECIMALS),
        calls=demand.calls,
        aht_s=demand.aht_s,
        unknown=demand.unknown,
    )


def _volume(forecast: Forecast, quantile: float | None) -> Floats:
    if quantile is None:
        return forecast.mean
    for level, volume in forecast.quantiles.items():
        if abs(level - quantile) < 1e-9:
            return volume
    held = ", ".join(f"{level:g}" for level in sorted(forecast.quantiles)) or "none"
    raise ValueError(f"expected a quantile that the forecast holds ({held}), got {quantile!r}")


def _demand(
    forecast: Forecast, volume: Floats, programmes: Sequence[Programme], bounds: tuple[datetime, datetime]
) -> _Demand:
    """Pick the day out of the forecast, a column for each of ``programmes``."""
    first, last = bounds
    starts = tuple(first + i * INTERVAL for i in range(int((last - first) / INTERVAL)))
    row_of = {start: row for row, start in enumerate(forecast.starts)}
    rows = np.array([row_of.get(start, -1) for start in starts])
    shape = (len(starts), len(programmes))
    is_open, calls, aht = np.zeros(shape, dtype=np.bool_), np.zeros(shape), np.zeros(shape)
    unknown: dict[str, str] = {}
    for p, programme in enumerate(programmes):
        column = forecast.programmes.index(programme.id) if programme.id in forecast.programmes else -1
        held = rows >= 0 if column >= 0 else np.zeros(len(starts), dtype=np.bool_)
        is_open[:, p] = find_open_instants(programme, starts)
        calls[:, p], aht[:, p] = np.nan, programme.aht_s
        if column >= 0:
            is_open[held, p] = forecast.open[rows[held], column]
            calls[held, p] = volume[rows[held], column]
            known = forecast.aht_s[rows[held], column]
            aht[held, p] = np.where(np.isnan(known), programme.aht_s, known)
        calls[~is_open[:, p], p] = 0.0
        missing = np.isnan(calls[:, p])
        if missing.any():
            unknown[programme.id] = _reason(forecast, programme, held[missing], starts, missing)
    return _Demand(starts, is_open, round_to_grid(calls), round_to_grid(aht), unknown)


def _reason(
    forecast: Forecast, programme: Programme, held: Truths, starts: tuple[datetime, ...], missing: Truths
) -> str:
    """Return why open half hours of a programme have no volume."""
    if programme.id in forecast.unknown:
        return forecast.unknown[programme.id]
    if programme.id not in forecast.programmes:
        return "the forecast lacks this programme"
    first = starts[int(np.argmax(missing))]
    what = "has no volume for" if held.any() else "does not reach"
    return f"the forecast {what} {int(missing.sum())} open half hours, from {first.isoformat()}"


def _on_phone(demand: _Demand, programmes: Sequence[Programme]) -> Floats:
    """Return the agents at work before shrinkage, ``[interval, programme]``."""
    out = np.zeros_like(demand.calls)
    inbound = [p for p, row in enumerate(programmes) if row.kind == "inbound"]
    paced = [p for p, row in enumerate(programmes) if row.kind != "inbound"]
    if inbound:
        out[:, inbound] = _inbound(demand, [programmes[p] for p in inbound], inbound)
    occupancy = np.array([row.max_occupancy for row in programmes])
    busy = demand.calls * demand.aht_s / INTERVAL_S
    for p in paced:
        if programmes[p].kind == "back_office":
            busy[:, p] = _back_office(busy[:, p], demand.open[:, p], programmes[p].deadline_hours)
    out[:, paced] = busy[:, paced] / occupancy[paced]
    return out


def _inbound(demand: _Demand, rows: Sequence[Programme], columns: Sequence[int]) -> Floats:
    return required_agents(
        demand.calls[:, columns],
        INTERVAL_S,
        demand.aht_s[:, columns],
        [np.inf if row.patience_s is None else row.patience_s for row in rows],
        [row.service_threshold_s for row in rows],
        [row.service_target for row in rows],
        [row.service_definition for row in rows],
        [row.answer_rate for row in rows],
        [row.max_occupancy for row in rows],
    )


def _back_office(busy: Floats, is_open: Truths, deadline_hours: float) -> Floats:
    """Return the agents busy in each half hour; the deadline counts opening half hours."""
    out = np.zeros_like(busy)
    work = busy[is_open]
    if np.isnan(work).any():
        out[is_open] = np.nan
        return out
    half_hours = int(deadline_hours * 3600.0 / INTERVAL_S + 1e-9)
    out[is_open] = spread_work(work, max(1, half_hours))
    return out
