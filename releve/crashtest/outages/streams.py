"""Hazards and places as streams of events: one for each thing that is struck by itself.

What is struck is a site, the home lines of a carrier, a country, or, for a hazard that takes every
site near a point, a cell of a fixed grid over the whole earth. Epicentres are a Poisson process on
the earth that knows nothing of the sites; so each site has its rate whatever stands beside it, two
near sites are struck together as often as their circles overlap, and one more site anywhere
changes nothing for the others.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from releve.crashtest.outages.errors import require
from releve.crashtest.outages.hazard import Hazard
from releve.crashtest.outages.places import EARTH_KM, PlacedSite, Places
from releve.crashtest.outbreak.rng import hash_key

__all__ = ["Cell", "Streams", "build_streams"]

HOURS_PER_YEAR = 365.25 * 24
DAYS_OF_MONTH = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of the grid: between two sines of the latitude and two longitudes in radians."""

    name: tuple[int, int]
    sin_south: float
    sin_north: float
    west: float
    east: float

    @property
    def area_km2(self) -> float:
        """Return the area of the cell."""
        return EARTH_KM**2 * (self.sin_north - self.sin_south) * (self.east - self.west)


@dataclass(frozen=True)
class Streams:
    """Flat arrays, one row a stream: ``key`` uint64, ``hazard`` int16, ``per_hour`` float64 the
    highest intensity of events (in season, in the worst country). ``struck`` what a row strikes:
    the numbers of the places it takes, or a cell of the grid.
    """

    key: NDArray[np.uint64]
    hazard: NDArray[np.int16]
    per_hour: NDArray[np.float64]
    struck: tuple[tuple[int, ...] | Cell, ...]


def build_streams(hazards: Sequence[Hazard], places: Places) -> Streams:
    """Return the streams of the hazards over the places; those that never strike are left out."""
    names = [hazard.id for hazard in hazards]
    require(len(set(names)) == len(names), "each hazard named once", names)
    rows = [
        (
            hash_key("outage", hazard.id, *name),
            number,
            rate * compute_peak(hazard) / HOURS_PER_YEAR,
            struck,
        )
        for number, hazard in enumerate(hazards)
        for name, rate, struck in _list_struck(hazard, places)
        if rate > 0.0
    ]
    key, hazard, per_hour, struck = zip(*rows, strict=True) if rows else ((), (), (), ())
    return Streams(
        np.array(key, dtype=np.uint64),
        np.array(hazard, dtype=np.int16),
        np.array(per_hour, dtype=np.float64),
        tuple(struck),
    )


def compute_peak(hazard: Hazard) -> float:
    """Return the intensity in season over that of the whole year."""
    if not hazard.months:
        return 1.0
    return 365.0 / float(DAYS_OF_MONTH[np.array(hazard.months) - 1].sum())


_Row = tuple[tuple[str | int, ...], float, tuple[int, ...] | Cell]


def _list_struck(hazard: Hazard, places: Places) -> Iterator[_Row]:
    """Yield the name, the yearly rate and what is struck, of each stream of a hazard."""
    if hazard.footprint == "site":
        for i, site in enumerate(places.sites):
            yield ("site", site.id), hazard.rate(site.destination), (i,)
    elif hazard.footprint == "carrier":
        for i, lines in enumerate(places.home_lines, start=len(places.sites)):
            name = ("carrier", lines.carrier, lines.destination)
            yield name, hazard.rate(lines.destination), (i,)
    elif hazard.footprint == "destination":
        for code in places.destinations():
            yield ("destination", code), hazard.rate(code), _list_in_country(hazard, places, code)
    else:
        circle = 2 * math.pi * EARTH_KM**2 * (1 - math.cos(hazard.radius_km / EARTH_KM))
        for cell in list_cells_near(places.sites, hazard.radius_km):
            yield ("cell", *cell.name), hazard.highest_rate * cell.area_km2 / circle, cell


def _list_in_country(hazard: Hazard, places: Places, code: str) -> tuple[int, ...]:
    """Return the numbers of the places that a hazard takes in a country."""
    sites = [i for i, site in enumerate(places.sites) if site.destination == code]
    lines = [
        i
        for i, lines in enumerate(places.home_lines, start=len(places.sites))
        if lines.destination == code
    ]
    return tuple(
        (sites if "sites" in hazard.takes else []) + (lines if "home" in hazard.takes else [])
    )


def list_cells_near(sites: Sequence[PlacedSite], radius_km: float) -> list[Cell]:
    """Return the cells of the grid of a radius that reach within it of any site, in its order.

    The grid has bands of about the radius from south to north, and each band columns of about the
    radius; it does not depend on the sites.
    """
    bands = math.ceil(math.pi * EARTH_KM / radius_km)
    height, reach = math.pi / bands, radius_km / EARTH_KM
    names: set[tuple[int, int]] = set()
    for site in sites:
        phi, lam = math.radians(site.lat), math.radians(site.lon)
        first = math.floor((phi - reach + math.pi / 2) / height)
        last = math.floor((phi + reach + math.pi / 2) / height)
        for band in range(max(first, 0), min(last, bands - 1) + 1):
            names |= {(band, column) for column in _find_columns(band, height, phi, lam, reach)}
    return [_build_cell(band, column, height) for band, column in sorted(names)]


def _count_columns(band: int, height: float) -> int:
    """Return the number of columns of a band."""
    south = band * height - math.pi / 2
    widest = 1.0 if south < 0.0 < south + height else max(math.cos(south), math.cos(south + height))
    return max(1, math.ceil(2 * math.pi * widest / height))


def _find_columns(band: int, height: float, phi: float, lam: float, reach: float) -> Iterator[int]:
    """Yield the columns of a band that come within reach of a point."""
    count = _count_columns(band, height)
    width = 2 * math.pi / count
    if abs(phi) + reach >= math.pi / 2:  # a pole is within reach, and with it every longitude
        yield from range(count)
        return
    across = math.asin(math.sin(reach) / math.cos(phi))
    first = math.floor((lam - across + math.pi) / width)
    last = math.floor((lam + across + math.pi) / width)
    yield from {column % count for column in range(first, last + 1)}


def _build_cell(band: int, column: int, height: float) -> Cell:
    south, width = band * height - math.pi / 2, 2 * math.pi / _count_columns(band, height)
    west = column * width - math.pi
    return Cell((band, column), math.sin(south), math.sin(south + height), west, west + width)
