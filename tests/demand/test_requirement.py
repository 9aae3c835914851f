"""From a forecast to the agents of one day, back-office work among them."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import linprog

from releve.demand import Forecast, compute_requirement, metrics, required_agents
from releve.demand.requirement import least_peak, spread_work
from releve.network import UTC, Programme, day_bounds

DAY = date(2026, 10, 6)  # a Tuesday
PARIS = "Europe/Paris"

INBOUND = Programme(
    id="claims",
    client="azur",
    name="Claims",
    kind="inbound",
    opening="Mon-Sat 08:00-20:00",
    aht_s=300,
    patience_s=120,
    answer_rate=0.95,
    max_occupancy=0.88,
    shrinkage=0.2,
)
OUTBOUND = replace(INBOUND, id="sales", kind="outbound", patience_s=None)
BACK_OFFICE = replace(INBOUND, id="mail", kind="back_office", deadline_hours=24, patience_s=None)


def forecast_of(*programmes: Programme, day: date = DAY, calls: float = 60.0, days: int = 1) -> Forecast:
    """Return a flat forecast of whole days in Paris, open 08:00-20:00."""
    first, _ = day_bounds(day, PARIS)
    _, last = day_bounds(day + timedelta(days=days - 1), PARIS)
    number = int((last - first) / timedelta(minutes=30))
    starts = tuple(first + i * timedelta(minutes=30) for i in range(number))
    shape = (number, len(programmes))
    hours = np.array([start.astimezone(UTC).hour + 2 for start in starts])
    is_open = np.repeat(((hours >= 8) & (hours < 20))[:, None], len(programmes), axis=1)
    mean = np.where(is_open, calls, 0.0)
    return Forecast(
        programmes=tuple(row.id for row in programmes),
        starts=starts,
        open=is_open,
        mean=mean,
        quantiles={0.1: mean * 0.7, 0.8: mean * 1.25, 0.9: mean * 1.5},
        aht_s=np.full(shape, 330.0),
        day_factor_cv=np.full(len(programmes), 0.1),
        unknown={},
    )


def test_inbound_holds_its_target_its_answer_rate_and_its_occupancy() -> None:
    need = compute_requirement(forecast_of(INBOUND), [INBOUND], DAY, PARIS)
    n = float(need.on_phone[20, 0])
    assert n == required_agents(60, 1800, 330, 120, 20, 0.8, "offered", 0.95, 0.88)
    assert need.agents[20, 0] == pytest.approx(n / 0.8)
    assert need.on_phone.shape == (48, 1)
    assert need.calls.sum() == 24 * 60
    assert not need.unknown


def test_agents_are_not_rounded_before_they_are_pooled() -> None:
    """Five programmes of 15.6 people each are 78 people, not 80."""
    rows = [replace(INBOUND, id=f"p{i}", shrinkage=0.1) for i in range(5)]
    need = compute_requirement(forecast_of(*rows), rows, DAY, PARIS)
    pooled, rounded = need.agents[20].sum(), np.ceil(need.agents[20]).sum()
    assert pooled == pytest.approx(need.on_phone[20].sum() / 0.9)
    assert rounded - pooled > 2


def test_every_programme_is_staffed_by_its_own_terms() -> None:
    """One call for all programmes gives what each gives alone."""
    rows = [
        INBOUND,
        OUTBOUND,
        replace(INBOUND, id="patient", patience_s=None),
        BACK_OFFICE,
        replace(INBOUND, id="strict", service_target=0.95, service_definition="with_short"),
    ]
    forecast = forecast_of(*rows)
    need = compute_requirement(forecast, rows, DAY, PARIS)
    for p, row in enumerate(rows):
        alone = compute_requirement(forecast, [row], DAY, PARIS)
        assert alone.agents[:, 0].tolist() == need.agents[:, p].tolist()


def test_unknown_patience_is_erlang_c_and_needs_more() -> None:
    row = replace(INBOUND, patience_s=None, answer_rate=0, max_occupancy=1)
    need = compute_requirement(forecast_of(row), [row], DAY, PARIS)
    assert need.on_phone[20, 0] == required_agents(60, 1800, 330)
    assert need.on_phone[20, 0] > required_agents(60, 1800, 330, 120)


def test_outbound_is_work_over_occupancy() -> None:
    need = compute_requirement(forecast_of(OUTBOUND), [OUTBOUND], DAY, PARIS)
    assert need.on_phone[20, 0] == pytest.approx(60 * 330 / 1800 / 0.88)
    assert need.agents[20, 0] == pytest.approx(60 * 330 / 1800 / 0.88 / 0.8)


def test_back_office_with_a_long_deadline_is_the_same_all_day() -> None:
    forecast = forecast_of(BACK_OFFICE)
    forecast.mean[16:20, 0] *= 5
    need = compute_requirement(forecast, [BACK_OFFICE], DAY, PARIS)
    work = forecast.mean[:, 0].sum() * 330 / 1800 / 0.88
    assert need.on_phone[forecast.open[:, 0], 0] == pytest.approx(work / 24)
    assert need.on_phone[~forecast.open[:, 0], 0].max() == 0


def test_back_office_with_a_short_deadline_follows_the_morning() -> None:
    row = replace(BACK_OFFICE, deadline_hours=2)
    forecast = forecast_of(row)
    forecast.mean[:, 0] = 0
    forecast.mean[16, 0] = 60
    need = compute_requirement(forecast, [row], DAY, PARIS)
    assert need.on_phone[16:20, 0] == pytest.approx(60 * 330 / 1800 / 0.88 / 4)
    assert need.on_phone[20:, 0].max() == 0


def test_a_quantile_staffs_for_a_high_rate() -> None:
    forecast = forecast_of(INBOUND)
    mean = compute_requirement(forecast, [INBOUND], DAY, PARIS)
    high = compute_requirement(forecast, [INBOUND], DAY, PARIS, quantile=0.8)
    assert high.calls[20, 0] == 75
    assert high.on_phone[20, 0] > mean.on_phone[20, 0]
    level = metrics(75, 1800, 330, 120, high.on_phone[20, 0], 20)
    assert float(level.service_offered) >= 0.8
    with pytest.raises(ValueError, match=r"\(0\.1, 0\.8, 0\.9\), got 0\.85"):
        compute_requirement(forecast, [INBOUND], DAY, PARIS, quantile=0.85)


def test_closed_is_nobody_even_without_a_forecast() -> None:
    need = compute_requirement(forecast_of(INBOUND), [INBOUND], date(2026, 10, 11), PARIS)  # a Sunday
    assert need.agents.max() == 0
    assert not need.unknown


def test_a_programme_the_forecast_lacks_is_unknown_not_free() -> None:
    stranger = replace(INBOUND, id="stranger")
    need = compute_requirement(forecast_of(INBOUND), [INBOUND, stranger], DAY, PARIS)
    assert np.isnan(need.agents[:, 1]).sum() == 24
    assert need.agents[0, 1] == 0
    assert need.unknown == {"stranger": "the forecast lacks this programme"}


def test_the_reason_of_the_forecast_is_passed_on() -> None:
    forecast = forecast_of(INBOUND, BACK_OFFICE)
    forecast.mean[forecast.open] = np.nan
    forecast.unknown["claims"] = "no history before 2026-09-01"
    need = compute_requirement(forecast, [INBOUND, BACK_OFFICE], DAY, PARIS)
    assert np.isnan(need.agents[20]).all()
    assert need.unknown["claims"] == "no history before 2026-09-01"
    assert need.unknown["mail"].startswith("the forecast has no volume for 24 open half hours")


def test_a_half_day_of_forecast_leaves_the_rest_unknown() -> None:
    whole = forecast_of(INBOUND, BACK_OFFICE)
    half = replace(
        whole,
        starts=whole.starts[:30],
        open=whole.open[:30],
        mean=whole.mean[:30],
        quantiles={},
        aht_s=whole.aht_s[:30],
    )
    need = compute_requirement(half, [INBOUND, BACK_OFFICE], DAY, PARIS)
    assert np.isnan(need.agents[30:40, 0]).all()
    assert not np.isnan(need.agents[:30, 0]).any()
    assert "does not reach 10 open half hours" in need.unknown["claims"]
    assert np.isnan(need.agents[16:40, 1]).all()  # its work is spread over the whole day


def test_without_a_handling_time_the_programme_s_own_stands() -> None:
    forecast = forecast_of(INBOUND)
    forecast.aht_s[:] = math.nan
    need = compute_requirement(forecast, [INBOUND], DAY, PARIS)
    assert need.aht_s[20, 0] == 300
    assert need.on_phone[20, 0] == required_agents(60, 1800, 300, 120, 20, 0.8, "offered", 0.95, 0.88)


@pytest.mark.parametrize(("day", "intervals"), [(date(2026, 3, 29), 46), (DAY, 48), (date(2026, 10, 25), 50)])
def test_the_day_is_the_operator_s_own_with_its_changes_of_clock(day: date, intervals: int) -> None:
    need = compute_requirement(forecast_of(INBOUND, day=day), [INBOUND], day, PARIS)
    assert len(need.starts) == intervals
    assert need.agents.shape == (intervals, 1)
    assert need.starts[0] == day_bounds(day, PARIS)[0]


def test_a_day_out_of_a_longer_forecast_is_that_day() -> None:
    forecast = forecast_of(INBOUND, days=3)
    forecast.mean[48:96] *= 2
    second = compute_requirement(forecast, [INBOUND], DAY + timedelta(days=1), PARIS)
    assert second.calls[20, 0] == 120
    assert second.starts[0] == datetime(2026, 10, 6, 22, tzinfo=UTC)


def test_no_programme_is_an_empty_requirement() -> None:
    need = compute_requirement(forecast_of(INBOUND), [], DAY, PARIS)
    assert need.agents.shape == (48, 0)


Floats = NDArray[np.float64]

days = st.lists(st.one_of(st.just(0.0), st.floats(0.1, 50)), min_size=1, max_size=14).map(np.array)
deadlines = st.integers(1, 16)


def flows(work: Floats, deadline: int) -> tuple[Floats, Floats, Floats]:
    """Return the equations of the repeated day: what comes in at i is done at i .. i + d - 1.

    One variable for each (i, delay); rows: what comes in at i is all done; the other matrix sums
    what is done at each interval of the circle.
    """
    size = work.size
    came, done = np.zeros((size, size * deadline)), np.zeros((size, size * deadline))
    for i in range(size):
        for delay in range(deadline):
            came[i, i * deadline + delay] = 1
            done[(i + delay) % size, i * deadline + delay] = 1
    return came, done, work


def lowest_peak(work: Floats, deadline: int) -> float:
    """Return the least peak by a linear programme."""
    came, done, amount = flows(work, deadline)
    cost = np.zeros(came.shape[1] + 1)
    cost[-1] = 1
    under = np.hstack([done, -np.ones((work.size, 1))])
    exactly = np.hstack([came, np.zeros((work.size, 1))])
    found = linprog(cost, A_ub=under, b_ub=np.zeros(work.size), A_eq=exactly, b_eq=amount)
    assert found.fun is not None
    return float(found.fun)


def cheapest(price: Floats, work: Floats, deadline: int) -> float:
    """Return the least cost of doing the work when an interval has a price per unit."""
    came, done, amount = flows(work, deadline)
    found = linprog(price @ done, A_eq=came, b_eq=amount)
    assert found.fun is not None
    return float(found.fun)


def in_time(done: Floats, work: Floats, deadline: int) -> bool:
    """Return whether a profile can do all the work in time, day after day."""
    came, where, amount = flows(work, deadline)
    found = linprog(np.zeros(came.shape[1]), A_ub=where, b_ub=done + 1e-7, A_eq=came, b_eq=amount)
    return bool(found.status == 0)


@settings(max_examples=60, deadline=None)
@given(days, deadlines)
def test_the_peak_is_the_least_there_can_be(work: Floats, deadline: int) -> None:
    done = spread_work(work, deadline)
    assert done.max() == pytest.approx(lowest_peak(work, deadline), abs=1e-6)
    assert least_peak(work, deadline) == pytest.approx(done.max(), abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(days, deadlines)
def test_all_work_is_done_in_time_and_no_more(work: Floats, deadline: int) -> None:
    done = spread_work(work, deadline)
    assert done.min() >= -1e-12
    assert done.sum() == pytest.approx(work.sum(), abs=1e-9)
    assert in_time(done, work, deadline)


@settings(max_examples=60, deadline=None)
@given(days, deadlines)
def test_no_other_profile_has_a_smaller_sum_of_squares(work: Floats, deadline: int) -> None:
    """First-order optimality, exact for a convex cost: at the prices 2 x done, done is cheapest."""
    done = spread_work(work, deadline)
    assert float(done @ done) <= cheapest(done, work, deadline) + 1e-6 * (1 + work.sum() ** 2)


@settings(max_examples=60, deadline=None)
@given(days, st.integers(0, 13), deadlines)
def test_where_the_day_is_cut_does_not_count(work: Floats, turn: int, deadline: int) -> None:
    turned = spread_work(np.roll(work, turn), deadline)
    assert turned == pytest.approx(np.roll(spread_work(work, deadline), turn), abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(days, deadlines)
def test_more_time_never_needs_more_capacity(work: Floats, deadline: int) -> None:
    assert least_peak(work, deadline + 1) <= least_peak(work, deadline) + 1e-12


def test_a_deadline_of_a_whole_day_gives_the_same_load_all_day() -> None:
    work = np.array([40.0, 0, 0, 8])
    for deadline in (4, 5, 100):
        assert spread_work(work, deadline).tolist() == [12, 12, 12, 12]


def test_without_time_work_is_done_as_it_comes() -> None:
    work = np.array([3.0, 0, 5, 1])
    assert spread_work(work, 1).tolist() == [3, 0, 5, 1]


def test_a_morning_heap_is_worked_off_by_its_deadline() -> None:
    """12 units at the start, 3 intervals to do them in; a trickle after that."""
    assert spread_work(np.array([12.0, 0, 0, 0, 1, 0]), 3).tolist() == pytest.approx([4, 4, 4, 0, 0.5, 0.5])


def test_evening_work_is_handed_on_to_the_morning_of_the_same_kind_of_day() -> None:
    """What comes in during the last interval may be done in the first: the day repeats."""
    assert spread_work(np.array([0.0, 0, 0, 0, 0, 6]), 3).tolist() == pytest.approx([2, 2, 0, 0, 0, 2])


def test_no_interval_and_bad_values() -> None:
    assert spread_work(np.zeros(0), 4).size == 0
    with pytest.raises(ValueError, match="deadline >= 1, got 0"):
        spread_work(np.ones(3), 0)
    with pytest.raises(ValueError, match=r"work >= 0, got -1\.0"):
        spread_work(np.array([1.0, -1.0]), 2)
