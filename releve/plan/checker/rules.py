"""The rules of a planning day as the checker states them: for people, seats, client shares."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from math import asin, ceil, cos, floor, hypot, radians, sin, sqrt

import numpy as np

from releve.demand.requirement import INTERVAL
from releve.errors import Phrase
from releve.kernels.arrays import Floats
from releve.network import HOME, Agent, Operator, Programme, Seat, Site, zone
from releve.network.worktime.own_rows import build_rules
from releve.plan.checker.breaks import find_table_break_faults
from releve.plan.coverage import Timeline
from releve.plan.result import (
    CARRIED,
    MOVE_REASONS,
    Carried,
    Contingency,
    Move,
    Placement,
    Plan,
    PlannedSite,
    read_agent,
)
from releve.plan.settings import PlanSettings

EARTH_KM = 6371.0088
"""Mean radius of the Earth (IUGG R1)."""
SLACK = 1e-9
"""Rounding of figures that should be equal in exact arithmetic."""


def _list_permits(operator: Operator, kind: str, day: date) -> frozenset[str] | None:
    """Return the subjects with a permit of a kind on a day, None where no permit is kept."""
    permits = [permit for permit in operator.authorisations if permit.kind == kind]
    if not permits:
        return None
    return frozenset(p.subject for p in permits if p.valid_from <= day <= p.valid_to)


def _measure_great_circle_km(a: Site, b: Site) -> float:
    """Haversine distance of two sites (Sinnott 1984)."""
    phi_a, phi_b = radians(a.lat), radians(b.lat)
    h = sin((phi_b - phi_a) / 2) ** 2
    h += cos(phi_a) * cos(phi_b) * sin(radians(b.lon - a.lon) / 2) ** 2
    return 2 * EARTH_KM * asin(min(1.0, sqrt(h)))


FREE_BREAK_MINUTES = 30.0
"""The break of a shift chosen without a roster."""
_Period = tuple[datetime, datetime, float]
"""Start, end and minutes of break."""


def _list_day_duties(operator: Operator, first: datetime, last: datetime) -> dict[str, list[_Period]]:
    """Return the periods of each duty with work in a day, by its key, counted from the roster's rows."""
    rows: dict[str, list[_Period]] = {}
    for shift in operator.shifts:
        rows.setdefault(shift.agent, []).append((shift.start, shift.end, shift.break_minutes))
    found: dict[str, list[_Period]] = {}
    for agent, shifts in rows.items():
        duties: list[list[_Period]] = []
        for start, end, minutes in sorted(shifts):
            if duties and start <= duties[-1][-1][1]:
                begun = duties[-1][-1]
                duties[-1][-1] = (begun[0], max(begun[1], end), begun[2] + minutes)
            elif (
                duties
                and (start - duties[-1][-1][1]) < timedelta(hours=operator.row.split_gap_hours)
                and end - duties[-1][0][0] <= timedelta(hours=16)
            ):
                duties[-1].append((start, end, minutes))
            else:
                duties.append([(start, end, minutes)])
        begun_before = [one for one in duties if one[0][0] < first < one[-1][1]]
        found |= {f"{agent}|{CARRIED}": one for one in begun_before}
        today = [one for one in duties if first <= one[0][0] < last]
        found |= {f"{agent}|{n}" if n > 1 else agent: one for n, one in enumerate(today, 1)}
    away: dict[str, list[tuple[datetime, datetime]]] = {}
    for row in operator.absences:
        away.setdefault(row.agent, []).append((row.start, row.end))
    there = {key: _cut_absences(one, away.get(read_agent(key), [])) for key, one in found.items()}
    return {key: one for key, one in there.items() if one and one[0][0] < last and one[-1][1] > first}


