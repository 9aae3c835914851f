"""Checks of places and of the way there: sites, stops, shuttles, permits in curfews, seats."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from releve.errors import Phrase
from releve.network.faults import Fault, find_closest
from releve.network.model import EARTH_KM, HOME
from releve.network.moments import is_known_zone, zone
from releve.network.opening_hours import EXAMPLE_HOURS, Opening, parse_opening
from releve.network.operator import list_counted_seats
from releve.network.parsed_tables import ParsedTables
from releve.network.parsing import BAD
from releve.network.table_words import name_table

FAR_SITE_KM = 1500.0
"""A site farther than this from more than half of its destination's other sites is misplaced."""
FAR_STOP_KM = 200.0
"""A stop farther than this from every site it is served from is misplaced."""


@cache
def list_country_codes() -> frozenset[str]:
    """Return the ISO 3166 alpha-2 codes (the table that comes with the time zones)."""
    text = resources.files("tzdata").joinpath("zoneinfo", "iso3166.tab").read_text("utf-8")
    return frozenset(line[:2] for line in text.splitlines() if line and line[0] != "#")


@cache
def _list_zone_names() -> frozenset[str]:
    text = resources.files("tzdata").joinpath("zones").read_text("utf-8")
    return frozenset(text.split())


@cache
def _find_first_zone(country: str) -> str:
    """Return the first time zone of a country, empty where it has none."""
    text = resources.files("tzdata").joinpath("zoneinfo", "zone.tab").read_text("utf-8")
    rows = [line.split("\t") for line in text.splitlines() if line and line[0] != "#"]
    return next((row[2] for row in rows if row[0] == country), "")


def check_time_zones(book: ParsedTables, table: str) -> Iterator[Fault]:
    """Yield the time zones of a table that do not exist; they become BAD.

    An offset (``GMT+1``) is not a zone, and the name nearest to it means another hour: the country says what is meant.
    """
    for i, name in book.usable(table, "time_zone"):
        if not is_known_zone(name):
            country = book.tables[table].values["destination"][i] if table == "sites" else ""
            near = "" if re.search(r"\d", name) else find_closest(name, _list_zone_names())
            meant = near or _find_first_zone(country if isinstance(country, str) else "")
            fix = Phrase("write {0}", meant) if meant else Phrase("write an IANA name like Africa/Casablanca")
            words = [meant] * bool(meant)
            yield book.tables[table].fault(i, "time_zone", Phrase("is not a time zone"), fix, name, words)
            book.tables[table].values["time_zone"][i] = BAD


def check_sites(book: ParsedTables) -> Iterator[Fault]:
    """A site has an id that is not that of home, a country, a time zone and a plausible place."""
    if "sites" not in book.tables:
        return
    table = book.tables["sites"]
    for i, name in book.usable("sites", "id"):
        if name == HOME:
            reason = Phrase("{0!r} is the place of agents who work at home, not a site's id", HOME)
            yield table.fault(i, "id", reason, Phrase("give the site another id, also where it is used"))
    yield from check_time_zones(book, "sites")
    for i, code in book.usable("sites", "destination"):
        if code not in list_country_codes():
            reason = Phrase("is not a country code of ISO 3166 (two capital letters)")
            known = code.upper() in list_country_codes()
            fix = Phrase("write {0}", code.upper()) if known else Phrase("write a code like MA")
            yield table.fault(i, "destination", reason, fix, code, [code.upper()] * known)
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
    out: NDArray[np.float64] = 2 * EARTH_KM * np.arcsin(np.sqrt(np.clip(half, 0, 1)))
    return out


def _check_far_sites(book: ParsedTables) -> Iterator[Fault]:
    places: dict[str, list[tuple[int, float, float]]] = {}
    for i, code, lat, lon in book.usable("sites", "destination", "lat", "lon"):
        places.setdefault(code, []).append((i, lat, lon))
    for code, found in places.items():
        away = measure_distances_km(np.array([p[1] for p in found]), np.array([p[2] for p in found]))
        left = list(range(len(found)))
        while len(left) >= 3:
            far = (away[np.ix_(left, left)] > FAR_SITE_KM).sum(axis=1)
            worst = int(far.argmax())
            if far[worst] * 2 <= len(left) - 1:
                break
            i, lat, lon = found[left.pop(worst)]
            reason = Phrase(
                "({0}) is more than {1} km from the other sites in {2}", f"{lat:g}, {lon:g}", f"{FAR_SITE_KM:g}", code
            )
            fix = Phrase("write latitude and longitude in degrees, not swapped, or mend the destination")
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
            both = measure_distances_km(np.array([here[0], there[0]]), np.array([here[1], there[1]]))
            away.setdefault(stop, []).append(float(both[0, 1]))
    for stop, found in away.items():
        if min(found) > FAR_STOP_KM:
            reason = Phrase("the stop is {0} km from the nearest site it is served from", f"{min(found):.0f}")
            fix = Phrase("write latitude and longitude in degrees, not swapped")
            yield book.tables["stops"].fault(stops[stop][0], "lat", reason, fix)


