"""Drawings as parts of an SVG: what all pages share, and coverage against requirement over a day.

The day is drawn in steps: a value holds until the next interval. The area up to the requirement is
split exactly into what is covered and what is missing; agents beyond the requirement lie on top.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from releve.demand.requirement import INTERVAL
from releve.desk.text import Text
from releve.kernels.arrays import Floats
from releve.plan.coverage import CoverageSeries

Scale = Callable[[float], float]


def find_scale(low: float, high: float, start: float, end: float) -> Scale:
    """Return where values lie in a drawing: ``low`` at ``start``, ``high`` at ``end``."""
    return lambda value: start + (end - start) * (value - low) / (high - low)


@dataclass(frozen=True, slots=True)
class Shape:
    """A path with the class that colours it."""

    name: str
    path: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle with the class that colours it."""

    name: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Label:
    """A text; ``axis`` is x or y, of which a y label has a line across."""

    axis: str
    x: float
    y: float
    text: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawing in the box ``0 0 width height``, with what a screen reader says."""

    id: str
    title: str
    description: str
    shapes: tuple[Shape, ...] = ()
    bars: tuple[Bar, ...] = ()
    labels: tuple[Label, ...] = ()
    width: int = 400
    height: int = 190
    left: int = 46
    right: int = 390


@dataclass(frozen=True, slots=True)
class Size:
    """A drawing's box ``0 0 width height`` and the edges of its plot; ``base`` is the lower one.

    ``hours`` lie between two labels of the day.
    """

    name: str
    width: int
    height: int
    left: int
    right: int
    top: int
    base: int
    hours: int


WIDE_CHART = Size("wide", 960, 300, 44, 938, 14, 270, 1)
NARROW_CHART = Size("narrow", 360, 230, 34, 344, 12, 202, 3)
_SPARK = Size("spark", 160, 28, 0, 160, 1, 27, 24)


@dataclass(frozen=True, slots=True)
class Tick:
    """A labelled line of an axis."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Paths and labels in the units of a box."""

    size: Size
    covered: str
    missing: str
    beyond: str
    required: str
    hours: tuple[Tick, ...]
    agents: tuple[Tick, ...]


def draw(series: CoverageSeries, size: Size, text: Text) -> Chart:
    """Return the drawing of a day's series at one size."""
    top = float((series.required + series.beyond).max(initial=0.0))
    step = find_step(top)
    ceiling = max(step, math.ceil(top / step - 1e-9) * step)
    x, y = _find_scales(size, len(series.starts), ceiling)
    zero = np.zeros(len(series.starts))
    return Chart(
        size=size,
        covered=draw_band(zero, series.covered, x, y),
        missing=draw_band(series.covered, series.required, x, y),
        beyond=draw_band(series.required, series.required + series.beyond, x, y),
        required=draw_steps(series.required, x, y),
        hours=_hours(series.starts, size, text, x),
        agents=tuple(Tick(round(y(value), 1), text.plain(value)) for value in np.arange(0, ceiling + step / 2, step)),
    )


def spark(series: CoverageSeries) -> tuple[str, str, str]:
    """Return small paths (covered, missing, required) in the box ``0 0 160 28``."""
    top = float(series.required.max(initial=0.0)) or 1.0
    x, y = _find_scales(_SPARK, len(series.starts), top)
    zero = np.zeros(len(series.starts))
    return (
        draw_band(zero, series.covered, x, y),
        draw_band(series.covered, series.required, x, y),
        draw_steps(series.required, x, y),
    )


def _find_scales(size: Size, intervals: int, ceiling: float) -> tuple[Scale, Scale]:
    """Return where an interval and a number of agents lie in a box."""
    x = find_scale(0, max(intervals, 1), size.left, size.right)
    return x, find_scale(0, ceiling, size.base, size.top)


def _hours(starts: tuple[datetime, ...], size: Size, text: Text, x: Scale) -> tuple[Tick, ...]:
    if not starts:
        return ()
    edges = [*starts, starts[-1] + INTERVAL]
    found = []
    for at, start in enumerate(edges):
        hour, minute = (int(part) for part in text.clock(start).split(":"))
        if minute == 0 and hour % size.hours == 0:
            found.append(Tick(round(x(at), 1), text.hour(hour)))
    return tuple(found)


def find_step(top: float) -> float:
    """Return a round step that gives three to six lines up to ``top``."""
    rough = max(top, 1.0) / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m for m in (1.0, 2.0, 5.0, 10.0) if m * power >= rough * 0.8) * power
    return max(step, 0.5)


def draw_band(low: Floats, high: Floats, x: Scale, y: Scale) -> str:
    """Return closed areas between two step lines; where they touch there is nothing to fill."""
    parts = []
    filled = high - low > 1e-9
    at = 0
    while at < len(filled):
        if not filled[at]:
            at += 1
            continue
        end = at
        while end < len(filled) and filled[end]:
            end += 1
        upper = [(k + e, high[k]) for k in range(at, end) for e in (0, 1)]
        lower = [(k + e, low[k]) for k in range(end - 1, at - 1, -1) for e in (1, 0)]
        parts.append("M" + "L".join(_point(x(a), y(v)) for a, v in upper + lower) + "Z")
        at = end
    return "".join(parts)


def draw_steps(values: Floats, x: Scale, y: Scale) -> str:
    """Return a line that holds each value until the next interval."""
    points = [(k + e, value) for k, value in enumerate(values) for e in (0, 1)]
    return "M" + "L".join(_point(x(a), y(v)) for a, v in points) if points else ""


def _point(x: float, y: float) -> str:
    return f"{x:.1f} {y:.1f}"
