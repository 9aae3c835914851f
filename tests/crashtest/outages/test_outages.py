"""Outages: laws, plain Python beside them, rates and durations, and the tables of hazards they are drawn from."""

from __future__ import annotations

import csv
import gzip
import math
import pickle
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from releve.network import sample_operator
from releve.plugins.crashtest.engine.outages import (
    DurationHours,
    Hazard,
    HazardFaults,
    HomeLines,
    Outages,
    OutagesError,
    OutagesOverflowError,
    PlacedSite,
    Places,
    draw_outages,
    list_places,
    lognormal,
    quantiles,
    read_hazards,
    sample,
)
from releve.plugins.crashtest.engine.outages.hazard import format_hazards, load_shipped_hazards
from releve.plugins.crashtest.engine.outages.streams import draw_opening_days, list_cells_near, measure_distances
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
    apart_km,
    list_rows,
    name_of_calendar,
    plain_outages,
    run,
    set_rate,
    uniform,
)


def test_any_split_gives_the_same_bits() -> None:
    whole, parts = (run(replications=200), [run(replications=n, first=f) for f, n in ((0, 7), (7, 193))])
    for name in ("begin", "end", "place", "hazard"):
        joined = np.concatenate([getattr(part, name) for part in parts])
        assert np.array_equal(getattr(whole, name), joined)
    assert np.array_equal(np.diff(whole.pointer), np.concatenate([np.diff(p.pointer) for p in parts]))


def test_one_more_site_far_or_near_changes_nothing_for_the_others() -> None:
    near = PlacedSite("near", "MA", CASA.lat + 0.01, CASA.lon)
    far = PlacedSite("far", "FR", 48.85, 2.35)
    more = Places((near, *PLACES.sites, far), (*PLACES.home_lines[:2], HomeLines("Orange", "SN"), PLACES.home_lines[2]))
    before = list_rows(run(), HAZARDS, PLACES)
    after = list_rows(run(places=more), HAZARDS, more)
    assert before < after
    assert {row[2] for row in after - before} == {"site:near", "site:far", "carrier:Orange@SN"}


def test_another_order_of_sites_and_hazards_changes_nothing() -> None:
    turned = Places(PLACES.sites[::-1], PLACES.home_lines)
    other = HAZARDS[::-1]
    assert list_rows(run(), HAZARDS, PLACES) == list_rows(run(other, turned), other, turned)


def test_one_hazard_more_changes_nothing_for_the_others() -> None:
    before = list_rows(run(HAZARDS[:-1]), HAZARDS, PLACES)
    after = list_rows(run(), HAZARDS, PLACES)
    assert before == {row for row in after if row[1] != HAZARDS[-1].id}


def test_outages_come_in_order_and_those_of_one_event_together() -> None:
    found = run()
    for first, last in zip(found.pointer[:-1], found.pointer[1:], strict=True):
        assert np.all(np.diff(found.begin[first:last]) >= 0)
    same = np.diff(found.event) == 0
    assert same.any()
    assert np.array_equal(found.begin[1:][same], found.begin[:-1][same])
    assert np.array_equal(found.end[1:][same], found.end[:-1][same])
    assert np.all(found.end > found.begin)
    assert np.all((found.begin >= 0) & (found.begin < 90 * 24))


def test_another_seed_is_another_luck() -> None:
    one, two = (draw_outages(HAZARDS, PLACES, days=90, seed=s, replications=5) for s in (1, 2))
    assert not np.array_equal(one.begin[:5], two.begin[:5])


def test_nothing_to_strike_or_no_hazard_is_no_outage() -> None:
    assert len(run(hazards=())) == 0
    assert len(run(places=Places(()))) == 0
    still = (replace(QUAKE, rate_per_year=0.0, rates=()),)
    found = run(hazards=still, replications=3)
    assert list(found.pointer) == [0, 0, 0, 0]


@pytest.mark.parametrize("most", [10, 1300])
def test_too_many_outages_are_an_error_and_never_dropped(most: int) -> None:
    """Whether that is clear before they are drawn, or only after."""
    places = Places((CASA, FES, TUNIS))
    whole = draw_outages(HAZARDS, places, days=90, seed=1, replications=100)
    assert len(whole) > 1300
    with pytest.raises(OutagesOverflowError, match=f"expected outages <= {most}, got .* at a time"):
        draw_outages(HAZARDS, places, days=90, seed=1, replications=100, most=most)


@pytest.mark.parametrize(
    ("change", "condition"),
    [
        ({"days": 0}, "1 <= days"),
        ({"replications": 0}, "1 <= replications"),
        ({"first": -1}, "0 <= first"),
        ({"seed": -1}, "0 <= seed"),
    ],
)
def test_a_setting_out_of_range_is_refused(change: dict[str, int], condition: str) -> None:
    with pytest.raises(ValueError, match=condition):
        draw_outages(HAZARDS, PLACES, **{"days": 90, "seed": 1, "replications": 1} | change)


