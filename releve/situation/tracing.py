"""Clusters of cases and the contacts of a case: for the health officer alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import hypot, inf
from zoneinfo import ZoneInfo

from releve.network import Operator, zone
from releve.situation.presence import Stay
from releve.situation.rule_kinds import TracingRule
from releve.situation.state import DeclaredCase


@dataclass(frozen=True, slots=True)
class CaseCluster:
    """Confirmed cases that shared a place or a time, each within the days of the one before.

    ``kind``: floor, zone, shuttle or shift. ``name``: the id of the floor or zone, the shuttle, or
    the shift's hours at the site. ``cases``: event ids by date; ``agents`` their pseudonyms.
    ``first_day`` and ``last_day`` are those of the first and the last case, by the site's clocks.
    """

    kind: str
    site: str
    name: str
    cases: tuple[str, ...]
    agents: tuple[str, ...]
    first: datetime
    last: datetime
    first_day: date
    last_day: date


@dataclass(frozen=True, slots=True)
class TracedContact:
    """The contact of one agent with a case, over all stays of the days considered.

    ``nearest_m`` is the least distance of their seats on one floor, None when never known.
    ``neighbour_minutes``: at neighbouring seats; ``zone_minutes``: in one zone, those included;
    ``shuttle_rides``: rides on one shuttle, ``shuttle_minutes`` their length where it is known.
    ``close``: the rule's least time was shared at neighbouring seats or on a shuttle.
    """

    agent: str
    zone_minutes: float
    neighbour_minutes: float
    shuttle_rides: int
    shuttle_minutes: float
    nearest_m: float | None
    first: datetime
    last: datetime
    close: bool


class _Ground:
    """The operator's data for tracing: positions of seats, and lengths of rides."""

    def __init__(self, operator: Operator) -> None:
        self.floor_of = {zone.id: zone.floor for zone in operator.all_zones}
        self._seats = {seat.id: seat for seat in operator.all_seats}
        self._rides = {(row.stop, row.site): row.ride_minutes for row in operator.shuttles}
        self._stops = {agent.id: agent.stop for agent in operator.agents}

    def distance_m(self, a: Stay, b: Stay) -> float:
        """Return the metres between two seats of one floor; infinite when not known or apart."""
        mine, other = self._seats.get(a.seat), self._seats.get(b.seat)
        if mine is None or other is None or self.floor_of[mine.zone] != self.floor_of[other.zone]:
            return inf
        if mine.x_m is None or mine.y_m is None or other.x_m is None or other.y_m is None:
            return inf
        return hypot(mine.x_m - other.x_m, mine.y_m - other.y_m)

    def ride_minutes(self, stay: Stay) -> float:
        """Return how long a ride lasts; 0 when not known."""
        return self._rides.get((self._stops.get(stay.agent, ""), stay.site), 0.0)


def find_clusters(
    cases: Iterable[DeclaredCase], stays: Sequence[Stay], operator: Operator, rule: TracingRule
) -> tuple[CaseCluster, ...]:
    """Return the clusters of confirmed cases, the largest first.

    A case shares what its agent's stays had in the rule's ``cluster_days`` before its date. Two
    agents at least make a cluster; an erased agent is in none.
    """
    span, ground = timedelta(days=rule.cluster_days), _Ground(operator)
    zones = {site.id: zone(site.time_zone) for site in operator.sites}
    of_agent: dict[str, list[Stay]] = {}
    for stay in stays:
        of_agent.setdefault(stay.agent, []).append(stay)
    shared: dict[tuple[str, str, str], list[DeclaredCase]] = {}
    for case in sorted(cases, key=lambda case: (case.at, case.event)):
        if case.status != "declared_case" or not case.agent:
            continue
        own = [s for s in of_agent.get(case.agent, ()) if case.at - span <= s.start <= case.at]
        for key in sorted({key for stay in own for key in _shared_by(stay, ground, zones)}):
            shared.setdefault(key, []).append(case)
    found = [
        _build_cluster(key, chain, zones[key[1]])
        for key, together in shared.items()
        for chain in _split_into_chains(together, span)
        if len({case.agent for case in chain}) > 1
    ]
    return tuple(sorted(found, key=lambda c: (-len(c.agents), c.first, c.kind, c.name)))


def _shared_by(stay: Stay, ground: _Ground, zones: Mapping[str, ZoneInfo]) -> Iterator[tuple[str, str, str]]:
    """Yield (kind, site, name) of each place or time that others can share with a stay."""
    if stay.zone:
        yield "zone", stay.site, stay.zone
        if stay.zone in ground.floor_of:
            yield "floor", stay.site, ground.floor_of[stay.zone]
    for shuttle in sorted({stay.shuttle, stay.shuttle_home} - {""}):
        yield "shuttle", stay.site, shuttle
    tz = zones[stay.site]
    first, last = stay.start.astimezone(tz), stay.end.astimezone(tz)
    yield "shift", stay.site, f"{first:%H:%M}-{last:%H:%M}"