def _cut_absences(periods: list[_Period], away: list[tuple[datetime, datetime]]) -> list[_Period]:
    """Return what absences leave of a duty, judged between any two instants at which something begins or ends.

    Of a period that is cut the longest part keeps the break, where it is half of the period or more.
    """
    found: list[_Period] = []
    for start, end, minutes in periods:
        edges = sorted({start, end, *(at for one in away for at in one if start < at < end)})
        parts: list[list[datetime]] = []
        for a, b in pairwise(edges):
            if any(since <= a and b <= until for since, until in away):
                continue
            if parts and parts[-1][1] == a:
                parts[-1][1] = b
            else:
                parts.append([a, b])
        if parts == [[start, end]]:
            found.append((start, end, minutes))
            continue
        lengths = [b - a for a, b in parts]
        for n, (a, b) in enumerate(parts):
            keeps = n == lengths.index(max(lengths)) and b - a >= (end - start) / 2
            found.append((a, b, minutes if keeps and b - a > timedelta(minutes=minutes) else 0.0))
    return found


def _is_within(at: datetime | None, start: datetime, end: datetime) -> bool:
    """Return whether an instant lies in a period; one without a time zone is judged elsewhere."""
    return at is None or at.tzinfo is None or start <= at < end


@dataclass
class DayRules:
    """The rules of one operator on one day; every question answers with a reason or None."""

    operator: Operator
    day: date
    settings: PlanSettings
    kit_holders: frozenset[str] = frozenset()
    """The agents whom the plan gives a kit of their site."""
    duties: dict[str, list[_Period]] = field(init=False)
    """The periods of every duty with work in the planning day, by its key."""

    def __post_init__(self) -> None:
        self._site_permits = _list_permits(self.operator, "site", self.day)
        self._agent_permits = _list_permits(self.operator, "agent", self.day)
        self.first, self.last = self.operator.day_bounds(self.day)
        self.duties = _list_day_duties(self.operator, self.first, self.last)
        self.free = not self.operator.shifts
        if self.free:
            away = {row.agent for row in self.operator.absences if row.start < self.last and row.end > self.first}
            self.duties = {agent.id: [] for agent in self.operator.agents if agent.id not in away}
        self._ride = {(row.stop, row.site): row.ride_minutes for row in self.operator.shuttles}
        self._distance: dict[tuple[str, str], float] = {}
        self._tz = zone(self.operator.row.time_zone)

    def format_time(self, at: datetime) -> str:
        """Return a time of the day as people of the operator read it."""
        return f"{at.astimezone(self._tz):%H:%M}" if at.tzinfo else f"{at:%H:%M} (no time zone)"

    def is_site_open(self, site: str) -> bool:
        """Return whether a site may be used: if any site has a permit, each needs a valid one."""
        return self._site_permits is None or site in self._site_permits

    def may_travel(self, agent: str) -> bool:
        """Return whether an agent may go to sites: if any has a permit, each needs a valid one."""
        return self._agent_permits is None or agent in self._agent_permits

    def list_measures(self, site: str, kind: str) -> list[float]:
        """Return the values of a site's measures of a kind in force on the day."""
        return [
            row.value
            for row in self.operator.measures
            if row.site == site and row.kind == kind and row.valid_from <= self.day <= row.valid_to
        ]

    def explain_refusal(self, agent: Agent, place: str, programme: str) -> Phrase | None:
        """Return why an agent may not do a programme at a place; None when it is allowed."""
        row = self.operator.programme.get(programme)
        if row is None:
            return Phrase("programme {0} does not exist", programme)
        if programme not in agent.skills:
            return Phrase("the agent is not skilled for {0}", programme)
        if place == HOME:
            return self._refuse_home(agent, row)
        site = self.operator.site.get(place)
        if site is None:
            return Phrase("site {0} does not exist", place)
        return self._refuse_site(agent, site, row)

    def _refuse_home(self, agent: Agent, programme: Programme) -> Phrase | None:
        if agent.home_kit:
            if agent.id not in self.kit_holders:
                return Phrase("the agent holds no kit of the site")
        elif not agent.home_ready:
            return Phrase("the agent is not home-ready")
        if programme.place != "home_allowed":
            return Phrase("programme {0} is site-only", programme.id)
        return self._refuse_destination(self.operator.site[agent.home_site], programme)

    def _refuse_site(self, agent: Agent, site: Site, programme: Programme) -> Phrase | None:
        if not self.is_site_open(site.id):
            return Phrase("site {0} has no authorisation valid on {1}", site.id, self.day)
        if not self.may_travel(agent.id):
            return Phrase("the agent has no authorisation to travel valid on {0}", self.day)
        return self._refuse_destination(site, programme) or self._refuse_reach(agent, site)

    def _refuse_destination(self, site: Site, programme: Programme) -> Phrase | None:
        allowed = programme.allowed_destinations
        if allowed and site.destination not in allowed:
            return Phrase("programme {0} is not allowed in {1}", programme.id, site.destination)
        return None

    def _refuse_reach(self, agent: Agent, site: Site) -> Phrase | None:
        if site.id == agent.home_site:
            return None
        ride = self._ride.get((agent.stop, site.id)) if agent.stop else None
        if ride is not None and ride <= self.settings.max_ride_minutes:
            return None
        distance = self._measure_distance(agent.home_site, site.id)
        if agent.own_transport and distance <= self.settings.reach_km + SLACK:
            return None
        shuttle, car = Phrase("no shuttle"), Phrase("no own transport")
        if ride is not None:
            shuttle = Phrase("a shuttle ride of {0} min", f"{ride:g}")
        if agent.own_transport:
            car = Phrase("own transport and {0} km", f"{distance:.1f}")
        return Phrase("the agent cannot reach site {0} ({1}, {2})", site.id, shuttle, car)

    def _measure_distance(self, a: str, b: str) -> float:
        if (a, b) not in self._distance:
            self._distance[a, b] = _measure_great_circle_km(self.operator.site[a], self.operator.site[b])
        return self._distance[a, b]

    def explain_loss(self, agent: Agent, place: str, contingency: Contingency) -> str | None:
        """Return why a place cannot be used under a contingency; None when it can."""
        if place in contingency.sites:
            return Phrase("site {0} is lost", place)
        if place == HOME and agent.carrier and agent.carrier in contingency.carriers:
            return Phrase("the home lines of {0} are lost", agent.carrier)
        return None

    def find_time_faults(self, placement: Placement) -> Iterator[str]:
        """Check that a placement covers one duty of the agent in the day, gaps and breaks included."""
        if self.free and placement.key in self.duties:
            yield from self._find_chosen_faults(placement)
            return
        periods = self.duties.get(placement.key)
        if not periods:
            if placement.duty == CARRIED:
                yield Phrase("the agent has no shift that was carried into {0}", self.day)
            else:
                yield Phrase("the agent has no shift that starts on {0}", self.day)
            return
        if (placement.start, placement.end) != (periods[0][0], periods[-1][1]):
            said = f"{self.format_time(placement.start)}-{self.format_time(placement.end)}"
            real = f"{self.format_time(periods[0][0])}-{self.format_time(periods[-1][1])}"
            yield Phrase("placed {0}, but the shift is {1}", said, real)
            return
        gaps = [(one[1], other[0]) for one, other in pairwise(periods)]
        if sorted((pause.start, pause.end) for pause in placement.pauses if pause.away) != gaps:
            yield Phrase("the gaps of the placement are not the {0} of the shift", len(gaps))
            return
        breaks = [(pause.start, pause.end) for pause in placement.pauses if not pause.away]
        if placement.break_start is not None or placement.break_end is not None:
            breaks.append((placement.break_start, placement.break_end))  # type: ignore[arg-type]
        known = all(at is not None and at.tzinfo is not None for one in breaks for at in one)
        if not self.operator.breaks or not known:
            yield from self._find_break_faults(breaks, periods)
            return
        agent, outside = self.operator.agent[placement.agent], len(breaks)
        for period in periods:
            within = [one for one in breaks if len(periods) == 1 or _is_within(one[0], period[0], period[1])]
            outside -= len(within)
            yield from find_table_break_faults(self.operator, agent, within, period)
        if outside:
            yield Phrase("breaks outside the work of the shift: {0}", outside)

    def _find_break_faults(
        self, breaks: Sequence[tuple[datetime | None, datetime | None]], periods: Sequence[_Period]
    ) -> Iterator[str]:
        """Check that each period has its break, and that there is no other."""
        left = list(breaks)
        for start, end, minutes in periods:
            near = [one for one in left if len(periods) == 1 or _is_within(one[0], start, end)]
            if minutes and not near:
                yield Phrase("the break of {0} min is missing", f"{minutes:g}")
                return
            if near:
                left.remove(near[0])
                reason = self._explain_break(*near[0], start, end, minutes)
                if reason:
                    yield reason
                    return
        if left:
            yield Phrase("breaks more than the shift has: {0}", len(left))

    def _find_chosen_faults(self, placement: Placement) -> Iterator[str]:
        """Check a shift without a roster: a fifth of the week, within the most hours of a day and of a
        week that are not forbidden, plus 30 min, on the half hour."""
        agent = self.operator.agent[placement.agent]
        hours = round(agent.contract_hours / 5 * 2) / 2
        country = self.operator.site[agent.home_site].destination
        for row in build_rules(country, self.operator.working_time).list_in_force(self.day):
            if row.parameter in ("day_hours", "week_hours") and row.strength == "forbid":
                days = 5 if row.parameter == "week_hours" else 1
                hours = min(hours, floor(row.value * 2 / days) / 2)
        length = timedelta(hours=hours + 0.5)
        if placement.end - placement.start != length:
            yield Phrase("the chosen shift lasts {0}, {1} is due", placement.end - placement.start, length)
        if (placement.start - self.first) % INTERVAL:
            yield Phrase("the chosen shift does not start on the half hour")
        if not self.first <= placement.start < self.last:
            yield Phrase("the chosen shift does not start on {0}", self.day)
        if placement.break_start is None and placement.break_end is None:
            yield Phrase("the break of {0} min is missing", f"{FREE_BREAK_MINUTES:g}")
            return
        reason = self._explain_break(
            placement.break_start, placement.break_end, placement.start, placement.end, FREE_BREAK_MINUTES
        )
        if reason:
            yield reason

    def _explain_break(
        self, start: datetime | None, end: datetime | None, begins: datetime, ends: datetime, minutes: float
    ) -> str | None:
        """Return what is wrong with the break of a period."""
        if start is None or end is None:
            return Phrase("the break has only one end")
        if start.tzinfo is None or end.tzinfo is None:
            return Phrase("the break has no time zone")
        said = f"{self.format_time(start)}-{self.format_time(end)}"
        if end - start != timedelta(minutes=minutes):
            return Phrase("the break {0} does not last {1} min", said, f"{minutes:g}")
        if start < begins or ends < end:
            return Phrase("the break {0} is not inside the shift", said)
        if (start - self.first) % INTERVAL:
            return Phrase("the break {0} does not start on the half hour", said)
        return None

    def find_placement_faults(self, placement: Placement) -> Iterator[str]:
        """Yield every reason against one placement, regardless of the others."""
        agent = self.operator.agent.get(placement.agent)
        if agent is None:
            yield Phrase("the agent does not exist")
            return
        reason = self.explain_refusal(agent, placement.place, placement.programme)
        if reason is not None:
            yield reason
        yield from self.find_time_faults(placement)


