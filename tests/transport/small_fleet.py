"""A town with two sites, a depot and stops on a line, whose drives take round minutes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime

from releve.network import Agent, Client, Depot, Operator, OperatorRow, Programme, Site, Stop, TravelTime, Vehicle
from releve.transport import FROM_SITE, TO_SITE, Fleet, Rider, Wave, build_fleet

DAY = date(2026, 12, 1)
PLACES = {"depot": 0, "one": 0, "two": 10, "near": 10, "mid": 20, "far": 40, "out": 90}
"""Where each place stands, in minutes from site ``one``."""

EIGHT = datetime(2026, 12, 1, 8, tzinfo=UTC)


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 12, 1, hour, minute, tzinfo=UTC)


ALWAYS = "Mon-Sun 00:00-24:00"


def build_town(vehicles: int = 3, *, seats: int = 4, hours: str = ALWAYS) -> Operator:
    """Return the town; every drive takes the minutes between the places and as many kilometres."""
    site = {"destination": "MA", "city": "Rabat", "time_zone": "UTC", "lat": 34.0, "lon": -6.8}
    return Operator(
        row=OperatorRow("Town", time_zone="UTC"),
        sites=(Site("one", "One", seats=50, **site), Site("two", "Two", seats=50, **site)),
        floors=(),
        zones=(),
        seats=(),
        clients=(Client("c", "C"),),
        programmes=(Programme("p", "c", "P", "inbound", "Mon-Sun 00:00-24:00", 300.0),),
        agents=tuple(Agent(f"a{n}", "one", ("p",), stop="near") for n in range(9)),
        stops=tuple(Stop(name, name.title(), 34.0, -6.8) for name in ("near", "mid", "far", "out")),
        depots=(Depot("depot", 34.0, -6.8, ("one", "two")),),
        vehicles=tuple(Vehicle(f"v{n}", "depot", seats, hours=hours) for n in range(vehicles)),
        travel=tuple(
            TravelTime(a, b, float(max(1, abs(PLACES[a] - PLACES[b]))), 1.0) for a in PLACES for b in PLACES if a != b
        ),
    )


def build_town_fleet(operator: Operator) -> Fleet:
    fleet = build_fleet(operator, DAY)
    assert fleet is not None
    return fleet


def list_town_riders(
    counts: Mapping[str, int], when: datetime = EIGHT, site: str = "one", leg: str = TO_SITE
) -> tuple[Rider, ...]:
    wave = Wave(site, leg, when)
    return tuple(Rider(f"{stop}-{n}", stop, wave) for stop, count in counts.items() for n in range(count))


def list_day_riders(counts: Mapping[str, int]) -> tuple[Rider, ...]:
    """Return riders of the town who go to work at 8 and home at 16."""
    there = list_town_riders(counts)
    return there + tuple(replace(rider, wave=Wave("one", FROM_SITE, at(16))) for rider in there)