def _split_into_chains(cases: Sequence[DeclaredCase], span: timedelta) -> Iterator[list[DeclaredCase]]:
    """Yield runs of cases, each within ``span`` of the one before; the cases are by date."""
    chain: list[DeclaredCase] = []
    for case in cases:
        if chain and case.at - chain[-1].at > span:
            yield chain
            chain = []
        chain.append(case)
    if chain:
        yield chain


def _build_cluster(key: tuple[str, str, str], cases: list[DeclaredCase], tz: ZoneInfo) -> CaseCluster:
    kind, site, name = key
    first, last = cases[0].at, cases[-1].at
    return CaseCluster(
        kind=kind,
        site=site,
        name=name,
        cases=tuple(case.event for case in cases),
        agents=tuple(dict.fromkeys(case.agent for case in cases)),
        first=first,
        last=last,
        first_day=first.astimezone(tz).date(),
        last_day=last.astimezone(tz).date(),
    )


def trace_contacts(
    case: DeclaredCase, stays: Sequence[Stay], operator: Operator, rule: TracingRule
) -> tuple[TracedContact, ...]:
    """Return who shared a zone, a neighbouring seat or a shuttle with a case, the closest first.

    Considered are the case's stays that end after ``days_before`` days before its date and start
    before it. An erased case has no contacts.
    """
    since, ground = case.at - timedelta(days=rule.days_before), _Ground(operator)
    mine = [s for s in stays if case.agent and s.agent == case.agent]
    mine = [stay for stay in mine if stay.end > since and stay.start < case.at]
    met: dict[str, list[_Meeting]] = {}
    for stay in mine:
        for other in stays:
            if other.site == stay.site and other.agent != case.agent:
                meeting = _find_meeting(stay, other, ground, rule)
                if meeting is not None:
                    met.setdefault(other.agent, []).append(meeting)
    found = [_build_contact(agent, meetings, rule) for agent, meetings in met.items()]
    return tuple(sorted(found, key=_closeness_key))


@dataclass(frozen=True, slots=True)
class _Meeting:
    """The overlap of two stays."""

    zone_minutes: float
    neighbour_minutes: float
    rides: int
    ride_minutes: float
    distance_m: float
    first: datetime
    last: datetime


def _find_meeting(mine: Stay, other: Stay, ground: _Ground, rule: TracingRule) -> _Meeting | None:
    """Return the overlap of two stays at one site, or None."""
    overlap = min(mine.end, other.end) - max(mine.start, other.start)
    minutes = max(overlap, timedelta(0)) / timedelta(minutes=1)
    same_zone = bool(mine.zone) and mine.zone == other.zone
    distance = ground.distance_m(mine, other) if minutes else inf
    near = distance <= rule.neighbour_m
    rides = _count_shared_rides(mine, other, timedelta(minutes=rule.ride_apart_minutes))
    if not rides and not (minutes and (same_zone or near)):
        return None
    return _Meeting(
        zone_minutes=minutes if same_zone else 0.0,
        neighbour_minutes=minutes if near else 0.0,
        rides=rides,
        ride_minutes=rides * ground.ride_minutes(mine),
        distance_m=distance,
        first=max(mine.start, other.start),
        last=min(mine.end, other.end),
    )


def _count_shared_rides(mine: Stay, other: Stay, apart: timedelta) -> int:
    """Return how many rides two stays share: there, back, both or none."""
    there = mine.shuttle != "" and mine.shuttle == other.shuttle
    back = mine.shuttle_home != "" and mine.shuttle_home == other.shuttle_home
    return int(there and abs(mine.start - other.start) <= apart) + int(back and abs(mine.end - other.end) <= apart)


def _build_contact(agent: str, meetings: Sequence[_Meeting], rule: TracingRule) -> TracedContact:
    neighbour = sum(meeting.neighbour_minutes for meeting in meetings)
    riding = sum(meeting.ride_minutes for meeting in meetings)
    nearest = min(meeting.distance_m for meeting in meetings)
    return TracedContact(
        agent=agent,
        zone_minutes=sum(meeting.zone_minutes for meeting in meetings),
        neighbour_minutes=neighbour,
        shuttle_rides=sum(meeting.rides for meeting in meetings),
        shuttle_minutes=riding,
        nearest_m=None if nearest == inf else nearest,
        first=min(meeting.first for meeting in meetings),
        last=max(meeting.last for meeting in meetings),
        close=max(neighbour, riding) >= rule.close_minutes,
    )


def _closeness_key(contact: TracedContact) -> tuple[bool, float, float, float, str]:
    minutes = (-contact.neighbour_minutes, -contact.shuttle_minutes, -contact.zone_minutes)
    return (not contact.close, *minutes, contact.agent)