def find_base_faults(rules: DayRules, plan: Plan) -> Iterator[str]:
    """Check that each duty is placed at most once, lawfully and whole."""
    for key, count in Counter(p.key for p in plan.placements).items():
        if count > 1:
            yield Phrase("Base plan: agent {0} is placed {1} times.", key, count)
    for placement in plan.placements:
        for reason in rules.find_placement_faults(placement):
            yield Phrase("Base plan: agent {0} {1}: {2}.", placement.agent, _describe(placement), reason)


def find_carried_faults(rules: DayRules, plan: Plan, carried: Carried, timeline: Timeline) -> Iterator[str]:
    """Check that those who began before the day are where the plan of the day before has them.

    They may be elsewhere only where it is not lawful on the day, or has too few seats. A break that
    it left open is that of the day; where absences newer than that plan leave less of the duty, the
    place and the programme are held, and the times are those of the duty.
    """
    placed = {row.agent: row for row in plan.placements if row.carried}
    present: dict[str, Floats] = {}
    for row in carried.values():
        present[row.place] = present.get(row.place, np.zeros(len(plan.starts))) + timeline.find_seated(row)
    most = {
        site.id: min([len(set(site.usable_seats)), *rules.list_measures(site.id, "max_people")]) for site in plan.sites
    }
    for key, periods in rules.duties.items():
        name = read_agent(key)
        if key != f"{name}|{CARRIED}":
            continue
        before, now = carried.get(name), placed.get(name)
        if before is None or periods[0][0] < before.start or before.end < periods[-1][1]:
            continue
        agent = rules.operator.agent[name]
        full = before.place in most and bool((present[before.place] > most[before.place]).any())
        unlawful = rules.explain_refusal(agent, before.place, before.programme) is not None
        held = replace(before, duty=CARRIED)
        if before.break_start is None and now is not None and (now.break_start or rules.first) >= rules.first:
            held = replace(held, break_start=now.break_start, break_end=now.break_end)
        if now is not None and [(start, end) for start, end, *_ in periods] != list(before.list_periods()):
            held = replace(now, place=before.place, programme=before.programme)
        if now != held and not full and not unlawful:
            yield Phrase(
                "Base plan: agent {0} is placed {1}, the day before {2}.", name, _describe(now), _describe(before)
            )


