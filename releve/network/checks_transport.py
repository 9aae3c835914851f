"""Checks of vehicles, travel times and curfews, and of telephone numbers and SIP addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from releve.errors import Phrase
from releve.network.checks_places import measure_distances_km
from releve.network.faults import Fault, find_nearest, suggest_fix
from releve.network.opening_hours import EXAMPLE_HOURS, normalize_opening, parse_opening
from releve.network.operator import is_e164, parse_sip_address
from releve.network.parsed_tables import ParsedTables
from releve.network.parsing import BAD

SLOWEST_KMH, FASTEST_KMH = 5.0, 90.0
"""Lowest and highest median speed of a travel table whose times are in minutes."""
FEWEST_DRIVES = 5
"""With fewer drives a wrong coordinate would look like a wrong unit."""
MOST_ASYMMETRIC = 3.0
"""How many times longer a drive may take than the drive back at the same hours."""
_CLOCK = re.compile(r"([01]?\d|2[0-3]):[0-5]\d")


def check_transport(book: ParsedTables) -> Iterator[Fault]:
    """A vehicle carries a rider in readable hours; a travel time joins known places; a curfew has times and days."""
    yield from _check_vehicles(book)
    yield from _check_travel(book)
    yield from _check_curfews(book)


def _check_vehicles(book: ParsedTables) -> Iterator[Fault]:
    """A vehicle may carry at least one rider, and has hours that can be read."""
    table = book.tables.get("vehicles")
    for i, seats, cap in book.usable("vehicles", "seats", "fill_cap"):
        if table is not None and cap is not None and seats * cap < 1:
            reason = Phrase("{0} of {1} seats is less than one rider", f"{cap:g}", seats)
            fix = Phrase("write a larger share of the seats, or delete the vehicle")
            yield table.fault(i, "fill_cap", reason, fix)
    for i, text in book.usable("vehicles", "hours"):
        if table is None:
            return
        try:
            parse_opening(text)
            table.values["hours"][i] = normalize_opening(text)
        except ValueError as error:
            fix = Phrase("write hours like {0}", EXAMPLE_HOURS)
            reason = Phrase("cannot be understood: {0}", error.args[0])
            yield table.fault(i, "hours", reason, fix)
            table.values["hours"][i] = BAD


def _check_travel(book: ParsedTables) -> Iterator[Fault]:
    """A travel time joins two known places once per hour, both ways alike, in minutes."""
    if "travel" not in book.tables:
        return
    yield from _check_travel_places(book)
    yield from _check_travel_hours(book)
    yield from _check_travel_symmetry(book)
    yield from _check_travel_speed(book)


def _check_travel_places(book: ParsedTables) -> Iterator[Fault]:
    table = book.tables["travel"]
    known: set[str] = set()
    for name in ("stops", "sites", "depots"):
        ids = book.find_ids(name)
        if ids is None or name not in book.tables or book.count_without_id(name):
            return
        known |= ids
    for end in ("origin", "target"):
        for i, place in book.usable("travel", end):
            if place not in known:
                reason = Phrase("is not the id of a stop, a site or a depot")
                otherwise = Phrase("write an id of the table {0}", "stops")
                near = find_nearest(place, frozenset(known))
                yield table.fault(i, end, reason, suggest_fix(near, otherwise), place, near)
                table.values[end][i] = BAD


def _check_travel_hours(book: ParsedTables) -> Iterator[Fault]:
    table = book.tables["travel"]
    held: dict[tuple[str, str], list[tuple[int, int, int]]] = {}
    for i, origin, target, first, last in book.usable("travel", "origin", "target", "from_hour", "to_hour"):
        if last <= first:
            reason = Phrase("the hours end before they begin ({0})", first)
            fix = Phrase("write a later hour, or two rows around midnight")
            yield table.fault(i, "to_hour", reason, fix)
            continue
        for start, end, other in held.get((origin, target), ()):
            if start < last and first < end:
                row = table.rows[other]
                reason = Phrase("the same drive at these hours stands in row {0}", row)
                yield table.fault(i, "origin", reason, Phrase("keep one of the rows"))
                break
        else:
            held.setdefault((origin, target), []).append((first, last, i))


def _check_travel_symmetry(book: ParsedTables) -> Iterator[Fault]:
    table = book.tables["travel"]
    minutes: dict[tuple[str, str, int], tuple[int, float]] = {}
    for i, origin, target, first, drive in book.usable("travel", "origin", "target", "from_hour", "minutes"):
        if (origin, target, first) in minutes:
            continue
        back = minutes.get((target, origin, first))
        if back is not None and max(drive, back[1]) > MOST_ASYMMETRIC * min(drive, back[1]):
            reason = Phrase(
                "takes {0} min, the drive back in row {1} takes {2} min",
                f"{drive:g}", table.rows[back[0]], f"{back[1]:g}",
            )  # fmt: skip
            fix = Phrase("write minutes in both rows")
            yield table.fault(i, "minutes", reason, fix)
        minutes[origin, target, first] = (i, drive)


def _check_travel_speed(book: ParsedTables) -> Iterator[Fault]:
    where: dict[str, tuple[float, float]] = {}
    for name in ("stops", "sites", "depots"):
        where |= {row[1]: (row[2], row[3]) for row in book.usable(name, "id", "lat", "lon")}
    speeds = []
    for _, origin, target, drive in book.usable("travel", "origin", "target", "minutes"):
        if origin in where and target in where and origin != target:
            ends = np.array([where[origin], where[target]])
            speeds.append(float(measure_distances_km(ends[:, 0], ends[:, 1])[0, 1]) * 60 / drive)
    if len(speeds) < FEWEST_DRIVES:
        return
    median = float(np.median(speeds))
    if not SLOWEST_KMH <= median <= FASTEST_KMH:
        reason = Phrase(
            "half of the drives are at {0} km/h or less as the crow flies; {1} to {2} is plausible",
            f"{median:.2g}", f"{SLOWEST_KMH:g}", f"{FASTEST_KMH:g}",
        )  # fmt: skip
        fix = Phrase("write minutes, not seconds or hours, and check the coordinates")
        table = book.tables["travel"]
        yield Fault("travel", table.rows[0], "minutes", table.text("minutes", 0), reason, fix)


def _check_curfews(book: ParsedTables) -> Iterator[Fault]:
    """A curfew has two times of day, and ends after its first day."""
    table = book.tables.get("curfews")
    if table is None:
        return
    for name in ("from_time", "to_time"):
        for i, text in book.usable("curfews", name):
            if not _CLOCK.fullmatch(text):
                reason = Phrase("is not a time of day")
                yield table.fault(i, name, reason, Phrase("write a time like 21:00"))
                table.values[name][i] = BAD
    for i, first, last in book.usable("curfews", "valid_from", "valid_to"):
        if last < first:
            reason = Phrase("ends before it starts ({0})", first.isoformat())
            fix = Phrase("write the last day, not before the first one")
            yield table.fault(i, "valid_to", reason, fix)


def check_telephony(book: ParsedTables) -> Iterator[Fault]:
    """An address can be reached without a name server, and a number dialled leads to one queue."""
    for table, column in (("operator", "home_sip_address"), ("sites", "sip_address"), ("programmes", "trunk")):
        yield from _check_addresses(book, table, column)
    yield from _check_numbers(book)


def _check_addresses(book: ParsedTables, table: str, column: str) -> Iterator[Fault]:
    for i, text in book.usable(table, column):
        try:
            _ = text and parse_sip_address(text)
        except ValueError:
            reason = Phrase("is not an IP address and a port")
            fix = Phrase("write it like 10.20.1.4:5060, with ;transport=tcp where it is not UDP")
            yield book.tables[table].fault(i, column, reason, fix)
            book.tables[table].values[column][i] = BAD


def _check_numbers(book: ParsedTables) -> Iterator[Fault]:
    dialled: dict[str, str] = {}
    for i, name, kind, numbers in book.usable("programmes", "id", "kind", "numbers"):
        table = book.tables["programmes"]
        wrong = [number for number in numbers if not is_e164(number)]
        if wrong:
            reason = Phrase("{0!r} is not a number in E.164", wrong[0])
            yield table.fault(i, "numbers", reason, Phrase("write numbers like +33162000001"))
            continue
        for number in numbers if kind == "inbound" else ():
            if dialled.setdefault(number, name) != name:
                reason = Phrase("{0} is already dialled for {1}", number, dialled[number])
                yield table.fault(i, "numbers", reason, Phrase("leave it to one of the two"))
