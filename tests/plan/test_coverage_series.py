"""The sums of a day: what is covered and what is missing add up to what is required."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from releve.kernels.arrays import Floats
from releve.network.moments import UTC
from releve.plan.coverage import sum_coverage

MIDNIGHT = datetime(2026, 11, 29, 23, tzinfo=UTC)
STARTS = tuple(MIDNIGHT + timedelta(minutes=30) * at for at in range(48))

amounts = arrays(np.float64, (48, 3), elements=st.floats(0, 50))


@given(amounts, amounts)
def test_covered_and_missing_are_the_requirement_and_beyond_is_the_rest(required: Floats, placed: Floats) -> None:
    series = sum_coverage(STARTS, required, placed)
    assert np.allclose(series.covered + series.missing, series.required)
    assert np.isclose((series.covered + series.beyond).sum(), placed.sum())
    assert np.isclose(series.missing.sum(), np.maximum(required - placed, 0).sum())


def test_the_surplus_of_one_programme_does_not_hide_the_lack_of_another() -> None:
    required = np.tile([4.0, 4.0], (48, 1))
    placed = np.tile([8.0, 1.0], (48, 1))
    series = sum_coverage(STARTS, required, placed)
    assert set(series.missing) == {3.0}
    assert set(series.beyond) == {4.0}


def test_the_day_is_cut_to_the_hours_in_which_anything_happens() -> None:
    required, placed = np.zeros((48, 1)), np.zeros((48, 1))
    required[16:40] = 3.0
    placed[14:40] = 2.0
    series = sum_coverage(STARTS, required, placed)
    assert (series.starts[0], series.starts[-1]) == (STARTS[14], STARTS[39])


def test_a_programme_without_forecast_is_left_out() -> None:
    required = np.tile([4.0, np.nan], (48, 1))
    series = sum_coverage(STARTS, required, np.ones((48, 2)))
    assert set(series.required) == {4.0}
    assert set(series.covered) == {1.0}


def test_the_worst_half_hour_is_the_one_covered_least() -> None:
    required = np.array([[4.0], [8.0], [0.0], [2.0]])
    series = sum_coverage(STARTS[:4], required, np.array([[3.0], [4.0], [0.0], [2.0]]))
    assert series.worst is not None
    assert (series.worst.start, series.worst.coverage) == (STARTS[1], 0.5)
    assert series.short.tolist() == [True, True, False, False]
    assert (series.required_hours, series.missing_hours) == (7.0, 2.5)
    assert series.coverage == 1 - 2.5 / 7
    assert [row[-1] for row in series.half_hours()] == [True, True, False, False]


def test_a_day_in_which_nothing_is_missing_has_no_worst_half_hour() -> None:
    full = sum_coverage(STARTS[:2], np.full((2, 1), 3.0), np.full((2, 1), 3.0))
    assert (full.worst, full.coverage, full.busy) == (None, 1.0, True)
    empty = sum_coverage(STARTS, np.zeros((48, 1)), np.zeros((48, 1)))
    assert (empty.worst, empty.coverage, empty.busy) == (None, 1.0, False)
    none = sum_coverage((), np.zeros((0, 1)), np.zeros((0, 1)))
    assert (none.worst, none.busy) == (None, False)
