"""Stays for tracing, authorisations day by day, and the day on which an event is erased."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from releve.errors import Phrase
from releve.network import Operator, zone
from releve.network.duties import cut_periods
from releve.situation.catalogue import personal_fields
from releve.situation.event import Event
from releve.situation.events import AgentUnavailable, CaseDeclared
from releve.situation.events_control import AgentsPresent, AuthorisationGranted
from releve.situation.refusal import to_local_day
from releve.situation.rule_kinds import AbsenceRule, AuthorisationRule, RetentionRule, SituationRules
from releve.situation.situation import Situation


@dataclass(frozen=True, slots=True)
class Stay:
    """One agent at one site for one shift; times in UTC.

    ``zone``, ``seat`` and ``shuttle`` are empty when they are not known: an unknown is never
    shared. ``shuttle`` names the vehicle's run to the site and ``shuttle_home`` the one from it, or
    the stop where runs are not known; those of one shuttle whose stays begin (for the way home:
    end) together rode together.
    """

    agent: str
    site: str
    start: datetime
    end: datetime
    zone: str = ""
    seat: str = ""
    shuttle: str = ""
    shuttle_home: str = ""


def list_roster_stays(
    operator: Operator,
    seating: Mapping[str, str] | None = None,
    attendance: Mapping[tuple[str, str], Collection[str]] | None = None,
) -> tuple[Stay, ...]:
    """Return what the known absences leave of the shifts as stays at the home sites, as :func:`list_placed_stays`."""
    home = {agent.id: agent.home_site for agent in operator.agents}
    rows = (
        (row.agent, home[row.agent], start, end)
        for row in operator.shifts
        for start, end in cut_periods([(row.start, row.end)], operator.away.get(row.agent, ()))
    )
    return list_placed_stays(operator, rows, seating, attendance)


def list_placed_stays(
    operator: Operator,
    rows: Iterable[tuple[str, str, datetime, datetime]],
    seating: Mapping[str, str] | None = None,
    attendance: Mapping[tuple[str, str], Collection[str]] | None = None,
    runs: Mapping[tuple[str, str, datetime], tuple[str, str]] | None = None,
) -> tuple[Stay, ...]:
    """Return placements as stays; ``rows`` are (agent, site, start, end) in UTC.

    ``seating``: seat id by agent; it says nothing of a stay on another site than the seat's.
    ``attendance``: who was present by (site, day in ISO, at the site); on a day it lists, only
    those it names were there. ``runs``: the runs to and from the site by (agent, site, start). Of
    a stay that they lack, an agent with a stop and without own transport came by the shuttle of
    that stop.
    """
    seating, attendance, runs = seating or {}, attendance or {}, runs or {}
    floors = {floor.id: floor.site for floor in operator.all_floors}
    site_of = {row.id: floors[row.floor] for row in operator.all_zones}
    zones = {seat.id: seat.zone for seat in operator.all_seats}
    clocks = {site.id: zone(site.time_zone) for site in operator.sites}
    served = {(row.stop, row.site) for row in operator.shuttles}
    stays = []
    for name, site, start, end in rows:
        day = start.astimezone(clocks[site]).date().isoformat()
        present = attendance.get((site, day))
        if present is not None and name not in present:
            continue
        agent, seat = operator.agent[name], seating.get(name, "")
        if seat and site_of[zones[seat]] != site:
            seat = ""
        rides = not agent.own_transport and (agent.stop, site) in served
        stop = agent.stop if rides else ""
        there, back = runs.get((name, site, start), (stop, stop))
        stays.append(Stay(name, site, start, end, zones.get(seat, ""), seat, there, back))
    return tuple(stays)


def read_seating(text: str, operator: Operator) -> tuple[dict[str, str], list[Phrase]]:
    """Return the seat by agent, and the faults, of lines of pseudonym, semicolon and seat."""
    seating: dict[str, str] = {}
    faults = []
    seats = {seat.id for seat in operator.all_seats}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        agent, _separator, seat = (part.strip() for part in line.partition(";"))
        if agent not in operator.agent:
            fault = Phrase("there is no agent {0}; check the pseudonym.", agent)
        elif seat not in seats:
            fault = Phrase("there is no seat {0}; check it.", seat)
        elif agent in seating:
            fault = Phrase("{0} has a seat already; keep one.", agent)
        else:
            seating[agent] = seat
            continue
        faults.append(Phrase("Line {0}: {1}", number, fault))
    return seating, faults


@dataclass(frozen=True, slots=True)
class HeldPermit:
    """The current state of a permit: ``valid_to`` is the day before its withdrawal, if any."""

    id: str
    of: str
    subject: str
    valid_from: date
    valid_to: date
    withdrawn: bool

    def holds_on(self, day: date) -> bool:
        return self.valid_from <= day <= self.valid_to

    def state_on(self, day: date) -> str:
        """Return valid, withdrawn, ended or not_yet."""
        if self.withdrawn:
            return "withdrawn"
        if self.holds_on(day):
            return "valid"
        return "ended" if self.valid_to < day else "not_yet"


def list_permits(situation: Situation, operator: Operator) -> tuple[HeldPermit, ...]:
    """Return every permit whose subject is known: the operator's table first, then the events."""
    return tuple(_iter_permits(situation, operator))


