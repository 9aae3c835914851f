"""The public face of the live chain: everything that the desk and the command line import from it.

``from releve.live import api as live``; the package's docstring says what each name is for. An
import-linter contract keeps the faces from importing any other module of this package.
"""

from __future__ import annotations

from releve.live.acknowledgements import (
    AcknowledgeResult,
    MessageCounts,
    NotifiedAgent,
    NotifiedRide,
    acknowledge,
    count_messages,
    find_message_site,
    list_addresses,
    list_notified_agents,
    list_notified_rides,
    record_spoken_answer,
)
from releve.live.audits import find_event_ids, record_sheet
from releve.live.call_intake import find_statistics_folder
from releve.live.case_clusters import find_case_clusters, find_tracing_rule, trace_case
from releve.live.clock import LIVE, is_drill, now, real_now
from releve.live.contacts import (
    check_channels,
    count_missing_addresses,
    erase_person,
    import_contacts,
)
from releve.live.coverage import (
    ClientCoverage,
    ClientStanding,
    ClientState,
    Coverage,
    HalfHour,
    PlanReach,
    compute_coverage,
    compute_scene_coverage,
    describe_standing,
    find_plan_reach,
    find_worst_client,
    judge_operator,
    rank_clients,
)
from releve.live.current_operator import operator_now
from releve.live.current_rules import load_installed_rules, rules_now, select_rules
from releve.live.daily_jobs import erase_due_data
from releve.live.day_runs import find_scene_runs, find_timetable, list_runs_to
from releve.live.displayed_plan import (
    NamedPlaces,
    NoPlan,
    find_displayed_plan,
    list_displayed_week,
    list_named_places,
)
from releve.live.draws import (
    build_draw_check,
    build_draw_pack,
    find_draw_plan,
    hold_draw,
    join_draws,
    preview_draw,
    record_draw_event,
    record_frame,
)
from releve.live.drills import Drill, list_drills, move_drill, start_drill, stop_drill
from releve.live.effect_queue import (
    count_waiting_effects,
    find_effect_site,
    list_effects_aside,
    list_late_effects,
    retry_effect,
)
from releve.live.errors import (
    Busy,
    ChannelFaults,
    ContactFaults,
    DiskFull,
    KeyReused,
    LiveError,
    NoOperator,
    NoSuch,
    PlanRefused,
    ProposalChanged,
    Refused,
    SwitchChanged,
    is_busy,
    is_disk_full,
)
from releve.live.event_service import (
    RecordResult,
    is_recorded,
    preview_answers,
    record,
    refuse_reused_key,
    sign_event,
)
from releve.live.identity_cache import IdentityCache
from releve.live.impact_preview import (
    ClientImpact,
    EventPreview,
    preview_event,
    preview_impact,
)
from releve.live.incident_room import (
    ResponseStep,
    find_incident_start,
    list_incident_log,
    list_incidents,
    list_response_steps,
    open_incident,
)
from releve.live.installation_metrics import InstallationCollector
from releve.live.log_entries import LogEntry, list_last_entries
from releve.live.models import (
    Activation,
    PlanText,
    Relief,
    Stream,
)
from releve.live.outside import find_overdue_documents
from releve.live.partners import Lending
from releve.live.photo_metadata import NotAPhoto, detect_photo_type
from releve.live.photos import MAX_PHOTO_BYTES, MAX_PHOTOS, has_photo, load_photo, store_photo
from releve.live.plans import activate_plan, load_activation, load_day_plan, put_in_force
from releve.live.presence import build_reach_check, find_stays
from releve.live.readiness import check_readiness
from releve.live.rehearsal import (
    Rehearsal,
    RehearsalStep,
    find_rehearsal,
    list_rehearsal_steps,
    start_rehearsal,
)
from releve.live.relief_comparison import (
    ComparedDay,
    PublishedDay,
    compare_reliefs,
    list_touching_reliefs,
    preview_publication,
)
from releve.live.roster_changes import (
    AgentMove,
    PeopleFlow,
    PlaceChange,
    ReliefInForce,
    ShiftCount,
    ShiftPost,
    describe_relief,
    list_agent_moves,
)
from releve.live.routes import revert_routes
from releve.live.routing_watch import (
    StrayRouting,
    list_astray,
    list_dead_places,
    list_routing_states,
    observe_routing,
)
from releve.live.seats import count_seats
from releve.live.service_day import ServiceDay, TargetState, compute_service_day
from releve.live.site_status import SeatedSite, describe_sites
from releve.live.situation_cache import situation_now
from releve.live.statement import (
    DaySeal,
    ServiceLoss,
    build_statement,
)
from releve.live.stream_state import (
    Scene,
    list_day_placements,
    load_scene,
)
from releve.live.surge_relief import (
    ClientMissing,
    SurgeProposal,
    end_surge_relief,
    foresee_factors,
    list_surge_factors,
    order_surge_relief,
    propose_surge_relief,
)
from releve.live.switch_states import (
    RehearsedSwitch,
    SwitchState,
    find_held_switch,
    find_rehearsals,
    list_switch_states,
)
from releve.live.switches import (
    SwitchPreview,
    find_pressed_switch,
    list_switches,
    prepare_switches,
    press_switch,
    preview_switch,
    undo_switch,
)
from releve.live.warm_up import warm_in_background
from releve.live.worker_health import WorkerHealth, read_worker_health

