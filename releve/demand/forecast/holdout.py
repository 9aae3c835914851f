"""What a model says of weeks held out from it, and its law set right on those weeks."""

from __future__ import annotations

from datetime import date

import numpy as np

from releve.demand.cleaning import CleanHistory, clean_history
from releve.demand.forecast.calibrate import Calibration, Fold, apply, calibrate
from releve.demand.forecast.model import ModelPrediction
from releve.demand.forecast.models import Model
from releve.demand.localtime import (
    SLOTS,
    Int64s,
    day_to_number,
    local_slots,
    number_to_day,
    open_slots,
    open_week,
)
from releve.demand.tables import Floats, History
from releve.network import Programme

__all__ = ["HoldoutModel", "find_usual_days", "history_before", "observe_outcome"]

_FOLDS = 4
_FOLD_DAYS = 28
_STEP_DAYS = 7
_WEEKS = 2


def history_before(history: History, programme: Programme, day: date) -> History:
    """Return the history of the local days before ``day``."""
    local, _ = local_slots(history.starts, programme.time_zone)
    keep = local < day_to_number(day)
    return History(
        history.programme,
        history.starts[keep],
        history.offered[keep],
        history.answered[keep],
        history.aht_s[keep],
    )


def observe_outcome(history: History, programme: Programme, numbers: Int64s) -> Floats:
    """Return what came as ``[day, slot]``: every open half hour the source holds, else NaN.

    Nothing is cleaned away: exceptional days count against a forecast.
    """
    table = np.full((len(numbers), SLOTS), np.nan)
    local, slot = local_slots(history.starts, programme.time_zone)
    place = np.searchsorted(numbers, local)
    inside = (place < len(numbers)) & (numbers[np.minimum(place, len(numbers) - 1)] == local)
    table[place[inside], slot[inside]] = history.offered[inside]
    opened, _ = open_slots(programme, numbers)
    table[~opened] = np.nan
    return table


def find_usual_days(past: CleanHistory, programme: Programme) -> tuple[int, int]:
    """Return the usual open days of a history, and how many are needed: two weeks of them."""
    usable = int(np.count_nonzero(past.is_kind("normal", "half_open")))
    return usable, _WEEKS * int(np.count_nonzero(open_week(programme).any(axis=1)))


class HoldoutModel:
    """One model on one history: each past week is said once, from the days before it alone."""

    def __init__(self, history: History, programme: Programme, model: Model) -> None:
        self.history, self.programme, self.model = history, programme, model
        self._folds: dict[int, tuple[int, ModelPrediction] | None] = {}

    def predict(self, past: CleanHistory, numbers: Int64s) -> ModelPrediction:
        """Return the model's prediction of ``numbers`` with its law set right.

        ``past`` is the cleaned history before the first of them. The law is set right on up to
        four folds of 28 days, a week apart, that end with ``past``: no day later than its last is
        looked at.
        """
        last = int(past.numbers[-1])
        said = self.model(past, self.programme, numbers)
        return apply(self.calibration(last + 1), said, np.maximum(numbers - last, 1))

    def calibration(self, origin: int) -> Calibration:
        """Return the factors found on the weeks before day number ``origin``."""
        folds = []
        for number in range(1, _FOLDS + 1):
            fold = self._fold(origin - number * _STEP_DAYS, origin)
            if fold is None:
                break
            folds.append(fold)
        return calibrate(folds)

    def past_weeks(self, origin: int, weeks: int) -> tuple[Floats, Floats]:
        """Return what came in the weeks before day number ``origin``, and what had been said.

        Both ``[day, slot]``, the latest week first, each forecast from the days before it.
        """
        came, said = [np.empty((0, SLOTS))], [np.empty((0, SLOTS))]
        for number in range(1, weeks + 1):
            fold = self._fold(origin - number * _STEP_DAYS, origin)
            if fold is None:
                break
            came.append(fold.came[:_STEP_DAYS])
            said.append(fold.said.mean[:_STEP_DAYS])
        return np.concatenate(came), np.concatenate(said)

    def _fold(self, first: int, origin: int) -> Fold | None:
        """Return the days from ``first`` to before ``origin``; None when too few lie before it."""
        if first not in self._folds:
            self._folds[first] = self._said(first)
        found = self._folds[first]
        if found is None:
            return None
        last, said = found
        days = min(_FOLD_DAYS, origin - first)
        numbers = np.arange(first, first + days, dtype=np.int64)
        return Fold(
            observe_outcome(self.history, self.programme, numbers),
            ModelPrediction(said.mean[:days], said.day_variance[:days], said.spread[:days]),
            numbers - last,
        )

    def _said(self, first: int) -> tuple[int, ModelPrediction] | None:
        """Return the last day known before day ``first``, and what the model says from it on."""
        past = clean_history(
            history_before(self.history, self.programme, number_to_day(first)), self.programme
        )
        usable, needed = find_usual_days(past, self.programme)
        if not usable or usable < needed:
            return None
        numbers = np.arange(first, first + _FOLD_DAYS, dtype=np.int64)
        return int(past.numbers[-1]), self.model(past, self.programme, numbers)
