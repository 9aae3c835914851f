"""The sample's sites, stops, floors and seats, and the keyed random streams of the whole sample.

Every subject has a stream of its own, so that a change in one shifts no other draws. Distributions
are made from uniforms here: PCG64's raw output is fixed for ever, a library's samplers are not.
Floor plans (rows, pods, mixed; chairs in metres to the millimetre) do not depend on the seed.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from math import cos, hypot, pi, radians, sin
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from releve.extras import LazyModule
from releve.kernels.arrays import Floats, Ints
from releve.network.model import Floor, NamedContingency, Seat, Shuttle, Site, Stop, Zone
from releve.network.rows import Agent, Shift
from releve.network.sample.countries import CITIES, COUNTRIES, City, Country

if TYPE_CHECKING:
    from scipy import special
else:
    special = LazyModule("scipy.special")


_HALF_STEP = 2.0**-54
"""Moves a uniform off 0, so that its normal quantile is finite."""
_SMALL_MEAN = 20.0
"""Below, Poisson counts come from exact inversion; above, from a Cornish-Fisher expansion."""


class Draws:
    """One stream, named by the seed and any number of keys (words or numbers)."""

    def __init__(self, seed: int, *keys: str | int) -> None:
        words = [zlib.crc32(str(key).encode()) for key in keys]
        self._generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, *words])))

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        """Return one number in [low, high)."""
        return low + (high - low) * float(self._generator.random())

    def uniforms(self, n: int, low: float = 0.0, high: float = 1.0) -> Floats:
        """Return ``n`` numbers in [low, high)."""
        return low + (high - low) * self._generator.random(n)

    def whole(self, low: int, high: int) -> int:
        """Return one whole number in low..high, both included."""
        return low + int((high - low + 1) * self._generator.random())

    def chance(self, probability: float) -> bool:
        return bool(self._generator.random() < probability)

    def index(self, weights: Sequence[float] | Floats) -> int:
        return int(self.indices(1, weights)[0])

    def indices(self, n: int, weights: Sequence[float] | Floats) -> Ints:
        """Return ``n`` independent indices, drawn by weight."""
        steps = np.cumsum(np.asarray(weights, dtype=np.float64))
        where = np.searchsorted(steps, self._generator.random(n) * steps[-1], side="right")
        return np.asarray(np.minimum(where, len(steps) - 1), dtype=np.int64)

    def order(self, n: int) -> Ints:
        """Return the numbers 0..n-1 in random order."""
        return np.argsort(self._generator.random(n), kind="stable").astype(np.int64)

    def normals(self, n: int) -> Floats:
        """Return ``n`` standard normal numbers, by inversion."""
        out: Floats = special.ndtri(self._generator.random(n) + _HALF_STEP)
        return out

    def factors(self, n: int, cv: float) -> Floats:
        """Return ``n`` factors of mean 1, near gamma, with a coefficient of variation.

        The cube-root approximation of Wilson and Hilferty (1931), doi:10.1073/pnas.17.12.684;
        good for the CVs below 0.3 used here.
        """
        if cv <= 0:
            return np.ones(n)
        ninth = cv * cv / 9
        out: Floats = np.maximum(0.05, (1 - ninth + self.normals(n) * np.sqrt(ninth)) ** 3)
        return out

    def counts(self, means: ArrayLike) -> Floats:
        """Return one Poisson count (as float64) for each mean, one uniform each."""
        mean = np.asarray(means, dtype=np.float64)
        uniform = self._generator.random(len(mean))
        out = np.zeros(len(mean))
        small = mean < _SMALL_MEAN
        out[small] = _invert_poisson(uniform[small], mean[small])
        large = mean[~small]
        z = special.ndtri(uniform[~small] + _HALF_STEP)
        out[~small] = np.maximum(0, np.rint(large + np.sqrt(large) * z + (z * z - 1) / 6))
        return out


def _invert_poisson(uniform: Floats, mean: Floats) -> Floats:
    """Return Poisson counts of means below 20, by walking the distribution function."""
    probability = np.exp(-mean)
    reached = probability.copy()
    count = np.zeros(len(mean))
    for k in range(1, 80):
        beyond = uniform > reached
        if not beyond.any():
            break
        probability = probability * mean / k
        reached = reached + probability
        count[beyond] = k
    return count


def split_by_weight(total: int, weights: Sequence[float] | Floats, least: int = 0) -> Ints:
    """Split a whole number by weight (largest remainder), each share at least ``least``.

    Needs ``total >= least * len(weights)``.
    """
    weight = np.asarray(weights, dtype=np.float64)
    free = total - least * len(weight)
    exact = free * weight / weight.sum()
    out: Ints = np.floor(exact).astype(np.int64)
    rest = free - int(out.sum())
    first = np.argsort(-(exact - out), kind="stable")[:rest]
    out[first] += 1
    return out + least


KM_PER_DEGREE = 111.2
ROAD = 1.35
"""Road kilometres per kilometre as the crow flies."""
SHUTTLE_KMH = 27.0
_BOARDING_MINUTES = 6.0
_LONE_BELOW = 24
"""Below this many sites Senegal holds one; from there on Côte d'Ivoire does."""
_QUARTERS = ("Nord", "Sud", "Est", "Ouest", "Gare", "Port", "Technopole", "Centre", "Parc", "Marché")


