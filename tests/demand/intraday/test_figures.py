"""Reports of intervals: late, twice, corrected, withdrawn, in parts, of somewhere else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from releve.demand.intraday import DayFigures, IntervalFigures, fold_figures

FIRST = datetime(2026, 6, 1, 8, tzinfo=UTC)
HALF = timedelta(minutes=30)
STARTS = tuple(FIRST + i * HALF for i in range(4))
EVENING = FIRST + timedelta(hours=12)


def report(row: int, offered: float | None, recorded: int = 0, programme: str = "p", **more: float) -> IntervalFigures:
    start = FIRST + row * HALF
    return IntervalFigures(programme, start, EVENING + timedelta(minutes=recorded), offered, **more)


def fold(reports: list[IntervalFigures], now: datetime = EVENING) -> DayFigures:
    return fold_figures(reports, ("p", "q"), STARTS, now)


def test_an_interval_without_a_report_is_not_known_and_one_of_no_calls_is_zero() -> None:
    offered = fold([report(0, 0.0), report(2, 7.0)]).offered
    np.testing.assert_array_equal(offered[:, 0], [0.0, np.nan, 7.0, np.nan])
    assert np.isnan(offered[:, 1]).all()


def test_the_report_recorded_last_counts_whichever_comes_first() -> None:
    late, corrected = report(1, 5.0, 1), report(1, 9.0, 2)
    for order in ([late, corrected], [corrected, late], [corrected, late, corrected]):
        assert fold(order).offered[1, 0] == 9.0


def test_a_report_that_knows_nothing_withdraws_an_earlier_one() -> None:
    assert np.isnan(fold([report(1, 5.0, 1), report(1, None, 2)]).offered[1, 0])


def test_figures_that_a_source_lacks_are_not_known() -> None:
    found = fold([report(0, 5.0, answered=4.0)])
    assert (found.offered[0, 0], found.answered[0, 0]) == (5.0, 4.0)
    assert np.isnan(found.in_time[0, 0])
    assert np.isnan(found.short[0, 0])


def test_an_interval_that_is_not_over_is_not_known_and_is_named() -> None:
    running = report(1, 5.0)
    found = fold([report(0, 3.0), running], FIRST + timedelta(minutes=59))
    np.testing.assert_array_equal(found.offered[:, 0], [3.0, np.nan, np.nan, np.nan])
    assert found.early == (running,)
    assert fold([running], FIRST + timedelta(minutes=60)).offered[1, 0] == 5.0


def test_reports_of_another_programme_or_interval_are_named() -> None:
    elsewhere = [report(0, 1.0, programme="unknown"), report(9, 1.0)]
    found = fold([*elsewhere, report(0, 3.0)])
    assert set(found.unplaced) == set(elsewhere)
    assert np.nansum(found.offered) == 3.0


def test_another_zone_names_the_same_interval() -> None:
    paris = timezone(timedelta(hours=2))
    local = IntervalFigures("p", FIRST.astimezone(paris), EVENING, 4.0)
    assert fold([local]).offered[0, 0] == 4.0


def test_a_half_hour_of_parts_is_known_when_all_of_them_are() -> None:
    def part(number: int, offered: float) -> IntervalFigures:
        start = FIRST + timedelta(minutes=10 * number)
        return IntervalFigures("p", start, EVENING, offered, minutes=10)

    parts = [part(0, 1.0), part(1, 2.0), part(2, 3.0), part(3, 4.0), part(5, 5.0)]
    found = fold(parts)
    np.testing.assert_array_equal(found.offered[:, 0], [6.0, np.nan, np.nan, np.nan])


def test_a_source_that_changes_its_interval_counts_no_call_twice() -> None:
    """The half hour reported last as a whole, and the one reported last in parts."""
    quarters = [IntervalFigures("p", FIRST + timedelta(minutes=15 * i), EVENING, 2.0, minutes=15) for i in range(4)]
    later = report(0, 9.0, 1)
    np.testing.assert_array_equal(fold([later, *quarters]).offered[:2, 0], [9.0, 4.0])
    earlier = report(1, 9.0, -1)
    assert fold([earlier, *quarters]).offered[1, 0] == 4.0


@given(st.permutations(range(6)))
def test_the_order_of_reports_is_of_no_account(order: list[int]) -> None:
    reports = [report(i % 3, float(i), i, "pq"[i % 2]) for i in range(6)]
    np.testing.assert_array_equal(fold([reports[i] for i in order]).offered, fold(reports).offered)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: report(0, -1.0), "offered must be a count of at least 0, got -1.0"),
        (lambda: report(0, 1.0, answered=float("nan")), "answered must be a count"),
        (lambda: IntervalFigures("p", FIRST.replace(tzinfo=None), EVENING), "start must have"),
        (lambda: IntervalFigures("p", FIRST, EVENING, minutes=7), "must divide 30, got 7"),
    ],
)
def test_what_cannot_be_is_refused(make: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()  # type: ignore[operator]
