"""The drawings of the relief page, as shapes of an SVG: shifts by place, flows between places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import gettext

from releve.desk.relief.page import PeopleFlow, PlaceShifts

_HOUR = timedelta(hours=1)
_HEAD, _ROW, _GAP, _FOOT = 22.0, 18.0, 8.0, 24.0
"""Heights of a place's head, of a shift, between places, and of the axis."""
_LETTER = 6.4
"""Width of a letter of a label."""
_COUNT = 84.0
"""Width kept free on the right for the counts of a shift."""


@dataclass(frozen=True, slots=True)
class GanttBar:
    """A shift: its people in the plan (``before``) or in force (``after``)."""

    x: float
    y: float
    width: float
    height: float
    kind: str


@dataclass(frozen=True, slots=True)
class GanttLabel:
    """A text of the drawing."""

    x: float
    y: float
    text: str


@dataclass(frozen=True, slots=True)
class Gantt:
    """Bars and labels in the box ``0 0 width height``; ``hours`` are the lines of the axis."""

    name: str
    width: float
    height: float
    bars: tuple[GanttBar, ...]
    places: tuple[GanttLabel, ...]
    counts: tuple[GanttLabel, ...]
    hours: tuple[tuple[float, datetime], ...]
    base: float


def draw_gantt(
    places: Sequence[PlaceShifts], heads: Sequence[str], name: str, width: float, step_hours: int
) -> Gantt:
    """Return the changing shifts of places on one axis of time, every ``step_hours`` labelled."""
    bands = [band for place in places for band in place.bands]
    first = min(band.start for band in bands)
    first = first.replace(minute=0, second=0, microsecond=0)
    last = max(band.end for band in bands)
    scale = (width - _COUNT) / max(_HOUR, last - first).total_seconds()
    bars, labels, counts, y = [], [], [], 0.0

    def x(at: datetime) -> float:
        return round((at - first).total_seconds() * scale, 1)

    for place, head in zip(places, heads, strict=True):
        labels.append(GanttLabel(0.0, y + 15, head))
        y += _HEAD
        for band in place.bands:
            start, wide = x(band.start), round(x(band.end) - x(band.start), 1)
            if band.before:
                bars.append(GanttBar(start, y + 2, wide, 6, "before"))
            if band.after:
                bars.append(GanttBar(start, y + 9, wide, 6, "after"))
            counts.append(GanttLabel(start + wide + 6, y + 13, f"{band.before} → {band.after}"))
            y += _ROW
        y += _GAP
    hours, at = [], first
    while at <= last:
        hours.append((x(at), at))
        at += step_hours * _HOUR
    return Gantt(name, width, y + _FOOT, tuple(bars), tuple(labels), tuple(counts), tuple(hours), y)


@dataclass(frozen=True, slots=True)
class FlowNode:
    """A place on the left (in the plan) or on the right (in force)."""

    x: float
    y: float
    height: float
    label_x: float
    anchor: str
    text: str
    place: str


@dataclass(frozen=True, slots=True)
class FlowPath:
    """A band of people between two places; ``moved``: they are different places."""

    path: str
    moved: bool
    text: str


@dataclass(frozen=True, slots=True)
class FlowDrawing:
    """Nodes and bands in the box ``0 0 width height``."""

    name: str
    width: float
    height: float
    node_width: float
    nodes: tuple[FlowNode, ...]
    paths: tuple[FlowPath, ...]


def draw_flows(
    flows: Sequence[PeopleFlow], words: Mapping[str, str], name: str, width: float, side: float
) -> FlowDrawing:
    """Return the people of each place before and after; ``side`` is kept for labels on each side.

    Heights are proportional to people, with a least height that stays visible.
    """
    total = sum(row.people for row in flows)
    ends = ([row.origin for row in flows], [row.target for row in flows])
    columns = [sorted(set(names), key=lambda place: _rank(place, words)) for names in ends]
    most = max(len(column) for column in columns)
    scale, gap, node = max(140.0, 34.0 * most) / max(1, total), 14.0, 10.0
    nodes: list[FlowNode] = []
    tops: list[dict[str, float]] = [{}, {}]
    height = 0.0
    for number, column in enumerate(columns):
        y = 4.0
        for place in column:
            people = sum(
                row.people for row, end in zip(flows, ends[number], strict=True) if end == place
            )
            tall = max(2.0, people * scale)
            left = side if number == 0 else width - side - node
            label = left - 6 if number == 0 else left + node + 6
            anchor = "end" if number == 0 else "start"
            text = f"{_shorten(words[place], side)} ({people})"
            nodes.append(FlowNode(left, round(y, 1), round(tall, 1), label, anchor, text, place))
            tops[number][place] = y
            y += max(tall, 16.0) + gap
        height = max(height, y)
    paths = []
    start, end = side + node, width - side - node
    middle = (start + end) / 2
    for row in sorted(
        flows, key=lambda row: (columns[0].index(row.origin), columns[1].index(row.target))
    ):
        tall = max(1.0, row.people * scale)
        top, low = tops[0][row.origin], tops[1][row.target]
        tops[0][row.origin] += tall
        tops[1][row.target] += tall
        path = (
            f"M{start:g} {top:.1f}C{middle:g} {top:.1f} {middle:g} {low:.1f} {end:g} {low:.1f}"
            f"v{tall:.1f}C{middle:g} {low + tall:.1f} {middle:g} {top + tall:.1f}"
            f" {start:g} {top + tall:.1f}z"
        )
        text = gettext("{origin} → {target}: {count}").format(
            origin=words[row.origin], target=words[row.target], count=row.people
        )
        paths.append(FlowPath(path, row.origin != row.target, text))
    return FlowDrawing(name, width, round(height, 1), node, tuple(nodes), tuple(paths))


def _shorten(name: str, width: float) -> str:
    """Return a name that fits beside a node, with its count; the list of figures has it whole."""
    most = int(width / _LETTER) - 6
    return name if len(name) <= most else f"{name[: most - 1]}…"


def _rank(place: str, words: Mapping[str, str]) -> tuple[int, str]:
    """Return the order of a place: sites by name, then home, then no shift."""
    return ({"home": 1, "": 2}.get(place, 0), words[place])


def draw_ring(parts: Sequence[tuple[str, int]]) -> tuple[tuple[str, float, float, float], ...]:
    """Return each part of a ring as (kind, length, rest, offset) in hundredths of its length."""
    total = sum(count for _, count in parts)
    out, start = [], 0.0
    for kind, count in parts:
        length = 100 * count / total if total else 0.0
        if count:
            out.append((kind, round(length, 2), round(100 - length, 2), round(25 - start, 2)))
        start += length
    return tuple(out)
