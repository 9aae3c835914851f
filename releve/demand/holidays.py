"""Which public holidays close a programme: learnt from its history, said by it, or assumed.

The calendar of ``holidays`` says when public holidays are, and the programme which of them it is
open on (``open_holidays``). Of the others the history decides: a holiday on which calls were taken
is an open one the next time. A holiday that the history has never held is taken to be like most of
those it holds, closed where it holds none; that is an assumption, and is named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date

import numpy as np

from releve.demand.localtime import Int64s, local_slots, number_to_day, open_week
from releve.demand.tables import Floats, History, Truths
from releve.network import Programme, is_closed_by_holiday, list_holiday_names

__all__ = ["add_observed_holidays", "describe_assumed_holidays", "find_observed_holidays"]

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


def describe_assumed_holidays(
    programme: Programme, history: History | None, days: Sequence[date]
) -> tuple[str, ...]:
    """Return a sentence for each of the days on which it is assumed whether it is open.

    Those are public holidays in the opening week that neither the history nor the programme says
    anything of.
    """
    seen = find_observed_holidays(history, programme)
    known = add_observed_holidays(programme, history)
    return tuple(_sentences(programme, known, seen, days))


def _sentences(
    programme: Programme, known: Programme, seen: Mapping[str, bool], days: Sequence[date]
) -> Iterator[str]:
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
            yield (
                f"{day}, {' and '.join(sorted(new))}: assumed {'closed' if closed else 'open'};"
                f" {basis}"
            )


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


def _usual(offered: Floats, numbers: Int64s, holiday: Truths) -> Floats:
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
        name
        for n in range(366)
        for name in list_holiday_names(programme.holidays, number_to_day(last + n))
    )
