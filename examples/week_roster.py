"""A plain roster for a week: one person after another, each where most work still lacks hands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from releve.demand import INTERVAL, Requirement
from releve.network import Programme, find_open_instants, zone

__all__ = ["Turn", "roster"]

SHIFT = 17
"""Half hours of a full shift: 8.5 h with a break of 30 minutes in the middle."""
SHORTEST = 8
"""Half hours: opening hours may cut a shift down to this; shorter ones are not worked."""
DAYS = 5
"""Most shifts of one person in a week."""
LACKING = 0.02
"""Share of the week's requirement that may be left without hands."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Turn:
    """One person's week: shifts in UTC, and the share of each half hour of the week worked."""

    shifts: tuple[tuple[datetime, datetime], ...]
    worked: Floats


def roster(programme: Programme, week: Sequence[Requirement]) -> list[Turn]:
    """Return as many turns as a programme's requirement of a week takes, the best one first."""
    column = week[0].programmes.index(programme.id)
    starts = [start for need in week for start in need.starts]
    lack = np.concatenate([need.agents[:, column] for need in week])
    turns = _turns(programme, [need.day for need in week], starts)
    presence = np.array([turn.worked for turn in turns])
    hours = presence.sum(axis=1)
    enough = LACKING * lack.sum()
    chosen: list[Turn] = []
    while lack.sum() > enough:
        gain = np.minimum(presence, lack).sum(axis=1) ** 2 / hours
        best = int(np.argmax(np.round(gain, 9)))
        chosen.append(turns[best])
        lack = np.maximum(0.0, lack - presence[best])
    return chosen


def _turns(programme: Programme, days: Sequence[date], starts: Sequence[datetime]) -> list[Turn]:
    """Return every turn worth trying: the same start all week, two days off in a row."""
    tz = zone(programme.time_zone)
    is_open = find_open_instants(programme, starts)
    slot = np.array([2 * at.hour + at.minute // 30 for at in (s.astimezone(tz) for s in starts)])
    first = np.array([s.astimezone(tz).date() for s in starts])
    found = {}
    for begin in sorted(set(slot[is_open].tolist())):
        shift_of = {}
        for day in days:
            held = (first == day) & is_open & (slot >= begin) & (slot < begin + SHIFT)
            if held.sum() >= SHORTEST:
                shift_of[day] = np.flatnonzero(held)
        for off in days if len(shift_of) > DAYS else days[-1:]:
            rest = {off, off + timedelta(days=1)} if len(shift_of) > DAYS else set()
            worked = [shift_of[day] for day in sorted(shift_of) if day not in rest][:DAYS]
            turn = _turn(worked, starts)
            if turn.shifts:
                found[turn.shifts] = turn
    return list(found.values())


def _turn(shifts: Sequence[NDArray[np.int64]], starts: Sequence[datetime]) -> Turn:
    worked = np.zeros(len(starts))
    times = []
    for held in shifts:
        times.append((starts[held[0]], starts[held[-1]] + INTERVAL))
        worked[held] = 1.0
        middle = len(held) // 2
        worked[held[middle - 2 : middle + 3]] -= 1 / 5
    return Turn(tuple(times), worked)
