"""The roster of a planning day: who is there when, and where the break may fall.

A *pattern* is a shift with a place for its break; a *class* is the set of patterns open to one
person. In a rostered operator a class is one shift with several places for its break.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from releve.demand.requirement import INTERVAL
from releve.network import Operator, Shift, day_bounds
from releve.plan.result import Placement

BREAKS = 5
"""How many places for the break are tried in a shift."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """One way to work a day; times in UTC; no break = ``break_start`` None."""

    start: datetime
    end: datetime
    break_start: datetime | None
    break_end: datetime | None


@dataclass(frozen=True)
class Patterns:
    """Patterns with their classes.

    ``worked[pattern, interval]`` share of the interval worked; ``present[pattern, interval]`` 1
    when a seat is taken; ``classes[c]`` the patterns of class c.
    """

    patterns: tuple[Pattern, ...]
    classes: tuple[NDArray[np.int64], ...]
    worked: NDArray[np.float64]
    present: NDArray[np.float64]


def select_shifts(operator: Operator, day: date) -> dict[str, Shift]:
    """Return each agent's shift that starts in the operator's local day (the first, if two)."""
    first, last = day_bounds(day, operator.row.time_zone)
    found: dict[str, Shift] = {}
    for shift in operator.shifts:
        if first <= shift.start < last:
            known = found.get(shift.agent)
            if known is None or shift.start < known.start:
                found[shift.agent] = shift
    return found


def list_break_patterns(shift: Shift, count: int = BREAKS) -> tuple[Pattern, ...]:
    """Return the patterns of a shift: ``count`` places for its break, around its middle.

    Breaks start on the half hour, an hour apart from one another where the shift has room. A
    break that fits on no half hour starts with the shift.
    """
    length = timedelta(minutes=shift.break_minutes)
    if not length:
        return (Pattern(shift.start, shift.end, None, None),)
    origin = shift.start.replace(minute=0, second=0, microsecond=0)
    steps = int((shift.end - origin) / INTERVAL) + 1
    starts = [
        start
        for start in (origin + i * INTERVAL for i in range(steps))
        if shift.start <= start and start + length <= shift.end
    ]
    if not starts:
        return (Pattern(shift.start, shift.end, shift.start, shift.start + length),)
    middle = shift.start + (shift.end - shift.start - length) / 2
    wanted = [middle + (2 * i - count + 1) * INTERVAL for i in range(count)]
    chosen = {min(starts, key=lambda start: (abs(start - want), start)) for want in wanted}
    return tuple(Pattern(shift.start, shift.end, start, start + length) for start in sorted(chosen))


def list_free_patterns(
    contract_hours: float, starts: Sequence[datetime], busy: NDArray[np.bool_]
) -> tuple[Pattern, ...]:
    """Return the shifts open to a person where no roster is given.

    A shift is a fifth of the week's hours, to the half hour, and a break of half an hour, with two
    places for it. It starts on any half hour that keeps it inside the busy part of the day, or that
    part inside it where that is shorter.
    """
    length = round(contract_hours / 5 * 2) * INTERVAL + INTERVAL
    open_at = np.nonzero(busy)[0]
    first, last = starts[open_at[0]], starts[open_at[-1]] + INTERVAL
    steps = max(0, int((last - first - length) / INTERVAL))
    shifts = (Shift("", first + i * INTERVAL, first + i * INTERVAL + length) for i in range(steps + 1))
    return tuple(pattern for shift in shifts for pattern in list_break_patterns(shift, count=2))


def number_patterns(classes: Iterable[tuple[Pattern, ...]], starts: Sequence[datetime]) -> Patterns:
    """Number the patterns of several classes and lay them over the intervals of the day."""
    index: dict[Pattern, int] = {}
    numbered = tuple(
        np.array([index.setdefault(p, len(index)) for p in patterns], dtype=np.int64) for patterns in classes
    )
    patterns = tuple(index)
    worked = np.zeros((len(patterns), len(starts)))
    present = np.zeros((len(patterns), len(starts)))
    edges = np.array([start.timestamp() for start in starts])
    for k, pattern in enumerate(patterns):
        shift = _measure_overlap(edges, pattern.start, pattern.end)
        rest = np.zeros(len(starts))
        if pattern.break_start is not None and pattern.break_end is not None:
            rest = _measure_overlap(edges, pattern.break_start, pattern.break_end)
        worked[k] = (shift - rest) / INTERVAL.total_seconds()
        present[k] = shift > 0
    return Patterns(patterns, numbered, worked, present)


def _measure_overlap(edges: NDArray[np.float64], start: datetime, end: datetime) -> NDArray[np.float64]:
    """Return the seconds of each half hour that lie in [start, end)."""
    upper = np.minimum(edges + INTERVAL.total_seconds(), end.timestamp())
    return np.asarray(np.maximum(0.0, upper - np.maximum(edges, start.timestamp())))


def build_pattern(placed: Placement) -> Pattern:
    """Return the shift and break of a placement."""
    return Pattern(placed.start, placed.end, placed.break_start, placed.break_end)


def clip_pattern(pattern: Pattern, when: datetime) -> Pattern | None:
    """Return what is left of a pattern from an instant on; None when nothing is."""
    start = max(pattern.start, when)
    if start >= pattern.end:
        return None
    if pattern.break_start is None or pattern.break_end is None or pattern.break_end <= start:
        return Pattern(start, pattern.end, None, None)
    return Pattern(start, pattern.end, max(start, pattern.break_start), pattern.break_end)
