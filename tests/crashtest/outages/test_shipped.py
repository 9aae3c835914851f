"""The table that the product ships: current in the documentation, true to its sources."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from releve.network import sample_operator
from releve.plugins.crashtest.engine.outages import HomeLines, PlacedSite, Places, draw_outages, list_places
from releve.plugins.crashtest.engine.outages.shipped import format_hazards, load_shipped_hazards
from releve.plugins.crashtest.engine.outages.streams import measure_distances

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
