"""From whole numbers to named people: who of a group works where, who moves, and how soon.

A person keeps the place of an earlier day, and under a relief as many as possible stay where they
were. Within a place a move takes effect at once. To another site it takes the drive of the tables
``travel`` and ``shuttles`` and :data:`SET_UP`; where they give none, the setting. Agents sent home
are there after :data:`HOME_DELAY`, or after the run that brings them and SET_UP.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from math import ceil

import numpy as np

from releve.demand.requirement import INTERVAL
from releve.kernels.arrays import Ints
from releve.network import HOME, Operator, zone
from releve.plan.problem import DayProblem
from releve.plan.relief import Staff
from releve.plan.result import Move, Placement, read_agent
from releve.plan.scenario_lp import ProblemLayout
from releve.transport import TransportSettings, TravelTimes


@dataclass(frozen=True)
class NamedAssignments:
    """``at[key]`` = (assignment j, slot of its link) of a duty; those in reserve are absent."""

    at: dict[str, tuple[int, int]]


def name_people(
    problem: DayProblem, layout: ProblemLayout, assigned: Ints, on_pattern: Ints, wish: Mapping[str, tuple[str, str]]
) -> NamedAssignments:
    """Give names to a base plan; ``wish[agent]`` = the (place, programme) to keep if free."""
    chosen: dict[str, int] = {}
    for members, js in _list_by_group(problem):
        room = {j: int(assigned[j]) for j in js}
        pair = {_name_pair(problem, j): j for j in js}
        waiting = []
        for agent in members:
            name = read_agent(agent)
            j = pair.get(wish[name]) if name in wish else None
            if j is not None and room[j] > 0:
                chosen[agent] = j
                room[j] -= 1
            else:
                waiting.append(agent)
        open_js = [j for j in js for _ in range(room[j])]
        chosen.update(zip(waiting, open_js, strict=False))
    return _assign_patterns(problem, layout, chosen, on_pattern, {})


def name_relief(
    problem: DayProblem, layout: ProblemLayout, base: NamedAssignments, staff: Staff, assigned: Ints, on_pattern: Ints
) -> tuple[NamedAssignments, frozenset[str]]:
    """Give names to a relief; the second value are the isolated.

    The first people of an assignment on a lost site are isolated. People whose assignment stands
    stay there as far as the relief has room, those first whose break has room too; exposed people are
    given home work first.
    """
    chosen: dict[str, int] = {}
    isolated: set[str] = set()
    breaks = on_pattern.copy()
    for members, js in _list_by_group(problem):
        room = {j: int(assigned[j]) for j in js}
        exposed = [a for a in members if a in base.at and _is_exposed(problem, staff, base.at[a][0])]
        gone = _choose_isolated(staff, base, exposed)
        isolated.update(gone)
        exposed = [agent for agent in exposed if agent not in gone]
        apart = {*gone, *exposed}
        others = [agent for agent in members if agent not in apart]
        stay = _choose_stayers(staff, base, others, room, breaks)
        free = [agent for agent in others if agent not in stay]
        chosen.update(_fill_room(problem, js, room, stay, free, exposed))
    return _assign_patterns(problem, layout, chosen, on_pattern, base.at), frozenset(isolated)


def _choose_stayers(
    staff: Staff, base: NamedAssignments, agents: list[str], room: dict[int, int], breaks: Ints
) -> dict[str, int]:
    """Return who stays on which assignment, those first whose pattern has room too; both lose that room."""
    stay: dict[str, int] = {}
    for any_break in (False, True):
        for agent in agents:
            j, slot = base.at.get(agent, (-1, -1))
            if agent in stay or j < 0 or room.get(j, 0) <= 0 or staff.lost[j]:
                continue
            if any_break or breaks[slot] > 0:
                stay[agent] = j
                room[j] -= 1
                breaks[slot] -= not any_break
    return stay


def _is_exposed(problem: DayProblem, staff: Staff, j: int) -> bool:
    return bool(staff.lost[j]) and problem.place[j] != problem.home and staff.bound


def _choose_isolated(staff: Staff, base: NamedAssignments, exposed: list[str]) -> set[str]:
    """Return the isolated of a group: the first of each of its assignments."""
    left: dict[int, int] = {}
    gone = set()
    for agent in exposed:
        j = base.at[agent][0]
        if left.setdefault(j, int(staff.isolated[j])) > 0:
            left[j] -= 1
            gone.add(agent)
    return gone


def _fill_room(
    problem: DayProblem, js: range, room: dict[int, int], stay: dict[str, int], free: list[str], exposed: list[str]
) -> dict[str, int]:
    """Fill the room that is left: on sites by people who may come, at home by the exposed first."""
    out = dict(stay)
    on_site = [j for j in js if problem.place[j] != problem.home for _ in range(room[j])]
    at_home = [j for j in js if problem.place[j] == problem.home for _ in range(room[j])]
    short = len(on_site) - len(free)
    if short > 0:
        # People at home who may come give their home work to exposed people who may not.
        movable = [a for a, j in stay.items() if problem.place[j] == problem.home][:short]
        at_home += [out.pop(agent) for agent in movable]
        free = [*free, *movable]
    out.update(zip(free, on_site, strict=False))
    rest = [*exposed, *free[len(on_site) :]]
    out.update(zip(rest, at_home, strict=False))
    return out


def _list_by_group(problem: DayProblem) -> list[tuple[tuple[str, ...], range]]:
    pointer = np.searchsorted(problem.group, np.arange(len(problem.size) + 1))
    return [
        (members, range(int(lo), int(hi)))
        for members, lo, hi in zip(problem.groups.members, pointer[:-1], pointer[1:], strict=True)
    ]


def _name_pair(problem: DayProblem, j: int) -> tuple[str, str]:
    places = (*problem.sites, HOME)
    return places[problem.place[j]], problem.programmes[problem.programme[j]]


def _assign_patterns(
    problem: DayProblem,
    layout: ProblemLayout,
    chosen: Mapping[str, int],
    on_pattern: Ints,
    before: Mapping[str, tuple[int, int]],
) -> NamedAssignments:
    """Spread the people of each link over its patterns, the same as before where there is room."""
    pointer = np.searchsorted(layout.y_link, np.arange(len(problem.link_class) + 1))
    room = on_pattern.copy()
    at: dict[str, tuple[int, int]] = {}
    waiting: list[tuple[str, int]] = []
    for agent, j in chosen.items():
        old = before.get(agent)
        if old is not None and old[0] == j and room[old[1]] > 0:
            room[old[1]] -= 1
            at[agent] = old
        else:
            waiting.append((agent, j))
    for agent, j in waiting:
        link = problem.link[j]
        lo = int(pointer[link])
        slot = lo + int(np.argmax(room[lo : int(pointer[link + 1])] > 0))
        room[slot] -= 1
        at[agent] = (j, slot)
    return NamedAssignments(at)


def list_placements(problem: DayProblem, layout: ProblemLayout, seating: NamedAssignments) -> dict[str, Placement]:
    """Return the placement of every duty that has one, by key."""
    out = {}
    for key, (j, slot) in seating.at.items():
        place, programme = _name_pair(problem, j)
        pattern = problem.patterns.patterns[layout.y_pattern[slot]]
        agent = read_agent(key)
        out[key] = Placement(
            agent, place, programme, pattern.start, pattern.end, pattern.break_start, pattern.break_end,
            pattern.pauses, key[len(agent) + 1 :],
        )  # fmt: skip
    return out


def list_moves(
    base: Mapping[str, Placement], relief: Mapping[str, Placement], isolated: frozenset[str], lost: frozenset[str]
) -> tuple[Move, ...]:
    """Return what differs between base and relief, by key of the duty; ``lost`` are those whose place is lost."""
    moves = []
    for key in sorted({*base, *relief}):
        before, after = base.get(key), relief.get(key)
        if before == after:
            continue
        reason = "relief"
        if before and after and (before.place, before.programme) == (after.place, after.programme):
            reason = "break"
        if after is None:
            stranded = "stranded" if key in lost else "reserve"
            reason = "isolated" if key in isolated else stranded
        moves.append(Move(read_agent(key), before, after, reason))
    return tuple(moves)


HOME_DELAY = timedelta(minutes=90)
SITE_DELAY = timedelta(minutes=120)
"""Time from the call to being at work at home, or on another site, where no journey is known."""
SET_UP = timedelta(minutes=30)
"""From the vehicle to the first call: at home from the stop, on another site with the call before
the drive."""


def round_up(wait: timedelta) -> timedelta:
    """Return a time in whole half hours."""
    return ceil(wait / INTERVAL) * INTERVAL


@dataclass(frozen=True, slots=True)
class SiteArrival:
    """People sent to another site, at work ``least`` to ``most`` minutes after the call: by the
    journey that is ``known``, or by the setting."""

    target: str
    people: int
    least: int
    most: int
    known: bool


@dataclass(frozen=True)
class MoveDelays:
    """The delays of moves of an operator's agents; ``home`` and ``site`` where no run and no
    journey is known."""

    operator: Operator
    home: timedelta = HOME_DELAY
    site: timedelta = SITE_DELAY

    @cached_property
    def _travel(self) -> TravelTimes:
        return TravelTimes(self.operator, TransportSettings())

    def find_stop(self, name: str) -> str:
        """Return the stop of an agent (or the agent of a duty's key) whom a vehicle brings; empty for
        all others, also for those who are in the reference data no more."""
        agent = self.operator.agent.get(read_agent(name))
        if agent is None or agent.own_transport or not self.operator.vehicles:
            return ""
        return agent.stop

    def measure_drive(self, stop: str, placed: Placement | None, target: str, at: datetime) -> timedelta | None:
        """Return the drive to a site from the one where people are at work, or else from their
        stop; None where neither is known or the operator's tables do not give it."""
        working = placed is not None and placed.place != HOME and placed.start <= at
        origin = placed.place if placed is not None and working else stop
        hour = at.astimezone(zone(self.operator.site[target].time_zone)).hour
        if not origin or self._travel.is_estimated(origin, target, hour):
            return None
        return timedelta(minutes=self._travel.get_minutes(origin, target, hour))

    def find_site_delay(self, stop: str, placed: Placement | None, target: str, at: datetime) -> timedelta:
        """Return how long after ``at`` people are at work on another site."""
        drive = self.measure_drive(stop, placed, target, at)
        return self.site if drive is None else round_up(drive + SET_UP)

    def list_site_arrivals(
        self, before: Mapping[str, Placement], after: Mapping[str, Placement], at: datetime
    ) -> tuple[SiteArrival, ...]:
        """Return who goes to another site, by site and by how the arrival is known; placements by
        duty."""
        found: dict[tuple[str, bool], list[timedelta]] = {}
        for agent, row in after.items():
            placed = before.get(agent)
            if row.place == HOME or (placed is not None and placed.place == row.place):
                continue
            where = (self.find_stop(agent), placed, row.place, at)
            known = self.measure_drive(*where) is not None
            found.setdefault((row.place, known), []).append(self.find_site_delay(*where))
        minute = timedelta(minutes=1)
        return tuple(
            SiteArrival(target, len(waits), min(waits) // minute, max(waits) // minute, known)
            for (target, known), waits in sorted(found.items())
        )