def _iter_permits(situation: Situation, operator: Operator) -> Iterator[HeldPermit]:
    tz = zone(operator.row.time_zone)
    ends = {
        name: permit.withdrawn_at.astimezone(tz).date()
        for name, permit in situation.permits.items()
        if permit.withdrawn_at is not None
    }
    for row in operator.authorisations:
        yield _build_permit(row.id, row.kind, row.subject, row.valid_from, row.valid_to, ends)
    for name, permit in situation.permits.items():
        grant = permit.grant
        subject = grant and (grant.site or grant.vehicle or grant.agent)
        if grant and subject:
            yield _build_permit(name, grant.of, subject, grant.valid_from, grant.valid_to, ends)


def _build_permit(name: str, of: str, subject: str, first: date, last: date, ends: dict[str, date]) -> HeldPermit:
    if name in ends:
        last = min(last, date.fromordinal(ends[name].toordinal() - 1))
    return HeldPermit(name, of, subject, first, last, withdrawn=name in ends)


def find_plannable_sites(situation: Situation, operator: Operator, rules: SituationRules, day: date) -> tuple[str, ...]:
    """Return the sites that may be planned on a day, closed or not: none lacks a permit it needs.

    A site needs one where a rule in force asks for it; and, as in the operator's own table,
    everywhere as soon as the table holds a permit for any site.
    """
    permits = list_permits(situation, operator)
    held = {permit.subject for permit in permits if permit.of == "site" and permit.holds_on(day)}
    kept = any(row.kind == "site" for row in operator.authorisations)
    return tuple(
        site.id
        for site in operator.sites
        if site.id in held or not (kept or rules.in_force(AuthorisationRule, day, site))
    )


def compute_erasure_day(event: Event, operator: Operator, rules: SituationRules) -> date | None:
    """Return the day on which an event's personal values are erased; None = it has none.

    A measure, an absence or a permit: a number of days after its last day; without a known end,
    after it happened, which the retention job postpones while it lasts.
    """
    if not any(getattr(event, name) for name in personal_fields(event.kind)):
        return None
    site = operator.site.get(getattr(event, "site", ""))

    def local_day(at: datetime) -> date:
        return to_local_day(at, site.id if site else "", operator)

    rule = rules.one(RetentionRule, local_day(event.recorded_at), site) or RetentionRule()
    after = timedelta(days=rule.measure_days)
    if isinstance(event, CaseDeclared):
        first = event.since or local_day(event.happened_at)
        absence = rules.one(AbsenceRule, first, site) or AbsenceRule()
        return absence.last_day(event.status, first, event.until) + after
    if isinstance(event, AgentUnavailable):
        return local_day(event.until or event.happened_at) + after
    if isinstance(event, AuthorisationGranted):
        return event.valid_to + after
    if isinstance(event, AgentsPresent):
        return event.day + timedelta(days=rule.attendance_days)
    return local_day(event.happened_at) + timedelta(days=rule.other_days)
