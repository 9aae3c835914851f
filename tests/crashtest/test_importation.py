"""Named curves of infection outside: their table, their rates, and the outbreak of a run on each."""

from __future__ import annotations

import csv
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from releve.network import sample_operator
from releve.plugins.crashtest.engine.comparison import Case
from releve.plugins.crashtest.engine.lost_places import build_controls
from releve.plugins.crashtest.engine.outbreak import (
    Contacts,
    Detail,
    IncidenceError,
    OutbreakError,
    Scenario,
    build_population,
    covid,
    simulate,
)
from releve.plugins.crashtest.engine.outbreak.curves import NamedCurve, find_curve, load_shipped_curves, read_curves
from releve.plugins.crashtest.engine.run import Runner
from releve.plugins.crashtest.engine.run_arrays import build_run_arrays
from releve.plugins.crashtest.importation import compare_importation, read_importation, write_importation
from releve.situation import ChosenPack
from releve.situation.shipped import load_rules_with
from tests.crashtest.rough_quarter import build_test, plan_operator

CURVE = """
- {name: a, place: A, first: 2020-03-20, per_100000_a_day: [2, 4], step_days: 3,
   reported: {assumed: 0.2, low: 0.1, high: 0.5}, source: a test}
"""


def test_a_curve_is_cases_over_people_and_the_share_reported_step_by_step() -> None:
    (curve,) = read_curves(CURVE)
    np.testing.assert_allclose(curve.rate(8), [1e-4] * 3 + [2e-4] * 5, rtol=1e-12)
    np.testing.assert_allclose(curve.rate(8, 0.1), 2 * curve.rate(8), rtol=1e-12)
    assert curve.shares == (0.2, 0.5, 0.1)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (("step_days: 3", "step_days: 0"), IncidenceError, "curve 1"),
        (("low: 0.1", "low: 0.3"), IncidenceError, "0 < low <= reported"),
        (("[2, 4]", "[2, -4]"), IncidenceError, "cases >= 0"),
        (("place: A, ", ""), IncidenceError, "KeyError"),
    ],
)
def test_a_row_that_is_no_curve_is_named(change: tuple[str, str], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        read_curves(CURVE.replace(*change))


def test_two_curves_of_one_name_and_an_unknown_name_are_refused() -> None:
    with pytest.raises(OutbreakError, match="a name of its own"):
        read_curves(CURVE + CURVE)
    with pytest.raises(IncidenceError, match="no curve 'x': there are a"):
        find_curve("x", read_curves(CURVE))


@pytest.mark.realdata
@pytest.mark.parametrize(("name", "people"), [("Morocco", 36.9e6), ("Tunisia", 12.2e6)])
def test_shipped_curves_are_the_counts_of_their_source(shared_data: Path, name: str, people: float) -> None:
    text = (shared_data / "covid_daily_jhu" / "daily_cases.csv").read_text(encoding="utf-8")
    cases = {row["date"]: float(row[name]) for row in csv.DictReader(text.splitlines())}
    for curve in (one for one in load_shipped_curves() if one.place == name):
        for step, rate in enumerate(curve.per_100000):
            days = (curve.first + timedelta(days=curve.step_days * step + day) for day in range(curve.step_days))
            found = sum(cases[day.isoformat()] for day in days) / curve.step_days / people * 1e5
            assert rate == pytest.approx(found, rel=0.005)


def test_the_default_is_seven_times_the_spring_of_morocco_and_a_fraction_of_its_autumn() -> None:
    spring, autumn = (find_curve(f"morocco-2020-{name}", load_shipped_curves()) for name in ("spring", "autumn"))
    assert spring.first == date(2020, 3, 20)
    assert 90 * 1e-4 / spring.rate(90).sum() == pytest.approx(7.4, abs=0.1)
    assert 90 * 1e-4 / autumn.rate(90).sum() == pytest.approx(0.23, abs=0.01)


@pytest.fixture(scope="module")
def case() -> Case:
    test = build_test(*plan_operator())
    ready = build_run_arrays(test)
    return Case("as-given", test, ready, Runner(ready).run(0, 40))


def test_the_outbreak_as_run_is_the_run_s_own_and_grows_with_the_curve(case: Case, tmp_path: Path) -> None:
    curves = [
        NamedCurve(f"c{level}", "here", date(2020, 3, 1), (float(level),), 30, 0.2, 0.1, 0.4, "a test")
        for level in (0, 1, 20)
    ]
    found = compare_importation(case, curves)
    own = found[0]
    assert own.curve == ""
    assert own.quarters == 40
    assert own.infected.value == case.rows.outbreak[:, 0].mean(), "the default's bits stay"
    none = [row for row in found if row.curve == "c0"]
    assert [row.infected.value for row in none] == [0.0] * 3
    assert none[0].closes.value == 0
    levels = [next(row for row in found if row.curve == name) for name in ("c0", "c1", "c20")]
    assert levels[0].infected.value < levels[1].infected.value < levels[2].infected.value
    assert levels[1].closes.value < levels[2].closes.value
    assumed, least, most = (row for row in found if row.curve == "c20")
    assert least.outside == pytest.approx(assumed.outside / 2)
    assert most.outside == pytest.approx(assumed.outside * 2)
    assert least.infected.value < assumed.infected.value < most.infected.value
    write_importation(tmp_path, found)
    assert read_importation(tmp_path) == found
    assert read_importation(tmp_path / "earlier") == ()


def test_a_site_of_500_closes_as_the_documentation_says() -> None:
    operator = sample_operator(500, 1, 1)
    rules = load_rules_with([], chosen=[ChosenPack("health-2020", date.min)])
    controls = build_controls(rules, operator.sites, date(2026, 12, 1), 90)
    spring = find_curve("morocco-2020-spring", load_shipped_curves())
    closes = []
    for outside in (np.full(90, 1e-4), spring.rate(90)):
        scenario = Scenario(build_population(operator), covid(), Contacts(2.5), 90, outside[None, :])
        found = simulate(scenario, controls, replications=2000, detail=Detail(closed=True))
        closes.append(float(found.closed[:, :, 0].any(axis=1).mean()))
    assert closes == pytest.approx([0.74, 0.16], abs=0.006)