def find_reserve_faults(rules: DayRules, plan: Plan) -> Iterator[str]:
    """Check that the reserve names, once each, all duties without a placement."""
    placed = {p.key for p in plan.placements}
    for agent, count in Counter(plan.reserve).items():
        if count > 1:
            yield f"Reserve: agent {agent} is listed {count} times."
        if agent in placed:
            yield f"Reserve: agent {agent} is listed but has a placement."
        elif agent not in rules.duties:
            yield f"Reserve: agent {agent} is listed but has no shift on {rules.day}."
    missing = sorted(set(rules.duties) - placed - set(plan.reserve))
    for agent in missing:
        yield f"Reserve: agent {agent} has a shift and no placement, and is not listed."


def apply_moves(placements: Sequence[Placement], moves: Sequence[Move]) -> list[Placement]:
    """Return the placements of a scenario: those of the base plan with the moves made."""
    moved = {move.key: move.after for move in moves}
    stay = [placement for placement in placements if placement.key not in moved]
    return stay + [after for after in moved.values() if after is not None]


def find_move_faults(
    rules: DayRules, placements: Sequence[Placement], contingency: Contingency, moves: Sequence[Move]
) -> Iterator[str]:
    """Check that moves fit the base plan and the contingency, and that no agent is missing."""
    where = Phrase("Contingency {0}", contingency.id)
    base = {placement.key: placement for placement in placements}
    for agent, count in Counter(move.key for move in moves).items():
        if count > 1:
            yield Phrase("{0}: agent {1} is moved {2} times.", where, agent, count)
    for move in moves:
        reasons = (
            *_find_inconsistencies(base.get(move.key), move),
            *_find_reason_faults(rules, contingency, move),
            *_find_after_faults(rules, contingency, base.get(move.key), move),
        )
        for reason in reasons:
            yield Phrase("{0}: agent {1}: {2}.", where, move.agent, reason)
    moved = {move.key for move in moves}
    for placement in placements:
        row = rules.operator.agent.get(placement.agent)
        if row is None or placement.key in moved:
            continue
        lost = rules.explain_loss(row, placement.place, contingency)
        if lost is not None:
            yield Phrase("{0}: agent {1} stays {2}, but {3}.", where, placement.agent, _describe(placement), lost)
    for reason in _find_isolation_faults(rules, placements, contingency, moves):
        yield Phrase("{0}: {1}.", where, reason)


