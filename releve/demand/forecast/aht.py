"""Handling time by half hour: the recent mean times a smooth shape of the day."""

from __future__ import annotations

import numpy as np

from releve.demand.cleaning import CleanHistory
from releve.demand.localtime import SLOTS, Int64s
from releve.demand.tables import Floats
from releve.network import Programme

__all__ = ["forecast_aht"]

_HALF_LIFE_DAYS = 28.0
_LEVEL_PRIOR_CALLS = 20.0
_SLOT_PRIOR_CALLS = 100.0
_WEEKDAY_PRIOR_CALLS = 400.0


def forecast_aht(history: CleanHistory, programme: Programme, numbers: Int64s) -> Floats:
    """Return seconds per ``[day, slot]`` for local day numbers; never unknown.

    Every mean is weighted by answered calls (offered where the source has no answered), recent
    days counting more. The level is drawn to the programme's own figure by 20 calls, each half
    hour to the level by 100, each weekday's half hour to that by 400: a service time varies about
    as much as its mean, so fewer calls say little about a half hour.
    """
    weekday = (history.numbers + 3) % 7
    seconds, calls = np.zeros((7, SLOTS)), np.zeros((7, SLOTS))
    if len(history.numbers):
        guide = history.is_kind("normal", "half_open")
        answered = np.where(np.isnan(history.answered), history.offered, history.answered)
        known = np.isfinite(history.aht_s) & np.isfinite(answered) & guide[:, None]
        age = 0.5 ** ((history.numbers[-1] - history.numbers) / _HALF_LIFE_DAYS)
        weight = np.where(known, age[:, None] * np.nan_to_num(answered), 0.0)
        np.add.at(seconds, weekday, weight * np.nan_to_num(history.aht_s))
        np.add.at(calls, weekday, weight)
    level = (_LEVEL_PRIOR_CALLS * programme.aht_s + seconds.sum()) / (
        _LEVEL_PRIOR_CALLS + calls.sum()
    )
    seconds, calls = _neighbours(seconds), _neighbours(calls)
    slot = _shrink(seconds.sum(axis=0), calls.sum(axis=0), level, _SLOT_PRIOR_CALLS)
    week = _shrink(seconds, calls, slot, _WEEKDAY_PRIOR_CALLS)
    return np.asarray(week[(numbers + 3) % 7], dtype=np.float64)


def _shrink(seconds: Floats, calls: Floats, prior_s: Floats | float, worth: float) -> Floats:
    return np.asarray((seconds + worth * prior_s) / (calls + worth), dtype=np.float64)


def _neighbours(table: Floats) -> Floats:
    """Return each half hour's sum with half of each neighbour's."""
    padded = np.pad(table, ((0, 0), (1, 1)))
    return np.asarray(table + 0.5 * (padded[:, :-2] + padded[:, 2:]), dtype=np.float64)
