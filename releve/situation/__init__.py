"""Typed events, the situation they fold into, and the rules with their consequences."""

from typing import TYPE_CHECKING

from releve.extras import build_lazy_face

if TYPE_CHECKING:
    from releve.situation.alerts import NOTICES, Notice, list_charter_notices, list_notices
    from releve.situation.audits import (
        AuditFinding,
        AuditSummary,
        CharterAudit,
        FindingSummary,
        ObservationLine,
        list_findings,
        list_observations,
        summarise_audit,
        summarise_finding,
    )
    from releve.situation.catalogue import KINDS, health_fields, personal_fields
    from releve.situation.charter import CharterMeasure
    from releve.situation.charter_evidence import SiteVisit, find_photo_sites, list_site_checks, list_site_inspections
    from releve.situation.closure_ground import (
        LostGround,
        complete_correction,
        find_closing_case,
        find_lost_ground,
        list_case_corrections,
    )
    from releve.situation.codec import EventFaults, drop_retired_fields, event_from_json, event_to_json
    from releve.situation.consequences import (
        ClosureTerms,
        derive_absence_id,
        derive_all_events,
        derive_events,
        find_closure_terms,
    )
    from releve.situation.corrections import (
        CORRECTABLE,
        CorrectionOutcome,
        LiftedClosure,
        RecordedEvent,
        foresee_correction,
        lift_closure,
        list_lifted_closures,
        list_recorded_events,
    )
    from releve.situation.draws import DrawPlan
    from releve.situation.event import Event, EventField, FieldFault, MeasureFinding, list_fields
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
        ReliefAimChosen,
        ReopeningApproved,
        ReopeningChecked,
        SiteClosed,
        SiteReopened,
    )
    from releve.situation.events_audit import (
        AuditConcluded,
        AuditObserved,
        AuditOpened,
        DrawFramed,
        DrawHeld,
        DrawJoined,
        DrawPlanned,
        DrawPresent,
        DrawRevealed,
        DrawVisitMissed,
        FindingAnswered,
        FindingRaised,
        FindingVerified,
    )
    from releve.situation.events_control import (
        AgentsPresent,
        AuditVerdict,
        AuthorisationGranted,
        AuthorisationWithdrawn,
        CheckDone,
        IncidentClosed,
        IncidentDecided,
        IncidentNoted,
        IncidentOpened,
        IncidentPlaceAdded,
        IncidentReviewed,
        IncidentRoleTaken,
        IncidentTaskDone,
        IncidentTaskSet,
        InspectionHeld,
        PackChosen,
        PackEnded,
        PeopleTested,
        RollMarked,
    )
    from releve.situation.head_counts import OpenCase, count_boarded, list_known_cases, list_open_cases
    from releve.situation.incidents import Incident, IncidentTask
    from releve.situation.label import CharterLabel, compute_label
    from releve.situation.lateness import (
        LATE_MINUTES,
        find_happening,
        find_late_record,
        find_time_zone,
        measure_delay,
        measure_entry_delay,
    )
    from releve.situation.presence import (
        HeldPermit,
        Stay,
        compute_erasure_day,
        find_plannable_sites,
        list_permits,
        list_placed_stays,
        list_roster_stays,
        read_seating,
    )
    from releve.situation.reference import write_reference
    from releve.situation.refusal import REFUSALS, EventRefusal, refuse, to_local_day
    from releve.situation.reopening_state import (
        Reopening,
        SiteStatus,
        find_reopening,
        find_site_status,
        find_undoable_acts,
        list_reopening_acts,
        list_site_statuses,
    )
    from releve.situation.rule_files import SituationRuleFaults, load_charter, load_rules
    from releve.situation.rule_kinds import (
        AuthorisationRule,
        ChosenPack,
        ClosureRule,
        DailyCheckRule,
        ReopeningRule,
        RetentionRule,
        RulePack,
        SituationRule,
        SituationRules,
        TracingRule,
        TransportRule,
    )
    from releve.situation.situation import Situation, apply_event, empty_situation, fold_events
    from releve.situation.standings import (
        STANDINGS,
        TREND_DAYS,
        SiteStandings,
        compute_site_standings,
        compute_standings,
        list_site_standings,
    )
    from releve.situation.state import Absence, Closure, DeclaredCase
    from releve.situation.tracing import CaseCluster, TracedContact, find_clusters, trace_contacts
    from releve.situation.validation import find_refusals, merge_reopening_terms
    from releve.situation.validation_audit import build_frame
else:
    __getattr__ = build_lazy_face(__name__)
