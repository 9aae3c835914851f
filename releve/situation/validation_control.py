"""Refusals of events about control: rules, checks, inspections, tests, permits, audits.

Refusals of the events of an incident room.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from releve.situation import events_control as events
from releve.situation.event import Event
from releve.situation.head_counts import find_boarding_faults
from releve.situation.incidents import Incident
from releve.situation.refusal import EventRefusal, ValidationContext, refuse

_DIGEST = re.compile(r"[0-9a-f]{64}")


def _check_inspection(event: events.InspectionHeld, context: ValidationContext) -> Iterator[EventRefusal]:
    yield from context.site_faults(event, event.site)
    day = context.day(event.happened_at, event.site)
    yield from _check_measures((finding.measure for finding in event.findings), context, day)
    yield from _check_digests(event.photos)
    yield from _find_same(event, context.situation.inspections, context)


def _check_daily_check(event: events.CheckDone, context: ValidationContext) -> Iterator[EventRefusal]:
    yield from context.site_faults(event, event.site)
    if event.day > context.day(event.recorded_at, event.site):
        yield refuse("check.day", day=event.day)
    looked_at = (event.transport_fill, event.symptomatic)
    if not event.findings and not event.boarded and looked_at == (None, None):
        yield refuse("check.empty")
    yield from find_boarding_faults(event.boarded, context.operator)
    yield from _check_measures((finding.measure for finding in event.findings), context, event.day)
    earlier = context.situation.list_events("checks", event.site, event.day.isoformat())
    yield from _find_same(event, earlier, context)


def _check_tests(event: events.PeopleTested, context: ValidationContext) -> Iterator[EventRefusal]:
    yield from context.site_faults(event, event.site)
    if event.positive is not None and event.positive > event.tested:
        yield refuse("tests.counts", positive=event.positive, tested=event.tested)
    visits = {visit.id for visit in context.situation.inspections if visit.site == event.site}
    if event.inspection and event.inspection not in visits:
        yield refuse("tests.inspection", inspection=event.inspection)
    yield from _find_same(event, context.situation.tests, context)


def _check_grant(event: events.AuthorisationGranted, context: ValidationContext) -> Iterator[EventRefusal]:
    """Yield why a permit is not accepted."""
    if not event.authorisation:
        yield refuse("authorisation.no_id")
    named = {"site": event.site, "vehicle": event.vehicle, "agent": event.agent}
    if [of for of, subject in named.items() if subject] != [event.of]:
        yield refuse("authorisation.of", of=event.of)
    elif event.of == "site":
        yield from context.site_faults(event, event.site)
    elif event.of == "agent":
        yield from context.agent_faults(event.agent)
    if event.valid_to < event.valid_from:
        yield refuse("authorisation.dates", valid_from=event.valid_from, valid_to=event.valid_to)
    permit = context.situation.permits.get(event.authorisation)
    if permit is not None and permit.withdrawn_at is None:
        yield refuse("authorisation.taken", authorisation=event.authorisation)


def _check_withdrawal(event: events.AuthorisationWithdrawn, context: ValidationContext) -> Iterator[EventRefusal]:
    """Yield why a withdrawal is not accepted; a permit of the operator's table has none yet."""
    permit = context.situation.permits.get(event.authorisation)
    in_table = any(row.id == event.authorisation for row in context.operator.authorisations)
    if permit is None and not in_table:
        yield refuse("authorisation.unknown", authorisation=event.authorisation)
    elif permit is not None and permit.withdrawn_at is not None:
        yield refuse("authorisation.withdrawn", authorisation=event.authorisation)
    elif permit is not None and permit.grant and event.happened_at < permit.grant.happened_at:
        dates = {"granted": permit.grant.happened_at, "happened_at": event.happened_at}
        yield refuse("authorisation.before", authorisation=event.authorisation, **dates)


def _check_attendance(event: events.AgentsPresent, context: ValidationContext) -> Iterator[EventRefusal]:
    yield from context.site_faults(event, event.site)
    if event.day > context.day(event.recorded_at, event.site):
        yield refuse("check.day", day=event.day)
    if event.agents and len(event.agents) != event.count:
        yield refuse("attendance.counts", count=event.count, agents=len(event.agents))
    seen: set[str] = set()
    for agent in event.agents:
        yield from context.agent_faults(agent)
        if agent in seen:
            yield refuse("attendance.twice", agent=agent)
        seen.add(agent)
    earlier = context.situation.list_events("attendance", event.site, event.day.isoformat())
    yield from _find_same(event, earlier, context)


