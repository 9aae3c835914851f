"""The roster of a planning day: who is there when, and where the break may fall.

A *pattern* is a duty with a place for its break; a *class* is the set of patterns open to one
person. In a rostered operator a class is one duty with several places for its break. A duty that
began before the day is carried into it: what is left of it counts there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from releve.demand.requirement import INTERVAL
from releve.network import BreakWindow, Duty, DutyPeriod, Operator
from releve.network.duties import Away, cut_periods
from releve.plan.result import CARRIED, Pause, Placement, Plan, build_duty_key

BREAKS = 5
"""How many places for the break are tried in a duty."""
FREE_BREAK_MINUTES = 30.0
"""The break of a shift where no roster is given."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """One way to work a duty; times in UTC; no break = ``break_start`` None.

    ``pauses``: the gaps of a split shift, in which the seat is free, and the breaks of its other periods.
    """

    start: datetime
    end: datetime
    break_start: datetime | None
    break_end: datetime | None
    pauses: tuple[Pause, ...] = ()


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


def select_duties(operator: Operator, day: date) -> dict[str, Duty]:
    """Return the duties with work in a planning day, by key (:func:`build_duty_key`): those that
    start in it, and those carried in.

    Of a duty that meets absences it is what they leave; its key stays that of the whole duty.
    """
    first, last = operator.day_bounds(day)
    held = [duty for duty in operator.duties if duty.start < last and duty.end > first]
    starts: dict[str, list[datetime]] = {}
    for duty in held:
        if duty.start >= first:
            starts.setdefault(duty.agent, []).append(duty.start)
    found: dict[str, Duty] = {}
    for duty in held:
        rank = sum(start < duty.start for start in starts.get(duty.agent, ()))
        which = CARRIED if duty.start < first else str(rank + 1) if rank else ""
        left: Duty | None = duty
        if duty.agent in operator.away:
            left = duty.leave_out(operator.away[duty.agent])
            left = left and operator.give_breaks(left)
        if left is not None and left.start < last and left.end > first:
            found[build_duty_key(duty.agent, which)] = left
    return found


def list_free_agents(operator: Operator, day: date) -> list[str]:
    """Return the agents who may get a shift of a planning day without a roster: those without an absence on it."""
    first, last = operator.day_bounds(day)
    away = {row.agent for row in operator.absences if row.start < last and row.end > first}
    return [agent.id for agent in operator.agents if agent.id not in away]


def list_agents_at_work(operator: Operator, day: date) -> tuple[str, ...]:
    """Return the agents with work of a duty that starts in a planning day, in the order of the roster."""
    duties = select_duties(operator, day)
    return tuple(
        dict.fromkeys(duty.agent for key, duty in duties.items() if key != build_duty_key(duty.agent, CARRIED))
    )


def crosses_border(operator: Operator, day: date) -> bool:
    """Return whether a duty is carried into a planning day."""
    first, _ = operator.day_bounds(day)
    return any(duty.start < first < duty.end for duty in operator.duties)


def list_carried(plan: Plan, *, open_breaks: bool = False) -> dict[str, Placement]:
    """Return the placements of a plan that go on beyond its day, by agent.

    ``open_breaks``: without the breaks that lie beyond it, which the day they lie in chooses.
    """
    ends = plan.starts[-1] + INTERVAL
    found = {row.agent: row for row in plan.placements if row.start < ends < row.end}
    if not open_breaks:
        return found
    return {
        name: replace(row, break_start=None, break_end=None)
        if row.break_start is not None and row.break_start >= ends
        else row
        for name, row in found.items()
    }


def settle_breaks(plan: Plan, following: Plan) -> Plan:
    """Return a plan in which those whose duty goes on have the break that the following day chose.

    It lies beyond the plan's day, so that no figure of the plan changes.
    """
    ends = plan.starts[-1] + INTERVAL
    chosen = {row.agent: (row.break_start, row.break_end) for row in following.placements if row.carried}

    def settle(row: Placement | None) -> Placement | None:
        over = row is not None and row.start < ends < row.end and row.break_start is not None
        if row is None or not over or row.agent not in chosen or row.break_start < ends:  # type: ignore[operator]
            return row
        start, end = chosen[row.agent]
        return replace(row, break_start=start, break_end=end)

    scenarios = {}
    for name, scenario in plan.scenarios.items():
        moves = (replace(move, before=settle(move.before), after=settle(move.after)) for move in scenario.moves)
        scenarios[name] = replace(scenario, moves=tuple(move for move in moves if move.before != move.after))
    placements = tuple(row for row in map(settle, plan.placements) if row is not None)
    return replace(plan, placements=placements, scenarios=scenarios)


def list_break_patterns(duty: Duty, count: int = BREAKS) -> tuple[Pattern, ...]:
    """Return the patterns of a duty: ``count`` places for the break of its longest period, around
    the middle, and places for its other breaks beside each.

    Breaks start on the half hour, an hour apart from one another where the period has room. A
    break that fits on no half hour starts with the period. The other periods have theirs in the middle.
    """
    longest = max(duty.periods, key=lambda period: period.end - period.start)
    pauses = [Pause(start, end, away=True) for start, end in duty.gaps]
    for period in duty.periods:
        if period is not longest:
            meal, others = _list_break_choices(period, 1)[0]
            pauses += [meal, *others] if meal else others
    found = []
    for meal, others in _list_break_choices(longest, count):
        start, end = (meal.start, meal.end) if meal else (None, None)
        found.append(Pattern(duty.start, duty.end, start, end, tuple(sorted([*pauses, *others]))))
    return tuple(dict.fromkeys(found))


BESIDE = 2
"""How many ways to place the other breaks are tried beside each place of the roster's own."""


