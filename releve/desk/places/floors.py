"""The plan of a floor as a drawing: its zones, and each seat taken, usable or blocked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from releve.desk.text import Text
from releve.network import Operator, Seat
from releve.network.model import Zone

__all__ = ["BLOCKED", "FREE", "TAKEN", "FloorView", "SeatMark", "floors"]

_Row = TypeVar("_Row")

TAKEN, FREE, BLOCKED = "taken", "free", "blocked"
_MARGIN_M = 1.2


@dataclass(frozen=True, slots=True)
class SeatMark:
    """A seat in metres of the drawing."""

    id: str
    x: float
    y: float
    state: str
    word: str


@dataclass(frozen=True, slots=True)
class ZoneMark:
    """A zone: a box around its seats, and what its air is."""

    id: str
    x: float
    y: float
    width: float
    height: float
    seats: str
    usable: str
    volume: str
    air: str


@dataclass(frozen=True, slots=True)
class FloorView:
    """A floor; the box of its drawing in metres, and its description in words."""

    id: str
    name: str
    box: str
    seats: tuple[SeatMark, ...]
    zones: tuple[ZoneMark, ...]
    description: str


def floors(
    operator: Operator, site: str, usable: frozenset[str], taken: int, text: Text
) -> tuple[FloorView, ...]:
    """Return the floors of a site.

    A plan gives people a site, not a seat: of the usable seats the first ``taken``, floor after
    floor, are drawn as taken.
    """
    zones = _group_by(operator.zones, lambda zone: zone.floor)
    seats = _group_by(operator.seats, lambda seat: seat.zone)
    found, left = [], taken
    for floor in operator.floors:
        if floor.site != site:
            continue
        own = zones.get(floor.id, [])
        held = [seat for zone in own for seat in seats.get(zone.id, [])]
        states = {}
        for seat in held:
            states[seat.id] = BLOCKED
            if seat.id in usable:
                states[seat.id] = TAKEN if left > 0 else FREE
                left -= 1
        boxes = tuple(_build_zone(zone, seats.get(zone.id, []), states, text) for zone in own)
        marks = tuple(_build_mark(seat, states[seat.id]) for seat in held)
        name = floor.name or floor.id
        described = _describe_states(name, [mark.state for mark in marks], text)
        found.append(FloorView(floor.id, name, _compute_box(held), marks, boxes, described))
    return tuple(found)


def _group_by(rows: Iterable[_Row], key: Callable[[_Row], str]) -> dict[str, list[_Row]]:
    grouped: dict[str, list[_Row]] = {}
    for row in rows:
        grouped.setdefault(key(row), []).append(row)
    return grouped


def _build_mark(seat: Seat, state: str) -> SeatMark:
    words = {TAKEN: _("taken"), FREE: _("usable"), BLOCKED: _("blocked")}
    return SeatMark(seat.id, round(seat.x_m, 2), round(seat.y_m, 2), state, words[state])


def _build_zone(zone: Zone, seats: Sequence[Seat], states: dict[str, str], text: Text) -> ZoneMark:
    x, y, width, height = _compute_frame(seats, _MARGIN_M / 2)
    usable = sum(states[seat.id] != BLOCKED for seat in seats)
    return ZoneMark(
        zone.id,
        x,
        y,
        width,
        height,
        text.number(len(seats)),
        text.number(usable),
        text.number(zone.volume_m3),
        text.plain(zone.air_changes_per_hour),
    )


def _compute_frame(seats: Sequence[Seat], margin: float) -> tuple[float, float, float, float]:
    """Return the box (x, y, width, height) around seats, in metres."""
    if not seats:
        return 0.0, 0.0, 2 * margin, 2 * margin
    xs, ys = [seat.x_m for seat in seats], [seat.y_m for seat in seats]
    left, top = min(xs) - margin, min(ys) - margin
    width, height = max(xs) + margin - left, max(ys) + margin - top
    return round(left, 2), round(top, 2), round(width, 2), round(height, 2)


def _compute_box(seats: Sequence[Seat]) -> str:
    return " ".join(f"{value:g}" for value in _compute_frame(seats, _MARGIN_M))


def _describe_states(name: str, states: Sequence[str], text: Text) -> str:
    count = len(states)
    seats = ngettext("{count} seat", "{count} seats", count).format(count=text.number(count))
    return _("{floor}: {seats}, {taken} taken, {free} usable and free, {blocked} blocked.").format(
        floor=name,
        seats=seats,
        taken=text.number(states.count(TAKEN)),
        free=text.number(states.count(FREE)),
        blocked=text.number(states.count(BLOCKED)),
    )
