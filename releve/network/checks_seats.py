"""Checks of seats: counted or listed, their places, and the distance that needs them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator

import numpy as np

from releve.errors import Phrase
from releve.network.faults import Fault
from releve.network.operator import list_counted_seats
from releve.network.parsed_tables import ParsedTables
from releve.network.parsing import BAD
from releve.network.table_words import name_table

__all__ = ["check_distance", "check_seat_numbers", "check_seats", "check_sites_without_seat"]

SEAT_GAP_M = 0.3
"""Two chairs of one floor are never closer than this."""


def check_seat_numbers(book: ParsedTables) -> Iterator[Fault]:
    """A number of seats stands where no floors, zones or seats of the place are listed."""
    for table, inner, column in (("sites", "floors", "site"), ("floors", "zones", "floor")):
        if table not in book.tables:
            continue
        listed = {place for _, place in book.usable(inner, column)}
        taken = set().union(
            *(book.find_ids(name) or () for name in ("floors", "zones")[table == "floors" :])
        )
        for i, place, count in book.usable(table, "id", "seats"):
            if not count:
                continue
            if place in listed:
                reason = Phrase(
                    "a number of seats is given, but {0} are listed for it too", name_table(inner)
                )
                fix = Phrase("empty it, or delete what is listed")
                yield book.tables[table].fault(i, "seats", reason, fix)
                book.tables[table].values["seats"][i] = BAD
            elif place in taken or not _are_free(book, place, count):
                reason = Phrase(
                    "a place with a number of seats needs an id that no other place has"
                )
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
    needed = {
        site for _, site, ready in book.usable("agents", "home_site", "home_ready") if not ready
    }
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
        reason = Phrase(
            "is {0} m from the seat of row {1} on its floor",
            f"{gap:.2f}",
            table.rows[seats[first][0]],
        )
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
    return Phrase(
        "a distance between seats needs the place of each, but {0} of {1} have no x and y",
        count,
        site,
    )


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
