"""The sample's roster: shifts of whole teams, fitted to the week of their programme."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import numpy as np

from releve.kernels.arrays import Floats
from releve.network.model import Programme
from releve.network.moments import to_utc
from releve.network.opening_hours import is_closed_by_holiday
from releve.network.sample.contracts import HALF_HOURS, count_agents_needed, draw_week_shape, find_open_week
from releve.network.sample.places import Draws
from releve.network.sample.teams import Team

FULL = 17
"""Half hours of a full shift: 8.5 h of presence with a break of 30 minutes, 40 h a week."""
PART = 13
"""Half hours of a part-time shift: 6.5 h with the same break, 30 h a week."""
_WHOLE_TEAMS_FROM = {5: 5, 6: 9, 7: 12}
"""Teams of a programme from which a team keeps one shift, by days open a week; below, its two
squads differ."""
_MISSING = 0.03
"""Share of a programme's busiest day that its own agents cannot cover, by construction."""
_PACE = 0.93
"""Share of their roster that outbound and back-office work fill."""
_SWEEPS = 3


@dataclass(frozen=True, slots=True)
class Turn:
    """A week of shifts: the half hour of the local day they start in, length, weekdays worked."""

    start: int
    length: int
    days: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Squad:
    """Agents of one team who share a turn."""

    team: int
    size: int
    turn: Turn


def fit_programme(programme: Programme, teams: Sequence[tuple[int, Team]], seed: int) -> tuple[list[Squad], Floats]:
    """Return the squads of a programme (teams by number) and its mean calls per half hour.

    Turns follow the shape of the week; the level of the calls is then set so that the agents
    nearly suffice.
    """
    shape = draw_week_shape(programme, seed)
    units = _split_units(programme, teams, seed)
    sizes = np.array([size for _, size, _ in units], dtype=np.float64)
    turns = {length: _list_turns(programme, length) for length in (FULL, PART)}
    presence = {length: np.array([_compute_presence(t) for t in own]) for length, own in turns.items()}
    lengths = [length for _, _, length in units]
    # agents wanted per half hour, the week's total a little below what there is
    hours = sum(n * (length - 1) * 5 for n, length in zip(sizes, lengths, strict=True))
    peak = max(1.0, 0.9 * hours / max(1.0, float(shape.sum())))
    need = count_agents_needed(peak * 0.7 * shape.ravel(), programme)
    target: Floats = need * (0.94 * hours / need.sum())
    chosen = _fit_turns(target, sizes, lengths, presence)
    supply = sum(
        (n * presence[length][k] for n, length, k in zip(sizes, lengths, chosen, strict=True)), np.zeros(7 * HALF_HOURS)
    )
    erlangs = _compute_erlangs(programme, shape, supply.reshape(shape.shape), seed)
    squads = [Squad(team, size, turns[length][k]) for (team, size, length), k in zip(units, chosen, strict=True)]
    return squads, np.round(erlangs * 1800 / programme.aht_s, 3)


