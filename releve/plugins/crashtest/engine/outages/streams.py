"""Places that outages can take, and hazards as streams of events, one for each thing struck.

What is struck is a site, the home lines of a carrier, a country, or a cell of a fixed grid over the
earth for a hazard that takes every site near a point. Epicentres are a Poisson process on the
earth, independent of the sites: each site has its rate whatever stands beside it, near sites are
struck together as often as their circles overlap, and one more site changes nothing for the others.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from releve.kernels.decorators import allocating_kernel
from releve.network import Operator
from releve.network.model import EARTH_KM
from releve.plugins.crashtest.engine.outages.hazard import Hazard, require
from releve.plugins.crashtest.engine.outbreak.rng import derive_key, derive_replication_key, draw_unit, hash_key, pick


@dataclass(frozen=True, slots=True)
class PlacedSite:
    """A site: its id, country and WGS 84 coordinates in degrees."""

    id: str
    destination: str
    lat: float
    lon: float


@dataclass(frozen=True, slots=True, order=True)
class HomeLines:
    """The home lines of a carrier in one country (of the agents' sites).

    A carrier that serves agents of two countries is two networks: neither fails with the other.
    """

    carrier: str
    destination: str


@dataclass(frozen=True)
class Places:
    """The places by their numbers: the sites as given, then the home lines in sorted order."""

    sites: tuple[PlacedSite, ...]
    home_lines: tuple[HomeLines, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a place that is named twice, and home lines that are not sorted."""
        names = [site.id for site in self.sites]
        require(len(set(names)) == len(names), "each site named once", names)
        ordered = tuple(sorted(set(self.home_lines)))
        require(self.home_lines == ordered, "home lines sorted, each once", self.home_lines)

    def __len__(self) -> int:
        return len(self.sites) + len(self.home_lines)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the name of each place, like ``site:casa-1`` or ``carrier:Inwi@MA``."""
        lines = tuple(f"carrier:{one.carrier}@{one.destination}" for one in self.home_lines)
        return tuple(f"site:{site.id}" for site in self.sites) + lines

    def destinations(self) -> tuple[str, ...]:
        """Return the countries of the sites and of the home lines, sorted."""
        found = {site.destination for site in self.sites}
        return tuple(sorted(found | {lines.destination for lines in self.home_lines}))

    def home_place(self, carrier: str, destination: str) -> int:
        """Return the number of the home lines of a carrier in a country; -1 if it has none."""
        wanted = HomeLines(carrier, destination)
        if wanted not in self.home_lines:
            return -1
        return len(self.sites) + self.home_lines.index(wanted)


def list_places(operator: Operator) -> Places:
    """Return the places of an operator: its sites, and the carriers of those ready for home."""
    sites = tuple(PlacedSite(s.id, s.destination, s.lat, s.lon) for s in operator.sites)
    country = {site.id: site.destination for site in sites}
    lines = {
        HomeLines(agent.carrier, country[agent.home_site])
        for agent in operator.agents
        if agent.home_ready and agent.carrier
    }
    return Places(sites, tuple(sorted(lines)))


def measure_distances(
    lat: NDArray[np.float64], lon: NDArray[np.float64], sites: Sequence[PlacedSite]
) -> NDArray[np.float64]:
    """Return great circle distances in km: float64[point, site]; the points in degrees."""
    there = np.radians(np.array([(s.lat, s.lon) for s in sites]).reshape(-1, 2))
    phi, lam = np.radians(lat)[:, None], np.radians(lon)[:, None]
    half = np.sin((there[:, 0] - phi) / 2) ** 2 + np.cos(phi) * np.cos(there[:, 0]) * (
        np.sin((there[:, 1] - lam) / 2) ** 2
    )
    return np.asarray(2 * EARTH_KM * np.arcsin(np.sqrt(np.minimum(half, 1.0))))


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
        (hash_key("outage", hazard.id, *name), number, rate * compute_peak(hazard) / HOURS_PER_YEAR, struck)
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
    lines = [i for i, lines in enumerate(places.home_lines, start=len(places.sites)) if lines.destination == code]
    return tuple((sites if "sites" in hazard.takes else []) + (lines if "home" in hazard.takes else []))


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


DRAWS = 4
"""The uniform numbers of an event beside its gap: country, latitude, longitude, duration."""
RATE, LATITUDE, LONGITUDE, DURATION = range(DRAWS)


@allocating_kernel
def events(
    seed: Any,
    first: int,
    replications: int,
    hours: float,
    key: Any,
    hazard: Any,
    per_hour: Any,
    hazard_key: Any,
    factors: Any,
    replication: Any,
    stream: Any,
    begin: Any,
    draws: Any,
) -> int:
    """Fill the replication, stream, begin (hours) and draws of each event; return their number.

    ``factors[hazard, bin]`` of a replication, each bin alike. Events come by replication, stream
    and begin. Those beyond the room given are counted, not written.
    """
    n = 0
    room = begin.size
    factor = factors[:, 0].copy()
    for r in range(replications):
        rep = derive_replication_key(seed, first + r)
        for h in range(hazard_key.size):
            factor[h] = factors[h, pick(draw_unit(derive_key(rep, hazard_key[h]), 0), factors.shape[1])]
        for s in range(key.size):
            rate = per_hour[s] * factor[hazard[s]]
            if rate <= 0.0:
                continue
            who = derive_key(rep, key[s])
            slot = 0
            t = -math.log(draw_unit(who, 0)) / rate
            while t < hours:
                if n < room:
                    replication[n], stream[n], begin[n] = r, s, t
                    for d in range(DRAWS):
                        draws[n, d] = draw_unit(who, slot + 1 + d)
                n += 1
                slot += 1 + DRAWS
                t -= math.log(draw_unit(who, slot)) / rate
    return n


@allocating_kernel
def draw_opening_days(seed: Any, first: int, key: Any, day: Any) -> None:
    """Fill ``day[replication]`` with the day of the year, 0 to 364, on which each begins."""
    for r in range(day.size):
        day[r] = pick(draw_unit(derive_key(derive_replication_key(seed, first + r), key), 0), 365)