def _find_inconsistencies(base: Placement | None, move: Move) -> Iterator[str]:
    """Check that a move starts from the base placement and changes something of the same person."""
    if move.before != base:
        start = _describe(move.before)
        yield f"the move starts {start}, but the base placement is {_describe(base)}"
    if move.after is not None and (move.after.agent != move.agent or move.after.key != move.key):
        yield f"the move ends with a placement of agent {move.after.key}"
    if move.after == move.before:
        yield "the move changes nothing"


def _find_reason_faults(rules: DayRules, contingency: Contingency, move: Move) -> Iterator[str]:
    """Check the reason: moves that serve end in a placement; all others end without one."""
    if move.reason not in MOVE_REASONS:
        yield f"the reason {move.reason!r} is not one of {', '.join(MOVE_REASONS)}"
    elif move.reason == "relief" and move.after is None:
        yield "moved to serve (relief) but without a placement"
    elif move.reason == "break":
        if _read_post(move.before) != _read_post(move.after):
            yield "only the break moves (break), but place or programme change"
    elif move.reason != "relief" and move.after is not None:
        yield f"{move.reason}, but placed {_describe(move.after)}"
    if move.reason in ("stranded", "reserve"):
        yield from _find_idle_faults(rules, contingency, move)
    if move.reason == "isolated" and not _is_exposed(contingency, move.before):
        yield "isolated, but was not on a site lost to an exposure"


