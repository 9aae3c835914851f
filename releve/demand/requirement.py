"""From a forecast to the agents each programme needs in each half hour of one day.

Inbound: the least agents that hold the service target, the answer rate and the occupancy, exactly
(:mod:`releve.demand.erlang`; Erlang C where the patience is not known). Outbound: the work dialled
over the occupancy. Back office: work content by its deadline (:mod:`releve.demand.backoffice`)
over the occupancy. Each over (1 - shrinkage), and not rounded to people: people are whole,
requirements that are pooled are not. Volumes are rounded to a grid of six decimals before the least
agents are searched, agents to one of nine (:mod:`releve.network.decimal_grid`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np

from releve.demand.backoffice import spread_work
from releve.demand.erlang import required_agents
from releve.demand.tables import INTERVAL, Floats, Forecast, Requirement, Truths
from releve.network import Programme, day_bounds, find_open_instants
from releve.network.decimal_grid import FINE_DECIMALS, round_to_grid

__all__ = ["compute_requirement"]

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
) -> Requirement:
    """Return the agents to roster for ``programmes`` on ``day`` in the operator's ``time_zone``.

    The half hours of the whole local day are covered: 48, or 46 and 50 when the clocks change.
    Volumes are the forecast's mean, or its ``quantile``: staffing at 0.8 holds the target in four
    half hours out of five, however the rate turns out. A programme is closed where the forecast
    says so, and outside the forecast by its opening hours; closed is 0. Open half hours without
    a volume are NaN, with the reason in ``unknown``. Where the forecast has no handling time, the
    programme's own stands. Back office is NaN all day when any of its volumes is: the work of the
    whole day is spread together.

    ValueError when the forecast has no such ``quantile``, or the time zone is not known.
    """
    volume = _volume(forecast, quantile)
    demand = _demand(forecast, volume, programmes, day, time_zone)
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
    forecast: Forecast,
    volume: Floats,
    programmes: Sequence[Programme],
    day: date,
    time_zone: str,
) -> _Demand:
    """Pick the day out of the forecast, a column for each of ``programmes``."""
    first, last = day_bounds(day, time_zone)
    starts = tuple(first + i * INTERVAL for i in range(int((last - first) / INTERVAL)))
    row_of = {start: row for row, start in enumerate(forecast.starts)}
    rows = np.array([row_of.get(start, -1) for start in starts])
    shape = (len(starts), len(programmes))
    is_open, calls, aht = np.zeros(shape, dtype=np.bool_), np.zeros(shape), np.zeros(shape)
    unknown: dict[str, str] = {}
    for p, programme in enumerate(programmes):
        column = _column(forecast, programme)
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


def _column(forecast: Forecast, programme: Programme) -> int:
    return forecast.programmes.index(programme.id) if programme.id in forecast.programmes else -1


def _reason(
    forecast: Forecast,
    programme: Programme,
    held: Truths,
    starts: tuple[datetime, ...],
    missing: Truths,
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
