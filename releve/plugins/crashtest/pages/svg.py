"""The pictures of a crash test, as paths of SVG drawings: fan, survival, bars, histogram."""

from __future__ import annotations

import math
from collections.abc import Sequence

from releve.desk.chart import Bar, Label, Picture, Scale, Shape, find_scale
from releve.desk.text import Text
from releve.plugins.crashtest.engine.outbreak import Estimate

_LEFT, _RIGHT, _TOP, _BASE = 46, 390, 10, 164
_BAR = 200.0


def fan(key: str, days: Sequence[Sequence[float]], text: Text, title: str, description: str) -> Picture:
    """Draw the share served day by day: the middle 90 % and 50 % of quarters, and the median.

    A day without service has no quantiles and is left open.
    """
    least = min((day[0] for day in days if day), default=1.0)
    floor = min(0.9, math.floor(least * 10 + 1e-9) / 10)
    x, y = _find_days(days), find_scale(floor, 1.0, _BASE, _TOP)
    shapes = (
        Shape("outer", _area(days, 0, 4, x, y)),
        Shape("inner", _area(days, 1, 3, x, y)),
        Shape("middle", _line([day[2] if day else None for day in days], x, y)),
    )
    return Picture(key, title, description, shapes, labels=(*_shares(floor, y, text), *_days(days, x, text)))


def survival(key: str, shares: Sequence[float], text: Text, title: str, description: str) -> Picture:
    """Draw the share of quarters in which no day so far was missed."""
    x, y = _find_days(shares), find_scale(0.0, 1.0, _BASE, _TOP)
    line = _line(shares, x, y)
    end, base = f"{x(len(shares)):.1f}", f"{y(0.0):.1f}"
    ground = f"{line}L{end} {base}L{_LEFT} {base}Z" if line else ""
    labels = (*_shares(0.0, y, text), *_days(shares, x, text))
    return Picture(key, title, description, (Shape("outer", ground), Shape("middle", line)), labels=labels)


def histogram(key: str, counts: Sequence[int], text: Text, title: str, description: str) -> Picture:
    """Draw the share of quarters by the share infected: a bar for each five percent."""
    groups = [counts[0], sum(counts[1:5]), *(sum(counts[at : at + 5]) for at in range(5, 100, 5))]
    groups[-1] += counts[100]
    total = max(1, sum(groups))
    top = max(0.1, math.ceil(10 * max(groups) / total) / 10)
    step = (_RIGHT - _LEFT) / len(groups)
    y = find_scale(0.0, top, _BASE, _TOP)
    bars = tuple(
        Bar("bar", _LEFT + at * step + 1, y(n / total), step - 2, _BASE - y(n / total))
        for at, n in enumerate(groups)
        if n
    )
    places = [(k // 5 + (k > 0), text.percent(k / 100)) for k in (0, 20, 40, 60, 80)]
    ticks = [Label("x", _LEFT + at * step, _BASE + 17, word) for at, word in places]
    return Picture(key, title, description, bars=bars, labels=(*_shares(0.0, y, text, top), *ticks))


def range_bar(one: Estimate, top: float) -> tuple[Bar, Shape]:
    """Return a bar of a list and the line of its interval, in a box 200 wide and 16 high."""
    scale = _BAR / top if top > 0 else 0.0
    ends = [min(_BAR, max(0.0, at * scale)) for at in (one.low, one.high)]
    line = f"M{ends[0]:.1f} 8H{ends[1]:.1f}M{ends[0]:.1f} 4V12M{ends[1]:.1f} 4V12"
    return Bar("bar", 0, 2, round(max(0.0, one.value * scale), 1), 12), Shape("whisker", line)


def stack(parts: Sequence[tuple[str, float]], top: float) -> tuple[Bar, ...]:
    """Return the parts of a bar of a list, one after another, in the same box."""
    scale, at, found = (_BAR / top if top > 0 else 0.0), 0.0, []
    for name, value in parts:
        found.append(Bar(name, round(at, 1), 2, round(value * scale, 1), 12))
        at += value * scale
    return tuple(found)


def _find_days(days: Sequence[object]) -> Scale:
    return find_scale(0, max(1, len(days)), _LEFT, _RIGHT)


def _area(days: Sequence[Sequence[float]], low: int, high: int, x: Scale, y: Scale) -> str:
    """Return a rectangle a day: a day holds for itself, and neighbours touch."""
    parts = []
    for at, day in enumerate(days):
        if day:
            top, base = y(day[high]), y(day[low])
            parts.append(f"M{x(at):.1f} {top:.1f}H{x(at + 1):.1f}V{base + 0.6:.1f}H{x(at):.1f}Z")
    return "".join(parts)


def _line(values: Sequence[float | None], x: Scale, y: Scale) -> str:
    """Return steps, broken where nothing is known."""
    parts, drawing = [], False
    for at, value in enumerate(values):
        if value is not None:
            pen = "L" if drawing else "M"
            parts.append(f"{pen}{x(at):.1f} {y(value):.1f}H{x(at + 1):.1f}")
        drawing = value is not None
    return "".join(parts)


def _shares(low: float, y: Scale, text: Text, high: float = 1.0) -> list[Label]:
    count = 4 if round((high - low) * 100) % 4 == 0 else 2
    steps = [low + (high - low) * at / count for at in range(count + 1)]
    digits = 0 if all(abs(100 * at - round(100 * at)) < 1e-6 for at in steps) else 1
    return [Label("y", _LEFT, round(y(at), 1), text.percent(at, digits)) for at in steps]


def _days(days: Sequence[object], x: Scale, text: Text) -> list[Label]:
    every = next(step for step in (1, 2, 7, 30, 60, 90, 400) if len(days) / step <= 6)
    return [Label("x", round(x(day), 1), _BASE + 17, text.number(day)) for day in range(every, len(days) + 1, every)]