def _find_idle_faults(rules: DayRules, contingency: Contingency, move: Move) -> Iterator[str]:
    """Check agents left without work: stranded if the place is lost, else in reserve."""
    if move.before is None:
        yield f"{move.reason}, but had no placement"
        return
    agent = rules.operator.agent.get(move.agent)
    lost = agent is not None and rules.explain_loss(agent, move.before.place, contingency) is not None
    if lost != (move.reason == "stranded"):
        state = "lost" if lost else "not lost"
        yield f"{move.reason}, but the place {_describe(move.before)} is {state}"


def _read_post(placement: Placement | None) -> tuple[str, str] | None:
    return None if placement is None else (placement.place, placement.programme)


def _find_after_faults(rules: DayRules, contingency: Contingency, base: Placement | None, move: Move) -> Iterator[str]:
    """Check that a move ends at a lawful place that is not lost; at home after an exposure."""
    if move.after is None:
        return
    for reason in rules.find_placement_faults(move.after):
        yield Phrase("moved {0}: {1}", _describe(move.after), reason)
    agent = rules.operator.agent.get(move.agent)
    lost = None if agent is None else rules.explain_loss(agent, move.after.place, contingency)
    if lost is not None:
        yield Phrase("moved {0}, but {1}", _describe(move.after), lost)
    elif base is not None and _is_exposed(contingency, base) and move.after.place != HOME:
        yield Phrase("exposed on site {0}, so home only, but moved {1}", base.place, _describe(move.after))


def _find_isolation_faults(
    rules: DayRules, placements: Sequence[Placement], contingency: Contingency, moves: Sequence[Move]
) -> Iterator[str]:
    """Of the people exposed on a lost site at least the isolated share is isolated."""
    if not contingency.exposed:
        return
    heads = Counter(placement.place for placement in placements)
    isolated = Counter(move.before.place for move in moves if move.reason == "isolated" and move.before is not None)
    for site in sorted(contingency.sites):
        least = floor(rules.settings.isolated * heads[site] + SLACK)
        if isolated[site] < least:
            yield Phrase(
                "of the {1} people exposed on site {2}, {0} are isolated, at least {3} must be",
                isolated[site], heads[site], site, least,
            )  # fmt: skip


def _is_exposed(contingency: Contingency, base: Placement | None) -> bool:
    return contingency.exposed and base is not None and base.place in contingency.sites


def _describe(placement: Placement | None) -> Phrase:
    if placement is None:
        return Phrase("nowhere")
    if placement.place == HOME:
        return Phrase("at home for {0}", placement.programme)
    return Phrase("on site {0} for {1}", placement.place, placement.programme)


SHOWN = 5
"""Pairs of seats named for one site; the others are counted."""