STEADY = tuple(replace(one, cluster_cv=0.0) for one in HAZARDS)
EARTH_KM2 = 4 * math.pi * 6371.0**2
CORNERS = [
    PlacedSite("casa", "MA", 33.57, -7.59),
    PlacedSite("fiji", "FJ", -17.5, 179.9),
    PlacedSite("equator", "GA", 0.0, 9.45),
    PlacedSite("north", "NO", 89.9, 0.0),
    PlacedSite("south", "AQ", -90.0, 0.0),
]


def test_the_outages_are_those_of_plain_python() -> None:
    found = draw_outages(STEADY, PLACES, days=60, seed=9, replications=12, first=40, start=DAY_0)
    plain = [row for r in range(40, 52) for row in plain_outages(STEADY, PLACES, 60, 9, r, DAY_0)]
    assert len(plain) == len(found) > 100
    ours = sorted(list_rows(found, STEADY, PLACES))
    for one, other in zip(ours, sorted(plain), strict=True):
        assert one[:3] == other[:3]
        assert one[3:] == pytest.approx(other[3:], rel=1e-12)


def test_a_quarter_without_a_date_begins_on_a_day_drawn_for_its_replication() -> None:
    days = np.empty(5, dtype=np.int64)
    draw_opening_days(np.uint64(9), 40, np.uint64(name_of_calendar()), days)
    assert list(days) == [int(uniform(9, r, name_of_calendar(), 0) * 365) for r in range(40, 45)]


@pytest.mark.parametrize("site", CORNERS, ids=lambda site: site.id)
@pytest.mark.parametrize("radius_km", [5.0, 75.0, 1000.0])
def test_no_point_within_reach_of_a_site_lies_outside_its_cells(site: PlacedSite, radius_km: float) -> None:
    cells = list_cells_near([site], radius_km)
    luck = np.random.default_rng(1)
    degrees = math.degrees(radius_km / 6371.0)
    seen = 0
    for _ in range(300):
        lat = site.lat + degrees * luck.uniform(-1, 1)
        across = min(180.0, degrees / max(math.cos(math.radians(lat)), 1e-3))
        lon = (site.lon + across * luck.uniform(-1, 1) + 180) % 360 - 180
        if abs(lat) > 90 or apart_km((lat, lon), site) > radius_km:
            continue
        seen += 1
        sine, east = math.sin(math.radians(lat)), math.radians(lon)
        holds = [c for c in cells if c.sin_south <= sine <= c.sin_north and c.west <= east <= c.east]
        assert len(holds) == 1, (lat, lon)
    assert seen > 30


def test_the_cells_cover_the_earth_once() -> None:
    everywhere = [
        PlacedSite(f"{lat} {lon}", "MA", lat, lon) for lat in range(-90, 91, 10) for lon in range(-180, 180, 10)
    ]
    cells = list_cells_near(everywhere, 1000.0)
    assert sum(cell.area_km2 for cell in cells) == pytest.approx(EARTH_KM2)
    assert len({cell.name for cell in cells}) == len(cells)


@pytest.mark.parametrize("site", CORNERS, ids=lambda site: site.id)
def test_the_rate_of_a_site_is_the_same_anywhere_on_earth(site: PlacedSite) -> None:
    hazard = replace(HAZARDS[0], rate_per_year=40.0, rates=())
    found = draw_outages([hazard], Places((site,)), days=90, seed=4, replications=400)
    expected = 400 * 40 * 90 / 365.25
    assert abs(len(found) - expected) < 4 * math.sqrt(expected)


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


Row = dict[str, str]
HAZARD = {hazard.id: hazard for hazard in load_shipped_hazards()}
TECHNICAL = {
    "Cable-Cut", "DDoS", "Equipment-Failure", "Generic-Technical", "Maintenance",
    "Misc-Routing-Problem", "Power-Outage", "Route-Leak",
}  # fmt: skip
MEASURED: dict[str, tuple[int, Callable[[Row], bool]]] = {
    "power": (15, lambda row: row["Cause"] == "Power-Outage"),
    "fibre": (38, lambda row: row["Cause"] == "Cable-Cut"),
    "carrier": (67, lambda row: row["scope"].startswith("AS")),
    "country_cut": (45, lambda row: row["scope"] == "Country" and row["Cause"] in TECHNICAL),
    "country_order": (96, lambda row: row["scope"] == "Country" and row["Cause"] == "Government-Ordered"),
}


