"""What the calendar says of a day beside its weekday: holidays and the place in the month."""

from __future__ import annotations

import numpy as np

from releve.demand.country import calendar_country
from releve.demand.localtime import Int64s, number_to_day, open_slots, open_week
from releve.demand.tables import Truths
from releve.network import Programme
from releve.network.opening_hours import is_holiday

__all__ = ["FEATURES", "MONTH_FEATURES", "calendar_features"]

FEATURES = ("holiday", "after_holiday", "month_start", "month_end")
"""The features a day may have; each has a factor learnt from the days that had it."""

MONTH_FEATURES = ("month_start", "month_end")

_EDGE_DAYS = 3


def calendar_features(programme: Programme, numbers: Int64s) -> Truths:
    """Return ``[day, feature]`` in the order of :data:`FEATURES` for local day numbers.

    ``holiday`` is a public holiday on which the programme is open. ``after_holiday`` is the first
    open day after one that a holiday closed. ``month_start`` and ``month_end`` are the first and
    last three calendar days of a month.
    """
    out = np.zeros((len(numbers), len(FEATURES)), dtype=np.bool_)
    if not len(numbers):
        return out
    country = calendar_country(programme)
    wide = np.arange(numbers.min() - 10, numbers.max() + 1, dtype=np.int64)
    opened, closing = open_slots(programme, wide)
    working: Truths = np.asarray(opened.any(axis=1), dtype=np.bool_)
    weekly: Truths = np.asarray(open_week(programme).any(axis=1), dtype=np.bool_)
    lost = closing & weekly[(wide + 3) % 7]
    waiting, after = False, np.zeros(len(wide), dtype=np.bool_)
    for i in range(len(wide)):
        after[i] = waiting and working[i]
        waiting = bool(lost[i]) or (waiting and not working[i])
    place = numbers - wide[0]
    days = [number_to_day(number) for number in numbers.tolist()]
    out[:, 0] = [is_holiday(country, day) for day in days] & working[place]
    out[:, 1] = after[place]
    out[:, 2] = [day.day <= _EDGE_DAYS for day in days]
    later = [number_to_day(number + _EDGE_DAYS).month for number in numbers.tolist()]
    out[:, 3] = [month != day.month for month, day in zip(later, days, strict=True)]
    return out
