"""The drawing of a site's runs, as shapes of an SVG: no map of other people lies under it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, radians

from releve.plan.timetable import MapPlace, RunRow

_MARGIN = 34.0
_LEAST = 0.004
"""Degrees of latitude that a drawing shows at least: a single stop has no extent to divide by."""
_APART = 12.0
"""Height of a label: one that would lie on another is left out, the table has every name."""


@dataclass(frozen=True, slots=True)
class RoutePoint:
    """A stop, a site or a depot; ``label`` empty where there is no room for it."""

    x: float
    y: float
    kind: str
    name: str
    label: str
    anchor: str


@dataclass(frozen=True, slots=True)
class RouteLine:
    """The way of one or more runs; ``width`` grows with their riders."""

    points: str
    leg: str
    width: float
    text: str


@dataclass(frozen=True, slots=True)
class RouteMap:
    """Lines and points in the box ``0 0 width height``."""

    name: str
    width: float
    height: float
    lines: tuple[RouteLine, ...]
    points: tuple[RoutePoint, ...]


def draw_routes(
    places: Sequence[MapPlace], runs: Sequence[RunRow], name: str, width: float, height: float
) -> RouteMap:
    """Return the runs as lines between places, north up; equal ways are one line."""
    middle = (min(p.lat for p in places) + max(p.lat for p in places)) / 2
    shrink = cos(radians(middle))
    east = {p.id: p.lon * shrink for p in places}
    north = {p.id: p.lat for p in places}
    wide, high = (max(_LEAST, max(side.values()) - min(side.values())) for side in (east, north))
    scale = min((width - 2 * _MARGIN) / wide, (height - 2 * _MARGIN) / high)
    left = (width - scale * (max(east.values()) - min(east.values()))) / 2
    top = (height - scale * (max(north.values()) - min(north.values()))) / 2

    def spot(place: str) -> tuple[float, float]:
        x = left + scale * (east[place] - min(east.values()))
        y = top + scale * (max(north.values()) - north[place])
        return round(x, 1), round(y, 1)

    ways: dict[tuple[str, tuple[str, ...]], list[RunRow]] = {}
    for run in runs:
        way = tuple(call.place for call in run.calls if call.place in east)
        ways.setdefault((run.leg, way), []).append(run)
    lines = tuple(
        RouteLine(
            " ".join(f"{x:g},{y:g}" for x, y in map(spot, way)),
            leg,
            round(1.2 + min(5.0, sum(run.riders for run in own) / 10), 1),
            ", ".join(f"{run.run} {run.vehicle} ({run.riders})" for run in own),
        )
        for (leg, way), own in sorted(ways.items())
    )
    return RouteMap(name, width, height, lines, tuple(_place_labels(places, spot, width)))


def _place_labels(places: Sequence[MapPlace], spot: object, width: float) -> list[RoutePoint]:
    """Return the points, the site's label first; a label that would lie on another is left out."""
    found: list[RoutePoint] = []
    taken: list[tuple[float, float, float]] = []
    for place in sorted(places, key=lambda p: ("site", "depot", "stop").index(p.kind)):
        x, y = spot(place.id)  # type: ignore[operator]
        long = 6.2 * len(place.name)
        anchor = "start" if x + long + 8 < width else "end"
        first = x + 7 if anchor == "start" else x - 7 - long
        free = all(
            abs(y - other) > _APART or first > last or first + long < start
            for start, last, other in taken
        )
        if free:
            taken.append((first, first + long, y))
        found.append(RoutePoint(x, y, place.kind, place.name, place.name if free else "", anchor))
    return found