def _list_break_choices(period: DutyPeriod, count: int) -> list[tuple[Pause | None, tuple[Pause, ...]]]:
    """Return places for the roster's own break of a period, each with some for its other breaks.

    A break that does not fit beside the roster's own and those before it in the table is not given.
    """
    length = timedelta(minutes=period.break_minutes)
    starts: list[datetime | None] = [*_list_break_starts(period, count)] if length else [None]
    if not period.breaks:
        return [(Pause(start, start + length, away=False) if start else None, ()) for start in starts]
    meal = period.meal or BreakWindow(length, period.start, period.end, timedelta())
    taken = [(meal, meal.list_starts() or [period.start])] if length else []
    for window in period.breaks:
        if _fit_breaks([*taken, (window, window.list_starts())]) is not None:
            taken.append((window, window.list_starts()))
    ways = BESIDE if length else count
    found = []
    for way in range(ways):
        wanted = [(window, _order_around(places, (way + 1) / (ways + 1))) for window, places in taken]
        for start in starts:
            if start is not None:
                wanted[0] = (meal, [start])
            fitted = _fit_breaks(wanted)
            if fitted is not None:
                found.append(fitted)
    # where the roster's own break fits beside the others at none of these places, any place will do
    found = found or [_fit_breaks(taken) or ()]
    return [(row[0] if length else None, row[1:] if length else row) for row in found]


def _order_around(starts: Sequence[datetime], share: float) -> list[datetime]:
    """Return instants by their distance to the one that has a share of them before it."""
    middle = starts[int(share * len(starts))]
    return sorted(starts, key=lambda start: (abs(start - middle), start))


def _fit_breaks(
    wanted: Sequence[tuple[BreakWindow, Sequence[datetime]]], placed: tuple[tuple[BreakWindow, datetime], ...] = ()
) -> tuple[Pause, ...] | None:
    """Return a start for each break, of those given (the first is liked best), apart from the others; None where
    there is none."""
    if not wanted:
        return tuple(Pause(start, start + window.length, away=False) for window, start in placed)
    (window, starts), *others = wanted
    for start in starts:
        if all(_lie_apart(window, start, *one) for one in placed):
            found = _fit_breaks(others, (*placed, (window, start)))
            if found is not None:
                return found
    return None


def _lie_apart(window: BreakWindow, start: datetime, other: BreakWindow, begun: datetime) -> bool:
    apart = max(window.apart, other.apart)
    return start >= begun + other.length + apart or begun >= start + window.length + apart


def _list_break_starts(period: DutyPeriod, count: int) -> list[datetime]:
    length = timedelta(minutes=period.break_minutes)
    window = period.meal or BreakWindow(length, period.start, period.end, timedelta())
    starts = window.list_starts()
    if not starts:
        return [period.start]
    middle = window.first + (window.last - window.first - length) / 2
    wanted = [middle + (2 * i - count + 1) * INTERVAL for i in range(count)]
    return sorted({min(starts, key=lambda start: (abs(start - want), start)) for want in wanted})


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
    begins = (first + i * INTERVAL for i in range(steps + 1))
    duties = (Duty("", (DutyPeriod(start, start + length, FREE_BREAK_MINUTES),)) for start in begins)
    return tuple(pattern for duty in duties for pattern in list_break_patterns(duty, count=2))


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
        away = np.zeros(len(starts))
        for pause in pattern.pauses:
            lost = _measure_overlap(edges, pause.start, pause.end)
            rest = rest + lost
            away = away + lost * pause.away
        worked[k] = (shift - rest) / INTERVAL.total_seconds()
        present[k] = shift > away
    return Patterns(patterns, numbered, worked, present)


