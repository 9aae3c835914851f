"""Checks of who rides: stops within reach, vehicles that some shift can use, permits in curfews."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

import numpy as np

from releve.errors import Phrase
from releve.network.checks_places import measure_distances_km
from releve.network.clock import zone
from releve.network.faults import Fault
from releve.network.opening_hours import Opening, parse_opening
from releve.network.parsed_tables import ParsedTables

__all__ = ["check_rides"]

LONGEST_RIDE_MINUTES, BOARDING_MINUTES = 60.0, 6.0
ROAD_FACTOR, SPEED_KMH = 1.35, 27.0
"""As releve.transport.TransportSettings has them."""
EARLY = timedelta(minutes=30)
"""How long before a shift a run arrives, and how long after it one leaves, at most."""


def check_rides(book: ParsedTables) -> Iterator[Fault]:
    """Yield what keeps riders and vehicles apart; nothing where there are no vehicles."""
    if "vehicles" not in book.tables:
        return
    yield from _check_own_transport(book)
    yield from _check_reach(book)
    yield from _check_vehicle_permits(book)
    shifts = _list_shifts(book)
    yield from _check_vehicle_hours(book, shifts)
    yield from _check_curfew_permits(book, shifts)


def _check_own_transport(book: ParsedTables) -> Iterator[Fault]:
    table = book.tables.get("agents")
    for i, stop, own in book.usable("agents", "stop", "own_transport"):
        if table is not None and stop and own:
            reason = Phrase("the agent has the stop {0} and comes by own transport", stop)
            yield table.fault(i, "own_transport", reason, Phrase("write one of the two"))


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
        subject
        for _, kind, subject in book.usable("authorisations", "kind", "subject")
        if kind == "vehicle"
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
        for _, agent, site, stop, own in book.usable(
            "agents", "id", "home_site", "stop", "own_transport"
        )
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


def _check_vehicle_hours(
    book: ParsedTables, shifts: dict[str, set[tuple[datetime, datetime]]]
) -> Iterator[Fault]:
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
                _is_within(opening, start - EARLY) or _is_within(opening, end + EARLY)
                for start, end in own
            )
        if not known[depot, hours]:
            reason = Phrase("no shift of its sites begins or ends within these hours")
            fix = Phrase("write hours like {0}", "Mon-Sat 05:00-23:00")
            yield book.tables["vehicles"].fault(i, "hours", reason, fix)


def _is_within(opening: Opening, at: datetime) -> bool:
    minute = 60 * at.hour + at.minute
    return any(first <= minute <= last for first, last in opening.days[at.weekday()])


def _check_curfew_permits(
    book: ParsedTables, shifts: dict[str, set[tuple[datetime, datetime]]]
) -> Iterator[Fault]:
    """A curfew over the start of a shift asks for a vehicle with a permit, and for its riders'."""
    permits = {kind for _, kind in book.usable("authorisations", "kind")}
    if {"vehicle", "agent"} <= permits:
        return
    names = ("site", "from_time", "to_time", "valid_from", "valid_to")
    for i, site, begins, ends, first, last in book.usable("curfews", *names):
        inside = [
            start
            for start, _ in shifts.get(site, ())
            if _touches(start - EARLY, begins, ends, first, last)
        ]
        if inside:
            reason = Phrase("{0} shifts begin inside it, and no vehicle may run then", len(inside))
            fix = Phrase(
                "add the permits of vehicles and agents to the table {0}, or correct the hours",
                "authorisations",
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
