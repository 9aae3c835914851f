"""Where the sample's sites and shuttle stops stand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from math import cos, hypot, pi, radians, sin

from releve.network.model import Agent, NamedContingency, Shuttle, Site, Stop
from releve.network.sample.countries import CITIES, COUNTRIES, City, Country
from releve.network.sample.draws import Draws

__all__ = [
    "find_country",
    "group_by_city",
    "list_lone_destinations",
    "list_power_cuts",
    "place_sites",
    "place_stops",
]

KM_PER_DEGREE = 111.2
ROAD = 1.35
"""Road kilometres per kilometre as the crow flies."""
SHUTTLE_KMH = 27.0
_BOARDING_MINUTES = 6.0
_LONE_BELOW = 24
"""Below this many sites Senegal holds one; from there on Côte d'Ivoire does."""
_QUARTERS = (
    "Nord",
    "Sud",
    "Est",
    "Ouest",
    "Gare",
    "Port",
    "Technopole",
    "Centre",
    "Parc",
    "Marché",
)


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
    most = [
        1 if c.most == 1 or (c.code == "SN" and count < _LONE_BELOW) else count for c in COUNTRIES
    ]
    if count >= _LONE_BELOW:
        lone = [1 if c.most == 1 else 0 for c in COUNTRIES]
        rest = [0.0 if c.most == 1 else w for c, w in zip(COUNTRIES, weights, strict=True)]
        others = _allot_by_highest_averages(count - sum(lone), rest)
        return [a + b for a, b in zip(lone, others, strict=True)]
    return _allot_by_highest_averages(count, weights, most)


def _allot_by_highest_averages(
    count: int, weights: Sequence[float], most: Sequence[int] | None = None
) -> list[int]:
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
                Shuttle(stop.id, site.id, _estimate_ride(stop, site, draws.uniform(0.9, 1.2)))
                for site in held
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
            NamedContingency(
                f"{key}-storm",
                f"Tempête à {last.name}\u202f: le site{named}",
                (last.id,),
                carriers,
            )
        )
    return tuple(out)
