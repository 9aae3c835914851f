"""The events of an incident room: opened, roles, decisions, tasks, the log, the review, closed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from releve.situation.event import Event
from releve.situation.fields import event_field

__all__ = [
    "IncidentClosed",
    "IncidentDecided",
    "IncidentNoted",
    "IncidentOpened",
    "IncidentReviewed",
    "IncidentRoleTaken",
    "IncidentTaskDone",
    "IncidentTaskSet",
]

INCIDENT_ROLES = ("lead", "telephony", "people", "clients", "health", "sites", "outbound")
"""Roles in an incident, unrelated to the roles of accounts."""
_WORDS = "In words, without a person's name"


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentOpened(Event):
    kind: ClassVar[str] = "incident.opened"
    label: ClassVar[str] = "Incident room opened"
    permission: ClassVar[str] = "incident.work"
    family: ClassVar[str] = "incidents"
    about: ClassVar[tuple[str, ...]] = ("id",)
    doc: ClassVar[str] = "An incident room is opened; the id of this event names the incident."

    site: str = event_field("Site; empty = the operator as a whole", example="casa-1", default="")
    title: str = event_field(_WORDS, example="Closure of Casablanca")
    closure: str = event_field(
        "Id of the event that closed the site; empty = by hand", example="8f2c…", default=""
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomEvent(Event):
    """Base of the events within an incident room that is open or was."""

    permission: ClassVar[str] = "incident.work"
    family: ClassVar[str] = "incidents"
    about: ClassVar[tuple[str, ...]] = ("incident",)

    incident: str = event_field("Id of the incident", example="8f2c…")
    site: str = event_field("Its site", example="casa-1", default="")


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentRoleTaken(RoomEvent):
    kind: ClassVar[str] = "incident.role_taken"
    label: ClassVar[str] = "Role in an incident taken"
    doc: ClassVar[str] = "The actor takes a role of the incident from its holder, if any."

    role: str = event_field("Role", example="lead", one_of=INCIDENT_ROLES)


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentDecided(RoomEvent):
    kind: ClassVar[str] = "incident.decided"
    label: ClassVar[str] = "Decision"
    doc: ClassVar[str] = "The actor decides something, and says why."

    decision: str = event_field(_WORDS, example="Night shift stays at home")
    reason: str = event_field(_WORDS, example="The shuttle is not disinfected yet")


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentTaskSet(RoomEvent):
    kind: ClassVar[str] = "incident.task_set"
    label: ClassVar[str] = "Task of an incident set"
    doc: ClassVar[str] = "Something is to be done; the id of this event names the task."

    task: str = event_field(_WORDS, example="Have the floor disinfected")
    owner: str = event_field("Role that does it", example="sites", one_of=INCIDENT_ROLES)
    due: datetime | None = event_field(
        "Done by, UTC; empty = no time is set", example="2026-11-30T18:00:00Z", default=None
    )
    follow_up: bool = event_field(
        "Follows from the review, and may stay open when the incident is closed",
        example="false",
        default=False,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentTaskDone(RoomEvent):
    kind: ClassVar[str] = "incident.task_done"
    label: ClassVar[str] = "Task of an incident done"
    doc: ClassVar[str] = "A task is done."

    task: str = event_field("Id of the task", example="77ab…")
    note: str = event_field(_WORDS, example="Certificate 118", default="")


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentNoted(RoomEvent):
    kind: ClassVar[str] = "incident.noted"
    label: ClassVar[str] = "Line of an incident’s log"
    doc: ClassVar[str] = "A line of the incident's log."

    note: str = event_field(_WORDS, example="The prefecture was called")


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentReviewed(RoomEvent):
    kind: ClassVar[str] = "incident.reviewed"
    label: ClassVar[str] = "Review of an incident"
    doc: ClassVar[str] = "The review after the incident. The last one counts."

    well: str = event_field(f"What went well. {_WORDS}", example="The relief was there", default="")
    badly: str = event_field(
        f"What went badly. {_WORDS}", example="Two addresses were old", default=""
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentClosed(RoomEvent):
    kind: ClassVar[str] = "incident.closed"
    label: ClassVar[str] = "Incident closed"
    doc: ClassVar[str] = (
        "The incident is over. One person suffices: nothing opens by it, a site is reopened by two."
    )

    note: str = event_field(_WORDS, example="Back to normal", default="")