__all__ = [
    "LIVE",
    "MAX_PHOTOS",
    "MAX_PHOTO_BYTES",
    "AcknowledgeResult",
    "Activation",
    "AgentMove",
    "Busy",
    "ChannelFaults",
    "ClientCoverage",
    "ClientImpact",
    "ClientMissing",
    "ClientStanding",
    "ClientState",
    "ComparedDay",
    "ContactFaults",
    "Coverage",
    "DaySeal",
    "DiskFull",
    "Drill",
    "EventPreview",
    "HalfHour",
    "IdentityCache",
    "InstallationCollector",
    "KeyReused",
    "Lending",
    "LiveError",
    "LogEntry",
    "MessageCounts",
    "NamedPlaces",
    "NoOperator",
    "NoPlan",
    "NoSuch",
    "NotAPhoto",
    "NotifiedAgent",
    "NotifiedRide",
    "PeopleFlow",
    "PlaceChange",
    "PlanReach",
    "PlanRefused",
    "PlanText",
    "ProposalChanged",
    "PublishedDay",
    "RecordResult",
    "Refused",
    "Rehearsal",
    "RehearsalStep",
    "RehearsedSwitch",
    "Relief",
    "ReliefInForce",
    "ResponseStep",
    "Scene",
    "SeatedSite",
    "ServiceDay",
    "ServiceLoss",
    "ShiftCount",
    "ShiftPost",
    "StrayRouting",
    "Stream",
    "SurgeProposal",
    "SwitchChanged",
    "SwitchPreview",
    "SwitchState",
    "TargetState",
    "WorkerHealth",
    "acknowledge",
    "activate_plan",
    "build_draw_check",
    "build_draw_pack",
    "build_reach_check",
    "build_statement",
    "check_channels",
    "check_readiness",
    "compare_reliefs",
    "compute_coverage",
    "compute_scene_coverage",
    "compute_service_day",
    "count_messages",
    "count_missing_addresses",
    "count_seats",
    "count_waiting_effects",
    "describe_relief",
    "describe_sites",
    "describe_standing",
    "detect_photo_type",
    "end_surge_relief",
    "erase_due_data",
    "erase_person",
    "find_case_clusters",
    "find_displayed_plan",
    "find_draw_plan",
    "find_effect_site",
    "find_event_ids",
    "find_held_switch",
    "find_incident_start",
    "find_message_site",
    "find_overdue_documents",
    "find_plan_reach",
    "find_pressed_switch",
    "find_rehearsal",
    "find_rehearsals",
    "find_relief",
    "find_scene_runs",
    "find_statistics_folder",
    "find_stays",
    "find_timetable",
    "find_tracing_rule",
    "find_worst_client",
    "foresee_factors",
    "has_photo",
    "hold_draw",
    "import_contacts",
    "is_busy",
    "is_disk_full",
    "is_drill",
    "is_recorded",
    "join_draws",
    "judge_operator",
    "list_addresses",
    "list_agent_moves",
    "list_astray",
    "list_day_placements",
    "list_dead_places",
    "list_displayed_week",
    "list_drills",
    "list_effects_aside",
    "list_incident_log",
    "list_incidents",
    "list_last_entries",
    "list_late_effects",
    "list_named_places",
    "list_notified_agents",
    "list_notified_rides",
    "list_rehearsal_steps",
    "list_reliefs",
    "list_response_steps",
    "list_routing_states",
    "list_runs_to",
    "list_surge_factors",
    "list_switch_states",
    "list_switches",
    "list_touching_reliefs",
    "load_activation",
    "load_day_plan",
    "load_installed_rules",
    "load_photo",
    "load_scene",
    "move_drill",
    "now",
    "observe_routing",
    "open_incident",
    "operator_now",
    "order_surge_relief",
    "prepare_switches",
    "press_switch",
    "preview_answers",
    "preview_draw",
    "preview_event",
    "preview_impact",
    "preview_publication",
    "preview_switch",
    "propose_surge_relief",
    "put_in_force",
    "rank_clients",
    "read_worker_health",
    "real_now",
    "record",
    "record_draw_event",
    "record_frame",
    "record_sheet",
    "record_spoken_answer",
    "refuse_reused_key",
    "retry_effect",
    "revert_routes",
    "rules_now",
    "select_rules",
    "sign_event",
    "situation_now",
    "start_drill",
    "start_rehearsal",
    "stop_drill",
    "store_photo",
    "trace_case",
    "undo_switch",
    "warm_in_background",
]


def find_relief(stream: str, generation: int) -> Relief | None:
    """Return a generation of a stream with the plan it changes; None where there is none."""
    rows = Relief.objects.filter(stream=stream, generation=generation)
    return rows.select_related("activation").first()


def list_reliefs(stream: str = LIVE, most: int = 50) -> list[Relief]:
    """Return the generations of a stream, the newest first: the first of them is in force."""
    return list(Relief.objects.filter(stream=stream)[:most])
