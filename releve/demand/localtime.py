"""Local days, half hours and public holidays of many instants at once.

Instants are int64 seconds since 1970 UTC; a *slot* is one of the 48 half hours of the local day.
Offsets of the pinned zones are asked once a day (once a half hour where they change).

A programme says on which public holidays it is open (``open_holidays``). Of the others the history
decides: a holiday on which calls were taken is an open one the next time. A holiday that the
history never held is taken to be like most of those it holds, closed where it holds none; that
assumption is named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import cache, lru_cache
from importlib import resources

import numpy as np

from releve.demand.requirement import History
from releve.kernels.arrays import Floats, Ints, Truths
from releve.network import Programme, list_holiday_names
from releve.network.history_grid import EPOCH
from releve.network.moments import UTC, zone
from releve.network.opening_hours import is_closed_by_holiday, parse_opening

HALF_HOUR_S = 1800
SLOTS = 48
_DAY_S = 86400
EPOCH_UTC = datetime(1970, 1, 1, tzinfo=UTC)


def day_to_number(day: date) -> int:
    """Return the days since 1970-01-01."""
    return (day - EPOCH).days


def number_to_day(number: int) -> date:
    """Return the day that is ``number`` days after 1970-01-01."""
    return EPOCH + timedelta(days=int(number))


def to_datetimes(seconds: Ints) -> tuple[datetime, ...]:
    """Return seconds since 1970 as datetimes in UTC."""
    return tuple(EPOCH_UTC + timedelta(seconds=int(second)) for second in seconds)


@lru_cache(maxsize=100_000)
def _offset(zone_name: str, second: int) -> int:
    shift = (EPOCH_UTC + timedelta(seconds=second)).astimezone(zone(zone_name)).utcoffset()
    return round(shift.total_seconds()) if shift is not None else 0


def find_offsets(seconds: Ints, zone_name: str) -> Ints:
    """Return the offset from UTC in seconds at each instant (local = UTC + offset)."""
    days, inverse = np.unique(seconds // _DAY_S, return_inverse=True)
    first = [_offset(zone_name, int(day) * _DAY_S) for day in days]
    last = [_offset(zone_name, int(day + 1) * _DAY_S) for day in days]
    out = np.array(first, dtype=np.int64)[inverse]
    changing = np.not_equal(first, last)[inverse]
    for i in np.flatnonzero(changing):
        out[i] = _offset(zone_name, int(seconds[i]) // HALF_HOUR_S * HALF_HOUR_S)
    return out


def local_slots(seconds: Ints, zone_name: str) -> tuple[Ints, Ints]:
    """Return the local day number and the slot (0..47) of each instant."""
    local = seconds + find_offsets(seconds, zone_name)
    return local // _DAY_S, local % _DAY_S // HALF_HOUR_S


def local_to_utc(local: Ints, zone_name: str) -> tuple[Ints, Ints]:
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
        [[opening.is_open(weekday, slot * 30) for slot in range(SLOTS)] for weekday in range(7)], dtype=np.bool_
    )
    week.flags.writeable = False
    return week


def open_slots(programme: Programme, days: Ints) -> tuple[Truths, Truths]:
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


_LEAST_SHARE = 0.1
"""Fewer calls than this share of a usual day of the weekday are callers at a closed door."""


def find_observed_holidays(history: History | None, programme: Programme) -> dict[str, bool]:
    """Return the public holidays that the history holds by name: whether it was open on the last.

    Open: calls came in the opening hours, a tenth of the median day of that weekday at least, and
    some were answered where answers are known. Closed: the history goes on before and after, and
    holds less on the day, or nothing. Days on which the week is closed anyway say nothing.
    """
    if history is None or not len(history.starts) or not programme.holidays:
        return {}
    first, offered, answered = _totals(history, programme)
    numbers = first + np.arange(len(offered), dtype=np.int64)
    names = [list_holiday_names(programme.holidays, number_to_day(n)) for n in numbers.tolist()]
    usual = _usual(offered, numbers, np.array([bool(found) for found in names]))
    weekly: Truths = np.asarray(open_week(programme).any(axis=1))
    seen: dict[str, bool] = {}
    for i in range(len(names)):
        weekday = (int(numbers[i]) + 3) % 7
        calls = offered[i] > _LEAST_SHARE * usual[weekday] and answered[i] != 0
        if names[i] and weekly[weekday] and (calls or 0 < i < len(names) - 1):
            seen.update(dict.fromkeys(names[i], bool(calls)))
    return seen


def add_observed_holidays(programme: Programme, history: History | None) -> Programme:
    """Return the programme as open on the holidays too on which its history shows it open.

    Holidays never seen are open as well where most of those seen were.
    """
    seen = find_observed_holidays(history, programme)
    opened = {name for name, is_open in seen.items() if is_open}
    if 2 * len(opened) > len(seen):
        opened |= {name for name in _calendar_names(programme, history) if name not in seen}
    opened |= set(programme.open_holidays)
    return replace(programme, open_holidays=tuple(sorted(opened)))


def describe_assumed_holidays(programme: Programme, history: History | None, days: Sequence[date]) -> tuple[str, ...]:
    """Return a sentence for each of the days on which it is assumed whether it is open.

    Those are public holidays in the opening week that neither the history nor the programme says
    anything of.
    """
    seen = find_observed_holidays(history, programme)
    known = add_observed_holidays(programme, history)
    return tuple(_sentences(programme, known, seen, days))


def _sentences(programme: Programme, known: Programme, seen: Mapping[str, bool], days: Sequence[date]) -> Iterator[str]:
    weekly: Truths = np.asarray(open_week(programme).any(axis=1))
    opened = sum(seen.values())
    basis = (
        f"of the {len(seen)} public holidays that the history holds it was open on {opened}"
        if seen
        else "the history holds no public holiday"
    )
    for day in sorted(set(days)):
        new = set(list_holiday_names(programme.holidays, day)) - seen.keys()
        new -= set(programme.open_holidays)
        if new and weekly[day.weekday()]:
            closed = is_closed_by_holiday(known.holidays, known.open_holidays, day)
            yield (f"{day}, {' and '.join(sorted(new))}: assumed {'closed' if closed else 'open'}; {basis}")


def _totals(history: History, programme: Programme) -> tuple[int, Floats, Floats]:
    """Return the first local day, and each day's calls and answers within the opening week.

    Nothing held is 0 calls; answers are NaN where those of any half hour are not known.
    """
    local, slot = local_slots(history.starts, programme.time_zone)
    first = int(local.min())
    inside = open_week(programme)[(local + 3) % 7, slot] & np.isfinite(history.offered)
    size = int(local.max()) - first + 1
    place = local[inside] - first
    offered = np.bincount(place, history.offered[inside], size).astype(np.float64)
    answered = np.bincount(place, history.answered[inside], size).astype(np.float64)
    return first, offered, answered


def _usual(offered: Floats, numbers: Ints, holiday: Truths) -> Floats:
    """Return the median calls of each weekday's usual days that hold some, 0 where none does."""
    out = np.zeros(7)
    for weekday in range(7):
        held = offered[((numbers + 3) % 7 == weekday) & ~holiday & (offered > 0)]
        out[weekday] = float(np.median(held)) if len(held) else 0.0
    return out


def _calendar_names(programme: Programme, history: History | None) -> frozenset[str]:
    """Return the names of the programme's calendar in the year after a history."""
    if history is None or not len(history.starts):
        return frozenset()
    last = int(local_slots(history.starts[-1:], programme.time_zone)[0][0])
    return frozenset(
        name for n in range(366) for name in list_holiday_names(programme.holidays, number_to_day(last + n))
    )


@cache
def _countries() -> dict[str, str]:
    text = resources.files("tzdata").joinpath("zoneinfo", "zone.tab").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in text.splitlines() if not line.startswith("#"))
    return {row[2]: row[0] for row in rows}


def country_of_zone(time_zone: str) -> str:
    """Return the ISO country a time zone is named for, empty where it is for none (``UTC``)."""
    return _countries().get(time_zone, "")


def calendar_country(programme: Programme) -> str:
    """Return the country whose holidays close the programme or, if none does, may move its calls.

    A programme open on holidays is looked at with the calendar of its time zone; whether its calls
    change on them is learnt from its history, so a wrong country does no harm.
    """
    return programme.holidays or country_of_zone(programme.time_zone)
