"""Rates, durations and what strikes together come out as a hazard says."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from scipy import stats

from releve.plugins.crashtest.engine.outages import (
    DurationHours,
    Hazard,
    Outages,
    Places,
    draw_outages,
    lognormal,
    quantiles,
    sample,
)
from tests.crashtest.outages.hazard_cases import (
    CABLE,
    CARRIER,
    CASA,
    DAY_0,
    FES,
    FIBRE,
    HAZARDS,
    MOHAMMEDIA,
    PLACES,
    QUAKE,
    STORM,
    TUNIS,
    set_rate,
)

CASA_TO_MOHAMMEDIA_KM = 23.6
YEARS = 1000 * 90 / 365.25
CUTS = quantiles({0.0: 0.6, 0.25: 3.6, 0.5: 5.3, 0.9: 28.5, 1.0: 348.7})


@pytest.fixture(scope="module")
def found() -> Outages:
    """A thousand quarters, none of them in a season of its own."""
    return draw_outages(HAZARDS, PLACES, days=90, seed=11, replications=1000)


def inside(count: int, expected: float, tests: int = 30) -> bool:
    """Return whether a Poisson count lies within its joint 99.9 % interval."""
    tail = 0.0005 / tests
    return bool(stats.poisson.ppf(tail, expected) <= count <= stats.poisson.ppf(1 - tail, expected))


@pytest.mark.parametrize("hazard", [QUAKE, FIBRE, CARRIER, CABLE], ids=lambda one: one.id)
def test_each_place_is_struck_at_the_rate_of_its_hazard(found: Outages, hazard: Hazard) -> None:
    """A site in a crowd of sites is struck no more often than a lonely one."""
    mine = found.place[found.hazard == HAZARDS.index(hazard)]
    counts = np.bincount(mine, minlength=len(PLACES))
    for place, count in zip((*PLACES.sites, *PLACES.home_lines), counts, strict=True):
        kind = "sites" if hasattr(place, "lat") else "home"
        rate = hazard.rate(place.destination) if kind in hazard.takes else 0.0
        assert inside(int(count), rate * YEARS), (place, count, rate * YEARS)


@pytest.mark.parametrize("law", [lognormal(5, 28), CUTS, sample(2.0, 3.0, 50.0)], ids=lambda law: law.kind)
def test_outages_last_as_their_law_says(law: DurationHours) -> None:
    hazard = replace(set_rate(FIBRE, 20.0), duration=law)
    found = draw_outages([hazard], PLACES, days=90, seed=3, replications=500)
    lasted = found.end - found.begin
    for share in (0.1, 0.5, 0.8):
        below = np.mean(lasted <= float(law.at(np.array([share + 1e-9]))[0]) + 1e-9)
        least = share if law.kind != "sample" else math.ceil(share * 3) / 3
        assert abs(below - least) < 4 * math.sqrt(0.25 / len(lasted))
    assert abs(lasted.mean() - law.mean) < 4 * lasted.std() / math.sqrt(len(lasted))


@pytest.mark.parametrize("law", [lognormal(5, 28), CUTS, sample(2.0, 3.0, 50.0)], ids=lambda law: law.kind)
def test_the_mean_of_a_law_is_that_of_its_quantiles(law: DurationHours) -> None:
    shares = (np.arange(300_000) + 0.5) / 300_000
    assert law.mean == pytest.approx(law.at(shares).mean(), rel=1e-3)


def test_one_earthquake_takes_two_near_sites_and_not_a_far_one() -> None:
    places = Places((CASA, MOHAMMEDIA, FES, TUNIS))
    found = draw_outages([set_rate(QUAKE, 10.0)], places, days=90, seed=5, replications=1000)
    size = np.bincount(found.event)
    together = {tuple(found.place[found.event == event]) for event in np.flatnonzero(size == 2)[:50]}
    assert together == {(0, 1)}
    assert size.max() == 2


def test_near_sites_are_struck_together_as_often_as_their_circles_overlap() -> None:
    """On a plane two circles of radius r at distance d share 2 (x - sin x cos x) / pi of one,
    with cos x = d / 2r."""
    places = Places((CASA, MOHAMMEDIA))
    found = draw_outages([set_rate(QUAKE, 20.0)], places, days=90, seed=5, replications=1000)
    x = math.acos(CASA_TO_MOHAMMEDIA_KM / (2 * QUAKE.radius_km))
    share = 2 * (x - math.sin(x) * math.cos(x)) / math.pi
    both = int((np.bincount(found.event) == 2).sum())
    assert inside(both, 20.0 * YEARS * share)


def test_a_cut_of_a_country_takes_its_sites_and_home_lines_at_once() -> None:
    found = draw_outages([CABLE], PLACES, days=90, seed=5, replications=50)
    taken = {tuple(found.place[found.event == event]) for event in np.unique(found.event)}
    assert taken == {(0, 1, 2, 4, 5), (3, 6)}


def test_a_season_strikes_in_its_months_at_the_rate_of_the_year() -> None:
    summer = replace(set_rate(STORM, 6.0), months=(7, 8), cluster_cv=0.0)
    places = Places((CASA,))
    whole = draw_outages([summer], places, days=365, seed=2, replications=300, start=date(2027, 1, 1))
    day = whole.begin / 24
    assert np.all((day >= 181) & (day < 243))
    assert inside(len(whole), 300 * 6.0)
    quarters = draw_outages([summer], places, days=90, seed=2, replications=3000)
    assert inside(len(quarters), 3000 * 6.0 * 90 / 365)
    winter = draw_outages([summer], places, days=90, seed=2, replications=20, start=DAY_0)
    assert len(winter) == 0


def test_a_clustered_hazard_has_bad_quarters_everywhere() -> None:
    """Counts have the variance of a Poisson law with a gamma factor, and two countries share it."""
    storm = replace(set_rate(STORM, 20.0), months=(), cluster_cv=1.0)
    places = Places((CASA, TUNIS))
    found = draw_outages([storm], places, days=90, seed=2, replications=4000)
    many = np.diff(found.pointer)
    replication = np.repeat(np.arange(4000), many)
    mean = 20.0 * 90 / 365.25
    each = [np.bincount(replication[found.place == p], minlength=4000) for p in (0, 1)]
    for counts in each:
        assert counts.mean() == pytest.approx(mean, rel=0.08)
        assert counts.var() == pytest.approx(mean + mean**2, rel=0.15)
    assert np.corrcoef(each[0], each[1])[0, 1] == pytest.approx(mean / (1 + mean), abs=0.06)
