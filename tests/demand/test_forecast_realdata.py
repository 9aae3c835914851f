"""Import and forecast on the two real call logs; the held-out month is only judged."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from bench.validate.rest_of_day import QUEUES_1999, ZONE_1999, RealLog, load_1999, load_2003
from examples.backtest import fitted_scores
from releve.demand import Score, backtest, clean_history
from releve.demand.localtime import day_to_number, local_slots

pytestmark = pytest.mark.realdata


@pytest.fixture(scope="module")
def calls_1999(shared_data: Path) -> RealLog:
    return load_1999(shared_data)


@pytest.fixture(scope="module")
def counts_2003(shared_data: Path) -> RealLog:
    return load_2003(shared_data)


def test_the_log_of_1999_agrees_with_its_published_half_hours(calls_1999: RealLog, shared_data: Path) -> None:
    """Offered, answered and service seconds of every queue, day and half hour held."""
    table = pl.read_parquet(shared_data / "anonymousbank_1999" / "halfhour_by_type.parquet")
    compared = 0
    for queue, name in QUEUES_1999.items():
        history = calls_1999.histories[name]
        day, slot = local_slots(history.starts, ZONE_1999)
        mine = {(int(d), int(s)): i for i, (d, s) in enumerate(zip(day, slot, strict=True))}
        for row in table.filter(pl.col("type") == queue).iter_rows(named=True):
            i = mine[(day_to_number(row["date"].date()), row["hh"])]
            assert history.offered[i] == row["offered"]
            assert history.answered[i] == row["answered"]
            if row["service_sum_s"] > 0:
                total = history.aht_s[i] * row["answered"]
                assert total == pytest.approx(row["service_sum_s"])
            compared += 1
        of_table = table.filter(pl.col("type") == queue)["offered"].sum()
        assert np.nansum(history.offered) == of_table
    assert compared > 5000


def test_every_row_of_1999_is_accounted_for(calls_1999: RealLog) -> None:
    rows = calls_1999.report.rows
    assert rows.read == 64943
    assert rows.used == 61234
    assert rows.dropped == {"phantom call": 518, "hung up in the voice menu": 3191}
    faults = [(fault.kind, fault.value) for fault in calls_1999.report.faults]
    assert faults == [("gap", "1999-01-11 to 1999-01-12"), ("hole", "1999-01-13 10:00-11:30")]


def test_the_five_minute_counts_are_added_up_and_the_lone_last_ones_are_not_known(counts_2003: RealLog) -> None:
    history = counts_2003.histories["bank"]
    _, slot = local_slots(history.starts, "America/New_York")
    assert np.isnan(history.offered[slot == 42]).all()
    assert np.isfinite(history.offered[slot < 42]).all()
    kinds = [(fault.kind, fault.count) for fault in counts_2003.report.faults]
    assert kinds == [("incomplete", 126), ("gap", 1), ("gap", 1), ("gap", 1), ("gap", 1)]
    cleaned = clean_history(history, counts_2003.programmes["bank"])
    named = {day.day: day.kind for day in cleaned.named}
    assert named[date(2003, 5, 26)] == named[date(2003, 7, 4)] == "holiday"
    assert named[date(2003, 4, 4)] == "missing"


_JUDGED: dict[tuple[str, bool], dict[str, list[Score]]] = {}


def judged(log: RealLog, *, weekly: bool) -> dict[str, list[Score]]:
    """Return the scores of every queue by model, found once for all tests."""
    if (log.name, weekly) not in _JUDGED:
        _JUDGED[log.name, weekly] = _judge(log, weekly=weekly)
    return _JUDGED[log.name, weekly]


def _judge(log: RealLog, *, weekly: bool) -> dict[str, list[Score]]:
    days = (log.end - log.origin).days
    origins = [log.origin]
    if weekly:
        origins = [log.origin + timedelta(days=7 * i) for i in range(days // 7)]
    out: dict[str, list[Score]] = {}
    for name, row in log.programmes.items():
        history = log.histories[name]
        for score in backtest(history, row, origins, 7 if weekly else days):
            out.setdefault(score.model, []).append(score)
    return out


def overall(scores: list[Score]) -> tuple[float, float]:
    """WAPE and coverage of the 80 % interval over all programmes."""
    calls = [score.calls for score in scores]
    half_hours = [score.half_hours for score in scores]
    return (
        float(np.average([score.wape for score in scores], weights=calls)),
        float(np.average([score.coverage_80 for score in scores], weights=half_hours)),
    )


@pytest.mark.slow
@pytest.mark.parametrize("weekly", [False, True], ids=["whole month", "week by week"])
@pytest.mark.parametrize("year", [1999, 2003])
def test_the_forecast_beats_seasonal_naive_on_the_held_out_month(
    year: int, weekly: bool, calls_1999: RealLog, counts_2003: RealLog
) -> None:
    log = calls_1999 if year == 1999 else counts_2003
    scores = judged(log, weekly=weekly)
    own, _ = overall(scores["profile"])
    naive, _ = overall(scores["seasonal_naive"])
    assert own < 0.9 * naive


@pytest.mark.slow
@pytest.mark.parametrize("year", [1999, 2003])
def test_each_queue_is_forecast_better_than_by_last_week(year: int, calls_1999: RealLog, counts_2003: RealLog) -> None:
    """The queue of five calls a day too: by its median, and by its whole law."""
    scores = judged(calls_1999 if year == 1999 else counts_2003, weekly=False)
    for own, naive in zip(scores["profile"], scores["seasonal_naive"], strict=True):
        assert own.median_wape < naive.wape
        assert own.loss < naive.loss


@pytest.mark.slow
@pytest.mark.parametrize("year", [1999, 2003])
def test_the_80_percent_interval_holds_that_over_the_weeks_of_the_fitted_months(
    year: int, calls_1999: RealLog, counts_2003: RealLog
) -> None:
    log = calls_1999 if year == 1999 else counts_2003
    found = [fitted_scores(log.histories[name], row, log.origin) for name, row in log.programmes.items()]
    _, share = overall([score for weeks in found for score in weeks])
    assert 0.77 < share < 0.83


@pytest.mark.slow
def test_the_80_percent_interval_holds_about_that_on_the_held_out_months(
    calls_1999: RealLog, counts_2003: RealLog
) -> None:
    """Week by week for each log; the month forecast whole is one draw of its level, for both."""
    whole = []
    for log in (calls_1999, counts_2003):
        _, share = overall(judged(log, weekly=True)["profile"])
        assert 0.72 < share < 0.88
        whole += judged(log, weekly=False)["profile"]
    assert 0.72 < overall(whole)[1] < 0.88
