"""Held to plain Python, and the grid of the earth to what a grid must be."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from releve.plugins.crashtest.engine.outages import PlacedSite, Places, draw_outages
from releve.plugins.crashtest.engine.outages.streams import draw_opening_days, list_cells_near
from tests.crashtest.outages.hazard_cases import DAY_0, HAZARDS, PLACES, list_rows
from tests.crashtest.outages.oracle import apart_km, name_of_calendar, plain_outages, uniform

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