def _check_repeated_shuttles(book: ParsedTables) -> Iterator[Fault]:
    first: dict[tuple[str, str], int] = {}
    table = book.tables["shuttles"]
    for i, stop, site in book.usable("shuttles", "stop", "site"):
        if first.setdefault((stop, site), i) != i:
            reason = Phrase("the same stop and site stand in row {0}", table.rows[first[stop, site]])
            yield table.fault(i, "stop", reason, Phrase("keep one of the rows"))


LONGEST_RIDE_MINUTES, BOARDING_MINUTES = 60.0, 6.0
ROAD_FACTOR, SPEED_KMH = 1.35, 27.0
"""The defaults of releve.transport.TransportSettings."""
EARLY = timedelta(minutes=30)
"""How long before a shift a run arrives, and how long after it one leaves, at most."""


def check_rides(book: ParsedTables) -> Iterator[Fault]:
    """Where there are vehicles, a rider has a stop in reach and hours, and the permits that a curfew asks for."""
    if "vehicles" not in book.tables:
        return
    table = book.tables.get("agents")
    for i, stop, own in book.usable("agents", "stop", "own_transport"):
        if table is not None and stop and own:
            reason = Phrase("the agent has the stop {0} and comes by own transport", stop)
            yield table.fault(i, "own_transport", reason, Phrase("write one of the two"))
    yield from _check_reach(book)
    yield from _check_vehicle_permits(book)
    shifts = _list_shifts(book)
    yield from _check_vehicle_hours(book, shifts)
    yield from _check_curfew_permits(book, shifts)


def _check_reach(book: ParsedTables) -> Iterator[Fault]:
    """Each stop of an agent is within the longest ride of some site."""
    used = {stop for _, stop in book.usable("agents", "stop")}
    sites = {row[1]: (row[2], row[3]) for row in book.usable("sites", "id", "lat", "lon")}
    drives: dict[frozenset[str], float] = {}
    for _, origin, target, minutes in book.usable("travel", "origin", "target", "minutes"):
        ends = frozenset((origin, target))
        drives[ends] = min(minutes, drives.get(ends, minutes))
    for _, stop, site, ride in book.usable("shuttles", "stop", "site", "ride_minutes"):
        ends = frozenset((stop, site))
        drives.setdefault(ends, ride - BOARDING_MINUTES)
    table = book.tables.get("stops")
    for i, stop, lat, lon in book.usable("stops", "id", "lat", "lon"):
        if table is None or not sites:
            return
        if stop not in used:
            continue
        rides = []
        for site, where in sites.items():
            drive = drives.get(frozenset((stop, site)))
            if drive is None:
                ends_at = np.array([(lat, lon), where])
                away = float(measure_distances_km(ends_at[:, 0], ends_at[:, 1])[0, 1])
                drive = 60 * ROAD_FACTOR * away / SPEED_KMH
            rides.append(drive + BOARDING_MINUTES)
        if min(rides) > LONGEST_RIDE_MINUTES:
            reason = Phrase(
                "the shortest ride to a site takes {0} min, the longest allowed is {1}",
                f"{min(rides):.0f}", f"{LONGEST_RIDE_MINUTES:g}",
            )  # fmt: skip
            fix = Phrase("correct the coordinates, or give agents a nearer stop")
            yield table.fault(i, "id", reason, fix)


def _check_vehicle_permits(book: ParsedTables) -> Iterator[Fault]:
    """Where permits of vehicles are kept, each vehicle has one: without it, it does not run."""
    known = {vehicle for _, vehicle in book.usable("vehicles", "id")}
    held = known & {
        subject for _, kind, subject in book.usable("authorisations", "kind", "subject") if kind == "vehicle"
    }
    for i, vehicle in book.usable("vehicles", "id"):
        if held and vehicle not in held:
            reason = Phrase("has no permit, while other vehicles have one")
            fix = Phrase("add its permit to the table {0}, or delete the vehicle", "authorisations")
            yield book.tables["vehicles"].fault(i, "id", reason, fix)


