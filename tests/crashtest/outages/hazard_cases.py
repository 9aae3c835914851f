"""Places and hazards for the tests, and the same outages in plain Python."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta

import numpy as np

from releve.plugins.crashtest.engine.outages import (
    Hazard,
    HomeLines,
    Outages,
    PlacedSite,
    Places,
    draw_outages,
    lognormal,
    sample,
)
from releve.plugins.crashtest.engine.outages.streams import Cell, build_streams
from releve.plugins.crashtest.engine.outbreak.rng import hash_key

CASA = PlacedSite("casa", "MA", 33.57, -7.59)
MOHAMMEDIA = PlacedSite("mohammedia", "MA", 33.69, -7.38)  # 24 km from Casablanca
FES = PlacedSite("fes", "MA", 34.03, -5.00)
TUNIS = PlacedSite("tunis", "TN", 36.81, 10.18)
INWI = HomeLines("Inwi", "MA")
ORANGE_MA, ORANGE_TN = HomeLines("Orange", "MA"), HomeLines("Orange", "TN")
PLACES = Places((CASA, MOHAMMEDIA, FES, TUNIS), (INWI, ORANGE_MA, ORANGE_TN))
DAY_0 = date(2026, 11, 30)

QUAKE = Hazard("quake", "Earthquake", "city", 6.0, lognormal(24, 200), radius_km=75, rates=(("TN", 2.0),))
FIBRE = Hazard("fibre", "Fibre cut", "site", 8.0, lognormal(5, 28))
CARRIER = Hazard("carrier", "Carrier down", "carrier", 8.0, lognormal(2, 9))
CABLE = Hazard("cable", "Cable cut", "destination", 6.0, sample(5.0), ("sites", "home"))
STORM = Hazard("storm", "Storm", "city", 4.0, sample(48.0), radius_km=40, months=(12, 1, 2), cluster_cv=1.0)
HAZARDS = (QUAKE, FIBRE, CARRIER, CABLE, STORM)

Row = tuple[int, str, str, float, float]


def list_rows(found: Outages, hazards: tuple[Hazard, ...], places: Places) -> set[Row]:
    """Return the outages as rows of replication, hazard, place, begin, end."""
    many = np.diff(found.pointer)
    replication = found.first + np.repeat(np.arange(len(many)), many)
    return {
        (int(r), hazards[h].id, places.names[p], float(begin), float(end))
        for r, h, p, begin, end in zip(replication, found.hazard, found.place, found.begin, found.end, strict=True)
    }


def run(
    hazards: tuple[Hazard, ...] = HAZARDS, places: Places = PLACES, replications: int = 200, first: int = 0
) -> Outages:
    """Return the outages of some quarters that begin on 30 November."""
    return draw_outages(hazards, places, days=90, seed=7, replications=replications, first=first, start=DAY_0)


def set_rate(hazard: Hazard, per_year: float) -> Hazard:
    """Return the hazard at another rate, the same in every country."""
    return replace(hazard, rate_per_year=per_year, rates=())


_ALL = 2**64 - 1
_GOLDEN = 0x9E3779B97F4A7C15


def mix(x: int) -> int:
    """Return splitmix64's finaliser."""
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _ALL
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _ALL
    return x ^ (x >> 31)


def uniform(seed: int, replication: int, key: int, slot: int) -> float:
    """Return the number that a key has in a replication, for one decision."""
    whole = mix((mix((seed + _GOLDEN) & _ALL) + replication * _GOLDEN) & _ALL)
    bits = mix((mix(whole ^ key) + slot * _GOLDEN) & _ALL) >> 11
    return (bits + 0.5) / 2**53


def plain_outages(
    hazards: Sequence[Hazard], places: Places, days: int, seed: int, replication: int, start: date
) -> Iterator[Row]:
    """Yield the outages of one replication, of hazards without a factor, in any order."""
    streams = build_streams(hazards, places)
    for key, number, per_hour, struck in zip(
        streams.key, streams.hazard, streams.per_hour, streams.struck, strict=True
    ):
        hazard, slot, t = hazards[number], 0, 0.0
        while True:
            t -= math.log(uniform(seed, replication, int(key), slot)) / per_hour
            if t >= days * 24:
                break
            rate, lat, lon, lasts = (uniform(seed, replication, int(key), slot + 1 + i) for i in range(4))
            slot += 5
            month = (start + timedelta(hours=t)).month
            if hazard.months and month not in hazard.months:
                continue
            end = t + float(hazard.duration.at(np.array([lasts]))[0])
            if isinstance(struck, Cell):
                point = _point(struck, lat, lon)
                taken = [
                    i
                    for i, site in enumerate(places.sites)
                    if apart_km(point, site) <= hazard.radius_km
                    and rate * hazard.highest_rate < hazard.rate(site.destination)
                ]
            else:
                taken = list(struck)
            for place in taken:
                yield replication, hazard.id, places.names[place], t, end


def _point(cell: Cell, lat: float, lon: float) -> tuple[float, float]:
    sine = cell.sin_south + lat * (cell.sin_north - cell.sin_south)
    return math.degrees(math.asin(sine)), math.degrees(cell.west + lon * (cell.east - cell.west))


def apart_km(point: tuple[float, float], site: PlacedSite) -> float:
    """Return the distance by the angle between two unit vectors."""
    a, b = (_vector(*one) for one in (point, (site.lat, site.lon)))
    chord = math.dist(a, b)
    return 2 * 6371.0 * math.asin(min(chord / 2, 1.0))


def _vector(lat: float, lon: float) -> tuple[float, float, float]:
    phi, lam = math.radians(lat), math.radians(lon)
    return math.cos(phi) * math.cos(lam), math.cos(phi) * math.sin(lam), math.sin(phi)


def name_of_calendar() -> int:
    """Return the key of the day of the year on which a replication begins."""
    return int(hash_key("outage", "calendar"))