def _split_units(programme: Programme, teams: Sequence[tuple[int, Team]], seed: int) -> list[tuple[int, int, int]]:
    """Split small programmes' teams in two, so that the day can be covered; some are part-time."""
    units: list[tuple[int, int, int]] = []
    draws = Draws(seed, "units", programme.id)
    days = max(5, int(find_open_week(programme.opening).any(axis=1).sum()))
    whole = len(teams) >= _WHOLE_TEAMS_FROM[days] or _measure_span(programme)[1] <= FULL
    for number, team in teams:
        parts = [team.size] if whole or team.size < 4 else [team.size // 2, -(-team.size // 2)]
        length = PART if len(teams) >= 3 and draws.chance(0.1) else FULL
        units += [(number, size, length) for size in parts]
    return units


def _measure_span(programme: Programme) -> tuple[int, int]:
    """Return the first half hour open on any day, and how many lie between it and the last."""
    hours = np.flatnonzero(find_open_week(programme.opening).any(axis=0))
    return int(hours[0]), int(hours[-1] + 1 - hours[0])


def _list_turns(programme: Programme, length: int) -> list[Turn]:
    """Return the turns worth trying: starts on the hour and the last one, days off in the week."""
    opened = find_open_week(programme.opening)
    days = np.flatnonzero(opened.any(axis=1))
    first, span = _measure_span(programme)
    last = first + max(0, span - length)
    starts = sorted({*range(first, last + 1, 2), last})
    if len(days) <= 5:
        worked = [tuple(int(d) for d in days)]
    elif len(days) == 6:
        worked = [tuple(d for d in range(6) if d != off) for off in range(6)]
    else:
        worked = [tuple(d for d in range(7) if d not in (off, (off + 1) % 7)) for off in range(7)]
    return [Turn(start, length, own) for own in worked for start in starts]


def _compute_presence(turn: Turn) -> Floats:
    """Return the share of each half hour of the week worked; the break spread over five places."""
    out = np.zeros((7, HALF_HOURS))
    out[list(turn.days), turn.start : turn.start + turn.length] = 1.0
    middle = turn.start + turn.length // 2
    out[list(turn.days), middle - 2 : middle + 3] -= 1 / 5
    return out.ravel()


def _fit_turns(target: Floats, sizes: Floats, lengths: list[int], presence: dict[int, Floats]) -> list[int]:
    """Choose each unit's turn in turn, then revise: least squared lack over the week."""
    supply = np.zeros_like(target)
    chosen = [-1] * len(sizes)
    weight = 1 / np.maximum(target, 0.15 * target.max())
    for _ in range(_SWEEPS):
        for i, (size, length) in enumerate(zip(sizes, lengths, strict=True)):
            own = presence[length]
            if chosen[i] >= 0:
                supply = supply - size * own[chosen[i]]
            lack = np.maximum(0.0, target - (supply + size * own))
            chosen[i] = int(np.argmin(np.round((lack**2) @ weight, 6)))
            supply = supply + size * own[chosen[i]]
    return chosen


def _compute_erlangs(programme: Programme, shape: Floats, supply: Floats, seed: int) -> Floats:
    """Return the work of each half hour of the week that the supply can just do.

    Calls come when they come: their shape stays. Outbound work is paced by those who do it, and
    back-office work need not be done in the half hour it arrives.
    """
    if programme.kind == "inbound":
        return _find_level(programme, shape, supply)[:, None] * shape
    draws = Draws(seed, "pace", programme.id)
    work = supply * (1 - programme.shrinkage) * programme.max_occupancy * _PACE
    if programme.kind == "outbound":
        pace = draws.uniforms(supply.size, 0.96, 1.04).reshape(supply.shape)
        return np.where(shape > 0, work * pace, 0.0)
    days = work.sum(axis=1) / np.maximum(1e-9, shape.sum(axis=1))
    out: Floats = shape * days[:, None]
    return out


def _find_level(programme: Programme, shape: Floats, supply: Floats) -> Floats:
    """Return for each weekday the Erlangs of a shape of 1 that leave a given share missing.

    Monday to Friday share the least of theirs; a week-end day has at most that.
    """
    low, high = np.zeros(7), np.full(7, 2.0 * float(supply.max()) + 1.0)
    for _ in range(50):
        middle = (low + high) / 2
        need = count_agents_needed(middle[:, None] * shape, programme)
        missing = np.maximum(0.0, need - supply).sum(axis=1)
        enough = missing <= _MISSING * need.sum(axis=1)
        low, high = np.where(enough, middle, low), np.where(enough, high, middle)
    week = np.flatnonzero(shape[:5].sum(axis=1) > 0)
    out: Floats = np.minimum(low, low[week].min())
    return out


def list_turn_shifts(turn: Turn, programme: Programme, start: date, days: int = 7) -> list[tuple[datetime, datetime]]:
    """Return the shifts of a turn in UTC from ``start`` on; none on the programme's holidays."""
    out = []
    for day in (start + timedelta(days=i) for i in range(days)):
        if day.weekday() in turn.days and not is_closed_by_holiday(programme.holidays, programme.open_holidays, day):
            local = datetime.combine(day, time(turn.start // 2, 30 * (turn.start % 2)))
            first = to_utc(local, programme.time_zone)
            out.append((first, first + turn.length * timedelta(minutes=30)))
    return out
