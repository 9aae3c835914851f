"""The drawing of a day: its areas, its axes and its box."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import numpy as np
import pytest

from releve.desk.chart import NARROW_CHART, WIDE_CHART, draw, spark
from releve.desk.text import Text
from releve.network.moments import UTC
from releve.plan.coverage import CoverageSeries, sum_coverage

TEXT = Text("en", "Europe/Paris")
MIDNIGHT = datetime(2026, 11, 29, 23, tzinfo=UTC)
STARTS = tuple(MIDNIGHT + timedelta(minutes=30) * at for at in range(48))


def series(required: list[float], placed: list[float]) -> CoverageSeries:
    starts = STARTS[: len(required)]
    return sum_coverage(starts, np.array([required]).T, np.array([placed]).T)


def test_the_paths_stay_in_the_box_and_the_areas_are_closed() -> None:
    chart = draw(series([4, 9, 9, 2], [4, 5, 12, 1]), WIDE_CHART, TEXT)
    for path in (chart.covered, chart.missing, chart.beyond, chart.required):
        numbers = [float(n) for n in re.findall(r"[\d.]+", path)]
        assert all(chart.size.left <= x <= chart.size.right for x in numbers[::2])
        assert all(0 <= y <= chart.size.base for y in numbers[1::2])
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
    empty = CoverageSeries((), *(np.zeros(0) for _ in range(4)))
    chart = draw(empty, WIDE_CHART, TEXT)
    assert (chart.covered, chart.required, chart.hours) == ("", "", ())
    assert spark(empty) == ("", "", "")
