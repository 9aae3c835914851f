"""A table of hazards as text: what is read, and what is said of a bad one."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from releve.plugins.crashtest.engine.outages import Hazard, HazardFaults, OutagesError, lognormal, read_hazards, sample

GOOD = """
- id: cable
  name: Cable cut
  footprint: destination
  takes: [home, sites]
  rate_per_year: {elsewhere: 0.1, MG: 0.3, "NO": 0}
  duration: {median: 5 h, p90: 28 h}
- id: storm
  name: Storm
  name_fr: Tempête
  footprint: city
  radius_km: 40
  rate_per_year: 2
  months: [12, 1]
  cluster_cv: 0.5
  duration: 2 days
  source: The log of the site
"""
ROW = "- {{id: x, name: X, footprint: site, rate_per_year: 1, duration: 5 h{}}}"


def test_a_good_table_is_read_as_it_stands() -> None:
    cable, storm = read_hazards(GOOD)
    assert cable.takes == ("sites", "home")
    assert (cable.rate("MG"), cable.rate("NO"), cable.rate("MA")) == (0.3, 0.0, 0.1)
    assert cable.duration == lognormal(5.0, 28.0)
    assert storm == Hazard(
        "storm", "Storm", "city", 2.0, sample(48.0), ("sites",), radius_km=40.0, months=(12, 1),
        cluster_cv=0.5, name_fr="Tempête", source="The log of the site",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("duration", "share", "hours"),
    [
        ("90 min", 0.5, 1.5),
        ("{sample: [1 h, 3 h]}", 0.75, 3.0),
        ("{quantiles: {0: 1 h, 0.5: 10 h, 1: 1000 h}}", 0.75, 100.0),
        ("{median: 1 days, p90: 3 days}", 0.9, 72.0),
    ],
)
def test_a_duration_has_four_forms(duration: str, share: float, hours: float) -> None:
    text = ROW.format("").replace("duration: 5 h", f"duration: {duration}")
    law = read_hazards(text)[0].duration
    assert law.at(np.array([share]))[0] == pytest.approx(hours)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("rate_per_year: -1", r"row 1 \(x\): rate_per_year -1 is negative; write 0 or more"),
        ("rate_per_year: {MA: 1}", "does not say how often elsewhere; give `elsewhere:`"),
        ("rate_per_year: {elsewhere: 1, XX: 1}", "'XX' is not a destination; write an ISO 3166 code"),
        ("rate_per_year: {elsewhere: 1, NO: 1}", r"False is not a destination; .* \(NO in quotes\)"),
        ("rate_per_year: often", "rate_per_year 'often' is not a number"),
        ("footprint: planet", "footprint 'planet' is not known; write one of site, city"),
        ("duration: 5", "duration 5 has no unit; write it such as 90 min"),
        ("duration: 5 weeks", "duration '5 weeks' has no unit"),
        ("duration: 0 h", "duration: expected 0 < hours < inf, got"),
        ("duration: {median: 9 h, p90: 5 h}", "expected median <= 90 % quantile, got"),
        ("duration: {quantiles: {0.1: 1 h, 1: 2 h}}", "expected shares from 0 to 1, got"),
        ("duration: {quantiles: {0: 3 h, 1: 2 h}}", "expected rising shares and hours, got"),
        ("duration: {mean: 5 h}", "is not known; write `48 h`, {median, p90}"),
        ("radius_km: 10", "expected a radius for footprint city only, got"),
        ("footprint: city", "expected 0 < radius_km <= 1000, got"),
        ("footprint: destination", "takes of destination in"),
        ("takes: [seats]", "takes 'seats' is not known; write one of sites, home"),
        ("takes: home", "takes 'home' is not a list"),
        ("months: [13]", "13 is not a month; write numbers from 1 to 12"),
        ("months: [1, 1]", "expected each month once, got"),
        ("cluster_cv: 9", "expected 0 <= cluster_cv <= 5, got"),
        ("rate_per_year: 1.0e+9", "expected 0 <= rate <= 10000, got"),
        ("rate: 1", "'rate' is not a key of a hazard; write one of id, name"),
        ("name: 5", "name 5 is not a text; put it in quotes"),
        ("id: Big One", "expected an id of small letters, digits, - and _, got"),
    ],
)
def test_a_bad_row_is_named_with_its_fix(row: str, said: str) -> None:
    key, _, value = row.partition(": ")
    old = {"footprint": "site", "rate_per_year": "1", "duration": "5 h", "name": "X", "id": "x"}
    text = ROW.format("" if key in old else f", {row}")
    if key in old:
        text = text.replace(f"{key}: {old[key]}", f"{key}: {value}")
    with pytest.raises(HazardFaults, match=said):
        read_hazards(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "not YAML"),
        ("a: 1", "not a list of hazards"),
        ("- 5", "row 1: is not a row"),
        ("- {id: x, name: X}", r"row 1 \(x\): footprint is missing; give it"),
        (f"{ROW}\n{ROW}".format("", ""), "x: stands there twice; give each row its own id"),
    ],
)
def test_a_text_that_is_no_table_is_refused(text: str, said: str) -> None:
    with pytest.raises(HazardFaults, match=said):
        read_hazards(text)


def test_every_fault_is_named_at_once_and_survives_a_pickle() -> None:
    with pytest.raises(HazardFaults) as caught:
        read_hazards("- {id: a, name: A}\n- {id: b, rate_per_year: -1}")
    again = pickle.loads(pickle.dumps(caught.value))
    assert again.faults == caught.value.faults
    assert len(again.faults) == 7
    assert isinstance(again, OutagesError)


def test_a_zero_rate_is_a_hazard_that_never_strikes() -> None:
    text = ROW.format("").replace("rate_per_year: 1", "rate_per_year: 0")
    assert read_hazards(text)[0].hours_per_year == 0.0