def find_country(code: str) -> Country:
    """Return the facts of a country of the sample."""
    return next(country for country in COUNTRIES if country.code == code)


def place_sites(count: int, seed: int) -> tuple[Site, ...]:
    """Return the sites, those of one city together.

    Countries and cities get theirs by highest averages, so that the largest city of a country
    holds several; from three sites on at least one destination holds a single one.
    """
    sites: list[Site] = []
    for country, number in zip(COUNTRIES, _allot_to_countries(count), strict=True):
        draws = Draws(seed, "cities", country.code)
        cities = [city for city in CITIES if city.country == country.code]
        weights = [c.weight * draws.uniform(0.92, 1.08) for c in cities]
        for city, held in zip(cities, _allot_by_highest_averages(number, weights), strict=True):
            sites += [_draw_site(city, country, i, seed) for i in range(held)]
    return tuple(sites)


def _allot_to_countries(count: int) -> list[int]:
    weights = [c.share if count >= c.from_sites else 0.0 for c in COUNTRIES]
    most = [1 if c.most == 1 or (c.code == "SN" and count < _LONE_BELOW) else count for c in COUNTRIES]
    if count >= _LONE_BELOW:
        lone = [1 if c.most == 1 else 0 for c in COUNTRIES]
        rest = [0.0 if c.most == 1 else w for c, w in zip(COUNTRIES, weights, strict=True)]
        others = _allot_by_highest_averages(count - sum(lone), rest)
        return [a + b for a, b in zip(lone, others, strict=True)]
    return _allot_by_highest_averages(count, weights, most)


def _allot_by_highest_averages(count: int, weights: Sequence[float], most: Sequence[int] | None = None) -> list[int]:
    """Split ``count`` whole things by weight (D'Hondt), each share at most ``most``."""
    held = [0] * len(weights)
    for _ in range(count):
        averages = [
            w / (n + 1) if most is None or n < most[i] else -1.0
            for i, (w, n) in enumerate(zip(weights, held, strict=True))
        ]
        held[averages.index(max(averages))] += 1
    return held


def _draw_site(city: City, country: Country, number: int, seed: int) -> Site:
    draws = Draws(seed, "site", city.key, number)
    lat, lon = _draw_point_around(city, draws.uniform(1.0, 6.5), draws.uniform())
    quarter = _QUARTERS[(number * 3 + draws.whole(0, 2)) % len(_QUARTERS)]
    return Site(
        id=f"{city.key}-{number + 1}",
        name=f"{city.name} {quarter} {number + 1}",
        destination=country.code,
        city=city.name,
        time_zone=country.time_zone,
        lat=lat,
        lon=lon,
    )


def _draw_point_around(city: City, km: float, turn: float) -> tuple[float, float]:
    """Return the point ``km`` from the centre of a city, to 3 decimals (about 100 m)."""
    north, east = km * sin(2 * pi * turn), km * cos(2 * pi * turn)
    lon = city.lon + east / (KM_PER_DEGREE * cos(radians(city.lat)))
    return round(city.lat + north / KM_PER_DEGREE, 3), round(lon, 3)


def group_by_city(sites: Iterable[Site]) -> dict[str, list[Site]]:
    """Return the sites of each city, in order."""
    found: dict[str, list[Site]] = {}
    for site in sites:
        found.setdefault(site.city, []).append(site)
    return found


def list_lone_destinations(sites: Iterable[Site]) -> tuple[str, ...]:
    """Return the destinations that hold a single site."""
    codes = [site.destination for site in sites]
    return tuple(code for code in dict.fromkeys(codes) if codes.count(code) == 1)


