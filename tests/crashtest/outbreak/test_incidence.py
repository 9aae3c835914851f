"""Curves of daily cases: refused with row and fix, smoothed as documented, real ones read."""

from __future__ import annotations

import csv
import io
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from releve.plugins.crashtest.engine.outbreak import (
    Contacts,
    IncidenceError,
    Scenario,
    build_importation,
    covid,
    read_incidence,
    simulate,
)
from tests.crashtest.outbreak.populations import one_room, sample_population

GOOD = "date,Morocco\n2020-03-01,7\n2020-03-02,0\n2020-03-03,14\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD + "2020-03-05,1\n", r"row 5: 2020-03-05 follows 2020-03-03: give a row for every day"),
        (GOOD + "2020-03-03,1\n", "row 5: 2020-03-03 follows 2020-03-03"),
        (GOOD + "2020-03-04,-3\n", r"row 5, column 'Morocco': -3 cases: .*negative='spread'"),
        (GOOD + "2020-03-04,\n", "row 5, column 'Morocco': '' is not a count"),
        (GOOD + "2020-03-04,nan\n", "'nan' is not a count"),
        (GOOD + "4 March,1\n", "row 5: '4 March' is not a date: write YYYY-MM-DD"),
        ("date,France\n", "no column 'Morocco': the columns are date, France"),
        ("date,Morocco\n", "no row"),
    ],
)
def test_a_curve_with_a_fault_is_refused_with_row_and_fix(text: str, message: str) -> None:
    with pytest.raises(IncidenceError, match=message):
        read_incidence(text, "Morocco")


def test_a_correction_can_be_spread_over_the_days_before_it() -> None:
    curve = read_incidence(GOOD + "2020-03-04,-7\n", "Morocco", negative="spread")
    assert curve.cases == pytest.approx((14 / 3, 0, 28 / 3, 0))
    with pytest.raises(IncidenceError, match="-30 cases"):
        read_incidence(GOOD + "2020-03-04,-30\n", "Morocco", negative="spread")


def test_smoothing_is_the_centred_mean_of_seven_days() -> None:
    days = "".join(f"2020-03-{at:02},{at}\n" for at in range(1, 22))
    curve = read_incidence("date,Morocco\n" + days, "Morocco")
    smooth = curve.smoothed()
    assert smooth[10] == 11
    assert smooth[0] == np.mean([1, 2, 3, 4])
    rate = curve.rate(date(2020, 3, 2), 5, population=100, reported=0.5, delay_days=3)
    assert rate == pytest.approx([0.1, 0.12, 0.14, 0.16, 0.18])
    with pytest.raises(IncidenceError, match="the curve goes from 2020-03-01 to 2020-03-21"):
        curve.rate(date(2020, 3, 18), 5, population=100)


def test_a_destination_without_a_rate_is_named() -> None:
    with pytest.raises(IncidenceError, match=r"no rate for .*, where site"):
        build_importation(sample_population(), {"XX": np.zeros(3)})


def test_as_many_are_infected_outside_as_the_curve_says() -> None:
    rate = np.concatenate([np.full(20, 0.002), np.full(20, 0.0), np.full(20, 0.001)])
    scenario = Scenario(one_room(500), covid(), Contacts(0.0), 60, build_importation(one_room(500), {"MA": rate}))
    found = simulate(scenario, replications=3000, seed=1)
    expected = 500 * (1 - np.exp(-rate.sum()))
    imported = found.column("imported")
    assert abs(imported.mean() - expected) < 4 * imported.std() / np.sqrt(3000)


@pytest.mark.realdata
@pytest.mark.parametrize("country", ["Morocco", "Tunisia", "Madagascar", "Senegal"])
def test_the_real_curves_are_read_and_keep_their_total(shared_data: Path, country: str) -> None:
    text = (shared_data / "covid_daily_jhu" / "daily_cases.csv").read_text()
    curve = read_incidence(text, country, negative="spread")
    assert curve.start == date(2020, 1, 22)
    assert len(curve.cases) == 1143
    assert curve.smoothed().sum() == pytest.approx(sum(curve.cases), rel=1e-3)
    assert curve.rate(date(2020, 8, 1), 90, population=3e7, reported=0.1).max() < 0.01


@pytest.mark.realdata
@pytest.mark.parametrize("country", ["France", "Tunisia", "Madagascar"])
def test_real_corrections_are_refused_unless_spread(shared_data: Path, country: str) -> None:
    text = (shared_data / "covid_daily_jhu" / "daily_cases.csv").read_text()
    with pytest.raises(IncidenceError, match="a correction by the source"):
        read_incidence(text, country)
    rows = list(csv.DictReader(io.StringIO(text)))
    spread = read_incidence(text, country, negative="spread")
    assert sum(spread.cases) == pytest.approx(sum(int(row[country]) for row in rows))
    assert min(spread.cases) >= 0
