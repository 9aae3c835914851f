"""Checks of places: sites, stops and shuttles."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from releve.errors import Phrase
from releve.network.clock import is_known_zone
from releve.network.faults import Fault, find_closest
from releve.network.model import HOME
from releve.network.parsed_tables import ParsedTables
from releve.network.parsing import BAD

__all__ = ["check_sites", "check_stops", "check_time_zones", "list_country_codes"]

FAR_SITE_KM = 1500.0
"""A site farther than this from more than half of its destination's other sites is misplaced."""
FAR_STOP_KM = 200.0
"""A stop farther than this from every site it is served from is misplaced."""
_EARTH_KM = 6371.0


@cache
def list_country_codes() -> frozenset[str]:
    """Return the ISO 3166 alpha-2 codes (the table that comes with the time zones)."""
    text = resources.files("tzdata").joinpath("zoneinfo", "iso3166.tab").read_text("utf-8")
    return frozenset(line[:2] for line in text.splitlines() if line and line[0] != "#")


@cache
def _list_zone_names() -> frozenset[str]:
    text = resources.files("tzdata").joinpath("zones").read_text("utf-8")
    return frozenset(text.split())


def check_time_zones(book: ParsedTables, table: str) -> Iterator[Fault]:
    """Yield the time zones of a table that do not exist; they become BAD."""
    for i, name in book.usable(table, "time_zone"):
        if not is_known_zone(name):
            meant = find_closest(name, _list_zone_names())
            fix = (
                Phrase("write {0}", meant)
                if meant
                else Phrase("write an IANA name like Africa/Casablanca")
            )
            yield book.tables[table].fault(i, "time_zone", Phrase("is not a time zone"), fix)
            book.tables[table].values["time_zone"][i] = BAD


def check_sites(book: ParsedTables) -> Iterator[Fault]:
    """A site has an id that is not that of home, a country, a time zone and a plausible place."""
    if "sites" not in book.tables:
        return
    table = book.tables["sites"]
    for i, name in book.usable("sites", "id"):
        if name == HOME:
            reason = Phrase("{0!r} is the place of agents who work at home, not a site's id", HOME)
            yield table.fault(
                i, "id", reason, Phrase("give the site another id, also where it is used")
            )
    yield from check_time_zones(book, "sites")
    for i, code in book.usable("sites", "destination"):
        if code not in list_country_codes():
            reason = Phrase("is not a country code of ISO 3166 (two capital letters)")
            known = code.upper() in list_country_codes()
            fix = Phrase("write {0}", code.upper()) if known else Phrase("write a code like MA")
            yield table.fault(i, "destination", reason, fix)
            table.values["destination"][i] = BAD
    yield from _check_null_island(book, "sites")
    yield from _check_far_sites(book)


def _check_null_island(book: ParsedTables, table: str) -> Iterator[Fault]:
    for i, lat, lon in book.usable(table, "lat", "lon"):
        if lat == 0 and lon == 0:
            reason = Phrase("latitude 0, longitude 0 is in the Gulf of Guinea, not a place of work")
            fix = Phrase("write the coordinates of the place in degrees")
            yield book.tables[table].fault(i, "lat", reason, fix)
            book.tables[table].values["lat"][i] = BAD


def measure_distances_km(lat: NDArray[np.float64], lon: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the great-circle distances ``[place, place]`` in km of points in degrees."""
    phi, theta = np.radians(lat), np.radians(lon)
    half = (
        np.sin((phi[:, None] - phi) / 2) ** 2
        + np.cos(phi[:, None]) * np.cos(phi) * np.sin((theta[:, None] - theta) / 2) ** 2
    )
    out: NDArray[np.float64] = 2 * _EARTH_KM * np.arcsin(np.sqrt(np.clip(half, 0, 1)))
    return out


def _check_far_sites(book: ParsedTables) -> Iterator[Fault]:
    places: dict[str, list[tuple[int, float, float]]] = {}
    for i, code, lat, lon in book.usable("sites", "destination", "lat", "lon"):
        places.setdefault(code, []).append((i, lat, lon))
    for code, found in places.items():
        away = measure_distances_km(
            np.array([p[1] for p in found]), np.array([p[2] for p in found])
        )
        left = list(range(len(found)))
        while len(left) >= 3:
            far = (away[np.ix_(left, left)] > FAR_SITE_KM).sum(axis=1)
            worst = int(far.argmax())
            if far[worst] * 2 <= len(left) - 1:
                break
            i, lat, lon = found[left.pop(worst)]
            reason = Phrase(
                "({0}) is more than {1} km from the other sites in {2}",
                f"{lat:g}, {lon:g}",
                f"{FAR_SITE_KM:g}",
                code,
            )
            fix = Phrase(
                "write latitude and longitude in degrees, not swapped, or mend the destination"
            )
            yield book.tables["sites"].fault(i, "lat", reason, fix)
            book.tables["sites"].values["lat"][i] = BAD


def check_stops(book: ParsedTables) -> Iterator[Fault]:
    """A stop is a plausible place, not far from every site it is served from, and served once."""
    if "stops" in book.tables:
        yield from _check_null_island(book, "stops")
    if "shuttles" not in book.tables:
        return
    yield from _check_repeated_shuttles(book)
    sites = {row[1]: row[2:] for row in book.usable("sites", "id", "lat", "lon")}
    away: dict[str, list[float]] = {}
    stops = {row[1]: (row[0], *row[2:]) for row in book.usable("stops", "id", "lat", "lon")}
    for _, stop, site in book.usable("shuttles", "stop", "site"):
        if stop in stops and site in sites:
            here, there = stops[stop][1:], sites[site]
            both = measure_distances_km(
                np.array([here[0], there[0]]), np.array([here[1], there[1]])
            )
            away.setdefault(stop, []).append(float(both[0, 1]))
    for stop, found in away.items():
        if min(found) > FAR_STOP_KM:
            reason = Phrase(
                "the stop is {0} km from the nearest site it is served from", f"{min(found):.0f}"
            )
            fix = Phrase("write latitude and longitude in degrees, not swapped")
            yield book.tables["stops"].fault(stops[stop][0], "lat", reason, fix)


def _check_repeated_shuttles(book: ParsedTables) -> Iterator[Fault]:
    first: dict[tuple[str, str], int] = {}
    table = book.tables["shuttles"]
    for i, stop, site in book.usable("shuttles", "stop", "site"):
        if first.setdefault((stop, site), i) != i:
            reason = Phrase(
                "the same stop and site stand in row {0}", table.rows[first[stop, site]]
            )
            yield table.fault(i, "stop", reason, Phrase("keep one of the rows"))