def _check_roll(event: events.RollMarked, context: ValidationContext) -> Iterator[EventRefusal]:
    yield from context.site_faults(event, event.site)
    yield from context.agent_faults(event.agent)


def _check_audit(event: events.AuditVerdict, context: ValidationContext) -> Iterator[EventRefusal]:
    """Yield why an auditor's verdict is not accepted."""
    if event.site:
        yield from context.site_faults(event, event.site)
    day = context.day(event.happened_at, event.site)
    yield from _check_measures([event.measure], context, day)
    yield from _check_digests(event.photos)
    if event.valid_to < day:
        yield refuse("audit.expiry", valid_to=event.valid_to)
    earlier = context.situation.list_events("audits", event.site, event.measure)
    yield from _find_same(event, earlier, context)


def _find_same(event: Event, earlier: Iterable[Event], context: ValidationContext) -> Iterator[EventRefusal]:
    """Yield a refusal for each earlier event with the same values, by any author at any time."""
    for other in earlier:
        again = replace(event, id=other.id, recorded_at=other.recorded_at, actor=other.actor)
        if again == other and other.id not in context.situation.corrected:
            yield refuse("event.same", kind=event.kind, earlier=other.id)


def _check_measures(measures: Iterable[str], context: ValidationContext, day: date) -> Iterator[EventRefusal]:
    """Yield the measures that the charter of the day lacks, or that are given twice."""
    charter = context.rules.charter(day)
    seen: set[str] = set()
    for measure in measures:
        if charter is None or measure not in charter.measure:
            yield refuse("measure.unknown", measure=measure)
        elif measure in seen:
            yield refuse("measure.twice", measure=measure)
        seen.add(measure)


def _check_digests(digests: Iterable[str]) -> Iterator[EventRefusal]:
    for digest in digests:
        if not _DIGEST.fullmatch(digest):
            yield refuse("photo.digest", digest=digest)


def _check_choice(event: events.PackChosen, context: ValidationContext) -> Iterator[EventRefusal]:
    yield from _check_pack(event.pack, context)
    if event.valid_to is not None and event.valid_to < event.valid_from:
        yield refuse("pack.dates", first=event.valid_from, last=event.valid_to)
        return
    for span in context.situation.packs:
        early = event.valid_to is not None and event.valid_to < span.first
        late = span.last is not None and span.last < event.valid_from
        if span.pack == event.pack and not (early or late):
            yield refuse("pack.chosen_already", pack=event.pack, first=span.first)


def _check_end(event: events.PackEnded, context: ValidationContext) -> Iterator[EventRefusal]:
    yield from _check_pack(event.pack, context)
    lasting = [
        span
        for span in context.situation.packs
        if span.pack == event.pack and (span.last is None or span.last > event.valid_to)
    ]
    if not lasting:
        yield refuse("pack.not_chosen", pack=event.pack, day=event.valid_to)
    yesterday = context.day(event.recorded_at) - timedelta(days=1)
    if event.valid_to < yesterday:
        yield refuse("pack.past", day=event.valid_to, earliest=yesterday)


def _check_pack(pack: str, context: ValidationContext) -> Iterator[EventRefusal]:
    known = tuple(row.id for row in context.rules.packs)
    if pack not in known:
        yield refuse("pack.unknown", pack=pack, packs=known)


CONTROL_CHECKS: Mapping[type[Event], Callable[[Any, ValidationContext], Iterator[EventRefusal]]] = {
    events.PackChosen: _check_choice,
    events.PackEnded: _check_end,
    events.InspectionHeld: _check_inspection,
    events.CheckDone: _check_daily_check,
    events.PeopleTested: _check_tests,
    events.AuthorisationGranted: _check_grant,
    events.AuthorisationWithdrawn: _check_withdrawal,
    events.AgentsPresent: _check_attendance,
    events.RollMarked: _check_roll,
    events.AuditVerdict: _check_audit,
}
"""Checks of each kind of event of this module."""


def _check_opening(event: events.IncidentOpened, context: ValidationContext) -> Iterator[EventRefusal]:
    if event.site:
        yield from context.site_faults(event, event.site)
    yield from _check_text(event.title, "title")
    if not event.closure:
        return
    closure = context.situation.site(event.site).closure
    if closure is None or closure.event != event.closure:
        yield refuse("incident.closure", site=event.site)
    for other in context.situation.incidents.values():
        if other.opened.closure == event.closure:
            yield refuse("incident.open_already", title=other.opened.title)


