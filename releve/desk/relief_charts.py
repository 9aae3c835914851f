"""Two drawings of a relief: the shifts that change at each place, and the flow of people between places."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from releve.live.api import PeopleFlow, PlaceChange, ShiftCount

_HOUR = timedelta(hours=1)
_HEAD, _ROW, _GAP, _FOOT = 22.0, 18.0, 8.0, 24.0
"""Heights of a place's head, of a shift, between places, and of the axis."""
_LETTER = 7.2
"""Width of a letter of a label."""
_LINES = 2
"""Lines of a label at most."""
_NODE = 10.0
"""Width of a place between the bands of people."""
_COUNT = 84.0
"""Width kept free on the right for the counts of a shift."""
Band = tuple[float, float, float, ShiftCount]
"""A changing shift: x, y and width, and how many people work it."""


@dataclass(frozen=True, slots=True)
class Gantt:
    """Shifts in the box ``0 0 width height``, by place, each place with the y of its head.

    ``hours`` are the lines of the axis, ``base`` its y.
    """

    name: str
    width: float
    height: float
    base: float
    places: tuple[tuple[float, PlaceChange, tuple[Band, ...]], ...]
    hours: tuple[tuple[float, datetime], ...]


def draw_gantt(places: Sequence[PlaceChange], name: str, width: float, step_hours: int) -> Gantt:
    """Return the changing shifts of places on one axis of time, every ``step_hours`` labelled."""
    bands = [band for place in places for band in place.shifts]
    first = min(band.start for band in bands)
    first = first.replace(minute=0, second=0, microsecond=0)
    last = max(band.end for band in bands)
    scale = (width - _COUNT) / max(_HOUR, last - first).total_seconds()

    def x(at: datetime) -> float:
        return round((at - first).total_seconds() * scale, 1)

    drawn, y = [], 0.0
    for place in places:
        rows = tuple(
            (x(band.start), y + _HEAD + _ROW * at, round(x(band.end) - x(band.start), 1), band)
            for at, band in enumerate(place.shifts)
        )
        drawn.append((y, place, rows))
        y += _HEAD + _ROW * len(rows) + _GAP
    steps = range(0, (last - first) // _HOUR + 1, step_hours)
    hours = tuple((x(first + step * _HOUR), first + step * _HOUR) for step in steps)
    return Gantt(name, width, y + _FOOT, y, tuple(drawn), hours)


_Node = tuple[str, float, float, list[str]]


@dataclass(frozen=True, slots=True)
class FlowDrawing:
    """Places in the plan (left) and in force (right) in the box ``0 0 width height``.

    ``left`` and ``right`` hold each place with its y, its height and the lines of its label,
    ``paths`` the band of each flow; ``ends`` are the x of both columns.
    """

    name: str
    width: float
    height: float
    ends: tuple[float, float]
    left: tuple[_Node, ...]
    right: tuple[_Node, ...]
    paths: tuple[tuple[str, PeopleFlow], ...]


def draw_flows(
    flows: Sequence[PeopleFlow], words: Mapping[str, str], name: str, width: float, side: float
) -> FlowDrawing:
    """Return the people of each place before and after; ``side`` is kept for labels on each side.

    Heights are proportional to people, with a least height that stays visible.
    """
    before: Counter[str] = Counter()
    after: Counter[str] = Counter()
    for row in flows:
        before[row.origin] += row.people
        after[row.target] += row.people
    most = max(len(before), len(after))
    scale = max(140.0, 34.0 * most) / max(1, before.total())
    letters = int(side / _LETTER) - 1
    (left, height), (right, other) = (_stack(ends, words, scale, letters) for ends in (before, after))
    tops = ({row[0]: row[1] for row in left}, {row[0]: row[1] for row in right})
    left_order, right_order = map(list, tops)
    start, end = side + _NODE, width - side - _NODE
    middle, paths = (start + end) / 2, []
    for row in sorted(flows, key=lambda row: (left_order.index(row.origin), right_order.index(row.target))):
        tall = max(1.0, row.people * scale)
        top, low = tops[0][row.origin], tops[1][row.target]
        tops[0][row.origin] += tall
        tops[1][row.target] += tall
        path = (
            f"M{start:g} {top:.1f}C{middle:g} {top:.1f} {middle:g} {low:.1f} {end:g} {low:.1f}"
            f"v{tall:.1f}C{middle:g} {low + tall:.1f} {middle:g} {top + tall:.1f}"
            f" {start:g} {top + tall:.1f}z"
        )
        paths.append((path, row))
    high = round(max(height, other), 1)
    return FlowDrawing(name, width, high, (side, end), left, right, tuple(paths))


def _stack(
    people: Mapping[str, int], words: Mapping[str, str], scale: float, letters: int
) -> tuple[tuple[_Node, ...], float]:
    """Return the places of a column below each other, and the height of all.

    A name is broken between its words where ``letters`` do not hold it: sites of one city differ by
    their last word.
    """
    nodes, y = [], 4.0
    for place in sorted(people, key=lambda place: _rank(place, words)):
        tall = max(2.0, people[place] * scale)
        label = f"{words[place]} ({people[place]})"
        lines = textwrap.wrap(label, letters, max_lines=_LINES, placeholder="…")
        nodes.append((place, round(y, 1), round(tall, 1), lines))
        y += max(tall, 16.0) + 14.0
    return tuple(nodes), y


def _rank(place: str, words: Mapping[str, str]) -> tuple[int, str]:
    """Return the order of a place: sites by name, then home, then no shift."""
    return ({"home": 1, "": 2}.get(place, 0), words[place])
