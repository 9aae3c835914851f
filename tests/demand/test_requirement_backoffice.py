"""Back-office work spread over a day that repeats: against linear programmes and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import linprog

from releve.demand.requirement import least_peak, spread_work

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