@pytest.fixture(scope="module")
def ioda(shared_data: Path) -> list[Row]:
    with (shared_data / "ioda_outages_2018_2021" / "ioda_outages.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def quakes(shared_data: Path) -> list[Row]:
    path = shared_data / "earthquakes_usgs_m5" / "m5plus_2013_2023_wmed_madagascar.csv"
    with path.open() as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def towns(shared_data: Path) -> list[Row]:
    with gzip.open(shared_data / "geo_cities" / "cities5000.csv.gz", "rt") as file:
        return [row for row in csv.DictReader(file) if int(row["population"]) >= 50_000]


def test_every_hazard_says_where_it_is_from_how_sure_that_is_and_its_name_in_french() -> None:
    assert len(HAZARD) == 11
    for hazard in HAZARD.values():
        assert hazard.source
        assert hazard.confidence
        assert hazard.name_fr


@pytest.mark.realdata
@pytest.mark.parametrize("name", MEASURED)
def test_durations_are_the_quantiles_of_the_data(ioda: list[Row], name: str) -> None:
    """Rows without a duration, or with none above zero, are set aside, as the data set says."""
    size, chosen = MEASURED[name]
    hours = [
        float(row["duration_h"]) for row in ioda if chosen(row) and row["duration_h"] and float(row["duration_h"]) > 0
    ]
    assert len(hours) == size
    law = HAZARD[name].duration
    assert law.hours == pytest.approx(np.quantile(hours, law.shares), abs=0.05001)
    assert law.mean == pytest.approx(np.mean(hours), rel=0.2)
    assert f"Duration of {size} " in HAZARD[name].source


def per_town_and_year(quakes: list[Row], towns: list[Row], country: str, magnitude: float) -> tuple[float, int]:
    """Return how often a town has such an earthquake near, and how many earthquakes that is."""
    here = [
        PlacedSite(row["geonameid"], country, float(row["latitude"]), float(row["longitude"]))
        for row in towns
        if row["countrycode"] == country
    ]
    strong = [row for row in quakes if float(row["mag"]) >= magnitude]
    lat, lon = (np.array([float(row[name]) for row in strong]) for name in ("latitude", "longitude"))
    near = measure_distances(lat, lon, here) <= HAZARD["earthquake"].radius_km
    years = 10 + 307 / 365  # to 4 November 2023
    return float(near.sum()) / len(here) / years, int(near.any(axis=1).sum())


@pytest.mark.realdata
@pytest.mark.parametrize(("country", "seen"), [("MA", 3), ("DZ", 2), ("MG", 1), ("ES", 1)])
def test_rates_of_earthquakes_are_those_of_the_catalogue(
    quakes: list[Row], towns: list[Row], country: str, seen: int
) -> None:
    rate, events = per_town_and_year(quakes, towns, country, 5.5)
    assert events == seen
    assert HAZARD["earthquake"].rate(country) == pytest.approx(rate, abs=5.1e-5)


@pytest.mark.realdata
def test_where_no_strong_earthquake_was_seen_the_rate_says_how_it_was_chosen(
    quakes: list[Row], towns: list[Row]
) -> None:
    assert per_town_and_year(quakes, towns, "TN", 5.5)[1] == 0
    rate, events = per_town_and_year(quakes, towns, "TN", 5.0)
    assert events == 2
    assert HAZARD["earthquake"].rate("TN") == pytest.approx(rate * 10**-0.5, abs=5.1e-5)
    for country in ("FR", "SN"):
        assert per_town_and_year(quakes, towns, country, 5.0)[1] == 0
        assert HAZARD["earthquake"].rate(country) == HAZARD["earthquake"].rate_per_year


def test_the_documentation_shows_the_table_that_is_shipped() -> None:
    page = (Path(__file__).parents[3] / "docs" / "outages.md").read_text(encoding="utf-8")
    table = format_hazards(load_shipped_hazards())
    assert table in page, "docs/outages.md: put in what its module `shipped` prints"


def test_the_places_of_an_operator_are_its_sites_and_the_lines_of_those_ready_for_home() -> None:
    operator = sample_operator(120, 3, 1)
    places = list_places(operator)
    assert [site.id for site in places.sites] == [site.id for site in operator.sites]
    ready = {
        places.home_place(agent.carrier, operator.site[agent.home_site].destination)
        for agent in operator.agents
        if agent.home_ready and agent.carrier
    }
    assert ready == set(range(3, len(places)))
    assert places.home_place("No such carrier", "MA") == -1
    assert places.names[3].startswith("carrier:")
    found = draw_outages(load_shipped_hazards(), places, days=365, seed=1, replications=50)
    assert set(found.place) == set(range(len(places)))


def test_places_named_twice_or_out_of_order_are_refused() -> None:
    site = PlacedSite("a", "MA", 33.0, -7.0)
    with pytest.raises(ValueError, match="each site named once"):
        Places((site, site))
    with pytest.raises(ValueError, match="home lines sorted, each once"):
        Places((), (HomeLines("Z", "MA"), HomeLines("A", "MA")))
