"""The places lost in each half hour by closures and outages, as states of days.

A *segment* is a run of half hours of a day in one state: the places lost, and those of them whose
loss is answered. A new loss is answered ``reaction`` half hours after the first agent is due at
the place, ``several`` when more than one place with people is lost then; one that lasts from the
day before is answered already. A half hour counts as lost when its middle is. Places are numbered
sites first, then home lines, then the homes whose carrier is not known, which are never lost.

Closures follow the situation's dated rules, as on the live desk: each day, each site is closed by
the row in force there, and a confirmed agent is away for the days of the absence row. What no rule
says (how many agents with symptoms stay at home or are tested) is a parameter with a default.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from releve.errors import Phrase
from releve.kernels.arrays import Array
from releve.kernels.decorators import inlined_kernel, kernel
from releve.network import HOME, Agent, Operator, Site
from releve.plan import Contingency
from releve.plugins.crashtest.engine.outages import Places, list_places
from releve.plugins.crashtest.engine.outbreak import ClosureCalendar, ClosurePolicy, Controls, Visits
from releve.plugins.crashtest.engine.outbreak.rng import hash_key, mix
from releve.plugins.crashtest.engine.settings import INTERVALS, CrashTestError, RoomError
from releve.situation import Situation, SituationRules, build_frame
from releve.situation.draw_chains import DrawError
from releve.situation.rule_kinds import AbsenceRule, ClosureRule

ILLNESS, CLOSURE, FIRST_HAZARD = 0, 1, 2
"""Causes by number: agents away, sites closed by the rule, then the hazards in their order."""


class OutageArrays(NamedTuple):
    """Outages by replication, ``pointer[r]`` up to ``pointer[r + 1]``: ``begin`` and ``end`` hours
    since the start of day 0, ``place`` and ``hazard`` by number."""

    pointer: Array
    begin: Array
    end: Array
    place: Array
    hazard: Array


class PlaceArrays(NamedTuple):
    """``calendar[day]`` the planned day or -1; ``first_busy[d, m]``, ``at_place[d, m, t]``;
    ``used[d, m]``: whether the plan or a relief can place agents there (else its loss changes
    nothing); ``key[m]``; the half hours until an answer."""

    calendar: Array
    first_busy: Array
    at_place: Array
    used: Array
    key: Array
    reaction: int
    several: int


class LossBuffers(NamedTuple):
    """``cause[day, m, t]`` or -1; ``touched[day, i]`` places lost on a day, ``touches[day]``;
    ``lost[m, t]`` when each is answered."""

    cause: Array
    touched: Array
    touches: Array
    answered: Array


class Losses(NamedTuple):
    """Segments of replication r and day d: ``pointer[r x days + d]`` up to the next.

    ``begin``, ``end`` half hours; ``key`` of the state; its places ``place_pointer[segment]`` up to
    the next: ``place``, ``answered``. ``taken[r, d, cause]`` effective agent-half hours that a
    cause took from the base plan; ``lost[r, place, cause]`` half hours a place was lost;
    ``closures[r, site]`` orders of the rule. Room: ``n`` segments and places used.
    """

    pointer: Array
    begin: Array
    end: Array
    key: Array
    place_pointer: Array
    place: Array
    answered: Array
    taken: Array
    lost: Array
    closures: Array
    n: Array


def find_losses(where: PlaceArrays, closed: Array, events: OutageArrays, causes: int) -> Losses:
    """Return the states of every replication: ``closed[r, day, site]`` by the outbreak."""
    replications, days, _ = closed.shape
    places = len(where.key)
    scratch = LossBuffers(
        np.full((days, places, INTERVALS), -1, dtype=np.int16),
        np.zeros((days, places), dtype=np.int32),
        np.zeros(days, dtype=np.int32),
        np.zeros((places, INTERVALS), dtype=np.bool_),
    )
    segments, entries = 4096, 8192
    while True:
        found = _allocate_losses(replications, days, places, causes, segments, entries)
        if _fill_losses(where, closed, events, scratch, found):
            return found
        if segments > 1 << 28:
            raise RoomError(Phrase("expected segments of a run <= 2**28: run fewer quarters at a time"))
        segments, entries = 4 * segments, 4 * entries
        scratch.cause.fill(-1)
        scratch.touches.fill(0)


def _allocate_losses(replications: int, days: int, places: int, causes: int, segments: int, entries: int) -> Losses:
    return Losses(
        pointer=np.zeros(replications * days + 1, dtype=np.int64),
        begin=np.zeros(segments, dtype=np.int16),
        end=np.zeros(segments, dtype=np.int16),
        key=np.zeros(segments, dtype=np.uint64),
        place_pointer=np.zeros(segments + 1, dtype=np.int64),
        place=np.zeros(entries, dtype=np.int32),
        answered=np.zeros(entries, dtype=np.bool_),
        taken=np.zeros((replications, days, causes)),
        lost=np.zeros((replications, places, causes), dtype=np.int32),
        closures=np.zeros((replications, max(1, places)), dtype=np.int32),
        n=np.zeros(2, dtype=np.int64),
    )


@kernel
def _fill_losses(where: PlaceArrays, closed: Array, events: OutageArrays, x: LossBuffers, out: Losses) -> bool:
    """Fill the losses; False when they need more room."""
    for r in range(closed.shape[0]):
        _mark_lost(closed, events, x, out, r)
        for day in range(closed.shape[1]):
            done = _write_day(where, x, out, r, day)
            out.pointer[r * closed.shape[1] + day + 1] = out.n[0]
            if not done:
                return False
        for day in range(closed.shape[1]):
            for i in range(x.touches[day]):
                x.cause[day, x.touched[day, i], :] = -1
            x.touches[day] = 0
    return True


@inlined_kernel
def _mark_half_hour_lost(x: LossBuffers, day: int, m: int, t: int, cause: int) -> bool:
    """Mark a half hour of a place lost; return whether it was not yet. The first cause counts."""
    if x.cause[day, m, t] >= 0:
        return False
    known = False
    for i in range(x.touches[day]):
        known = known or x.touched[day, i] == m
    if not known:
        x.touched[day, x.touches[day]] = m
        x.touches[day] += 1
    x.cause[day, m, t] = cause
    return True


@kernel
def _mark_lost(closed: Array, events: OutageArrays, x: LossBuffers, out: Losses, r: int) -> None:
    """Mark what is lost in a replication: closures first, then outages in their order."""
    days = closed.shape[1]
    for day in range(days):
        for m in range(closed.shape[2]):
            if closed[r, day, m]:
                for t in range(INTERVALS):
                    if _mark_half_hour_lost(x, day, m, t, CLOSURE):
                        out.lost[r, m, CLOSURE] += 1
                if day == 0 or not closed[r, day - 1, m]:
                    out.closures[r, m] += 1
    for e in range(events.pointer[r], events.pointer[r + 1]):
        begin = max(0, int(np.ceil(2.0 * events.begin[e] - 0.5)))
        end = min(days * INTERVALS, int(np.ceil(2.0 * events.end[e] - 0.5)))
        cause = FIRST_HAZARD + events.hazard[e]
        for i in range(begin, end):
            if _mark_half_hour_lost(x, i // INTERVALS, events.place[e], i % INTERVALS, cause):
                out.lost[r, events.place[e], cause] += 1


@kernel
def _write_day(where: PlaceArrays, x: LossBuffers, out: Losses, r: int, day: int) -> bool:
    """Write the segments of a day; False when there is no room."""
    d = where.calendar[day]
    if d < 0 or x.touches[day] == 0:
        return True
    for i in range(x.touches[day]):
        m = x.touched[day, i]
        _mark_answered(where, x, d, day, m)
        for t in range(INTERVALS):
            if x.cause[day, m, t] >= 0:
                out.taken[r, day, x.cause[day, m, t]] += where.at_place[d, m, t]
    last = np.uint64(0)
    for t in range(INTERVALS):
        key = _hash_state(where, x, d, day, t)
        if key != np.uint64(0) and key == last:
            out.end[out.n[0] - 1] = t + 1
        elif key != np.uint64(0) and not _write_segment(where, x, out, d, day, t, key):
            return False
        last = key
    return True


@kernel
def _mark_answered(where: PlaceArrays, x: LossBuffers, d: int, day: int, m: int) -> None:
    """Say in which half hours the loss of a place is answered."""
    ready = -1
    for t in range(INTERVALS):
        if x.cause[day, m, t] < 0:
            x.answered[m, t] = False
            continue
        begins = t == 0 or x.cause[day, m, t - 1] < 0
        lasting = t == 0 and day > 0 and x.cause[day - 1, m, INTERVALS - 1] >= 0
        if lasting:
            ready = 0
        elif begins:
            lost = 0
            for i in range(x.touches[day]):
                other = x.touched[day, i]
                lost += x.cause[day, other, t] >= 0 and where.first_busy[d, other] < INTERVALS
            wait = where.several if lost > 1 else where.reaction
            ready = max(t, where.first_busy[d, m]) + wait
        x.answered[m, t] = t >= ready


@kernel
def _hash_state(where: PlaceArrays, x: LossBuffers, d: int, day: int, t: int) -> Any:
    """Return the key of the state of a half hour; 0 = nothing is lost."""
    lost, answered, some = np.uint64(0), np.uint64(0), False
    for i in range(x.touches[day]):
        m = x.touched[day, i]
        if x.cause[day, m, t] >= 0 and where.used[d, m]:
            some = True
            lost ^= where.key[m]
            if x.answered[m, t]:
                answered ^= mix(where.key[m])
    if not some:
        return np.uint64(0)
    return mix(mix(lost + np.uint64(d) + np.uint64(1)) ^ answered) | np.uint64(1)


@kernel
def _write_segment(where: PlaceArrays, x: LossBuffers, out: Losses, d: int, day: int, t: int, key: Any) -> bool:
    s, e = out.n[0], out.n[1]
    if s == len(out.begin) or e + x.touches[day] > len(out.place):
        return False
    out.begin[s], out.end[s], out.key[s] = t, t + 1, key
    out.place_pointer[s] = e
    for i in range(x.touches[day]):
        m = x.touched[day, i]
        if x.cause[day, m, t] >= 0 and where.used[d, m]:
            out.place[e], out.answered[e] = m, x.answered[m, t]
            e += 1
    out.place_pointer[s + 1] = e
    out.n[0], out.n[1] = s + 1, e
    return True


STAY_HOME = 0.5
"""Assumed: share of agents with symptoms who stay at home from the day they begin."""
SYMPTOM_TEST = 0.7
"""Assumed: share of agents with symptoms who are tested."""


def build_controls(
    rules: SituationRules,
    sites: Sequence[Site],
    first: date,
    days: int,
    *,
    at_home: NDArray[np.bool_] | None = None,
    presence: NDArray[np.bool_] | None = None,
    stay_home: float = STAY_HOME,
    symptom_test: float = SYMPTOM_TEST,
    visits: Visits | None = None,
) -> Controls:
    """Return the controls of ``days`` days from ``first``, by the rules in force on each of them.

    ``sites`` in the order of the population; ``at_home[agent]`` and ``presence`` as in
    :class:`Controls`. Without an absence row a confirmed agent is away for the default
    days of :class:`AbsenceRule`.
    """
    absences = [[_find_absence_days(rules, site, first + timedelta(days=day)) for day in range(days)] for site in sites]
    return Controls(
        stay_home=stay_home,
        symptom_test=symptom_test,
        isolation_days=np.array(absences, dtype=np.int32),
        closure=build_closure_calendar(rules, sites, first, days),
        at_home=at_home,
        presence=presence,
        visits=visits,
    )


def build_drawn_visits(situation: Situation, operator: Operator, sites: Sequence[str], day: date) -> Visits | None:
    """Return the visits of the draws planned for a day; None where none is planned.

    Each site (``sites`` in the order of the population) has the probability that the frame of the
    day publishes, or would publish as known now, on every day of the run. With several plans it is
    visited when one of them draws it. CrashTestError where the rule of a plan cannot hold.
    """
    missed: dict[str, float] = {}
    for plan in situation.draws.values():
        if not 1 <= plan.number_day(day) <= plan.planned.days:
            continue
        framed = plan.frames.get(day)
        units = framed.units if framed else build_frame(plan.planned, situation, operator, day)
        try:
            found = plan.find_probabilities(units)
        except DrawError as error:
            raise CrashTestError(f"draw plan {plan.planned.plan}: {error}") from None
        for site, probability in found.items():
            missed[site] = missed.get(site, 1.0) * float(1 - probability)
    if not missed:
        return None
    return Visits(probabilities=tuple(1.0 - missed.get(site, 1.0) for site in sites))


def _find_absence_days(rules: SituationRules, site: Site, day: date) -> int:
    return (rules.one(AbsenceRule, day, site) or AbsenceRule()).case_days


def build_closure_calendar(rules: SituationRules, sites: Sequence[Site], first: date, days: int) -> ClosureCalendar:
    """Return the closure row in force at each site on each day, as a policy on whole days.

    CrashTestError when two rows are in force at one site on one day.
    """
    rows = {site.id: _find_closure_rows(rules, site, first, days) for site in sites}
    policies = {rule_id: _convert_rule(rule) for row in rows.values() for rule_id, rule in row.values()}
    position = {rule_id: at for at, rule_id in enumerate(policies)}
    number = np.full((len(sites), days), -1, dtype=np.int32)
    for at, site in enumerate(sites):
        for day, (rule_id, _rule) in rows[site.id].items():
            number[at, day] = position[rule_id]
    return ClosureCalendar(tuple(policies.values()), number)


def list_closure_rules(rules: SituationRules, sites: Sequence[Site], first: date, days: int) -> tuple[str, ...]:
    """Return the ids of the closure rows that a run goes by, sorted."""
    rows = (_find_closure_rows(rules, site, first, days) for site in sites)
    return tuple(sorted({rule_id for row in rows for rule_id, _rule in row.values()}))


def _find_closure_rows(rules: SituationRules, site: Site, first: date, days: int) -> dict[int, tuple[str, ClosureRule]]:
    """Return the closure row in force at a site by simulated day; days without one are left out."""
    found = {}
    for day in range(days):
        on = first + timedelta(days=day)
        rows = rules.in_force(ClosureRule, on, site)
        if len(rows) > 1:
            ids = ", ".join(rule_id for rule_id, _rule in rows)
            raise CrashTestError(
                Phrase(
                    "one closure rule at a site, got {0} at {1} on {2}: end one of them before that day",
                    ids,
                    site.id,
                    on,
                )
            )
        if rows:
            found[day] = rows[0]
    return found


def _convert_rule(rule: ClosureRule) -> ClosurePolicy:
    return ClosurePolicy(
        cases=rule.n,
        within_days=int(rule.days),
        hours=rule.hours,
        further_case_hours=rule.further_case_hours,
        earlier_cases_count=rule.earlier_cases_count,
    )


@dataclass(frozen=True)
class PlaceIndex:
    """``site[id]``, ``line[carrier, destination]``, and ``destination[site id]`` of an operator;
    ``key[place]`` a 64-bit key of each place, hashed from its name."""

    places: Places
    site: Mapping[str, int]
    line: Mapping[tuple[str, str], int]
    destination: Mapping[str, str]
    key: NDArray[np.uint64]

    @property
    def count(self) -> int:
        """The number of places that can be lost."""
        return len(self.places)

    def of(self, place: str, agent: Agent) -> int:
        """Return the number of a placement's place for an agent."""
        if place != HOME:
            return self.site[place]
        return self.line.get((agent.carrier, self.destination[agent.home_site]), self.count)

    def lost(self, contingency: Contingency) -> frozenset[int]:
        """Return the numbers of what a contingency takes."""
        lines = (at for (carrier, _), at in self.line.items() if carrier in contingency.carriers)
        return frozenset((*(self.site[name] for name in contingency.sites), *lines))


def number_places(operator: Operator) -> PlaceIndex:
    places = list_places(operator)
    first = len(places.sites)
    lines = ((one.carrier, one.destination) for one in places.home_lines)
    return PlaceIndex(
        places=places,
        site={site.id: at for at, site in enumerate(places.sites)},
        line={line: first + at for at, line in enumerate(lines)},
        destination={site.id: site.destination for site in operator.sites},
        key=np.array([hash_key("place", name) for name in places.names], dtype=np.uint64),
    )
