"""Floor plans: a small catalogue of desks in rows, in pods and mixed, reused by every site.

Positions are of the chairs, in metres to the millimetre. A layout does not depend on the seed, so
that what is worked out for one floor holds for all floors of its kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi, sin

from releve.network.sample.draws import Draws

__all__ = ["CATALOGUE", "FloorLayout", "lay_mixed", "lay_pods", "lay_rows"]

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
    moved = [
        (x + float(shifts[2 * i]), y + float(shifts[2 * i + 1])) for i, (x, y) in enumerate(places)
    ]
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
