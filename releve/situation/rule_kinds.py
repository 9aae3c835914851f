"""The kinds of rules, by the parameters that a row of each kind has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import ClassVar

from releve.situation.fields import event_field, list_fields

__all__ = [
    "PARAMETERS",
    "AbsenceRule",
    "AuthorisationRule",
    "ChecklistItem",
    "ClosureRule",
    "DailyCheckRule",
    "LabelRule",
    "NoticeRule",
    "RecordingRule",
    "ReopeningRule",
    "RetentionRule",
    "RuleParameters",
    "SeatRule",
    "TracingRule",
    "TransportRule",
]


WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleParameters:
    """Base of the parameters of a kind of rule; ValueError quotes the condition and the value."""

    kind: ClassVar[str]
    doc: ClassVar[str]

    def __post_init__(self) -> None:
        for field in list_fields(type(self)):
            value = getattr(self, field.name)
            reason = field.condition.fault(value)
            if reason is not None:
                raise ValueError(f"{self.kind}.{field.name} {reason}, got {value!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosureRule(RuleParameters):
    kind: ClassVar[str] = "closure"
    doc: ClassVar[str] = "So many confirmed agents on a site within so many days close it."

    n: int = event_field(
        "Confirmed agents, each counted once", default=2, at_least=1, at_most=10_000
    )
    days: float = event_field(
        "Within how many days (of 24 h)", default=14.0, at_least=0, at_most=366
    )
    hours: float = event_field(
        "Closed at least, from the order", default=48.0, at_least=0, at_most=8784
    )
    further_case_hours: float = event_field(
        "A further case while closed: closed at least so long from its record; 0 = no longer",
        default=0.0,
        at_least=0,
        at_most=8784,
    )
    earlier_cases_count: bool = event_field(
        "After a reopening, the cases before it count together with a new one", default=True
    )
    home_only: bool = event_field("The people of the site may then work at home only", default=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChecklistItem:
    """One item of a reopening checklist."""

    id: str = event_field("Item id", example="disinfected")
    text: str = event_field("What is done, in English", example="The site is disinfected")
    text_fr: str = event_field("What is done, in French", example="Le site est désinfecté")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReopeningRule(RuleParameters):
    kind: ClassVar[str] = "reopening"
    doc: ClassVar[str] = "What a reopening needs, by the rules of the day of the first order."

    approvals: int = event_field("Different people who say yes", default=2, at_least=1, at_most=10)
    checklist: tuple[ChecklistItem, ...] = event_field("Items done first", default=())

    @property
    def items(self) -> tuple[str, ...]:
        """The ids of the checklist."""
        return tuple(item.id for item in self.checklist)


@dataclass(frozen=True, slots=True, kw_only=True)
class AbsenceRule(RuleParameters):
    kind: ClassVar[str] = "absence"
    doc: ClassVar[str] = "How long an agent is unavailable when the declaration does not say."

    case_days: int = event_field("A declared case, days", default=10, at_least=1, at_most=366)
    contact_days: int = event_field("A contact, days", default=7, at_least=1, at_most=366)

    def last_day(self, status: str, first: date, until: date | None) -> date:
        """Return the last day of a measure: the one declared, or by the status and first day."""
        days = self.case_days if status == "declared_case" else self.contact_days
        return until or first + timedelta(days=days - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyCheckRule(RuleParameters):
    kind: ClassVar[str] = "daily_check"
    doc: ClassVar[str] = "Every open site is checked every day by its commission."

    due_hour: float = event_field(
        "Late after this hour, site time", default=10.0, at_least=0, at_most=24
    )
    look_back_days: int = event_field("Missing checks are named so far back", default=7, at_least=0)
    weekdays: tuple[str, ...] = event_field("Days of the week asked for", default=WEEKDAYS)

    @property
    def days(self) -> frozenset[int]:
        """The days asked for as numbers, Monday 0."""
        return frozenset(WEEKDAYS.index(day) for day in self.weekdays if day in WEEKDAYS)


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportRule(RuleParameters):
    kind: ClassVar[str] = "transport"
    doc: ClassVar[str] = "How full a shuttle may be."

    most_fill: float = event_field("Share of its seats", default=0.5, at_least=0, at_most=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatRule(RuleParameters):
    kind: ClassVar[str] = "seat"
    doc: ClassVar[str] = "Which share of the positions may be taken."

    most_share: float = event_field("Share of the positions", default=0.5, at_least=0, at_most=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorisationRule(RuleParameters):
    kind: ClassVar[str] = "authorisation"
    doc: ClassVar[str] = "A site without a valid authorisation is not planned."


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeRule(RuleParameters):
    kind: ClassVar[str] = "notice"
    doc: ClassVar[str] = "How long before it ends a thing is announced."

    authorisation_days: int = event_field("An authorisation", default=14, at_least=0, at_most=366)
    audit_days: int = event_field("An auditor's verdict", default=30, at_least=0, at_most=366)
    closure_hours: float = event_field("The least time of a closure", default=6.0, at_least=0)
    absence_days: int = event_field(
        "An absence that ended stays on the list", default=7, at_least=0
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelRule(RuleParameters):
    kind: ClassVar[str] = "label"
    doc: ClassVar[str] = "What the label of the charter asks for."

    most_minors: int = event_field(
        "Minor measures that may not be kept, all sites together", default=3, at_least=0
    )
    audit_days: int = event_field("An auditor's verdict is not older", default=366, at_least=1)
    visit_days: int = event_field("A visit drawn by lot is not older", default=180, at_least=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingRule(RuleParameters):
    kind: ClassVar[str] = "recording"
    doc: ClassVar[str] = "How far the date of an event may lie from the clock."

    ahead_minutes: float = event_field(
        "Ahead of it, for clocks that differ", default=5.0, at_least=0
    )
    behind_days: int = event_field("Behind it", default=366, at_least=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class TracingRule(RuleParameters):
    kind: ClassVar[str] = "tracing"
    doc: ClassVar[str] = "Who counts as a contact, and which cases as a cluster."

    days_before: float = event_field(
        "Days before a case looked at", default=2.0, at_least=0, at_most=60
    )
    neighbour_m: float = event_field("Seats no farther are neighbours", default=2.0, at_least=0)
    close_minutes: float = event_field(
        "Close from so long near or riding", default=15.0, at_least=0
    )
    ride_apart_minutes: float = event_field(
        "Stays that begin (or end) so close rode together", default=15.0, at_least=0
    )
    cluster_days: float = event_field("Cases of a cluster lie so close", default=14.0, at_least=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionRule(RuleParameters):
    kind: ClassVar[str] = "retention"
    doc: ClassVar[str] = "When the personal values of an event are erased."

    measure_days: int = event_field("After the last day of a measure", default=30, at_least=0)
    attendance_days: int = event_field("After a day of attendance", default=30, at_least=0)
    other_days: int = event_field("Other names, after the event", default=366, at_least=0)


PARAMETERS: Mapping[str, type[RuleParameters]] = {
    cls.kind: cls
    for cls in (
        ClosureRule,
        ReopeningRule,
        AbsenceRule,
        DailyCheckRule,
        TransportRule,
        SeatRule,
        AuthorisationRule,
        NoticeRule,
        LabelRule,
        RecordingRule,
        TracingRule,
        RetentionRule,
    )
}
"""The parameters of each kind of rule."""
