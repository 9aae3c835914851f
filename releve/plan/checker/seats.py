"""Seats under the distance rule, people on seats, and the share of a client on one site."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from math import ceil, floor, hypot

import numpy as np

from releve.network import HOME, Seat
from releve.plan.checker.rules import SLACK, DayRules
from releve.plan.coverage import Timeline
from releve.plan.result import Placement, Plan, PlannedSite

__all__ = ["find_capacity_faults", "find_share_faults", "find_site_faults"]

SHOWN = 5
"""Pairs of seats named for one site; the others are counted."""


def find_site_faults(rules: DayRules, plan: Plan) -> Iterator[str]:
    """Check that each site is listed once, as it is, with usable seats at the distance."""
    rows = rules.operator.site
    for site, count in Counter(planned.id for planned in plan.sites).items():
        if site not in rows:
            yield f"Site {site}: not a site of the operator."
        elif count > 1:
            yield f"Site {site}: listed {count} times."
    for site in sorted(set(rows) - {planned.id for planned in plan.sites}):
        yield f"Site {site}: not listed."
    seats: dict[str, dict[str, Seat]] = defaultdict(dict)
    for seat in rules.operator.all_seats:
        seats[rules.operator.site_of_zone[seat.zone]][seat.id] = seat
    for planned in plan.sites:
        if planned.id in rows:
            for reason in _find_planned_faults(rules, planned, seats[planned.id]):
                yield f"Site {planned.id}: {reason}."


def _find_planned_faults(
    rules: DayRules, planned: PlannedSite, seats: dict[str, Seat]
) -> Iterator[str]:
    row = rules.operator.site[planned.id]
    for name in ("name", "destination", "time_zone"):
        if getattr(planned, name) != getattr(row, name):
            yield f"{name} is {getattr(planned, name)!r}, the operator has {getattr(row, name)!r}"
    if planned.open != rules.is_site_open(planned.id):
        yield f"open is {planned.open}, the authorisations of {rules.day} say otherwise"
    if planned.seats != len(seats):
        yield f"says {planned.seats} seats, the operator has {len(seats)}"
    if planned.usable_bound < len(planned.usable_seats):
        yield (
            f"says at most {planned.usable_bound} seats are usable and lists"
            f" {len(planned.usable_seats)}"
        )
    for seat, count in Counter(planned.usable_seats).items():
        if count > 1:
            yield f"usable seat {seat} is listed {count} times"
        if seat not in seats:
            yield f"usable seat {seat} is not a seat of the site"
    usable = [seats[seat] for seat in dict.fromkeys(planned.usable_seats) if seat in seats]
    yield from _find_distance_faults(rules, planned.id, usable)


def _find_distance_faults(rules: DayRules, site: str, seats: Sequence[Seat]) -> Iterator[str]:
    """Check that usable seats of one floor keep the distance in force."""
    least = max([rules.operator.row.distance_m, *rules.list_measures(site, "distance_m")])
    if least <= 0:
        return
    floor_of = {zone.id: zone.floor for zone in rules.operator.all_zones}
    placed = [
        (seat.id, floor_of[seat.zone], seat.x_m, seat.y_m)
        for seat in seats
        if seat.x_m is not None and seat.y_m is not None
    ]
    if len(placed) < len(seats):
        loose = len(seats) - len(placed)
        yield f"{loose} usable seats have no x and y, but {least:g} m is the rule"
    near = list(_find_near_pairs(placed, least))
    for a, b, distance in near[:SHOWN]:
        yield f"seats {a} and {b} lie at {distance:.3f} m, at least {least:g} m is the rule"
    if len(near) > SHOWN:
        yield f"{len(near) - SHOWN} more pairs of seats lie nearer than {least:g} m"


def _find_near_pairs(
    seats: Iterable[tuple[str, str, float, float]], least: float
) -> Iterator[tuple[str, str, float]]:
    """Yield the pairs of seats that are too near, searched in squares of the least distance.

    ``seats``: id, floor, x and y in metres.
    """
    squares: dict[tuple[str, int, int], list[tuple[str, float, float]]] = defaultdict(list)
    for name, where, x_m, y_m in seats:
        x, y = floor(x_m / least), floor(y_m / least)
        for across in (x - 1, x, x + 1):
            for along in (y - 1, y, y + 1):
                for other, other_x, other_y in squares.get((where, across, along), ()):
                    distance = hypot(x_m - other_x, y_m - other_y)
                    if distance < least - SLACK:
                        yield other, name, distance
        squares[where, x, y].append((name, x_m, y_m))


def find_capacity_faults(
    rules: DayRules, plan: Plan, timeline: Timeline, placements: Iterable[Placement], where: str
) -> Iterator[str]:
    """Check that no site has more people present in an interval than usable seats."""
    heads = Counter((p.place, p.start, p.end) for p in placements if p.place != HOME)
    present = {site.id: np.zeros(len(plan.starts)) for site in plan.sites}
    for (place, start, end), count in heads.items():
        if place in present:
            present[place] += count * timeline.find_present(start, end)
    for site in plan.sites:
        limit = min([len(set(site.usable_seats)), *rules.list_measures(site.id, "max_people")])
        over = np.flatnonzero(present[site.id] > limit + SLACK)
        if len(over):
            worst = int(over[np.argmax(present[site.id][over])])
            also = f" ({len(over)} such intervals)" if len(over) > 1 else ""
            yield (
                f"{where}: site {site.id} at {rules.format_time(plan.starts[worst])} has"
                f" {present[site.id][worst]:g} people for {limit:g} usable seats{also}."
            )


def find_share_faults(rules: DayRules, plan: Plan) -> Iterator[str]:
    """Check that no site of the base plan exceeds the strictest share of a client's people."""
    client_of = {row.id: row.client for row in rules.operator.programmes}
    heads: dict[str, Counter[str]] = defaultdict(Counter)
    for placement in plan.placements:
        if placement.programme in client_of:
            heads[client_of[placement.programme]][placement.place] += 1
    places = _list_client_places(rules)
    for client, by_place in sorted(heads.items()):
        share = min(row.max_site_share for row in rules.operator.programmes if row.client == client)
        total = sum(by_place.values())
        most = ceil(share * total - SLACK)
        for place, count in sorted(by_place.items()):
            if place != HOME and count > most and len(places.get(client, ())) > 1:
                yield (
                    f"Base plan: client {client} has {count} of its {total} people on site"
                    f" {place}, at most {most} may be (share {share:g})."
                )


def _list_client_places(rules: DayRules) -> dict[str, set[str]]:
    """Return, per client, the places lawful for at least one agent with a shift on the day."""
    places: dict[str, set[str]] = defaultdict(set)
    seen: set[object] = set()
    for name in rules.shifts:
        agent = rules.operator.agent.get(name)
        if agent is None:
            continue
        alike = replace(agent, id="", line_mbps=0.0, carrier="", contract_hours=40.0)
        key = (alike, rules.may_travel(name))
        if key in seen:
            continue
        seen.add(key)
        for programme in agent.skills:
            client = rules.operator.programme[programme].client
            for place in (HOME, *rules.operator.site):
                if place not in places[client] and not rules.explain_refusal(
                    agent, place, programme
                ):
                    places[client].add(place)
    return places