def _measure_overlap(edges: NDArray[np.float64], start: datetime, end: datetime) -> NDArray[np.float64]:
    """Return the seconds of each half hour that lie in [start, end)."""
    upper = np.minimum(edges + INTERVAL.total_seconds(), end.timestamp())
    return np.asarray(np.maximum(0.0, upper - np.maximum(edges, start.timestamp())))


def build_pattern(placed: Placement) -> Pattern:
    """Return the duty and break of a placement."""
    return Pattern(placed.start, placed.end, placed.break_start, placed.break_end, placed.pauses)


def cut_placement(placed: Placement, away: Sequence[Away]) -> Placement | None:
    """Return what absences leave of a placement: it begins later, ends earlier, or has a gap; None = nothing."""
    whole = list(placed.list_periods())
    left = cut_periods(whole, away)
    if left == whole:
        return placed
    if not left:
        return None
    breaks = [pause for pause in placed.pauses if not pause.away]
    if placed.break_start is not None and placed.break_end is not None:
        breaks.insert(0, Pause(placed.break_start, placed.break_end, away=False))
    kept = [[Pause(max(start, one.start), min(end, one.end), away=False) for start, end in left] for one in breaks]
    kept = [[one for one in parts if one.start < one.end] for parts in kept]
    own = kept.pop(0) if placed.break_start is not None and placed.break_end is not None else []
    gaps = [Pause(one[1], other[0], away=True) for one, other in pairwise(left)]
    return replace(
        placed,
        start=left[0][0],
        end=left[-1][1],
        break_start=own[0].start if own else None,
        break_end=own[0].end if own else None,
        pauses=tuple(sorted((*gaps, *own[1:], *(one for parts in kept for one in parts)))),
    )


def clip_pattern(
    pattern: Pattern, when: datetime, since: datetime | None = None, meals: Sequence[BreakWindow] = ()
) -> Pattern | None:
    """Return what is left of a pattern from an instant on; None when nothing is.

    ``since``: when the way to another place begins. A break that would have fallen into it comes as near as it can to
    the middle of what is left, since a way does not count as rest; in one of the windows ``meals`` that the table of
    breaks gives, or where they are over as soon as it can: late is better than none.
    """
    start = max(pattern.start, when)
    for pause in pattern.pauses:
        if pause.away and pause.start <= start < pause.end:
            start = pause.end
    if start >= pattern.end:
        return None
    pauses = tuple(Pause(max(start, one.start), one.end, one.away) for one in pattern.pauses if one.end > start)
    if pattern.break_start is None or pattern.break_end is None:
        return Pattern(start, pattern.end, None, None, pauses)
    if pattern.break_end > start:
        return Pattern(start, pattern.end, max(start, pattern.break_start), pattern.break_end, pauses)
    length = pattern.break_end - pattern.break_start
    if since is None or pattern.break_start < since or pattern.end - start <= 2 * length:
        return Pattern(start, pattern.end, None, None, pauses)
    left = BreakWindow(length, start, pattern.end, timedelta())
    free = [at for at in left.list_starts() if all(at + length <= p.start or p.end <= at for p in pauses)]
    if not free:
        return Pattern(start, pattern.end, None, None, pauses)
    allowed = [at for at in free if any(_allows(meal, at, length, pauses) for meal in meals)]
    middle = start if meals and not allowed else start + (pattern.end - start - length) / 2
    begins = min(allowed or free, key=lambda at: (abs(at - middle), at))
    return Pattern(start, pattern.end, begins, begins + length, pauses)


def _allows(meal: BreakWindow, at: datetime, length: timedelta, pauses: Sequence[Pause]) -> bool:
    """Return whether a break may begin at an instant by its window, apart from the other breaks."""
    others = (one for one in pauses if not one.away)
    apart = all(at + length + meal.apart <= one.start or one.end + meal.apart <= at for one in others)
    return meal.first <= at and at + length <= meal.last and apart