def find_site_faults(rules: DayRules, plan: Plan) -> Iterator[str]:
    """Check that each site is listed once, as it is, with usable seats at the distance."""
    rows = rules.operator.site
    for site, count in Counter(planned.id for planned in plan.sites).items():
        if site not in rows:
            yield f"Site {site}: not a site of the operator."
        elif count > 1:
            yield f"Site {site}: listed {count} times."
    for site in sorted(set(rows) - {planned.id for planned in plan.sites}):
        yield f"Site {site}: not listed."
    seats: dict[str, dict[str, Seat]] = defaultdict(dict)
    for seat in rules.operator.all_seats:
        seats[rules.operator.site_of_zone[seat.zone]][seat.id] = seat
    for planned in plan.sites:
        if planned.id in rows:
            for reason in _find_planned_faults(rules, planned, seats[planned.id]):
                yield f"Site {planned.id}: {reason}."


def find_kit_faults(rules: DayRules, plan: Plan) -> Iterator[str]:
    """Check that the kits of each site are as they are, and given once, to agents who share them."""
    pools: dict[str, set[str]] = defaultdict(set)
    for row in rules.operator.agents:
        if row.home_kit:
            pools[row.home_site].add(row.id)
    for site, count in Counter([*(one.site for one in plan.kits), *pools]).items():
        if count != 2 or site not in pools:
            yield f"Kits of site {site}: not listed once, as those of a site whose agents share some."
    for one in plan.kits:
        pool, kits = pools[one.site], rules.operator.site[one.site].home_kits if one.site in rules.operator.site else 0
        if (one.kits, one.people) != (kits, len(pool)):
            yield f"Kits of site {one.site}: {one.kits} for {one.people} agents, counted {kits} for {len(pool)}."
        if len(one.holders) > kits:
            yield f"Kits of site {one.site}: {len(one.holders)} are given, it has {kits}."
        for name, count in Counter(one.holders).items():
            if name not in pool:
                yield f"Kits of site {one.site}: agent {name} holds one and does not share them."
            elif count > 1:
                yield f"Kits of site {one.site}: agent {name} holds {count}."


def _find_planned_faults(rules: DayRules, planned: PlannedSite, seats: dict[str, Seat]) -> Iterator[str]:
    row = rules.operator.site[planned.id]
    for name in ("name", "destination", "time_zone"):
        if getattr(planned, name) != getattr(row, name):
            yield f"{name} is {getattr(planned, name)!r}, the operator has {getattr(row, name)!r}"
    if planned.open != rules.is_site_open(planned.id):
        yield f"open is {planned.open}, the authorisations of {rules.day} say otherwise"
    if planned.seats != len(seats):
        yield f"says {planned.seats} seats, the operator has {len(seats)}"
    if planned.usable_bound < len(planned.usable_seats):
        yield (f"says at most {planned.usable_bound} seats are usable and lists {len(planned.usable_seats)}")
    for seat, count in Counter(planned.usable_seats).items():
        if count > 1:
            yield f"usable seat {seat} is listed {count} times"
        if seat not in seats:
            yield f"usable seat {seat} is not a seat of the site"
    usable = [seats[seat] for seat in dict.fromkeys(planned.usable_seats) if seat in seats]
    yield from _find_distance_faults(rules, planned.id, usable)


def _find_distance_faults(rules: DayRules, site: str, seats: Sequence[Seat]) -> Iterator[str]:
    """Check that usable seats of one floor keep the distance in force."""
    least = max([rules.operator.row.distance_m, *rules.list_measures(site, "distance_m")])
    if least <= 0:
        return
    floor_of = {zone.id: zone.floor for zone in rules.operator.all_zones}
    placed = [
        (seat.id, floor_of[seat.zone], seat.x_m, seat.y_m)
        for seat in seats
        if seat.x_m is not None and seat.y_m is not None
    ]
    if len(placed) < len(seats):
        loose = len(seats) - len(placed)
        yield f"{loose} usable seats have no x and y, but {least:g} m is the rule"
    near = list(_find_near_pairs(placed, least))
    for a, b, distance in near[:SHOWN]:
        yield f"seats {a} and {b} lie at {distance:.3f} m, at least {least:g} m is the rule"
    if len(near) > SHOWN:
        yield f"{len(near) - SHOWN} more pairs of seats lie nearer than {least:g} m"


