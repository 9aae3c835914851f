"""The events of an audit of the charter: opened, observed, concluded, and its findings.

The events of the draw of visits: planned, framed, revealed, drawn, and visits not made.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, ClassVar

from releve.situation.event import Event, event_field, list_fields

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
    evidence: tuple[str, ...] = event_field("Ids of the events that were examined", example="8f2c…", default=())
    photos: tuple[str, ...] = event_field("SHA-256 of each photo or document", example="9f86d081…", default=())
    note: str = event_field("In words, without a person's name", example="Log read", default="")


@dataclass(frozen=True, slots=True, kw_only=True)
class _FindingEvent(_AuditEvent):
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
    note: str = event_field("What is wrong, in words, without a person's name", example="Filters overdue")


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
    doc: ClassVar[str] = "The auditor's conclusion on the whole. Findings are answered and verified after it too."

    conclusion: str = event_field("Conclusion", example="conforms", one_of=CONCLUSIONS)
    note: str = event_field("In words, without a person's name", example="Surveillance in a year", default="")


PARTIES = ("operator", "commission")
_MOST = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameUnit:
    """One site of a frame: its weight and what the weight is made of."""

    site: str = event_field("Site", example="casa-1")
    weight: int = event_field("Its weight", example="431", at_least=1, at_most=10**12)
    agents: int = event_field("Agents of the site", example="420", at_least=0, at_most=_MOST)
    days: int = event_field("Days since the last visit, at most 366", example="11", at_least=0, at_most=366)
    findings: int = event_field(
        "Measures that the last visit did not find kept", example="0", at_least=0, at_most=_MOST
    )

    closed: bool = event_field("Whether the site is closed: the next in order takes its place",
                               example="false", default=False)  # fmt: skip

    def __post_init__(self) -> None:
        for field in list_fields(type(self)):
            value = getattr(self, field.name)
            if (reason := field.condition.fault(value)) is not None:
                raise ValueError(f"unit.{field.name} {reason}, got {value!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _DrawEvent(Event):
    permission: ClassVar[str] = "event.record.draw"
    family: ClassVar[str] = "draws"
    about: ClassVar[tuple[str, ...]] = ("plan",)

    plan: str = event_field("Id of the plan of draws", example="draw-2026-12")


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawPlanned(_DrawEvent):
    kind: ClassVar[str] = "draw.planned"
    label: ClassVar[str] = "Draws of visits planned"
    doc: ClassVar[str] = (
        "The rule by which visits are drawn for some days, with the operator's anchor: under a signed root before"
        " the commission makes its own chain."
    )

    first_day: date = event_field("First day of visits", example="2026-12-01")
    days: int = event_field("Days, and links of each chain", example="366", at_least=1, at_most=366)
    operator_anchor: str = event_field("Anchor of the operator's chain", example="9f86d081…")
    visits: int = event_field("Visits a day", example="2", at_least=1, at_most=1000)
    most_permille: int = event_field(
        "Most that a site's probability may be, per mille", default=900, at_least=1, at_most=1000
    )
    least_permille: int = event_field("Least that it may be, per mille", default=0, at_least=0, at_most=999)
    per_agent: int = event_field("Weight of an agent", default=1, at_least=0, at_most=1000)
    per_day: int = event_field("Weight of a day without a visit", default=1, at_least=0, at_most=1000)
    per_finding: int = event_field("Weight of a measure not found kept", default=50, at_least=0, at_most=10_000)
    deadline_hour: int = event_field(
        "From this hour of the day, operator's time, a missing link counts as withheld",
        default=8,
        at_least=0,
        at_most=23,
    )

    def describe_rule(self) -> dict[str, Any]:
        """Return what the hash of the plan covers: whole numbers and texts by name."""
        own = [field.name for field in list_fields(DrawPlanned)]
        shared = {field.name for field in list_fields(Event)}
        values = {name: getattr(self, name) for name in own if name not in shared}
        return values | {"first_day": self.first_day.isoformat()}


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawJoined(_DrawEvent):
    kind: ClassVar[str] = "draw.joined"
    label: ClassVar[str] = "Commission joined the draws"
    doc: ClassVar[str] = (
        "The anchor of the commission: its chain was made for this plan alone, and for the signed root under which"
        " the plan was shown."
    )

    commission_anchor: str = event_field("Anchor of the commission's chain", example="60303ae2…")
    root_number: int = event_field("Number of that root", example="12", at_least=1)
    root_size: int = event_field("Entries that it covers", example="431", at_least=1)
    root_tree: str = event_field("Its root hash", example="2c26b46b…")


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawFramed(_DrawEvent):
    kind: ClassVar[str] = "draw.framed"
    label: ClassVar[str] = "Frame of a day's visits"
    doc: ClassVar[str] = (
        "The sites that can be drawn on a day, recorded before the day begins and under a signed"
        " root before the commission uses its link."
    )

    day: date = event_field("Day of the visits", example="2026-12-01")
    units: tuple[FrameUnit, ...] = event_field("Sites with their weights")


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawPresent(_DrawEvent):
    kind: ClassVar[str] = "draw.present"
    label: ClassVar[str] = "List of those present, for tests"
    doc: ClassVar[str] = "The hash of the list from which people to test are drawn, before the commission's link."

    day: date = event_field("Day of the visit", example="2026-12-01")
    site: str = event_field("Site visited", example="casa-1")
    count: int = event_field("How many are present", example="220", at_least=1, at_most=_MOST)
    tests: int = event_field("How many are tested", example="40", at_least=1, at_most=_MOST)
    list_hash: str = event_field("Hash of the list", example="9f86d081…")


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawRevealed(_DrawEvent):
    kind: ClassVar[str] = "draw.revealed"
    label: ClassVar[str] = "Link of a draw revealed"
    doc: ClassVar[str] = "A party reveals its link of a day."

    day: date = event_field("Day of the visits", example="2026-12-01")
    party: str = event_field("Which party", example="operator", one_of=PARTIES)
    link: str = event_field("The link, 64 hexadecimal digits", example="2c26b46b…")


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawHeld(_DrawEvent):
    kind: ClassVar[str] = "draw.drawn"
    label: ClassVar[str] = "Visits of a day drawn"
    doc: ClassVar[str] = (
        "The sites to visit on a day. Where a link is withheld they are drawn without it, and again once it is"
        " known: the sites of both draws are visited."
    )

    day: date = event_field("Day of the visits", example="2026-12-01")
    withheld: str = event_field(
        "Party whose link is missing; empty = none", example="operator", default="", one_of=("", *PARTIES)
    )
    visits: tuple[str, ...] = event_field("Sites to visit", example="casa-1", default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawVisitMissed(_DrawEvent):
    kind: ClassVar[str] = "draw.not_visited"
    label: ClassVar[str] = "Drawn visit not made"
    doc: ClassVar[str] = "A visit that was drawn was not made, and why."

    day: date = event_field("Day of the visit", example="2026-12-01")
    site: str = event_field("Site that was drawn", example="casa-1")
    reason: str = event_field("In words, without a person's name", example="Road cut by snow")
