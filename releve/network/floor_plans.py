"""The plan of a floor in metres: its zones, and each seat taken, usable or blocked."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from releve.network.model import Seat, Zone
from releve.network.operator import Operator

__all__ = ["DrawnSeat", "DrawnZone", "FloorPlan", "SeatState", "lay_out_floors"]

SeatState = Literal["taken", "free", "blocked"]
_MARGIN_M = 1.2
_PITCH_M = 1.6
_Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class DrawnSeat:
    """A seat in metres of the drawing; one without coordinates stands in a row."""

    seat: str
    x_m: float
    y_m: float
    state: SeatState


@dataclass(frozen=True, slots=True)
class DrawnZone:
    """A zone: a box around its seats in metres, and what its air is."""

    zone: str
    x_m: float
    y_m: float
    width_m: float
    height_m: float
    seats: int
    usable: int
    volume_m3: float | None
    air_changes_per_hour: float | None


@dataclass(frozen=True, slots=True)
class FloorPlan:
    """A floor; ``box`` is that of its drawing in metres: x, y, width, height."""

    floor: str
    name: str
    box: _Box
    seats: tuple[DrawnSeat, ...]
    zones: tuple[DrawnZone, ...]

    @property
    def taken(self) -> int:
        """How many seats are taken."""
        return self._count("taken")

    @property
    def free(self) -> int:
        """How many seats are usable and free."""
        return self._count("free")

    @property
    def blocked(self) -> int:
        """How many seats are not usable."""
        return self._count("blocked")

    def _count(self, state: SeatState) -> int:
        return sum(seat.state == state for seat in self.seats)


def lay_out_floors(
    operator: Operator, site: str, usable: frozenset[str], taken: int
) -> Iterator[FloorPlan]:
    """Yield the floors of a site.

    A plan gives people a site, not a seat: of the usable seats the first ``taken``, floor after
    floor, are shown as taken.
    """
    left, seats = taken, defaultdict(list)
    for seat in operator.all_seats:
        seats[seat.zone].append(seat)
    for floor in operator.all_floors:
        if floor.site != site:
            continue
        zones = [zone for zone in operator.all_zones if zone.floor == floor.id]
        drawn: dict[str, list[DrawnSeat]] = {}
        for zone in zones:
            marks = drawn[zone.id] = []
            for seat, x, y in _place_in_rows(seats[zone.id]):
                state: SeatState = "blocked"
                if seat.id in usable:
                    state = "taken" if left > 0 else "free"
                    left -= 1
                marks.append(DrawnSeat(seat.id, round(x, 2), round(y, 2), state))
        held = tuple(mark for marks in drawn.values() for mark in marks)
        yield FloorPlan(
            floor=floor.id,
            name=floor.name or floor.id,
            box=_compute_frame(held, _MARGIN_M),
            seats=held,
            zones=tuple(_build_zone(zone, drawn[zone.id]) for zone in zones),
        )


def _place_in_rows(seats: Sequence[Seat]) -> Iterable[tuple[Seat, float, float]]:
    """Yield seats where they stand; those without x and y in rows, as a drawing needs a place."""
    width = math.ceil(math.sqrt(len(seats)))
    for at, seat in enumerate(seats):
        if seat.x_m is not None and seat.y_m is not None:
            yield seat, seat.x_m, seat.y_m
        else:
            yield seat, _PITCH_M * (at % width), _PITCH_M * (at // width)


def _build_zone(zone: Zone, seats: Sequence[DrawnSeat]) -> DrawnZone:
    x, y, width, height = _compute_frame(seats, _MARGIN_M / 2)
    return DrawnZone(
        zone=zone.id,
        x_m=x,
        y_m=y,
        width_m=width,
        height_m=height,
        seats=len(seats),
        usable=sum(seat.state != "blocked" for seat in seats),
        volume_m3=zone.volume_m3,
        air_changes_per_hour=zone.air_changes_per_hour,
    )


def _compute_frame(seats: Sequence[DrawnSeat], margin: float) -> _Box:
    """Return the box (x, y, width, height) around seats, in metres."""
    if not seats:
        return 0.0, 0.0, 2 * margin, 2 * margin
    xs, ys = [seat.x_m for seat in seats], [seat.y_m for seat in seats]
    left, top = min(xs) - margin, min(ys) - margin
    width, height = max(xs) + margin - left, max(ys) + margin - top
    return round(left, 2), round(top, 2), round(width, 2), round(height, 2)
