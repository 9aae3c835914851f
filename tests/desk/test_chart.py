"""The drawing of a day: what is covered and what is missing add up to what is required."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from releve.desk.chart import (
    NARROW_CHART,
    WIDE_CHART,
    Series,
    draw,
    series_of,
    spark,
)
from releve.desk.text import Text
from releve.network.clock import UTC
from releve.plan.result import Floats

TEXT = Text("en", "Europe/Paris")
MIDNIGHT = datetime(2026, 11, 29, 23, tzinfo=UTC)
STARTS = tuple(MIDNIGHT + timedelta(minutes=30) * at for at in range(48))

amounts = arrays(np.float64, (48, 3), elements=st.floats(0, 50))


@given(amounts, amounts)
def test_covered_and_missing_are_the_requirement_and_beyond_is_the_rest(
    required: Floats, placed: Floats
) -> None:
    series = series_of(STARTS, required, placed, [0, 1, 2])
    assert np.allclose(series.covered + series.missing, series.required)
    assert np.isclose((series.covered + series.beyond).sum(), placed.sum())
    assert np.isclose(series.missing.sum(), np.maximum(required - placed, 0).sum())


def test_the_surplus_of_one_programme_does_not_hide_the_lack_of_another() -> None:
    required = np.tile([4.0, 4.0], (48, 1))
    placed = np.tile([8.0, 1.0], (48, 1))
    series = series_of(STARTS, required, placed, [0, 1])
    assert set(series.missing) == {3.0}
    assert set(series.beyond) == {4.0}


def test_the_day_is_cut_to_the_hours_in_which_anything_happens() -> None:
    required, placed = np.zeros((48, 1)), np.zeros((48, 1))
    required[16:40] = 3.0
    placed[14:40] = 2.0
    series = series_of(STARTS, required, placed, [0])
    assert (series.starts[0], series.starts[-1]) == (STARTS[14], STARTS[39])


def test_a_programme_without_forecast_is_left_out() -> None:
    required = np.tile([4.0, np.nan], (48, 1))
    series = series_of(STARTS, required, np.ones((48, 2)), [0, 1])
    assert set(series.required) == {4.0}
    assert set(series.covered) == {1.0}


def series(required: list[float], placed: list[float]) -> Series:
    starts = STARTS[: len(required)]
    return series_of(starts, np.array([required]).T, np.array([placed]).T, [0])


def test_the_paths_stay_in_the_box_and_the_areas_are_closed() -> None:
    chart = draw(series([4, 9, 9, 2], [4, 5, 12, 1]), WIDE_CHART, TEXT)
    for path in (chart.covered, chart.missing, chart.beyond, chart.required):
        numbers = [float(n) for n in re.findall(r"[\d.]+", path)]
        assert all(chart.left <= x <= chart.right for x in numbers[::2])
        assert all(0 <= y <= chart.base for y in numbers[1::2])
    assert chart.missing.count("Z") == 2, "two separate times are short"
    assert chart.beyond.count("Z") == 1
    assert not chart.required.endswith("Z")


def test_the_axes_carry_round_numbers_and_local_hours() -> None:
    chart = draw(series([4, 9, 9, 2], [4, 5, 12, 1]), WIDE_CHART, TEXT)
    assert [tick.label for tick in chart.hours] == ["00:00", "01:00", "02:00"]
    assert [tick.label for tick in chart.agents] == ["0", "5", "10", "15"]
    narrow = draw(series([1] * 16, [1] * 16), NARROW_CHART, TEXT)
    assert [tick.label for tick in narrow.hours] == ["00:00", "03:00", "06:00"]


@pytest.mark.parametrize("top", [0.2, 1, 7, 48, 333, 12345])
def test_there_are_three_to_seven_lines_whatever_the_size(top: float) -> None:
    chart = draw(series([top], [0]), WIDE_CHART, TEXT)
    assert 2 <= len(chart.agents) <= 7


def test_nothing_short_draws_no_missing_area() -> None:
    chart = draw(series([4, 4], [5, 4]), WIDE_CHART, TEXT)
    assert chart.missing == ""
    assert spark(series([4, 4], [5, 4]))[1] == ""


def test_an_empty_day_is_drawn_as_an_empty_box() -> None:
    empty = Series((), *(np.zeros(0) for _ in range(4)))
    chart = draw(empty, WIDE_CHART, TEXT)
    assert (chart.covered, chart.required, chart.hours) == ("", "", ())
    assert spark(empty) == ("", "", "")