def _find_near_pairs(seats: Iterable[tuple[str, str, float, float]], least: float) -> Iterator[tuple[str, str, float]]:
    """Yield the pairs of seats that are too near, searched in squares of the least distance.

    ``seats``: id, floor, x and y in metres.
    """
    squares: dict[tuple[str, int, int], list[tuple[str, float, float]]] = defaultdict(list)
    for name, where, x_m, y_m in seats:
        x, y = floor(x_m / least), floor(y_m / least)
        for across in (x - 1, x, x + 1):
            for along in (y - 1, y, y + 1):
                for other, other_x, other_y in squares.get((where, across, along), ()):
                    distance = hypot(x_m - other_x, y_m - other_y)
                    if distance < least - SLACK:
                        yield other, name, distance
        squares[where, x, y].append((name, x_m, y_m))


def find_capacity_faults(
    rules: DayRules, plan: Plan, timeline: Timeline, placements: Iterable[Placement], where: str
) -> Iterator[str]:
    """Check that no site has more people present in an interval than usable seats."""
    heads = Counter(replace(p, agent="", programme="", duty="") for p in placements if p.place != HOME)
    present = {site.id: np.zeros(len(plan.starts)) for site in plan.sites}
    for placement, count in heads.items():
        if placement.place in present:
            present[placement.place] += count * timeline.find_seated(placement)
    for site in plan.sites:
        limit = min([len(set(site.usable_seats)), *rules.list_measures(site.id, "max_people")])
        over = np.flatnonzero(present[site.id] > limit + SLACK)
        if len(over):
            worst = int(over[np.argmax(present[site.id][over])])
            yield Phrase(
                "{0}: site {1} at {2} has {3} people for {4} usable seats (such half hours: {5}).",
                where, site.id, rules.format_time(plan.starts[worst]), f"{present[site.id][worst]:g}", f"{limit:g}",
                len(over),
            )  # fmt: skip


def find_share_faults(rules: DayRules, plan: Plan) -> Iterator[Phrase]:
    """Check that no site of the base plan exceeds the strictest share of a client's people.

    The places of those carried in were chosen on the day before, and count there.
    """
    client_of = {row.id: row.client for row in rules.operator.programmes}
    heads: dict[str, Counter[str]] = defaultdict(Counter)
    for placement in plan.placements:
        if placement.programme in client_of and not placement.carried:
            heads[client_of[placement.programme]][placement.place] += 1
    places = _list_client_places(rules)
    for client, by_place in sorted(heads.items()):
        share = min(row.max_site_share for row in rules.operator.programmes if row.client == client)
        total = sum(by_place.values())
        most = ceil(share * total - SLACK)
        for place, count in sorted(by_place.items()):
            if place != HOME and count > most and len(places.get(client, ())) > 1:
                yield Phrase(
                    "Base plan: client {0} has {1} of its {2} people on site {3}, at most {4} may be (share {5}).",
                    client, count, total, place, most, f"{share:g}",
                )  # fmt: skip


def _list_client_places(rules: DayRules) -> dict[str, set[str]]:
    """Return, per client, the places lawful for at least one agent with a shift on the day."""
    places: dict[str, set[str]] = defaultdict(set)
    seen: set[object] = set()
    for name in {read_agent(key): None for key in rules.duties}:
        agent = rules.operator.agent.get(name)
        if agent is None:
            continue
        alike = replace(agent, id="", line_mbps=0.0, carrier="", contract_hours=40.0)
        key = (alike, rules.may_travel(name))
        if key in seen:
            continue
        seen.add(key)
        for programme in agent.skills:
            client = rules.operator.programme[programme].client
            for place in (HOME, *rules.operator.site):
                if place not in places[client] and not rules.explain_refusal(agent, place, programme):
                    places[client].add(place)
    return places