def _list_shifts(book: ParsedTables) -> dict[str, set[tuple[datetime, datetime]]]:
    """Return the shifts of each site's agents who need a vehicle, in its time zone."""
    home = {
        agent: site
        for _, agent, site, stop, own in book.usable("agents", "id", "home_site", "stop", "own_transport")
        if stop and not own
    }
    zones = {site: name for _, site, name in book.usable("sites", "id", "time_zone")}
    found: dict[str, set[tuple[datetime, datetime]]] = {}
    for _, agent, start, end in book.usable("shifts", "agent", "start", "end"):
        site = home.get(agent, "")
        if site in zones and start.tzinfo and end.tzinfo and start < end:
            tz = zone(zones[site])
            found.setdefault(site, set()).add((start.astimezone(tz), end.astimezone(tz)))
    return found


def _check_vehicle_hours(book: ParsedTables, shifts: dict[str, set[tuple[datetime, datetime]]]) -> Iterator[Fault]:
    """Each vehicle may run at the start or the end of some shift of its sites."""
    sites = dict(row[1:] for row in book.usable("depots", "id", "sites"))
    known: dict[tuple[Any, str], bool] = {}
    for i, depot, hours in book.usable("vehicles", "depot", "hours"):
        own = [shift for site in sites.get(depot, ()) for shift in shifts.get(site, ())]
        if not own:
            continue
        if (depot, hours) not in known:
            opening = parse_opening(hours)
            known[depot, hours] = any(
                _is_within(opening, start - EARLY) or _is_within(opening, end + EARLY) for start, end in own
            )
        if not known[depot, hours]:
            reason = Phrase("no shift of its sites begins or ends within these hours")
            fix = Phrase("write hours like {0}", EXAMPLE_HOURS)
            yield book.tables["vehicles"].fault(i, "hours", reason, fix)


def _is_within(opening: Opening, at: datetime) -> bool:
    minute = 60 * at.hour + at.minute
    return any(first <= minute <= last for first, last in opening.days[at.weekday()])


def _check_curfew_permits(book: ParsedTables, shifts: dict[str, set[tuple[datetime, datetime]]]) -> Iterator[Fault]:
    """A curfew over the start of a shift asks for a vehicle with a permit, and for its riders'."""
    permits = {kind for _, kind in book.usable("authorisations", "kind")}
    if {"vehicle", "agent"} <= permits:
        return
    names = ("site", "from_time", "to_time", "valid_from", "valid_to")
    for i, site, begins, ends, first, last in book.usable("curfews", *names):
        inside = [start for start, _ in shifts.get(site, ()) if _touches(start - EARLY, begins, ends, first, last)]
        if inside:
            reason = Phrase("{0} shifts begin inside it, and no vehicle may run then", len(inside))
            fix = Phrase(
                "add the permits of vehicles and agents to the table {0}, or correct the hours", "authorisations"
            )
            yield book.tables["curfews"].fault(i, "from_time", reason, fix)


def _touches(at: datetime, begins: str, ends: str, first: date, last: date) -> bool:
    """Return whether an instant lies in the curfew of a day, which may end on the next one."""
    start, end = (time.fromisoformat(f"{text:0>5}") for text in (begins, ends))
    day, clock = at.date(), at.time()
    if start < end:
        return first <= day <= last and start <= clock < end
    before = day - timedelta(days=1)
    return (first <= day <= last and clock >= start) or (first <= before <= last and clock < end)


SEAT_GAP_M = 0.3
"""Two chairs of one floor are never closer than this."""


def check_seat_numbers(book: ParsedTables) -> Iterator[Fault]:
    """A number of seats stands where no floors, zones or seats of the place are listed."""
    for table, inner, column in (("sites", "floors", "site"), ("floors", "zones", "floor")):
        if table not in book.tables:
            continue
        listed = {place for _, place in book.usable(inner, column)}
        taken = set().union(*(book.find_ids(name) or () for name in ("floors", "zones")[table == "floors" :]))
        for i, place, count in book.usable(table, "id", "seats"):
            if not count:
                continue
            if place in listed:
                reason = Phrase("a number of seats is given, but {0} are listed for it too", name_table(inner))
                fix = Phrase("empty it, or delete what is listed")
                yield book.tables[table].fault(i, "seats", reason, fix)
                book.tables[table].values["seats"][i] = BAD
            elif place in taken or not _are_free(book, place, count):
                reason = Phrase("a place with a number of seats needs an id that no other place has")
                yield book.tables[table].fault(i, "id", reason, Phrase("give it another id"))


def _are_free(book: ParsedTables, place: str, count: int) -> bool:
    return not (book.find_ids("seats") or frozenset()) & set(list_counted_seats(place, count))


