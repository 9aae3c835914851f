"""What the programmes receive: the shape of their week, its level and the history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import numpy as np
from numpy.typing import NDArray

from releve.network.clock import to_utc
from releve.network.model import HistoryRow, Programme
from releve.network.opening_hours import is_closed_by_holiday, parse_opening
from releve.network.sample.draws import Draws, Floats

__all__ = [
    "HALF_HOURS",
    "CallVolume",
    "count_agents_needed",
    "draw_history",
    "draw_week_shape",
    "find_open_week",
]

HALF_HOURS = 48
_DAY = timedelta(days=1)
_HALF_HOUR = timedelta(minutes=30)
_WEEK = (1.08, 1.02, 0.99, 0.98, 0.97, 0.55, 0.4)
"""Calls of Monday to Sunday over those of a mean weekday, where all seven are open."""


@dataclass(frozen=True)
class CallVolume:
    """Mean calls per half hour of an ordinary week: ``calls[weekday, half hour]``, local time."""

    programme: Programme
    calls: Floats


def find_open_week(opening: str) -> NDArray[np.bool_]:
    """Return ``open[weekday, half hour]``: the half hours that the hours cover."""
    hours = parse_opening(opening)
    return np.array([[hours.is_open(day, 30 * i) for i in range(HALF_HOURS)] for day in range(7)])


def draw_week_shape(programme: Programme, seed: int) -> Floats:
    """Return the calls of a week relative to its busiest half hour, 0 where closed.

    A morning peak, a lower one in the afternoon, on long days one in the evening; Monday is the
    busiest day. Back office follows the post: flat, a little more in the morning.
    """
    draws = Draws(seed, "shape", programme.id)
    hour = (np.arange(HALF_HOURS) + 0.5) / 2
    day = 0.2 + 0.8 * _compute_bump(hour, 11.0 + draws.uniform(-0.3, 0.3), 1.85)
    day += draws.uniform(0.7, 0.82) * _compute_bump(hour, 14.9 + draws.uniform(-0.4, 0.4), 2.05)
    day += draws.uniform(0.04, 0.12) * _compute_bump(hour, 18.4, 1.4)
    day *= 1 - 0.4 * _compute_bump(hour, 7.0, 0.8) - 0.4 * _compute_bump(hour, 21.6, 1.2)
    if programme.kind == "back_office":
        day = 1.0 + 0.25 * _compute_bump(hour, 9.5, 2.0)
    week = np.array(_WEEK) if programme.kind == "inbound" else np.ones(7)
    week = week * draws.uniforms(7, 0.97, 1.03)
    shape = np.where(find_open_week(programme.opening), np.outer(week, day), 0.0)
    out: Floats = np.round(shape / shape.max(), 6)
    return out


def _compute_bump(hour: Floats, centre: float, width: float) -> Floats:
    out: Floats = np.exp(-(((hour - centre) / width) ** 2) / 2)
    return out


def count_agents_needed(erlangs: Floats, programme: Programme) -> Floats:
    """Return agents to roster for a load, by the square-root rule; back office by occupancy.

    The rule sizes the sample only; requirements come from the queue models.
    """
    if programme.kind == "inbound":
        on_phone = erlangs + np.sqrt(erlangs)
    else:
        on_phone = erlangs / programme.max_occupancy
    return on_phone / (1 - programme.shrinkage)


def draw_history(
    volumes: Sequence[CallVolume], start: date, weeks: int, seed: int
) -> tuple[HistoryRow, ...]:
    """Return the half-hourly history of the weeks before ``start``; closed intervals have no row.

    Two days are exceptional for about half of the programmes: a storm of calls, and an outage
    that let few through.
    """
    if not weeks:
        return ()
    days = [start - _DAY * (7 * weeks - i) for i in range(7 * weeks)]
    draws = Draws(seed, "exceptional days")
    storm, outage = (int(i) for i in draws.order(len(days))[:2])
    rows: list[HistoryRow] = []
    for number, volume in enumerate(volumes):
        own = Draws(seed, "history", number)
        factors = own.factors(len(days), own.uniform(0.08, 0.2))
        factors *= 1 + own.uniform(-0.08, 0.08) * np.linspace(1, 0, len(days))
        factors[storm] *= 1.7 if own.chance(0.5) else 1.0
        factors[outage] *= 0.35 if own.chance(0.5) and len(days) > 1 else 1.0
        rows += _draw_rows(volume, days, factors, own)
    return tuple(rows)


def _draw_rows(
    volume: CallVolume, days: list[date], factors: Floats, draws: Draws
) -> list[HistoryRow]:
    """Return the rows of one programme, a draw per open interval and measure."""
    programme = volume.programme
    starts: list[datetime] = []
    opened = find_open_week(programme.opening)
    means: list[Floats] = []
    hours: list[NDArray[np.int64]] = []
    for day, factor in zip(days, factors, strict=True):
        at = np.flatnonzero(opened[day.weekday()])
        if len(at) and not is_closed_by_holiday(programme.holidays, programme.open_holidays, day):
            first = to_utc(
                datetime.combine(day, time(at[0] // 2, 30 * (at[0] % 2))), programme.time_zone
            )
            starts += [first + _HALF_HOUR * int(i - at[0]) for i in at]
            means.append(volume.calls[day.weekday(), at] * factor)
            hours.append(at)
    if not starts:
        return []
    offered = draws.counts(np.concatenate(means))
    answered = _draw_answered(offered, draws) if programme.kind == "inbound" else offered
    aht = _draw_handling(programme, np.concatenate(hours), answered, draws)
    known = programme.kind != "back_office"
    return [
        HistoryRow(programme.id, at, float(n), float(a) if known else None, float(h) if a else None)
        for at, n, a, h in zip(starts, offered, answered, aht, strict=True)
    ]


def _draw_answered(offered: Floats, draws: Draws) -> Floats:
    """Thin the offered calls: 2 to 6 in a hundred hang up, more in a bad half hour."""
    lost = draws.uniforms(len(offered)) ** 3 * 0.14 + 0.01
    return np.maximum(0.0, offered - draws.counts(offered * lost))


def _draw_handling(
    programme: Programme, hours: NDArray[np.int64], answered: Floats, draws: Draws
) -> Floats:
    """Return the mean handling time of each interval: a little longer late, noisier when few."""
    profile = programme.aht_s * (1 + 0.04 * np.sin((hours - 20) / 6))
    noise = draws.normals(len(hours)) * 0.6 / np.sqrt(np.maximum(1.0, answered))
    longer = np.maximum(0.2 * programme.aht_s, profile * (1 + noise))
    return np.asarray(np.round(longer, 1), dtype=np.float64)