def _check_role(event: events.IncidentRoleTaken, context: ValidationContext) -> Iterator[EventRefusal]:
    incident = context.situation.incidents.get(event.incident)
    yield from _check_room(event, incident, while_open=True)
    if incident is not None and incident.find_holder(event.role) == event.held_by:
        yield refuse("incident.role_held", role=event.role, holder=event.held_by)


def _check_place(event: events.IncidentPlaceAdded, context: ValidationContext) -> Iterator[EventRefusal]:
    incident = context.situation.incidents.get(event.incident)
    yield from _check_room(event, incident, while_open=True)
    yield from context.site_faults(event, event.place)
    if incident is not None and (not incident.site or event.place in incident.sites):
        yield refuse("incident.place_known", place=event.place)


def _check_decision(event: events.IncidentDecided, context: ValidationContext) -> Iterator[EventRefusal]:
    incident = context.situation.incidents.get(event.incident)
    yield from _check_room(event, incident, while_open=True)
    yield from _check_text(event.decision, "decision")
    yield from _check_text(event.reason, "reason")


def _check_task_set(event: events.IncidentTaskSet, context: ValidationContext) -> Iterator[EventRefusal]:
    """Yield why a task is not set; one that follows from the review may come after the end."""
    incident = context.situation.incidents.get(event.incident)
    yield from _check_room(event, incident, while_open=not event.follow_up)
    yield from _check_text(event.task, "task")
    if event.due is not None and event.due < event.happened_at:
        yield refuse("task.due", due=event.due)


def _check_task_done(event: events.IncidentTaskDone, context: ValidationContext) -> Iterator[EventRefusal]:
    incident = context.situation.incidents.get(event.incident)
    yield from _check_room(event, incident, while_open=False)
    tasks = {} if incident is None else {row.id: row for row in incident.tasks}
    if event.task not in tasks:
        yield refuse("task.unknown", task=event.task)
        return
    done = tasks[event.task].done
    if done is not None:
        yield refuse("task.done_already", by=done.actor)
    if incident is not None:
        yield from _check_owner(event, incident, tasks[event.task].set.owner)


def _check_owner(event: events.IncidentTaskDone, incident: Incident, role: str) -> Iterator[EventRefusal]:
    """A task is ticked by the holder of its role, or by the lead: each answers for the own part."""
    holder = incident.find_holder(role)
    if holder and event.actor not in (holder, incident.find_holder("lead")):
        yield refuse("task.of_another", role=role, holder=holder)


def _check_note(event: events.IncidentNoted, context: ValidationContext) -> Iterator[EventRefusal]:
    """Yield why a line of the log is not accepted."""
    yield from _check_room(event, context.situation.incidents.get(event.incident), while_open=True)
    yield from _check_text(event.note, "note")


def _check_review(event: events.IncidentReviewed, context: ValidationContext) -> Iterator[EventRefusal]:
    yield from _check_room(event, context.situation.incidents.get(event.incident), while_open=False)
    yield from _check_text(event.well + event.badly, "well")


def _check_closing(event: events.IncidentClosed, context: ValidationContext) -> Iterator[EventRefusal]:
    incident = context.situation.incidents.get(event.incident)
    yield from _check_room(event, incident, while_open=True)
    if incident is not None and incident.left_open:
        yield refuse("incident.tasks_open", count=len(incident.left_open))


def _check_room(event: events.RoomEvent, incident: Incident | None, *, while_open: bool) -> Iterator[EventRefusal]:
    if incident is None:
        yield refuse("incident.unknown", incident=event.incident)
        return
    if event.site != incident.site and event.site not in incident.sites:
        yield refuse("incident.site", site=incident.site)
    if event.happened_at < incident.opened.happened_at:
        dates = {"opened": incident.opened.happened_at, "happened_at": event.happened_at}
        yield refuse("incident.before", **dates)
    if while_open and incident.closed is not None:
        yield refuse("incident.closed", by=incident.closed.actor)


def _check_text(text: str, what: str) -> Iterator[EventRefusal]:
    if not text.strip():
        yield refuse("incident.nothing_said", what=what)


INCIDENT_CHECKS: Mapping[type[Event], Callable[[Any, ValidationContext], Iterator[EventRefusal]]] = {
    events.IncidentOpened: _check_opening,
    events.IncidentRoleTaken: _check_role,
    events.IncidentPlaceAdded: _check_place,
    events.IncidentDecided: _check_decision,
    events.IncidentTaskSet: _check_task_set,
    events.IncidentTaskDone: _check_task_done,
    events.IncidentNoted: _check_note,
    events.IncidentReviewed: _check_review,
    events.IncidentClosed: _check_closing,
}
"""Checks of each kind of event of this module."""