def check_sites_without_seat(book: ParsedTables) -> Iterator[Fault]:
    """A site whose agents cannot all work at home has a seat."""
    floors, zones = book.list_likely_ids("floors", "site"), book.list_likely_ids("zones", "floor")
    seats = book.list_likely_ids("seats", "zone")
    numbers = [*book.column("sites", "seats"), *book.column("floors", "seats")]
    if floors is None or zones is None or seats is None or BAD in numbers:
        return
    floor_of = dict(zip(book.column("zones", "id"), zones, strict=True))
    site_of = dict(zip(book.column("floors", "id"), floors, strict=True))
    used = {one for near in seats for one in near}
    on = {floor for one in used for floor in floor_of.get(one, ())}
    on |= {floor for _, floor, count in book.usable("floors", "id", "seats") if count}
    seated = {site for floor in on for site in site_of.get(floor, ())}
    seated |= {site for _, site, count in book.usable("sites", "id", "seats") if count}
    needed = {site for _, site, ready in book.usable("agents", "home_site", "home_ready") if not ready}
    for i, name in book.usable("sites", "id"):
        if name in needed - seated:
            reason = Phrase("the site has no seat, but agents who cannot work at home belong to it")
            fix = Phrase("write its number of seats, or list its floors, zones and seats")
            yield book.tables["sites"].fault(i, "id", reason, fix)


def check_seats(book: ParsedTables) -> Iterator[Fault]:
    """A seat has both x and y or neither, and no two of a floor are in the same spot."""
    for i, x, y in book.usable("seats", "x_m", "y_m"):
        if (x is None) != (y is None):
            column = "x_m" if x is None else "y_m"
            reason = Phrase("is empty, but the other coordinate is given")
            yield book.tables["seats"].fault(i, column, reason, Phrase("give both, or neither"))
    floors = {zone: floor for _, zone, floor in book.usable("zones", "id", "floor")}
    seats = [
        (i, floors[seated], x, y)
        for i, seated, x, y in book.usable("seats", "zone", "x_m", "y_m")
        if seated in floors and x is not None and y is not None
    ]
    if len(seats) < 2:
        return
    number = {floor: n for n, floor in enumerate(dict.fromkeys(s[1] for s in seats))}
    points = np.array([(number[floor] * 10.0, x, y) for _, floor, x, y in seats])
    from scipy.spatial import cKDTree  # here: it takes a fifth of a second of every start

    pairs = cKDTree(points).query_pairs(SEAT_GAP_M - 1e-9, output_type="ndarray")
    earlier: dict[int, int] = {}
    for first, second in np.sort(pairs, axis=1).tolist():
        earlier[second] = min(first, earlier.get(second, first))
    table = book.tables["seats"]
    for second in sorted(earlier):
        first = earlier[second]
        gap = math.dist(points[first], points[second])
        reason = Phrase("is {0} m from the seat of row {1} on its floor", f"{gap:.2f}", table.rows[seats[first][0]])
        fix = Phrase("give each seat a place of its own, {0} m or more apart", f"{SEAT_GAP_M:g}")
        yield table.fault(seats[second][0], "x_m", reason, fix)


def check_distance(book: ParsedTables) -> Iterator[Fault]:
    """Where a distance between seats is in force, every seat has a place."""
    loose = _count_loose_seats(book)
    if not loose:
        return
    for i, distance in book.usable("operator", "distance_m"):
        if distance:
            site, count = next(iter(loose.items()))
            fix = Phrase("list the seats with x and y, or write 0 (no distance)")
            reason = _explain_loose(count, site)
            yield book.tables["operator"].fault(i, "distance_m", reason, fix)
    for i, site, kind, value in book.usable("measures", "site", "kind", "value"):
        if kind == "distance_m" and value and site in loose:
            fix = Phrase("list the seats with x and y, or give the most people on site instead")
            reason = _explain_loose(loose[site], site)
            yield book.tables["measures"].fault(i, "value", reason, fix)


def _explain_loose(count: int, site: str) -> Phrase:
    return Phrase("a distance between seats needs the place of each, but {0} of {1} have no x and y", count, site)


def _count_loose_seats(book: ParsedTables) -> Counter[str]:
    """Return the number of seats without a place by site."""
    site_of = {floor: site for _, floor, site in book.usable("floors", "id", "site")}
    floor_of = {zone: floor for _, zone, floor in book.usable("zones", "id", "floor")}
    loose: Counter[str] = Counter()
    for _, site, count in book.usable("sites", "id", "seats"):
        loose[site] += count or 0
    for _, site, count in book.usable("floors", "site", "seats"):
        loose[site] += count or 0
    for _, seated, x, y in book.usable("seats", "zone", "x_m", "y_m"):
        if x is None and y is None and floor_of.get(seated) in site_of:
            loose[site_of[floor_of[seated]]] += 1
    return +loose
