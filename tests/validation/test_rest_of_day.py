"""The rest of the day on a made-up log, for the machinery, and on a real one, for the figures."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from bench.validate.__main__ import validate as command
from bench.validate.rest_of_day import (
    HOURS,
    DayCase,
    RealLog,
    choose_settings,
    collect_cases,
    judge,
    load_1999,
    validate_rest_of_day,
)
from releve.demand import ImportReport, RowCount
from releve.demand.intraday import IntradaySettings
from releve.demand.localtime import day_to_number
from tests.demand import series

ROW = series.programme("p", opening="Mon-Fri 07:00-19:00")


def made_log(cv: float) -> RealLog:
    """Return five weeks of a programme whose days are high or low by a factor of ``cv``."""
    made = series.truth(ROW, 35)
    report = ImportReport((series.poisson(ROW, made, 11, cv=cv),), (), (), RowCount(0, 0, {}, {}))
    origin = series.FIRST + timedelta(days=28)
    return RealLog("made", report, {"p": ROW}, origin, origin + timedelta(days=7))


def collect(log: RealLog) -> list[DayCase]:
    return list(collect_cases(log, day_to_number(log.origin), day_to_number(log.end)))


def test_days_that_stray_as_a_whole_are_followed() -> None:
    log = made_log(0.3)
    scores = judge(log, collect(log), library=False)
    assert [(row.programme, row.hour) for row in scores] == [(name, hour) for name in ("p", "all") for hour in HOURS]
    for row in scores:
        assert row.every.totals[1] < 0.6 * row.every.totals[0]
        assert row.every.days == 5
        assert row.worst.days == 1
        assert np.isnan(row.every.totals[2])


def test_the_past_says_as_much_whatever_comes_after() -> None:
    """A day is said from the days before it: another future changes nothing."""
    log = made_log(0.3)
    first = day_to_number(log.origin)
    (here,) = collect_cases(log, first, first + 1)
    history = log.histories["p"]
    later = history.starts >= 86400 * (first + 1)
    other = replace(history, offered=np.where(later, 3 * history.offered, history.offered))
    changed = replace(log, report=replace(log.report, histories=(other,)))
    (same,) = collect_cases(changed, first, first + 1)
    np.testing.assert_array_equal(same.said.mean, here.said.mean)
    np.testing.assert_array_equal(same.past_said, here.past_said)
    np.testing.assert_array_equal(same.past_came, here.past_came)


def test_the_settings_of_least_error_are_chosen_and_the_first_of_equals() -> None:
    log = made_log(0.3)
    cases = [collect(log)]
    deaf = IntradaySettings(fading_share=0.0, prior_days=1e9)
    usual = IntradaySettings()
    twins = choose_settings(cases, (usual, usual))
    assert twins[0] is usual
    chosen, errors = choose_settings(cases, (deaf, usual))
    assert chosen == (deaf, usual)[int(np.argmin(errors))]
    assert max(errors) < 1.0


def test_a_folder_without_the_logs_is_refused(tmp_path: Path) -> None:
    found = CliRunner().invoke(command, ["intraday", str(tmp_path)])
    assert found.exit_code == 1
    assert "calls_1999_jan_feb.parquet cannot be read" in found.output


@pytest.mark.realdata
@pytest.mark.slow
def test_the_days_of_2003_that_stray_most_are_a_quarter_better_by_eleven(shared_data: Path) -> None:
    """Four days: at 15:00 they are no better than in the morning."""
    words = ["intraday", str(shared_data), "--log", "2003", "--no-library", "--json"]
    found = CliRunner().invoke(command, words)
    assert found.exit_code == 0, found.output
    scores = {row["hour"]: row for row in json.loads(found.stdout)["scores"]}
    assert sorted(scores) == list(HOURS)
    for hour, row in scores.items():
        for error in ("half_hours", "totals"):
            morning, updated, _ = row["every"][error]
            assert updated < morning
            morning, updated, _ = row["worst"][error]
            assert hour != 11 or updated < 0.75 * morning, "a quarter less on the days that deviate"
        assert 0.72 < row["coverage"] < 0.94


@pytest.mark.realdata
@pytest.mark.slow
def test_the_days_of_1999_that_stray_most_are_a_quarter_better_by_eleven(shared_data: Path) -> None:
    """Its largest queue, in the rest of the day as a whole: half hours are counting noise."""
    log = load_1999(shared_data)
    largest = replace(log, programmes={"regular": log.programmes["regular"]})
    for row in validate_rest_of_day([largest], library=False).scores:
        assert row.every.totals[1] < row.every.totals[0]
        assert row.every.half_hours[1] < row.every.half_hours[0]
        assert row.worst.totals[1] < (0.75 if row.hour == 11 else 1.0) * row.worst.totals[0]
        assert 0.72 < row.coverage < 0.88