def place_stops(sites: Sequence[Site], seed: int) -> tuple[tuple[Stop, ...], tuple[Shuttle, ...]]:
    """Return 5 to 10 stops per city and their rides to each site of the city."""
    stops: list[Stop] = []
    shuttles: list[Shuttle] = []
    named = {city.name: city for city in CITIES}
    for name, held in group_by_city(sites).items():
        city = named[name]
        draws = Draws(seed, "stops", city.key)
        count = draws.whole(5, 10)
        for i in range(count):
            km = 1.5 + 9.5 * draws.uniform() ** 0.75
            lat, lon = _draw_point_around(city, km, (i + draws.uniform(0.0, 0.8)) / count)
            stop = Stop(f"{city.key}-stop{i + 1}", f"{name} arrêt {i + 1}", lat, lon)
            stops.append(stop)
            shuttles += [
                Shuttle(stop.id, site.id, _estimate_ride(stop, site, draws.uniform(0.9, 1.2))) for site in held
            ]
    return tuple(stops), tuple(shuttles)


def _estimate_ride(stop: Stop, site: Site, traffic: float) -> float:
    east = (stop.lon - site.lon) * cos(radians(site.lat))
    km = KM_PER_DEGREE * hypot(stop.lat - site.lat, east)
    minutes = _BOARDING_MINUTES + traffic * 60 * ROAD * km / SHUTTLE_KMH
    return float(min(70, max(10, round(minutes))))


def list_power_cuts(sites: Sequence[Site], agents: Sequence[Agent]) -> tuple[NamedContingency, ...]:
    """Return up to two contingencies, named in French: a power cut of two sites, a storm at one.

    The storm takes the site and the carrier that most of its home workers have.
    """
    shared = [held for held in group_by_city(sites).values() if len(held) >= 2]
    out: list[NamedContingency] = []
    if shared:
        first = shared[0]
        key = first[0].id.rsplit("-", 1)[0]
        out.append(
            NamedContingency(
                f"{key}-power",
                f"Coupure de courant à {first[0].name} et {first[1].name}",
                sites=(first[0].id, first[1].id),
            )
        )
    if len(sites) >= 5:
        last = next(s for s in reversed(sites) if s.city != sites[0].city)
        lines = Counter(a.carrier for a in agents if a.home_site == last.id and a.home_ready)
        carriers = tuple(sorted(lines, key=lambda name: (-lines[name], name))[:1])
        named = "".join(f" et les lignes à domicile de {name}" for name in carriers)
        key = last.id.rsplit("-", 1)[0]
        out.append(
            NamedContingency(f"{key}-storm", f"Tempête à {last.name}\u202f: le site{named}", (last.id,), carriers)
        )
    return tuple(out)


ALONG = 1.6
"""From chair to chair along a bench."""
FACES = 1.4
"""Across the desks, between two chairs that face each other."""
BACKS = 1.8
"""Between the chairs of two benches, back to back."""
AISLE = 1.2
"""Added along a bench after every six desks."""
_POD = 6
_RADIUS = 1.5


@dataclass(frozen=True)
class FloorLayout:
    """Chairs of one floor: (x, y) in metres, in seat order."""

    kind: str
    places: tuple[tuple[float, float], ...]


def lay_rows(count: int) -> FloorLayout:
    """Return benches of two faces, as square a floor as can be; ``count`` chairs."""
    per_face = max(3, min(18, round((count * 1.05) ** 0.5 / 3) * 3))
    return FloorLayout("rows", _build_layout(_place_benches(count, per_face)))


