"""Refusals of the events of an incident room."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from releve.situation import events_incident as events
from releve.situation.event import Event
from releve.situation.incidents import Incident
from releve.situation.refusal import EventRefusal, ValidationContext, refuse

__all__ = ["CHECKS"]


def _check_opening(
    event: events.IncidentOpened, context: ValidationContext
) -> Iterator[EventRefusal]:
    """Yield why an incident is not opened."""
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


def _check_role(
    event: events.IncidentRoleTaken, context: ValidationContext
) -> Iterator[EventRefusal]:
    """Yield why a role is not taken."""
    incident = context.situation.incidents.get(event.incident)
    yield from _check_room(event, incident, while_open=True)
    for held in incident.roles if incident else ():
        if (held.role, held.actor) == (event.role, event.actor):
            yield refuse("incident.role_held", role=event.role)


def _check_decision(
    event: events.IncidentDecided, context: ValidationContext
) -> Iterator[EventRefusal]:
    """Yield why a decision is not accepted."""
    incident = context.situation.incidents.get(event.incident)
    yield from _check_room(event, incident, while_open=True)
    yield from _check_text(event.decision, "decision")
    yield from _check_text(event.reason, "reason")


def _check_task_set(
    event: events.IncidentTaskSet, context: ValidationContext
) -> Iterator[EventRefusal]:
    """Yield why a task is not set; one that follows from the review may come after the end."""
    incident = context.situation.incidents.get(event.incident)
    yield from _check_room(event, incident, while_open=not event.follow_up)
    yield from _check_text(event.task, "task")
    if event.due is not None and event.due < event.happened_at:
        yield refuse("task.due", due=event.due)


def _check_task_done(
    event: events.IncidentTaskDone, context: ValidationContext
) -> Iterator[EventRefusal]:
    """Yield why a task is not done."""
    incident = context.situation.incidents.get(event.incident)
    yield from _check_room(event, incident, while_open=False)
    tasks = {} if incident is None else {row.id: row for row in incident.tasks}
    if event.task not in tasks:
        yield refuse("task.unknown", task=event.task)
        return
    done = tasks[event.task].done
    if done is not None:
        yield refuse("task.done_already", by=done.actor)


def _check_note(event: events.IncidentNoted, context: ValidationContext) -> Iterator[EventRefusal]:
    """Yield why a line of the log is not accepted."""
    yield from _check_room(event, context.situation.incidents.get(event.incident), while_open=True)
    yield from _check_text(event.note, "note")


def _check_review(
    event: events.IncidentReviewed, context: ValidationContext
) -> Iterator[EventRefusal]:
    """Yield why a review is not accepted."""
    yield from _check_room(event, context.situation.incidents.get(event.incident), while_open=False)
    yield from _check_text(event.well + event.badly, "well")


def _check_closing(
    event: events.IncidentClosed, context: ValidationContext
) -> Iterator[EventRefusal]:
    """Yield why an incident is not closed."""
    incident = context.situation.incidents.get(event.incident)
    yield from _check_room(event, incident, while_open=True)
    if incident is not None and incident.left_open:
        yield refuse("incident.tasks_open", count=len(incident.left_open))


def _check_room(
    event: events.RoomEvent, incident: Incident | None, *, while_open: bool
) -> Iterator[EventRefusal]:
    """Yield the refusals that hold for any act in an incident room."""
    if incident is None:
        yield refuse("incident.unknown", incident=event.incident)
        return
    if event.site != incident.site:
        yield refuse("incident.site", site=incident.site)
    if event.happened_at < incident.opened.happened_at:
        dates = {"opened": incident.opened.happened_at, "happened_at": event.happened_at}
        yield refuse("incident.before", **dates)
    if while_open and incident.closed is not None:
        yield refuse("incident.closed", by=incident.closed.actor)


def _check_text(text: str, what: str) -> Iterator[EventRefusal]:
    if not text.strip():
        yield refuse("incident.nothing_said", what=what)


CHECKS: Mapping[type[Event], Callable[[Any, ValidationContext], Iterator[EventRefusal]]] = {
    events.IncidentOpened: _check_opening,
    events.IncidentRoleTaken: _check_role,
    events.IncidentDecided: _check_decision,
    events.IncidentTaskSet: _check_task_set,
    events.IncidentTaskDone: _check_task_done,
    events.IncidentNoted: _check_note,
    events.IncidentReviewed: _check_review,
    events.IncidentClosed: _check_closing,
}
"""Checks of each kind of event of this module."""
