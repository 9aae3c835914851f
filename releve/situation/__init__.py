"""What has happened: typed events, the situation they fold into, and the rules that answer."""

from releve.situation.answering import absence_id, answers
from releve.situation.catalogue import KINDS, health_fields, personal_fields, subject_of
from releve.situation.charter import Axis, Charter, CharterMeasure
from releve.situation.closure import closes
from releve.situation.codec import EventFaults, event_from_json, event_to_json
from releve.situation.event import Event, Finding
from releve.situation.events import (
    AgentBack,
    AgentUnavailable,
    CaseDeclared,
    ClosureExtended,
    EventCorrected,
    LinkDown,
    LinkUp,
    PowerDown,
    PowerUp,
    ReopeningApproved,
    ReopeningChecked,
    SiteClosed,
    SiteReopened,
)
from releve.situation.events_control import (
    AgentsPresent,
    AuditVerdict,
    AuthorisationGranted,
    AuthorisationWithdrawn,
    CheckDone,
    InspectionHeld,
    PeopleTested,
)
from releve.situation.fields import EventField, fields_of
from releve.situation.loading import RuleFaults, load_charter, load_rules
from releve.situation.noticing import NOTICES, Notice, notices
from releve.situation.permits import HeldPermit, permits_of, plannable_sites
from releve.situation.reading import FieldFault
from releve.situation.reference import situation_markdown
from releve.situation.refusal import REFUSALS, Refusal
from releve.situation.refusing import refusals, reopening_terms
from releve.situation.retention import erase_on
from releve.situation.rules import (
    AbsenceRule,
    AuthorisationRule,
    ChecklistItem,
    ClosureRule,
    DailyCheckRule,
    NoticeRule,
    RecordingRule,
    ReopeningRule,
    RetentionRule,
    Rule,
    Rules,
    SeatRule,
    TracingRule,
    TransportRule,
)
from releve.situation.situation import LostPlaces, Situation, apply, empty, fold
from releve.situation.state import Absence, Case, Closure, Order, Outage, Permit, SiteState
from releve.situation.stays import Stay, roster_stays
from releve.situation.tracing import Cluster, Contact, clusters, contacts

__all__ = [
    "KINDS",
    "NOTICES",
    "REFUSALS",
    "Absence",
    "AbsenceRule",
    "AgentBack",
    "AgentUnavailable",
    "AgentsPresent",
    "AuditVerdict",
    "AuthorisationGranted",
    "AuthorisationRule",
    "AuthorisationWithdrawn",
    "Axis",
    "Case",
    "CaseDeclared",
    "Charter",
    "CharterMeasure",
    "CheckDone",
    "ChecklistItem",
    "Closure",
    "ClosureExtended",
    "ClosureRule",
    "Cluster",
    "Contact",
    "DailyCheckRule",
    "Event",
    "EventCorrected",
    "EventFaults",
    "EventField",
    "FieldFault",
    "Finding",
    "HeldPermit",
    "InspectionHeld",
    "LinkDown",
    "LinkUp",
    "LostPlaces",
    "Notice",
    "NoticeRule",
    "Order",
    "Outage",
    "PeopleTested",
    "Permit",
    "PowerDown",
    "PowerUp",
    "RecordingRule",
    "Refusal",
    "ReopeningApproved",
    "ReopeningChecked",
    "ReopeningRule",
    "RetentionRule",
    "Rule",
    "RuleFaults",
    "Rules",
    "SeatRule",
    "SiteClosed",
    "SiteReopened",
    "SiteState",
    "Situation",
    "Stay",
    "TracingRule",
    "TransportRule",
    "absence_id",
    "answers",
    "apply",
    "closes",
    "clusters",
    "contacts",
    "empty",
    "erase_on",
    "event_from_json",
    "event_to_json",
    "fields_of",
    "fold",
    "health_fields",
    "load_charter",
    "load_rules",
    "notices",
    "permits_of",
    "personal_fields",
    "plannable_sites",
    "refusals",
    "reopening_terms",
    "roster_stays",
    "situation_markdown",
    "subject_of",
]