def lay_pods(count: int) -> FloorLayout:
    """Return stars of six desks, every second line of stars set off by half; ``count`` chairs."""
    stars = -(-count // _POD)
    per_line = max(1, round(stars**0.5))
    places = []
    for star in range(stars):
        line, i = divmod(star, per_line)
        x, y = 4.6 * (i + 0.5 * (line % 2)), 4.2 * line
        for k in range(_POD):
            turn = 2 * pi * k / _POD
            places.append((x + _RADIUS * cos(turn), y + _RADIUS * sin(turn)))
    return FloorLayout("pods", _build_layout(places[:count]))


def lay_mixed(count: int) -> FloorLayout:
    """Return benches with gaps and a corner of stars, no chair quite in line; ``count`` chairs."""
    in_pods = count // 3 // _POD * _POD
    draws = Draws(0, "mixed layout", count)
    in_rows = count - in_pods
    benches = _place_benches(in_rows + in_rows // 6 + 1, 9)
    kept = [place for i, place in enumerate(benches) if i % 7 != 3][:in_rows]
    beside = max(x for x, _ in kept) + 3.5
    places = kept + [(x + beside, y) for x, y in lay_pods(in_pods).places]
    shifts = draws.uniforms(2 * count, -0.18, 0.18)
    moved = [(x + float(shifts[2 * i]), y + float(shifts[2 * i + 1])) for i, (x, y) in enumerate(places)]
    return FloorLayout("mixed", _build_layout(moved))


def _place_benches(count: int, per_face: int) -> list[tuple[float, float]]:
    places = []
    for i in range(count):
        bench, place = divmod(i, 2 * per_face)
        at, face = divmod(place, 2)
        x = bench * (FACES + BACKS) + face * FACES
        places.append((x, at * ALONG + (at // 6) * AISLE))
    return places


def _build_layout(places: list[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    left, low = min(x for x, _ in places), min(y for _, y in places)
    return tuple((round(x - left + 1.0, 3), round(y - low + 1.0, 3)) for x, y in places)


CATALOGUE = (
    *(lay_rows(count) for count in (24, 48, 72, 96, 144, 192, 240)),
    *(lay_pods(count) for count in (36, 60, 90, 120, 180)),
    *(lay_mixed(count) for count in (80, 110, 150)),
)


LEAST, MOST = 1.05, 1.25
"""Seats of a site over its peak presence."""
_CEILING_M = 3.0
_MARGIN_M = 1.2
_LEAST_M2 = 4.5
"""Least floor area per desk."""
_ZONE = 75
_FLOORS = 4
_LARGEST = max(len(layout.places) for layout in CATALOGUE)


def count_peak_presence(agents: Sequence[Agent], shifts: Sequence[Shift]) -> dict[str, int]:
    """Return for each site the most of its agents present in one half hour of the roster."""
    home = {agent.id: agent.home_site for agent in agents}
    change: dict[str, Counter[float]] = {}
    for shift in shifts:
        own = change.setdefault(home[shift.agent], Counter())
        own[shift.start.timestamp()] += 1
        own[shift.end.timestamp()] -= 1
    out = {}
    for site, steps in change.items():
        out[site] = int(np.cumsum([steps[at] for at in sorted(steps)]).max())
    return out


def build_floors(
    sites: Sequence[Site], peak: Mapping[str, int], seed: int
) -> tuple[tuple[Floor, ...], tuple[Zone, ...], tuple[Seat, ...]]:
    """Return the floors, zones and seats of every site; one to four floors unless it is vast."""
    floors: list[Floor] = []
    zones: list[Zone] = []
    seats: list[Seat] = []
    # every set of up to four floors, with its seats
    choices = [
        (sum(len(layout.places) for layout in chosen), chosen)
        for count in range(1, _FLOORS + 1)
        for chosen in combinations_with_replacement(CATALOGUE, count)
    ]
    for site in sites:
        draws = Draws(seed, "building", site.id)
        for number, layout in enumerate(_choose_layouts(peak.get(site.id, 1), choices, draws), start=1):
            floor = Floor(f"{site.id}-f{number}", site.id, f"Plateau {number}")
            floors.append(floor)
            own_zones, own_seats = _furnish(floor.id, layout, draws)
            zones += own_zones
            seats += own_seats
    return tuple(floors), tuple(zones), tuple(seats)


def _choose_layouts(peak: int, choices: list[tuple[int, tuple[FloorLayout, ...]]], draws: Draws) -> list[FloorLayout]:
    """Choose floors whose seats are 1.05 to 1.25 times the peak, or the least above."""
    extra = max(0, -(-(int(LEAST * peak) - 3 * _LARGEST) // _LARGEST))
    low = LEAST * peak - extra * _LARGEST
    high = MOST * peak - extra * _LARGEST
    within = [chosen for total, chosen in choices if low <= total <= high]
    if within:
        fewest = min(len(chosen) for chosen in within)
        few = [chosen for chosen in within if len(chosen) <= fewest + 1]
        picked = few[draws.whole(0, len(few) - 1)]
    else:
        picked = min((c for c in choices if c[0] >= low), key=lambda c: (c[0], len(c[1])))[1]
    vast = [layout for layout in CATALOGUE if len(layout.places) == _LARGEST][:1]
    return vast * extra + sorted(picked, key=lambda layout: -len(layout.places))


def _furnish(floor: str, layout: FloorLayout, draws: Draws) -> tuple[list[Zone], list[Seat]]:
    """Cut a floor into zones of 30 to 80 desks, as far as it has that many."""
    count = len(layout.places)
    parts = np.array_split(np.arange(count), -(-count // _ZONE))
    zones: list[Zone] = []
    seats: list[Seat] = []
    for number, part in enumerate(parts, start=1):
        places = [layout.places[i] for i in part]
        zone = f"{floor}-z{number}"
        width, depth = (max(c) - min(c) + 2 * _MARGIN_M for c in zip(*places, strict=True))
        area = max(width * depth, _LEAST_M2 * len(places))
        air = draws.whole(4, 10) / 2
        zones.append(Zone(zone, floor, float(round(area * _CEILING_M)), air))
        seats += [Seat(f"{floor}-s{int(i) + 1:03d}", zone, *layout.places[i]) for i in part]
    return zones, seats
