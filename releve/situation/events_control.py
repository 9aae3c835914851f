"""The events about control: rules, checks, inspections, tests, permits, attendance, audits.

The events of an incident room: opened, roles, decisions, tasks, the log, the review, closed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar

from releve.situation.event import Event, MeasureFinding, event_field

_MOST_PEOPLE = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PackChosen(Event):
    kind: ClassVar[str] = "rules.chosen"
    label: ClassVar[str] = "Pack of rules chosen"
    permission: ClassVar[str] = "event.record.rules"
    family: ClassVar[str] = "packs"
    about: ClassVar[tuple[str, ...]] = ("pack",)
    doc: ClassVar[str] = "The operator takes the rules of a pack as its own, from day to day."

    pack: str = event_field("Id of the pack", example="health-2020")
    valid_from: date = event_field("First day in force", example="2026-12-01")
    valid_to: date | None = event_field("Last day in force; empty = until ended", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class PackEnded(Event):
    kind: ClassVar[str] = "rules.ended"
    label: ClassVar[str] = "Pack of rules ended"
    permission: ClassVar[str] = "event.record.rules"
    family: ClassVar[str] = "packs"
    about: ClassVar[tuple[str, ...]] = ("pack",)
    doc: ClassVar[str] = "The rules of a pack no longer hold after a day; days before keep them."

    pack: str = event_field("Id of the pack", example="health-2020")
    valid_to: date = event_field("Last day in force", example="2027-02-28")


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectionHeld(Event):
    kind: ClassVar[str] = "inspection.held"
    label: ClassVar[str] = "Inspection held"
    headline: ClassVar[str] = "{site}: a brigade visited."
    permission: ClassVar[str] = "event.record.inspection"
    family: ClassVar[str] = "inspections"
    about: ClassVar[tuple[str, ...]] = ("site", "id")
    doc: ClassVar[str] = "A brigade visited a site."

    site: str = event_field("Site", example="casa-1")
    authority: str = event_field("Whose brigade", example="Commission mixte permanente")
    unannounced: bool = event_field("Came without notice", example="true", default=True)
    inspectors: tuple[str, ...] = event_field("Who came", example="M. Alaoui", default=(), personal=True)
    findings: tuple[MeasureFinding, ...] = event_field("Checked against the charter", default=())
    photos: tuple[str, ...] = event_field("SHA-256 of each photo", example="9f86d081…", default=())
    note: str = event_field("In words, without a person's name", example="No remark", default="")


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckDone(Event):
    kind: ClassVar[str] = "check.done"
    label: ClassVar[str] = "Daily check done"
    headline: ClassVar[str] = "{site}: the daily check was done."
    permission: ClassVar[str] = "event.record.check"
    family: ClassVar[str] = "checks"
    about: ClassVar[tuple[str, ...]] = ("site", "day")
    doc: ClassVar[str] = "The commission of a site did its daily check. The last of a day counts."

    site: str = event_field("Site", example="casa-1")
    day: date = event_field("Day checked, at the site", example="2026-11-30")
    commission: tuple[str, ...] = event_field("Who checked", example="K. Bennani", default=(), personal=True)
    findings: tuple[MeasureFinding, ...] = event_field("Measure by measure", default=())
    transport_fill: float | None = event_field(
        "Fullest shuttle, share of its seats; empty = not looked at", example="0.5", default=None, at_least=0, at_most=2
    )
    boarded: tuple[str, ...] = event_field(
        "Heads counted in vehicles: vehicle, hour at the site, heads", example="casa-bus-01 06:45 7", default=()
    )
    symptomatic: int | None = event_field(
        "Persons sent home with symptoms, a count; empty = not looked at",
        example="0",
        default=None,
        health=True,
        at_least=0,
        at_most=_MOST_PEOPLE,
    )
    note: str = event_field("In words, without a person's name", example="Gel refilled", default="")


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleTested(Event):
    kind: ClassVar[str] = "tests.done"
    label: ClassVar[str] = "Tests done"
    permission: ClassVar[str] = "event.record.inspection"
    family: ClassVar[str] = "tests"
    about: ClassVar[tuple[str, ...]] = ("site", "id")
    doc: ClassVar[str] = "Tests were done on a visit: counts only."

    site: str = event_field("Site", example="casa-1")
    tested: int = event_field("How many", example="120", at_least=0, at_most=_MOST_PEOPLE)
    positive: int | None = event_field(
        "How many positive; empty = not known yet",
        example="1",
        default=None,
        health=True,
        at_least=0,
        at_most=_MOST_PEOPLE,
    )
    inspection: str = event_field("Id of the visit's event; empty = none", example="8f2c…", default="")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorisationGranted(Event):
    kind: ClassVar[str] = "authorisation.granted"
    label: ClassVar[str] = "Authorisation granted"
    permission: ClassVar[str] = "event.record.other"
    family: ClassVar[str] = "permits"
    about: ClassVar[tuple[str, ...]] = ("authorisation",)
    doc: ClassVar[str] = "A dated permit of a site, a vehicle or the movement of an agent."

    authorisation: str = event_field("Authorisation id", example="wilaya-2026-118")
    of: str = event_field("Of what", example="site", one_of=("site", "vehicle", "agent"))
    site: str = event_field("Site, when of a site", example="casa-1", default="")
    vehicle: str = event_field("Vehicle, when of a vehicle", example="12345-A-6", default="")
    agent: str = event_field("Pseudonym id, when of an agent", example="a00042", default="", personal=True)
    valid_from: date = event_field("First day", example="2026-11-01")
    valid_to: date = event_field("Last day", example="2026-12-31")
    authority: str = event_field("Who granted it", example="Wilaya de Casablanca", default="")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorisationWithdrawn(Event):
    kind: ClassVar[str] = "authorisation.withdrawn"
    label: ClassVar[str] = "Authorisation withdrawn"
    permission: ClassVar[str] = "event.record.other"
    family: ClassVar[str] = "permits"
    about: ClassVar[tuple[str, ...]] = ("authorisation",)
    doc: ClassVar[str] = "A permit no longer holds, from the moment it happened."

    authorisation: str = event_field("Authorisation id", example="wilaya-2026-118")
    reason: str = event_field("In words, without a person's name", example="Replaced", default="")


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentsPresent(Event):
    kind: ClassVar[str] = "agents.present"
    label: ClassVar[str] = "Attendance"
    permission: ClassVar[str] = "event.record.other"
    family: ClassVar[str] = "attendance"
    about: ClassVar[tuple[str, ...]] = ("site", "day")
    doc: ClassVar[str] = "How many were at a site, or who. The last of a day counts."

    site: str = event_field("Site", example="casa-1")
    day: date = event_field("Day, at the site", example="2026-11-30")
    count: int = event_field("How many", example="84", at_least=0, at_most=_MOST_PEOPLE)
    agents: tuple[str, ...] = event_field(
        "Pseudonym ids; empty = only counted", example="a00042", default=(), personal=True
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RollMarked(Event):
    kind: ClassVar[str] = "roll.marked"
    label: ClassVar[str] = "Roll call: one person"
    permission: ClassVar[str] = "relief.call"
    family: ClassVar[str] = "roll"
    about: ClassVar[tuple[str, ...]] = ("site", "agent")
    doc: ClassVar[str] = (
        "At the roll call of a lost site a person was found safe, or is missing. The last of a person counts, from the"
        " loss on."
    )

    site: str = event_field("Site", example="casa-1")
    agent: str = event_field("Pseudonym id", example="a00042", default="", personal=True)
    found: str = event_field("How", example="safe", one_of=("safe", "missing"))


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditVerdict(Event):
    kind: ClassVar[str] = "audit.verdict"
    label: ClassVar[str] = "Verdict of an audit"
    permission: ClassVar[str] = "event.record.inspection"
    family: ClassVar[str] = "audits"
    about: ClassVar[tuple[str, ...]] = ("site", "measure")
    doc: ClassVar[str] = "The auditor's verdict on one measure of the charter."

    site: str = event_field("Site; empty = the operator as a whole", example="casa-1", default="")
    measure: str = event_field("Measure of the charter", example="ventilation")
    evidence: str = event_field("What was seen", example="Maintenance log, March", default="")
    photos: tuple[str, ...] = event_field("SHA-256 of each document", example="9f86d081…", default=())
    verdict: str = event_field("Verdict", example="met", one_of=("met", "partly", "not_met"))
    valid_to: date = event_field("Last day it holds", example="2027-05-31")
    auditor: str = event_field("Auditing body", example="Bureau d'audit", default="")


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
    closure: str = event_field("Id of the event that closed the site; empty = by hand", example="8f2c…", default="")


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
    doc: ClassVar[str] = "The actor takes a role of the incident, or gives it to another; its holder has it no longer."

    role: str = event_field("Role", example="lead", one_of=INCIDENT_ROLES)
    holder: str = event_field("Account that it is given to; empty = the actor takes it", example="samira", default="")

    @property
    def held_by(self) -> str:
        """The account that holds the role from then on."""
        return self.holder or self.actor


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentPlaceAdded(RoomEvent):
    kind: ClassVar[str] = "incident.place_added"
    label: ClassVar[str] = "Place added to an incident"
    doc: ClassVar[str] = "A further site that the incident is about."

    place: str = event_field("The further site", example="casa-2")


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
        "Follows from the review, and may stay open when the incident is closed", example="false", default=False
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
    badly: str = event_field(f"What went badly. {_WORDS}", example="Two addresses were old", default="")


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentClosed(RoomEvent):
    kind: ClassVar[str] = "incident.closed"
    label: ClassVar[str] = "Incident closed"
    doc: ClassVar[str] = "The incident is over. One person suffices: nothing opens by it, a site is reopened by two."

    note: str = event_field(_WORDS, example="Back to normal", default="")
