"""Uplifts: calls that the history cannot know raise or lower the forecast of their days, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from releve.demand import build_forecast, build_histories
from releve.network import Operator, OperatorFaults, Uplift, read_operator, write_operator
from releve.network.sample import FIRST_DAY, sample_operator
from releve.plan.week.days import forecast_day

DAY = FIRST_DAY


@pytest.fixture(scope="module")
def operator() -> Operator:
    return sample_operator(60, 2, 1, weeks_of_history=6)


def uplift(operator: Operator, change: float = 0.2, first: date = DAY, days: int = 1, number: int = 1) -> Uplift:
    programme = operator.programmes[0].id
    return Uplift(f"campaign-{number}", programme, first, first + timedelta(days=days - 1), change, "Spring campaign")


def calls(operator: Operator, *uplifts: Uplift) -> tuple[np.ndarray, np.ndarray]:
    days = [DAY, DAY + timedelta(days=1)]
    found = build_forecast(
        build_histories(operator), operator.programmes, days, operator.row.time_zone, uplifts=uplifts
    )
    zone = [operator.find_day(start) for start in found.starts]
    return np.array([day == DAY for day in zone]), found.mean


def test_an_uplift_moves_the_calls_of_its_programme_and_days_alone(operator: Operator) -> None:
    on_day, before = calls(operator)
    _, after = calls(operator, uplift(operator))
    np.testing.assert_allclose(after[on_day, 0], before[on_day, 0] * 1.2, atol=1e-5)
    np.testing.assert_array_equal(after[~on_day, 0], before[~on_day, 0])
    np.testing.assert_array_equal(after[:, 1:], before[:, 1:])


def test_two_uplifts_on_a_day_multiply(operator: Operator) -> None:
    on_day, before = calls(operator)
    _, after = calls(operator, uplift(operator, 0.5), uplift(operator, -0.2, number=2))
    np.testing.assert_allclose(after[on_day, 0], before[on_day, 0] * 1.2, atol=1e-5)


def test_the_requirement_that_a_plan_is_made_for_follows_the_uplift(operator: Operator) -> None:
    raised = replace(operator, uplifts=(uplift(operator, 0.5),))
    less, more = forecast_day(operator, DAY)[1], forecast_day(raised, DAY)[1]
    assert np.nansum(more.agents[:, 0]) > 1.2 * np.nansum(less.agents[:, 0]) > 0
    np.testing.assert_array_equal(more.agents[:, 1:], less.agents[:, 1:])


def test_an_uplift_removed_leaves_the_forecast_as_it_was_to_the_bit(operator: Operator) -> None:
    raised = replace(operator, uplifts=(uplift(operator),))
    np.testing.assert_array_equal(
        forecast_day(replace(raised, uplifts=()), DAY)[1].agents, forecast_day(operator, DAY)[1].agents
    )


def test_uplifts_are_a_table_of_the_operator_folder(operator: Operator) -> None:
    raised = replace(operator, history=(), uplifts=(uplift(operator),))
    assert read_operator(write_operator(raised)).uplifts == raised.uplifts
    wrong = replace(raised, uplifts=(replace(uplift(operator), valid_to=DAY - timedelta(days=1)),))
    with pytest.raises(OperatorFaults, match="ends before it starts"):
        read_operator(write_operator(wrong))
