"""Local days and half hours of many instants at once.

Instants are int64 seconds since 1970 UTC. A local *slot* is one of the 48 half hours of the wall
clock of a day. Offsets come from the pinned zones of ``releve.network``, asked once a day
(and once a half hour on a day on which they change), so a year costs hundreds of look-ups.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from releve.demand.tables import Truths
from releve.network import Programme
from releve.network.clock import UTC, zone
from releve.network.opening_hours import is_closed_by_holiday, parse_opening

__all__ = [
    "HALF_HOUR_S",
    "SLOTS",
    "Int64s",
    "day_to_number",
    "find_offsets",
    "local_slots",
    "local_to_utc",
    "number_to_day",
    "open_slots",
    "open_week",
    "to_datetimes",
]

Int64s = NDArray[np.int64]

HALF_HOUR_S = 1800
SLOTS = 48
_DAY_S = 86400
_EPOCH = date(1970, 1, 1)
_EPOCH_UTC = datetime(1970, 1, 1, tzinfo=UTC)


def day_to_number(day: date) -> int:
    """Return the days since 1970-01-01."""
    return (day - _EPOCH).days


def number_to_day(number: int) -> date:
    """Return the day that is ``number`` days after 1970-01-01."""
    return _EPOCH + timedelta(days=int(number))


def to_datetimes(seconds: Int64s) -> tuple[datetime, ...]:
    """Return seconds since 1970 as datetimes in UTC."""
    return tuple(_EPOCH_UTC + timedelta(seconds=int(second)) for second in seconds)


@lru_cache(maxsize=100_000)
def _offset(zone_name: str, second: int) -> int:
    shift = (_EPOCH_UTC + timedelta(seconds=second)).astimezone(zone(zone_name)).utcoffset()
    return round(shift.total_seconds()) if shift is not None else 0


def find_offsets(seconds: Int64s, zone_name: str) -> Int64s:
    """Return the offset from UTC in seconds at each instant (local = UTC + offset)."""
    days, inverse = np.unique(seconds // _DAY_S, return_inverse=True)
    first = [_offset(zone_name, int(day) * _DAY_S) for day in days]
    last = [_offset(zone_name, int(day + 1) * _DAY_S) for day in days]
    out = np.array(first, dtype=np.int64)[inverse]
    changing = np.not_equal(first, last)[inverse]
    for i in np.flatnonzero(changing):
        out[i] = _offset(zone_name, int(seconds[i]) // HALF_HOUR_S * HALF_HOUR_S)
    return out


def local_slots(seconds: Int64s, zone_name: str) -> tuple[Int64s, Int64s]:
    """Return the local day number and the slot (0..47) of each instant."""
    local = seconds + find_offsets(seconds, zone_name)
    return local // _DAY_S, local % _DAY_S // HALF_HOUR_S


def local_to_utc(local: Int64s, zone_name: str) -> tuple[Int64s, Int64s]:
    """Return wall-clock seconds as UTC seconds, and how many instants each could be.

    The second array holds 1 where the answer is certain, 0 where the time does not exist and 2
    where it exists twice (a change of the clocks); there the first answer stands for nothing.
    """
    before = find_offsets(local - _DAY_S, zone_name)
    after = find_offsets(local + _DAY_S, zone_name)
    fits_before = find_offsets(local - before, zone_name) == before
    fits_after = (find_offsets(local - after, zone_name) == after) & (after != before)
    utc = np.where(fits_before, local - before, local - after)
    return utc, fits_before.astype(np.int64) + fits_after


def open_week(programme: Programme) -> Truths:
    """Return ``open[weekday, slot]`` of a week without holidays, Monday first; read only."""
    return _week(programme.opening)


@lru_cache(maxsize=4096)
def _week(text: str) -> Truths:
    opening = parse_opening(text)
    week = np.array(
        [[opening.is_open(weekday, slot * 30) for slot in range(SLOTS)] for weekday in range(7)],
        dtype=np.bool_,
    )
    week.flags.writeable = False
    return week


def open_slots(programme: Programme, days: Int64s) -> tuple[Truths, Truths]:
    """Return ``open[day, slot]`` for local day numbers, and which days a public holiday closes."""
    holiday = np.array(
        [
            is_closed_by_holiday(programme.holidays, programme.open_holidays, number_to_day(day))
            for day in days.tolist()
        ],
        dtype=np.bool_,
    )
    opened = open_week(programme)[(days + 3) % 7] & ~holiday[:, None]
    return opened, holiday
