"""The events of an audit of the charter: opened, observed, concluded, and its findings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar

from releve.situation.event import Event
from releve.situation.fields import event_field

__all__ = [
    "AuditConcluded",
    "AuditObserved",
    "AuditOpened",
    "FindingAnswered",
    "FindingRaised",
    "FindingVerified",
]

METHODS = ("examine", "interview", "test")
CONCLUSIONS = ("conforms", "conforms_with_findings", "does_not_conform")
OWNERS = ("continuity", "planner", "flow", "site", "health", "outbound", "administrator")
"""Roles that carry out what an answer promises."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _AuditEvent(Event):
    """Base of the events of one audit; none of them is corrected."""

    permission: ClassVar[str] = "event.record.audit"
    family: ClassVar[str] = "charter_audits"
    about: ClassVar[tuple[str, ...]] = ("audit",)

    audit: str = event_field("Id of the audit", example="audit-2026-12")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditOpened(_AuditEvent):
    kind: ClassVar[str] = "audit.opened"
    label: ClassVar[str] = "Audit opened"
    doc: ClassVar[str] = "An outside body begins to audit some sites against the charter."

    body: str = event_field("Auditing body", example="Bureau d'audit")
    sites: tuple[str, ...] = event_field("Sites of the sample", example="casa-1")
    charter: str = event_field("Charter in force on that day", example="sector")
    version: str = event_field("Its version", example="1")
    basis: str = event_field("How the sample was chosen", example="The three largest sites")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditObserved(_AuditEvent):
    kind: ClassVar[str] = "audit.observed"
    label: ClassVar[str] = "Observation of an audit"
    doc: ClassVar[str] = (
        "What an auditor saw of one measure at one site. The charter in force when it was seen"
        " applies; the last observation counts."
    )

    site: str = event_field("Site", example="casa-1")
    measure: str = event_field("Measure of the charter", example="ventilation")
    method: str = event_field("How it was seen", example="examine", one_of=METHODS)
    seen_at: datetime = event_field("When it was seen, UTC", example="2026-12-01T10:00:00Z")
    verdict: str = event_field(
        "What was found", example="kept", one_of=("kept", "partly", "not_kept", "not_applicable")
    )
    evidence: tuple[str, ...] = event_field(
        "Ids of the events that were examined", example="8f2c…", default=()
    )
    photos: tuple[str, ...] = event_field(
        "SHA-256 of each photo or document", example="9f86d081…", default=()
    )
    note: str = event_field("In words, without a person's name", example="Log read", default="")


@dataclass(frozen=True, slots=True, kw_only=True)
class _FindingEvent(_AuditEvent):
    """Base of the events of one finding."""

    finding: str = event_field("Id of the finding, its own within the audit", example="f1")
    site: str = event_field("Site", example="casa-1")
    measure: str = event_field("Measure of the charter", example="ventilation")


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingRaised(_FindingEvent):
    kind: ClassVar[str] = "finding.raised"
    label: ClassVar[str] = "Finding raised"
    doc: ClassVar[str] = (
        "The auditor asks for a correction by a day. While the finding is open the measure is not"
        " kept (major) or partly kept at best (minor)."
    )

    severity: str = event_field("How serious it is", example="major", one_of=("major", "minor"))
    due: date = event_field("Last day to correct it", example="2026-12-31")
    note: str = event_field(
        "What is wrong, in words, without a person's name", example="Filters overdue"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingAnswered(_FindingEvent):
    kind: ClassVar[str] = "finding.answered"
    label: ClassVar[str] = "Finding answered"
    permission: ClassVar[str] = "event.record.answer"
    doc: ClassVar[str] = "The operator says why, and what is done by when. The last answer counts."

    cause: str = event_field("Why it happened", example="Contract lapsed")
    action: str = event_field("What is done", example="Contract renewed, filters changed")
    owner: str = event_field("Role that does it", example="site", one_of=OWNERS)
    due: date = event_field("Day by which it is done", example="2026-12-20")


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingVerified(_FindingEvent):
    kind: ClassVar[str] = "finding.verified"
    label: ClassVar[str] = "Finding verified"
    doc: ClassVar[str] = (
        "Another person than the one who answered looked whether the action works. Only this"
        " closes a finding; the measure then counts as seen kept on that day."
    )

    effective: bool = event_field("Whether the action works", example="true")
    note: str = event_field("What was seen, in words", example="New filters seen", default="")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditConcluded(_AuditEvent):
    kind: ClassVar[str] = "audit.concluded"
    label: ClassVar[str] = "Audit concluded"
    doc: ClassVar[str] = (
        "The auditor's conclusion on the whole. Findings are answered and verified after it too."
    )

    conclusion: str = event_field("Conclusion", example="conforms", one_of=CONCLUSIONS)
    note: str = event_field("In words, without a person's name", example="Surveillance in a year",
                            default="")  # fmt: skip
